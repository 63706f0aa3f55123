"""The tutor's words: what came, what was expected, the usual mistake behind it."""

import pickle
import subprocess
import sys
import time
import types
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from tools.graded import worker
from tools.graded.judge import Remote
from utils.checks import NotYet, Task
from utils.places import COURSE_DIR


def told(action):
    """Return what the student reads when the action is the inside of a check."""
    with pytest.raises(NotYet) as caught, Task("Task 1: Try") as task:
        action(task)
    return str(caught.value)


def test_says_so_when_all_is_well(capsys):
    with Task("Task 1: Try") as task:
        task.equal("the sum", 1 + 1, 2)
        task.equal("the name", "ann", "ann")
        task.numbers("the array", np.zeros((2, 3)), (2, 3))
    assert capsys.readouterr().out == "✓ Task 1: Try: all is well.\n"


def test_hidden_checks_are_silent(capsys):
    with Task("Task 1: Try", silent=True) as task:
        task.equal("the sum", 2.0, 2)
    assert capsys.readouterr() == ("", "")


def test_names_both_shapes():
    message = told(
        lambda task: task.equal("x", np.zeros((3, 2)), np.zeros((2, 3)), "T?")
    )
    assert message.splitlines() == [
        "Task 1: Try",
        "Wrong shape: x.",
        "came:     (3, 2)",
        "expected: (2, 3)",
        "T?",
    ]


def test_names_both_numbers_and_the_mistake_that_gives_them():
    known = {"You forgot to halve.": [2.0, 4.0]}
    message = told(lambda task: task.equal("x", [2.0, 4.0], [1, 2], "A hint.", known))
    assert "came:     [2. 4.]" in message
    assert "expected: [1 2]" in message
    assert message.endswith("You forgot to halve.")


def test_gives_the_hint_when_the_mistake_is_unknown():
    known = {"You forgot to halve.": [2.0, 4.0]}
    message = told(lambda task: task.equal("x", [7.0, 7.0], [1, 2], "A hint.", known))
    assert message.endswith("A hint.")


def test_a_mistake_that_would_have_shown_before_is_not_named():
    def two_cases(task):
        for came in (1.0, 4.0):
            known = {"You forgot to halve.": 2 * came, "That is squared.": came**2}
            came = task.call(lambda x: 2 * x if x > 2 else x, came)
            task.equal("x", came, came if came < 2 else 4, "A hint.", known)

    message = told(two_cases)
    assert message.endswith("A hint."), "it halved the 1"

    def squares(x):
        return x**2

    def three_cases(task):
        for x in (1.0, 2.0):  # the square of 1 does not differ
            known = {"That is squared.": x**2, "You doubled it.": 2 * x}
            task.equal("x", task.call(squares, x), x, "A hint.", known)

    assert told(three_cases).endswith("That is squared.")


def test_shows_of_a_large_array_where_it_first_differs():
    right = np.arange(600.0).reshape(20, 30)
    wrong = right.copy()
    wrong[3, 4] = wrong[5, 6] = -1
    message = told(lambda task: task.equal("x", wrong, right))
    assert "-1. at [3, 4], and 2 of 600 differ" in message
    assert "94. at [3, 4]" in message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_not_equal(value):
    assert "Not right yet: x." in told(lambda task: task.equal("x", value, 1.0))


def test_a_missing_return_is_recognised():
    assert "no `return`" in told(lambda task: task.equal("x", None, 1.0))
    assert "no `return`" in told(lambda task: task.parts("x", None, ["a", "b"]))


@pytest.mark.parametrize("came", ["two", [1, [2, 3]], {}, object(), Ellipsis])
def test_an_answer_of_any_kind_gets_a_sentence(came):
    assert "Expected numbers for x" in told(lambda task: task.equal("x", came, [1, 2]))
    assert "Not right yet" in told(lambda task: task.equal("x", came, "one"))


def test_an_array_is_not_a_word():
    assert "Not right yet" in told(lambda task: task.equal("x", np.ones(2), "one"))


def test_a_stub_is_not_written_yet():
    def stub(_):
        raise NotImplementedError("Write your answer here.")

    assert "Not written yet" in told(stub)


def test_what_was_handed_is_said_of_the_function_that_was_called():
    def helper(x):
        return x @ x

    def answer(x):
        return helper(x[0])[0]

    def outer(x):
        return helper(x[:, :1])

    message = told(lambda task: task.call(outer, np.ones((3, 2))))
    assert "stopped in `helper`" in message
    assert "\n`outer` was called with an array of shape (3, 2)." in message
    message = told(lambda task: task.call(answer, np.ones((3, 2))))
    assert "stopped in `answer`" in message
    assert "\nIt was called with an array of shape (3, 2)." in message


def test_an_error_in_a_comprehension_is_placed_in_its_function():
    def answer():
        return list(map(lambda k: 1 // k, [0 for _ in "ab"]))

    message = told(lambda task: task.call(answer))
    assert "Your code stopped in `answer`, at the line `return list(map(" in message


def test_a_branch_without_a_return_is_thought_of():
    assert "no `if` with a `return`" in told(lambda task: task.equal("x", None, "B"))


def test_what_a_library_has_not_implemented_is_no_stub():
    def answer():
        return sparse.coo_array((2, 2)) + 1

    message = told(lambda task: task.call(answer))
    assert "Your code stopped in `answer`, at the line `return sparse" in message
    assert "NotImplementedError: adding a nonzero scalar" in message


def test_what_a_library_has_not_implemented_is_none_in_another_process_either():
    names = {"sparse": sparse}
    exec("def answer():\n    return sparse.coo_array((2, 2)) + 1", names)
    exec("def stub():\n    raise NotImplementedError", names)
    shell = types.SimpleNamespace(user_ns=names)

    def ask(words, data):
        try:
            return worker.call(shell, words, data)
        except Exception as error:
            return {"error": worker.described(error, shell)}, b""

    message = told(lambda task: task.call(Remote("answer", ask)))
    assert "Your code stopped in `answer`" in message
    message = told(lambda task: task.call(Remote("stub", ask)))
    assert "Not written yet: `stub`" in message


def test_an_error_in_the_answer_is_placed_in_the_answer():
    def answer():
        return np.zeros(3) + np.zeros(4)

    message = told(lambda task: task.call(answer))
    assert "Your code stopped in `answer`, at the line `return" in message
    assert "ValueError: operands could not be broadcast" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.ones((3, 2)), np.ones(3)), "an array of shape (3, 2) and an array of"),
        ((np.ones(3), 2, "valid"), "shape (3,), one number and the text 'valid'."),
        ((3, [1, 2]), ""),  # no shape is to blame
    ],
)
def test_an_error_beside_arrays_says_their_shapes(arguments, words):
    def answer(first, *_):
        return first + np.zeros(7)[8]

    message = told(lambda task: task.call(answer, *arguments))
    assert ("It was called with" in message) == bool(words)
    assert words in message


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_a_model_of_another_precision_is_named_before_anything_is_computed(policy):
    keras = pytest.importorskip("keras")

    def answer():
        dense = keras.layers.Dense(2, dtype=policy)
        return keras.Sequential([keras.Input((3,)), dense])

    message = told(lambda task: task.build(answer))
    odd = policy.removeprefix("mixed_")
    assert f"The model computes in {odd}, and the check in float32" in message


def test_a_dictionary_is_no_answer_of_several_parts():
    message = told(
        lambda task: task.parts("it", {"low": 1, "high": 2}, ["low", "high"])
    )
    assert "Got something of type dict.\nReturn them separated by commas" in message


def test_an_unknown_name_says_to_run_the_cell_above():
    names = {"Task": Task}
    with pytest.raises(NotYet, match="`answer` is not known here"):
        exec("with Task('Task 1') as task:\n    answer(1)", names)


def test_warnings_and_stderr_cost_no_marks(capfd):
    with warnings.catch_warnings(), Task("Task 1", silent=True):
        warnings.simplefilter("always")
        np.log(np.zeros(1))
        print("a remark", file=sys.stderr)
    assert capfd.readouterr().err == ""


def test_interrupting_a_check_interrupts_it():
    with pytest.raises(KeyboardInterrupt), Task("Task 1"):
        raise KeyboardInterrupt


def test_a_loop_over_pixels_is_noticed_and_one_over_kernels_is_not():
    def over_pixels(image):
        return [pixel for pixel in image.ravel()]

    def over_kernel(image):
        return [image.sum() for _ in range(9)]

    def no_loop(image):
        return image * 2

    small, large = (np.zeros((5, 5)),), (np.zeros((9, 9)),)
    message = told(lambda task: task.no_pixel_loop(over_pixels, small, large))
    assert "`over_pixels` loops over pixels" in message
    with Task("Task 1", silent=True) as task:
        task.no_pixel_loop(over_kernel, small, large)
        task.no_pixel_loop(no_loop, small, large)


def test_a_changed_input_is_noticed_and_the_caller_keeps_what_it_had():
    def changes(x):
        x += 1

    kept = np.zeros(2)
    assert "belongs to its caller" in told(lambda task: task.call(changes, kept))
    assert kept.tolist() == [0, 0]


class Always:
    """An object that claims to be equal to everything."""

    def __eq__(self, other):
        return True

    def __len__(self):
        return 2

    __hash__ = None


class AlwaysArray(np.ndarray):
    """The same, dressed up as an array."""

    def __eq__(self, other):
        return np.ones(self.shape, dtype=bool)

    def __array_function__(self, function, types, arguments, keywords):
        return True

    __hash__ = None


class AlwaysNumber(float):
    def __eq__(self, other):
        return True

    __hash__ = None


class AlwaysWord(str):
    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize("liar", [Always(), [Always(), Always()]])
def test_an_object_that_equals_everything_is_no_answer(liar):
    assert "Expected numbers" in told(lambda task: task.equal("x", liar, [1, 2]))
    assert "Not right yet" in told(lambda task: task.equal("x", liar, "one"))


def test_whoever_claims_to_be_equal_is_judged_by_its_value():
    array = np.zeros(2).view(AlwaysArray)
    assert "came:     [0. 0.]" in told(lambda task: task.equal("x", array, [1, 2]))
    number, word = AlwaysNumber(7), AlwaysWord("two")
    assert "came:     7." in told(lambda task: task.equal("x", number, 1))
    assert "came:     'two'" in told(lambda task: task.equal("x", word, "one"))


def test_a_right_answer_may_be_of_any_kind():
    import keras
    import pandas as pd

    kinds = (
        [1, 2],
        (1.0, 2.0),
        range(1, 3),
        iter([1, 2]),
        np.array([1, 2], dtype="uint8"),
        [np.float32(1), np.int64(2)],
        [Fraction(1), Decimal(2)],
        {"a": 1, "b": 2}.values(),
        pd.Series([1, 2]),
        keras.ops.convert_to_tensor([1, 2]),
        keras.Variable([1.0, 2.0]),
        np.array([1, 2], dtype=object),
        [np.array(1), keras.ops.convert_to_tensor(2)],
    )
    with Task("Task 1", silent=True) as task:
        for kind in kinds:
            task.equal("x", kind, [1, 2])
        task.equal("a word", np.str_("one"), "one")
        task.equal("a word", np.array("one"), "one")
        task.equal("one number", np.array([[1.5]])[0, 0], 1.5)


def test_rows_of_different_lengths_and_mixtures_are_no_numbers():
    for came, said in (
        ([[1], [1, 2]], "rows of different lengths"),
        ([1, None], "a mixture of numbers and None"),
        ([1, "one"], "a mixture of numbers and texts"),
        (["one", None], "a mixture of texts and None"),
        (({}, 1), "a mixture of something of type dict and numbers"),
        ([object(), object()], "a list of something of type object"),
        (np.ma.array([1, 2], mask=[False, True]), "a mixture of numbers and None"),
    ):
        assert said in told(lambda task, x=came: task.equal("x", x, [1, 2]))


def test_whole_numbers_are_of_a_whole_kind():
    with Task("Task 1", silent=True) as task:
        task.whole("n", np.int64(3))
        task.whole("n", [[1, 2], [3, 4]])
    assert "Expected whole numbers for n, but got float64." in told(
        lambda task: task.whole("n", 3.0)
    )


def test_parts_come_as_any_sequence():
    with Task("Task 1", silent=True) as task:
        for kind in ((1, 2), [1, 2], iter([1, 2]), np.array([1, 2])):
            assert len(task.parts("the answer", kind, ["low", "high"])) == 2
    for came in (3, np.float64(3), "ab", (1, 2, 3)):
        message = told(lambda task, x=came: task.parts("x", x, ["low", "high"]))
        assert "Expected 2 things: low, high." in message


def test_names_are_out_of_sight_while_an_answer_runs():
    names = {"Task": Task, "secret": [1, 2]}
    code = """
def answer():
    return secret

with Task("Task 1", without=("secret",)) as task:
    task.call(answer)
"""
    with pytest.raises(NotYet, match="uses `secret`, which was not handed to it"):
        exec(code, names)
    assert names["secret"] == [1, 2]


def test_a_seed_repeats_and_another_differs():
    draw = [np.random.default_rng(seed).random(3) for seed in (0, 0, 1)]
    with Task("Task 1", silent=True) as task:
        task.seeded("x", draw[0], draw[1], [draw[0], draw[2]])
    message = told(lambda task: task.seeded("x", draw[0], draw[2], [draw[2]]))
    assert "The same seed gives different results" in message
    message = told(lambda task: task.seeded("x", draw[0], draw[1], [draw[1]]))
    assert "Different seeds give exactly the same result" in message


def test_a_loop_that_is_hidden_in_map_is_noticed():
    def over_pixels(image):
        return list(map(np.sum, image.ravel()))

    small, large = (np.zeros((5, 5)),), (np.zeros((9, 9)),)
    message = told(lambda task: task.no_pixel_loop(over_pixels, small, large))
    assert "loops over pixels" in message


@pytest.mark.parametrize(
    "lazy", [lambda row: map(str, row), lambda row: (0 for _ in row)]
)
def test_a_loop_that_runs_while_its_values_are_drawn_is_noticed(lazy):
    def over_rows(image):
        return (list(lazy(row)) for row in image)

    small, large = (np.zeros((5, 5)),), (np.zeros((19, 9)),)
    message = told(lambda task: task.no_pixel_loop(over_rows, small, large))
    assert "loops over pixels" in message


def test_a_loop_in_a_text_that_exec_runs_is_noticed():
    elsewhere = {}
    exec("def loop(x):\n    for _ in x.ravel():\n        pass", elsewhere)
    small, large = (np.zeros((5, 5)),), (np.zeros((19, 9)),)
    answer = lambda image: elsewhere["loop"](image)  # noqa: E731
    message = told(lambda task: task.no_pixel_loop(answer, small, large))
    assert "loops over pixels" in message


def test_a_function_that_stops_the_counting_is_told_so():
    before = sys.gettrace()
    small, large = (np.zeros((5, 5)),), (np.zeros((19, 9)),)
    answer = lambda _: sys.settrace(None)  # noqa: E731
    message = told(lambda task: task.no_pixel_loop(answer, small, large))
    assert "`sys.settrace`. Leave that out" in message
    assert sys.gettrace() is before


def test_a_notebook_shows_the_words_and_no_traceback():
    first, *others = NotYet("Task 1\nA shape.\nA hint.")._render_traceback_()
    assert first == "\x1b[1m✗ Task 1\x1b[0m", "bold, in no colour of its own"
    assert others == ["  A shape.", "  A hint."]


def test_a_loop_in_a_helper_of_another_cell_is_noticed():
    names = {"Task": Task, "images": [(np.zeros((5, 5)),), (np.zeros((9, 9)),)]}
    exec(
        compile("def helper(x):\n    for _ in x.ravel():\n        pass", "1", "exec"),
        names,
    )
    exec(compile("def answer(x):\n    helper(x)", "2", "exec"), names)
    code = "with Task('Task 1') as task:\n    task.no_pixel_loop(answer, *images)"
    with pytest.raises(NotYet, match="loops over pixels"):
        exec(compile(code, "3", "exec"), names)


@pytest.mark.parametrize("given", [[3, 1, 2], {"loss": [3.0, np.nan]}])
def test_a_changed_list_or_dictionary_is_noticed(given):
    message = told(lambda task: task.call(lambda x: x.clear(), given))
    assert "belongs to its caller" in message
    with Task("Task 1", silent=True) as task:
        task.call(lambda x: sorted(x), given)


def test_what_is_no_function_is_said_to_be_none():
    message = told(lambda task: task.call(np.zeros(3)))
    assert "Expected a function, but got an array of shape (3,)." in message


def test_what_another_process_has_in_place_of_a_function_is_told_in_the_same_words():
    shell = types.SimpleNamespace(user_ns={"answer": [8, 2]})
    handed, words = pickle.dumps(((1,), {})), {"name": "answer", "without": ["x"]}

    def ask(words, data):
        try:
            return worker.call(shell, words, data)
        except Exception as error:
            return {"error": worker.described(error, shell)}, b""

    message = told(lambda task: task.call(Remote("answer", ask), 1))
    assert message == told(lambda task: task.call([8, 2], 1))
    assert "Expected a function, but got an array of shape (2,)." in message
    for answer in (dict, {}, {1}.add):  # what is no value is named by its own kind
        shell.user_ns["answer"] = lambda _, answer=answer: answer
        remote = Remote("answer", ask)
        message = told(lambda task, f=remote: task.equal("x", task.call(f, 1), 1))
        here = shell.user_ns["answer"]
        assert message == told(lambda task, f=here: task.equal("x", task.call(f, 1), 1))
        assert "Strange" not in message
    assert ask({**words, "seed": None}, handed)[0]["value"]


def test_a_model_that_cannot_be_kept_is_told_in_the_same_words_in_another_process():
    import keras

    def answer():
        same = keras.layers.Lambda(lambda x: x)
        return keras.Sequential([keras.Input((2,)), same])

    shell = types.SimpleNamespace(user_ns={"answer": answer})
    remote = Remote("answer", lambda *asked: worker.call(shell, *asked))
    message = told(lambda task: task.build(remote))
    assert message == told(lambda task: task.build(answer))
    assert "cannot be saved and loaded again.\nIt has 'Lambda'" in message
    assert message.endswith("Use Keras' own layers and losses, and no Lambda.")


def test_what_a_check_calls_x_is_not_the_students_x():
    code = """
def answer(y):
    return x

with Task("Task 1") as task:
    x = 5
    task.equal("x", task.call(answer, x), 5)
"""
    names = {"Task": Task}
    with pytest.raises(NotYet, match="uses `x`, which was not handed to it"):
        exec(code, names)
    assert names["x"] == 5
    later = "with Task('Task 2') as task:\n    task.call(answer, 1)"
    with pytest.raises(NotYet, match="uses `x`, which was not handed to it"):
        exec(later, names)
    names["x"] = 5.5  # one that the student has made since
    exec(later, names)


def test_a_name_of_the_notebook_with_another_value_is_thought_of():
    code = "with Task('Task 1') as task:\n    np.zeros(3)"
    with pytest.raises(NotYet, match="another name of the notebook a new value"):
        exec(code, {"Task": Task, "np": None})


def test_a_shape_is_shown_as_it_came():
    with Task("Task 1", silent=True) as task:
        task.shape("x", np.array([4, 5]), (4, 5))
        task.shape("x", [4, None], (4, None))
    for came, shown in (((None, 4), "(None, 4)"), (4, "4"), ("(4,)", "'(4,)'")):
        message = told(lambda task, x=came: task.shape("x", x, (4,)))
        assert f"came:     {shown}\nexpected: (4,)" in message


def test_numbers_that_nearly_agree_are_shown_where_they_differ():
    message = told(lambda task: task.equal("x", 0.12345678, 0.12345))
    assert "came:     0.12345678\nexpected: 0.12345" in message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            {"kind": "NotImplementedError", "where": "other", "own": True},
            "Not written yet: `other`",
        ),
        ({"kind": "NameError", "missing": "answer"}, "Not written yet: `answer`"),
        (
            {
                "kind": "ValueError",
                "text": "ValueError: so",
                "where": "f",
                "line": "g()",
            },
            "Your code stopped in `f`, at the line `g()`:\nValueError: so",
        ),
    ],
)
def test_what_another_process_raised_is_told_as_if_it_were_here(error, message):
    remote = Remote("answer", lambda words, data: ({"error": error}, b""))
    assert message in told(lambda task: task.call(remote, 1))


@pytest.mark.parametrize("after", [["[1, 2]", None], ["[2, 1]", None]])
def test_a_list_that_another_process_changed_is_noticed(after):
    remote = Remote("answer", lambda words, data: ({"value": None}, b""))
    remote.call_there = lambda *_: (3, after)
    if after[0] == "[1, 2]":
        with Task("Task 1", silent=True) as task:
            assert task.call(remote, [1, 2], 5) == 3
    else:
        message = told(lambda task: task.call(remote, [1, 2], 5))
        assert "`answer` changed a list that belongs to its caller" in message


class Mute(ValueError):
    """An error of a student's own that cannot say what it is."""

    def __str__(self):
        raise RuntimeError("no")


def test_an_error_that_fails_to_speak_is_named():
    def answer():
        raise Mute

    message = told(lambda task: task.call(answer))
    assert "stopped in `answer`, at the line `raise Mute`:\nMute" in message


def test_an_error_is_quoted_without_the_colours_of_a_terminal():
    def answer():
        raise ValueError("\x1b[1mno layers\x1b[0m, \x1b[31;1mat all\x1b[m")

    assert "ValueError: no layers, at all" in told(lambda task: task.call(answer))


def test_what_has_no_value_is_no_answer():
    answer = np.ma.array([1, 2], mask=[False, True])
    assert "Expected numbers" in told(lambda task: task.equal("x", answer, [1, 2]))
    with Task("Task 1: Try", silent=True) as task:
        task.equal("x", np.ma.array([1, 2]), [1, 2])


def test_an_answer_without_end_is_read_to_a_limit():
    begin = time.process_time()
    message = told(lambda task: task.equal("x", task.call(range, 10**12), [1]))
    assert "Wrong shape" in message and time.process_time() - begin < 3


# --- names that a check and a student both use ----------------------------------------

BOTH = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_cell("from utils import checks; import numpy as np")
shell.run_cell('''
from math import nan
k = np.arange(3)
x = np.ones(9)

def told(values):
    return values[k].sum()

def total(values):
    return told(values) + 0 * (nan != nan)

def old(values):
    return x.sum()
''')
check = '''
with checks.Task("T", without=("x",)) as task:
    k, told, nan = 5, "words", None
    x = np.ones(4)
    task.equal("it", task.call({}, x), 3)
assert told == "words"
'''
for name in ("total", "total", "old"):
    print(shell.run_cell(check.format(name)).success)
print(shell.user_ns["k"].tolist(), callable(shell.user_ns["told"]))
"""


def test_a_name_of_the_check_is_not_taken_from_the_student():
    """Neither while the function runs nor afterwards; given data stay out of sight."""
    done = subprocess.run(
        [sys.executable, "-c", BOTH], cwd=COURSE_DIR, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line in ("True", "False")]
    assert lines == ["True", "True", "False"], said
    assert done.stdout.splitlines()[-1] == "[0, 1, 2] True"
    assert "uses `x`" in said
