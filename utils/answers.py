"""What a student's function returned, as plain values that mean what they say.

A right answer may come as a list, a NumPy scalar, a Keras tensor or a generator; and an
object that claims to equal everything is no answer. Whoever compares answers compares
what `plain` makes of them: arrays of numbers, words, and lists of these.
"""

import itertools
from collections.abc import Iterator, Sequence, ValuesView

import numpy as np

NUMBERS = "biuf"  # NumPy's kinds of numbers: booleans, whole, unsigned, floating
# So many things of a generator or a range are read, and no more: there may be one for
# each digit of the largest set (utils.data_files.MOST_DIGITS).
LONGEST = 300_000


class Unusable(Exception):
    """What should be a function, or a model, cannot be judged; the text says why."""


class Strange:
    """A value that is neither a number nor a word; it remembers of which kind."""

    def __init__(self, value):
        is_array = isinstance(value, np.ndarray)
        self.kind = f"{value.dtype} array" if is_array else type(value).__name__

    def __repr__(self):
        return f"something of type {self.kind}"


def plain(value):
    """Turn an answer into plain values.

    Returns:
        None; a str; an ndarray of numbers, 0-dimensional for a single one; a list of
        plain values that do not form an array; or a Strange.
    """
    if value is None or isinstance(value, Strange):  # of another process, perhaps
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Sequence | Iterator | ValuesView) and not _is_bytes(value):
        return _joined([plain(part) for part in itertools.islice(value, LONGEST)])
    try:
        if np.ma.is_masked(value):  # None stands for what has no value
            return plain(value.tolist())
        array = np.array(value, subok=False)
    except Exception:  # whatever an object of the student's own raises
        return Strange(value)
    if array.dtype.kind == "c":
        return Strange(array)
    if array.dtype.kind in NUMBERS:
        return array
    if array.dtype.kind == "U":
        return str(array) if array.ndim == 0 else array.tolist()
    if array.dtype == object and array.ndim:
        return plain(array.tolist())
    return _number(value)


def witness(argument):
    """Return what shows whether an argument was changed: an array shows it itself."""
    if isinstance(argument, list | dict):
        return repr(argument)
    return argument if hasattr(argument, "dtype") else None


def _is_bytes(value):
    return isinstance(value, bytes | bytearray | memoryview)


def is_numeric(value):
    """Say whether a plain value consists of numbers."""
    return isinstance(value, np.ndarray)


def _joined(parts):
    """Return parts as one array if they are numbers of one shape, else as a list."""
    if parts and all(map(is_numeric, parts)) and len({p.shape for p in parts}) == 1:
        return np.array(parts)
    return parts if parts else np.zeros(0)


def _number(value):
    """Return a Fraction, a Decimal and their like as a number."""
    try:
        return np.array(float(value))
    except Exception:  # whatever an object of the student's own raises
        return Strange(value)
