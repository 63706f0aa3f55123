"""Time to accuracy on the full MNIST: the course's networks beside published recipes.

    MNIST_DATA=full python -m benchmarks.time_to_accuracy

In one process, in turn, several rounds: the CNN and the ANN of the course, run from
their notebooks; the architecture and schedule of the Keras example "Simple MNIST
convnet" (F. Chollet, 2015); and, where PyTorch is installed, those of its basic MNIST
example. Writes benchmarks/results.json, the table in benchmarks/README.md and its
picture. Timed is the training alone: the test accuracy after each epoch is measured
with the clock stopped. What else a trained network is worth (its loss, its calibration,
its accuracy on noisy and on shifted digits) stands in a table of its own.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import statistics
import time
from pathlib import Path

import nbformat
import numpy as np

from utils import corruptions, plots
from utils.calibration import expected_calibration_error
from utils.data import load_mnist
from utils.environment import quiet_stderr
from utils.evaluation import log_losses
from utils.files import replace_between_markers, write_whole
from utils.places import COURSE_DIR

HERE = Path(__file__).parent
TARGET = 0.99
NOISE, SHIFT = 0.4, 2  # standard deviation of a pixel in [0, 1]; pixels


class Stopwatch:
    """Seconds of training so far, and the test accuracy after each epoch."""

    def __init__(self, measure_accuracy):
        self._measure_accuracy = measure_accuracy
        self._seconds = 0.0
        self.rows = []  # (seconds of training, test accuracy) after each epoch

    def start(self):
        self._started = time.perf_counter()

    def stop(self):
        self._seconds += time.perf_counter() - self._started
        self.rows.append((self._seconds, self._measure_accuracy()))
        print(f"  {self._seconds:6.1f} s  {self.rows[-1][1]:.2%}", flush=True)


def keras_stopwatch(model, x_test, y_test):
    """Return a Stopwatch and the Keras callbacks that work it."""
    import keras

    # Where a notebook averages the weights, it is the average that is validated. Not by
    # predict(): after it SwapEMAWeights does not swap back (Keras 3.15).
    averaging = [keras.callbacks.SwapEMAWeights()] if model.optimizer.use_ema else []

    def accuracy():
        return model.evaluate(
            x_test, y_test, 1000, verbose=0, callbacks=averaging, return_dict=True
        )["accuracy"]

    watch = Stopwatch(accuracy)
    callback = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: watch.start(),
        on_epoch_end=lambda epoch, logs: watch.stop(),
    )
    return watch, [callback, *averaging]


def keras_prediction(model):
    """Return a function from images, shape (n, 28, 28) in [0, 1], to probabilities."""

    def predict(x):
        x = x.reshape(-1, *model.input_shape[1:])
        return model.predict(x, batch_size=1000, verbose=0)

    return predict


def qualities(predict, x_test, y_test, seed):
    """Measure what else a trained network is worth.

    Args:
        predict: function from images, shape (n, 28, 28), float32, to y_prob.
        x_test: images, shape (n, 28, 28), uint8.
        y_test: labels, shape (n,).
        seed: of the noise and the directions.

    Returns:
        dict: "loss" (mean cross-entropy), "calibration" (expected calibration error),
        "noise" and "shift" (accuracy on digits so damaged).
    """
    x = x_test.astype("float32") / 255
    y_prob = predict(x)

    def accuracy(damaged):
        return float(np.mean(predict(damaged).argmax(axis=1) == y_test))

    return {
        "loss": float(np.mean(log_losses(y_test, y_prob))),
        "calibration": float(expected_calibration_error(y_test, y_prob)),
        "noise": accuracy(corruptions.noise(x, NOISE, seed)),
        "shift": accuracy(corruptions.shift(x, SHIFT, seed)),
    }


# --- the contestants: each trains once, and returns its Stopwatch's rows and a function
# --- from images, shape (n, 28, 28) in [0, 1], to probabilities -----------------------


def cells_up_to_fit(name, seed, epochs=0):
    """Run the cells of a notebook up to its training; return the names they define."""
    notebook = nbformat.read(COURSE_DIR / f"{name}_Model.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    space = {"__name__": "notebook"}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in code:
            if "history = model.fit(" in cell.source:
                return space
            if "baseline" in cell.source or cell.source.startswith("plots."):
                continue  # neither the ANN notebook's first model is timed, nor figures
            exec(cell.source, space)
            if "parameters" in cell.metadata.get("tags", []):
                space.update(SEED=seed, EPOCHS=epochs)
    raise SystemExit(f"{name}_Model.ipynb has no cell 'history = model.fit('.")


def course_notebook(name, seed, epochs=0):
    """Train the model of a notebook, taken from its cells and written nowhere else."""
    space = cells_up_to_fit(name, seed, epochs)
    watch, callbacks = keras_stopwatch(space["model"], space["x_test"], space["y_test"])
    space["model"].fit(
        space["x_train"],
        space["y_train"],
        batch_size=space["batch_size"],
        epochs=space["epochs"],
        validation_data=(space["x_val"], space["y_val"]),  # its time is part of ours
        callbacks=callbacks,
        verbose=0,
    )
    return watch.rows, keras_prediction(space["model"])


def keras_example(seed, epochs):
    """Train the architecture of Keras' mnist_convnet on its schedule."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    digits = load_mnist()
    x_train = digits.x_train[..., np.newaxis].astype("float32") / 255
    x_test = digits.x_test[..., np.newaxis].astype("float32") / 255
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    watch, callbacks = keras_stopwatch(model, x_test, digits.y_test)
    model.fit(
        x_train,
        digits.y_train,
        batch_size=128,
        epochs=epochs,
        validation_split=0.1,
        callbacks=callbacks,
        verbose=0,
    )
    return watch.rows, keras_prediction(model)


def torch_example(seed, epochs):
    """Train the architecture of PyTorch's basic MNIST example on its schedule."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    digits = load_mnist()

    def images(x):  # the mean and deviation that the example scales by
        return torch.from_numpy((x[:, None] - 0.1307) / 0.3081)

    x_train = images(digits.x_train.astype("float32") / 255)
    x_test = digits.x_test.astype("float32") / 255
    y_train = torch.from_numpy(digits.y_train.astype("int64"))
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)

    def predict(x):
        model.eval()
        with torch.no_grad():
            logits = [model(batch) for batch in images(x).split(1000)]
        return torch.cat(logits).softmax(1).numpy()

    watch = Stopwatch(lambda: np.mean(predict(x_test).argmax(1) == digits.y_test))
    for _ in range(epochs):
        watch.start()
        model.train()
        for batch in torch.randperm(len(x_train)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(
                model(x_train[batch]), y_train[batch]
            ).backward()
            optimizer.step()
        schedule.step()
        watch.stop()
    return watch.rows, predict


def torch_version():
    """Return PyTorch's version, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    return torch.__version__


# --- rounds, medians, table -----------------------------------------------------------


def contestants(torch_epochs):
    """Return name: a function of the seed that trains once."""
    found = {
        "our CNN": lambda seed: course_notebook("CNN", seed),
        "our CNN, one epoch": lambda seed: course_notebook("CNN", seed, epochs=1),
        "our ANN": lambda seed: course_notebook("ANN", seed),
        "Keras example": lambda seed: keras_example(seed, epochs=15),
    }
    if torch_version() and torch_epochs:
        found["PyTorch example"] = lambda seed: torch_example(seed, torch_epochs)
    return found


def seconds_to(rows, target):
    """Return the seconds after which the accuracy first reached the target, or None."""
    return next((seconds for seconds, accuracy in rows if accuracy >= target), None)


def median_or_none(values):
    """Return the median, or None if in the median round the target was not reached."""
    ordered = sorted(values, key=lambda v: float("inf") if v is None else v)
    return ordered[len(ordered) // 2]


def summarise(rounds):
    """Turn name: rounds of (seconds, accuracy) rows into name: medians and ratios."""
    summary = {
        name: {
            "epochs": len(runs[0]),
            "seconds_an_epoch": statistics.median(
                rows[-1][0] / len(rows) for rows in runs
            ),
            "seconds_to_target": median_or_none([seconds_to(r, TARGET) for r in runs]),
            "total_seconds": statistics.median(rows[-1][0] for rows in runs),
            "accuracy": statistics.mean(rows[-1][1] for rows in runs),
        }
        for name, runs in rounds.items()
    }
    example = summary.get("Keras example")
    for row in summary.values():
        for ratio, key in (
            ("target_speedup", "seconds_to_target"),
            ("total_speedup", "total_seconds"),
        ):
            known = example and example[key] and row[key]
            row[ratio] = example[key] / row[key] if known else None
    return summary


def table(summary):
    """Return the summary as a Markdown table."""

    def number(value, form):
        return "not reached" if value is None else format(value, form)

    lines = [
        f"| recipe | epochs | seconds an epoch | seconds to {TARGET:.1%} | × sooner "
        "| seconds in all | × shorter | test accuracy at the end |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, row in summary.items():
        reached = row["seconds_to_target"]
        lines.append(
            f"| {name} | {row['epochs']} | {row['seconds_an_epoch']:.1f} "
            f"| {number(reached, '.1f')} "
            f"| {'–' if reached is None else number(row['target_speedup'], '.1f')} "
            f"| {row['total_seconds']:.0f} | {number(row['total_speedup'], '.1f')} "
            f"| {row['accuracy']:.2%} |"
        )
    return "\n".join(lines)


def quality_table(measured):
    """Return name: rounds of qualities as a Markdown table of their means, or ""."""
    if not measured:
        return ""
    lines = [
        "| recipe | loss | calibration error | accuracy under noise "
        f"(σ = {NOISE}) | shifted by {SHIFT} pixels |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, rounds in measured.items():
        mean = {key: statistics.mean(row[key] for row in rounds) for key in rounds[0]}
        lines.append(
            f"| {name} | {mean['loss']:.4f} | {mean['calibration']:.2%} "
            f"| {mean['noise']:.1%} | {mean['shift']:.1%} |"
        )
    return "\n".join(lines)


def picture(rounds):
    """Draw test accuracy against seconds of training, one line a round."""
    figure = plots.time_to_accuracy(rounds, TARGET)
    figure.savefig(HERE / "time_to_accuracy.png", dpi=100)


def main():
    """Run the rounds and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch-epochs", type=int, default=14, help="0 leaves it out")
    options = parser.parse_args()
    with quiet_stderr():
        import tensorflow as tf

        tf.zeros(1).numpy()
    versions = {"tensorflow": tf.__version__, "torch": torch_version()}
    rounds = {name: [] for name in contestants(options.torch_epochs)}
    measured = {name: [] for name in rounds}
    digits = load_mnist()
    for seed in range(options.rounds):
        for name, train in contestants(options.torch_epochs).items():
            print(f"round {seed + 1}, {name}", flush=True)
            rows, predict = train(seed)
            rounds[name].append(rows)
            measured[name].append(
                qualities(predict, digits.x_test, digits.y_test, seed)
            )
            result = {
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "versions": versions,
                "rounds": rounds,
                "qualities": measured,
            }
            write_whole(HERE / "results.json", json.dumps(result, indent=1) + "\n")
    summary = summarise(rounds)
    print(table(summary))
    replace_between_markers(HERE / "README.md", "time to accuracy", table(summary))
    print(quality_table(measured))
    replace_between_markers(HERE / "README.md", "qualities", quality_table(measured))
    picture(rounds)


if __name__ == "__main__":
    main()
