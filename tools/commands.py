"""The commands of course.py: each sets up what it needs, then runs, tests or opens.

Python's standard library only, and only syntax that Python 3.6 can read: whoever comes
with too old a Python gets a sentence, not a syntax error.
"""

import argparse
import os
import runpy
import signal
import subprocess
import sys

from tools.folders import made_whole
from tools.installation import add, check_writable, prepare, print_missing, put_first
from tools.lab_settings import configure_lab
from tools.programs import INTERRUPTED, Problem, start, start_hushed, succeeds
from utils.places import COURSE_DIR, NOTEBOOKS

NEEDS = {  # where it is more than requirements.txt
    "test": "requirements-test.txt",
    "lab": "requirements-labs.txt",
    "present": "requirements-slides.txt",
    "slides": "requirements-slides.txt",
    "book": "requirements-book.txt",
    "reference": "requirements-labs.txt",
}

MARKED = (  # which nbgrader says of them, and not what to do
    ". The gradebook's marks belong to the tasks as they were: give the cells their "
    "old names back, or begin a new gradebook, by renaming exercises/gradebook.db."
)

EXAMPLES = """\
examples:
  python3 course.py run                    train both networks and compare them
  python3 course.py test --quick           what guards a small edit, in 2 minutes
  python3 course.py test -k data           only the tests whose name contains "data"
  python3 course.py lab --no-browser       JupyterLab, the address on the terminal
  python3 course.py present 45             a lesson of 45 minutes as slides that compute
  MNIST_DATA=sample python3 course.py run  the same on 5,000 digits, offline

environment variables:
  MNIST_DATA   auto    the full MNIST, cached or downloaded; else the sample (default)
               full    the full MNIST: 60,000 training and 10,000 test digits
               sample  the 5,000 real MNIST digits that come with the course
               a path  a folder with the four IDX files, or an mnist.npz
  RUNS_DIR     the folder for trained models (default: runs)

A command installs the packages that it needs into .venv when it needs them, with uv
if that is there, unless the Python that runs this file has them already. To start
afresh, delete .venv.
"""


# The commands. A new one is a function like these, whose docstring is its help, and a
# line in COMMANDS.


def run(python):
    """train both networks, compare them, make a book of it (5 minutes)

    Executes the three notebooks, writes the trained models to runs/, the executed
    notebooks to build/ and the book around them to build/book/. The notebooks
    themselves stay as they are. What only the book needs, 23 MB, is added to .venv in
    the end; where it cannot be had, build/ gets three single pages in place of a book.
    """
    start(python, "-m", "tools.notebooks", "execute", *NOTEBOOKS)
    print(flush=True)
    start(python, "-m", "tools.report")
    print(flush=True)
    make_book = (python, "-m", "tools.book", "mine")
    if not add(NEEDS["book"], python) or not succeeds(*make_book):
        start(python, "-m", "tools.notebooks", "render", *NOTEBOOKS)
        print("The book around them, with all the rest: python3 course.py book mine")


def test(python, *arguments):
    """run the tests, notebooks included, offline (7 minutes)

    Runs pytest on the 5,000 digits that come with the course, in two processes; what
    follows is handed to pytest. --quick is what guards a small edit, in 2 minutes.
    `-m maintainers` runs what is left out: real browsers, grading, stop buttons.
    """
    os.environ.setdefault("MNIST_DATA", "sample")
    # A file stays in one process, and the files keep the order that conftest.py gives.
    side_by_side = ("-n", "2", "--dist=loadfile", "--no-loadscope-reorder")
    chosen = ("-m", "not maintainers")
    start(python, "-m", "pytest", *side_by_side, *chosen, *arguments)


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
    command = (python, "-m", "tools.present", from_here(name), *arguments)
    start(*command, ctrl_c_is_its_own=True)


def from_here(name):
    """Return the full path of a plan that is named from the reader's own folder."""
    return os.path.abspath(name) if name.lower().endswith((".txt", ".md")) else name


def slides(python, *shows):
    """for instructors: make slides to show without Jupyter and network

    Writes build/slides/, a folder for any browser: the lessons of 45 and 90 minutes and
    the three notebooks, or what you name (45, 90, my-plan.txt, ANN, a file), with the
    outputs that the notebooks hold. A speaker's window opens with the key S.
    """
    shows = [from_here(show) for show in shows or ("45", "90", *NOTEBOOKS)]
    start(python, "-m", "tools.slides", *shows)


def book(python, *which):
    """make the course a book, to read and search in any browser, offline

    Writes build/book/, a folder of pages for any browser, also by double click or from
    a web server: the notebooks, labs and exercises, the guide, the glossary, and the
    slides if they were made. `book` shows the outputs that the notebooks hold, `book
    mine` those of your own `run`.
    """
    start(python, "-m", "tools.book", *which)


def reference(python, *arguments):
    """for maintainers: train the reference runs, five seeds each (15 minutes)

    Runs the notebooks with other seeds on the full MNIST, keeps what is there and
    whole, and renews the README's results. --force trains all of them anew; --workers 8
    trains eight at a time, --scheduler ADDRESS on a cluster of Dask's.
    """
    start(python, "-m", "tools.reference", "train", *arguments)
    results(python)


def results(python):
    """for maintainers: renew the README's table and picture of results

    Draws them from the runs in reference/.
    """
    check_writable(COURSE_DIR)
    start(python, "-m", "tools.report", "--readme")


def outputs(python, *notebooks):
    """for maintainers: renew the outputs in the notebooks (5 minutes)

    Executes the notebooks (default: all three, in order) on the full MNIST, and only
    when all have succeeded puts the new outputs into them.
    """
    check_writable(COURSE_DIR)
    os.environ.setdefault("MNIST_DATA", "full")
    start(python, "-m", "tools.notebooks", "renew", *(notebooks or NOTEBOOKS))


def guide(python):
    """for maintainers: renew the computing times in the instructor's guide

    Takes them from the notebooks that `run` or `outputs` left in build/, executed on
    the full MNIST, and puts them into docs/instructor-guide.md.
    """
    check_writable(COURSE_DIR)
    start(python, "-m", "tools.guide")


def exercises(python):
    """for instructors: renew the students' copies of the exercises

    Generates exercises/release/ from exercises/source/ with nbgrader: the same without
    solutions and hidden tests. If anything goes wrong, the release stays as it was; a
    start that was killed leaves the old one or the new one, whole.
    """
    nbgrader = needs_nbgrader(python)
    folder = COURSE_DIR / "exercises"
    sources = sorted((folder / "source").glob("*/"))
    with made_whole(folder / "release") as new:
        for source in sources:
            generate = (*nbgrader, "generate_assignment", source.name, "--force")
            beside = f"--CourseDirectory.release_directory={new.name}"
            options = ("--create", "--log-level=WARN", beside)
            what = f"make the students' copy of {source.name}, so release/ is unchanged"
            try:
                start_hushed(*generate, *options, what=what, folder=folder)
            except Problem as problem:
                advice = MARKED if "submissions" in str(problem) else ""
                raise Problem(f"{problem}{advice}") from None
        if not all((new / source.name).is_dir() for source in sources):
            raise Problem("nbgrader made only a part of the copies. Try again.")


def grade(python, *assignments):
    """for instructors: grade what students have handed in

    Grades exercises/submitted/STUDENT/{ann,cnn,comparison}/ with nbgrader (default: all
    three): each submission in processes of its own, offline and without write access
    if bubblewrap is installed. Broken ones are named, the others are graded.
    """
    needs_nbgrader(python)
    start(python, "-m", "tools.grading", *assignments)


def needs_nbgrader(python):
    """Return the command that starts nbgrader, or say how to install it."""
    nbgrader = (python, "-m", "nbgrader")
    if subprocess.run([*nbgrader, "--version"], capture_output=True).returncode:
        raise Problem(
            "This needs nbgrader, which students do not. Install it with: "
            f"{python} -m pip install -r requirements-dev.txt -c constraints.txt"
        )
    return nbgrader


COMMANDS = {  # name: (function, what may follow the name)
    "run": (run, ""),
    "test": (test, "[pytest argument ...]"),
    "lab": (lab, "[JupyterLab argument ...]"),
    "present": (present, "{45,90,PLAN.txt,NOTEBOOK} [JupyterLab argument ...]"),
    "slides": (slides, "[45 | 90 | PLAN.txt | notebook ...]"),
    "book": (book, "[mine]"),
    "reference": (reference, "[option ...]"),
    "results": (results, ""),
    "outputs": (outputs, "[notebook ...]"),
    "guide": (guide, ""),
    "exercises": (exercises, ""),
    "grade": (grade, "[ann] [cnn] [comparison]"),
}


# JupyterLab shows a Markdown file as it reads, not as it is written.
RENDERED = {
    "@jupyterlab/docmanager-extension:plugin": {
        "defaultViewers": {"markdown": "Markdown Preview"}
    }
}


def main(arguments):
    """Do what the command line asks for; return the exit code."""
    if arguments[:1] == ["--missing"]:  # how install() asks the Python of .venv
        return print_missing(arguments[1])
    if arguments[:1] == ["--module"]:  # how start() starts a program
        sys.argv[:] = arguments[1:]
        return run_module(arguments[1])
    command, extra = parse(arguments)
    # Whoever closes the window or stops the job stops what we started, too.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        python = prepare(NEEDS.get(command.__name__, "requirements.txt"))
        command(python, *extra)
    except (Problem, OSError) as problem:
        print(f"course.py: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncourse.py: Interrupted; nothing is left running.", file=sys.stderr)
        return INTERRUPTED
    return 0


def run_module(name):
    """Run a module as Python does with -m; return the exit code."""
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads along (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
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
        # Python leaves docstrings out where PYTHONOPTIMIZE is 2: no reason to stop.
        summary, details = (function.__doc__ or "\n\n").split("\n\n")
        usage = f"course.py {name} {extra}".rstrip()
        commands.add_parser(
            name, usage=usage, help=summary, description=details, allow_abbrev=False
        )
    found, extra = parser.parse_known_args(arguments)
    function, takes_extra = COMMANDS[found.name]
    if extra and not takes_extra:
        parser.error(f"{found.name} takes no arguments: {' '.join(extra)}")
    return function, extra
