"""The rooms of the house: who may import whom, how large they are, what they need."""

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from conftest import ALLOWED_SKIPS
from tools import pins
from utils import environment
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

# A room, and the rooms that it may import from besides itself. A student's notebook
# needs utils/ alone; nothing in utils/ knows who starts it.
FOR_LABS = {"utils.labs", "utils.handwriting", "utils.canvas"}
BELOW = {
    "utils": set(),
    "utils.labs": {"utils"},
    "utils.handwriting": {"utils"},
    "utils.canvas": {"utils", "utils.handwriting"},
    "tools": {"utils", *FOR_LABS},
    "tools.book": {"tools", "utils"},
    "benchmarks": {"utils", *FOR_LABS, "tools"},
    "course": {"tools", "utils"},
    "tests": {"utils", *FOR_LABS, "tools", "tools.book", "benchmarks", "course"},
}
NOTEBOOK_BELOW = {
    "": {"utils"},
    "labs": {"utils", *FOR_LABS},
    "exercises": {"utils"},
}
LINES, FUNCTION_LINES = 400, 50
# What may be longer, and why.
LONG = {
    "utils/evaluation.py": "the statistics of the whole course, from top to bottom",
    "utils/runs.py": "what a run is, how it is saved, and the seeds that are shipped",
    "utils/runs.py: save_run": "its docstring, and all that a run records",
}
# What may be absent from the requirements files, and why.
OPTIONAL = {
    "torch": "a published recipe that the benchmark trains where PyTorch is installed",
    "mlflow": "what docs/tracking.md shows; its test runs where it is installed",
    "jax": "an engine that Keras may run on in TensorFlow's place",
    "pillow_heif": "photos of some telephones, read where the package is installed",
    "pip": "comes with Python",
}


def modules():
    """Return the names of all modules but the tests, with their files."""
    files = [COURSE_DIR / "course.py"]
    for room in ("utils", "tools", "benchmarks"):
        files += sorted((COURSE_DIR / room).rglob("*.py"))
    parts = {file: file.relative_to(COURSE_DIR).with_suffix("").parts for file in files}
    return {".".join(p).removesuffix(".__init__"): f for f, p in parts.items()}


MODULES = modules()
TESTS = {
    f"tests.{file.stem}": file
    for file in [COURSE_DIR / "conftest.py", *(COURSE_DIR / "tests").glob("*.py")]
}
WITH_CODE = {name: file for name, file in MODULES.items() if file.stat().st_size}


def room_of(module):
    """Return the room of a module, "utils.labs" for "utils.labs.sweep"."""
    return max((room for room in BELOW if f"{module}.".startswith(f"{room}.")), key=len)


def imported(tree):
    """Return the full names of what a program imports, at its top or anywhere."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "the course imports by full names"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@cache
def tree(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def ours(names):
    """Return which of our modules these names, or what they are taken from, are."""
    found = {name if name in MODULES else name.rpartition(".")[0] for name in names}
    return found & MODULES.keys()


def code_of(notebook):
    cells = nbformat.read(COURSE_DIR / notebook, as_version=4).cells
    lines = "\n".join(c.source for c in cells if c.cell_type == "code").splitlines()
    return ast.parse("\n".join(line for line in lines if line[:1] not in ("%", "!")))


each_notebook = pytest.mark.parametrize(
    "notebook",
    [
        *map(Path, (*NOTEBOOKS, *LABS)),  # labs/Untitled.ipynb is a student's own
        *(
            file.relative_to(COURSE_DIR)
            for file in sorted(COURSE_DIR.glob("exercises/*/*/*_Exercises.ipynb"))
        ),
    ],
    ids=str,
)


# --- arrows --------------------------------------------------------------------------


@pytest.mark.parametrize("module", [*MODULES, *TESTS])
def test_a_room_imports_from_the_rooms_below_it(module):
    room = room_of(module)
    others = ours(imported(tree((MODULES | TESTS)[module])))
    upward = {m for m in others if room_of(m) not in BELOW[room] | {room}}
    assert not upward, f"{module} imports {upward}"


@each_notebook
def test_a_notebook_imports_from_the_rooms_of_students(notebook):
    folder = notebook.parts[0] if len(notebook.parts) > 1 else ""
    rooms = {room_of(module) for module in ours(imported(code_of(notebook)))}
    assert rooms <= NOTEBOOK_BELOW[folder], f"{notebook} imports from {rooms}"


def test_nothing_imports_in_a_circle():
    arrows = {name: ours(imported(tree(file))) for name, file in MODULES.items()}
    assert list(TopologicalSorter(arrows).static_order())  # or a CycleError names them


def test_the_front_door_needs_nothing_but_python():
    todo, seen = {"course"}, set()
    while todo - seen:
        module = (todo - seen).pop()
        seen.add(module)
        names = imported(tree(MODULES[module]))
        todo |= ours(names)
        tops = {name.split(".")[0] for name in names} - {"tools", "utils", "pip"}
        assert tops <= sys.stdlib_module_names, module
        source = MODULES[module].read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 7))  # the oldest that is offered
    assert len(seen) > 2


def test_the_checks_see_what_they_forbid():
    names = imported(
        ast.parse("def f():\n    from tools import slides\nimport utils.data")
    )
    assert ours(names) == {"tools.slides", "utils.data"}
    assert ours({"utils.runs.load_run", "numpy.array"}) == {"utils.runs"}
    assert (
        room_of("utils.labs.sweep") == "utils.labs" and room_of("utils.runs") == "utils"
    )
    assert len(NOTEBOOKS) == 3 and len(MODULES) > 30


def test_what_students_import_loads_nothing_slow():
    """A figure should not wait for what only others need."""
    heavy = "{'tensorflow', 'keras', 'torch', 'seaborn', 'sklearn'}"
    heavy += " | {'scipy.stats', 'scipy.ndimage'}"
    light = "calibration controls corruptions costs data evaluation files plots runs "
    light += "uci verdict"
    code = (
        f"import sys, {', '.join('utils.' + module for module in light.split())}\n"
        f"print(({heavy}) & set(sys.modules))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=COURSE_DIR, capture_output=True, text=True
    )
    assert child.stdout == "set()\n", child.stderr


# --- sizes ---------------------------------------------------------------------------


def too_long():
    """Name the modules and the functions that are longer than they should be."""
    for file in WITH_CODE.values():
        place = file.relative_to(COURSE_DIR).as_posix()
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > LINES:
            yield place
        for node in ast.walk(tree(file)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.end_lineno - node.lineno + 1 > FUNCTION_LINES:
                yield f"{place}: {node.name}"


def test_modules_and_functions_stay_short_or_say_why():
    assert set(too_long()) == LONG.keys()
    assert all(len(reason.split()) > 3 for reason in LONG.values())


def dodges(program):
    """Yield the lines of calls like f(*(a, b)) and of roundings like -(-n // k).

    The first only stops the formatter from giving each argument a line, the second
    hides math.ceil: a reader must believe that they mean something.
    """
    for node in ast.walk(program):
        arguments = node.args if isinstance(node, ast.Call) else []
        if isinstance(node, ast.List | ast.Tuple):
            arguments = node.elts
        for part in arguments:
            if isinstance(part, ast.Starred) and isinstance(part.value, ast.Tuple):
                yield part.lineno
        if (
            isinstance(node, ast.UnaryOp)
            and isinstance(node.op, ast.USub)
            and isinstance(node.operand, ast.BinOp)
            and isinstance(node.operand.op, ast.FloorDiv)
            and isinstance(node.operand.left, ast.UnaryOp)
        ):
            yield node.lineno


@pytest.mark.parametrize("module", [*MODULES, *TESTS])
def test_no_stars_and_no_signs_without_a_meaning(module):
    assert list(dodges(tree((MODULES | TESTS)[module]))) == []


def test_stars_and_signs_without_a_meaning_are_seen():
    code = "f(*(a, b), c)\ng(*ab, -n // k)\n[*(a, b)]\n-(-n // k)\n-(n // k)"
    assert list(dodges(ast.parse(code))) == [1, 3, 4]


# --- requirements --------------------------------------------------------------------


# What each room may need when it is imported; tools/ and tests/ may need more inside a
# function, as long as it is in requirements-dev.txt.
NEEDS = {
    "utils": "requirements.txt",
    **dict.fromkeys(FOR_LABS, "requirements-labs.txt"),
    "course": "requirements.txt",
    "tools": "requirements-slides.txt",
    "tools.book": "requirements-book.txt",
    "tests": "requirements-test.txt",
    "benchmarks": "requirements-dev.txt",
}


@cache
def pinned(file):
    """Return the names of the packages that a requirements file asks for, all told."""
    lines = [line.split("#")[0].strip() for line in pins.read(file).splitlines()]
    return {
        canonicalize_name(Requirement(line).name)
        for line in lines
        if line and not line.startswith("-")
    }


@cache
def distributions():
    return packages_distributions()


def needed(program):
    """Return what a program imports of others: name to the packages that bring it."""
    local = {file.stem for file in TESTS.values()} | {"course", *BELOW}
    tops = {name.split(".")[0] for name in imported(program)} - local
    return {
        top: {canonicalize_name(name) for name in distributions().get(top, [top])}
        for top in tops - sys.stdlib_module_names - OPTIONAL.keys()
    }


def at_start(program):
    """Return the part of a program that runs when it is imported."""
    functions = ast.FunctionDef | ast.ClassDef
    kept = [node for node in program.body if not isinstance(node, functions)]
    return ast.Module(kept, type_ignores=[])


@pytest.mark.parametrize("module", [*MODULES, *TESTS])
def test_what_is_imported_is_pinned(module):
    program = tree((MODULES | TESTS)[module])
    for name, candidates in needed(program).items():
        found = candidates & pinned("requirements-dev.txt")
        assert found, f"{module} imports {name}: pin it"
    file = NEEDS[room_of(module)]
    if not room_of(module).startswith("utils"):
        program = at_start(program)
    for name, candidates in needed(program).items():
        found = candidates & pinned(file)
        assert found, f"{module} imports {name}: pin it in {file}"


def with_all_that_it_starts(module):
    """Return a module and those of ours that are imported with it, directly or not."""
    todo, seen = {module}, set()
    while todo - seen:
        name = (todo - seen).pop()
        seen.add(name)
        found = ours(imported(at_start(tree(MODULES[name]))))
        parts = [one.split(".") for one in found]
        todo |= {".".join(p[:k]) for p in parts for k in range(1, len(p) + 1)}
        todo &= MODULES.keys()
    return seen


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("tools.notebooks", "requirements.txt"),
        ("tools.report", "requirements.txt"),
        ("tools.book.__main__", "requirements-book.txt"),
        ("tools.slides", "requirements-slides.txt"),
        ("tools.present", "requirements-slides.txt"),
    ],
)
def test_a_command_has_all_that_it_starts_with(module, file):
    """Else it ends where it began, on the machine of whoever has no more than that."""
    started = with_all_that_it_starts(module)
    assert len(started) > 4
    for name in started:
        for top, candidates in needed(at_start(tree(MODULES[name]))).items():
            assert candidates & pinned(file), f"{module}: {name} imports {top}"


def test_the_first_cell_asks_for_all_that_the_three_notebooks_need():
    """Else the student meets a bare ModuleNotFoundError in the middle of a lesson."""
    programs = [code_of(notebook) for notebook in NOTEBOOKS]
    programs += [tree(f) for name, f in MODULES.items() if room_of(name) == "utils"]
    names = set().union(*map(needed, programs))
    asked_for = {*environment.NEEDED, *environment.BACKENDS}
    asked_for |= {"IPython", "ipywidgets"}  # a kernel's; a figure that stands still
    assert names <= asked_for


@each_notebook
def test_what_a_notebook_imports_is_pinned_and_used(notebook):
    labs = notebook.parts[0] == "labs"
    file = "requirements-labs.txt" if labs else "requirements.txt"
    program = code_of(notebook)
    for name, candidates in needed(program).items():
        assert candidates & pinned(file), f"{notebook} imports {name}: not in {file}"
    if "release" in notebook.parts:
        return  # what a student's answer needs is there before the answer
    names = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(program)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = {node.id for node in ast.walk(program) if isinstance(node, ast.Name)}
    assert names <= used, f"{notebook} imports and does not use {names - used}"


# --- skipped tests -------------------------------------------------------------------


def reasons():
    """Yield (file, reason) of each skip in the tests that is written out."""
    for path in sorted((COURSE_DIR / "tests").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            given = [word.value for word in node.keywords if word.arg == "reason"]
            if name == "skip":
                given += node.args[:1]
            if name in ("skip", "skipif", "importorskip"):
                for reason in given:
                    if isinstance(reason, ast.Constant):
                        yield path.name, reason.value


def test_each_skip_has_a_reason_that_is_allowed():
    """Most of them happen on other machines only."""
    found = [*reasons()]
    assert len(found) > 10
    allowed = re.compile("|".join(ALLOWED_SKIPS))
    assert [where for where in found if not allowed.fullmatch(where[1])] == []
