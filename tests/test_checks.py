"""The tutor's words: what came, what was expected, the usual mistake behind it."""

import sys
import warnings

import numpy as np
import pytest

from utils.checks import NotYet, Task


def told(action):
    """Return what the student reads when the action is the inside of a check."""
    with pytest.raises(NotYet) as caught, Task("Task 1: Try") as task:
        action(task)
    return str(caught.value)


def test_says_so_when_all_is_well(capsys):
    with Task("Task 1: Try") as task:
        task.equal("the sum", 1 + 1, 2)
        task.equal("the name", "ann", "ann")
        task.shape("the array", np.zeros((2, 3)), (2, 3))
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
        "x has the wrong shape.",
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


def test_shows_of_a_large_array_where_it_first_differs():
    right = np.arange(600.0).reshape(20, 30)
    wrong = right.copy()
    wrong[3, 4] = wrong[5, 6] = -1
    message = told(lambda task: task.equal("x", wrong, right))
    assert "-1. at [3, 4], and 2 of 600 differ" in message
    assert "94. at [3, 4]" in message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_not_equal(value):
    assert "not right yet" in told(lambda task: task.equal("x", value, 1.0))


def test_a_missing_return_is_recognised():
    assert "no `return`" in told(lambda task: task.equal("x", None, 1.0))
    assert "no `return`" in told(lambda task: task.shape("x", None, (1,)))


@pytest.mark.parametrize("came", ["two", [1, [2, 3]], {}, object(), Ellipsis])
def test_an_answer_of_any_kind_gets_a_sentence(came):
    assert "should be numbers" in told(lambda task: task.equal("x", came, [1, 2]))
    assert "not right yet" in told(lambda task: task.equal("x", came, "one"))


def test_an_array_is_not_a_word():
    assert "not right yet" in told(lambda task: task.equal("x", np.ones(2), "one"))


def test_a_stub_is_not_written_yet():
    def stub(_):
        raise NotImplementedError("Write your answer here.")

    assert "Not written yet" in told(stub)


def test_an_error_in_the_answer_is_placed_in_the_answer():
    def answer(task):
        return np.zeros(3) + np.zeros(4)

    message = told(answer)
    assert "Your code stopped in `answer`, at the line `return" in message
    assert "ValueError: operands could not be broadcast" in message


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
    assert "over_pixels loops over pixels" in message
    with Task("Task 1", silent=True) as task:
        task.no_pixel_loop(over_kernel, small, large)
        task.no_pixel_loop(no_loop, small, large)


def test_a_changed_input_is_noticed():
    before, after = np.zeros(2), np.ones(2)
    assert "belongs to its caller" in told(lambda t: t.unchanged("x", before, after))


def test_a_notebook_shows_the_words_and_no_traceback():
    first, *others = NotYet("Task 1\nA shape.\nA hint.")._render_traceback_()
    assert "✗ Task 1" in first
    assert others == ["  A shape.", "  A hint."]
