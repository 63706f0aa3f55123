"""What a check says about values: what kind they are, and where they differ."""

import re

import numpy as np

from utils.answers import Strange, Unusable, is_numeric, plain
from utils.wording import listed

COLOURS = re.compile(r"\x1b\[[\d;]*m")  # of a terminal, bold letters too: Keras' own
SHOWN = 12  # so many numbers of an array are readable at a glance


def on_a_line(hint):
    """Return a hint as a line of its own; nothing if there is none."""
    return f"\n{hint}" if hint else ""


def in_short(error):
    """Return an error's kind and message; a message of one's own class may fail."""
    try:
        return COLOURS.sub("", f"{type(error).__name__}: {error}")
    except Exception:  # whatever a __str__ of the student's own raises
        return type(error).__name__


def name_of(function):
    """Return the name of a function, or of what can be called like one."""
    return getattr(function, "__name__", type(function).__name__)


def named_last(names):
    """Return the last name that somebody gave: no <lambda>, <listcomp> or <genexpr>."""
    return next((name for name in reversed(names) if not name.startswith("<")), "")


def changed(function, argument):
    """Say that a function changed what it was given, and how that usually comes."""
    kind = {list: "a list", dict: "a dictionary"}.get(type(argument), "an array")
    usual = (
        "`x -= …`, `x.sort()` and `rng.shuffle(x)` work on the caller's array;\n"
        "`x = x - …`, `np.sort(x)` and `rng.permutation(x)` make a new one."
    )
    if kind != "an array":
        usual = "`pop`, `sort` and `reverse` work on the caller's own. Take a copy."
    return (
        f"`{name_of(function)}` changed {kind} that belongs to its caller.\n"
        f"Usual mistake: {usual}"
    )


def require_function(function):
    """Raise Unusable if what the task calls a function cannot be called."""
    if not callable(function):
        raise Unusable(
            f"Expected a function, but got {kind_of(plain(function))}.\n"
            "Keep the line `def …` as the task gives it, and return the answer."
        )


def handed(function, arguments, stopped):
    """Say what a function was called with, if arrays are in it: NumPy minds shapes.

    Args:
        function: the one that the check called.
        arguments: those of this call.
        stopped: the name of the function that stopped: this one, or one that it calls.
    """
    if not any(isinstance(x, np.ndarray) for x in arguments):
        return ""
    who = "It" if stopped in ("", name_of(function)) else f"`{name_of(function)}`"
    return f"{who} was called with {listed([kind_of(plain(x)) for x in arguments])}."


def missing(what):
    """Say that None came, and where it usually comes from."""
    return (
        f"Got None for {what}.\n"
        "Usual mistakes: the last line computes or prints the answer, but there is no "
        "`return`;\nno `if` with a `return` in it holds; or what is returned is the "
        "None that `append`,\n`sort` or `np.add.at` gives."
    )


def kind_of(came):
    """Say of which kind a plain value is, if it is not of the one that was expected."""
    if isinstance(came, str):
        return f"the text {came[:40]!r}"
    if isinstance(came, list):
        leaves = _leaves(came)
        kinds = list(dict.fromkeys(map(_kind_of_part, leaves)))
        if kinds == ["texts"]:
            return f"texts such as {leaves[0][:40]!r}"
        if kinds == ["numbers"]:
            return "rows of different lengths"
        of = "a mixture of" if len(kinds) > 1 else "a list of"
        return f"{of} {' and '.join(kinds[:3])}"
    if isinstance(came, Strange) and came.kind.endswith(("function", "method", "type")):
        return f"{came!r} (are its brackets missing?)"
    if is_numeric(came):
        return "one number" if not came.ndim else f"an array of shape {came.shape}"
    return repr(came)


def _kind_of_part(part):
    if isinstance(part, str):
        return "texts"
    return "numbers" if is_numeric(part) else repr(part)


def _leaves(parts):
    """Return what is in a list, and in the lists in it."""
    return [
        leaf
        for part in parts
        for leaf in (_leaves(part) if isinstance(part, list) else [part])
    ]


def single(came):
    """Return an array of one number as this number, everything else as it is."""
    return came.item() if is_numeric(came) and came.size == 1 else came


def as_shape(came):
    """Return a plain value as the tuple that it is as a shape; None may be in it."""
    if isinstance(came, list):
        return tuple(map(as_shape, came))
    if is_numeric(came):
        came = came.tolist()
        return tuple(came) if isinstance(came, list) else came
    return came


def is_close(came, expected, tolerance):
    """Say whether two arrays have one shape and nearly the same numbers."""
    return came.shape == expected.shape and np.allclose(
        came, expected, rtol=tolerance, atol=tolerance, equal_nan=True
    )


def known_mistake(came, mistakes, tolerance):
    """Return the sentence on the mistake that leads to this answer, or "" for none."""
    for sentence, wrong in (mistakes or {}).items():
        if isinstance(wrong, str) or isinstance(came, str):
            if isinstance(came, str) and came == wrong:
                return sentence
        elif is_numeric(came) and is_close(came, np.asarray(wrong), tolerance):
            return sentence
    return ""


def compared(came, expected, tolerance):
    """Write both arrays out; of long ones, the first place where they differ."""
    if came.size <= SHOWN or came.shape != expected.shape:
        return _texts(came, expected)
    differ = ~np.isclose(came, expected, tolerance, tolerance, equal_nan=True)
    if not differ.any():
        return "", ""
    where = tuple(int(k) for k in np.argwhere(differ)[0])
    place = f"at {list(where)}"
    came_text, right_text = _texts(came[where], expected[where])
    count = f"{differ.sum():,} of {came.size:,} differ"
    return f"{came_text} {place}, and {count}", f"{right_text} {place}"


def _texts(came, expected):
    """Write two arrays out, with as many decimals as it takes to see a difference."""
    for decimals in (4, 8, 16):
        texts = _text(came, decimals), _text(expected, decimals)
        if texts[0] != texts[1]:
            break
    return texts


def _text(array, decimals):
    text = np.array2string(
        array, precision=decimals, threshold=SHOWN, suppress_small=True
    )
    return " ".join(text.split())
