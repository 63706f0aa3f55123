"""The list of the course's notebooks is whole, and nobody else's are tested."""

import subprocess
import sys
from functools import partial

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools import first_cell
from utils.places import COURSE_DIR, FOLDERS, LABS, NOTEBOOKS


def in_git(*patterns):
    """Return the paths of the course's files that these patterns match."""
    try:
        return subprocess.run(
            ["git", "ls-files", *patterns],
            cwd=COURSE_DIR,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git, or the course was downloaded without its history")


def test_the_list_has_every_folder_of_the_course():
    found = {path.split("/")[0] for path in in_git("*/*")}
    assert {name for name in found if not name.startswith(".")} == {*FOLDERS}


def test_the_list_has_every_notebook_of_the_course():
    found = in_git("*.ipynb", "labs/*.ipynb")
    ours = {name for name in found if not name.startswith("exercises/")}
    assert ours == {*NOTEBOOKS, *LABS}


def test_a_students_own_notebook_is_not_tested(request):
    own = COURSE_DIR / "labs" / "Untitled of a test.ipynb"
    request.addfinalizer(lambda: own.unlink(missing_ok=True))
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), own)
    command = (sys.executable, "-m", "pytest", "-q", "--collect-only", "labs")
    done = subprocess.run(command, cwd=COURSE_DIR, capture_output=True, text=True)
    assert "Transfer.ipynb" in done.stdout and own.name not in done.stdout


def test_a_students_own_notebook_breaks_no_rule_of_the_courses(request):
    """Rooms, lengths, prose: the tests look at the course's notebooks alone."""
    name = "Untitled of a test.ipynb"
    for place in ("labs", ".", "exercises/release/ann"):
        own = COURSE_DIR / place / name
        request.addfinalizer(partial(own.unlink, missing_ok=True))
        nbformat.write(new_notebook(cells=[new_code_cell("import torchvision")]), own)
        assert own not in first_cell.notebooks()
    looking = ("rooms", "notebooks", "prose", "engines", "questions")
    files = [f"tests/test_{each}.py" for each in looking]
    command = (sys.executable, "-m", "pytest", "-q", "--collect-only", *files)
    done = subprocess.run(command, cwd=COURSE_DIR, capture_output=True, text=True)
    assert " tests collected" in done.stdout and name not in done.stdout
