"""The settings of the test run: which tests, in which order, skipped for what reason.

Each test runs pytest on a few lines in a folder that has the course's own settings.
"""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from utils.places import COURSE_DIR

pytestmark = [pytest.mark.slow, pytest.mark.maintainers]
SIDE_BY_SIDE = ("-n", "2", "--dist=loadfile", "--no-loadscope-reorder")
SAVE = """
import os, pathlib
runs = pathlib.Path(os.environ["RUNS_DIR"])
runs.mkdir(parents=True, exist_ok=True)
(runs / "saved").write_text("by the notebook")
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("tests", "labs", "utils"):
        (tmp_path / name).mkdir()
    for name in ("conftest.py", "pyproject.toml", "utils/places.py"):
        shutil.copy(COURSE_DIR / name, tmp_path / name)
    for name in ("ANN_Model", "CNN_Model", "Comparison"):
        write_notebook(tmp_path / f"{name}.ipynb", "1 + 1", "2 + 2", "3 + 3")
    return tmp_path


def write_notebook(path, *sources, tags=("", "parameters")):
    cells = [new_code_cell(source) for source in sources]
    for cell, tag in zip(cells, tags, strict=False):
        cell.metadata["tags"] = [tag] if tag else []
    nbformat.write(new_notebook(cells=cells), path)


def run(folder, *arguments):
    """Run pytest in the folder: (exit code, what it said)."""
    private = ("PYTEST_", "RUNS_DIR")  # of the run that this test is part of
    environment = {k: v for k, v in os.environ.items() if not k.startswith(private)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    return done.returncode, done.stdout


SKIPPED = """
import pytest
def test_good(): pass
def test_allowed(): pytest.skip("Windows has no permission bits")
"""


def test_a_skip_for_an_allowed_reason_is_named(folder):
    (folder / "tests" / "test_it.py").write_text(SKIPPED)
    code, said = run(folder, "tests")
    assert code == 0 and "1 passed, 1 skipped" in said, said
    assert "Windows has no permission bits (1)\n    tests/test_it.py::test_al" in said
    code, said = run(folder, "--no-skips", "tests")
    assert code == 1 and "NOT ALLOWED: Windows has no permission bits" in said


def test_a_skip_without_an_allowed_reason_fails_the_run(folder):
    (folder / "tests" / "test_it.py").write_text(SKIPPED)
    more = "import pytest\npytest.importorskip('no_such_module')\n"
    (folder / "tests" / "test_more.py").write_text(more)
    code, said = run(folder, *SIDE_BY_SIDE, "tests")
    assert code == 1 and "failed" not in said, said
    assert "\nWindows has no permission bits (1)" in said
    assert "NOT ALLOWED: could not import 'no_such_module'" in said
    assert "    tests/test_more.py" in said


def test_quick_leaves_out_what_is_slow_and_all_but_first_cells(folder):
    (folder / "tests" / "test_it.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "@pytest.mark.slow\n"
        "def test_slow(): pass\n"
        "@pytest.mark.after('ANN_Model.ipynb')\n"
        "def test_after(): pass\n"
    )
    code, said = run(folder, "--quick", "--collect-only")
    assert code == 0
    for name in ("ANN_Model", "CNN_Model", "Comparison"):
        assert f"{name}.ipynb::Cell 0" in said
    assert "Cell 1" not in said and "Cell 2" not in said
    assert "test_good" in said and "test_slow" not in said and "test_after" not in said
    assert "4/12 tests collected" in said  # three cells and a test


KERAS = """
from types import SimpleNamespace
limits = []
keras = SimpleNamespace(config=SimpleNamespace(set_max_epochs=limits.append))
"""


@pytest.mark.parametrize(
    ("data", "draws", "limits"),
    [("sample", 2, ["[1]", "[1, None]"]), ("elsewhere", 5, ["[]", "[]"])],
)
def test_on_the_sample_labs_are_small_and_trainings_short(
    folder, monkeypatch, data, draws, limits
):
    monkeypatch.setenv("MNIST_DATA", data)
    labs = folder / "labs"
    own = "LABELS = (1, 5)\nDRAWS = 5\nSTEPS = 100"
    write_notebook(labs / "Transfer.ipynb", "1 + 1", own, "print(DRAWS, 'draws')")
    own = "EPOCHS = 0\nN_DAMAGED = 1000"
    lines = KERAS, own, "print(limits)", "print(limits)"
    tags = ("", "parameters", "comparison", "")
    write_notebook(labs / "Augmentation.ipynb", *lines, tags=tags)
    (folder / "tests" / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.after('Transfer.ipynb', 'Augmentation.ipynb')\n"
        "def test_it(said):\n"
        f"    assert '{draws} draws' in said('Transfer.ipynb')\n"
        "    lines = said('Augmentation.ipynb').splitlines()\n"
        f"    assert list(filter(None, lines)) == {limits}\n"
    )
    code, said = run(folder, "labs", "tests")
    assert code == 0 and "8 passed" in said, said


def test_what_looks_at_a_notebooks_outcome_waits_for_it(folder):
    """Side by side the test's file is the other process' next one from the start."""
    write_notebook(folder / "ANN_Model.ipynb", "import time", "time.sleep(3)", SAVE)
    (folder / "CNN_Model.ipynb").unlink()
    (folder / "Comparison.ipynb").unlink()
    (folder / "tests" / "test_it.py").write_text(
        "import os, pathlib, pytest\n"
        "@pytest.mark.after('ANN_Model.ipynb')\n"
        "def test_it(said):\n"
        "    saved = pathlib.Path(os.environ['RUNS_DIR'], 'saved')\n"
        "    assert saved.read_text() == 'by the notebook'\n"
        "    assert '15' in said('ANN_Model.ipynb')\n"
    )
    code, said = run(folder, *SIDE_BY_SIDE, "ANN_Model.ipynb", "tests")
    assert code == 0 and "4 passed" in said, said
    # Without the notebook there is nothing to look at.
    assert run(folder, "tests")[0] == 5
