"""What a command of course.py needs, found or installed: a Python and its packages.

Python's standard library only, and only syntax that Python 3.6 can read: this runs
before there is anything else.
"""

import os
import re
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

from tools.folders import advice_on
from tools.machine import (
    check_length,
    check_machine,
    check_space,
    check_version,
    long_paths_are_allowed,
    this_machine,
)
from tools.pins import broken, missing, read
from tools.programs import Problem, wait_for
from tools.python_version import complaint
from utils.files import rename
from utils.places import COURSE_DIR, chosen

VENV = COURSE_DIR / ".venv"
# GB to download, GB on disk (measured on Linux; more elsewhere), for each file.
SIZES = {"requirements.txt": (0.44, 1.9), "requirements-book.txt": (0.46, 2.0)}
# Settings of pip and uv that say where packages come from are kept, all others dropped:
# they send packages elsewhere, or leave some out.
SOURCES = re.compile(
    r"(PIP|UV)_(.*INDEX.*|FIND_LINKS|PROXY|.*CERT.*|TRUSTED_HOST|.*CACHE.*|.*TIMEOUT|"
    r"RETRIES|CONFIG_FILE|KEYRING_PROVIDER|NATIVE_TLS|SYSTEM_CERTS|OFFLINE|"
    r"PYTHON_INSTALL.*|LINK_MODE|CONCURRENT.*|HTTP.*|INSECURE.*)$"
)
UV_NAMES = {  # what pip calls them: the names in uv
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
}
# What changes how every Python behaves, .venv's as well. Without bytecode, which
# installer() leaves to those that use it, TensorFlow begins in 10 s in place of 4.
PYTHON_SETTINGS = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONOPTIMIZE",
    "PYTHONSAFEPATH",
    "PYTHONDONTWRITEBYTECODE",
)
# For what would be nice to have: one try, and no long wait for a network.
AT_ONCE = {
    "PIP_RETRIES": "0",
    "PIP_TIMEOUT": "10",
    "UV_HTTP_RETRIES": "0",
    "UV_HTTP_TIMEOUT": "10",
}
# Where Jupyter writes below the home: what makes these folders elsewhere, and where
# they are. After a `sudo jupyter` they are root's.
JUPYTERS = {
    "JUPYTER_CONFIG_DIR": ".jupyter",
    "JUPYTER_RUNTIME_DIR": "Library/Jupyter/runtime"
    if sys.platform == "darwin"
    else ".local/share/jupyter/runtime",
}
FOLDERS = ("IPYTHONDIR", "MPLCONFIGDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")


def prepare(requirements):
    """Return a Python that has what a file of requirements lists: this, or .venv's."""
    forget_settings()
    check_version(sys.version_info)
    name_the_data()
    if not missing(read(requirements)):
        python, prefix = sys.executable, sys.prefix
    else:
        python, prefix = install(requirements), str(VENV)
    put_first("PATH", os.path.dirname(python))
    # Where Jupyter looks for the kernel "python3" first: another one that the user has
    # installed under this name would run the notebooks without our packages.
    put_first("JUPYTER_PATH", os.path.join(prefix, "share", "jupyter"))
    os.environ.setdefault("PYTHONUTF8", "1")  # for Windows' consoles and pipes
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up lines
    find_a_home()
    return python


# Settings from outside.


def forget_settings():
    """Drop what would send packages elsewhere, or change what Python does."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "PYTEST_")) and not SOURCES.match(name):
            del os.environ[name]
    os.environ["PIP_USER"] = "0"  # in pip's own file, too: a venv cannot honour it
    foreign = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [folder for folder in sys.path if folder not in filter(None, foreign)]
    for name in PYTHON_SETTINGS:
        os.environ.pop(name, None)


def name_the_data():
    """Make MNIST_DATA and RUNS_DIR paths that hold in any folder, or say what is wrong.

    Notebooks run in the course's folder: a relative path is meant from here.
    """
    for name in ("MNIST_DATA", "RUNS_DIR"):
        typed, value = os.environ.get(name), chosen(name)
        if not value:
            os.environ.pop(name, None)
            continue
        if value in ("auto", "full", "sample"):
            os.environ[name] = value
            continue
        path = os.path.expanduser(os.path.expandvars(value))
        if path.startswith("~"):
            raise Problem(
                f"{name} is {typed!r}, and this computer knows no such user. Write "
                "the folder's name out."
            )
        path = os.path.abspath(path)
        if name == "MNIST_DATA" and not os.path.exists(path):
            raise Problem(
                f"MNIST_DATA is {typed!r}, which is neither auto, full or sample nor a "
                "folder or file that exists. Correct the spelling or the path."
            )
        if name == "RUNS_DIR" and os.path.exists(path) and not os.path.isdir(path):
            raise Problem(f"RUNS_DIR is {typed!r}, a file. Name a folder for the runs.")
        os.environ[name] = path


def find_a_home():
    """Give what we start a home folder that can be written, where there is none."""
    for name in FOLDERS:
        if os.environ.get(name) and not usable(os.environ[name]):
            del os.environ[name]
    home, ours = os.path.expanduser("~"), str(COURSE_DIR / "build" / "home")
    if os.path.isabs(home) and usable(home):  # "~" itself, where there is no home
        for name, folder in JUPYTERS.items():
            if not usable(what_is_there(os.path.join(home, folder))):
                os.environ.setdefault(name, os.path.join(ours, folder))
        return
    os.environ.setdefault("KERAS_HOME", os.path.join(home, ".keras"))  # a cached MNIST
    if not os.path.isdir(os.environ["KERAS_HOME"]):
        del os.environ["KERAS_HOME"]
    check_writable(COURSE_DIR)
    os.makedirs(ours, exist_ok=True)
    os.environ.update(HOME=ours, USERPROFILE=ours)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        os.environ.pop(name, None)


def usable(folder):
    """Tell whether files can be made in a folder, which is made if it is not there."""
    try:
        os.makedirs(folder, exist_ok=True)
        check_writable(folder)
    except (OSError, Problem):
        return False
    return True


def what_is_there(path):
    """Return a path, or the folder above it that is there, where it is not."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def put_first(name, folder):
    """Put a folder before the others in an environment variable that lists folders."""
    others = os.environ.get(name)
    os.environ[name] = folder + os.pathsep + others if others else folder


# The environment.


def install(requirements):
    """Make .venv, or complete it; return its Python."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    absent = missing_in(python, requirements)
    if absent == []:
        return str(python)
    check_machine(this_machine())
    check_writable(COURSE_DIR)
    uv = shutil.which("uv")
    if absent is None:
        make_venv(requirements, uv, python)
    else:
        check_ours(absent)
        print(f"Completing .venv, which lacks {', '.join(absent)}.", flush=True)
    failed = wait_for(*installer(python, uv), *wanted(requirements))
    halves = [] if failed else missing_in(python, requirements)
    if halves:
        # Installers take for installed what they were killed in the middle of.
        anew = ["--reinstall", "--no-cache"] if uv else ["--ignore-installed"]
        failed = wait_for(*installer(python, uv), *anew, "--no-deps", *halves)
    if failed:
        raise Problem(
            "The installation failed; the lines above are the installer's. Most often "
            "it is the network, even where they speak of a conflict of versions: check "
            "the connection (behind a proxy, set HTTPS_PROXY) and start the same "
            "command again, it goes on where it stopped. If you are online and there "
            "is no tensorflow for this machine, the course runs on Colab and Kaggle."
        )
    absent = missing_in(python, requirements)
    if absent != []:
        raise Problem(
            f"Everything was installed, but .venv lacks {', '.join(absent or ['all'])}."
            " A setting sends packages elsewhere: `pip config list` shows yours; target"
            ", prefix and root must not be there. Remove it, start this again."
        )
    print("Installed.\n", flush=True)
    return str(python)


def add(requirements, python):
    """Add to .venv what it lacks of a file of requirements, if it can be had now.

    A Python other than .venv's is the reader's own: nothing is added to it.

    Args:
        requirements: name of the file.
        python: path of the Python that is to have it.

    Returns:
        bool: whether it has all of it.
    """
    absent = missing_in(python, requirements)
    its_own = VENV.exists() and VENV.samefile(Path(python).parent.parent)
    if not absent or not its_own:
        return absent == []
    print(f"Adding to .venv, once: {', '.join(absent)}.", flush=True)
    command = [*installer(python, shutil.which("uv")), *wanted(requirements)]
    subprocess.call(
        [str(part) for part in command],
        env={**os.environ, **AT_ONCE},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return missing_in(python, requirements) == []


def wanted(requirements):
    """Return the part of an installer's command that says what to install."""
    files = ["-r", COURSE_DIR / requirements]
    if (COURSE_DIR / "constraints.txt").exists():
        files += ["-c", COURSE_DIR / "constraints.txt"]
    return files


def installer(python, uv):
    """Return the command that installs into a Python's environment."""
    if uv:
        for pip_name, uv_name in UV_NAMES.items():
            if os.environ.get(pip_name):
                os.environ.setdefault(uv_name, os.environ[pip_name])
        return (uv, "pip", "install", "--python", python)
    # Compiling 30,000 files takes minutes and 0.2 GB; Python does it for those in use.
    pip = (python, "-m", "pip", "--disable-pip-version-check")
    return (*pip, "install", "--no-compile")


def check_ours(absent):
    """Refuse to complete an environment in which this user cannot install."""
    for folder, _, _ in os.walk(str(VENV)):
        if not os.access(folder, os.W_OK):
            raise Problem(
                f".venv lacks {', '.join(absent)}, and {folder} belongs to somebody "
                "else. Rename .venv, and the same command makes one of your own."
            )


def set_aside(python):
    """Keep a .venv that works, though not for the course, under another name."""
    ask = [str(python), "-c", "import sys; print(sys.version.split()[0])"]
    try:
        version = subprocess.check_output(ask, stderr=subprocess.DEVNULL).decode()
    except (OSError, subprocess.CalledProcessError):
        return
    fits = not complaint([int(part) for part in version.split(".")[:2]])
    names = (f".venv-{number}" for number in count(1))
    kept = next(n for n in names if not os.path.lexists(str(VENV.with_name(n))))
    rename(str(VENV), str(VENV.with_name(kept)))
    print(
        f".venv is another tool's: it has Python {version.strip()}"
        f"{', but no pip' if fits else ''}. It is kept as {kept}.",
        flush=True,
    )


def make_venv(requirements, uv=None, python=""):
    """Make an empty .venv, in place of a broken one if there is one."""
    check_space(what_is_there(os.path.realpath(str(VENV))))
    if os.name == "nt":
        check_length(COURSE_DIR, long_paths_are_allowed())
    if not uv and not has_ensurepip():
        raise Problem(
            "This Python cannot make environments: Debian and Ubuntu keep that in a "
            "package of its own. Run: sudo apt install "
            f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        )
    set_aside(python)
    place = os.path.realpath(str(VENV))  # .venv may be a link to another disk
    download, disk = SIZES.get(requirements, (0.51, 2.1))
    print(
        "Replacing .venv, which is broken:" if VENV.exists() else "Making .venv:",
        f"{download} GB to download, {disk} GB on disk, 1 to 10 minutes, once.",
        flush=True,
    )
    # The one below the .venv that this may have been started in, and that is gone.
    base = getattr(sys, "_base_executable", None) or sys.executable
    command = (base, "-m", "venv", "--clear", place)
    if not has_ensurepip():
        command = (uv, "venv", "--quiet", "--clear", "--python", base, place)
    if wait_for(*command):
        raise Problem(
            "The folder .venv could not be made; the lines above say why. Move it away "
            "if it is there, and start the same command again."
        )


def has_ensurepip():
    """Tell whether this Python can put pip into an environment by itself."""
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return False
    return True


def check_writable(folder):
    """Refuse a folder in which nothing can be made."""
    trial = Path(str(folder), f".writable-{os.getpid()}")
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise Problem(
            f"Nothing can be written in {folder} ({error.strerror}). "
            f"{advice_on(error).capitalize()}."
        ) from None


# What another Python has.


def missing_in(python, requirements):
    """List what another Python lacks; None if it is of no use, or not there at all."""
    command = [str(python), str(COURSE_DIR / "course.py"), "--missing", requirements]
    try:
        found = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    return None if found.returncode else found.stdout.decode().split()


def print_missing(requirements):
    """Answer missing_in(): print what this Python lacks; 1 if it cannot get it."""
    absent = missing(read(requirements))
    absent += [package for package in broken() if package not in absent]
    print("\n".join(dict.fromkeys(absent)))  # a package may stand in two files
    if not absent:
        return 0
    try:
        check_version(sys.version_info)
        if not shutil.which("uv"):
            import pip  # noqa: F401
    except (Problem, ImportError):
        return 1
    return 0
