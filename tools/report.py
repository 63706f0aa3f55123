"""The results as tables: for the terminal, for a notebook, for the README.

    python -m tools.report             the runs in runs/ (or RUNS_DIR)
    python -m tools.report --readme    renew the README's table and picture, and the
                                       instructors' numbers in docs/answers.md

The README's table stands between the lines <!-- results --> and <!-- /results -->, the
instructors' between <!-- numbers --> and <!-- /numbers -->.
"""

import argparse
import io
import re
import sys

import numpy as np
import pandas as pd

from tools.notebook_file import read_notebook
from utils import plots, runs
from utils.bounded import BadFile
from utils.corruptions import SEVERITIES
from utils.data import DataError, load_test_images, stress_digits
from utils.evaluation import accuracy_interval, accuracy_intervals, contingency
from utils.files import MarkerError, replace_between_markers, write_whole
from utils.places import COURSE_DIR, NOTEBOOKS

README = COURSE_DIR / "README.md"
PICTURE = COURSE_DIR / "docs" / "result.png"
MARKER = "results"
ANSWERS = COURSE_DIR / "docs" / "answers.md"


class ReportError(Exception):
    """The table cannot be made or put in its place; the message says what to do."""


def accuracy_of(run):
    """Return the interval of a run's test accuracy."""
    return accuracy_interval(run.y_true, run.y_pred)


def terminal_table():
    """Return the table of the runs in runs/ (or RUNS_DIR).

    Raises:
        ReportError: there is none.
        RunError: one of them is damaged.
    """
    home = runs.runs_dir()
    found = [
        runs.load_run(name, announce=False, folder=home)
        for name in runs.list_runs(home)
    ]
    if not found:
        raise ReportError(
            f"There are no runs in {home}. Run {' and '.join(NOTEBOOKS[:2])}, or: "
            "python3 course.py run"
        )
    rows = [
        {
            "run": run.name,
            "model": run.info["model"],
            "parameters": run.facts()["parameters"],
            "training": run.facts()["training"],
            "test accuracy (95 % interval)": accuracy_of(run).short,
            "data": run.facts()["data"],
        }
        for run in found
    ]
    return pd.DataFrame(rows).to_string(index=False)


# --- the README ----------------------------------------------------------------------


def readme_table():
    """Return the README's table, in Markdown, from the runs in reference/.

    Raises:
        ReportError: a model has no reference runs.
    """
    lines = [
        "| model | test accuracy, mean ± sd over seeds | seed 0 (95 % interval) "
        "| parameters | training, median |",
        "|---|---|---|---|---|",
    ]
    for name in runs.MODELS:
        seed_runs = runs.load_seeds(name)
        if not seed_runs:
            raise ReportError(
                f"There are no reference runs of {name}. Train them first: "
                "python -m tools.reference train"
            )
        accuracies = 100 * np.array([run.info["test_accuracy"] for run in seed_runs])
        spread = f" ± {accuracies.std(ddof=1):.2f}" if len(seed_runs) > 1 else ""
        seconds = np.median([run.info["train_seconds"] for run in seed_runs])
        info = seed_runs[0].info
        lines.append(
            f"| {info['model']} | {accuracies.mean():.2f}{spread} % "
            f"({_counted(seed_runs)}, {info['data']['source']}) "
            f"| {accuracy_of(seed_runs[0]).short} | {info['parameters']:,} "
            f"| {seconds:.0f} s |"
        )
    return "\n".join(lines)


def _counted(seed_runs):
    return "1 seed" if len(seed_runs) == 1 else f"{len(seed_runs)} seeds"


def renew_readme(readme):
    """Put the current table into the README; a reader sees the old one or the new one.

    Raises:
        MarkerError: there is no README, or it has no markers.
        ReportError: there are no reference runs.
    """
    replace_between_markers(readme, MARKER, readme_table())


def pocket_table():
    """Return the numbers of a lesson, in Markdown: for when the projector fails.

    From the runs in reference/ and, for digits that move, from what the committed
    notebooks print.

    Raises:
        ReportError: a notebook prints no accuracy of digits that move.
    """
    seed_runs = {name: runs.load_seeds(key) for key, name in runs.MODELS.items()}
    first = {name: found[0] for name, found in seed_runs.items()}
    moved = {name: accuracies_when_moved(name) for name in first}
    rows = {
        "test accuracy, seed 0": [accuracy_of(run).short for run in first.values()],
        "misread test digits": [
            f"{(run.y_pred != run.y_true).sum():,} of {len(run.y_true):,}"
            for run in first.values()
        ],
        "parameters": [run.facts()["parameters"] for run in first.values()],
    }
    for pixels in range(1, 4):
        rows[f"moved by {pixels} px"] = [moved[name][pixels] for name in first]
    ann, cnn = first.values()
    pairs = contingency(ann.y_true, ann.y_pred, cnn.y_pred)
    lines = [f"| | {' | '.join(first)} |", "|---|--:|--:|"]
    lines += [f"| {title} | {' | '.join(texts)} |" for title, texts in rows.items()]
    return "\n".join(lines) + (
        f"\n\nOf the same digits, {pairs.only_a:,} were read by the ANN alone, "
        f"{pairs.only_b:,} by the CNN alone, and {pairs.neither:,} by neither."
    )


def accuracies_when_moved(name):
    """Return what a committed notebook prints of digits that move: pixels to text."""
    path = COURSE_DIR / f"{name}_Model.ipynb"
    cells = read_notebook(path).cells
    printed = "".join(
        output.get("text", "") for c in cells for output in c.get("outputs", [])
    )
    found = re.findall(r"moved by (\d) px: ([\d.]+ %)", printed)
    if not found:
        raise ReportError(f"{path.name} prints no accuracy of digits that move.")
    return {int(pixels): text for pixels, text in found}


def renew_picture(path):
    """Draw the reference models' accuracy on damaged digits, for the README."""
    reference = {kind: runs.load_seeds(name)[0] for name, kind in runs.MODELS.items()}
    run = reference["ANN"]
    index, images = load_test_images(run.info["data"]["test_fingerprint"])
    drawn = np.isin(index, stress_digits(len(run.y_true)))
    x, y_true = images[drawn].astype("float32") / 255, run.y_true[index[drawn]]
    models = {name: run.load_model() for name, run in reference.items()}
    curves = {}
    for kind in ("shift", "rotate", "noise"):
        corrupt, severities, label = SEVERITIES[kind]
        accuracies = {}
        for name, model in models.items():
            shape = (-1, *model.input_shape[1:])
            damaged = [corrupt(x, s).reshape(shape) for s in severities]
            y_pred = [model.predict(d, verbose=0).argmax(axis=1) for d in damaged]
            accuracies[name] = accuracy_intervals(np.array(y_pred) == y_true)
        curves[label] = (severities, accuracies)
    write_whole(path, png(plots.robustness(curves, "Accuracy on test digits, damaged")))


def png(figure):
    """Return a figure as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def main(arguments=None):
    """Do what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.report", description="Print the results as a table."
    )
    parser.add_argument(
        "--readme", action="store_true", help="renew the table in README.md instead"
    )
    options = parser.parse_args(arguments)
    try:
        if options.readme:
            renew_readme(README)
            renew_picture(PICTURE)
            replace_between_markers(ANSWERS, "numbers", pocket_table())
            names = f"{README.name}, {PICTURE.name} and {ANSWERS.name}"
            print(f"Renewed the results in {names}.")
        else:
            print(terminal_table(), flush=True)
    except (
        BadFile,
        OSError,
        ReportError,
        MarkerError,
        DataError,
        runs.RunError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
