"""course.py among settings, files and folders of its user's that are in the way.

(tests/test_course.py makes .venv while pip is told to put packages elsewhere.)
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from small_courses import (
    assert_one_message,
    run_course,
    small_course,
    start_course,
    write_notebook,
    write_wheel,
)

from tools import installation, machine, pins, programs
from utils import data, data_files, runs


@pytest.fixture
def copy(tmp_path):
    return small_course(tmp_path)


def reports(copy, *lines):
    """Have `course.py results` print what these expressions are, a line each."""
    program = "import json, os, random, sys, tempfile\n"
    program += "".join(f"print({line})\n" for line in lines)
    (copy / "tools" / "report.py").write_text(program)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for a closed pipe")
def test_who_reads_no_further_gets_no_traceback(copy):
    """As `course.py slides | head -1`."""
    reports(copy, "'a line\\n' * 100_000")
    process = start_course(copy, "results")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 1


# --- variables that send packages elsewhere, or change what Python does ---------------


DROPPED = """
    PIP_TARGET PIP_PREFIX PIP_ROOT PIP_DRY_RUN PIP_NO_DEPS PIP_SOME_LATER_ONE UV_TARGET
    UV_PROJECT_ENVIRONMENT UV_PYTHON PYTHONPATH PYTHONHOME PYTHONOPTIMIZE PYTHONSAFEPATH
    PYTHONDONTWRITEBYTECODE PYTEST_ADDOPTS PYTEST_DISABLE_PLUGIN_AUTOLOAD
"""
KEPT = """
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_PROXY PIP_CERT
    PIP_TRUSTED_HOST PIP_CACHE_DIR PIP_CONFIG_FILE UV_DEFAULT_INDEX UV_CACHE_DIR
    UV_OFFLINE UV_SYSTEM_CERTS HTTPS_PROXY MNIST_DATA PYTHONUTF8 PYTHONWARNINGS
"""


@pytest.mark.parametrize("name", DROPPED.split())
def test_a_setting_in_the_way_is_dropped(monkeypatch, name):
    monkeypatch.setattr(os, "environ", {name: "somewhere", "PATH": "/bin"})
    monkeypatch.setattr(sys, "path", list(sys.path))
    installation.forget_settings()
    assert os.environ == {"PATH": "/bin", "PIP_USER": "0"}


@pytest.mark.parametrize("name", KEPT.split())
def test_a_setting_that_says_where_packages_are_is_kept(monkeypatch, name):
    monkeypatch.setattr(os, "environ", {name: "somewhere"})
    monkeypatch.setattr(sys, "path", list(sys.path))
    installation.forget_settings()
    assert os.environ[name] == "somewhere"


def test_a_package_on_pythonpath_is_not_the_courses(tmp_path, monkeypatch):
    """ROS, or a cluster's modules: there for this Python, not for that of .venv."""
    write_wheel(tmp_path)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "ros")
    notes = tmp_path / "ros" / "halfway-1.0.dist-info"
    (notes / "INSTALLER").write_text("pip\n")
    (notes / "RECORD").write_text("halfway.py,sha256=x,13\n")
    monkeypatch.setattr(os, "environ", os.environ | {"PYTHONPATH": f"{tmp_path}/ros"})
    monkeypatch.setattr(sys, "path", [f"{tmp_path}/ros", *sys.path])
    assert pins.missing("halfway==1.0") == []
    installation.forget_settings()
    assert pins.missing("halfway==1.0") == ["halfway==1.0"]


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("results",)])
@pytest.mark.parametrize("name", ["PYTHONSAFEPATH", "PYTHONOPTIMIZE"])
def test_python_told_otherwise_works_all_the_same(copy, name, arguments):
    reports(copy, "__doc__ or sys.flags.optimize", "sys.flags.safe_path")
    code, out, err = run_course(copy, *arguments, **{name: "2"})
    assert (code, err) == (0, "")
    assert out == "0\nFalse\n" if arguments == ("results",) else "usage: course" in out


# --- files beside the course, and folders that are not there --------------------------


@pytest.mark.parametrize("name", ["random", "json", "argparse", "tools", "numpy"])
def test_a_file_beside_course_py_is_not_taken_for_pythons_own(copy, name):
    (copy / f"{name}.py").write_text("raise SystemExit('a student wrote me')\n")
    reports(copy, "random.random() < 1", "__import__('numpy').ones(2).sum()")
    code, out, err = run_course(copy, "results")
    assert (code, out, err) == (0, "True\n2.0\n", "")


@pytest.mark.parametrize("name", ["tools", "utils"])
def test_a_package_of_our_name_elsewhere_is_not_ours(copy, tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("raise SystemExit('not me')\n")
    code, out, err = run_course(copy, "results", PYTHONPATH=str(tmp_path))
    assert (code, out, err) == (0, "the table\n", "")


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """An environment to change at will, and a course in tmp_path / "course"."""
    monkeypatch.setattr(installation, "COURSE_DIR", tmp_path / "course")
    (tmp_path / "course").mkdir()
    variables = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    monkeypatch.setattr(os, "environ", variables)
    return variables


@pytest.mark.parametrize("name", installation.FOLDERS)
def test_a_folder_of_jupyters_that_cannot_be_is_left_out(environment, tmp_path, name):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        environment[name] = str(folder)
        installation.find_a_home()
        assert name not in environment
    environment[name] = str(tmp_path)
    installation.find_a_home()
    assert environment[name] == str(tmp_path)


@pytest.mark.parametrize(
    "home", ["{tmp_path}/file", "{tmp_path}/file/below", "/proc/1"]
)
def test_a_home_that_cannot_be_written_is_replaced(environment, tmp_path, home):
    (tmp_path / "file").touch()
    home = home.format(tmp_path=tmp_path)
    if home == "/proc/1" and not os.path.isdir("/proc/1"):
        home = str(tmp_path / "file")
    environment.update(HOME=home, USERPROFILE=home, XDG_CACHE_HOME=f"{home}/cache")
    installation.find_a_home()
    new = str(tmp_path / "course" / "build" / "home")
    assert environment["HOME"] == environment["USERPROFILE"] == new
    assert os.path.isdir(new) and "XDG_CACHE_HOME" not in environment


def test_a_home_that_is_none_is_replaced(environment, tmp_path, monkeypatch):
    """A container's user: "~" stays "~", and is no folder to be made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    installation.find_a_home()
    assert environment["HOME"] == str(tmp_path / "course" / "build" / "home")
    assert not os.path.exists("~")


def test_a_home_that_can_be_written_stays(environment, tmp_path):
    before = dict(environment)
    installation.find_a_home()
    assert environment == before


@pytest.mark.parametrize("name", installation.JUPYTERS)
def test_roots_leftovers_in_the_home_are_left_alone(environment, tmp_path, name):
    """After `sudo jupyter`; here a file, below which not even root can write."""
    (tmp_path / Path(installation.JUPYTERS[name]).parts[0]).touch()
    installation.find_a_home()
    ours = tmp_path / "course" / "build" / "home" / installation.JUPYTERS[name]
    assert environment[name] == str(ours) and environment["HOME"] == str(tmp_path)
    assert len(installation.JUPYTERS.keys() & environment.keys()) == 1
    environment[name] = str(tmp_path)  # the user's own choice stays
    installation.find_a_home()
    assert environment[name] == str(tmp_path)


@pytest.mark.slow
def test_notebooks_are_executed_whatever_is_in_the_way(copy, tmp_path):
    """No home, no folder for IPython, and a random.py of a student's beside."""
    (tmp_path / "file").touch()
    no_folder = {name: str(tmp_path / "file") for name in ("HOME", "IPYTHONDIR")}
    (copy / "random.py").write_text("raise SystemExit('a student wrote me')\n")
    write_notebook(copy / "ANN_Model.ipynb", "import matplotlib.pyplot")
    code, out, err = run_course(copy, "outputs", "ANN_Model.ipynb", **no_folder)
    assert (code, err) == (0, "") and out.startswith("ANN_Model ")


FOREIGN = 54_321  # an id that nobody on this machine has


def python_for_everybody():
    """Find a Python for the course that a foreign user may start, or None."""
    fits = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    for python in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        try:
            if subprocess.run([python, "-c", fits], user=FOREIGN).returncode == 0:
                return python
        except OSError:
            continue
    return None


@pytest.fixture
def open_copy():
    """A small course where everybody may read and write, and reach it."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        copy = small_course(Path(folder))
        for path in [Path(folder), *Path(folder).rglob("*")]:
            path.chmod(0o777)
        yield copy


def test_a_user_without_a_name_and_a_home_runs_the_course(open_copy):
    """As containers have them that are started with an id of their own."""
    python = python_for_everybody()
    if python is None:
        pytest.skip("nobody here can start a program as a user without a home")
    # That Python may have nothing at all.
    (open_copy / "requirements.txt").write_text("")
    reports(open_copy, "os.path.expanduser('~')")
    for home in ({}, {"HOME": "/"}):
        done = subprocess.run(
            [python, "course.py", "results"],
            cwd=open_copy,
            env={"PATH": os.defpath} | home,
            user=FOREIGN,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{open_copy / 'build' / 'home'}\n"
    assert not (open_copy / "~").exists()


# --- MNIST_DATA and RUNS_DIR ---------------------------------------------------------


@pytest.mark.parametrize("name", ["MNIST_DATA", "RUNS_DIR"])
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("~/digits", "{home}/digits"),
        ("  ~/digits ", "{home}/digits"),
        ("$HOME/digits", "{home}/digits"),
        ('"~/digits"', "{home}/digits"),  # as Windows' shell hands it on
        ("'sample'", "sample"),
        ("digits", "{here}/digits"),
        ("./digits/", "{here}/digits"),
        ("{home}/digits", "{home}/digits"),
        (" ", None),
        ("", None),
    ],
)
def test_a_path_is_meant_as_a_shell_would(
    environment, tmp_path, monkeypatch, name, typed, meant
):
    for folder in (tmp_path, tmp_path / "course"):
        (folder / "digits").mkdir()
    monkeypatch.chdir(tmp_path / "course")
    environment[name] = typed.format(home=tmp_path)
    installation.name_the_data()
    meant = meant and str(Path(meant.format(home=tmp_path, here=tmp_path / "course")))
    assert environment.get(name) == meant


@pytest.mark.parametrize("typed", ["~/nothing", "Sample", "data/mnist", " ./x"])
def test_what_is_not_there_is_named_as_it_was_typed(environment, typed):
    environment["MNIST_DATA"] = typed
    with pytest.raises(programs.Problem, match="neither auto, full") as caught:
        installation.name_the_data()
    assert f"MNIST_DATA is {typed!r}" in str(caught.value)
    assert "/" not in str(caught.value).replace(typed, "")  # no path that nobody typed


@pytest.mark.parametrize("name", ["MNIST_DATA", "RUNS_DIR"])
def test_a_user_whom_nobody_knows_is_named(environment, name):
    environment[name] = "~no-such-user/runs"
    with pytest.raises(programs.Problem, match=r"'~no-such-user/runs', and this comp"):
        installation.name_the_data()


def test_a_file_for_the_runs_is_named_as_it_was_typed(copy):
    code, out, err = run_course(copy, "run", RUNS_DIR="course.py")
    assert (code, out) == (1, "")
    assert "RUNS_DIR is 'course.py', a file" in err and str(copy) not in err
    assert_one_message(err)


def test_a_lab_in_its_own_folder_finds_the_same_data_and_runs(tmp_path, monkeypatch):
    """Without course.py, a relative path reaches kernels in two folders as it is."""
    monkeypatch.setattr(runs, "COURSE_DIR", tmp_path)
    monkeypatch.setattr(data_files, "COURSE_DIR", tmp_path)
    (tmp_path / "labs").mkdir()
    (tmp_path / "digits").mkdir()
    for folder in (tmp_path, tmp_path / "labs"):
        monkeypatch.chdir(folder)
        for typed in ("mine", " mine ", f"{tmp_path}/mine"):
            monkeypatch.setenv("RUNS_DIR", typed)
            assert runs.runs_dir() == tmp_path / "mine"
        with pytest.raises(data.DataError, match=r"is missing in the folder .*digits"):
            data.load_mnist("digits")
        with pytest.raises(data.DataError, match="is 'digit', which is neither"):
            data.load_mnist("digit")
    monkeypatch.setenv("RUNS_DIR", " ")
    assert runs.runs_dir() == tmp_path / "runs"
    monkeypatch.setenv("RUNS_DIR", "~nobody-of-this-name/runs")
    with pytest.raises(runs.RunError, match="knows no such user"):
        runs.runs_dir()


# --- Windows' long names -------------------------------------------------------------


@pytest.mark.parametrize("length", [70, 71, 120])
@pytest.mark.parametrize("allowed", [True, False])
def test_a_long_folder_is_refused_on_windows_before_the_download(
    monkeypatch, capfd, length, allowed
):
    folder = "C:\\" + "x" * (length - 3)
    started = []
    monkeypatch.setattr(installation, "COURSE_DIR", folder)
    monkeypatch.setattr(installation, "check_space", lambda _: None)
    monkeypatch.setattr(installation, "long_paths_are_allowed", lambda: allowed)
    monkeypatch.setattr(installation, "wait_for", lambda *c: started.append(c) or 0)
    with monkeypatch.context() as windows:
        windows.setattr(installation.os, "name", "nt")
        try:
            installation.make_venv("requirements.txt")
        except programs.Problem as problem:
            said = str(problem)
    if length > 70 and not allowed:
        assert f"{length} characters, {folder}" in said and r"C:\course" in said
        assert started == [] and capfd.readouterr().out == ""
    else:
        assert len(started) == 1


def test_the_longest_name_of_tensorflow_fits_where_the_course_may_lie():
    """The longest path in its wheel for Windows, 163 characters, below .venv."""
    below = len("\\.venv\\Lib\\site-packages\\") + 163
    assert machine.WINDOWS_LENGTH + below == 259 - 1  # of Windows' 260, with NUL
