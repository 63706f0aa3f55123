"""Checks that talk like a tutor: what came, what was expected, the usual mistake.

    with checks.Task("Task 1: scale") as task:
        task.equal("scale([0, 255])", scale(np.array([0, 255])), [0, 1])

Whatever goes wrong inside the `with` becomes a NotYet, which a notebook shows as a few
sentences without a traceback; for nbgrader it is an error like any other, and no marks.
"""

import contextlib
import io
import sys
import traceback
import warnings

import numpy as np

SHOWN = 12  # so many numbers of an array are readable at a glance
BOLD_RED, PLAIN = "\x1b[1;31m", "\x1b[0m"


class NotYet(AssertionError):
    """An answer is not right yet; the message says in which way."""

    def _render_traceback_(self):  # IPython shows these lines instead of a traceback
        first, *others = str(self).splitlines()
        return [f"{BOLD_RED}✗ {first}{PLAIN}", *(f"  {line}" for line in others)]


class Task:
    """The checks of one task, as a context: `with Task("Task 1: scale") as task:`.

    Args:
        title: what the task is called.
        silent: say nothing when all is well, for checks that only give marks.
    """

    def __init__(self, title, silent=False):
        self.title, self.silent = title, silent

    def __enter__(self):
        self._quiet = contextlib.ExitStack()
        # A correct answer may warn (log of 0, say), and nbgrader gives no marks to a
        # cell that writes to stderr.
        self._quiet.enter_context(contextlib.redirect_stderr(io.StringIO()))
        self._quiet.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        self._quiet.enter_context(np.errstate(all="ignore"))
        return self

    def __exit__(self, kind, error, trace):
        self._quiet.close()
        if error is None:
            if not self.silent:
                print(f"✓ {self.title}: all is well.")
            return
        if isinstance(error, Exception) and not isinstance(error, NotYet):
            raise NotYet(f"{self.title}\n{_in_words(error, trace)}") from None

    def that(self, condition, message):
        """Go on only if the condition holds; the message is for when it does not."""
        if not condition:
            raise NotYet(f"{self.title}\n{message}")

    def shape(self, what, came, expected, hint=""):
        """Compare the shape of an array."""
        self.that(came is not None, _nothing(what))
        came = tuple(np.shape(came))
        self.that(
            came == tuple(expected),
            f"{what} has the wrong shape.\n"
            f"came:     {came}\nexpected: {tuple(expected)}{_line(hint)}",
        )

    def equal(self, what, came, expected, hint="", mistakes=None, tolerance=1e-6):
        """Compare an answer with the right one.

        Args:
            what: what was computed, in the student's words.
            came: the answer.
            expected: the right one: numbers, an array, or anything that has an ==.
            hint: the usual mistake, said when nothing more specific is known.
            mistakes: {sentence: the wrong answer that this mistake leads to}; the
                sentence is said if exactly that answer came.
            tolerance: numbers may be off by so much, relatively or absolutely.
        """
        self.that(came is not None, _nothing(what))
        if not _is_numeric(expected):
            same, came_text, right_text = came == expected, repr(came), repr(expected)
        else:
            came, expected = _as_array(came), np.asarray(expected)
            self.that(
                came.dtype.kind in "biuf",
                f"{what} should be numbers, and is {came.dtype}.{_line(hint)}",
            )
            known = _known_mistake(came, mistakes, tolerance)
            if came.shape != expected.shape:
                self.shape(what, came, expected.shape, known or hint)
            same = _close(came, expected, tolerance)
            came_text, right_text = _compared(came, expected, tolerance)
        self.that(
            same,
            f"{what} is not right yet.\ncame:     {came_text}\nexpected: {right_text}"
            + _line(_known_mistake(came, mistakes, tolerance) or hint),
        )

    def unchanged(self, what, before, after):
        """Make sure that a function left its input alone."""
        self.that(
            np.array_equal(before, after),
            f"Your function changed {what}, which belongs to its caller.\n"
            "Usual mistake: `x -= …` works on the caller's array. Write `x = x - …`.",
        )

    def no_pixel_loop(self, function, small, large):
        """Make sure that a larger image does not take more steps of Python.

        Args:
            function: the student's function.
            small, large: its arguments, as tuples, for a small and a large image.
        """
        few, many = _lines_run(function, small), _lines_run(function, large)
        self.that(
            many <= few + 5,  # a generous few, for a branch that only one of them takes
            f"{function.__name__} loops over pixels: {few} lines of Python ran for the "
            f"small image,\n{many} for the large one. Let NumPy do the looping: handle "
            "all places at once\nand loop at most over the places of the kernel.",
        )


# --- words ---------------------------------------------------------------------------


def _line(hint):
    return f"\n{hint}" if hint else ""


def _nothing(what):
    return (
        f"{what} is None: the function returned nothing.\n"
        "Usual mistake: the last line computes the answer, but there is no `return`."
    )


def _in_words(error, trace):
    """Say what stopped the student's code, and where."""
    if isinstance(error, NotImplementedError):
        return (
            "Not written yet. Put your answer in place of the line `raise "
            "NotImplementedError(…)`\nin the cell above, run that cell, then this one."
        )
    here = trace.tb_frame.f_globals
    frames = [f for f, _ in traceback.walk_tb(trace) if f.f_globals is here]
    if isinstance(error, NameError) and len(frames) == 1:
        return (
            f"`{error.name}` is not known here. Run the cells above first, from the "
            "top,\nand keep the name that the task gives."
        )
    lines = [
        (frame.f_code.co_name, place.line)
        for (frame, _), place in zip(
            traceback.walk_tb(trace), traceback.extract_tb(trace), strict=True
        )
        if frame.f_globals is here
    ]
    name, line = lines[-1]
    words = f"{type(error).__name__}: {error}".splitlines()
    text = "\n".join(words[:3])
    if len(frames) == 1:
        return f"What your function returned cannot be used here.\n{text}{_line(line)}"
    where = f"in `{name}`" + (f", at the line `{line}`" if line else "")
    return f"Your code stopped {where}:\n{text}"


# --- numbers -------------------------------------------------------------------------


def _as_array(value):
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        return np.asarray(value, dtype=object)


def _is_numeric(value):
    return _as_array(value).dtype.kind in "biuf"


def _close(came, expected, tolerance):
    return came.shape == expected.shape and np.allclose(
        came, expected, rtol=tolerance, atol=tolerance, equal_nan=True
    )


def _known_mistake(came, mistakes, tolerance):
    for sentence, wrong in (mistakes or {}).items():
        if _is_numeric(wrong) and _is_numeric(came):
            if _close(np.asarray(came), np.asarray(wrong), tolerance):
                return sentence
        elif not _is_numeric(came) and came == wrong:
            return sentence
    return ""


def _compared(came, expected, tolerance):
    """Write both arrays out; of long ones, the first place where they differ."""
    if came.size <= SHOWN or came.shape != expected.shape:
        return _text(came), _text(expected)
    differ = ~np.isclose(came, expected, tolerance, tolerance, equal_nan=True)
    if not differ.any():
        return "", ""
    where = tuple(int(k) for k in np.argwhere(differ)[0])
    place = f"at {list(where)}"
    return (
        f"{_text(came[where])} {place}, and {differ.sum():,} of {came.size:,} differ",
        f"{_text(expected[where])} {place}",
    )


def _text(array):
    text = np.array2string(array, precision=4, threshold=SHOWN, suppress_small=True)
    return " ".join(text.split())


# --- steps ---------------------------------------------------------------------------


def _lines_run(function, arguments):
    """Count the lines of Python that run in the function's file while it is called."""
    count, home = 0, function.__code__.co_filename

    def trace(frame, event, _):
        nonlocal count
        if frame.f_code.co_filename != home:
            return None
        count += event in ("line", "call")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count
