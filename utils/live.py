"""Progress while a model trains: a bar, growing curves, one tidy line an epoch.

And, where the training is left out in class, a saved one in its place.
"""

import time

import keras
from IPython.display import Markdown, display

from utils import plots
from utils.runs import RunError, load_run

SECONDS_BETWEEN_UPDATES = 0.25  # the bar must not cost training time
BAR_CELLS = 30


class LiveProgress(keras.callbacks.Callback):
    """A Keras callback that shows training as it happens.

    Pass it to `model.fit(..., callbacks=[live], verbose=0)`. Afterwards `live.seconds`
    holds the seconds of each epoch, training and validation together.

    Args:
        curves: draw the loss and accuracy curves after every epoch.
    """

    def __init__(self, curves=True):
        super().__init__()
        self.curves = curves
        self.seconds = []
        self._history = {}

    def on_train_begin(self, logs=None):
        self.seconds, self._history = [], {}
        self._bar = display(Markdown("Starting …"), display_id=True)
        # Shown now, so that the figure keeps its place above the lines to come.
        self._figure = display(Markdown(""), display_id=True) if self.curves else None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._started = self._shown = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if now - self._shown < SECONDS_BETWEEN_UPDATES:
            return
        self._shown = now
        steps = self.params["steps"] or batch + 1
        done = int(BAR_CELLS * (batch + 1) / steps)
        bar = "█" * done + "░" * (BAR_CELLS - done)
        self._bar.update(
            Markdown(
                f"Epoch {self._epoch + 1} of {self.params['epochs']} `{bar}` "
                f"loss {logs['loss']:.4f}"
            )
        )

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self._started)
        for metric, value in logs.items():
            self._history.setdefault(metric, []).append(value)
        print(self._line(epoch, logs))
        if self.curves:
            self._figure.update(plots.learning_curves(self._history))

    def on_train_end(self, logs=None):
        self._bar.update(
            Markdown(f"{len(self.seconds)} epochs in {sum(self.seconds):.0f} seconds.")
        )

    def _line(self, epoch, logs):
        width = len(str(self.params["epochs"]))
        parts = [f"epoch {epoch + 1:{width}d}"]
        for prefix, name in (("", "training"), ("val_", "validation")):
            if f"{prefix}loss" in logs:
                part = f"{name} loss {logs[f'{prefix}loss']:.4f}"
                if f"{prefix}accuracy" in logs:
                    part += f" accuracy {logs[f'{prefix}accuracy']:7.2%}"
                parts.append(part)
        return " | ".join([*parts, f"{self.seconds[-1]:4.1f} s"])


def saved_training(name, digits, seed):
    """Take a saved run's training in place of one that was left out, and show it.

    Args:
        name: the run's name, such as "ann"; yours is taken, or else the course's.
        digits: the utils.data.Digits in use.
        seed: the seed in use.

    Returns:
        The trained keras.Model, and what stands for fit's history and for LiveProgress:
        the one has .history, the other .seconds.

    Raises:
        RunError: there is no such run, or it was trained with another seed or on other
            digits, some of which may be today's test digits.
    """
    run = load_run(name)
    theirs = run.info["data"]
    if theirs["test_fingerprint"] != digits.fingerprint or run.info["seed"] != seed:
        raise RunError(
            f"The saved run {name!r} was trained on {theirs['source']} with seed "
            f"{run.info['seed']}, this notebook uses {digits.source} and seed {seed}. "
            "Run the cell that trains; its run is saved at the end, for the next time."
        )
    live = LiveProgress()
    live.seconds = run.history["seconds"]
    display(plots.learning_curves(run.history))
    return run.load_model(), run, live
