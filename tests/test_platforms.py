"""The course on other people's machines, imitated one mechanism at a time."""

import os
import shutil
import subprocess
import sys

import pytest

from utils.places import COURSE_DIR

NO_CLONE = pytest.mark.skipif(
    not (shutil.which("git") and (COURSE_DIR / ".git").exists()),
    reason="no git, or the course was downloaded without its history",
)


def python(folder, code, **variables):
    """Run code in a folder as a student's script would: (exit code, stdout, stderr)."""
    variables = os.environ | {"PYTHONPATH": None, "RUNS_DIR": None} | variables
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


# --- Git for Windows -----------------------------------------------------------------


@pytest.fixture(scope="module")
def windows_clone(tmp_path_factory):
    """A clone as Git for Windows makes it unless its user chose otherwise."""
    folder = tmp_path_factory.mktemp("windows") / "course"
    clone = (
        "git",
        "clone",
        "-q",
        "-c",
        "core.autocrlf=true",
        str(COURSE_DIR),
        str(folder),
    )
    subprocess.run(clone, check=True, capture_output=True)
    return folder


@NO_CLONE
def test_a_clone_by_git_for_windows_loads_every_shipped_run(windows_clone):
    code = (
        "from utils import data, runs\n"
        "for name in runs.list_runs(runs.REFERENCE_DIR):\n"
        "    print(runs.load_run(name, announce=False).origin)\n"
        "assert data._read_shipped_digits()[2]\n"
    )
    code, out, err = python(windows_clone, code)
    assert (code, err) == (0, "")
    assert out.splitlines() == ["reference run"] * 10


@NO_CLONE
def test_a_clone_by_git_for_windows_is_the_course_byte_for_byte(windows_clone):
    listed = subprocess.run(
        ["git", "ls-files", "--eol"], cwd=windows_clone, capture_output=True, text=True
    )
    assert len(listed.stdout.splitlines()) > 100
    assert "w/crlf" not in listed.stdout and "w/mixed" not in listed.stdout
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=windows_clone, capture_output=True
    )
    assert status.stdout == b""
