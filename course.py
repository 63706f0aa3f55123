"""The front door: sets up what the course needs, then runs, tests or opens it.

    python3 course.py --help

Python's standard library only, and only syntax that Python 3.6 can read (so are the two
modules that it imports): whoever comes with too old a Python gets a sentence, not a
syntax error.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tools.lab_settings import configure_lab
from utils.places import COURSE_DIR, NOTEBOOKS

REQUIREMENTS = COURSE_DIR / "requirements.txt"
VENV = COURSE_DIR / ".venv"

OLDEST, NEWEST = (3, 11), (3, 13)  # the Pythons that requirements.txt was tested with
GIGABYTES_NEEDED = 4  # 2.9 when installed, and the largest package while it is unpacked
INTERRUPTED = 130  # the exit code of a program that was stopped by Ctrl-C

EXAMPLES = """\
examples:
  python3 course.py run                    train both networks and compare them
  python3 course.py test --quick           what guards a small edit, in 90 seconds
  python3 course.py test -k data           only the tests whose name contains "data"
  python3 course.py lab --no-browser       JupyterLab, the address on the terminal
  python3 course.py present 45             a lesson of 45 minutes as slides that compute
  MNIST_DATA=sample python3 course.py run  the same on 5,000 digits, without network

environment variables:
  MNIST_DATA   auto    the full MNIST, cached or downloaded; else the sample (default)
               full    the full MNIST: 60,000 training and 10,000 test digits
               sample  the 5,000 real MNIST digits that come with the course
               a path  a folder with the four IDX files, or an mnist.npz
  RUNS_DIR     the folder for trained models (default: runs)

The first command installs the packages of requirements.txt into .venv, unless the
Python that runs this file has them already. To start afresh, delete .venv.
"""


class Problem(Exception):
    """Something that the reader can put right; the message says how."""


# The commands. A new one is a function like these, whose docstring is its help, and a
# line in COMMANDS.


def run(python):
    """train both networks, compare them, render the pages (5 minutes)

    Executes the three notebooks, writes the trained models to runs/ and the executed
    notebooks and their pages to build/. The notebooks themselves stay as they are.
    """
    start(python, "-m", "tools.notebooks", "render", *NOTEBOOKS)
    print(flush=True)
    start(python, "-m", "tools.report")
    pages = ["build/" + name.replace(".ipynb", ".html") for name in NOTEBOOKS]
    print("\nOpen the pages in a browser: " + ", ".join(pages))


def test(python, *arguments):
    """run all tests, notebooks included, without network (5 minutes)

    Runs pytest on the 5,000 digits that come with the course, in two processes; what
    follows is handed to pytest. --quick is what guards a small edit, in 90 seconds.
    """
    os.environ.setdefault("MNIST_DATA", "sample")
    # A file stays in one process, and the files keep the order that conftest.py gives.
    side_by_side = ("-n", "2", "--dist=loadfile", "--no-loadscope-reorder")
    start(python, "-m", "pytest", *side_by_side, *arguments)


def lab(python, *arguments):
    """open JupyterLab on working copies of the notebooks

    Copies the notebooks, labs and exercises into work/, without outputs, unless they
    are there, and opens the start page. What you change there is yours: the course's
    own files stay as they are. Ctrl-C twice stops it. What follows is handed to
    JupyterLab.
    """
    check_writable(COURSE_DIR)
    start(python, "-m", "tools.copies")
    folder = COURSE_DIR / "build" / "jupyter"
    configure_lab(folder, default_setting_overrides=RENDERED)
    put_first("JUPYTER_CONFIG_PATH", str(folder))
    page = "--LabApp.default_url=/lab/tree/work/README.md"
    start(python, "-m", "jupyterlab", page, *arguments, ctrl_c_is_its_own=True)


def present(python, name="", *arguments):
    """for instructors: a lesson of 45 or 90 minutes, or a notebook, as live slides

    `present 45` and `present 90` show the plans of docs/instructor-guide.md: only their
    cells, in their order, with everything that they need run beforehand. `present
    my-plan.txt` shows a plan of your own, `present ANN` (CNN, Comparison, or a lab's
    name) a whole notebook. Space or a clicker goes on, Shift-Space back, Ctrl-Enter
    runs a slide's cell, Escape ends the show. The show is a copy in build/present/.
    What follows the name is handed to JupyterLab; Ctrl-C twice stops it.
    """
    check_writable(COURSE_DIR)
    command = (python, "-m", "tools.present", name, *arguments)
    start(*command, ctrl_c_is_its_own=True)


def slides(python, *shows):
    """for instructors: make slides to show without Jupyter and network

    Writes build/slides/, a folder for any browser: the lessons of 45 and 90 minutes and
    the three notebooks, or what you name (45, 90, my-plan.txt, a notebook), with the
    outputs that the notebooks hold. A speaker's window opens with the key S.
    """
    start(python, "-m", "tools.slides", *(shows or ("45", "90", *NOTEBOOKS)))


def reference(python, *arguments):
    """for maintainers: train the reference runs, five seeds each (15 minutes)

    Runs the notebooks with other seeds on the full MNIST, keeps what is there and
    whole, and renews the README's results. --force trains all of them anew.
    """
    start(python, "-m", "tools.reference", "train", *arguments)
    results(python)


def results(python):
    """for maintainers: renew the README's table and picture of results

    Draws them from the runs in reference/.
    """
    start(python, "-m", "tools.report", "--readme")


def outputs(python, *notebooks):
    """for maintainers: renew the outputs in the notebooks (5 minutes)

    Executes the notebooks (default: all three, in order) on the full MNIST, and only
    when all have succeeded puts the new outputs into them.
    """
    os.environ.setdefault("MNIST_DATA", "full")
    start(python, "-m", "tools.notebooks", "renew", *(notebooks or NOTEBOOKS))


def guide(python):
    """for maintainers: renew the computing times in the instructor's guide

    Takes them from the notebooks that `run` or `outputs` left in build/, executed on
    the full MNIST, and puts them into docs/instructor-guide.md.
    """
    start(python, "-m", "tools.guide")


def exercises(python):
    """for instructors: renew the students' copies of the exercises

    Generates exercises/release/ from exercises/source/ with nbgrader: the same without
    solutions and hidden tests. Grading is nbgrader's own: see exercises/README.md.
    """
    nbgrader = (python, "-m", "nbgrader")
    if subprocess.run([*nbgrader, "--version"], capture_output=True).returncode:
        raise Problem(
            "This needs nbgrader, which students do not. Install it with: "
            f"{python} -m pip install -r requirements-dev.txt"
        )
    folder = COURSE_DIR / "exercises"
    for source in sorted((folder / "source").glob("*/")):
        generate = (*nbgrader, "generate_assignment", source.name, "--force")
        start(*generate, "--create", "--log-level=WARN", folder=folder)


COMMANDS = {  # name: (function, what may follow the name)
    "run": (run, ""),
    "test": (test, "[pytest argument ...]"),
    "lab": (lab, "[JupyterLab argument ...]"),
    "present": (present, "{45,90,PLAN.txt,NOTEBOOK} [JupyterLab argument ...]"),
    "slides": (slides, "[45 | 90 | PLAN.txt | notebook ...]"),
    "reference": (reference, "[option ...]"),
    "results": (results, ""),
    "outputs": (outputs, "[notebook ...]"),
    "guide": (guide, ""),
    "exercises": (exercises, ""),
}


# JupyterLab shows a Markdown file as it reads, not as it is written.
RENDERED = {
    "@jupyterlab/docmanager-extension:plugin": {
        "defaultViewers": {"markdown": "Markdown Preview"}
    }
}


def main(arguments):
    """Do what the command line asks for; return the exit code."""
    if arguments == ["--missing"]:  # how install() asks the Python of .venv
        return print_missing()
    command, extra = parse(arguments)
    # Whoever closes the window or stops the job stops what we started, too.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        check_version(sys.version_info)
        python = prepare()
        command(python, *extra)
    except (Problem, OSError) as problem:
        print(f"course.py: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncourse.py: Interrupted; nothing is left running.", file=sys.stderr)
        return INTERRUPTED
    return 0


def parse(arguments):
    """Read the command line: the command's function and what follows its name."""
    parser = argparse.ArgumentParser(
        prog="course.py",
        description="ANN vs CNN on MNIST: a course in three notebooks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="command", dest="name")
    commands.required = True
    for name, (function, extra) in COMMANDS.items():
        summary, details = function.__doc__.split("\n\n")
        usage = f"course.py {name} {extra}".rstrip()
        commands.add_parser(
            name, usage=usage, help=summary, description=details, allow_abbrev=False
        )
    found, extra = parser.parse_known_args(arguments)
    function, takes_extra = COMMANDS[found.name]
    if extra and not takes_extra:
        parser.error(f"{found.name} takes no arguments: {' '.join(extra)}")
    return function, extra


# Programs that are started.


def start(*command, **options):
    """Run a program as wait_for() does; end with its exit code if that is not 0."""
    code = wait_for(*command, **options)
    if code in (INTERRUPTED, -signal.SIGINT):
        raise KeyboardInterrupt
    if code:
        raise SystemExit(code if code > 0 else 128 - code)  # the shell's way to say it


def wait_for(*command, ctrl_c_is_its_own=False, folder=COURSE_DIR):
    """Run a program in a folder, the course's by default, and return its exit code.

    Ctrl-C in a terminal reaches the program, too. It gets a moment to end what it has
    started itself, a notebook's kernel for instance.
    """
    process = subprocess.Popen([str(part) for part in command], cwd=str(folder))
    if ctrl_c_is_its_own:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return process.wait()
    except KeyboardInterrupt:
        for seconds, insist in ((3, process.terminate), (10, process.kill)):
            try:
                process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                insist()
        raise


# What the course needs.


def check_version(version):
    """Refuse a Python for which the packages do not exist."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return
    advice = "get one from https://www.python.org/downloads/ and start this with it"
    for name in ("python3.11", "python3.12", "python3.13"):
        if shutil.which(name):
            advice = f"start this with {name}"
    raise Problem(
        "The course needs Python 3.11, 3.12 or 3.13, and this is Python "
        f"{'.'.join(map(str, version[:3]))}: {advice}."
    )


def prepare():
    """Return a Python that has what the course needs: this one, or else .venv's."""
    if not missing(REQUIREMENTS.read_text(encoding="utf-8")):
        python, prefix = sys.executable, sys.prefix
    else:
        python, prefix = install(), str(VENV)
    put_first("PATH", os.path.dirname(python))
    # Where Jupyter looks for the kernel "python3" first: another one that the user has
    # installed under this name would run the notebooks without our packages.
    put_first("JUPYTER_PATH", os.path.join(prefix, "share", "jupyter"))
    os.environ.setdefault("PYTHONUTF8", "1")  # for Windows' consoles and pipes
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up lines
    # Notebooks run in the course's folder: a relative path is meant from here.
    for name in ("MNIST_DATA", "RUNS_DIR"):
        value = os.environ.get(name)
        if value and value not in ("auto", "full", "sample"):
            os.environ[name] = os.path.abspath(value)
    return python


def put_first(name, folder):
    """Put a folder before the others in an environment variable that lists folders."""
    others = os.environ.get(name)
    os.environ[name] = folder + os.pathsep + others if others else folder


def install():
    """Make .venv, or complete it; return its Python."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    absent = missing_in(python)
    if absent == []:
        return str(python)
    check_writable(COURSE_DIR)
    if absent is None:
        make_venv()
    else:
        print(f"Completing .venv, which lacks {', '.join(absent)}.", flush=True)
    pip = (python, "-m", "pip", "--disable-pip-version-check")
    os.environ["PIP_USER"] = "0"  # a user's own setting that a venv cannot honour
    failed = wait_for(*pip, "install", "-r", REQUIREMENTS)
    halves = [] if failed else missing_in(python)
    if halves:
        # pip takes for installed what it was killed in the middle of.
        failed = wait_for(*pip, "install", "--ignore-installed", "--no-deps", *halves)
    if failed or missing_in(python) != []:
        raise Problem(
            "The installation failed; pip says why above. Most often it is the "
            "network: check the connection (behind a proxy, set HTTPS_PROXY) and start "
            "the same command again, it goes on where it stopped. TensorFlow exists "
            "for 64-bit Linux and Windows and for Macs with Apple silicon only."
        )
    print("Installed.\n", flush=True)
    return str(python)


def make_venv():
    """Make an empty .venv, in place of a broken one if there is one."""
    check_space(COURSE_DIR)
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        raise Problem(
            "This Python cannot make environments: Debian and Ubuntu keep that in a "
            "package of its own. Run: sudo apt install "
            f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        ) from None
    print(
        "Replacing .venv, which is broken:" if VENV.exists() else "Making .venv:",
        "0.8 GB to download, 2.9 GB on disk, 2 to 10 minutes, once.",
        flush=True,
    )
    if wait_for(sys.executable, "-m", "venv", "--clear", VENV):
        raise Problem(
            "The folder .venv could not be made; Python says why above. Delete it if "
            "it is there, and start the same command again."
        )


def check_space(folder):
    """Refuse to fill the disk."""
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < GIGABYTES_NEEDED:
        raise Problem(
            f"The packages need {GIGABYTES_NEEDED} GB of disk space, and {free:.1f} GB "
            f"are free in {folder}. Free some, or move the course to another disk."
        )


def check_writable(folder):
    """Refuse a folder in which nothing can be made."""
    trial = Path(str(folder), f".writable-{os.getpid()}")
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise Problem(
            f"Nothing can be written in {folder} ({error.strerror}). Copy the course "
            "to a folder of your own and start it there."
        ) from None


# requirements.txt, compared with what is installed.

PIN = re.compile(r"([\w.-]+)(?:\[[\w,. -]*\])?\s*==\s*([^\s;]+)\s*(;.*)?")


def pins(requirements):
    """Find `name==version` in a requirements file: (name, version, has a marker)."""
    lines = re.sub(r"(?m)(^|\s)#.*", "", requirements).splitlines()
    found = [PIN.fullmatch(line.strip()) for line in lines]
    return [(pin.group(1), pin.group(2), bool(pin.group(3))) for pin in found if pin]


def missing(requirements):
    """List the pins of a requirements file that this Python does not satisfy."""
    return [
        f"{name}=={version}"
        for name, version, has_marker in pins(requirements)
        if not installed(name, version, has_marker)
    ]


def installed(name, version, has_marker):
    """Say whether this Python has a package, whole, in exactly this version."""
    from importlib import metadata  # younger than the oldest Python that gets here

    try:
        package = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return has_marker  # `; sys_platform == "win32"`: not meant for every machine
    # "2.21.0+cpu" is a build of 2.21.0. INSTALLER is the file that pip writes last:
    # without it, an installation was interrupted here.
    same = package.version.split("+")[0] == version
    return same and package.read_text("INSTALLER") is not None


def half_installed():
    """List the packages in whose middle pip was killed, dependencies included."""
    from importlib import metadata

    return [
        "{}=={}".format(package.metadata["Name"], package.version)
        for package in metadata.distributions()
        if package.read_text("INSTALLER") is None
    ]


def missing_in(python):
    """List what another Python lacks; None if it is of no use, or not there at all."""
    try:
        found = subprocess.run(
            [str(python), str(COURSE_DIR / "course.py"), "--missing"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
    return None if found.returncode else found.stdout.decode().split()


def print_missing():
    """Answer missing_in(): print what this Python lacks; 1 if it cannot get it."""
    absent = missing(REQUIREMENTS.read_text(encoding="utf-8"))
    absent += [half for half in half_installed() if half not in absent]
    print("\n".join(absent))
    if not absent:
        return 0
    try:
        check_version(sys.version_info)
        import pip  # noqa: F401
    except (Problem, ImportError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
