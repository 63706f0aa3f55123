"""The grading path with the real nbgrader: generate, autograde, feedback, export.

It runs in a copy of the course, so that no gradebook and no submission is left behind.
"""

import csv
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from tools import commands
from utils.places import COURSE_DIR
from utils.runs import MODELS

pytest.importorskip("nbgrader", reason="nbgrader is in requirements-dev.txt only")
pytestmark = [pytest.mark.slow, pytest.mark.maintainers]

NAMES = MODELS | {"comparison": "Comparison"}
MARKS = {"ann": 20, "cnn": 24, "comparison": 21}
PATIENCE = 12  # seconds a cell, for the comparison's; the class's own limit is 300

LOOP = """
import time

def mcnemar(y_true, pred_a, pred_b):
    while True:
        time.sleep(0.1)
"""
FLOATS = """
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10))
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix
"""


def notebook_of(folder, name):
    return folder / name / f"{NAMES[name]}_Exercises.ipynb"


def nbgrader(folder, *arguments):
    """Run nbgrader in the folder of the exercises; return what it did."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=800
    )


def cell(notebook, grade_id):
    (found,) = (
        c
        for c in notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )
    return found


def submit(exercises, student, name, change=None, answers=True, called=None):
    """Hand in a student's copy: the release, its stubs filled in, then changed."""
    release = nbformat.read(notebook_of(exercises / "release", name), 4)
    source = nbformat.read(notebook_of(exercises / "source", name), 4)
    for mine, solved in zip(release.cells, source.cells, strict=True):
        if answers and mine.metadata.get("nbgrader", {}).get("solution"):
            mine.source = solved.source
    if change:
        change(release)
    place = notebook_of(exercises / "submitted" / student, name)
    place.parent.mkdir(parents=True)
    nbformat.write(release, place.with_name(called) if called else place)


@pytest.fixture(scope="module", autouse=True)
def tools():
    """Let nbgrader find alembic, which it starts by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def exercises(tmp_path_factory):
    """Generate the students' copies in a copy of the course."""
    copy = tmp_path_factory.mktemp("course")
    ignored = shutil.ignore_patterns(
        "__pycache__", "*.db*", "release", "submitted", "autograded", "feedback"
    )
    for folder in ("exercises", "utils"):
        shutil.copytree(COURSE_DIR / folder, copy / folder, ignore=ignored)
    shutil.copy(COURSE_DIR / "course.py", copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "COURSE_DIR", copy)
        commands.exercises(sys.executable)
    return copy / "exercises"


@pytest.fixture(scope="module")
def graded(exercises):
    """Grade a class: good students, idle ones, and every kind of accident."""

    def delete_check(notebook):
        notebook.cells.remove(cell(notebook, "check-mcnemar"))

    def change_check(notebook):
        cell(notebook, "mcnemar").source = "def mcnemar(*_):\n    return 2, 8, 1"
        cell(notebook, "check-mcnemar").source = 'print("all is well")'

    def replace(task, code):
        return lambda notebook: cell(notebook, task).update(source=code)

    name = "comparison"
    submit(exercises, "ada", name)
    submit(exercises, "bob", name, answers=False)
    submit(exercises, "changed", name, change_check)
    submit(exercises, "crash", name, replace("recall", "import os\n\nos._exit(1)"))
    submit(exercises, "deleted", name, delete_check)
    submit(exercises, "floats", name, replace("confusion", FLOATS))
    submit(exercises, "loop", name, replace("mcnemar", LOOP))
    submit(exercises, "renamed", name, called="My_Exercises.ipynb")
    submit(exercises, "zoe", name)  # the last one: whatever happened before
    patience = f"--Execute.timeout={PATIENCE}"
    done = nbgrader(exercises, "autograde", name, patience)
    for other in ("ann", "cnn"):
        submit(exercises, "ada", other)
        began = time.perf_counter()
        report = nbgrader(exercises, "autograde", other)
        assert report.returncode == 0, report.stderr
        print(f"autograde {other}: {time.perf_counter() - began:.0f} s")
    report = nbgrader(exercises, "export", "--to=marks.csv")
    assert report.returncode == 0, report.stderr
    with (exercises / "marks.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    marks = {(row["assignment"], row["student_id"]): row for row in rows}
    return done, marks


def score(graded, student, name="comparison"):
    row = graded[1][name, student]
    assert float(row["max_score"]) == MARKS[name]
    return float(row["score"] or 0)


def test_the_students_copies_are_the_committed_ones(exercises):
    for path in (exercises / "release").rglob("*.*"):
        file = path.relative_to(exercises)
        committed = COURSE_DIR / "exercises" / file
        assert committed.read_bytes() == path.read_bytes(), (
            f"{committed} is stale: run `python3 course.py exercises`"
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_gets_full_marks(graded, name):
    assert score(graded, "ada", name) == MARKS[name]


def test_the_untouched_copy_gets_no_marks(graded):
    assert score(graded, "bob") == 0


def test_a_hidden_test_takes_the_marks_of_its_task_only(graded):
    assert score(graded, "floats") == MARKS["comparison"] - 2


def test_an_endless_loop_costs_its_task_only(graded):
    assert score(graded, "loop") == MARKS["comparison"] - 4


def test_a_deleted_check_earns_nothing(graded):
    assert score(graded, "deleted") == MARKS["comparison"] - 4


def test_a_changed_check_is_put_right_before_it_runs(graded):
    assert score(graded, "changed") == MARKS["comparison"] - 4


def test_a_crash_and_a_renamed_notebook_get_none_and_are_named(graded):
    done, _ = graded
    assert done.returncode != 0
    for student in ("crash", "renamed"):
        assert score(graded, student) == 0
        assert f"'comparison' for student '{student}'" in done.stderr
    assert done.stderr.count("for student") == 2


def test_accidents_leave_the_others_alone(graded):
    assert score(graded, "ada") == score(graded, "zoe") == MARKS["comparison"]


def test_feedback_says_what_was_wrong(graded, exercises):
    report = nbgrader(exercises, "generate_feedback", "comparison")
    assert report.returncode == 0, report.stderr

    def page(student):
        folder = exercises / "feedback" / student / "comparison"
        return (folder / "Comparison_Exercises.html").read_text(encoding="utf-8")

    assert "Not written yet" in page("bob")
    assert "Counts have a whole-number type: dtype=int." in page("floats")
    assert "No reply from kernel before timeout" in page("loop")
    assert "✗" not in page("ada")
    assert sorted(os.listdir(exercises / "feedback")) == [
        "ada",
        "bob",
        "changed",
        "deleted",
        "floats",
        "loop",
        "zoe",
    ]


def test_a_task_that_is_renamed_after_grading_is_named(graded, exercises, monkeypatch):
    source = notebook_of(exercises / "source", "comparison")
    release = notebook_of(exercises / "release", "comparison")
    before, text = release.read_bytes(), source.read_text(encoding="utf-8")
    source.write_text(text.replace('"check-wilson"', '"check-w"'), encoding="utf-8")
    monkeypatch.setattr(commands, "COURSE_DIR", exercises.parent)
    said = "copy of comparison, .*submissions .*renaming exercises/gradebook.db"
    with pytest.raises(commands.Problem, match=said):
        commands.exercises(sys.executable)
    source.write_text(text, encoding="utf-8")
    assert release.read_bytes() == before
