"""What the files of a run must hold, and that they agree with each other.

Saving and loading share these checks, so that what is saved can be loaded. A run may
come from somebody else: run.json is believed only where the other files bear it out.
"""

import hashlib
import math
import operator
import re
from datetime import datetime

import numpy as np

from utils.bounded import MEGABYTE, BadFile, open_regular, read_json, read_npz
from utils.data import KNOWN_TEST_SETS, OWN, stress_digits
from utils.data_files import MOST_DIGITS
from utils.model_file import LARGEST_MODEL, count_parameters
from utils.wording import SaidError

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# Windows keeps these names for devices, whatever follows after a dot.
RESERVED_NAMES = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]", re.IGNORECASE)
# The files that run.json may name, and how many bytes each may have.
LARGEST = {
    "history.json": 5 * MEGABYTE,
    "predictions.npz": 30 * MEGABYTE,  # of 300,000 digits, were they 64-bit floats
    "stress.npz": 10 * MEGABYTE,
    "model.keras": LARGEST_MODEL,
}
# The arrays of stress.npz: the kinds of damage (utils.corruptions), and the UCI digits.
STRESS = ("shift", "rotate", "scale", "noise", "blur", "occlude", "uci")
LARGEST_INFO = MEGABYTE // 5
MOST_METRICS = 100
# The labels of the known test sets: 16 hex digits of a SHA-256 over them as bytes.
KNOWN_LABELS = {"full MNIST": "ddeff807876a9661", "sample": "0a94114279aee67c"}


class RunError(SaidError):
    """A run cannot be saved, found or read; the message says what to do."""


class MissingRun(RunError):
    """There is no run of this name."""


# --- what each field of run.json may be ----------------------------------------------


def _is_text(value):
    """Tell whether a value is a short text that can be printed and shown as HTML."""
    is_short = isinstance(value, str) and 0 < len(value) <= 200
    return is_short and value.isprintable() and not set("<>") & set(value)


def _is_count(value):
    return type(value) is int and 0 <= value < 2**64  # bool is an int, too


def _is_size(value):
    return _is_count(value) and 1 <= value <= MOST_DIGITS


def _is_finite(value):
    return type(value) in (int, float) and abs(value) <= 1e12  # false for NaN


def _is_number(value):
    return _is_finite(value) and value >= 0


def _is_fraction(value):
    return _is_number(value) and value <= 1


def _is_versions(value):
    return isinstance(value, dict) and all(map(_is_text, [*value, *value.values()]))


# By how its name ends, what a metric can be: a cosine may be negative.
ENDS = {
    "accuracy": _is_fraction,
    "loss": _is_number,
    "seconds": _is_number,
    "": _is_finite,
}


def _is_hex(value, n_digits):
    is_text = isinstance(value, str)
    return is_text and re.fullmatch(f"[0-9a-f]{{{n_digits}}}", value) is not None


def _is_digests(value):
    return isinstance(value, dict) and all(_is_hex(d, 64) for d in value.values())


def _is_time(value):
    """Tell whether a text is a time in ISO 8601 with its zone.

    It may be one to come: clocks are set wrong, and the run is as good.
    """
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


INFO_FIELDS = {
    "name": _is_text,
    "model": _is_text,
    "seed": _is_count,
    "epochs": _is_count,
    "parameters": _is_count,
    "train_seconds": _is_number,
    "test_accuracy": _is_fraction,
    "test_loss": _is_number,
    "data": lambda value: isinstance(value, dict),
    "versions": _is_versions,
    "created": _is_time,
    "files": _is_digests,
}
DATA_FIELDS = {
    "source": _is_text,
    "n_train": _is_size,
    "n_val": _is_count,
    "n_test": _is_size,
    "test_fingerprint": lambda value: _is_hex(value, 16),
}


def find_fault(info):
    """Return what is wrong with the fields of run.json, in words, or None."""
    if not isinstance(info, dict):
        return "holds no dictionary"
    for fields, values in ((INFO_FIELDS, info), (DATA_FIELDS, info.get("data"))):
        for field, is_right in fields.items():
            if not is_right(values.get(field)):
                return f"has in its field {field!r} the value {values.get(field)!r:.90}"
    stopped = info.get("stopped", False)  # older runs do not say
    if not isinstance(stopped, bool):
        return f"has in its field 'stopped' the value {stopped!r:.90}"
    return None


def find_contradiction(info, history, y_true, y_prob):
    """Return where run.json contradicts the history or the predictions, or None."""
    data = info["data"]
    accuracy, loss = measures(y_true, y_prob)
    known = KNOWN_TEST_SETS.get(data["test_fingerprint"], data["source"])
    stated_and_found = {
        "epochs": (info["epochs"], len(history["seconds"]), 0),
        "train_seconds": (info["train_seconds"], math.fsum(history["seconds"]), 0.01),
        "n_test": (data["n_test"], len(y_true), 0),
        "test_accuracy": (info["test_accuracy"], accuracy, 1e-6),
        "test_loss": (info["test_loss"], loss, 1e-4),
    }
    for field, (stated, found, tolerance) in stated_and_found.items():
        if not math.isclose(stated, found, rel_tol=1e-6, abs_tol=tolerance):
            return f"says {stated:g} for {field!r}, its other files say {found:g}"
    if data["source"] not in (known, OWN):  # the training digits may be one's own
        return f"says that its data are {data['source']!r}, its test digits are {known}"
    labels = hashlib.sha256(y_true).hexdigest()[:16]
    if data["test_fingerprint"] in KNOWN_TEST_SETS and labels != KNOWN_LABELS[known]:
        return f"says that its test digits are the {known}, which has other labels"
    return None


def measures(y_true, y_prob):
    """Return the accuracy and the mean negative log-likelihood of predictions."""
    p_true = y_prob[np.arange(len(y_true)), y_true].astype(float)
    # One probability of 0 would make the mean infinite; Keras clips at 1e-7, too.
    loss = float(-np.log(np.clip(p_true, 1e-7, 1.0)).mean())
    return float(np.mean(y_prob.argmax(axis=1) == y_true)), abs(loss)


# --- checks that saving and loading share --------------------------------------------


def is_name(name):
    """Tell whether a run may have this name, on every system."""
    return bool(
        isinstance(name, str)
        and NAME_PATTERN.fullmatch(name)
        and not RESERVED_NAMES.fullmatch(name)
    )


def check_name(name):
    """Raise a RunError unless a run may have this name."""
    if not is_name(name):
        raise RunError(
            f"{name!r} cannot be the name of a run. Use up to 64 letters, digits, "
            "hyphens and underscores, a letter or digit first; not a name that Windows "
            "keeps for a device, such as con or nul."
        )


def as_count(what, value):
    """Return a whole number as an int, NumPy's too, or raise a RunError."""
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if not _is_count(number):
        raise RunError(
            f"{what} is {value!r:.90}. Expected a whole number from 0: correct what "
            "you pass to save_run."
        )
    return number


def as_array(values):
    """Return values as an array; from uneven lists, one without a shape."""
    try:
        return np.asarray(values)
    except ValueError:
        return np.array(None)


def find_stress_fault(stress, n_test):
    """Return what is wrong with hits on damaged digits, in words, or None."""
    if not isinstance(stress, dict) or set(stress) != set(STRESS):
        return f"needs a dictionary of the arrays {', '.join(STRESS)}"
    n_digits = len(stress_digits(n_test))
    for kind, hits in stress.items():
        hits = as_array(hits)
        is_right = hits.ndim == 2 and hits.dtype == bool and hits.size
        if is_right and kind == "uci":  # other digits, undamaged
            is_right = len(hits) == 1
        elif is_right:  # the first severity is harmless
            is_right = len(hits) > 1 and hits.shape[1] == n_digits
        if not is_right:
            return (
                f"has for {kind!r} {hits.dtype} of shape {hits.shape}. Expected True "
                f"or False, a row for each severity, {n_digits} digits (uci: one row)"
            )
    return None


def as_history(history, seconds):
    """Return Keras' History.history and the seconds as lists of floats, checked."""
    where = "The history to save"
    try:
        lists = {metric: [*map(float, values)] for metric, values in history.items()}
        lists["seconds"] = [*map(float, seconds)]
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise RunError(
            f"{where} has values that are not numbers ({error}). Pass Keras' "
            "History.history, and the seconds of each epoch."
        ) from error
    check_history(lists, where)
    return lists


def check_history(history, where):
    """Raise a RunError unless a history is lists of numbers, all of one length."""
    values = list(history.values()) if isinstance(history, dict) else [None]
    lengths = {len(v) if isinstance(v, list) else None for v in values}
    is_short = len(values) <= MOST_METRICS
    if None in lengths or len(lengths) != 1 or "seconds" not in history or not is_short:
        raise RunError(
            f"{where} needs one list for each metric and one of the seconds, all with "
            f"one number per epoch, and at most {MOST_METRICS} lists. Train the model "
            "again, with the LiveProgress that notes the seconds among the callbacks, "
            "and save its History.history."
        )
    if not history["seconds"]:
        raise RunError(
            f"{where} has no epoch: nothing was trained. Train the model for one epoch "
            "or more and save its History.history."
        )
    for metric, numbers in history.items():
        if not _is_text(metric):
            raise RunError(f"{where} needs names of metrics, not {metric!r:.200}.")
        is_right = next(fits for end, fits in ENDS.items() if metric.endswith(end))
        if wrong := [number for number in numbers if not is_right(number)]:
            raise RunError(
                f"{where} needs numbers that {metric!r} can have; {wrong[0]!r:.200} is "
                "none. If it is nan, the training has failed: lower the learning rate "
                "and train again."
            )


def checked_predictions(y_true, y_prob, where):
    """Return labels as uint8 and probabilities as float32, or raise a RunError."""
    y_true, y_prob = as_array(y_true), as_array(y_prob)
    if y_true.ndim != 1 or y_prob.shape != (len(y_true), 10) or len(y_true) == 0:
        raise RunError(
            f"{where} have shapes {y_true.shape} and {y_prob.shape}. Expected (n,) "
            "labels and (n, 10) probabilities of the same n test digits."
        )
    if y_true.dtype.kind not in "iu" or y_true.min() < 0 or y_true.max() > 9:
        raise RunError(
            f"{where} have the labels {np.unique(y_true.astype(str))[:20]}, "
            f"{y_true.dtype}. Expected whole numbers from 0 to 9."
        )
    if y_prob.dtype.kind not in "biuf":
        raise RunError(f"{where} are {y_prob.dtype}. Expected numbers from 0 to 1.")
    with np.errstate(over="ignore"):  # it becomes infinite
        y_prob = y_prob.astype(np.float32)
    if not np.isfinite(y_prob).all():
        raise RunError(
            f"{where} hold nan or infinite numbers. Expected probabilities: so ends a "
            "training that diverges. Build the model again, and train it with a "
            "smaller learning rate."
        )
    # Bounded first, so that the sums cannot overflow.
    is_share = y_prob.min() >= 0 and y_prob.max() < 2
    if not (is_share and np.allclose(y_prob.sum(axis=1), 1, atol=1e-3)):
        raise RunError(
            f"{where} hold rows that are negative somewhere or do not sum to 1. "
            "Expected probabilities: did the model's last layer lack its softmax?"
        )
    return y_true.astype(np.uint8), y_prob


# --- reading -------------------------------------------------------------------------


def read_run(folder, name):
    """Read the files of a run, each within its limit, and see that they agree.

    Args:
        folder: where they are.
        name: of the run.

    Returns:
        (info, history, y_true, y_prob), as the attributes of utils.runs.Run.

    Raises:
        BadFile: a file is missing or damaged, or contradicts another.
        RunError: history or predictions do not fit.
        PermissionError: a file may not be read.
    """
    path = folder / "run.json"
    info = _reachable(read_json, path, LARGEST_INFO)
    if fault := find_fault(info):
        raise BadFile(path, fault)
    if not is_name(theirs := info["name"]):
        raise BadFile(path, f"has in its field 'name' the value {theirs!r:.90}")
    if theirs != name:
        raise RunError(
            f"{path} is of the run {theirs!r}: {folder} is a copy of that run under "
            "another name, and a run is read by its own. To read it, move it to "
            f"another folder of runs, as {theirs!r}, and set RUNS_DIR to that folder."
        )
    _check_files(folder, info["files"])
    history = read_json(folder / "history.json", LARGEST["history.json"])
    check_history(history, folder / "history.json")
    place = folder / "predictions.npz"
    arrays = read_npz(place, ["y_true", "y_prob"], LARGEST[place.name])
    y_true, y_prob = checked_predictions(**arrays, where=place)
    if contradiction := find_contradiction(info, history, y_true, y_prob):
        raise BadFile(path, contradiction)
    if "model.keras" in info["files"]:
        least, most = count_parameters(folder / "model.keras")
        if not least <= info["parameters"] <= most:
            raise BadFile(
                path,
                f"says {info['parameters']} for 'parameters', its model has {least}",
            )
    return info, history, y_true, y_prob


def _check_files(folder, digests):
    """Raise a BadFile unless a run has the files that run.json names, and no others."""
    needed, allowed = {"history.json", "predictions.npz"}, LARGEST.keys()
    if not needed <= digests.keys() <= allowed:
        raise BadFile(
            folder / "run.json",
            f"names the files {', '.join(digests)!r:.200}, a run has "
            f"{', '.join(allowed)}",
        )
    for file_name, digest in digests.items():
        path = folder / file_name
        if _reachable(file_digest, path) != digest:
            raise BadFile(path, "is not the file that was saved")


def file_digest(path):
    """Return the SHA-256 of a run's file, 64 hex digits; raises as open_regular."""
    with open_regular(path, LARGEST[path.name]) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reachable(read, path, *arguments):
    """Read a file of a run; one that is elsewhere or not there is a BadFile."""
    try:
        if path.resolve().parent != path.parent.resolve():
            raise BadFile(path, "is a link that leads out of the run")
        return read(path, *arguments)
    except PermissionError:
        raise
    except FileNotFoundError as error:
        raise BadFile(path, "is missing") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise BadFile(path, f"cannot be read ({error})") from error
