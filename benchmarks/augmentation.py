"""The augmented CNN of labs/Augmentation.ipynb with three seeds.

    MNIST_DATA=full python -m benchmarks.augmentation

papermill runs the lab with other seeds, without the trainings that it compares with
(the cells tagged "comparison"), and the table goes into benchmarks/README.md. A seed
whose run is in build/augmentation/ is not trained again: whoever changes the lab
deletes that folder first. With `--scheduler ADDRESS` the seeds train on the workers of
a Dask cluster; their seconds are those of the machine that trained.
"""

import argparse
import statistics
from pathlib import Path

import nbformat
from nbconvert.preprocessors import TagRemovePreprocessor

from tools import remote
from utils.files import replace_between_markers
from utils.places import COURSE_DIR
from utils.runs import RunError, load_run

HERE = Path(__file__).parent
LAB = COURSE_DIR / "labs" / "Augmentation.ipynb"
BUILD = COURSE_DIR / "build" / "augmentation"
RUN = "cnn-augmented"


def without_comparisons(notebook):
    """Return the lab with nothing but the training of the augmented CNN."""
    remove = TagRemovePreprocessor(remove_cell_tags={"comparison"}, enabled=True)
    return remove.preprocess(notebook, {})[0]


def train(seeds, client=None, epochs=0):
    """Run the lab with each seed, unless that was done before; return the saved Runs.

    Args:
        seeds: list of int.
        client: of Dask, whose workers train; None: here, one after the other.
        epochs: how many; 0 leaves it to the lab.

    Returns:
        list of Run, in the order of the seeds.
    """
    lab = without_comparisons(nbformat.read(LAB, as_version=4))
    folders = {seed: BUILD / f"seed{seed}" for seed in seeds}
    left = {
        f"seed {seed}": remote.Training(lab, RUN, {"SEED": seed, "EPOCHS": epochs}, to)
        for seed, to in folders.items()
        if not is_there(to)
    }
    for label, _ in remote.train(left, client, BUILD):
        print(f"{label}: done", flush=True)
    return [load_run(RUN, announce=False, folder=to) for to in folders.values()]


def is_there(folder):
    """Tell whether a folder has a run of the augmented CNN, whole."""
    try:
        load_run(RUN, announce=False, folder=folder)
    except RunError:
        return False
    return True


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
    remote.add_options(parser)
    options = parser.parse_args()
    with remote.workers(options) as client:
        infos = [run.info for run in train(options.seeds, client)]
    print(table(infos))
    replace_between_markers(HERE / "README.md", "augmentation", table(infos))


if __name__ == "__main__":
    main()
