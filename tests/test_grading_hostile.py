"""course.py grade: hostile and broken submissions cost nobody else a mark.

One class is graded, in a copy of the course; each test looks at one of its students.
"""

import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest

from tools.graded import sandbox
from utils.places import COURSE_DIR

pytestmark = [pytest.mark.slow, pytest.mark.maintainers]
pytest.importorskip("nbgrader", reason="nbgrader is in requirements-dev.txt only")

FILE = "Comparison_Exercises.ipynb"
ALL, SECONDS = 21, 15
MARK = "sleep 98765"  # what the submission's background processes are called

EQUALS_ALL = """
class Always:
    def __eq__(self, other):
        return True
    def __array__(self, *_, **__):
        return self

def accuracy(y_true, y_prob):
    return Always()
"""
PATCHES = """
import builtins, sys
import numpy, utils.checks
numpy.allclose = numpy.isclose = numpy.array_equal = lambda *_, **__: True
utils.checks.Task.that = lambda *_: None
utils.checks.Task.__exit__ = lambda *_: True
utils.checks.NotYet = type("Never", (), {})
get_ipython().showtraceback = lambda *_, **__: None
get_ipython().set_custom_exc((Exception,), lambda *_: None)

def accuracy(y_true, y_prob):
    return 0.5
"""
RUN_CELL = """
get_ipython().run_cell = lambda *_, **__: None
sys.modules["utils.checks"] = None

def accuracy(y_true, y_prob):
    return 0.5
"""
GRADEBOOK = """
import pathlib, sqlite3
for folder in (pathlib.Path({exercises!r}), *pathlib.Path.cwd().parents):
    for path in folder.glob("**/gradebook.db"):
        book = sqlite3.connect(path)
        book.execute("update grade set manual_score = 100, auto_score = 100")
        book.commit()
"""
CHECKS = """
import pathlib
here = pathlib.Path({course!r}), *pathlib.Path.cwd().parents
for folder in here:
    for name in ("utils/checks.py", "utils/answers.py", "tools/grading.py"):
        try:
            (folder / name).write_text("def broken(:")
        except OSError:
            pass
"""
SOLUTIONS = """
import pathlib
found = ""
folders = pathlib.Path({course!r}), pathlib.Path("/"), *pathlib.Path.cwd().parents
for folder in folders:
    for path in folder.glob("exercises/source/**/*.ipynb"):
        found += path.read_text()
assert "BEGIN HIDDEN TESTS" not in found, "it could read the hidden tests"
"""
PROCESSES = """
import subprocess
for _ in range(40):
    subprocess.Popen(["sh", "-c", "exec {mark}"], start_new_session=True)
"""
NETWORK = """
import socket
socket.create_connection(("127.0.0.1", {port}), timeout=2).send(b"the marks")
"""
MEMORY = "hog = bytearray(64 * 2**30)\nhog[::4096] = bytes(len(hog[::4096]))\n"
STAYS = """
import atexit, gc, os, signal, threading, time
atexit.register(time.sleep, 10**6)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
threading.Thread(target=time.sleep, args=(10**6,)).start()
for thing in gc.get_objects():
    if isinstance(thing, dict) and "NotYet" in thing:
        thing["NotYet"] = type("Never", (), {})
if not os.fork():
    os.setsid()
    time.sleep(10**6)
"""
FLOOD = """
import os
for k in range(9, 40):
    os.dup2(1, k)
    os.write(k, b"x" * 99)
"""
TALK = "print(20_000 * 'x')"
OUTPUT = 'for _ in range(2_000):\n    print("x" * 100_000)\n'
EXIT = "import os\n\nos._exit(0)\n"
TALKS = 'import os\nos.write(3, b"\\xff" * 4096)\nos.write(4, b"\\xff" * 4096)\n'
FORGES = """
import contextlib, os, struct
for words in (b'{"said": "x", "error": "boom"}\\n', b"[1]\\n"):
    for k in range(3, 40):
        with contextlib.suppress(OSError):
            os.write(k, struct.pack(">Q", len(words)) + words)
"""
HALF_CHARACTERS = (
    'import os; print(os.fsdecode(b"caf\\xe9"))',
    'raise ValueError("\\udfff")',
    'type("\\udfff", (Exception,), {})  # \udfff',
)
LOOP = "def mcnemar(y_true, pred_a, pred_b):\n    while True:\n        pass\n"
STUBBORN = """
import time

def mcnemar(y_true, pred_a, pred_b):
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            pass
"""


def release_solved(exercises):
    release = nbformat.read(exercises / "release/comparison" / FILE, 4)
    source = nbformat.read(exercises / "source/comparison" / FILE, 4)
    for mine, solved in zip(release.cells, source.cells, strict=True):
        if mine.metadata.get("nbgrader", {}).get("solution"):
            mine.source = solved.source
    return release


def with_answer(notebook, task, code):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == task:
            cell.source = code


def with_cell(notebook, code):
    notebook.cells.insert(6, nbformat.v4.new_code_cell(code))


def with_bonus(notebook):
    """Add a check of one's own that gives a thousand marks."""
    labels = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    first = [bool(label.get("grade")) for label in labels].index(True)
    bonus = copy.deepcopy(notebook.cells[first])
    bonus.update(id="bonus", source="pass")
    bonus.metadata.nbgrader.update(grade_id="check-bonus", points=1000)
    notebook.cells.append(bonus)


@pytest.fixture(scope="module")
def listener():
    """Listen on this machine; nobody should call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture(scope="module")
def graded(tmp_path_factory, listener):
    """Grade a class of honest, hostile and unlucky students in a copy of the course."""
    place = tmp_path_factory.mktemp("course")
    ignored = shutil.ignore_patterns(
        "__pycache__", "*.db*", "submitted", "autograded", "feedback"
    )
    for folder in ("exercises", "utils", "tools"):
        shutil.copytree(COURSE_DIR / folder, place / folder, ignore=ignored)
    shutil.copy(COURSE_DIR / "course.py", place)
    exercises = place / "exercises"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        prepare = ("generate_assignment", "comparison", "--create", "--force")
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *prepare], cwd=exercises, timeout=900
        )
        assert done.returncode == 0
        hand_in(exercises, listener.getsockname()[1])
        checks = (place / "utils/checks.py").read_bytes()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tools.grading",
                f"--seconds={SECONDS}",
                "comparison",
            ],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=900,
        )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert (place / "utils/checks.py").read_bytes() == checks
    return done.stdout, exercises


@pytest.fixture(scope="module")
def classroom(graded):
    """Return what was printed about the class."""
    return graded[0]


@pytest.fixture(scope="module")
def feedback(graded):
    """Return the graded notebook of a student, outputs included, as text."""
    return lambda student: (
        graded[1] / "autograded" / student / "comparison" / FILE
    ).read_text(encoding="utf-8")


def hand_in(exercises, port):
    solved = release_solved(exercises)

    def submit(student, change=None, *what):
        notebook = copy.deepcopy(solved)
        if change:
            change(notebook, *what)
        folder = exercises / "submitted" / student / "comparison"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / FILE)
        return folder / FILE

    names = {"exercises": str(exercises), "course": str(exercises.parent)}
    submit("ada")
    submit("equals", with_answer, "accuracy", EQUALS_ALL)
    submit("patches", with_answer, "accuracy", PATCHES)
    submit("runcell", with_answer, "accuracy", RUN_CELL)
    attacks = [
        GRADEBOOK.format(**names),
        CHECKS.format(**names),
        SOLUTIONS.format(**names),
        PROCESSES.format(mark=MARK),
        NETWORK.format(port=port),
        MEMORY,
        STAYS,
        FLOOD,
        OUTPUT,
    ]

    def attack(notebook):
        for code in attacks:
            with_cell(notebook, code)

    submit("attacks", attack)
    submit("exits", with_cell, EXIT)

    def talk(notebook):
        for _ in range(300):
            with_cell(notebook, TALK)

    submit("chatters", talk)
    submit("talks", with_cell, TALKS)
    submit("forges", with_cell, FORGES)
    path = submit("characters")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for k, code in enumerate(HALF_CHARACTERS):
        cell = nbformat.v4.new_code_cell(code, id=f"mine-{k}")
        notebook["cells"].insert(6, cell)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    submit("loop", with_answer, "mcnemar", LOOP)
    submit("stubborn", with_answer, "mcnemar", STUBBORN)
    submit("json").write_text("{" * 100_000)
    submit("bonus", with_bonus)
    submit("twice", lambda nb: nb.cells.append(copy.deepcopy(nb.cells[-2])))
    path = submit("old")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["schema_version"] = 1
    path.write_text(json.dumps(notebook), encoding="utf-8")
    submit("renamed").rename(exercises / "submitted/renamed/comparison/Mine.ipynb")
    with submit("large").open("r+b") as file:
        file.truncate(500 * 2**20)
    path = submit("link")
    path.unlink()
    path.symlink_to(exercises / "source/comparison" / FILE)
    submit("zoe")


def line_of(classroom, student):
    (line,) = (x for x in classroom.splitlines() if x.startswith(f"{student}: "))
    return line


needs_bubblewrap = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=str(sandbox.why_not())
)


@pytest.mark.parametrize("student", ["ada", "zoe"])
def test_honest_students_get_full_marks_whoever_is_graded_beside_them(
    classroom, student
):
    assert line_of(classroom, student) == f"{student}: {ALL} of {ALL}"


@pytest.mark.parametrize("student", ["equals", "patches"])
def test_a_task_that_was_not_solved_earns_nothing(classroom, student):
    assert line_of(classroom, student) == f"{student}: {ALL - 1} of {ALL}"


def test_a_notebook_that_stops_its_own_machinery_earns_nothing_by_it(classroom):
    assert line_of(classroom, "runcell") == f"runcell: 0 of {ALL}"


@needs_bubblewrap
def test_attacks_gain_nothing_and_honest_answers_beside_them_count(classroom):
    assert line_of(classroom, "attacks") == f"attacks: {ALL} of {ALL}"


@needs_bubblewrap
def test_solutions_and_hidden_tests_are_out_of_sight(classroom, feedback):
    assert "AssertionError: it could read" not in feedback("attacks")


@needs_bubblewrap
def test_nobody_called_over_the_network(classroom, listener):
    with pytest.raises(BlockingIOError):
        listener.accept()


def left_running():
    import psutil

    running = []
    for number in psutil.pids():  # process_iter passes over a number that is used anew
        with suppress(psutil.Error):
            running.append(" ".join(psutil.Process(number).cmdline()))
    marks = MARK, "tools.graded", "tools.grading"
    return [line for line in running if any(mark in line for mark in marks)]


def test_nothing_is_left_running(classroom):
    assert left_running() == []


def test_much_that_is_printed_is_cut_and_costs_nothing(classroom, feedback):
    assert line_of(classroom, "chatters") == f"chatters: {ALL} of {ALL}"
    assert 1e6 < len(feedback("chatters")) < 3e6


def test_half_a_character_costs_nothing(classroom, feedback):
    assert line_of(classroom, "characters") == f"characters: {ALL} of {ALL}"
    assert "caf?" in feedback("characters")


@pytest.mark.parametrize("student", ["exits", "talks", "forges"])
def test_a_process_that_ends_itself_keeps_the_tasks_that_it_solved(classroom, student):
    assert line_of(classroom, student) == f"{student}: {ALL} of {ALL}"


@pytest.mark.parametrize("student", ["loop", "stubborn"])
def test_an_endless_loop_costs_its_task_and_is_named(classroom, student):
    assert line_of(classroom, student) == f"{student}: {ALL - 4} of {ALL}"
    last = classroom.splitlines()[-1]
    assert last.startswith(f"Stopped after {SECONDS} seconds in comparison: ")
    assert f"{student} (check-mcnemar)" in last


@pytest.mark.parametrize(
    ("student", "reason"),
    [
        ("json", "is damaged: it is not JSON"),
        ("twice", "has the cell check-conclude twice"),
        ("bonus", "has the cell 'check-bonus', which none of the exercises is"),
        ("old", "was made with another nbgrader"),
        ("renamed", "is missing; it must have this name"),
        ("large", "has 500 MB"),
        ("link", "is a link to another place"),
    ],
)
def test_a_broken_submission_is_reported_by_name_and_reason(classroom, student, reason):
    assert reason in line_of(classroom, student)
    assert f"Not graded: {student} (comparison): " in classroom


def test_a_grader_that_is_told_to_end_ends_all_and_leaves_no_copies(graded, tmp_path):
    grader = subprocess.Popen(
        [sys.executable, "-m", "tools.grading", "comparison"],
        cwd=graded[1].parent,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    try:
        while not any("tools.graded.worker" in line for line in left_running()):
            assert grader.poll() is None
            time.sleep(0.05)
        grader.terminate()
        assert grader.wait(60) == 128 + signal.SIGTERM
    finally:
        grader.kill()
    assert left_running() == [] and list(tmp_path.iterdir()) == []
