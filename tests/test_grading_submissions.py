"""What is handed in, looked at before it is graded: refused with a reason, or read.

A new case is one line in a table. test_grading_hostile.py grades a whole class.
"""

import copy
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest

from tools import grading, submission
from utils.places import COURSE_DIR

pytest.importorskip("nbgrader", reason="nbgrader is in requirements-dev.txt only")
pytestmark = [
    pytest.mark.maintainers,
    pytest.mark.skipif(
        os.name == "nt", reason="Windows has no processes kept to themselves"
    ),
]

FILE = "Comparison_Exercises.ipynb"
RELEASE = COURSE_DIR / "exercises" / "release" / "comparison" / FILE


@pytest.fixture
def notebook():
    return json.loads(RELEASE.read_text(encoding="utf-8"))


@pytest.fixture
def place(tmp_path):
    """Where a student hands in."""
    folder = tmp_path / "ada" / "comparison"
    folder.mkdir(parents=True)
    return folder


def staged(place, content):
    """Hand in bytes; return why they are refused, and what is graded."""
    if content is not None:
        (place / FILE).write_bytes(content)
    stage = place.parent.parent / "stage"
    begin = time.process_time()
    reason = grading.put_on_stage(place, stage)
    assert time.process_time() - begin < 10
    assert (reason is None) == (stage / FILE).exists()
    if reason:
        assert FILE in reason or "link" in reason
        return reason, None
    return None, nbformat.read(stage / FILE, 4)


def graded_cell(notebook):
    return next(c for c in notebook["cells"] if "nbgrader" in c["metadata"])


def change(*path, value):
    """Return a function that sets something of the first graded cell."""

    def of(notebook):
        target = graded_cell(notebook)
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return of


def without(*path):
    def of(notebook):
        target = graded_cell(notebook)
        for key in path[:-1]:
            target = target[key]
        del target[path[-1]]

    return of


def top(**values):
    return lambda notebook: notebook.update(values)


BROKEN = {
    "no notebook": (lambda nb: nb.clear(), "is not a valid notebook"),
    "nbformat 2": (top(nbformat=2), "is not a valid notebook"),
    "nbformat 3": (top(nbformat=3, worksheets=[]), "is not a valid notebook"),
    "nbformat 99": (top(nbformat=99), "is not a valid notebook"),
    "nbformat in words": (top(nbformat="four"), "is not a valid notebook"),
    "cells are none": (top(cells=None), "is not a valid notebook"),
    "cells are text": (top(cells="x"), "is not a valid notebook"),
    "no cells": (top(cells=[]), "holds none of the exercises' cells"),
    "numbers as source": (change("source", value=[1, 2]), "is not a valid notebook"),
    "no metadata": (without("metadata"), "is not a valid notebook"),
    "a kind of cell": (change("cell_type", value="evil"), "is not a valid notebook"),
    "label is a list": (change("metadata", "nbgrader", value=[]), "is not a valid"),
    "label is empty": (change("metadata", "nbgrader", value={}), "is not a valid"),
    "no grade_id": (without("metadata", "nbgrader", "grade_id"), "is not a valid"),
    "no schema": (
        without("metadata", "nbgrader", "schema_version"),
        "was made with another nbgrader",
    ),
    "schema in words": (
        change("metadata", "nbgrader", "schema_version", value="3"),
        "was made with another nbgrader",
    ),
    "schema of the future": (
        change("metadata", "nbgrader", "schema_version", value=9),
        "was made with another nbgrader",
    ),
    "grade_id is a list": (
        change("metadata", "nbgrader", "grade_id", value=["a"]),
        "is not a valid",
    ),
    "a check of one's own": (
        change("metadata", "nbgrader", "grade_id", value="check-bonus"),
        "has the cell 'check-bonus', which none of the exercises is",
    ),
    "a copied cell with half a character": (
        lambda nb: (
            change("metadata", "nbgrader", "grade_id", value="\udfff")(nb),
            nb["cells"].append(copy.deepcopy(graded_cell(nb)) | {"id": "copy"}),
        ),
        r"has the cell '\udfff', which none",
    ),
    "a key of its own, deep": (
        lambda nb: nb.update(x=json.loads('{"a":' * 900 + "1" + "}" * 900)),
        "is not a valid notebook: something in it is nested too deeply",
    ),
    "a copied cell": (
        lambda nb: nb["cells"].append(copy.deepcopy(graded_cell(nb)) | {"id": "copy"}),
        "twice; delete the copy",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_notebooks_are_refused(notebook, place, case):
    spoil, words = BROKEN[case]
    spoil(notebook)
    reason, _ = staged(place, json.dumps(notebook).encode())
    assert words in reason and reason.encode("utf-8")


NO_NOTEBOOKS = {
    "zero bytes": b"",
    "spaces": b" " * 1000,
    "text": b"see my other notebook",
    "deep": b"[" * 1_000_000,
    "deep objects": b'{"cells":' * 500_000,
    "cut off": RELEASE.read_bytes()[:-10],
    "binary": bytes(range(256)) * 100,
    "a zip": b"PK\x03\x04" + bytes(1000),
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "a text": b'"cells"',
}


@pytest.mark.parametrize("case", NO_NOTEBOOKS)
def test_what_is_no_notebook_is_refused(place, case):
    reason, _ = staged(place, NO_NOTEBOOKS[case])
    assert "is damaged" in reason or "is not a valid notebook" in reason


def far_link(place):
    place.rmdir()
    place.symlink_to(COURSE_DIR / "exercises" / "source" / "comparison")


NO_FILES = {
    "missing": (lambda place: None, "is missing; it must have this name"),
    "folder": (lambda place: (place / FILE).mkdir(), "is not a file"),
    "pipe": (lambda place: os.mkfifo(place / FILE), "is not a file"),
    "link": (lambda place: (place / FILE).symlink_to("/etc/passwd"), "is a link"),
    "device": (lambda place: (place / FILE).symlink_to("/dev/zero"), "is a link"),
    "dangling": (lambda place: (place / FILE).symlink_to("nothing"), "is a link"),
    "folder is a link": (far_link, "is a link"),
    "film": (
        lambda place: os.truncate(
            os.open(place / FILE, os.O_CREAT | os.O_WRONLY), 6 * 10**9
        ),
        "MB; clear its outputs",
    ),
}


@pytest.mark.parametrize("case", NO_FILES)
def test_what_is_no_file_is_never_read(place, case):
    make, words = NO_FILES[case]
    make(place)
    assert words in staged(place, None)[0]


@pytest.fixture
def somebody_else():
    """Not root, who may read everything; and a folder that every user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(65_534)
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.parametrize("locked", ["ada", "ada/comparison", f"ada/comparison/{FILE}"])
def test_what_may_not_be_read_is_named_and_the_others_are_graded(
    somebody_else, monkeypatch, capsys, locked
):
    """All of it belongs to whoever grades here, who has locked it."""
    for student in ("ada", "zoe"):
        place = somebody_else / "submitted" / student / "comparison"
        place.mkdir(parents=True)
        (place / FILE).write_bytes(RELEASE.read_bytes())
    (somebody_else / "source").symlink_to(COURSE_DIR / "exercises" / "source")
    monkeypatch.setattr(grading, "EXERCISES", somebody_else)
    monkeypatch.setattr(grading, "grade_one", lambda *_: None)
    monkeypatch.setattr(grading, "marks", lambda *_: "full marks")
    path = somebody_else / "submitted" / locked
    path.chmod(0)
    assert grading.grade("comparison") == 1
    path.chmod(0o755)
    said = capsys.readouterr().out
    assert f"ada: {FILE} cannot be read (Permission denied); let whoever" in said
    assert "zoe: full marks" in said


def test_exercises_that_do_not_exist_are_named_before_the_gradebook(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "source" / "ann").mkdir(parents=True)
    monkeypatch.setattr(grading, "EXERCISES", tmp_path)
    assert grading.main(["foo"]) == 1
    assert "and no foo" in capsys.readouterr().out
    assert grading.main(["ann"]) == 1
    assert "no gradebook yet" in capsys.readouterr().out


@pytest.mark.parametrize("seconds", ["abc", "-1", "0", "", "1.5", "9" * 20])
@pytest.mark.parametrize("before", [[], ["ann"]])
def test_seconds_that_cannot_be_are_refused(
    tmp_path, monkeypatch, capsys, before, seconds
):
    monkeypatch.setattr(grading, "EXERCISES", tmp_path)
    (tmp_path / "gradebook.db").touch()
    with pytest.raises(SystemExit):
        grading.main([*before, f"--seconds={seconds}"])
    assert f"{seconds!r} is not from 1 to 86,400" in capsys.readouterr().err


def many_cells(notebook):
    cell = {"cell_type": "raw", "metadata": {}, "source": "x"}
    notebook["cells"] += [cell | {"id": f"mine-{k}"} for k in range(20_000)]


def long_output(notebook):
    said = {"output_type": "stream", "name": "stdout", "text": "x" * 10_000_000}
    graded_cell(notebook).update(cell_type="code", outputs=[said], execution_count=1)


HONEST = {
    "as released": lambda nb: None,
    "another kernel": lambda nb: nb["metadata"].update(
        kernelspec={"name": "julia-1.10", "display_name": "Julia", "language": "julia"}
    ),
    "no kernel": lambda nb: nb["metadata"].clear(),
    "many cells": many_cells,
    "long output": long_output,
    "its own metadata": lambda nb: nb["metadata"].update(colab={"name": "é", "x": [1]}),
    "an older minor": lambda nb: (
        nb.update(nbformat_minor=4),
        [cell.pop("id", None) for cell in nb["cells"]],
    ),
}


@pytest.mark.parametrize("case", HONEST)
def test_what_editors_and_students_do_is_read(notebook, place, case):
    HONEST[case](notebook)
    reason, found = staged(place, json.dumps(notebook).encode())
    assert reason is None
    assert len(found.cells) == len(notebook["cells"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_notebook_in_another_encoding_is_graded_as_utf_8(notebook, place, encoding):
    graded_cell(notebook)["source"] = "# é ✓"
    text = json.dumps(notebook, ensure_ascii=False)
    reason, found = staged(place, text.encode(encoding))
    assert reason is None
    assert graded_cell(found)["source"] == "# é ✓"


@pytest.mark.parametrize(
    "name", ["a[1]", "*", "what?", " lead", "trail ", "a\nzoe: 21 of 21"]
)
def test_a_name_that_nbgrader_takes_for_a_pattern_is_refused(tmp_path, name):
    (tmp_path / name / "comparison").mkdir(parents=True)
    (tmp_path / name / "comparison" / FILE).write_bytes(RELEASE.read_bytes())
    reason = grading.put_on_stage(tmp_path / name / "comparison", tmp_path / "stage")
    assert repr(name) in reason and "rename it" in reason
    assert not (tmp_path / "stage").exists()


def test_outputs_are_not_looked_at(notebook, place):
    """They are made anew; to validate these would take minutes and gigabytes."""
    wrong = [{"output_type": "zzz"}] * 100_000
    notebook["cells"].append(
        {"cell_type": "code", "execution_count": None, "id": "mine", "metadata": {}}
        | {"outputs": wrong, "source": ""}
    )
    reason, graded = staged(place, json.dumps(notebook).encode())
    assert reason is None and "zzz" not in json.dumps(graded)


def test_a_submission_that_grading_fails_at_stops_nobody_elses(
    tmp_path, monkeypatch, capsys
):
    def fail(place, stage):
        if place.parent.name == "ada":
            raise RecursionError("whatever it may be")
        return "was looked at"

    for student in ("ada", "zoe"):
        (tmp_path / "submitted" / student / "comparison").mkdir(parents=True)
    (tmp_path / "source").symlink_to(grading.EXERCISES / "source")
    monkeypatch.setattr(grading, "EXERCISES", tmp_path)
    monkeypatch.setattr(grading, "put_on_stage", fail)
    assert grading.grade("comparison") == 2
    printed = capsys.readouterr().out
    assert "ada: cannot be graded (RecursionError)" in printed
    assert "zoe: was looked at" in printed


def test_marks_for_a_check_that_is_deleted_afterwards_are_taken_back(
    notebook, tmp_path, monkeypatch
):
    from nbgrader.api import Gradebook

    # It starts alembic by its name.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    database = f"sqlite:///{tmp_path / 'gradebook.db'}"
    found = {"notebook": "N", "assignment": "A", "student": "ada", "db_url": database}
    names = ("A", "ada")
    checks = ("check-mcnemar", "check-confusion")
    with Gradebook(database) as book:
        book.add_assignment("A")
        book.add_notebook("N", "A")
        book.add_student("ada")
        for check in checks:
            book.add_grade_cell(check, "N", "A", max_score=4, cell_type="code")
        book.add_submission(*names)
        for grade in book.find_submission_notebook("N", *names).grades:
            grade.auto_score = 4
        book.db.commit()
    handed_in = nbformat.from_dict(notebook)
    grading._take_back(handed_in, found)
    with Gradebook(database) as book:
        assert book.find_submission(*names).score == 8
    handed_in.cells = [
        c
        for c in handed_in.cells
        if c.metadata.get("nbgrader", {}).get("grade_id") != checks[0]
    ]
    grading._take_back(handed_in, found)
    with Gradebook(database) as book:
        assert book.find_submission(*names).score == 4


def test_half_a_character_becomes_a_question_mark(notebook, place):
    graded_cell(notebook)["source"] = "# \udfff ✓"
    _, found = staged(place, json.dumps(notebook).encode())
    assert graded_cell(found)["source"] == "# ? ✓"


def test_more_cells_than_anybody_adds_are_refused(notebook, place):
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ""}
    notebook["cells"] += [cell | {"id": f"c{k}"} for k in range(grading.MOST_CELLS)]
    reason, _ = staged(place, json.dumps(notebook).encode())
    assert "has more than 25,000 cells" in reason


def test_a_check_that_was_turned_into_text_is_named(notebook, place):
    check = next(
        c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade")
    )
    check["cell_type"] = "raw"
    del check["outputs"], check["execution_count"]
    reason, _ = staged(place, json.dumps(notebook).encode())
    assert f"{check['metadata']['nbgrader']['grade_id']!r} as raw" in reason


def test_files_beside_the_notebook_are_not_graded(notebook, place):
    for name in ("numpy.py", "sitecustomize.py", "predictions.npz", "utils"):
        (place / name).touch()
    _, found = staged(place, json.dumps(notebook).encode())
    assert found
    assert os.listdir(place.parent.parent / "stage") == [FILE]


def test_what_was_handed_in_at_a_wrong_place_is_named(tmp_path, monkeypatch):
    source = tmp_path / "source" / "comparison" / FILE
    right = f"ada/comparison/{FILE}"
    wrong = [f"bob/Comparison/{FILE}", f"cem/{FILE}", "dia.ipynb"]
    others = ["ada/ann/ANN_Exercises.ipynb", "ada/comparison/notes.ipynb"]
    for place in (right, *wrong, *others):
        path = tmp_path / "submitted" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    source.parent.mkdir(parents=True)
    source.touch()
    monkeypatch.setattr(grading, "EXERCISES", tmp_path)
    found = grading.misplaced("comparison")
    assert sorted(found) == sorted(wrong)
    assert all(f"submitted/STUDENT/comparison/{FILE}" in why for why in found.values())


@pytest.fixture
def started(tmp_path):
    """Return a function that starts a submission without protection."""
    running = []

    def start(seconds):
        clean = {
            who: grading.clean_copy(tmp_path / who, "comparison", who == "judge")
            for who in ("judge", "student")
        }
        source = f"comparison/{FILE}"
        running.append(submission.Submission(source, clean, "plain", seconds))
        return running[-1]

    yield start
    for run in running:
        run.end()


def run_cell(run, source):
    return run.run(nbformat.v4.new_code_cell(source))[1]


def test_what_a_check_needs_is_there_whatever_the_students_copy_has(started):
    """Its cells may be deleted, moved or copied without their labels."""
    run = started(seconds=60)
    _, error = run.judge("check-mcnemar")
    assert "Not written yet: `mcnemar`" in error["text"]
    _, error = run.judge("check-accuracy")  # the one before
    assert "Not written yet: `accuracy`" in error["text"]


def test_a_judge_that_was_late_answers_no_other_question(started, monkeypatch):
    run = started(seconds=60)
    monkeypatch.setattr(submission, "JUDGE_SECONDS", -60)
    _, error = run.judge("check-accuracy")
    assert error["kind"] == "JudgeError"
    monkeypatch.undo()
    _, error = run.judge("check-confusion")
    assert "`confusion`" in error["text"]


def test_a_student_who_repeats_an_answer_is_asked_no_other_question(started):
    """A reply of the student's process is a reply, whatever words are in it."""
    run = started(seconds=60)
    assert not run_cell(
        run,
        "import sys\nframes = sys.modules['tools.graded.frames']\nsend = frames.send\n"
        "frames.send = lambda s, w, b=b'': send(s, {**w, 'cell': 'imports'}, b)\n"
        "def accuracy(*_):\n    return 2",
    )
    _, error = run.judge("check-accuracy")
    assert "Not right yet" in error["text"]


def test_what_works_in_a_notebook_works_where_it_is_graded(started):
    run = started(seconds=60)
    assert not run_cell(run, "%matplotlib inline")
    assert not run_cell(
        run,
        "import warnings\nimport numpy as np\nnp.seterr(all='raise')\n"
        "warnings.simplefilter('error')\n"
        "def recall(matrix):\n    return matrix.diagonal() / matrix.sum(axis=1)",
    )
    _, error = run.judge("check-recall")
    assert error is None


def test_only_what_was_stopped_is_named_as_late(started):
    run = started(seconds=5)
    assert run_cell(run, "raise ValueError('it stopped after 3 epochs')")
    assert not run.was_late
    assert run_cell(run, "import time\nwhile True: time.sleep(1)")
    assert run.was_late


def test_after_so_many_slow_cells_the_rest_is_not_run(started, monkeypatch):
    monkeypatch.setattr(submission, "MOST_CELLS", 2)
    run = started(seconds=2)
    loop = nbformat.v4.new_code_cell("while True:\n    pass")
    told = [run.run(loop)[1]["text"] for _ in range(30)]
    assert told[0] in (
        "stopped after 2 seconds",
        "stopped after 4 seconds for all cells",
    )
    assert set(told[2:]) == {"stopped after 4 seconds for all cells"}
    _, error = run.judge("check-accuracy")
    assert error["text"] == "stopped after 4 seconds for all cells"


@pytest.mark.parametrize("key", ["grade", "solution", "locked"])
@pytest.mark.parametrize("value", [True, False, "yes", None])
def test_a_label_that_was_changed_is_named(notebook, place, key, value):
    cell = graded_cell(notebook)
    label = cell["metadata"]["nbgrader"]
    unchanged = label[key] == value
    change("metadata", "nbgrader", key, value=value)(notebook)
    reason, _ = staged(place, json.dumps(notebook).encode())
    if unchanged:
        assert reason is None
    else:
        assert f"has another label on the cell {label['grade_id']!r}" in reason
