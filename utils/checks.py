"""Checks that talk like a tutor: what came, what was expected, the usual mistake.

    with checks.Task("Task 1: scale") as task:
        came = task.call(scale, np.array([0, 255]))
        task.equal("scale([0, 255])", came, [0, 1])

Whatever goes wrong inside the `with` becomes a NotYet, which a notebook shows as a few
sentences without a traceback; for nbgrader it is an error like any other, and no marks.
"""

import contextlib
import copy
import io
import itertools
import sys
import traceback
import warnings
from collections.abc import Iterator

import numpy as np

from utils.answers import LONGEST, Unusable, is_numeric, plain, witness
from utils.check_names import Names
from utils.check_steps import steps_of
from utils.check_words import (
    as_shape,
    changed,
    compared,
    handed,
    in_short,
    is_close,
    kind_of,
    known_mistake,
    missing,
    name_of,
    named_last,
    on_a_line,
    require_function,
    single,
)

# In the page's own colour: Jupyter's red on its red is hard to read where it is dark.
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
SEPARATED = "Return them separated by commas, or as a list."


class NotYet(AssertionError):
    """An answer is not right yet; the message says in which way."""

    def _render_traceback_(self):  # IPython shows these lines instead of a traceback
        first, *others = str(self).splitlines()
        return [f"{BOLD}✗ {first}{PLAIN}", *(f"  {line}" for line in others)]


class Task:
    """The checks of one task, as a context: `with Task("Task 1: scale") as task:`.

    Args:
        title: what the task is called.
        silent: say nothing when all is well, for checks that only give marks.
        without: names of the notebook that an answer must not use; they are out of
            sight while `call` and `build` run it.
    """

    def __init__(self, title, silent=False, without=()):
        self.title, self.silent, self.without = title, silent, without

    def __enter__(self):
        self._names = Names(sys._getframe(1), self.without)
        # Sentences on mistakes: what was right in this call, and in those before it.
        self._passed, self._ruled_out = set(), set()
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
        self._names.leave()
        if error is None:
            if not self.silent:
                print(f"✓ {self.title}: all is well.")
            return
        if isinstance(error, Exception | SystemExit) and not isinstance(error, NotYet):
            words = _in_words(error, trace, self._names.hidden())
            raise NotYet(f"{self.title}\n{words}") from None

    def that(self, condition, message):
        """Go on only if the condition holds; the message is for when it does not."""
        if not condition:
            raise NotYet(f"{self.title}\n{message}")

    # --- the student's functions ---

    def call(self, function, *arguments, **keywords):
        """Call a student's function, and make sure that it leaves its input alone.

        Arrays, lists and dictionaries are watched; a generator's values are drawn.
        """
        return self._call(function, arguments, keywords)

    def _call(self, function, arguments, keywords, seed=None):
        require_function(function)
        self._ruled_out |= self._passed
        handed = copy.deepcopy((arguments, keywords))
        if hasattr(function, "call_there"):  # it lives in another process: see tools/
            came, after = function.call_there(handed, self.without, seed)
        else:
            with self._names.out_of_sight():
                if seed is not None:
                    _set_seed(seed)
                came = function(*handed[0], **handed[1])
                if isinstance(came, Iterator):
                    came = list(itertools.islice(came, LONGEST))
            after = [witness(x) for x in (*handed[0], *handed[1].values())]
        given = (*arguments, *keywords.values())
        for old, new in zip(given, after, strict=True):
            self._untouched(function, old, new)
        return came

    def _untouched(self, function, old, new):
        if isinstance(old, np.ndarray):
            same = np.array_equal(old, new, equal_nan=old.dtype.kind in "fc")
        else:
            same = witness(old) == new
        self.that(same, changed(function, old))

    def build(self, function, seed=0):
        """Call a student's function that builds a Keras model; return the model.

        What is returned was saved and loaded, so it holds nothing but Keras' layers,
        their weights, and how it was compiled.
        """
        model = self._call(function, (), {}, seed)
        self.that(model is not None, missing("the model"))
        import keras

        self.that(
            isinstance(model, keras.Model),
            f"Expected a Keras model, but got {kind_of(plain(model))}: "
            "return the model.",
        )
        self.that(
            model.built,
            "The model does not know yet how large its input is: begin it with\n"
            "`keras.Input(…)`, and the shape of one image.",
        )
        from utils.model_answers import odd_precision, reopened, saved

        odd = odd_precision(model)
        self.that(
            not odd,
            f"The model computes in {odd}, and the check in float32. Was another\n"
            "precision set in a cell above? Restart the kernel, and leave it out.",
        )
        if hasattr(function, "call_there"):  # it came as a file
            return model
        return reopened(saved(model))

    def no_pixel_loop(self, function, small, large):
        """Make sure that a larger image does not take more steps of Python.

        Args:
            function: the student's function.
            small, large: its arguments, as tuples, for a small and a large image.
        """
        count = getattr(function, "steps_there", None) or (
            lambda arguments: steps_of(function, arguments, self._names.known)
        )
        for arguments in (small, large):  # other numbers: the first call fills caches
            count(tuple(x + 1 if isinstance(x, np.ndarray) else x for x in arguments))
        few, many = count(small), count(large)
        self.that(
            many <= few + 5,  # a generous few, for a branch that only one of them takes
            f"`{name_of(function)}` loops over pixels: {few} steps of Python for the "
            f"small image,\n{many} for the large one. Let NumPy do the looping: handle "
            "all places at once\nand loop at most over those of the kernel or window.",
        )

    # --- what they returned ---

    def numbers(self, what, came, shape=None, hint=""):
        """Return an answer as an array, whatever kind of numbers it was.

        Args:
            what: what was computed, in the student's words.
            came: the answer: numbers, lists of them, tensors, arrays.
            shape: the shape that it must have.
            hint: what that shape means.
        """
        self.that(came is not None, missing(what))
        came = plain(came)
        self.that(
            is_numeric(came),
            f"Expected numbers for {what}, but got {kind_of(came)}.{on_a_line(hint)}",
        )
        self.that(
            shape is None or came.shape == tuple(shape),
            f"Wrong shape: {what}.\n"
            f"came:     {came.shape}\nexpected: {shape}"
            f"{'' if shape else ', a single number'}{on_a_line(hint)}",
        )
        return came

    def shape(self, what, came, expected, hint=""):
        """Compare a shape with the right one; any kind of sequence is a shape.

        Args:
            what: the shape of what, in the student's words.
            came, expected: the shapes.
            hint: what the shape means.
        """
        self.that(came is not None, missing(what))
        came = as_shape(plain(came))
        self.that(
            came == tuple(expected),
            f"Wrong shape: {what}.\n"
            f"came:     {came!r}\nexpected: {tuple(expected)}{on_a_line(hint)}",
        )

    def whole(self, what, came, hint=""):
        """Make sure that an answer consists of whole numbers, and not of floats."""
        kind = self.numbers(what, came).dtype
        self.that(
            kind.kind in "iu",
            f"Expected whole numbers for {what}, but got {kind}.{on_a_line(hint)}",
        )

    def parts(self, what, came, names):
        """Return the parts of an answer of several; any kind of sequence will do."""
        self.that(came is not None, missing(what))
        expected = f"Expected {len(names)} things: {', '.join(names)}."
        if not isinstance(came, list | tuple):
            parts = plain(came)
            there = isinstance(parts, list) or np.ndim(parts)
            self.that(there, f"{expected} Got {kind_of(parts)}.\n{SEPARATED}")
            came = parts
        array = is_numeric(came) and f"an array of shape {came.shape}"
        self.that(
            len(came) == len(names),
            f"{expected} Got {array or len(came)}.\n{SEPARATED}",
        )
        return list(came)

    def equal(self, what, came, expected, hint="", mistakes=None, tolerance=1e-6):
        """Compare an answer with the right one.

        Args:
            what: what was computed, in the student's words.
            came: the answer.
            expected: the right one: numbers or a word.
            hint: a remark that is true whatever the mistake.
            mistakes: {sentence: the wrong answer that this mistake leads to}; the
                sentence is said if exactly that answer came, unless an earlier call
                was right where this mistake would have shown.
            tolerance: numbers may be off by so much, relatively or absolutely.
        """
        if isinstance(expected, str):
            self.that(came is not None, missing(what))
            came = plain(came)
            same = isinstance(came, str) and came == expected
            came_text, right_text = repr(single(came)), repr(expected)
        else:
            expected = np.asarray(expected)
            came = self.numbers(what, came)
            mistakes = {
                sentence: wrong
                for sentence, wrong in (mistakes or {}).items()
                if sentence not in self._ruled_out
            }
            known = known_mistake(came, mistakes, tolerance)
            self.numbers(what, came, expected.shape, known or hint)
            same = is_close(came, expected, tolerance)
            came_text, right_text = compared(came, expected, tolerance)
            self._passed |= {
                sentence
                for sentence, wrong in mistakes.items()
                if not is_close(np.asarray(wrong), expected, tolerance)
            }
        self.that(
            same,
            f"Not right yet: {what}.\ncame:     {came_text}\nexpected: {right_text}"
            + on_a_line(known_mistake(came, mistakes, tolerance) or hint),
        )

    def seeded(self, what, first, again, other):
        """Compare answers of one seed, the same once more, and of other ones.

        Args:
            what: what was drawn.
            first, again: arrays of the same seed.
            other: a list of arrays, each of another seed.
        """
        self.that(
            first.shape == again.shape and np.allclose(first, again),
            f"The same seed gives different results when it is used again: {what}.\n"
            "Draw every random number from a generator that starts from `seed`.",
        )
        differ = [x.shape != first.shape or not np.array_equal(x, first) for x in other]
        self.that(
            any(differ),
            f"Different seeds give exactly the same result: {what}.\n"
            "Draw every random number from a generator that starts from `seed`.",
        )


# --- calling -------------------------------------------------------------------------


def _set_seed(seed):
    import keras

    keras.utils.set_random_seed(seed)


# --- words about errors --------------------------------------------------------------


def _in_words(error, trace, hidden=()):
    """Say what stopped the student's code, and where."""
    if isinstance(error, NameError) and error.name in hidden:
        return (
            f"Your code uses `{error.name}`, which was not handed to it. What a "
            "function works with\nare its arguments: with other ones, it would still "
            "look at the old data."
        )
    if isinstance(error, Unusable):
        return str(error)
    frames = list(traceback.walk_tb(trace))
    callers = (Task._call.__code__, steps_of.__code__)
    calls = [k for k, (f, _) in enumerate(frames) if f.f_code in callers]
    if isinstance(error, NameError) and not calls:
        return (
            f"`{error.name}` is not known here. Run the cells above first, from the "
            "top,\nand keep the name that the task gives."
        )
    here, first = trace.tb_frame.f_globals, calls[-1] if calls else 0
    lines = [
        (frame.f_code.co_name, place.line)
        for (frame, _), place in zip(
            frames[first:], traceback.extract_tb(trace)[first:], strict=True
        )
        if frame.f_globals is here
    ]
    words, (_, line) = in_short(error), (lines or [("", "")])[-1]
    name = named_last([name for name, _ in lines])
    if hasattr(error, "there"):  # it was raised in another process: see tools/grading
        words, name, line = error.there
    # Libraries raise it, too: Keras for a model without `call`, SciPy, TensorFlow.
    own = hasattr(error, "there") or frames[-1][0].f_globals is here
    if isinstance(error, NotImplementedError) and own:
        who = f": `{name}`" if name else ""
        return (
            f"Not written yet{who}. Put your answer in place of the line\n`raise "
            "NotImplementedError(…)` in its cell, run that cell, then this one."
        )
    text = "\n".join(words.splitlines()[:3])
    if not calls:
        return (
            f"What your function returned cannot be used here.\n{text}{on_a_line(line)}"
            "\nOr did you give `np` or another name of the notebook a new value? Choose"
            "\nanother name then, restart the kernel and run from the top."
        )
    where = f" in `{name}`" if name else ""
    where += f", at the line `{line}`" if line else ""
    called = frames[first][0].f_locals
    given = handed(called["function"], called["arguments"], name)
    return f"Your code stopped{where}:\n{text}{on_a_line(given)}"
