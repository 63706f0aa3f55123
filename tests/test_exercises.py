"""The exercises: what the notebooks look like, and that every check can fail.

Here cells run in this process; test_grading.py takes them through the real nbgrader.
"""

import ast
import collections
import contextlib
import dataclasses
import functools
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import nbformat
import numpy as np
import pytest

from tools import commands
from utils import checks
from utils.check_words import is_close
from utils.places import COURSE_DIR
from utils.runs import MODELS

EXERCISES = COURSE_DIR / "exercises"
ANSWERS = COURSE_DIR / "tests" / "answers"
NAMES = MODELS | {"comparison": "Comparison"}
STUB = 'raise NotImplementedError("Write your answer here.")'
SOLUTION = re.compile(r"(?ms)^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION$")
HIDDEN = re.compile(r"(?ms)^### BEGIN HIDDEN TESTS\n.*?^### END HIDDEN TESTS$\n?")

each = pytest.mark.parametrize("name", NAMES)


def read(kind, name):
    path = EXERCISES / kind / name / f"{NAMES[name]}_Exercises.ipynb"
    return nbformat.read(path, as_version=4)


def label(cell):
    """Return ("solution" | "check" | "given" | "", task)."""
    found = cell.metadata.get("nbgrader")
    if not found:
        return "", ""
    if found["grade"]:
        return "check", found["grade_id"].removeprefix("check-")
    return "solution" if found["solution"] else "given", found["grade_id"]


def cells(kind, name, wanted):
    """Return {task: source} of the checks or the solutions."""
    found = [(label(cell), cell.source) for cell in read(kind, name).cells]
    return {task: source for (what, task), source in found if what == wanted}


def run(source, names, where):
    """Run a cell as a notebook would, without its output."""
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, f"<{where}>", "exec"), names)


# --- what they look like -------------------------------------------------------------


@each
@pytest.mark.parametrize("kind", ["source", "release"])
def test_is_a_valid_notebook_without_outputs(kind, name):
    notebook = read(kind, name)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


@each
def test_has_six_to_ten_tasks_each_with_a_hint_and_a_check(name):
    notebook = read("source", name)
    prose = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    titles = re.findall(r"(?m)^## Task (\d+): ", "\n".join(prose))
    assert titles == [str(n + 1) for n in range(len(titles))]
    assert 6 <= len(titles) <= 10
    assert len(cells("source", name, "solution")) == len(titles)
    tasks = cells("source", name, "solution").keys()
    assert cells("source", name, "check").keys() == tasks
    assert len(re.findall("<details>", "\n".join(prose))) >= len(titles)


@each
def test_marks_in_the_prose_are_those_of_the_checks(name):
    notebook = read("source", name)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    said = re.findall(r"(?m)^## Task \d+: .*\(.*?(\d+) marks?\b", prose)
    points = [
        c.metadata.nbgrader.points for c in notebook.cells if label(c)[0] == "check"
    ]
    assert [int(n) for n in said] == points


@each
def test_states_objectives_time_and_prerequisites_first(name):
    first = read("source", name).cells[0].source
    for needed in ("What you will be able to do", "minutes", "Before you start"):
        assert needed in first


@each
def test_visible_checks_can_be_read(name):
    for task, source in cells("release", name, "check").items():
        assert "checks.Task(" in source
        assert "assert " not in source
        assert len(source.splitlines()) <= 45, task


@each
def test_every_check_has_hidden_tests(name):
    for task, source in cells("source", name, "check").items():
        assert "### BEGIN HIDDEN TESTS" in source, task


def assigned(source):
    """Return the names that a cell gives a value: variables, functions, modules."""
    nodes = list(ast.walk(ast.parse(source)))
    comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    scopes = [n for n in nodes if isinstance(n, ast.FunctionDef | comprehension)]
    inner = {node for scope in scopes for node in ast.walk(scope)}
    stored = [n for n in nodes if isinstance(n, ast.Name) and n not in inner]
    names = {n.id for n in stored if isinstance(n.ctx, ast.Store)}
    names |= {n.name for n in nodes if isinstance(n, ast.FunctionDef)}
    return names | {n.asname or n.name for n in nodes if isinstance(n, ast.alias)}


@each
def test_checks_take_no_name_that_another_cell_needs(name):
    others = set()
    for what in ("solution", "given"):
        for source in cells("source", name, what).values():
            others |= assigned(source)
    for task, source in cells("source", name, "check").items():
        assert not assigned(source) & others, task


# --- the students' copies ------------------------------------------------------------


@each
def test_release_is_what_the_source_gives(name):
    """The same without nbgrader, so that it needs no nbgrader to notice."""
    source, release = read("source", name), read("release", name)
    assert len(source.cells) == len(release.cells)
    for ours, theirs in zip(source.cells, release.cells, strict=True):
        expected = SOLUTION.sub(lambda found: found[1] + STUB, ours.source)
        expected = HIDDEN.sub("", expected)
        stale = f"stale: run `python3 course.py exercises`; {label(ours)}"
        assert theirs.source.rstrip() == expected.rstrip(), stale
        assert label(ours) == label(theirs), stale
    for path in (EXERCISES / "source" / name).iterdir():
        if path.suffix != ".ipynb":
            copy = EXERCISES / "release" / name / path.name
            assert copy.read_bytes() == path.read_bytes(), stale


@each
def test_release_holds_no_solution_and_no_hidden_test(name):
    text = json.dumps(read("release", name))
    assert "SOLUTION" not in text
    assert "HIDDEN" not in text
    for task, source in cells("release", name, "solution").items():
        tree = ast.parse(source)  # a stub is valid Python
        assert STUB in source, task
        (function,) = tree.body
        assert len(function.body) == 2, task  # its docstring and the stub


def test_without_nbgrader_the_command_says_what_to_install(monkeypatch):
    without = subprocess.CompletedProcess([], returncode=1)
    monkeypatch.setattr(commands.subprocess, "run", lambda *_, **__: without)
    with pytest.raises(commands.Problem, match=r"pip install -r requirements-dev\.txt"):
        commands.exercises("python3")


def kill_at_each_step(folder):
    """Kill `course.py exercises` at each of its steps; print what is then released.

    In the place of nbgrader something quick, which writes the number of the attempt.
    """
    for name in NAMES:
        (folder / "exercises" / "source" / name).mkdir(parents=True)
    commands.COURSE_DIR = folder
    commands.needs_nbgrader = lambda _: ()
    release = folder / "exercises" / "release"
    for attempt in range(100):
        child = os.fork()
        if not child:
            _die_at(attempt)
            commands.start_hushed = functools.partial(_generate, attempt)
            commands.exercises("python3")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        released = sorted(path.read_text() for path in release.glob("*/*.ipynb"))
        print(json.dumps([attempt, released]))
        if attempt and status == 0:
            break


def _die_at(last):
    """Kill this process at its last-th step that changes the file system; 0: never."""
    step, watched = 0, {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}

    def count(event, arguments):
        nonlocal step
        if event in watched or (event == "open" and "w" in str(arguments[1])):
            step += 1
            if step == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _generate(attempt, *command, what, folder):
    options = dict(word.split("=") for word in command if "=" in word)
    new = folder / options["--CourseDirectory.release_directory"] / command[1]
    new.mkdir(parents=True)
    for part in ("a", "b"):
        (new / f"{part}.ipynb").write_text(str(attempt))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_killed_at_any_step_the_release_is_whole(tmp_path):
    here = str(Path(__file__).parent)
    call = "import test_exercises as t; t.kill_at_each_step(t.Path(t.sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", call, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([here, str(COURSE_DIR)])},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    (_, seen), *killed, (last, at_last) = lines
    assert len(killed) > 15 and at_last == 6 * [str(last)]
    n_without = 0
    for attempt, released in killed:
        assert released in ([], seen, 6 * [str(attempt)])
        n_without += not released
        seen = released or seen
    # Killed between two renames: the next start puts the old one back, a step more,
    # and is then killed between the same two.
    assert n_without <= 2
    # What a killed start has left is tidied away once nobody can be at work on it.
    left = {"source", "release"} ^ {*os.listdir(tmp_path / "exercises")}
    assert all(re.fullmatch(r"\.release-(new|old)-[0-9a-f]{8}", name) for name in left)


def test_release_has_the_folders_of_the_source():
    folders = [sorted(os.listdir(EXERCISES / kind)) for kind in ("source", "release")]
    assert folders[0] == folders[1] == sorted(NAMES)


# --- every check can pass, and can fail ----------------------------------------------


@pytest.fixture
def there(request, monkeypatch):
    """Stand where the notebook stands; forget the paths that it adds."""
    name = request.getfixturevalue("name")
    monkeypatch.chdir(EXERCISES / "source" / name)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return name


@functools.cache
def solved(name, until=None):
    """Return the names after all cells but the checks, with the solutions.

    Args:
        name: of the notebook.
        until: the task with whose check to stop; None for none.
    """
    names = {"__name__": "__main__"}
    for cell in read("source", name).cells:
        if label(cell) == ("check", until):
            break
        if cell.cell_type == "code" and label(cell)[0] not in ("check", ""):
            run(cell.source, names, label(cell)[1])
    return names


@pytest.mark.slow
@each
def test_the_solution_gets_full_marks(there, name, capfd):
    names = dict(solved(name))
    capfd.readouterr()
    for cell in read("source", name).cells:
        if cell.cell_type == "code" and label(cell)[0] in ("check", ""):
            run(cell.source, names, f"check of {label(cell)[1]}")
    assert capfd.readouterr().err == ""  # nbgrader gives no marks where stderr is


@pytest.mark.slow
@each
def test_the_untouched_copy_gets_no_marks(there, name):
    names = dict(solved(name))
    for task, stub in cells("release", name, "solution").items():
        run(stub, names, task)
        with pytest.raises(checks.NotYet, match="Not written yet"):
            run(cells("source", name, "check")[task], names, f"check of {task}")


@pytest.mark.slow
@each
def test_a_check_run_too_early_says_so(there, name):
    for task, check in cells("release", name, "check").items():
        names = dict(solved(name))
        function = ast.parse(cells("release", name, "solution")[task]).body[0].name
        del names[function]
        with pytest.raises(checks.NotYet, match=f"`{function}` is not known here"):
            run(check, names, f"check of {task}")


@pytest.mark.slow
@each
def test_no_two_known_mistakes_give_the_same_answer(there, name, monkeypatch):
    equal, alike = checks.Task.equal, []

    def compare(task, what, came, right, hint="", mistakes=None, tolerance=1e-6):
        equal(task, what, came, right, hint, mistakes, tolerance)
        shown = {  # what an earlier call refutes is not said
            text: np.asarray(wrong)
            for text, wrong in (mistakes or {}).items()
            if text not in task._ruled_out and not isinstance(wrong, str)
            if not is_close(np.asarray(wrong), np.asarray(right), tolerance)
        }
        for one, other in itertools.combinations(shown, 2):
            if is_close(shown[one], shown[other], tolerance):
                alike.append((what, one, other))

    monkeypatch.setattr(checks.Task, "equal", compare)
    names = dict(solved(name))
    for task in cells("source", name, "check"):
        if task not in ("repaired", "small", "train"):  # they train for long
            check("release", name, names, task)
    assert not alike


@each
def test_a_students_function_is_called_inside_its_check_only(name):
    solutions = cells("source", name, "solution").values()
    functions = {ast.parse(source).body[0].name for source in solutions}
    for task, source in cells("source", name, "check").items():
        for line in ast.parse(source).body:
            if not isinstance(line, ast.FunctionDef | ast.With):
                used = {n.id for n in ast.walk(line) if isinstance(n, ast.Name)}
                assert not used & functions, task
        called = {
            node.func.id
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & functions, f"{task}: by task.call, which can explain"


# --- right and wrong answers ---------------------------------------------------------


@dataclasses.dataclass
class Answer:
    """A function of tests/answers/, and what the comment above it says."""

    task: str
    what: str
    told: str  # a piece of the message, or "right"
    only_hidden: bool  # that only other values can tell
    code: str


@functools.cache
def answers(name):
    """Read the answers to a notebook's exercises, imports included."""
    text = (ANSWERS / f"{name}.py").read_text(encoding="utf-8")
    lines, found, imports = text.splitlines(), [], []
    for node in ast.parse(text).body:
        code = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            words = lines[first - 2].removeprefix("# ").split(" | ")
            code = "\n".join([*imports, *lines[first - 1 : node.end_lineno]])
            found.append(Answer(*words[:3], len(words) > 3, code + "\n"))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(code)
    return found


def each_answer(right):
    return pytest.mark.parametrize(
        ("name", "answer"),
        [
            pytest.param(name, answer, id=f"{name}-{answer.task}-{answer.what}")
            for name in NAMES
            for answer in answers(name)
            if (answer.told == "right") == right
        ],
    )


@each
def test_each_task_has_five_wrong_answers_and_three_right_ones(name):
    tasks = collections.Counter()
    for answer in answers(name):
        tasks[answer.task, answer.told == "right"] += 1
    for task in cells("source", name, "solution"):
        assert tasks[task, False] >= 5, task
        assert tasks[task, True] >= 3, task
    assert {task for task, _ in tasks} == cells("source", name, "solution").keys()


def check(kind, name, names, task):
    """Run the check of a task, as students see it or with the hidden tests."""
    run(cells(kind, name, "check")[task], names, f"check of {task}")


@pytest.mark.slow
@each_answer(right=False)
def test_a_wrong_answer_is_told_what_is_wrong(there, name, answer):
    names = dict(solved(name))
    run(answer.code, names, answer.task)
    if answer.only_hidden:
        check("release", name, names, answer.task)  # says that all is well
    with pytest.raises(checks.NotYet) as told:
        kind = "source" if answer.only_hidden else "release"
        check(kind, name, names, answer.task)
    assert answer.told in str(told.value)
    assert len(str(told.value).splitlines()) >= 2  # the task, and what about it


@pytest.mark.slow
@pytest.mark.maintainers
@each_answer(right=True)
def test_a_right_answer_gets_full_marks_however_it_is_written(there, name, answer):
    names = dict(solved(name))
    run(answer.code, names, answer.task)
    check("source", name, names, answer.task)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "code", "told"),
    [
        ("cross-entropy", "def cross_entropy(logits, labels):\n    ...", ""),
        ("cross-entropy", f"def cross_entropy(logits, labels):\n    {STUB}", ""),
        ("forward", f"def forward(*_):\n    {STUB}", "Not written yet: `forward`"),
        ("forward", "def forward(*_):\n    return 1, 1", "Your code stopped in"),
    ],
)
@pytest.mark.parametrize("name", ["ann"])
def test_an_earlier_answer_costs_what_is_built_on_it(there, name, other, code, told):
    names = solved.__wrapped__(name, until="backward")
    run(code, names, other)
    context = pytest.raises(checks.NotYet, match=told) if told else nullcontext()
    with context:
        check("source", name, names, "backward")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ann"])
def test_nudging_finds_a_wrong_loss(there, name):
    (nudging,) = (c.source for c in read("source", name).cells if "nudged" in c.source)
    names = solved.__wrapped__(name, until="backward")
    run(nudging, names, "nudging")
    run("def cross_entropy(logits, labels):\n    return 5.0", names, "cross-entropy")
    with pytest.raises(checks.NotYet, match="what nudging w1 finds"):
        run(nudging, names, "nudging")
