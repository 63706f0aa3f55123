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
from nbconvert import HTMLExporter

from tools import grading, handed_in, submission
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
SOURCE = COURSE_DIR / "exercises" / "source" / "comparison" / FILE


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
    reason, notes = handed_in.put_on_stage(place, stage, SOURCE)
    assert time.process_time() - begin < 10
    assert (reason is None) == (stage / FILE).exists()
    if reason:
        assert FILE in reason or "link" in reason
        return reason, None
    found = nbformat.read(stage / FILE, 4)
    said = found.cells[-1].source.startswith("**Looked at before grading")
    assert bool(notes) == said
    return None, found


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
    "nbformat 2": (top(nbformat=2), "is not a valid notebook, but one of long ago"),
    "nbformat 3": (top(nbformat=3, worksheets=[]), "is not a valid notebook, but one"),
    "nbformat 99": (top(nbformat=99), "is not a valid notebook"),
    "nbformat 4.0": (top(nbformat=4.0), "is not a valid notebook: AssertionError"),
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
    "a cell of one's own without a label": lambda nb: nb["cells"].append(
        {
            **{"cell_type": "code", "source": "", "outputs": [], "id": "mine"},
            **{"execution_count": None, "metadata": {"nbgrader": None}},
        }
    ),
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
    "name", ["a[1]", "*", "what?", " lead", "trail ", ".hidden", "a\nzoe: 21 of 21"]
)
def test_a_name_that_nbgrader_takes_for_a_pattern_is_refused(tmp_path, name):
    (tmp_path / name / "comparison").mkdir(parents=True)
    (tmp_path / name / "comparison" / FILE).write_bytes(RELEASE.read_bytes())
    place, stage = tmp_path / name / "comparison", tmp_path / "stage"
    reason, _ = handed_in.put_on_stage(place, stage, SOURCE)
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
    def fail(place, stage, source):
        if place.parent.name == "ada":
            raise RecursionError("whatever it may be")
        return "was looked at", []

    for student in ("ada", "zoe"):
        (tmp_path / "submitted" / student / "comparison").mkdir(parents=True)
    (tmp_path / "source").symlink_to(grading.EXERCISES / "source")
    monkeypatch.setattr(grading, "EXERCISES", tmp_path)
    monkeypatch.setattr(grading, "put_on_stage", fail)
    monkeypatch.setattr(grading, "marks", lambda *_: None)
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


def test_whose_mark_stays_although_nothing_is_there_any_more_is_named(
    tmp_path, monkeypatch, capsys
):
    from nbgrader.api import Gradebook

    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setattr(grading, "EXERCISES", tmp_path)
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        book.add_assignment("comparison")
        for student in ("ada", "bob"):
            book.add_student(student)
            book.add_submission("comparison", student)
    (tmp_path / "submitted" / "ada" / "comparison").mkdir(parents=True)
    for assignment in ("comparison", "ann"):  # the gradebook knows the first only
        grading.name_who_withdrew(assignment)
    said = "Not there any more: bob (comparison): the earlier mark, 0 of 0, stays\n"
    assert capsys.readouterr().out == said


def test_half_a_character_becomes_a_question_mark(notebook, place):
    graded_cell(notebook)["source"] = "# \udfff ✓"
    _, found = staged(place, json.dumps(notebook).encode())
    assert graded_cell(found)["source"] == "# ? ✓"


def test_more_cells_than_anybody_adds_are_refused(notebook, place):
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ""}
    notebook["cells"] += [cell | {"id": f"c{k}"} for k in range(handed_in.MOST_CELLS)]
    reason, _ = staged(place, json.dumps(notebook).encode())
    assert "has more than 25,000 cells" in reason


def names_of(cells):
    return [c["metadata"].get("nbgrader", {}).get("grade_id") for c in cells]


@pytest.mark.parametrize("name", ["Zoë Müller", "J. Smith Jr.", "a-b_c", "李"])
def test_names_of_people_are_names(tmp_path, name):
    place = tmp_path / name / "comparison"
    place.mkdir(parents=True)
    (place / FILE).write_bytes(RELEASE.read_bytes())
    assert handed_in.put_on_stage(place, tmp_path / "stage", SOURCE) == (None, [])


@pytest.mark.parametrize("kind", ["raw", "markdown"])
@pytest.mark.parametrize("role", ["grade", "solution", "locked"])
def test_a_cell_that_a_key_turned_into_text_is_code_again(notebook, place, kind, role):
    before = [c["cell_type"] for c in notebook["cells"]]
    cell = next(
        c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get(role)
    )
    cell |= {"cell_type": kind, "attachments": {}}
    del cell["outputs"], cell["execution_count"]
    reason, found = staged(place, json.dumps(notebook).encode())
    assert reason is None and [c.cell_type for c in found.cells] == before


def test_a_given_cell_that_is_missing_is_put_back_where_it_was(notebook, place):
    gone, before = ("workbench", "imports", "made-up"), names_of(notebook["cells"])
    kept = [c for c in notebook["cells"] if names_of([c])[0] not in gone]
    notebook["cells"] = kept
    reason, found = staged(place, json.dumps(notebook).encode())
    assert reason is None
    there = [name for name in names_of(found.cells) if name]
    assert there == [name for name in before if name]
    said = found.cells[-1].source
    assert all(f"{name!r} was missing, and was put back" in said for name in gone)


def test_given_cells_come_back_whatever_order_the_others_are_in(notebook, place):
    """Each behind the one before it in the course's order, with an id of its own."""
    notebook["cells"].reverse()
    for cell in notebook["cells"]:
        if names_of([cell])[0] in ("imports", "made-up"):
            del cell["metadata"]["nbgrader"]
    reason, found = staged(place, json.dumps(notebook).encode())
    assert reason is None
    names = names_of(found.cells)
    for before, given in (("workbench", "imports"), ("mcnemar", "made-up")):
        assert names.index(given) == names.index(before) + 1
    ids = [cell.id for cell in found.cells]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("minor", [4, 5])
@pytest.mark.parametrize("name", ["wilson", "check-wilson"])
def test_what_is_graded_and_missing_is_said_to_the_student(
    notebook, place, name, minor
):
    notebook["nbformat_minor"] = minor
    kept = [c for c in notebook["cells"] if names_of([c])[0] != name]
    if minor == 4:
        for cell in kept:
            del cell["id"]
    notebook["cells"] = kept
    reason, found = staged(place, json.dumps(notebook).encode())
    assert reason is None
    words = ", and earns nothing." if name.startswith("check") else "."
    assert found.cells[-1].source.endswith(f"{name!r} is missing{words}")


def test_another_exercises_notebook_is_named_by_its_name(place):
    other = SOURCE.parents[1] / "cnn" / "CNN_Exercises.ipynb"
    reason, _ = staged(place, other.read_bytes())
    assert "is the notebook of cnn; hand it in as submitted/STUDENT/cnn/CNN_" in reason


def test_labels_that_were_lost_are_said_to_be(notebook, place):
    for cell in notebook["cells"]:
        cell["metadata"].clear()
    reason, _ = staged(place, json.dumps(notebook).encode())
    assert "or they have lost their labels" in reason


def test_old_bytes_in_a_comment_are_no_reason_to_refuse(notebook, place):
    graded_cell(notebook)["source"] = "x = 1  # für"
    text = json.dumps(notebook, ensure_ascii=False)
    reason, found = staged(place, text.encode("cp1252", "ignore"))
    assert reason is None
    assert graded_cell(found)["source"] == "x = 1  # f\ufffdr"


def test_outputs_that_are_missing_and_metadata_that_is_null_do_no_harm(notebook, place):
    for cell in notebook["cells"]:
        if "nbgrader" not in cell["metadata"]:
            cell["metadata"] = None
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    assert staged(place, json.dumps(notebook).encode())[0] is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "begins with ''"),
        (b"PK\x03\x04" + bytes(1000), r"begins with 'PK\x03\x04"),
        (b"<!DOCTYPE html><html>", "begins with '<!DOCTYPE html><'"),
        (b"<<<<<<< HEAD", "begins with '<<<<<<< HEAD'"),
    ],
)
def test_what_is_no_json_is_quoted(place, content, words):
    assert words in staged(place, content)[0]


def test_where_a_notebook_is_missing_what_is_there_is_named(place):
    assert "The folder is empty" in staged(place, None)[0]
    (place / "Comparison_Exercises (1).ipynb").touch()
    assert "There is 'Comparison_Exercises (1).ipynb'" in staged(place, None)[0]
    for k in range(3):
        (place / f"z{k}").touch()
    assert "'z0', 'z1' and 1 more" in staged(place, None)[0]


def test_a_file_where_a_folder_should_be_is_said_to_be_one(tmp_path):
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "comparison").touch()
    reason, _ = handed_in.put_on_stage(
        tmp_path / "ada" / "comparison", tmp_path / "stage", SOURCE
    )
    assert "'comparison' is a file, and should be a folder" in reason


@pytest.mark.parametrize("time_", ["2026-11-28 12:00:00 UTC", "2026-11-28 12:00:00"])
def test_the_time_of_collection_is_handed_on(notebook, place, time_):
    (place / "timestamp.txt").write_text(f"{time_}\n", encoding="utf-8")
    staged(place, json.dumps(notebook).encode())
    noted = place.parent.parent / "stage" / "timestamp.txt"
    assert noted.read_text(encoding="utf-8") == time_


@pytest.mark.parametrize("content", [b"", b"soon", b"\xff" * 9, b"9" * 9_000])
def test_what_is_no_time_is_not_handed_on(notebook, place, content):
    (place / "timestamp.txt").write_bytes(content)
    (place / FILE).write_text(json.dumps(notebook), encoding="utf-8")
    stage = place.parent.parent / "stage"
    assert handed_in.put_on_stage(place, stage, SOURCE)[1] == [
        "timestamp.txt holds no time, and is not used"
    ]
    assert os.listdir(stage) == [FILE]


def test_files_beside_the_notebook_are_not_graded(notebook, place):
    for name in ("numpy.py", "sitecustomize.py", "predictions.npz", "utils"):
        (place / name).touch()
    _, found = staged(place, json.dumps(notebook).encode())
    assert found
    assert os.listdir(place.parent.parent / "stage") == [FILE]


def test_what_was_handed_in_at_a_wrong_place_is_named(tmp_path):
    label = '{"grade_id": "wilson"}'
    right, where = f"ada/comparison/{FILE}", f"submitted/STUDENT/comparison/{FILE}"
    wrong = {
        f"bob/Comparison/{FILE}": where,
        f"cem/{FILE}": where,
        "dia.ipynb": where,
        f"eva/a/b/{FILE.lower()}": where,
        "pia/homework.ipynb": where,
        "pia/of-a-neighbour.ipynb": "submitted/STUDENT/EXERCISES/",
        "rolf/comparison.zip": "unpack it",
        "whole_class.ZIP": "unpack it",
        "nobody": "has handed in nothing",
    }
    beside = ["ada/comparison/Comparison (1).ipynb", "ada/comparison/all.zip"]
    others = [
        "ada/ann/ANN_Exercises.ipynb",
        "ada/comparison/notes.ipynb",
        "ada/comparison/predictions.npz",
        "sven/comparison/Comparison_Exercises (2).ipynb",  # grading names it
        "list.csv",
    ]
    for place in (right, *wrong, *beside, *others):
        path = tmp_path / "submitted" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if place == "nobody":
            path.mkdir()
            continue
        cells = label if "(" in place or path.stem in ("homework", "dia") else ""
        cells = label.replace("wilson", "area") if "neighbour" in place else cells
        path.write_text(cells, encoding="utf-8")
    for name, file in (("comparison", FILE), ("ann", "ANN_Exercises.ipynb")):
        (tmp_path / "source" / name).mkdir(parents=True)
        cells = label if name == "comparison" else ""
        (tmp_path / "source" / name / file).write_text(cells, encoding="utf-8")
    elsewhere, found = handed_in.not_used(tmp_path)
    assert sorted(elsewhere) == sorted(wrong)
    assert all(wrong[place] in why for place, why in elsewhere.items())
    assert sorted(found) == sorted(beside)
    assert all(f"{FILE} beside it is" in why for why in found.values())


def test_what_may_not_be_looked_at_is_no_reason_to_stop(somebody_else):
    (somebody_else / "source" / "ann").mkdir(parents=True)
    (somebody_else / "source" / "ann" / "ANN_Exercises.ipynb").touch()
    locked = somebody_else / "submitted" / "ada"
    (locked / "ann").mkdir(parents=True)
    (locked / "notes.ipynb").touch()
    (locked / "notes.ipynb").chmod(0)
    (locked / "loop").symlink_to(locked)
    assert handed_in.not_used(somebody_else) == ({}, {})
    locked.chmod(0)
    try:
        handed_in.not_used(somebody_else)
    finally:
        locked.chmod(0o755)


def test_after_a_refused_resubmission_the_earlier_mark_is_named(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "submitted" / "ada" / "comparison").mkdir(parents=True)
    (tmp_path / "source").symlink_to(grading.EXERCISES / "source")
    monkeypatch.setattr(grading, "EXERCISES", tmp_path)
    monkeypatch.setattr(grading, "marks", lambda *_: "21 of 21")
    assert grading.grade("comparison") == 1
    said = capsys.readouterr().out
    assert "is empty; the earlier mark, 21 of 21, stays" in said
    assert "exports 0.0 for whoever has no earlier mark" in said


def test_what_grading_left_behind_as_it_failed_is_no_earlier_mark(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "submitted" / "ada" / "comparison").mkdir(parents=True)
    (tmp_path / "source").symlink_to(grading.EXERCISES / "source")
    found = [None]

    def fail(*_):
        found[0] = "0 of 21"
        return "nbgrader failed"

    monkeypatch.setattr(grading, "EXERCISES", tmp_path)
    monkeypatch.setattr(grading, "put_on_stage", lambda *_: (None, []))
    monkeypatch.setattr(grading, "grade_one", fail)
    monkeypatch.setattr(grading, "marks", lambda *_: found[0])
    assert grading.grade("comparison") == 1
    assert "ada: nbgrader failed\n" in capsys.readouterr().out


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


def test_a_cell_that_stopped_is_said_to_have_and_not_to_be_unwritten(started):
    run = started(seconds=60)
    cell = nbformat.v4.new_code_cell("import no_such_thing\n\ndef wilson(a, b): ...")
    cell.metadata["nbgrader"] = {"grade_id": "wilson"}
    assert run.run(cell)[1]["kind"] == "ModuleNotFoundError"
    _, error = run.judge("check-wilson")
    assert "The cell that defines `wilson` stopped:\nModuleNotFound" in error["text"]
    _, error = run.judge("check-accuracy")  # the one before
    assert "`accuracy` is defined in no cell above" in error["text"]


def test_a_process_that_ended_in_an_answer_is_said_to_have_ended_there(started):
    run = started(seconds=60)
    assert not run_cell(run, "import os\n\ndef accuracy(*_):\n    os._exit(1)")
    _, error = run.judge("check-accuracy")
    assert "Your code stopped in `accuracy`" in error["text"]


def test_the_files_of_the_exercise_lie_beside_what_is_graded(started):
    run = started(seconds=60)
    assert not run_cell(run, "import numpy as np\nnp.load('predictions.npz')")


def test_a_judge_that_was_late_answers_no_other_question(started, monkeypatch):
    run = started(seconds=60)
    monkeypatch.setattr(submission, "JUDGE_SECONDS", -60)
    _, error = run.judge("check-accuracy")
    assert error["kind"] == "JudgeError"
    assert "looked too long at what your answer returned" in error["text"]
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


@pytest.mark.parametrize(
    "other", [{"points": "x"}, {"points": None}, {"checksum": [1]}, {"task": True}]
)
def test_what_else_a_label_says_is_that_of_the_course(notebook, place, other):
    """With points that are no number, nbgrader failed at the whole notebook."""
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= other
    reason, found = staged(place, json.dumps(notebook).encode())
    ours = nbformat.read(SOURCE, 4).cells
    labels = [
        [c.metadata.nbgrader for c in cells if "nbgrader" in c.metadata]
        for cells in (found.cells, ours)
    ]
    assert reason is None and labels[0] == labels[1]


@pytest.mark.parametrize("student", ["Müller, Anna", 'a"b', "=1+1", "+1", "-x", "@a"])
def test_a_name_that_would_spoil_the_table_of_marks_is_refused(tmp_path, student):
    """nbgrader writes names as they are: after a quotation mark, rows are one."""
    place = tmp_path / "submitted" / student / "comparison"
    place.mkdir(parents=True)
    (place / FILE).write_bytes(SOURCE.read_bytes())
    reason, _ = handed_in.put_on_stage(place, tmp_path / "stage", SOURCE)
    assert repr(student) in reason and "grades.csv" in reason and "rename" in reason


@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_what_no_page_of_feedback_can_be_made_of_is_named(notebook, place, kind):
    """Of a.a.a.… with 200,000 letters, nbgrader made a page for ten minutes."""
    outputs = {"outputs": [], "execution_count": None} if kind == "code" else {}
    cell = {"cell_type": kind, "id": "mine", "metadata": {}, **outputs}
    notebook["cells"].insert(2, cell | {"source": ["a."] * 100_000})
    reason, _ = staged(place, json.dumps(notebook).encode())
    assert "has 200,000 letters in cell 3" in reason
    notebook["cells"][2:3] = [
        cell | {"source": "a." * 5_000, "id": f"mine-{k}"} for k in range(41)
    ]
    reason, _ = staged(place, json.dumps(notebook).encode())
    assert "letters in all cells" in reason


@pytest.mark.parametrize("pictures", [None, {}, {"a.png": {}}, {"b.png": {}}])
def test_a_text_of_which_no_page_can_be_made_is_shown_as_it_is(
    notebook, place, pictures
):
    """Its picture was lost as it was copied; nbgrader would write no page at all."""
    cell = {"cell_type": "markdown", "id": "mine", "metadata": {}}
    cell |= {"source": ["See ![this](attachment:a.png)"]}
    cell |= {} if pictures is None else {"attachments": pictures}
    notebook["cells"].insert(1, cell)
    reason, found = staged(place, json.dumps(notebook).encode())
    page, _ = HTMLExporter().from_notebook_node(found)
    assert reason is None and "See ![this](attachment:a.png)" in page


def test_a_picture_that_a_student_pasted_in_stays(notebook, place):
    cell = {"cell_type": "markdown", "id": "mine", "metadata": {}}
    cell |= {"attachments": {"a.png": {"image/png": "iVBORw0KGgo="}}}
    notebook["cells"].insert(1, cell | {"source": "![this](attachment:a.png)"})
    _, found = staged(place, json.dumps(notebook).encode())
    assert found.cells[1].cell_type == "markdown" and found.cells[1].attachments


def test_folders_that_lie_thousands_deep_are_removed():
    """One such submission was not graded, and its folders stayed."""
    with grading.a_folder() as folder:
        here = os.open(folder, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d", 0o700, dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        os.fchmod(here, 0)
        os.close(here)
    assert not Path(folder).exists()
