"""A trained run: saved whole or not at all, loaded with every file checked.

    runs/<name>/run.json         what was trained on what, how long, how well
    runs/<name>/history.json     Keras' History.history, and the seconds of each epoch
    runs/<name>/predictions.npz  y_true (n,) uint8, y_prob (n, 10) float32
    runs/<name>/model.keras      the trained model

RUNS_DIR moves the folder. A reader sees the old run or the new one, never a mixture:
a run is written beside its place and renamed, and run.json carries the SHA-256 of the
other files. Importing this module does not import TensorFlow.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from utils.environment import versions
from utils.places import COURSE_DIR

REFERENCE_DIR = COURSE_DIR / "reference"
MODELS = {"ann": "ANN", "cnn": "CNN"}  # a run's name: the model's name in words
LOCK_NAME = ".lock"
LOCK_SECONDS = 60  # saving takes a second; who waits longer waits for a dead machine
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
INFO_FIELDS = {
    "name": str,
    "model": str,
    "seed": int,
    "epochs": int,
    "parameters": int,
    "train_seconds": float,
    "test_accuracy": float,
    "test_loss": float,
    "data": dict,
    "versions": dict,
    "created": str,
    "files": dict,
}
DATA_FIELDS = {"source", "n_train", "n_val", "n_test", "test_fingerprint"}


class RunError(Exception):
    """A run cannot be saved, found or read; the message says what to do."""


@dataclass(frozen=True)
class Run:
    """A trained run as its files hold it.

    Attributes:
        folder: where it was read.
        info: run.json as a dictionary; its fields are those of INFO_FIELDS.
        history: metric name to a list of floats, one an epoch; "seconds" among them.
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
        return "reference run" if self.folder.parent == REFERENCE_DIR else "your run"

    @property
    def model_file(self):
        """Path of model.keras, or None where only the predictions were kept."""
        path = self.folder / "model.keras"
        return path if "model.keras" in self.info["files"] else None

    @property
    def model_bytes(self):
        """Size of the model file in bytes, or None where it was not kept."""
        return self.model_file.stat().st_size if self.model_file else None

    def facts(self):
        """Return what a table says about the run besides its accuracy, as texts.

        Returns:
            dict from the row's name to a text.
        """
        size = self.model_bytes
        return {
            "test loss": f"{self.info['test_loss']:.4f}",
            "parameters": f"{self.info['parameters']:,}",
            "epochs": f"{self.info['epochs']}",
            "training": f"{self.info['train_seconds']:,.1f} s",
            "model file": "not kept" if size is None else f"{size / 1e6:.2f} MB",
            "data": self.info["data"]["source"],
        }

    def load_model(self):
        """Load the trained Keras model; TensorFlow is imported here and not before.

        Returns:
            keras.Model, not compiled: ready to predict, not to be trained on.

        Raises:
            RunError: the run was kept without its model, or the file is damaged or was
                replaced since the run was loaded.
        """
        if self.model_file is None:
            raise RunError(f"The run {self.name} was kept without its model file.")
        if _sha256(self.model_file) != self.info["files"]["model.keras"]:
            raise RunError(
                f"{self.model_file} belongs to a newer run than these predictions. "
                "Load the run again, then its model."
            )
        import keras

        try:
            return keras.models.load_model(self.model_file, compile=False)
        except Exception as error:
            # The digest fits: before the file is called damaged, look at who wrote it.
            saved_with = self.info["versions"].get("keras")
            if saved_with == keras.__version__:
                raise _damaged(self.model_file, error) from error
            raise RunError(
                f"{self.model_file} is whole, but it was saved with Keras {saved_with} "
                f"and this is Keras {keras.__version__}, which cannot read it: "
                f"{_short(error)} Work with the other Keras, or run "
                f"{_notebook_of(self.name)} here: its run is then taken."
            ) from error


def runs_dir():
    """Return the folder of the runs: RUNS_DIR, or runs/ in the course."""
    return Path(os.environ.get("RUNS_DIR") or COURSE_DIR / "runs").expanduser()


# --- saving --------------------------------------------------------------------------


def save_run(
    name, *, kind, model, history, seconds, y_true, y_prob, seed, data, n_val=0
):
    """Save a trained run under runs/<name>/, replacing an older one of that name.

    Args:
        name: letters, digits, "-" and "_"; "ann" and "cnn" are the course's own.
        kind: what the tables call the model: "ANN", "CNN", …
        model: the trained keras.Model.
        history: Keras' History.history, a dictionary of lists of floats, one an epoch.
        seconds: seconds of each epoch, as many as the lists of history are long.
        y_true: labels of the test set, shape (n,), integers 0 to 9.
        y_prob: predicted probabilities, shape (n, 10), rows that sum to 1.
        seed: the seed that the training began with.
        data: the utils.data.Digits that it was trained on.
        n_val: how many of the training digits were set aside for validation.

    Returns:
        Run: the saved run, read back.

    Raises:
        RunError: a value does not fit (nothing is written), or the folder cannot be
            written (an older run stays as it was).
    """
    _check_name(name)
    y_true, y_prob = _checked_predictions(y_true, y_prob, "The predictions to save")
    if not np.array_equal(y_true, data.y_test):
        raise RunError(
            "The labels to save are not those of the test set that the run is saved "
            "with. Pass y_true=digits.y_test and the predictions for digits.x_test."
        )
    history = {key: [float(v) for v in values] for key, values in history.items()}
    history["seconds"] = [float(s) for s in seconds]
    _check_history(history, "The history to save")
    # One probability of 0 would make the mean infinite; Keras clips at 1e-7, too.
    p_true = np.clip(y_prob[np.arange(len(y_true)), y_true].astype(float), 1e-7, 1.0)
    info = {
        "name": name,
        "model": kind,
        "seed": int(seed),
        "epochs": len(history["seconds"]),
        "parameters": int(model.count_params()),
        "train_seconds": round(sum(history["seconds"]), 2),
        "test_accuracy": float(np.mean(y_prob.argmax(axis=1) == y_true)),
        "test_loss": float(-np.log(p_true).mean()),
        "data": {
            "source": data.source,
            "n_train": len(data.x_train) - int(n_val),
            "n_val": int(n_val),
            "n_test": len(data.x_test),
            "test_fingerprint": data.fingerprint,
        },
        "versions": {"python": platform.python_version(), **versions()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    home = runs_dir()
    partial = home / f".{name}.partial"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / LOCK_NAME, timeout=LOCK_SECONDS):
            shutil.rmtree(partial, ignore_errors=True)  # of a save that was killed
            partial.mkdir()
            (partial / "history.json").write_text(_json(history), encoding="utf-8")
            np.savez_compressed(
                partial / "predictions.npz", y_true=y_true, y_prob=y_prob
            )
            model.save(partial / "model.keras")
            info["files"] = {path.name: _sha256(path) for path in partial.iterdir()}
            (partial / "run.json").write_text(_json(info), encoding="utf-8")
            _flush_to_disk(partial)
            _finish_save(home, name)  # one that was killed earlier, should there be one
            partial.rename(home / f".{name}.whole")
            _finish_save(home, name)
    except OSError as error:
        raise RunError(
            f"The run cannot be saved in {home}: {error.strerror or error}. Set the "
            "environment variable RUNS_DIR to a folder that you may write to and that "
            "has room, then run this cell again."
        ) from error
    return load_run(name, announce=False)


def _finish_save(home, name):
    """Move a whole new run to its place; call this only with the lock held.

    A folder cannot replace a folder in one step. Killed between the renames, a save is
    finished by whoever holds the lock next.
    """
    place, whole, old = home / name, home / f".{name}.whole", home / f".{name}.old"
    if whole.exists():
        shutil.rmtree(old, ignore_errors=True)
        if place.exists():
            place.rename(old)
        whole.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _flush_to_disk(folder):
    """Ask the system to write the files out, so that a power cut cannot halve them."""
    for path in folder.iterdir():
        with open(path, "rb+") as file:
            os.fsync(file.fileno())


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(value):
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


# --- loading -------------------------------------------------------------------------


def load_run(name, announce=True, folder=None):
    """Load a run: yours from runs/, else the one that the course ships in reference/.

    Args:
        name: the run's name, such as "ann".
        announce: print which of the two was taken.
        folder: look in this folder of runs only; None looks in the two.

    Returns:
        Run.

    Raises:
        RunError: there is no such run, or one of its files is damaged.
    """
    _check_name(name)
    homes = [Path(folder)] if folder else [runs_dir(), REFERENCE_DIR]
    run = next(filter(None, (_load_whole(home, name) for home in homes)), None)
    if run is None:
        raise RunError(
            f"There is no run {name!r} in {' or '.join(map(str, homes))}. Open "
            f"{_notebook_of(name)}, run all its cells, then come back."
        )
    if announce:
        info = run.info
        print(
            f"{name}: {run.origin} of {info['created']}, {info['model']}, "
            f"seed {info['seed']}, trained on {info['data']['source']}."
        )
    return run


def list_runs(folder=None):
    """Return the names of the runs in a folder (default: runs/), sorted."""
    folder = Path(folder or runs_dir())
    return sorted(
        path.parent.name
        for path in folder.glob("*/run.json")
        if NAME_PATTERN.fullmatch(path.parent.name)
    )


def check_comparable(*runs):
    """Raise a RunError unless all runs were tested on the same digits."""
    first = runs[0]
    for run in runs[1:]:
        if (
            run.info["data"]["test_fingerprint"]
            != first.info["data"]["test_fingerprint"]
        ):
            raise RunError(
                f"{first.name} was tested on {first.info['data']['source']} and "
                f"{run.name} on {run.info['data']['source']}: other digits, so their "
                f"results cannot be compared. Run {_notebook_of(first.name)} and "
                f"{_notebook_of(run.name)} again with the same MNIST_DATA."
            )


def _load_whole(home, name):
    """Load a run from a folder of runs, or return None where it is not there."""
    if not home.is_dir():
        return None
    with _reading(home):
        if os.access(home, os.W_OK):
            _finish_save(home, name)
        place = home / name
        return _read(place) if place.exists() else None


@contextmanager
def _reading(home):
    """Hold the lock while reading, so that no save replaces a run that is half read."""
    if home == REFERENCE_DIR:
        yield  # nobody saves there, and the lock's file would be litter in the course
        return
    try:
        lock = FileLock(home / LOCK_NAME, timeout=LOCK_SECONDS)
        lock.acquire()
    except Timeout as error:
        raise RunError(
            f"Another program has kept {home / LOCK_NAME} locked for {LOCK_SECONDS} s. "
            "Shut down the other notebooks of the course, then try again."
        ) from error
    except OSError:
        lock = None  # nobody saves into a folder that may not be written
    try:
        yield
    finally:
        if lock:
            lock.release()


def _read(folder):
    info = _read_json(folder / "run.json")
    for field, kind in INFO_FIELDS.items():
        value = info.get(field) if isinstance(info, dict) else None
        if not isinstance(value, (int, float) if kind is float else kind):
            raise _damaged(folder / "run.json", f"its field {field!r} is {value!r}")
    if missing := DATA_FIELDS - info["data"].keys():
        raise _damaged(folder / "run.json", f"its data lack {', '.join(missing)}")
    for file_name, digest in info["files"].items():
        path = folder / file_name
        if not path.is_file():
            raise _damaged(path, "it is missing")
        if _sha256(path) != digest:
            raise _damaged(path, "it is not the file that was saved")
    history = _read_json(folder / "history.json")
    _check_history(history, folder / "history.json")
    try:
        with np.load(folder / "predictions.npz", allow_pickle=False) as file:
            y_true, y_prob = file["y_true"], file["y_prob"]
    # A damaged archive makes zipfile and NumPy raise a dozen kinds of errors.
    except Exception as error:
        raise _damaged(folder / "predictions.npz", error) from error
    y_true, y_prob = _checked_predictions(y_true, y_prob, folder / "predictions.npz")
    return Run(folder, info, history, y_true, y_prob)


def _read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path, why):
    """Say what is wrong with a run's file and how to get it back, yours or ours."""
    if path.parent.parent == REFERENCE_DIR:
        return RunError(
            f"{path} is damaged: {_short(why)} It belongs to the course: take it from "
            "a fresh download, or type in the course's folder: git checkout -- "
            f"{REFERENCE_DIR.name}/{path.parent.name}"
        )
    return RunError(
        f"{path} is damaged: {_short(why)} Delete the folder {path.parent} and run "
        f"{_notebook_of(path.parent.name)} again."
    )


def _short(reason):
    """Return the first line of a reason, as a sentence that fits a message."""
    first = (str(reason).strip() or type(reason).__name__).splitlines()[0]
    return textwrap.shorten(first, 200, placeholder=" …").rstrip(".") + "."


def _notebook_of(name):
    """Name the notebook that saves a run: ANN_Model.ipynb for "ann" and "ann-seed1"."""
    notebook = f"{name.split('-')[0].upper()}_Model.ipynb"
    there = (COURSE_DIR / notebook).exists()
    return notebook if there else "the notebook that saves it"


# --- checks that saving and loading share --------------------------------------------


def _check_name(name):
    if not (isinstance(name, str) and NAME_PATTERN.fullmatch(name)):
        raise RunError(
            f"{name!r} cannot be the name of a run. Use up to 64 letters, digits, "
            "hyphens and underscores, a letter or digit first."
        )


def _check_history(history, where):
    values = history.values() if isinstance(history, dict) else [None]
    lengths = {len(v) if isinstance(v, list) else None for v in values}
    if None in lengths or len(lengths) != 1 or "seconds" not in history:
        raise RunError(
            f"{where} needs one list for each metric and one of the seconds, all with "
            "one number an epoch. Train the model again and save its History.history."
        )


def _checked_predictions(y_true, y_prob, where):
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob, np.float32)
    if y_true.ndim != 1 or y_prob.shape != (len(y_true), 10) or len(y_true) == 0:
        raise RunError(
            f"{where} have shapes {y_true.shape} and {y_prob.shape}. Expected (n,) "
            "labels and (n, 10) probabilities of the same n test digits."
        )
    if y_true.dtype.kind not in "iu" or y_true.min() < 0 or y_true.max() > 9:
        raise RunError(
            f"{where} have labels from {y_true.min()} to {y_true.max()}, "
            f"{y_true.dtype}. Expected whole numbers from 0 to 9."
        )
    # Written so that NaN fails, too.
    if not (y_prob.min() >= 0 and np.allclose(y_prob.sum(axis=1), 1, atol=1e-3)):
        raise RunError(
            f"{where} hold rows that are negative somewhere or do not sum to 1. "
            "Expected probabilities: did the model's last layer lack its softmax?"
        )
    return y_true.astype(np.uint8), y_prob


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
    found = list_runs(REFERENCE_DIR)
    names = [n for n in found if n == name or n.startswith(f"{name}-seed")]
    seeds = [load_run(n, announce=False, folder=REFERENCE_DIR) for n in names]
    if seeds:
        check_comparable(*seeds)
    return sorted(seeds, key=lambda run: run.info["seed"])


def same_test(seeds, run):
    """Tell whether reference runs were tested on a run's digits; print it, too.

    Args:
        seeds: dictionary from the model's name to what load_seeds() returned.
        run: the run that they are to stand beside.

    Returns:
        bool; False where there are no reference runs.
    """
    found = [reference for each in seeds.values() for reference in each]
    if not found:
        print("There are no reference runs, so nothing is said about other seeds.")
        return False
    numbers = " and ".join(f"{len(each)} of the {n}" for n, each in seeds.items())
    theirs, ours = found[0].info["data"], run.info["data"]
    print(f"Reference runs: {numbers}, tested on {theirs['source']}.")
    same = theirs["test_fingerprint"] == ours["test_fingerprint"]
    if not same:
        print(
            f"The two runs above were tested on {ours['source']}: other digits. The "
            "reference runs are shown by themselves and never mixed with them."
        )
    return same
