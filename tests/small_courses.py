"""A small copy of the course: the real course.py, real papermill, tiny notebooks."""

import os
import shutil
import subprocess
import sys
import zipfile

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from utils.places import COURSE_DIR, NOTEBOOKS

COPIED = (
    "course.py",
    *(path.name for path in COURSE_DIR.glob("requirements*.txt")),
    ".gitignore",
    "tools/__init__.py",
    "tools/lab_settings.py",
    "tools/commands.py",
    "tools/copies.py",
    "tools/folders.py",
    "tools/formulas.py",
    "tools/installation.py",
    "tools/machine.py",
    "tools/notebook_file.py",
    "tools/notebooks.py",
    "tools/notebook.html.j2",
    "tools/pages.py",
    "tools/pins.py",
    "tools/programs.py",
    "tools/progress.py",
    "tools/python_version.py",
    "tools/styles.py",
    "utils/__init__.py",
    "utils/bounded.py",
    "utils/files.py",
    "utils/places.py",
    "utils/wording.py",
)
PATIENCE = 300  # seconds, for a busy machine: nothing here takes more than a few
# Without a network, and with pip alone.
WITH_PIP = {"PIP_NO_INDEX": "1", "PATH": os.defpath}


def small_course(parent):
    """Make the copy in a folder; its notebooks do next to nothing."""
    folder = parent / "the {course}"  # a space and braces: names that break things
    for room in ("tools", "utils"):
        (folder / room).mkdir(parents=True)
    for name in COPIED:
        shutil.copy(COURSE_DIR / name, folder / name)
    (folder / "tools" / "report.py").write_text("print('the table')\n")
    (folder / "tools" / "book.py").write_text("print('the book')\n")
    for name in NOTEBOOKS:
        write_notebook(folder / name, "1 + 1", "print('one')\nprint('two')")
    return folder


def write_notebook(path, *sources):
    cells = [new_markdown_cell("# A title"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)


def start_course(folder, *arguments, python=sys.executable, **variables):
    """Start course.py as a user does, in a session of its own like a terminal's.

    Variables of the environment are given by name; those given as None are not set.
    """
    variables = os.environ | {"MNIST_DATA": None} | variables
    return subprocess.Popen(
        [python, "course.py", *arguments],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def run_course(folder, *arguments, **environment):
    """Run course.py to its end: (exit code, stdout, stderr)."""
    process = start_course(folder, *arguments, **environment)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def assert_one_message(err):
    """What reaches the user is a message of at most two lines, and no traceback."""
    assert "Traceback" not in err
    assert 1 <= len(err.strip().splitlines()) <= 2, err


def write_wheel(folder, name="halfway"):
    """Write a package of one module, version 1.0, for pip to find in a folder."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "there = True\n")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        wheel.writestr(f"{info}/METADATA", metadata)
        tag = "Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: true\n"
        wheel.writestr(f"{info}/WHEEL", tag)
        wheel.writestr(f"{info}/RECORD", "")
