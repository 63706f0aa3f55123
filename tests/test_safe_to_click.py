"""What a student clicks, in real kernels: cells twice, the stop button, a second pass.

One kernel per notebook serves all its tests, on the sample, with few epochs. Nothing
here waits for the clock: the stop button is pressed when a message arrives.
(tests/test_comparison.py runs each cell of the comparison twice.)
"""

import os
import re
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from tools.remote import NO_PICTURES
from utils.data import load_mnist
from utils.places import COURSE_DIR
from utils.runs import load_run

pytestmark = [pytest.mark.slow, pytest.mark.maintainers]

NAMES = """
def names_now():
    return {name for name in globals() if not name.startswith("_")}


_before = names_now()
"""
PATIENCE = 300  # seconds without a message, on a machine that does much else
PRESS_AGAIN = 12  # messages after a stop until it is taken for lost
MAY_REFUSE = {"TrainingError"}  # a sentence without a traceback, on what to run


class Student:
    """A notebook's cells and a kernel to run them in."""

    def __init__(self, name, runs):
        self.name = name.split("_")[0].lower()
        self.building = f' name="{self.name.upper()}"'
        notebook = nbformat.read(COURSE_DIR / f"{name}.ipynb", as_version=4)
        self.cells = [c.source for c in notebook.cells if c.cell_type == "code"]
        self.runs_dir, self.twice = runs, {}
        environment = os.environ | {"RUNS_DIR": str(runs), "MNIST_DATA": "sample"}
        self.manager, self.client = start_new_kernel(env=environment, cwd=COURSE_DIR)
        self.must(NO_PICTURES)  # a figure that cannot be made fails without one, too

    def run(self, source, press_stop_after=None, presses=1):
        """Run code; press the stop button after so many messages, if that is given.

        A kernel may lose a stop, for example one that arrives before the cell begins or
        while memory is tidied. Who sees the cell go on presses again, and so do we.

        Returns:
            SimpleNamespace: text (all that was shown), error (its name, or None).
        """
        source = re.sub(r"(?m)^EPOCHS = 0$", "EPOCHS = 1", source)
        source = re.sub(r"\bepochs=\d[^,\n]*", "epochs=1", source)
        sent = self.client.execute(source)
        shown, error, n_messages = [], None, 0
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in ("stream", "display_data", "update_display_data"):
                data = content.get("data", {})
                shown.append(content.get("text") or data.get("text/markdown", ""))
            if kind == "error":
                error = content["ename"]
                shown += content["traceback"]
            since = -1 if press_stop_after is None else n_messages - press_stop_after
            if since >= 0 and since % PRESS_AGAIN == 0:
                for _ in range(presses):
                    self.manager.interrupt_kernel()
            n_messages += 1
        # No reply is waited for: stopped between two instructions of its own, a kernel
        # sends none, and it is idle all the same.
        return SimpleNamespace(text="".join(shown), error=error)

    def index(self, part):
        (found,) = [k for k, source in enumerate(self.cells) if part in source]
        return found

    def cell(self, part):
        return self.cells[self.index(part)]

    def must(self, source):
        done = self.run(source)
        assert done.error is None, f"{source}\n{done.text}"
        return done

    def build_and_compile(self):
        """Run the cells that build the main model and make it ready, in order."""
        for part in (self.building, "epochs = EPOCHS or", "keras.optimizers.AdamW("):
            self.must(self.cell(part))

    def forget_since_building(self):
        """Know what a fresh kernel knows that has come as far as the model's cell."""
        self.must("for _name in names_now() - _before: del globals()[_name]")

    def finish(self):
        """Run what follows the training and is needed to save; return the run."""
        for part in ("if history is None", "val_loss = history", "y_pred = y_prob"):
            self.must(self.cell(part))
        self.must(self.cell("run = save_run("))
        return load_run(self.name, announce=False, folder=self.runs_dir)


@pytest.fixture(scope="module", params=["ANN_Model", "CNN_Model"])
def student(request, tmp_path_factory):
    """A student who has run each code cell of a notebook twice in a row."""
    student = Student(request.param, tmp_path_factory.mktemp("runs"))
    try:
        for k, source in enumerate(student.cells):
            if student.building in source:
                student.must(NAMES)
            student.must(source)
            student.twice[k] = student.run(source)
        yield student
    finally:
        student.client.stop_channels()
        student.manager.shutdown_kernel(now=True)


def saved(student):
    return load_run(student.name, announce=False, folder=student.runs_dir)


def assert_of_one_training(run):
    """The saved model gives the saved predictions; all lists have one length."""
    x = load_mnist("sample").x_test
    model = run.load_model()
    x = x.reshape(-1, *model.input_shape[1:]).astype("float32") / 255
    again = model(x, training=False)  # predict() would be compiled, each time
    np.testing.assert_allclose(again, run.y_prob, atol=1e-4)
    assert {len(values) for values in run.history.values()} == {run.info["epochs"]}


def test_each_cell_twice_in_a_row_is_right_again_or_says_what_to_run(student):
    refused = {k: d for k, d in student.twice.items() if d.error}
    for k, done in refused.items():
        assert done.error in MAY_REFUSE, f"{student.cells[k]}\n{done.text}"
        assert "run the cells that build" in done.text
        assert "Traceback" not in done.text
        assert ".fit(" in student.cells[k]
    assert student.index("history = model.fit(") in refused
    run = saved(student)
    assert run.info["epochs"] == 1 and run.info["test_accuracy"] > 0.3
    assert_of_one_training(run)


def test_a_class_goes_on_from_the_saved_run_without_training(student):
    """In a new lesson, with all that comes before the model run again.

    No figure is drawn: whatever a cell needs for one must be there.
    """
    before = saved(student)
    student.forget_since_building()
    student.must("from unittest.mock import MagicMock\nplots = MagicMock()")
    for source in student.cells[student.index(student.building) :]:
        if "history = model.fit(" not in source:
            student.must(source)
    student.must("from utils import plots")
    run = saved(student)
    assert run.info["created"] != before.info["created"]
    np.testing.assert_allclose(run.y_prob, before.y_prob, atol=1e-4)
    assert run.history == before.history
    assert_of_one_training(run)


def test_a_second_pass_without_the_training_saves_no_untrained_model(student):
    before = saved(student)
    student.build_and_compile()
    run = student.finish()
    assert run.info["created"] >= before.info["created"]
    assert run.history == before.history
    np.testing.assert_allclose(run.y_prob, before.y_prob, atol=1e-4)
    assert_of_one_training(run)


def test_predictions_of_an_older_model_are_not_saved_with_a_new_one(student):
    before = saved(student)
    student.must("SEED = 1")
    student.build_and_compile()
    student.must(student.cell("history = model.fit("))
    done = student.run(student.cell("run = save_run("))  # predict was left out
    student.must("SEED = 0")
    assert done.error == "RunError" and "model.predict(x_test" in done.text
    assert saved(student).info["created"] == before.info["created"]


# The stop button is pressed after so many messages of the training cell. The first two
# come before the training: the kernel is busy, this is the cell.
MOMENTS = {"ann": (0, 1, 2, 3, 4, 6, 8, 10, 13, 16), "cnn": (1, 5)}


def test_a_training_that_was_stopped_is_saved_as_what_it_is(student):
    student.must("EPOCHS = 40")
    for after in MOMENTS[student.name]:
        student.build_and_compile()
        source = student.cell("history = model.fit(")
        done = student.run(source, press_stop_after=after)
        run = student.finish()
        assert_of_one_training(run)
        if "Stopped in epoch" not in done.text:
            # Stopped before the training: nothing was trained, a saved one stands in.
            # Between two instructions of its own, a kernel does not even say so.
            assert after < 2 and done.error in ("KeyboardInterrupt", None), done.text
            assert "epochs in" not in done.text
        else:
            assert run.info["stopped"] and 1 <= run.info["epochs"] < 40
            assert student.run(source).error in MAY_REFUSE


def test_who_stops_twice_still_has_no_mixture(student):
    student.must("EPOCHS = 40")
    student.build_and_compile()
    source = student.cell("history = model.fit(")
    done = student.run(source, press_stop_after=4, presses=2)
    assert done.error in (None, "KeyboardInterrupt")
    assert_of_one_training(student.finish())
