"""Grading that holds: python -m tools.grading [--seconds=300] [assignment ...]

nbgrader is the engine: it puts checks right, keeps the gradebook and writes feedback.
Here its one step that runs code is replaced. A student's cells run in a process that
can write to its own copy only, offline (see tools/graded/sandbox.py), and the
checks in another one, out of reach of the student's code. A broken submission is named,
and the others are graded.
"""

import argparse
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import nbformat

from tools.graded import sandbox
from tools.handed_in import is_there, not_used, put_on_stage
from tools.submission import Submission
from utils.places import COURSE_DIR

EXERCISES = COURSE_DIR / "exercises"
SECONDS, MOST_SECONDS = 300, 86_400  # for one cell


def judged(notebook, resources):
    """Run a notebook in place of nbgrader's Execute: cells here, checks there."""
    found = resources["nbgrader"]
    source = f"{found['assignment']}/{found['notebook']}.ipynb"
    settings = json.loads(os.environ["COURSE_GRADING"])
    late = []
    with a_folder() as folder:
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


@contextmanager
def a_folder():
    """Yield a folder that goes in the end, whatever a submission has left in it.

    Python's own removing fails at folders that lie a thousand deep, and so would the
    grading of what was solved.
    """
    folder = tempfile.mkdtemp()
    try:
        yield folder
    finally:
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, folder], capture_output=True)


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
    work = folder / "exercises" / "work"
    work.mkdir(parents=True)
    files = folder / "exercises" / "release" / assignment
    files.mkdir(parents=True)
    source = EXERCISES / "source" / assignment
    if with_source:
        shutil.copytree(source, folder / "exercises" / "source" / assignment)
    for path in source.iterdir():
        if path.suffix != ".ipynb":
            shutil.copy(path, files)
            shutil.copy(path, work)  # some look for it beside their notebook
    return folder


# --- a class -------------------------------------------------------------------------


def grade(assignment, seconds=SECONDS):
    """Grade all submissions of an assignment; return how many could not be graded."""
    kind, late, refused = sandbox.protection(), [], {}
    source = next((EXERCISES / "source" / assignment).glob("*.ipynb"))
    print(sandbox.advice(kind) or "Each submission runs in a bubblewrap of its own.")
    for folder in sorted((EXERCISES / "submitted").glob("*/")):
        student, notes = folder.name, []
        place = folder / assignment
        if not is_there(place):
            continue
        earlier = marks(assignment, student)
        with tempfile.TemporaryDirectory() as stage:
            staged = Path(stage, "submitted", student, assignment)
            try:
                reason, notes = put_on_stage(place, staged, source)
                reason = reason or grade_one(
                    assignment, student, stage, kind, seconds, late
                )
            except Exception as error:  # what one handed in stops nobody else's grading
                reason = f"cannot be graded ({type(error).__name__})"
        shown = student if student.isprintable() else repr(student)
        if reason:
            reason += f"; the earlier mark, {earlier}, stays" if earlier else ""
            refused[shown] = reason
        told = f" ({'; '.join(notes)})" if notes else ""
        print(f"{shown}: {reason or marks(assignment, student)}{told}", flush=True)
    for student, reason in refused.items():
        print(f"Not graded: {student} ({assignment}): {reason}")
    if refused:
        print("nbgrader exports 0.0 for whoever has no earlier mark, or no line.")
    names = [f"{student} ({', '.join(tasks)})" for student, tasks in late]
    told = "; ".join(names) or "nobody"
    print(f"Stopped after {seconds} seconds in {assignment}: {told}")
    return len(refused)


def name_what_is_not_used():
    """Print what was handed in and nobody graded; return how much of it is missing."""
    elsewhere, beside = not_used(EXERCISES)
    for place, why in {**elsewhere, **beside}.items():
        print(f"Not used: {place}: {why}")
    return len(elsewhere)


def name_who_withdrew(assignment):
    """Print whose earlier mark stays, although nothing of theirs is there any more."""
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(f"sqlite:///{EXERCISES / 'gradebook.db'}") as book:
        try:
            found = book.assignment_submissions(assignment)
        except MissingEntry:
            return
        for student in sorted(submission.student.id for submission in found):
            if not is_there(EXERCISES / "submitted" / student / assignment):
                kept = f"the earlier mark, {marks(assignment, student)}, stays"
                print(f"Not there any more: {student} ({assignment}): {kept}")


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
    """Return a student's marks as the gradebook has them, in words, or None."""
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(f"sqlite:///{EXERCISES / 'gradebook.db'}") as book:
        try:
            found = book.find_submission(assignment, student)
        except MissingEntry:
            return None
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
    missing = name_what_is_not_used()
    for name in names:
        name_who_withdrew(name)
    failed = sum(grade(name, options.seconds) for name in names)
    return 1 if failed + missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
