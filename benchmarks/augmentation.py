"""The augmented CNN of labs/Augmentation.ipynb with three seeds.

    MNIST_DATA=full python -m benchmarks.augmentation

papermill runs the lab with other seeds, without the trainings that it compares with
(the cells tagged "comparison"), and the table goes into benchmarks/README.md. A seed
whose run is in build/augmentation/ is not trained again: whoever changes the lab
deletes that folder first.
"""

import argparse
import os
import statistics
from pathlib import Path

import nbformat
from nbconvert.preprocessors import TagRemovePreprocessor

from tools import notebooks
from utils.files import replace_between_markers
from utils.places import COURSE_DIR
from utils.runs import RunError, load_run

HERE = Path(__file__).parent
LAB = COURSE_DIR / "labs" / "Augmentation.ipynb"
BUILD = COURSE_DIR / "build" / "augmentation"


def without_comparisons(notebook):
    """Return the lab with nothing but the training of the augmented CNN."""
    remove = TagRemovePreprocessor(remove_cell_tags={"comparison"}, enabled=True)
    return remove.preprocess(notebook, {})[0]


def train(seed, epochs=0):
    """Run the lab with a seed, unless that was done before; return the saved Run.

    Args:
        seed: of the training.
        epochs: how many; 0 leaves it to the lab.
    """
    folder = BUILD / f"seed{seed}"
    try:
        return load_run("cnn-augmented", announce=False, folder=folder)
    except RunError:
        folder.mkdir(parents=True, exist_ok=True)
    os.environ["RUNS_DIR"] = str(folder)
    notebook = without_comparisons(nbformat.read(LAB, as_version=4))
    notebooks.execute(notebook, folder / LAB.name, SEED=seed, EPOCHS=epochs)
    return load_run("cnn-augmented", announce=False, folder=folder)


def table(infos):
    """Return the table of the runs' infos, a row for each seed and one for the mean."""
    lines = ["| seed | epochs | training | test accuracy |", "|---|--:|--:|--:|"]
    for info in infos:
        lines.append(
            f"| {info['seed']} | {info['epochs']} | {info['train_seconds']:.0f} s "
            f"| {info['test_accuracy']:.2%} |"
        )
    mean = statistics.mean(info["test_accuracy"] for info in infos)
    return "\n".join([*lines, f"| mean | | | {mean:.3%} |"])


def main():
    """Train the seeds and renew the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    infos = []
    for seed in parser.parse_args().seeds:
        infos.append(train(seed).info)
        print(table(infos[-1:]).splitlines()[2], flush=True)
    replace_between_markers(HERE / "README.md", "augmentation", table(infos))


if __name__ == "__main__":
    main()
