"""Train the CNN of the course on digits of other pens, for the lab on handwriting.

    MNIST_DATA=full python -m tools.pens

The architecture is that of the shipped CNN, trained afresh, as CNN_Model.ipynb trains
it: its own cells make the model ready. MNIST's digits come with
thinner and thicker strokes, other slants and paler ink, and in MNIST's own hand. The
thin and the pale ones do not pass the step to full ink: it is what this network should
do without. The run goes to reference/cnn-pens; no photo has a say in it.
"""

import argparse
import contextlib
import io
import math
import os
import sys

import nbformat
import numpy as np

from tools.judge import bent, digit_mask, other_pen
from tools.reference import BUILD, halve_predictions, put_in_place, slim_model
from utils import data, plots, runs
from utils.handwriting.box import centred, in_box
from utils.places import COURSE_DIR

NAME = "cnn-pens"
PALEST = 0.25  # share of full ink
NOTEBOOK = COURSE_DIR / "CNN_Model.ipynb"
RECIPE = ("schedule = keras.", "keras.optimizers.AdamW(")  # in two cells


def with_other_pens(x, rng):
    """Return digits as other pens and hands write them.

    Args:
        x: MNIST's images, shape (n, 28, 28), uint8.
        rng: numpy.random.Generator.

    Returns:
        np.ndarray, shape (n, 28, 28), float32 in [0, 1]; half of them in paler ink.
    """
    images = np.empty(x.shape, np.float32)
    for k, image in enumerate(x):
        drawn = bent(digit_mask(image, rng).astype(np.float32), rng) > 0.5
        ink = other_pen(drawn, rng) if drawn.any() else image / 255
        strength = rng.uniform(PALEST, 1) if rng.random() < 0.5 else 1
        images[k] = strength * centred(in_box(ink))
    return images


def train(digits, n_copies, epochs, seed):
    """Train the network and save its run in build/; return the Run."""
    import keras
    from sklearn.model_selection import train_test_split

    from utils.live import LiveProgress

    original = runs.load_run("cnn", announce=False, folder=runs.REFERENCE_DIR)
    keras.utils.set_random_seed(seed)
    model = keras.models.clone_model(original.load_model())
    x, x_val, y, y_val = train_test_split(
        digits.x_train,
        digits.y_train,
        test_size=0.1,
        stratify=digits.y_train,
        random_state=0,
    )
    rng = np.random.default_rng(seed)
    x = np.concatenate([x / 255, *(with_other_pens(x, rng) for _ in range(n_copies))])
    y = np.tile(y, 1 + n_copies)
    made = made_ready(model, x, epochs)
    live = LiveProgress()
    history = model.fit(
        as_input(x),
        y,
        batch_size=made["batch_size"],
        epochs=made["epochs"],
        verbose=0,
        validation_data=(as_input(x_val / 255), y_val),
        callbacks=[live, keras.callbacks.SwapEMAWeights()],
    )
    pens_val = as_input(with_other_pens(x_val, rng))
    _, accuracy = model.evaluate(pens_val, y_val, verbose=0)
    print(f"validation digits of other pens: {accuracy:.2%} right")
    return save(model, history.history, live.seconds, digits, seed, len(x_val))


def as_input(images):
    return images.astype("float32")[..., np.newaxis]


def made_ready(model, x_train, epochs):
    """Compile a model with the recipe of CNN_Model.ipynb, which is written there only.

    Args:
        model: keras.Model.
        x_train: what it will be trained on; only the length counts.
        epochs: how many; 0 leaves that to the notebook.

    Returns:
        dict of the names that the notebook's cells made, "batch_size" and "epochs"
        among them.
    """
    import keras

    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    names = {"keras": keras, "math": math, "plots": plots, "model": model}
    names |= {"x_train": x_train, "EPOCHS": epochs}
    with contextlib.redirect_stdout(io.StringIO()):
        for part in RECIPE:
            (cell,) = [c for c in cells if c.cell_type == "code" and part in c.source]
            exec(cell.source, names)
    return names


def save(model, history, seconds, digits, seed, n_val):
    BUILD.mkdir(parents=True, exist_ok=True)
    os.environ["RUNS_DIR"] = str(BUILD)
    x_test = as_input(digits.x_test / 255)
    return runs.save_run(
        NAME,
        model_name="CNN",
        model=model,
        history=history,
        seconds=seconds,
        y_true=digits.y_test,
        y_prob=model.predict(x_test, batch_size=1000, verbose=0),
        seed=seed,
        digits=digits,
        n_val=n_val,
    )


def main(arguments=None):
    """Train the run and put it into reference/; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.pens")
    parser.add_argument("--copies", type=int, default=3, help="of each digit (3)")
    parser.add_argument("--epochs", type=int, default=0, help="0: the notebook's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="leave the run in build/")
    options = parser.parse_args(arguments)
    os.environ.setdefault("MNIST_DATA", "full")  # a run of the sample's is not the one
    try:
        digits = data.load_mnist()
        run = train(digits, options.copies, options.epochs, options.seed)
        slim_model(run.folder)
        halve_predictions(run.folder)
        if not options.keep:
            put_in_place(run.folder, runs.REFERENCE_DIR / NAME)
    except (runs.RunError, data.DataError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{NAME}: {run.info['test_accuracy']:.2%} of MNIST's test digits right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
