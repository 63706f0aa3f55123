"""A trained run: saved whole or not at all, loaded with every file checked.

    runs/<name>/run.json         what was trained on what, how long, how well
    runs/<name>/history.json     Keras' History.history, and the seconds of each epoch
    runs/<name>/predictions.npz  y_true (n,) uint8, y_prob (n, 10) float32
    runs/<name>/model.keras      the trained model
    runs/<name>/stress.npz       where it was tested on damaged digits: which it read

RUNS_DIR moves the folder. A reader sees the old run or the new one, never a mixture:
a run is written beside its place and renamed, and run.json carries the SHA-256 of the
other files. Importing this module does not import TensorFlow.
"""

import os
import platform
import re
import textwrap
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from utils.bounded import BadFile, read_npz
from utils.consistency import (
    check_written,
    contradiction,
    count_parameters,
    find_bad_answer,
    no_history,
    rare_validation,
    takes_a_digit,
)
from utils.data import KNOWN_TEST_SETS
from utils.environment import versions
from utils.evaluation import in_full_precision
from utils.model_file import load_checked
from utils.places import COURSE_DIR, chosen, leftover
from utils.run_files import INFO_FIELDS as INFO_FIELDS
from utils.run_files import (
    LARGEST,
    STRESS,
    MissingRun,
    RunError,
    as_count,
    as_history,
    check_name,
    checked_predictions,
    file_digest,
    find_fault,
    find_stress_fault,
    is_name,
    measures,
    read_run,
)
from utils.run_store import LOCK_NAME as LOCK_NAME
from utils.run_store import (
    check_place,
    check_writable,
    finish_save,
    is_finished,
    is_whole,
    lies_in,
    may_replace,
    reading,
    write_run,
)

REFERENCE_DIR = COURSE_DIR / "reference"
# What makes the runs that are made neither by ANN_Model.ipynb nor by CNN_Model.ipynb.
MADE_BY = {
    "cnn-augmented": "labs/Augmentation.ipynb",
    "cnn-pens": "python -m tools.pens",
}
CONTROLS = "controls"  # in REFERENCE_DIR: trainings in which one thing was changed
ASKED_FOR = "reference/"  # load_run("reference/ann") takes the course's run
MODELS = {"ann": "ANN", "cnn": "CNN"}  # a run's name: the model's name in words
# Places that were free when a notebook asked for them: what lies there now came with
# its training, such as the models of a ModelCheckpoint.
_free = set()
LOCK_SECONDS = 60  # saving takes a second; who waits longer waits for a dead machine


@dataclass(frozen=True)
class Run:
    """A trained run as its files hold it.

    Attributes:
        folder: where it was read.
        info: run.json as a dictionary; its fields are those of INFO_FIELDS.
        history: metric name to a list of floats, one per epoch; "seconds" among them.
        y_true: labels of the test set, shape (n,), uint8.
        y_prob: predicted probabilities, shape (n, 10), float32, same order.
    """

    folder: Path
    info: dict
    history: dict
    y_true: np.ndarray
    y_prob: np.ndarray

    @property
    def name(self):
        return self.info["name"]

    @property
    def y_pred(self):
        """Predicted labels, shape (n,), int64: the most probable digit."""
        return self.y_prob.argmax(axis=1)

    @property
    def origin(self):
        """Where the run comes from, in words: "your run" or "reference run"."""
        return "reference run" if lies_in(self.folder, REFERENCE_DIR) else "your run"

    @property
    def model_file(self):
        """Path of model.keras, or None where only the predictions were kept."""
        path = self.folder / "model.keras"
        return path if "model.keras" in self.info["files"] else None

    @property
    def model_bytes(self):
        """Size of the model file in bytes, or None where it was not kept."""
        if self.model_file is None:
            return None
        try:
            return self.model_file.stat().st_size
        except OSError as error:
            raise _damaged(self.model_file, error.strerror) from error

    def facts(self):
        """Return what a table says about the run besides its accuracy, as texts.

        Returns:
            dict from the row's name to a text.
        """
        size = self.model_bytes
        stopped = ", stopped" if self.info.get("stopped") else ""
        return {
            "test loss": f"{self.info['test_loss']:.4f}",
            "parameters": f"{self.info['parameters']:,}",
            "epochs": f"{self.info['epochs']}{stopped}",
            "training": f"{self.info['train_seconds']:,.1f} s",
            "model file": "not kept" if size is None else f"{size / 1e6:.2f} MB",
            "data": self.info["data"]["source"],
        }

    def load_stress(self):
        """Load which damaged digits the model read.

        Returns:
            dict from the kind of damage to hits, shape (severities, digits), bool.

        Raises:
            RunError: the run was kept without them, or the file is damaged or was
                replaced since the run was loaded.
        """
        path = self.folder / "stress.npz"
        if path.name not in self.info["files"]:
            raise RunError(f"The run {self.name} was not tested on damaged digits.")
        self._check_unchanged(path)
        try:
            hits_by_kind = read_npz(path, STRESS, LARGEST[path.name])
        except (BadFile, OSError) as error:
            raise _damaged(path, getattr(error, "why", error)) from error
        if fault := find_stress_fault(hits_by_kind, len(self.y_true)):
            raise _damaged(path, fault)
        return hits_by_kind

    def load_model(self):
        """Load the trained Keras model; TensorFlow is imported here and not before.

        Returns:
            keras.Model, not compiled: ready to predict, not to be trained on.

        Raises:
            RunError: the run was kept without its model, or the file is damaged, would
                run code, does not fit the run, or was replaced since it was loaded; or
                the model takes no digits.
        """
        if self.model_file is None:
            raise RunError(f"The run {self.name} was kept without its model file.")
        self._check_unchanged(self.model_file)
        try:
            model = load_checked(self.model_file)
            fault = find_bad_answer(model) if takes_a_digit(model) else None
        except (BadFile, OSError) as error:
            raise _damaged(self.model_file, getattr(error, "why", error)) from error
        except Exception as error:
            raise self._unreadable_model(error) from error
        if model.count_params() != self.info["parameters"]:
            raise _damaged(
                self.model_file,
                f"has {model.count_params():,} parameters, the run says "
                f"{self.info['parameters']:,}",
            )
        if fault:
            raise _damaged(self.model_file, fault)
        if not takes_a_digit(model):
            raise RunError(
                f"The model of the run {self.name} takes {model.input_shape}, and the "
                "course hands it digits of 28×28 pixels. Let it begin with "
                "keras.Input((28, 28, 1)) and a layer that makes of them what it "
                "needs, such as layers.Resizing, then train it and save it again."
            )
        return model

    def _check_unchanged(self, path):
        """Raise a RunError where a file is no longer the one that was loaded."""
        try:
            digest = file_digest(path)
        except (BadFile, OSError) as error:
            raise _damaged(path, getattr(error, "why", error)) from error
        if digest != self.info["files"][path.name]:
            raise RunError(
                f"{path} was saved anew since this run was loaded, or is damaged: it "
                "does not fit these predictions. Load the run again."
            )

    def _unreadable_model(self, error):
        """Say why Keras cannot read a file whose digest fits: look at who wrote it."""
        import keras

        saved_with = self.info["versions"].get("keras")
        if saved_with == keras.__version__:
            return _damaged(self.model_file, f"cannot be read: {error}")
        return RunError(
            f"{self.model_file} is whole, but it was saved with Keras {saved_with} "
            f"and this is Keras {keras.__version__}, which cannot read it: "
            f"{_short(error)} Work with the other Keras, or run "
            f"{_notebook_of(self.name)} here: its run is then taken."
        )


def runs_dir():
    """Return the folder of the runs: RUNS_DIR, or runs/ in the course.

    A relative one is meant from the course's folder: a lab's kernel works in labs/, and
    finds the same runs.

    Raises:
        RunError: it begins with "~", and there is no such user; or something is left
            in it of how it was typed, such as a variable that is not set.
    """
    choice = chosen("RUNS_DIR") or "runs"
    # %env leaves $HOME as it is.
    folder = os.path.expanduser(os.path.expandvars(choice))
    if folder.startswith("~"):
        raise RunError(
            f"RUNS_DIR is {choice!r}, and this computer knows no such user. Set it to "
            "a folder of yours."
        )
    if why := leftover(COURSE_DIR / folder):
        raise RunError(
            f"RUNS_DIR is {choice!r}, and {why}. Write the folder's name out; or, if "
            "this is to be its name, make it first."
        )
    return COURSE_DIR / folder


# --- saving --------------------------------------------------------------------------


def save_run(
    name,
    *,
    model_name,
    model,
    history,
    seconds,
    y_true,
    y_prob,
    seed,
    digits,
    n_val=0,
    stopped=False,
    stress=None,
):
    """Save a trained run under runs/<name>/, replacing an older one of that name.

    Args:
        name: letters, digits, "-" and "_"; "ann" and "cnn" are the course's own.
        model_name: what the tables call the model: "ANN", "CNN", …
        model: the trained keras.Model.
        history: what fit returned, or its .history, a dictionary of lists of floats,
            one per epoch.
        seconds: seconds of each epoch, as many as the lists of history are long.
        y_true: labels of the test set, shape (n,), integers 0 to 9.
        y_prob: predicted probabilities, shape (n, 10), rows that sum to 1.
        seed: the seed that the training began with.
        digits: the utils.data.Digits that it was trained on.
        n_val: how many of the training digits were set aside for validation.
        stopped: whether the training was stopped before its last epoch was over.
        stress: what Run.load_stress() is to return, or None.

    Returns:
        Run: the saved run, read back.

    Raises:
        RunError: a value does not fit, or model, history and predictions are not of
            one training (nothing is written); or the folder cannot be written (an
            older run stays as it was).
    """
    check_name(name)
    if digits is None or seed is None:
        raise RunError(
            "Expected the digits that the model was trained on, and the seed, but got "
            "None. LiveProgress(digits=digits, seed=SEED) notes them; or pass digits "
            "and SEED."
        )
    if not hasattr(digits, "provenance"):
        raise RunError(
            f"The digits are of type {type(digits).__name__}. Expected all that "
            "load_mnist() returned: the run says on which digits it was tested."
        )
    seed, n_val = as_count("seed", seed), as_count("n_val", n_val)
    if n_val >= len(digits.x_train):
        raise RunError(
            f"n_val is {n_val:,}, and there are {len(digits.x_train):,} training "
            "digits. Expected how many of them were set aside: n_val=len(x_val)."
        )
    n_parameters = count_parameters(model)
    y_prob = in_full_precision(y_prob)
    y_true, y_prob = checked_predictions(y_true, y_prob, "The predictions to save")
    if not np.array_equal(y_true, digits.y_test):
        raise RunError(
            "The labels to save are not those of the test set that the run is saved "
            "with. Pass y_true=digits.y_test and the predictions for digits.x_test."
        )
    history = getattr(history, "history", history)  # Keras' object, or what it holds
    if advice := no_history(history) or rare_validation(history, seconds):
        raise RunError(advice)
    history = as_history(history, seconds)
    if wrong := contradiction(model, history, y_prob, digits):
        raise RunError(f"Nothing was saved. {wrong}")
    if stress is not None and (fault := find_stress_fault(stress, len(y_true))):
        raise RunError(f"The stress test to save {fault}.")
    accuracy, loss = measures(y_true, y_prob)
    source, test_fingerprint = digits.provenance()
    info = {
        "name": name,
        "model": model_name,
        "seed": seed,
        "epochs": len(history["seconds"]),
        "stopped": stopped,
        "parameters": n_parameters,
        "train_seconds": round(sum(history["seconds"]), 2),
        "test_accuracy": accuracy,
        "test_loss": loss,
        "data": {
            "source": source,
            "n_train": len(digits.x_train) - n_val,
            "n_val": n_val,
            "n_test": len(y_true),
            "test_fingerprint": test_fingerprint,
        },
        "versions": {"python": platform.python_version(), **versions()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {},
    }
    if fault := find_fault(info):
        raise RunError(f"The run to save {fault}. Correct what you pass to save_run.")
    arrays = {"predictions.npz": {"y_true": y_true, "y_prob": y_prob}}
    if stress is not None:
        arrays["stress.npz"] = stress
    write_run(
        runs_dir(),
        info,
        history,
        arrays,
        model,
        check=lambda folder: check_written(folder, info, model),
        patience=LOCK_SECONDS,
        joins=runs_dir() / name in _free,
    )
    return load_run(name, announce=False)


def check_free(name):
    """Raise a RunError unless a run may be saved under this name in runs/."""
    check_name(name)
    check_writable(runs_dir())
    place = runs_dir() / name
    if not os.path.lexists(place):
        _free.add(place)
    if _is_there(runs_dir()):
        check_place(runs_dir(), name, joins=place in _free)


# --- loading -------------------------------------------------------------------------


def load_run(name, announce=True, folder=None):
    """Load a run: yours from runs/, else the one that the course ships in reference/.

    Args:
        name: the run's name, such as "ann"; "reference/ann" is the course's run, also
            where there is one of yours.
        announce: print which of the two was taken.
        folder: look in this folder of runs only; None looks in the two.

    Returns:
        Run.

    Raises:
        MissingRun: there is no such run.
        RunError: one of its files is damaged.
    """
    if isinstance(name, str) and name.startswith(ASKED_FOR) and not folder:
        name, folder = name.removeprefix(ASKED_FOR), REFERENCE_DIR
    check_name(name)
    homes = [Path(folder)] if folder else [runs_dir(), REFERENCE_DIR]
    run = next(filter(None, (_load_whole(home, name) for home in homes)), None)
    if run is None:
        there = {n for home in homes for n in list_runs(home)}
        alike = [n for n in there if n.lower() == name.lower()]
        advice = f"There is {alike[0]!r}: mind the capitals." if alike else None
        raise MissingRun(
            f"There is no run {name!r} in {' or '.join(map(str, homes))}. "
            f"{advice or _how_to_make(name)}"
        )
    if announce:
        info = run.info
        print(
            f"{name}: {run.origin} of {info['created']}, {info['model']}, "
            f"seed {info['seed']}, trained on {info['data']['source']}."
        )
    return run


def list_runs(folder=None):
    """Return the names of the runs in a folder (default: runs/), sorted.

    Raises:
        RunError: the folder may not be read, or is none.
    """
    folder = Path(folder or runs_dir())
    if not _is_there(folder):
        return []
    # A save that was killed between its renames has the run in .<name>.whole.
    names = {
        re.sub(r"\.(.*)\.whole", r"\1", path.parent.name)
        for path in folder.glob("*/run.json")
    }
    return sorted(filter(is_name, names))


def check_comparable(*runs):
    """Raise a RunError unless all runs were tested on the same digits."""
    first = runs[0]
    for run in runs[1:]:
        theirs, ours = first.info["data"], run.info["data"]
        notebooks = f"{_notebook_of(first.name)} and {_notebook_of(run.name)}"
        advice = (
            f"Run {notebooks} again with the same MNIST_DATA. Or take the two runs "
            f"that come with the course: {ASKED_FOR}ann and {ASKED_FOR}cnn instead of "
            "the names of yours."
        )
        if theirs["test_fingerprint"] != ours["test_fingerprint"]:
            raise RunError(
                f"{first.name} was tested on {_tested_on(first)} and {run.name} on "
                f"{_tested_on(run)}: other digits, so their results cannot be "
                f"compared. {advice}"
            )
        if not np.array_equal(run.y_true, first.y_true):
            raise RunError(
                f"{first.name} and {run.name} name the same test digits but hold other "
                f"labels: {first.folder} or {run.folder} is not what it says. {advice}"
            )


def _tested_on(run):
    """Name the test digits of a run; only those that were trained on may be others."""
    data = run.info["data"]
    return KNOWN_TEST_SETS.get(data["test_fingerprint"], data["source"])


def _load_whole(home, name):
    """Load a run from a folder of runs, or return None where it is not there."""
    if not _is_there(home):
        return None
    # Nobody saves into reference/, and the lock's file would be litter in the course.
    is_ours = lies_in(home, REFERENCE_DIR)
    with nullcontext() if is_ours else reading(home, LOCK_SECONDS):
        if os.access(home, os.W_OK):
            finish_save(home, name)
        place, whole = home / name, home / f".{name}.whole"
        # Windows and macOS would find "ann" under "ANN", too.
        # A folder of runs is none itself; but in one may lie a copy of it.
        is_run = (place / "run.json").exists() or not any(place.glob("*/run.json"))
        is_there = name in os.listdir(home) and is_run
        # A whole one that may not be moved; or a damaged one, if there is no other.
        if is_finished(whole, name) or (is_whole(whole) and not is_there):
            return _read(whole, name)
        return _read(place, name) if is_there else None


def _is_there(home):
    """Tell whether there is a folder of runs; a RunError where there can be none."""
    try:
        os.listdir(os.path.join(home, "."))  # only who may enter it finds the dot
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RunError(
            f"The runs in {home} cannot be read: {error.strerror}. Set RUNS_DIR to a "
            "folder of yours."
        ) from error
    return True


def _read(folder, name):
    try:
        return Run(folder, *read_run(folder, name))
    except BadFile as error:
        raise _damaged(error.path, error.why) from error
    except PermissionError as error:
        raise RunError(
            f"{error.filename} may not be read: no permission. Ask its owner, or set "
            "RUNS_DIR to a folder of yours."
        ) from error


def _damaged(path, why):
    """Say what is wrong with a run's file and how to get it back, yours or ours.

    Args:
        path: the file, in the run's folder.
        why: words that can follow "it": "is empty".
    """
    why = _short(why)
    folder = path.parent
    if lies_in(folder, REFERENCE_DIR):
        real, outer = map(os.path.realpath, (folder, REFERENCE_DIR.parent))
        return RunError(
            f"{path} is damaged: it {why} It belongs to the course: take it from "
            "a fresh download, or type in the course's folder: git checkout -- "
            f"{Path(real).relative_to(outer).as_posix()}"
        )
    notebook = _notebook_of(folder.name)
    advice = f"Run {notebook} again: it saves the run anew."
    if not may_replace(folder):  # and neither does saving
        advice = (
            "It may be no run at all, and saving does not replace it: move the folder "
            f"{folder} elsewhere, then run {notebook} again."
        )
    return RunError(f"{path} is damaged: it {why} {advice}")


def _short(reason):
    """Return the first line of a reason, as a sentence that fits a message."""
    first = (str(reason).strip() or type(reason).__name__).splitlines()[0]
    return textwrap.shorten(first, 200, placeholder=" …").rstrip(".") + "."


def _how_to_make(name):
    """Say what to do where a run is missing."""
    maker = _notebook_of(name)
    if maker.startswith("python"):
        return (
            "It comes with the course: take it from a fresh download, or train it "
            f"anew: type {maker} in the course's folder."
        )
    return f"Open {maker}, run all its cells, then come back."


def _notebook_of(name):
    """Name what makes a run: ANN_Model.ipynb makes "ann" and "ann-seed1"."""
    without_seed = re.sub(r"-seed\d+$", "", name)
    if without_seed in MADE_BY:
        return MADE_BY[without_seed]
    notebook = f"{name.split('-')[0].upper()}_Model.ipynb"
    there = (COURSE_DIR / notebook).exists()
    return notebook if there else "the notebook that saves it"


# --- the seeds that the course ships -------------------------------------------------


def load_seeds(name):
    """Load the reference runs of one model, all seeds that there are.

    Args:
        name: "ann" or "cnn".

    Returns:
        list of Run, ordered by seed; empty where there are none.

    Raises:
        RunError: a run is damaged, or they were tested on different digits.
    """
    every = list_runs(REFERENCE_DIR)
    names = [n for n in every if n == name or n.startswith(f"{name}-seed")]
    seed_runs = [load_run(n, announce=False, folder=REFERENCE_DIR) for n in names]
    if seed_runs:
        check_comparable(*seed_runs)
    return sorted(seed_runs, key=lambda run: run.info["seed"])


def load_controls():
    """Load the controls: trainings in which one thing was changed, three seeds each.

    Returns:
        dict from the control's name, such as "cnn-shuffled", to a list of Run, ordered
        by seed.

    Raises:
        RunError: a run is damaged, or they were tested on different digits.
    """
    home, controls = REFERENCE_DIR / CONTROLS, {}
    for name in list_runs(home):
        run = load_run(name, announce=False, folder=home)
        controls.setdefault(name.rsplit("-seed", 1)[0], []).append(run)
    for control in controls.values():
        control.sort(key=lambda run: run.info["seed"])
    if controls:
        check_comparable(*(run for control in controls.values() for run in control))
    return controls


def seeds_beside(seed_runs, run):
    """Return the reference runs that may stand beside a run; print which there are.

    Args:
        seed_runs: dictionary from the model's name to what load_seeds() returned.
        run: the run that they are to stand beside.

    Returns:
        dict like seed_runs; its lists are empty where the reference runs were tested on
        other digits than the run, and never to be mixed with it.

    Raises:
        RunError: there are no reference runs of one of the models.
    """
    if not all(seed_runs.values()):
        raise RunError(
            f"There are no reference runs in {REFERENCE_DIR}. They belong to the "
            "course: take them from a fresh download, or type in the course's folder: "
            f"git checkout -- {REFERENCE_DIR.name}"
        )
    numbers = " and ".join(f"{len(each)} of the {n}" for n, each in seed_runs.items())
    reference = next(iter(seed_runs.values()))[0]
    theirs, ours = reference.info["data"], run.info["data"]
    print(f"Reference runs: {numbers}, tested on {_tested_on(reference)}.")
    if theirs["test_fingerprint"] == ours["test_fingerprint"]:
        return seed_runs
    print(
        f"The two runs above were tested on {_tested_on(run)}: other digits. The "
        "reference runs are shown by themselves and never mixed with them."
    )
    return {name: [] for name in seed_runs}
