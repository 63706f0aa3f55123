"""The front door: course.py and the notebooks that it executes.

Each test that executes something does so in a small copy of the course: the real
course.py, the real tools/notebooks.py, real papermill, but notebooks of a few lines.
"""

import ast
import errno
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections import namedtuple
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_output
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from small_courses import (
    PATIENCE,
    WITH_PIP,
    assert_one_message,
    run_course,
    small_course,
    start_course,
    write_notebook,
    write_wheel,
)

from tools import (
    commands,
    installation,
    machine,
    notebooks,
    pins,
    programs,
    python_version,
)
from tools.folders import build_is_written
from utils.places import COURSE_DIR

NO_SIGNALS = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGINT for a single process"
)


@pytest.fixture
def copy(tmp_path):
    return small_course(tmp_path)


def outputs_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell.outputs for cell in cells if cell.cell_type == "code"]


# The command line.


def test_help_names_every_command_and_variable():
    code, out, _ = run_course(COURSE_DIR, "--help")
    assert code == 0
    for word in (*commands.COMMANDS, "MNIST_DATA", "RUNS_DIR", "examples:"):
        assert word in out
    assert max(map(len, out.splitlines())) <= 88


@pytest.mark.parametrize("command", commands.COMMANDS)
def test_every_command_explains_itself(command):
    code, out, _ = run_course(COURSE_DIR, command, "--help")
    assert code == 0
    assert out.startswith(f"usage: course.py {command}")


@pytest.mark.parametrize("arguments", [(), ("dance",), ("run", "fast")])
def test_unknown_arguments_are_refused(arguments):
    code, _, err = run_course(COURSE_DIR, *arguments)
    assert code == 2
    assert "Traceback" not in err


@pytest.mark.parametrize("there", [(), ("tools",)], ids=len)
def test_course_py_alone_says_that_it_needs_the_rest(copy, tmp_path, there):
    """Windows shows a zip as a folder, and starts what is clicked without the rest."""
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(copy / "course.py", alone)
    for room in there:
        shutil.copytree(copy / room, alone / room)
    code, out, err = run_course(alone, "run")
    assert (code, out) == (1, "") and "Unpack the whole zip" in err
    assert_one_message(err)


# Python's version.


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0), (2, 7, 18)])
def test_wrong_version_is_refused(version):
    with pytest.raises(programs.Problem, match=r"3\.11, 3\.12 or 3\.13, and this is"):
        installation.check_version(version)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_right_version_is_accepted(version):
    installation.check_version(version)


def old_pythons():
    """Pythons too old for the course that this machine has, for pyenv or on PATH."""
    names = ["python2", *(f"python3.{minor}" for minor in range(3, 11))]
    places = [shutil.which(name) for name in names]
    for versions in ("2.*", "3.[3-9].*", "3.10.*"):
        places += Path.home().glob(f".pyenv/versions/{versions}/bin/python")
    for place in filter(None, places):
        if python_version.starts(str(place)):
            yield str(place)


def test_old_python_gets_a_sentence(copy):
    pythons = list(old_pythons())
    if not pythons:
        pytest.skip("no Python older than 3.11 on this machine")
    for python in pythons:
        code, out, err = run_course(copy, "run", python=python, PATH=os.defpath)
        assert (code, out) == (1, "")
        assert "needs Python 3.11" in err
        assert_one_message(err)
        beside = [path for path in copy.rglob("*.pyc") if "__" not in path.parent.name]
        assert not beside  # where git would see them


# Syntax that is younger than Python 2, as far as a front door would want it.
YOUNGER = ast.JoinedStr | ast.AnnAssign | ast.Nonlocal | ast.NamedExpr | ast.YieldFrom
READ_FIRST = ("course.py", "tools/__init__.py", "utils/__init__.py")


@pytest.mark.parametrize("name", [*READ_FIRST, "tools/python_version.py"])
def test_what_is_read_first_is_read_by_every_python(name):
    source = (COURSE_DIR / name).read_text(encoding="utf-8")
    assert source.isascii()  # without a line that says which encoding it is
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, YOUNGER)
        assert not isinstance(node, ast.Tuple | ast.List) or not any(
            isinstance(part, ast.Starred) for part in node.elts
        )
        assert not getattr(node, "kwonlyargs", []) and not getattr(node, "returns", 0)
        assert not (isinstance(node, ast.Raise) and node.cause)


def test_a_stand_in_that_does_not_start_is_not_recommended(tmp_path, monkeypatch):
    """pyenv puts a python3.13 on PATH that only says that it is not chosen."""
    for name, answer in (("python3.12", 0), ("python3.13", 127)):
        stand_in = tmp_path / name
        stand_in.write_text(f"#!/bin/sh\nexit {answer}\n")
        stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(python_version.os, "name", "posix")
    assert python_version.complaint((3, 14, 0)).endswith("start this with python3.12.")
    (tmp_path / "python3.12").unlink()
    assert "uv run --no-project" in python_version.complaint((3, 14, 0))


# requirements.txt.


def test_pins_agree_with_packaging():
    lines = [
        *(COURSE_DIR / "requirements.txt").read_text(encoding="utf-8").splitlines(),
        "",
        "# only==1.0 a comment",
        "-r other.txt",
        "numpy==2.4.6",
        "  numpy == 2.4.6   # spaces",
        "numpy>=2.0",
        "numpy",
        "jupyter_client==8.10.0",
        "ruamel.yaml==0.18.6",
        "uvicorn[standard, extra]==0.30.0",
        'pywin32==306; sys_platform == "win32"',
        'pywin32==306 ; sys_platform == "win32"  # a comment, too',
        "torch==2.9.0+cpu",
    ]
    expected = []
    for line in lines:
        try:
            oracle = Requirement(line.split("#")[0])
        except InvalidRequirement:
            continue
        exact = [part.version for part in oracle.specifier if part.operator == "=="]
        if oracle.marker is None or oracle.marker.evaluate():
            expected += [(oracle.name, v) for v in exact]
    assert len(expected) > 20
    assert pins.pins("\n".join(lines)) == expected


FILES = sorted(path.name for path in COURSE_DIR.glob("requirements*.txt"))


@pytest.mark.parametrize("name", FILES)
def test_requirements_are_all_pinned_as_the_lock_has_them(name):
    lock = (COURSE_DIR / "constraints.txt").read_text(encoding="utf-8")
    locked = [line.replace(" ", "").split(";")[0] for line in lock.splitlines()]
    lines = (COURSE_DIR / name).read_text(encoding="utf-8").splitlines()
    for line in lines:
        pin = line.split("#")[0].split(";")[0].strip()
        if pin and not pin.startswith("-r"):
            requirement = Requirement(pin)
            assert f"{canonicalize_name(requirement.name)}=={pin.split('==')[1]}" in (
                locked
            )


INSTALLING = (
    ".ci/run",
    ".binder/requirements.txt",
    ".devcontainer/devcontainer.json",
    "environment.yml",
    "README.md",
    "CONTRIBUTING.md",
    "docs/instructor-guide.md",
    "exercises/README.md",
    "tools/browser.py",
    "tools/commands.py",
)


@pytest.mark.parametrize("name", INSTALLING)
def test_whatever_installs_keeps_to_the_lock(name):
    """Else every machine has another set of the packages that nobody pinned."""
    text = (COURSE_DIR / name).read_text(encoding="utf-8")
    commands = re.findall(r"(?:install|download|pip:).*?-r [^`\n]+", text)
    if name.startswith(".binder"):
        commands = [text.replace("\n", " ")]
    assert commands
    for command in commands:
        # Where nothing but the packages brought along can be found, they are the lock.
        assert re.search(r"-c (\.\./)?constraints\.txt|--no-index", command), command


def test_a_command_needs_what_it_needs_and_no_more():
    """The three notebooks wait for no lab, no slide and no test."""
    assert set(commands.NEEDS) <= set(commands.COMMANDS)
    assert set(commands.NEEDS.values()) <= set(FILES)
    core = {name for name, _ in pins.pins(pins.read("requirements.txt"))}
    assert "ipykernel" in core  # papermill does not ask for it
    assert not core & {"dask", "optuna", "pytest", "sphinx-revealjs", "jupyterlab"}
    everything = {name for name, _ in pins.pins(pins.read("requirements-test.txt"))}
    assert everything > core | {"dask", "optuna", "pytest", "sphinx-revealjs"}
    # `run` adds this to what it has downloaded already: pages, no labs and no slides.
    book = {name for name, _ in pins.pins(pins.read("requirements-book.txt"))}
    assert book - core == {"sphinx", "docutils", "myst-nb", "furo", "anywidget"}


def test_missing_lists_what_is_absent_or_of_another_version():
    here = f"pytest=={pytest.__version__}"
    assert pins.missing(here) == []
    assert pins.missing(f"{here}\npytest==0.1\nno-such-thing==1.0") == [
        "pytest==0.1",
        "no-such-thing==1.0",
    ]
    assert pins.missing('no-such-thing==1.0; sys_platform == "amiga"') == []


def test_half_installed_package_is_missing(tmp_path, monkeypatch):
    info = tmp_path / "half_done-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: half-done\nVersion: 1.0"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert pins.missing("half-done==1.0") == ["half-done==1.0"]
    (info / "INSTALLER").write_text("pip\n")
    assert pins.missing("half-done==1.0") == []


@pytest.mark.parametrize("emptied", ["module.py", "INSTALLER", "RECORD", "METADATA"])
def test_a_package_emptied_by_a_power_cut_is_missing(tmp_path, monkeypatch, emptied):
    info = tmp_path / "emptied-1.0.dist-info"
    info.mkdir()
    files = {
        tmp_path / "module.py": "there = True\n",
        info / "METADATA": "Metadata-Version: 2.1\nName: emptied\nVersion: 1.0\n",
        info / "INSTALLER": "pip\n",
        info / "RECORD": "module.py,sha256=x,13\npackage/__init__.py,sha256=y,0\n",
    }
    for path, content in files.items():
        path.write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert pins.missing("emptied==1.0") == []
    (path,) = (path for path in files if path.name == emptied)
    path.write_text("")
    assert pins.missing("emptied==1.0") == ["emptied==1.0"]
    assert "emptied==1.0" in pins.broken()


def test_a_package_of_the_old_kind_is_not_taken_for_a_broken_one(tmp_path, monkeypatch):
    info = tmp_path / "old-1.0.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: old\nVersion: 1.0\n")
    (info / "SOURCES.txt").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "==" not in pins.broken()


@pytest.mark.parametrize("name", ["tensorflow", "tensorflow-cpu", "tf_nightly"])
def test_any_build_of_tensorflow_will_do(tmp_path, monkeypatch, name):
    info = tmp_path / f"{name}-99.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0"
    )
    (info / "INSTALLER").write_text("uv")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert pins.missing("tensorflow-cpu==99.0") == ["tensorflow-cpu==99.0"]
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").touch()
    assert pins.missing("tensorflow-cpu==99.0") == []


# The environment.

# Without a network, and with pip alone or with uv.
TOOLS = {"pip": WITH_PIP}
if shutil.which("uv"):
    TOOLS["uv"] = {"PIP_NO_INDEX": "1"}


def test_full_disk_is_refused(monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9e9, 8e9, 2.9e9))
    with pytest.raises(programs.Problem, match=r"need 3 GB .* 2\.9 GB are free"):
        installation.check_space(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9e9, 4e9, 5e9))
    installation.check_space(tmp_path)


def test_missing_ensurepip_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(installation, "check_space", lambda _: None)
    with pytest.raises(programs.Problem, match=r"sudo apt install python3\.\d+-venv"):
        installation.make_venv("requirements.txt")


def test_read_only_folder_is_refused(tmp_path):
    installation.check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    if Path("/proc/self").is_dir():  # where not even root can make a folder
        folder = Path("/proc/self")
    elif sys.platform != "win32" and os.geteuid():
        folder = tmp_path
        folder.chmod(0o555)
    else:
        pytest.skip("no folder here is read-only to this user")
    with pytest.raises(
        programs.Problem, match="Copy the course to a folder of your own"
    ):
        installation.check_writable(folder)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_reason_to_move_the_course(tmp_path, monkeypatch, number):
    def full(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(installation.Problem, match="Make room on its disk"):
        installation.check_writable(tmp_path)


@pytest.mark.parametrize(
    ("there", "words"),
    [(False, "Making .venv: "), (True, "Replacing .venv, which is broken: ")],
)
def test_what_is_made_is_said_before(monkeypatch, capfd, tmp_path, there, words):
    monkeypatch.setattr(installation, "VENV", tmp_path if there else tmp_path / "none")
    monkeypatch.setattr(installation, "check_space", lambda _: None)
    monkeypatch.setattr(installation, "wait_for", lambda *_: print("installer") or 0)
    installation.make_venv("requirements.txt")
    first, last = capfd.readouterr().out.splitlines()
    assert first.startswith(words) and last == "installer"


@pytest.fixture(scope="module", params=TOOLS)
def made(request, tmp_path_factory):
    """A course that has made .venv, with a package in it, and what it said of that.

    In its way were a broken .venv, and settings that send packages elsewhere.
    """
    home = tmp_path_factory.mktemp("made")
    write_wheel(home)
    (home / "pip.conf").write_text("[install]\nuser = true\n")
    elsewhere = {
        "PIP_TARGET": str(home / "elsewhere"),
        "PIP_CONFIG_FILE": str(home / "pip.conf"),
        "PYTHONPATH": str(home),
    }
    folder = small_course(home)
    (folder / "requirements.txt").write_text("halfway==1.0\n")
    if sys.platform != "win32":
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "python").symlink_to("/gone/python3.11")
    variables = TOOLS[request.param] | {"PIP_FIND_LINKS": str(home)}
    code, out, err = run_course(folder, "results", **variables, **elsewhere)
    assert code == 0, err
    return SimpleNamespace(folder=folder, variables=variables, out=out)


@pytest.fixture
def prepared(made, tmp_path):
    """A copy of that course and its .venv, which it takes four seconds to make."""
    return shutil.copytree(made.folder, tmp_path / made.folder.name, symlinks=True)


@pytest.mark.slow
def test_packages_land_in_venv_whatever_pip_is_told(made):
    assert made.out.endswith("Installed.\n\nthe table\n")
    assert list(made.folder.glob(".venv/**/halfway.py"))
    assert not (made.folder.parent / "elsewhere").exists()


@pytest.mark.slow
@NO_SIGNALS
def test_broken_venv_is_made_anew(made):
    assert made.out.startswith("Replacing .venv, which is broken: ")
    python = made.folder / ".venv" / "bin" / "python"
    works = subprocess.run([python, "-m", "pip", "--version"])
    assert works.returncode == 0


@pytest.mark.slow
def test_a_target_in_pips_own_file_is_named(prepared, made, tmp_path):
    """What cannot be dropped, a file that may also hold the index, is said."""
    write_wheel(tmp_path, "more")
    (prepared / "requirements.txt").write_text("more==1.0\n")
    target = tmp_path / "elsewhere"
    (tmp_path / "pip.conf").write_text(f"[install]\ntarget = {target}\n")
    here = WITH_PIP | {"PIP_FIND_LINKS": str(tmp_path)}
    here["PIP_CONFIG_FILE"] = str(tmp_path / "pip.conf")
    code, _, err = run_course(prepared, "results", **here)
    assert code == 1
    last = err.splitlines()[-1]
    assert "A setting sends packages elsewhere" in last and "network" not in last


@pytest.mark.slow
def test_failing_install_is_said_and_completed_later(prepared, made):
    marker = prepared / ".venv" / "still-the-same"
    marker.touch()
    (prepared / "requirements.txt").write_text("no-such-package==1.0\n")
    code, out, err = run_course(prepared, "run", **made.variables)
    assert code == 1
    assert out.startswith("Completing .venv, which lacks no-such-package==1.0.")
    assert "no-such-package" in err  # the installer's own message
    last = err.splitlines()[-1]
    assert "course.py: The installation failed" in last and "no tensorflow" in last

    # The .venv stays; what is missing is tried again, and what is there suffices.
    pip = next(prepared.glob(".venv/**/pip-*.dist-info")).name.split("-")[1]
    (prepared / "requirements.txt").write_text(f"pip=={pip}.dev0\n")
    python = next(prepared.glob(".venv/[bS]*/python*"))
    assert installation.missing_in(python, "requirements.txt") is not None
    assert marker.exists()


@pytest.mark.slow
def test_a_package_that_was_half_installed_is_installed_anew(prepared, made):
    folder = next(prepared.glob(".venv/**/halfway-1.0.dist-info"))
    for name in ("INSTALLER", "RECORD"):
        (folder / name).unlink()
    (folder.parent / "halfway.py").unlink()
    _, out, _ = run_course(prepared, "results", **made.variables)
    assert out.startswith("Completing .venv, which lacks halfway==1.0.")
    assert "Installed." in out
    assert (folder / "INSTALLER").exists() and (folder.parent / "halfway.py").exists()


@pytest.mark.slow
@NO_SIGNALS
def test_another_tools_venv_is_kept(copy):
    (copy / "requirements.txt").write_text("no-such-package==1.0\n")
    make = (sys.executable, "-m", "venv", "--without-pip", copy / ".venv")
    subprocess.run(make, check=True)
    (copy / ".venv-1").symlink_to("/gone")
    code, out, _ = run_course(copy, "results", **WITH_PIP)
    this = f"Python {platform.python_version()}, but no pip. It is kept as .venv-2."
    assert code == 1 and out.startswith(f".venv is another tool's: it has {this}\n")
    kept, new = (copy / name / "bin" / "python" for name in (".venv-2", ".venv"))
    assert not list((copy / ".venv-2").glob("lib/*/site-packages/*"))
    assert subprocess.run([kept, "-c", ""]).returncode == 0
    assert subprocess.run([new, "-m", "pip", "--version"]).returncode == 0


@pytest.mark.slow
@NO_SIGNALS
def test_venv_may_be_a_link_to_another_disk(copy, tmp_path):
    write_wheel(tmp_path)
    (copy / "requirements.txt").write_text("halfway==1.0\n")
    (copy / ".venv").symlink_to(tmp_path / "disk")
    (tmp_path / "disk").mkdir()
    here = WITH_PIP | {"PIP_FIND_LINKS": str(tmp_path)}
    code, out, err = run_course(copy, "results", **here)
    assert (code, err) == (0, "") and out.endswith("Installed.\n\nthe table\n")
    assert (copy / ".venv").is_symlink() and (tmp_path / "disk" / "bin").is_dir()


def test_a_venv_of_somebody_elses_is_not_completed(tmp_path, monkeypatch):
    locked = tmp_path / "lib" / "site-packages"
    locked.mkdir(parents=True)
    may = os.access
    monkeypatch.setattr(installation, "VENV", tmp_path)
    installation.check_ours(["numpy==2.0"])
    monkeypatch.setattr(os, "access", lambda f, mode: f != str(locked) and may(f, mode))
    with pytest.raises(programs.Problem, match=r"lacks numpy==2\.0, and .* belongs to"):
        installation.check_ours(["numpy==2.0"])


KINDS = {
    "macosx-11.0-arm64 arm64 .cpython-313-darwin.so": "",
    "macosx-10.13-universal2 arm64 .cpython-313-darwin.so": "",
    "macosx-10.13-universal2 x86_64 .cpython-313-darwin.so": "Intel Macs",
    "macosx-10.9-x86_64 x86_64 .cpython-311-darwin.so": "Intel Macs",
    "win-amd64 AMD64 .cp313-win_amd64.pyd": "",
    "win-amd64 ARM64 .cp313-win_amd64.pyd": "",
    "win-arm64 ARM64 .cp313-win_arm64.pyd": "Python for ARM",
    "win32 AMD64 .cp311-win32.pyd": "32 bits",
    "mingw_x86_64_ucrt_gnu AMD64 .cp312-mingw_x86_64_ucrt_gnu.pyd": "MSYS2",
    "win-amd64 AMD64 .cp313t-win_amd64.pyd": "free-threaded",
    "linux-x86_64 x86_64 .cpython-312-x86_64-linux-gnu.so": "",
    "linux-aarch64 aarch64 .cpython-312-aarch64-linux-gnu.so": "",
    "linux-x86_64 x86_64 .cpython-313t-x86_64-linux-gnu.so": "free-threaded",
    "linux-x86_64 x86_64 .cpython-312-x86_64-linux-musl.so": "Alpine",
    "linux-x86_64 x86_64 .pypy311-pp73-x86_64-linux-gnu.so": "PyPy",
    "linux-riscv64 riscv64 .cpython-312-riscv64-linux-gnu.so": "kind of processor",
    "linux-armv7l armv7l .cpython-311-arm-linux-gnueabihf.so": "32 bits",
}


@pytest.mark.parametrize("kind", [*KINDS, machine.this_machine()])
def test_a_python_without_tensorflow_is_told_before_the_download(kind):
    if not KINDS.get(kind):
        return machine.check_machine(kind)
    with pytest.raises(programs.Problem, match=f"no TensorFlow for .*{KINDS[kind]}"):
        machine.check_machine(kind)


def test_an_intel_mac_is_told_by_its_processor(monkeypatch):
    """python.org builds one Python for both kinds of Mac, which calls itself so."""
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "macosx-10.13-universal2")
    for processor in ("arm64", "x86_64"):
        monkeypatch.setattr(platform, "machine", lambda p=processor: p)
        kind = machine.this_machine().partition(" .")[0]
        assert kind == f"macosx-10.13-universal2 {processor}"


# Running the notebooks.


@pytest.mark.slow
def test_run_uses_the_prepared_environment_and_leaves_no_trace(copy, tmp_path):
    # A kernel of the user's, of the same name: it must not be taken.
    kernel = tmp_path / "user" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(
        '{"argv": ["/bin/false"], "display_name": "mine", "language": "python"}'
    )
    write_notebook(
        copy / "ANN_Model.ipynb", "import sys, os; sys.executable, os.getcwd()"
    )
    (copy / "requirements-book.txt").write_text("no-such-package==1.0\n")
    for arguments in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *arguments], cwd=copy, check=True)

    code, out, err = run_course(
        copy,
        "run",
        JUPYTER_DATA_DIR=str(tmp_path / "user"),
        JUPYTER_PREFER_ENV_PATH="0",
    )

    assert (code, err) == (0, "")
    lines = out.splitlines()
    for name, line in zip(commands.NOTEBOOKS, lines[:3], strict=True):
        page = name.replace(".ipynb", ".html")
        assert line.startswith(name.removesuffix(".ipynb"))
        assert "A title" in (copy / "build" / page).read_text(encoding="utf-8")
    assert lines[3:6] == ["", "the table", ""]
    # What the book needs is not in the user's own Python, which stays as it is.
    assert lines[6].startswith("Open in a browser: build/ANN_Model.html, build/CNN_Mo")
    assert "course.py book mine" in lines[7] and len(lines) == 8
    [[result]] = outputs_of(copy / "build" / "ANN_Model.ipynb")
    assert eval(result.data["text/plain"]) == (sys.executable, str(copy))
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=copy, capture_output=True, text=True
    )
    assert all(line.startswith("A  ") for line in changed.stdout.splitlines())
    assert not (copy / ".venv").exists()


STAND_IN = "import sys; print(sys.argv[1])\n"  # for tools/notebooks.py


@pytest.mark.slow
def test_the_book_gets_its_packages_in_the_end_if_they_can_be_had(
    prepared, made, tmp_path
):
    """Else the three pages are left, and nobody reads of it what pip has to say."""
    variables = made.variables | {"PIP_FIND_LINKS": str(tmp_path)}
    (prepared / "requirements-book.txt").write_text("-r requirements.txt\nmore==1.0\n")
    (prepared / "tools" / "notebooks.py").write_text(STAND_IN)
    (prepared / "tools" / "book.py").write_text("import more; print('a book')\n")
    code, out, err = run_course(prepared, "run", **variables)
    assert (code, err) == (0, "")
    adding = "Adding to .venv, once: more==1.0."
    without = out.splitlines()
    assert without[:-1] == ["execute", "", "the table", "", adding, "render"]
    assert "course.py book mine" in without[-1]

    write_wheel(tmp_path, "more")
    for added in ([adding], []):
        code, out, err = run_course(prepared, "run", **variables)
        assert (code, err) == (0, "")
        assert out.splitlines() == ["execute", "", "the table", "", *added, "a book"]


@pytest.mark.slow
def test_a_book_that_cannot_be_made_leaves_the_pages(copy):
    (copy / "requirements-book.txt").write_text("")
    (copy / "tools" / "notebooks.py").write_text(STAND_IN)
    (copy / "tools" / "book.py").write_text("raise SystemExit('a link to nowhere')\n")
    code, out, err = run_course(copy, "run")
    assert (code, err) == (0, "a link to nowhere\n")
    lines = out.splitlines()
    assert lines[:-1] == ["execute", "", "the table", "", "render"]
    assert "course.py book mine" in lines[-1]


@pytest.mark.slow
def test_failing_notebook_is_named(copy):
    stale = copy / "build" / "CNN_Model.html"
    stale.parent.mkdir()
    stale.touch()
    write_notebook(copy / "CNN_Model.ipynb", "1 + 1", "raise ValueError('no digits')")
    code, out, err = run_course(copy, "run")
    assert code == 1
    assert "CNN_Model.ipynb failed in cell [2]: ValueError: no digits" in err
    assert str(Path("build", "CNN_Model.ipynb")) in err
    assert_one_message(err)
    assert "Comparison" not in out
    assert not stale.exists()
    assert outputs_of(copy / "build" / "CNN_Model.ipynb")[1][0].ename == "ValueError"


@pytest.mark.slow
@NO_SIGNALS
def test_dead_kernel_is_said(copy):
    write_notebook(copy / "ANN_Model.ipynb", "import os; os.kill(os.getpid(), 9)")
    code, _, err = run_course(copy, "run")
    assert code == 1
    assert "ANN_Model.ipynb failed: its Python process died" in err
    assert_one_message(err)


def test_a_kernel_that_does_not_begin_is_said(tmp_path, monkeypatch):
    def silent(*_):
        raise RuntimeError("Kernel didn't respond in 60 seconds")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(notebooks, "execute", silent)
    write_notebook(tmp_path / "ANN_Model.ipynb", "1")
    with pytest.raises(SystemExit, match=r"did not answer .*respond in 60.*firewall"):
        notebooks.into_build(Path("ANN_Model.ipynb"))


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "make room on its disk"), (errno.EACCES, "copy the course")],
)
def test_a_build_that_cannot_be_written_is_said(number, advice):
    message = f"build/ cannot be written: {advice}"
    with pytest.raises(SystemExit, match=message), build_is_written():
        raise OSError(number, os.strerror(number))


@pytest.mark.slow
def test_tests_run_on_the_sample_and_pass_on_pytests_exit_code(copy):
    (copy / "test_it.py").write_text(
        "import os, pytest\n"
        "def test_good(): assert os.environ['MNIST_DATA'] == 'sample'\n"
        "def test_bad(): assert False\n"
        "@pytest.mark.maintainers\n"
        "def test_more(): pass\n"
    )
    # Of pytest's plugins only what shares out the tests: all of them take seconds.
    bare = {"PYTEST_ADDOPTS": "-p xdist", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    code, out, _ = run_course(copy, "test", "-q", **bare)
    assert code == 1
    assert "1 failed, 1 passed" in out
    alone = ("test", "-n0")  # in one process, which is quicker
    code, out, _ = run_course(copy, *alone, "-m", "maintainers", **bare)
    assert code == 0 and "1 passed" in out
    assert run_course(copy, *alone, "-k", "neither", **bare)[0] == 5


@pytest.mark.slow
def test_lab_hands_on_its_arguments_and_asks_about_no_news(copy):
    code, out, _ = run_course(copy, "lab", "--version")
    assert code == 0
    assert out.strip() == metadata.version("jupyterlab")
    config = copy / "build" / "jupyter" / "labconfig" / "page_config.json"
    assert "announcements" in config.read_text()
    assert (copy / "work" / "ANN_Model.ipynb").is_file()  # to work on


@pytest.mark.slow
@pytest.mark.parametrize("typed", [(), ("--notebook-dir={tmp_path}",)], ids=len)
def test_lab_opens_the_course_whatever_folder_the_users_jupyter_opens(
    copy, tmp_path, typed
):
    (tmp_path / "theirs").mkdir()
    theirs = f"c.ServerApp.root_dir = {str(tmp_path / 'theirs')!r}\n"
    (tmp_path / "jupyter_server_config.py").write_text(theirs)
    typed = [argument.format(tmp_path=tmp_path) for argument in typed]
    config = {"JUPYTER_CONFIG_DIR": str(tmp_path)}
    code, out, err = run_course(copy, "lab", "--show-config-json", *typed, **config)
    assert code == 0, err
    assert json.loads(out)["ServerApp"]["root_dir"] == str(tmp_path if typed else copy)


# Interrupted.

SLEEP = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid()))"


def kernel_of(process, folder):
    """Wait until the notebook runs; return the process id of its kernel."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "pid").exists() and (folder / "pid").read_text():
            return int((folder / "pid").read_text())
        time.sleep(0.05)
    raise AssertionError(f"the notebook did not start: {process.communicate()}")


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")  # a zombie has ended, only nobody has looked
    return not (
        state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"
    )


@pytest.mark.slow
def wait_for_the_end_of(pid):
    deadline = time.monotonic() + PATIENCE
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(pid)


@pytest.mark.slow
@NO_SIGNALS
@pytest.mark.parametrize("how", ["Ctrl-C", "ended"])
def test_interrupted_run_leaves_no_process(copy, how):
    write_notebook(copy / "ANN_Model.ipynb", SLEEP, "time.sleep(300)")
    process = start_course(copy, "run")
    kernel = kernel_of(process, copy)
    if how == "Ctrl-C":  # the terminal sends it to all programs in the foreground
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Interrupted" in err
    assert_one_message(err)
    wait_for_the_end_of(kernel)


# Renewing the outputs.


@pytest.mark.slow
@pytest.mark.maintainers
def test_outputs_are_renewed_in_place(copy):
    path = copy / "ANN_Model.ipynb"
    write_notebook(
        path,
        "import os, time\nfor i in range(3):\n"
        "    print(i, flush=True); time.sleep(0.3)\n"
        "print(os.environ['MNIST_DATA'])",
        "from ipywidgets import IntSlider; IntSlider()",
    )
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata["tags"] = ["parameters"]
    notebook.metadata = {
        "kernelspec": {"name": "other", "display_name": "Other", "language": "python"},
        "language_info": {"name": "python", "version": platform.python_version()},
        "widgets": {"state": {}},
    }
    nbformat.write(notebook, path)

    code, _, err = run_course(copy, "outputs", "ANN_Model.ipynb")

    assert (code, err) == (0, "")
    renewed = nbformat.read(path, as_version=4)
    nbformat.validate(renewed)
    assert [cell.id for cell in renewed.cells] == [cell.id for cell in notebook.cells]
    assert [cell.source for cell in renewed.cells] == [c.source for c in notebook.cells]
    assert [cell.execution_count for cell in renewed.cells[1:]] == [1, 2]
    [stream], [slider] = outputs_of(path)
    assert stream.text == "0\n1\n2\nfull\n"
    assert list(slider.data) == ["text/plain"]
    assert renewed.cells[1].metadata == {"tags": ["parameters"]}
    assert renewed.cells[2].metadata == {}
    assert set(renewed.metadata) == {"kernelspec", "language_info"}
    assert renewed.metadata.kernelspec.name == "python3"
    assert renewed.metadata.language_info == notebooks.METADATA["language_info"]
    assert "version" not in renewed.metadata.language_info
    # Doing it again changes nothing: no timing, no random id.
    before = path.read_bytes()
    assert run_course(copy, "outputs", "ANN_Model.ipynb")[0] == 0
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.maintainers
def test_outputs_are_kept_when_a_notebook_fails(copy):
    names = ["ANN_Model.ipynb", "CNN_Model.ipynb"]  # the first does not fail
    write_notebook(copy / names[1], "raise ValueError('no digits')")
    before = [(copy / name).read_bytes() for name in names]
    code, _, err = run_course(copy, "outputs", *names)
    assert code == 1
    assert "CNN_Model.ipynb failed in cell [1]: ValueError: no digits" in err
    assert_one_message(err)
    assert [(copy / name).read_bytes() for name in names] == before


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (new_output("stream", name="stderr", text="a warning\n"), "stderr.*a warning"),
        (new_output("stream", text=f"in {Path.home()}/x"), "a path of this machine"),
        (
            new_output("execute_result", data={"text/html": f"<b>{Path.cwd()}"}),
            "a path of this machine",
        ),
    ],
    ids=["stderr", "home", "folder"],
)
def test_outputs_not_fit_for_readers_are_refused(output, message):
    with pytest.raises(SystemExit, match=f"ANN_Model.*{message}"):
        notebooks.check_output(output, "ANN_Model.ipynb, cell [1]")


@pytest.mark.slow
@NO_SIGNALS
def test_outputs_are_kept_when_killed(copy):
    path = copy / "ANN_Model.ipynb"
    write_notebook(path, SLEEP, "time.sleep(300)")
    before = path.read_bytes()
    process = start_course(copy, "outputs")
    kernel = kernel_of(process, copy)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    assert path.read_bytes() == before
    assert not (copy / "build" / path.name).exists()  # half of it would be none
    wait_for_the_end_of(kernel)  # it looks for its parent once a second


@pytest.mark.slow
def test_unknown_notebook_is_named(copy):
    code, _, err = run_course(copy, "outputs", "RNN_Model.ipynb")
    assert code == 1
    assert "There is no notebook RNN_Model.ipynb" in err
    assert_one_message(err)
