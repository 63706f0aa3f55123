"""Progress while a model trains: a bar, growing curves, one tidy line per epoch.

And, where the training is left out in class, a saved one in its place.
"""

import signal
import threading
import time
import traceback
import weakref
from dataclasses import dataclass, field

import keras
from IPython import get_ipython
from IPython.display import Markdown, display

from utils import plots
from utils.consistency import share_read
from utils.runs import MissingRun, RunError, load_run
from utils.wording import SaidError

SECONDS_BETWEEN_UPDATES = 0.25  # the bar must not cost training time,
SHARE_FOR_CURVES = 0.1  # of the epochs, and nor must the figure
BAR_CELLS = 30
MORE_THAN_LUCK = 0.5  # of the digits are read by no network that is only built
# The models that this kernel has trained, and what LiveProgress noted of each.
_trained = weakref.WeakKeyDictionary()


@dataclass
class _Notes:
    """What remains of a training besides its model and its history."""

    digits: object = None
    seed: int | None = None
    seconds: list = field(default_factory=list)
    stopped: bool = False
    ended: bool = False  # not where it was interrupted: then `fit` returned no history
    history: object = None  # Keras' own, while it grows and afterwards


class TrainingError(SaidError):
    """A training cannot begin."""


class LiveProgress(keras.callbacks.Callback):
    """A Keras callback that shows training as it happens, and lets it be stopped.

    Pass it to `model.fit(..., callbacks=[live], verbose=0)`. The stop button (SIGINT)
    ends the training softly: the step is finished, the validation digits are read, and
    `fit` returns the history as far as it came. Stopping twice interrupts at once.

    A model is trained once: a second training would begin where the first one ended,
    with a learning rate that is used up, and its history would tell half the story.

    Args:
        curves: draw the loss and accuracy curves after every epoch; where epochs are
            short, less often, and at the end.
        digits: the utils.data.Digits that are trained on, and
        seed: that the training begins with: kept for save_run, for the notebook's own
            may change until then.

    Attributes:
        digits, seed: those of the model's training.
        seconds: seconds of each epoch, training and validation together.
        stopped: whether the training was stopped before its last epoch was over.

    Raises:
        TrainingError: in `fit`, the model has been trained before, or another one with
            this LiveProgress.
    """

    def __init__(self, curves=True, digits=None, seed=None):
        super().__init__()
        self.curves = curves
        self._notes, self._history = _Notes(digits, seed), {}

    @property
    def digits(self):
        return self._notes.digits

    @property
    def seed(self):
        return self._notes.seed

    @property
    def seconds(self):
        return self._notes.seconds

    @property
    def stopped(self):
        return self._notes.stopped

    def on_train_begin(self, logs=None):
        if self.model in _trained:
            self._notes = _trained[self.model]  # they still belong to the history
            if self._notes.history is not None:  # fit has put an empty one in its place
                self.model.history = self._notes.history
            state = "has been trained already, and its results are still here"
            if not self._notes.ended:
                state = "was interrupted while it was trained, and its history is lost"
            raise TrainingError(
                f"The network {self.model.name!r} {state}. To train afresh, run the "
                "cells that build and compile it, then this one."
            )
        if any(notes is self._notes for notes in _trained.values()):
            raise TrainingError(
                "This LiveProgress holds the notes of another network's training, "
                "which saving needs. Make one for each: callbacks=[LiveProgress()]."
            )
        self._notes, self._history = _Notes(self.digits, self.seed), {}
        self._notes.history = getattr(self.model, "history", None)
        self._listen_for_stop()
        self._bar = _Place("Starting …")
        # Shown now, so that the figure keeps its place above the lines to come.
        self._figure = _Place("") if self.curves else None
        self._first = None  # when it ended, and its number
        self._drawing, self._n_drawn = 0.0, 0  # seconds; epochs that the figure shows

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._started = self._shown = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        _trained[self.model] = self._notes
        now, steps = time.perf_counter(), self.params["steps"] or batch + 1
        # Python is told of one step in several where Keras executes them together.
        step = self._epoch * steps + batch + 1
        if self._first is None:  # it also compiles: a measure for none of the rest
            self._first = now, step
        if now - self._shown < SECONDS_BETWEEN_UPDATES:
            return
        self._shown = now
        done = int(BAR_CELLS * (batch + 1) / steps)
        bar = "█" * done + "░" * (BAR_CELLS - done)
        left = self._time_left(now, step, self.params["epochs"] * steps)
        self._bar.show(
            Markdown(
                f"Epoch {self._epoch + 1} of {self.params['epochs']} `{bar}` "
                f"loss {logs['loss']:.4f}{left}"
            )
        )

    def _time_left(self, now, step, n_steps):
        """Say how long the steps to come will take, with the validations among them."""
        began, first = self._first
        if step == first:
            return ""
        seconds = (n_steps - step) * (now - began) / (step - first)
        if seconds < 100:
            return f", about {seconds:.0f} s left"
        return f", about {seconds / 60:.0f} min left"

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self._started)
        for metric, value in logs.items():
            self._history.setdefault(metric, []).append(value)
        print(self._line(epoch, logs))
        if self.curves and self._drawing <= SHARE_FOR_CURVES * sum(self.seconds):
            self._draw()

    def _draw(self):
        began = time.perf_counter()
        self._figure.show(plots.learning_curves(self._history))
        self._drawing += time.perf_counter() - began
        self._n_drawn = len(self.seconds)

    def on_train_end(self, logs=None):
        self._stop_listening()
        if self.curves and self._n_drawn < len(self.seconds):
            self._draw()
        self._bar.show(Markdown(self._ending()))
        self._notes.ended = True

    def _listen_for_stop(self):
        self._handler = None
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, self._stop)
            self._handler = before or signal.default_int_handler

    def _stop_listening(self):
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            self._handler = None

    def _stop(self, number, frame):
        self._stop_listening()  # stopped once more, it ends at once
        running = (f.f_locals.get("self") for f, _ in traceback.walk_stack(frame))
        if not any(found is self.model for found in running):
            signal.raise_signal(number)  # fit raised, and is no longer there to stop
            return
        self._notes.stopped = True
        self.model.stop_training = True

    def _ending(self):
        n, planned = len(self.seconds), self.params["epochs"]
        if self.stopped:
            return (
                f"Stopped in epoch {n} of {planned}. What it has learned until then is "
                "kept, and the cells below work with it. To train to the end, run the "
                "cells that build and compile the network again, then this one."
            )
        return f"{n} epochs in {sum(self.seconds):.0f} seconds."

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


class _Place:
    """A place in a notebook's output whose content can be replaced.

    Outside a notebook there is none, and nothing is shown.
    """

    def __init__(self, text):
        in_a_notebook = getattr(get_ipython(), "kernel", None) is not None
        self._handle = (
            display(Markdown(text), display_id=True) if in_a_notebook else None
        )

    def show(self, content):
        if self._handle is not None:
            self._handle.update(content)


def saved_training(name, digits, seed, instead_of=None):
    """Take a saved run's training in place of one that was left out, and show it.

    Args:
        name: the run's name, such as "ann"; yours is taken, or else the course's.
        digits: the utils.data.Digits in use.
        seed: the seed in use.
        instead_of: the keras.Model whose place the saved one will take.

    Returns:
        The trained keras.Model, and what stands for fit's history and for LiveProgress:
        the one has .history, the other .seconds and .stopped.

    Raises:
        RunError: there is no such run, or it was trained with another seed or on other
            digits, some of which may be today's test digits; or the model whose place
            it would take has been trained, and would be lost.
    """
    if instead_of is not None and _has_learned(instead_of, digits):
        raise RunError(
            f"The network {instead_of.name!r} has been trained, at least in part, and "
            "would be lost: a saved one would take its place. To keep it after fit: "
            "history = model.history. After a loop of your own, leave this cell out, "
            "and hand your own history and seconds to save_run. To go on with the "
            "saved one, or to train afresh, run the cell that builds the network first."
        )
    try:
        run = load_run(name)
    except MissingRun as error:  # its advice leads to this very notebook
        raise RunError(
            f"There is no run {name!r} yet. Run the cell that trains, or write in this "
            "cell, in place of RUN_NAME, the name of a run that is there: 'ann' and "
            "'cnn' come with the course."
        ) from error
    theirs = run.info["data"]
    if theirs["test_fingerprint"] != digits.fingerprint or run.info["seed"] != seed:
        raise RunError(
            f"The saved run {name!r} was trained on {theirs['source']} with seed "
            f"{run.info['seed']}, this notebook uses {digits.source} and seed {seed}. "
            "Run the cell that trains; its run is saved at the end, for the next time."
        )
    display(plots.learning_curves(run.history))
    model, live = run.load_model(), LiveProgress()
    # Compiled only so that fit comes as far as the refusal to train it once more.
    model.compile(loss="sparse_categorical_crossentropy")
    facts = run.history["seconds"], run.info.get("stopped", False), True
    live._notes = _Notes(digits, seed, *facts)
    _trained[model] = live._notes
    return model, run, live


def _has_learned(model, digits):
    """Tell whether a model was trained, by whatever means, and not given up."""
    if model in _trained:
        notes = _trained[model]
        given_up = notes.stopped and not notes.ended  # who stops twice wants no more
        return not given_up
    optimizer = getattr(model, "optimizer", None)  # none: it was not compiled
    if optimizer is not None and int(optimizer.iterations) > 0:
        return True
    # A loop of one's own may have an optimizer of its own.
    return (share_read(model, digits) or 0) > MORE_THAN_LUCK
