"""Grading that holds: python -m tools.grading [--seconds=300] [assignment ...]

nbgrader is the engine: it puts checks right, keeps the gradebook and writes feedback.
Here its one step that runs code is replaced. A student's cells run in a process that
can write to its own copy only, offline (see tools/graded/sandbox.py), and the
checks in another one, out of reach of the student's code. A broken submission is named,
and the others are graded.
"""

import argparse
import collections
import json
import logging
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import nbformat

from tools.graded import sandbox
from tools.submission import Submission
from utils.bounded import BadFile
from utils.places import COURSE_DIR

EXERCISES = COURSE_DIR / "exercises"
LARGEST = 20  # MB of a submitted notebook; a solved one has 60,000 bytes
MOST_CELLS = 25_000  # and forty cells
SECONDS, MOST_SECONDS = 300, 86_400  # for one cell
SCHEMA = 3  # of nbgrader's metadata


def judged(notebook, resources):
    """Run a notebook in place of nbgrader's Execute: cells here, checks there."""
    found = resources["nbgrader"]
    source = f"{found['assignment']}/{found['notebook']}.ipynb"
    settings = json.loads(os.environ["COURSE_GRADING"])
    late = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        clean = {
            who: clean_copy(Path(folder, who), found["assignment"], who == "judge")
            for who in ("judge", "student")
        }
        run = Submission(source, clean, settings["kind"], settings["seconds"])
        try:
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    _run_cell(run, cell, late)
        finally:
            run.end()
    _take_back(notebook, found)
    Path(settings["report"]).write_text(json.dumps(late), encoding="utf-8")
    return notebook, resources


def _take_back(notebook, found):
    """Take back the marks for checks that an earlier submission had and this lacks.

    nbgrader looks at the cells that are there, and keeps what it has of others.
    """
    from nbgrader.api import Gradebook

    there = {c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells}
    names = found["notebook"], found["assignment"], found["student"]
    with Gradebook(found["db_url"]) as book:
        for grade in book.find_submission_notebook(*names).grades:
            if grade.name not in there:
                grade.auto_score = 0
        book.db.commit()


def _run_cell(run, cell, late):
    """Run one cell and put its outputs into it; note the name of one that was late."""
    label = cell.metadata.get("nbgrader", {})
    name, run.was_late = label.get("grade_id"), False
    said, error = run.judge(name) if label.get("grade") else run.run(cell)
    said = run.kept(said)
    cell.outputs = [nbformat.v4.new_output("stream", text=said)] if said else []
    if error:
        kind, text = run.kept(error.get("kind")), run.kept(error.get("text"))
        first, *lines = text.splitlines() or [""]
        lines = [f"✗ {first}", *(f"  {line}" for line in lines)]
        output = {"ename": kind, "evalue": text, "traceback": lines}
        cell.outputs.append(nbformat.v4.new_output("error", **output))
        if run.was_late:
            late.append(name or "a cell of the student's own")


def clean_copy(folder, assignment, with_source):
    """Copy what a process of a submission needs of the course, and no more.

    Only the judge gets the source of the exercises, with solutions and hidden tests.
    """
    ignored = shutil.ignore_patterns("__pycache__", "*.db*")
    folder.mkdir(mode=0o700 if with_source else 0o755)
    shutil.copytree(COURSE_DIR / "utils", folder / "utils", ignore=ignored)
    graded = COURSE_DIR / "tools" / "graded"
    shutil.copytree(graded, folder / "tools" / "graded", ignore=ignored)
    (folder / "tools" / "__init__.py").touch()
    (folder / "exercises" / "work").mkdir(parents=True)
    files = folder / "exercises" / "release" / assignment
    files.mkdir(parents=True)
    source = EXERCISES / "source" / assignment
    if with_source:
        shutil.copytree(source, folder / "exercises" / "source" / assignment)
    for path in source.iterdir():
        if path.suffix != ".ipynb":
            shutil.copy(path, files)
    return folder


# --- a class -------------------------------------------------------------------------


def grade(assignment, seconds=SECONDS):
    """Grade all submissions of an assignment; return how many could not be graded."""
    kind, late, refused = sandbox.protection(), [], {}
    print(sandbox.advice(kind) or "Each submission runs in a bubblewrap of its own.")
    for folder in sorted((EXERCISES / "submitted").glob("*/")):
        student = folder.name
        place = folder / assignment
        if not _is_there(place):
            continue
        with tempfile.TemporaryDirectory() as stage:
            staged = Path(stage, "submitted", student, assignment)
            try:
                reason = put_on_stage(place, staged) or grade_one(
                    assignment, student, stage, kind, seconds, late
                )
            except Exception as error:  # what one handed in stops nobody else's grading
                reason = f"cannot be graded ({type(error).__name__})"
        shown = student if student.isprintable() else repr(student)
        if reason:
            refused[shown] = reason
        print(f"{shown}: {reason or marks(assignment, student)}", flush=True)
    refused |= misplaced(assignment)
    for student, reason in refused.items():
        print(f"Not graded: {student} ({assignment}): {reason}")
    names = [f"{student} ({', '.join(tasks)})" for student, tasks in late]
    told = "; ".join(names) or "nobody"
    print(f"Stopped after {seconds} seconds in {assignment}: {told}")
    return len(refused)


def _is_there(place):
    """Say whether something was handed in; where one may not look, it may be."""
    try:
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # put_on_stage says which
    return True


def misplaced(assignment):
    """Return why nothing was graded of what lies in another place than it should.

    Returns:
        dict from each such notebook's place below submitted/ to the reason.
    """
    name = next((EXERCISES / "source" / assignment).glob("*.ipynb")).name
    submitted, found = EXERCISES / "submitted", {}
    why = f"is not where it is looked for: submitted/STUDENT/{assignment}/{name}"
    for pattern in ("*.ipynb", "*/*.ipynb", "*/*/*.ipynb"):
        for path in sorted(submitted.glob(pattern)):
            place = path.relative_to(submitted).as_posix()
            is_meant = path.name.lower() == name.lower() or "/" not in place
            if is_meant and path.parents[1] / assignment / path.name != path:
                found[place if place.isprintable() else repr(place)] = why
    return found


def put_on_stage(place, stage):
    """Copy the notebook that was handed in; return why that is not possible, if so."""
    student = place.parent.name
    is_plain = student.isprintable() and student == student.strip()
    if not is_plain or set("[]*?") & set(student):  # nbgrader's globs
        return f"no folder can be found by the name {student!r}; rename it"
    name = next((EXERCISES / "source" / place.name).glob("*.ipynb")).name
    try:
        notebook = _handed_in(place, name)
    except BadFile as error:
        return str(error)
    except OSError as error:
        return f"{name} cannot be read ({error.strerror}); let whoever grades read it"
    reason = _fault(notebook, name, place.name)
    if not reason:
        stage.mkdir(parents=True)
        # As it was understood here, whatever encoding or marks of bytes it had.
        text = json.dumps(notebook, ensure_ascii=False)
        (stage / name).write_bytes(text.encode("utf-8", "replace"))
    return reason


def _handed_in(place, name):
    """Return what the notebook of that name holds; raises BadFile or OSError."""
    path = place / name
    for part in (place.parent, place, path):
        if part.is_symlink():
            why = "is a link to another place; hand in the file itself"
            raise BadFile(part.name, why)
    if not path.exists():
        raise BadFile(name, "is missing; it must have this name")
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadFile(name, "is not a file")
    megabytes = path.stat().st_size / 2**20
    if megabytes > LARGEST:
        why = f"has {megabytes:,.0f} MB; clear its outputs and hand it in again"
        raise BadFile(name, why)
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        why = "is damaged: it is not JSON. Hand in the notebook again"
        raise BadFile(name, why) from None


def _fault(notebook, name, assignment):
    """Say what makes a notebook unfit for grading; None if nothing does."""
    try:
        if len(notebook["cells"]) > MOST_CELLS:
            return f"{name} has more than {MOST_CELLS:,} cells; delete what was added"
        for cell in notebook["cells"]:
            if "outputs" in cell:  # of the student's machine: they are made anew here
                cell["outputs"] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names of cells, which are put right
            nbformat.validate(notebook)
        cells = nbformat.from_dict(notebook).cells
        fault = _fault_of_labels(cells, EXERCISES / "source" / assignment / name)
    except RecursionError:
        return f"{name} is not a valid notebook: something in it is nested too deeply"
    except Exception as error:  # whatever nbformat or a wrong type raises
        return f"{name} is not a valid notebook: {_first_line(error)}"
    return fault and f"{name} {fault}"


def _fault_of_labels(cells, source):
    """Say how nbgrader's labels differ from those that were handed out, or None."""
    ours = [c for c in nbformat.read(source, 4).cells if "nbgrader" in c.metadata]
    kinds = {c.metadata["nbgrader"]["grade_id"]: c.cell_type for c in ours}
    roles = [_role(c) for c in ours]
    cells = [c for c in cells if "nbgrader" in c.metadata]
    names = [c.metadata["nbgrader"]["grade_id"] for c in cells]
    if others := [
        f"{name!r:.60}" for name in dict.fromkeys(names) if name not in kinds
    ]:
        words = "which none of the exercises is; delete it"
        return f"has the cell {', '.join(others[:3])}, {words}"
    if twice := [name for name, n in collections.Counter(names).items() if n > 1]:
        return f"has the cell {', '.join(twice)} twice; delete the copy"
    for cell, name in zip(cells, names, strict=True):
        if cell.cell_type != kinds[name]:
            words = "give it back the kind that it had"
            return f"has the cell {name!r} as {cell.cell_type}; {words}"
        if cell.metadata["nbgrader"].get("schema_version") != SCHEMA:
            return "was made with another nbgrader; copy the answers to a new copy"
        if _role(cell) not in roles:
            words = "than it was handed out with; copy the answers to a new copy"
            return f"has another label on the cell {name!r} {words}"
    return None if names else "holds none of the exercises' cells"


def _role(cell):
    """Return which cell it is, and what nbgrader takes it for: an answer, a check."""
    label = cell.metadata["nbgrader"]
    return [label.get(key) for key in ("grade_id", "solution", "grade", "locked")]


def _first_line(error):
    try:
        return (str(error).splitlines() or [""])[0][:100]
    except RecursionError:  # it would quote what is nested too deeply
        return "something in it is nested too deeply"


def grade_one(assignment, student, stage, kind, seconds, late):
    """Grade one submission in a process of its own; return why that failed, if so."""
    report = Path(stage, "report.json")
    settings = {"kind": kind, "seconds": seconds, "report": str(report)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.grading", "--one", assignment, student, stage],
        cwd=COURSE_DIR,
        env=os.environ | {"COURSE_GRADING": json.dumps(settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, log = process.communicate()
    except BaseException:  # stopped: so is what it runs, and its copies go
        process.terminate()
        process.wait()
        raise
    if process.returncode or not report.exists():
        # The first is the cause; what nbgrader raises in the end only points to it.
        raised = re.findall(r"(?m)^[\w.]+(?:Error|Exception)\b.*", log)
        return f"nbgrader failed: {(raised or ['no reason given'])[0][-300:]}"
    tasks = json.loads(report.read_text(encoding="utf-8"))
    if tasks:
        late.append((student, tasks))
    return None


def autograde(assignment, student, stage):
    """Let nbgrader grade one submission, with judged in place of Execute."""
    logging.basicConfig(level=logging.WARNING)
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import Execute

    settings, path = CourseDirectory().config, EXERCISES / "nbgrader_config.py"
    exec(path.read_text(), {"get_config": lambda: settings, "__file__": str(path)})
    settings.CourseDirectory.root = str(EXERCISES)
    settings.CourseDirectory.submitted_directory = str(Path(stage, "submitted"))
    settings.CourseDirectory.assignment_id = assignment
    settings.CourseDirectory.student_id = student
    steps = Autograde.autograde_preprocessors.default_args[0]
    settings.Autograde.autograde_preprocessors = [
        judged if step is Execute else step for step in steps
    ]
    grader = Autograde(coursedir=CourseDirectory(config=settings), config=settings)
    grader.force = True
    grader.log = logging.getLogger("grading")
    grader.start()


def marks(assignment, student):
    """Return a student's marks as the gradebook has them, in words."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{EXERCISES / 'gradebook.db'}") as book:
        found = book.find_submission(assignment, student)
        return f"{found.score:g} of {found.max_score:g}"


def seconds_for_a_cell(text):
    """Read the option --seconds."""
    if text.isdecimal() and 0 < int(text) <= MOST_SECONDS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not from 1 to {MOST_SECONDS:,}")


def _stop(number, frame):
    raise SystemExit(128 + number)  # past what is still to be tidied up


def main(arguments):
    signal.signal(signal.SIGTERM, _stop)
    if arguments[:1] == ["--one"]:
        autograde(*arguments[1:])
        return 0
    if os.name == "nt":
        print("Windows cannot keep a submission to itself: start this command in WSL.")
        return 1
    parser = argparse.ArgumentParser(prog="python -m tools.grading", allow_abbrev=False)
    parser.add_argument("--seconds", type=seconds_for_a_cell, default=SECONDS)
    parser.add_argument("assignment", nargs="*")
    options = parser.parse_intermixed_args(arguments)
    known = sorted(path.name for path in (EXERCISES / "source").glob("*/"))
    unknown = [name for name in options.assignment if name not in known]
    if unknown:
        print(f"There are exercises {', '.join(known)}, and no {', '.join(unknown)}.")
        return 1
    if not (EXERCISES / "gradebook.db").exists():
        print("There is no gradebook yet: run python3 course.py exercises first.")
        return 1
    names = options.assignment or known
    return 1 if sum(grade(name, options.seconds) for name in names) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
