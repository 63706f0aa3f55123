"""The list of the course's notebooks is whole, and nobody else's are tested."""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from utils.places import COURSE_DIR, LABS, NOTEBOOKS


def test_the_list_has_every_notebook_of_the_course():
    try:
        found = subprocess.run(
            ["git", "ls-files", "*.ipynb", "labs/*.ipynb"],
            cwd=COURSE_DIR,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git, or the course was downloaded without its history")
    ours = {name for name in found if not name.startswith("exercises/")}
    assert ours == {*NOTEBOOKS, *LABS}


def test_a_students_own_notebook_is_not_tested(request):
    own = COURSE_DIR / "labs" / "Untitled of a test.ipynb"
    request.addfinalizer(lambda: own.unlink(missing_ok=True))
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), own)
    command = (sys.executable, "-m", "pytest", "-q", "--collect-only", "labs")
    done = subprocess.run(command, cwd=COURSE_DIR, capture_output=True, text=True)
    assert "Transfer.ipynb" in done.stdout and own.name not in done.stdout
