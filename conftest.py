"""Settings of the test run: offline, on the sample, its runs in a folder of its own.

`course.py test` deals the files to two processes (pytest-xdist); `pytest` alone takes
one after the other. Either way a file begins when the notebooks that it builds on are
done, and finds their runs: the processes share one folder.
"""

import gc
import os
import re
import signal
import tempfile
import time
from pathlib import Path

import pytest

from utils.places import COURSE_DIR, LABS, NOTEBOOKS

collect_ignore = [
    "exercises",
    "work",
]  # notebooks with gaps; tests/test_exercises.py has them

# The only reasons for which a test may be skipped; any other one fails the run.
ALLOWED_SKIPS = (
    r"Windows has no .+",
    r"no Python older than 3\.11 on this machine",
    r"no folder here is read-only to this user",
    r"no git, or the course was downloaded without its history",
    r"pillow-heif is not installed",
    r"MLflow is not installed: nobody needs it for the course",
    r"nobody here can start a program as a user without a home",
    r"(jax|torch) is not installed: Keras' other engine",
    r"bubblewrap is not installed here",
    r"only Linux tells this memory",
    # CI runs these in a step of their own, with --no-skips.
    r"nbgrader is in requirements-dev\.txt only",
    r"Playwright is not installed: .+",
    r"there is no browser: .+",
)
MODELS = ("ANN_Model.ipynb", "CNN_Model.ipynb")  # the other notebooks read their runs
# On the sample the labs show that they run and what they leave behind: their own
# parameters, as one sets them with papermill, keep the trainings few and short.
SMALL = {
    "Augmentation.ipynb": {"N_DAMAGED": 100},
    "How_Much_Data.ipynb": {"N_SEEDS": 1, "SIZES": (15, 30), "N_MOST": 60},
    # The sixth trial is the first that may be pruned.
    "Overfitting.ipynb": {"N_TRIALS": 7, "PATIENCE": 1},
    "Training_Recipes.ipynb": {"EPOCHS": 1, "N_DIGITS": 512},
    "Transfer.ipynb": {"LABELS": (1, 20), "DRAWS": 2, "STEPS": 10},
    # Of what is none of the ten: a letter, a sign and a blot.
    "Your_Handwriting.ipynb": {"N_PHOTOS": 2, "N_IN_A_ROW": 1, "N_TRIED": 3},
}
# Where no test looks at what was learned, Keras ends each training after these epochs:
# in the cells with a tag, and with None in all others.
SHORT = {
    "Augmentation.ipynb": {"comparison": 1},
    # Early stopping needs 3; a trial may be pruned from the third on.
    "Overfitting.ipynb": {None: 3, "remedies": 5, "study": 4},
    # After one, the averaged weights of the CNN have not learned enough to be saved.
    "What_Makes_the_Difference.ipynb": {None: 2},
}
# Begun first: a process that begins one of these last is alone with it in the end.
LONGEST = (
    "test_browser_outputs.py",
    "test_browser_lesson.py",
    "test_browser_shows.py",
    "test_browser_slides.py",
    "test_browser_book.py",
    "test_safe_to_click.py",
    "test_grading_hostile.py",
    "test_reference.py",
    "test_browser.py",
    "test_browser_draw.py",
    "test_grading.py",
    "test_remote.py",
    "test_comparison.py",
    "test_exercises.py",
    "test_handwriting.py",
)
SECONDS_TO_WAIT = 900  # for a notebook in the other process, should that have died

_is_worker = "PYTEST_XDIST_WORKER" in os.environ
_skipped = {}  # reason: the ids of the tests that were skipped for it
_notebooks = set()  # the names of those that are executed

# A shell has programs in the background ignore Ctrl-C, and all that these start, too:
# the tests of what it stops need a Python that minds it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# At import, before anything is collected: notebooks' kernels inherit the environment.
_choice = os.environ.get("MNIST_DATA") or "sample"
_is_path = _choice not in ("auto", "full", "sample") and Path(_choice).exists()
os.environ["MNIST_DATA"] = str(Path(_choice).resolve()) if _is_path else _choice
if _is_worker:
    _home = Path(os.environ["RUNS_DIR"]).parent  # set by the process that started it
    # As many threads in all as there are cores, lest the processes wait for each other.
    _share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for _library in ("TF_NUM_INTRAOP", "OMP_NUM", "OPENBLAS_NUM"):
        os.environ.setdefault(f"{_library}_THREADS", str(max(1, _share)))
else:
    _folder = tempfile.TemporaryDirectory(prefix="course-tests-")
    _home = Path(_folder.name)
    os.environ["RUNS_DIR"] = str(_home / "runs")


def pytest_addoption(parser):
    group = parser.getgroup("the course")
    quick = "what guards a small edit: no test marked slow, first cells only"
    group.addoption("--quick", action="store_true", help=quick)
    group.addoption("--no-skips", action="store_true", help="a skipped test is a fault")


def pytest_ignore_collect(collection_path):
    """Leave out notebooks that are not the course's: a student's own, in any folder."""
    if collection_path.suffix == ".ipynb" and COURSE_DIR in collection_path.parents:
        place = collection_path.relative_to(COURSE_DIR).as_posix()
        return True if place not in (*NOTEBOOKS, *LABS) else None
    return None


def pytest_unconfigure():
    """Remove the runs that the notebooks saved for the tests."""
    if not _is_worker:
        _folder.cleanup()


# --- which tests, and in which order -------------------------------------------------


@pytest.hookimpl(trylast=True)  # behind -k and -m
def pytest_collection_modifyitems(config, items):
    """Choose the tests, and put first what others wait for and what takes long.

    What looks at a notebook's outcome is left out where the notebook is not executed
    (`pytest tests`).
    """
    if os.environ["MNIST_DATA"] == "sample":
        make_labs_small(items)
        make_trainings_short(items)
    executed = {item.path.name for item in items if is_cell(item)}
    if config.getoption("quick"):
        executed = set()
        first = first_cells(items)
        chosen = [i for i in items if i in first or not (is_cell(i) or is_slow(i))]
    else:
        chosen = items
    chosen = [item for item in chosen if after(item) <= executed]
    waiting_files = {item.path for item in chosen if after(item)}
    slow_files = {item.path for item in chosen if is_slow(item)}

    def rank(item):
        """Keep a file in one piece, and behind each that it waits for."""
        if is_cell(item):
            return 0 if item.path.name in MODELS else 2
        if item.path in waiting_files:
            return 3
        return 1 if item.path in slow_files else 4

    def place(item):
        """Return the place in LONGEST; all others come behind them, as they are."""
        return (*LONGEST, item.path.name).index(item.path.name)

    left_out = set(items) - set(chosen)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = sorted(chosen, key=lambda item: (rank(item), place(item)))


def is_cell(item):
    return item.path.suffix == ".ipynb"


def is_slow(item):
    return item.get_closest_marker("slow") is not None


def after(item):
    """Return the names of the notebooks whose outcome a test looks at."""
    marker = item.get_closest_marker("after")
    return set(marker.args) if marker else set()


def first_cells(items):
    """Return the first cell of each notebook: it finds the course around itself."""
    return set({item.path: item for item in reversed(items) if is_cell(item)}.values())


def make_labs_small(items):
    """Set the labs' parameters behind their own cell, where SMALL has some."""
    for item in filter(is_cell, items):
        if "parameters" in item.cell.metadata.get("tags", []):
            for name, value in SMALL.get(item.path.name, {}).items():
                assert f"\n{name} = " in f"\n{item.cell.source}", f"{item}: {name}"
                item.cell.source += f"\n{name} = {value!r}"


def make_trainings_short(items):
    """Tell Keras in each cell behind the parameters how many epochs SHORT allows."""
    ready = set()  # the labs whose parameters, and so whose imports, come before
    for item in (i for i in items if is_cell(i) and i.path.name in SHORT):
        limits, tags = SHORT[item.path.name], item.cell.metadata.get("tags", [])
        if item.path in ready:
            limit = next((limits[tag] for tag in [*tags, None] if tag in limits), None)
            limited = f"keras.config.set_max_epochs({limit})\n{item.cell.source}"
            item.cell.source = limited
        if "parameters" in tags:
            ready.add(item.path)


# --- a file waits for the notebooks that it builds on --------------------------------


def pytest_collection_finish(session):
    _notebooks.update(item.path.name for item in session.items if is_cell(item))
    # What is there now, TensorFlow above all, stays. Python need not look through it
    # again and again for what can go: that took a sixth of the figures' tests.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Wait for notebooks in the other process; say when one is done in this process."""
    awaited = after(item)
    if is_cell(item) and item.path.name not in MODELS:
        awaited = set(MODELS)
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while time.monotonic() < deadline:
        if all((_home / f"{name}.done").exists() for name in awaited & _notebooks):
            break
        time.sleep(0.1)
    else:
        raise RuntimeError(f"{sorted(awaited)} never ended: did their process die?")
    result = yield
    if is_cell(item):
        with open(_home / f"{item.path.name}.txt", "a", encoding="utf-8") as file:
            file.write("".join(map(text_of, item.test_outputs or [])))
        if nextitem is None or nextitem.path != item.path:
            (_home / f"{item.path.name}.done").touch()
    return result


def text_of(output):
    """Return what a cell printed, or showed as text, Markdown or HTML."""
    data = output.get("data", {})
    kinds = ("text/plain", "text/markdown", "text/html")
    return "\n".join([output.get("text", ""), *(data.get(kind, "") for kind in kinds)])


@pytest.fixture(scope="session")
def said():
    """Return a function: what a notebook has printed and shown in this run of tests."""
    return lambda name: (_home / f"{name}.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The address and the folder of a JupyterLab that presents a whole notebook."""
    from projector import presenting  # in tests/; it drives a browser

    with presenting("Comparison", tmp_path_factory.mktemp("started")) as found:
        yield found


# --- skipped tests are named, and need an allowed reason -----------------------------


def pytest_runtest_logreport(report):
    if report.skipped and not hasattr(report, "wasxfail"):
        note_skip(report)


def pytest_collectreport(report):
    if report.skipped:  # a whole file
        note_skip(report)


def note_skip(report):
    reason = str(report.longrepr[-1]).removeprefix("Skipped: ")
    _skipped.setdefault(reason, set()).add(report.nodeid)


def faults(config):
    """Return the reasons for which tests were skipped and should not have been."""
    strict = config.getoption("no_skips")
    allowed = () if strict else ALLOWED_SKIPS
    return [
        reason
        for reason in _skipped
        if not any(re.fullmatch(pattern, reason) for pattern in allowed)
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    if not _is_worker and faults(session.config) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if not _skipped:
        return
    terminalreporter.section("skipped")
    for reason, names in sorted(_skipped.items()):
        verdict = "NOT ALLOWED: " if reason in faults(config) else ""
        terminalreporter.write_line(f"{verdict}{reason} ({len(names)})")
        for name in sorted(names):
            terminalreporter.write_line(f"    {name}")
    if faults(config):
        terminalreporter.write_line("Allowed reasons are listed in conftest.py.")
