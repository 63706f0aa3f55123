"""What students hand in: found, read, put right where it can be, refused where not.

What nbgrader is handed is a copy, as it was understood here, whatever encoding, outputs
or old labels the submitted file has. The file itself is only read.
"""

import collections
import copy
import json
import os
import re
import stat
import warnings
from pathlib import Path

import nbformat

from utils.bounded import BadFile

LARGEST = 20  # MB of a submitted notebook; a solved one has 60,000 bytes
MOST_CELLS = 25_000  # and forty cells
# Letters of a cell, and of all of them: to colour code takes the square of its length.
LONGEST_CELL, MOST_LETTERS = 20_000, 400_000  # a solved one: 6,000 and 50,000
ANYWHERE = "EXERCISES/NAME_Exercises.ipynb"  # where nobody can tell which they are
SCHEMA = 3  # of nbgrader's metadata
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
DEEPEST = 4  # folders below submitted/ that are looked through
AGAIN = "open it in Jupyter, save it and hand it in again"
ANEW = "copy the answers to a new copy"
LABEL = re.compile(r'"grade_id": *"([^"]+)"')  # nbgrader's name of a cell, in a file
TIME = "timestamp.txt"  # nbgrader's own, of when it was collected


def is_there(place):
    """Say whether something was handed in; where one may not look, it may be."""
    try:
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # put_on_stage says which
    return True


def put_on_stage(place, stage, source):
    """Copy the notebook that was handed in, put right.

    Args:
        place: the student's folder of the assignment.
        stage: the folder to copy to; it is made.
        source: the exercises' source notebook.

    Returns:
        (reason, notes): why that is not possible, or None; what is to be known of it.
    """
    student, name = place.parent.name, source.name
    is_plain = student.isprintable() and student == student.strip()
    # What nbgrader's globs pass over, or take for a pattern.
    if not is_plain or student.startswith(".") or set("[]*?") & set(student):
        return f"no folder can be found by the name {student!r}; rename it", []
    # nbgrader writes names as they are into a table that a spreadsheet opens.
    if set(',"') & set(student) or student[0] in "=+-@":
        why = "a comma or a quotation mark would shift the columns of grades.csv, and "
        why += "=, +, - or @ at the beginning is a formula to a spreadsheet"
        return f"{student!r} is no name for a table of marks: {why}; rename it", []
    try:
        notebook = _handed_in(place, name)
    except BadFile as error:
        return str(error), []
    except OSError as error:
        why = f"cannot be read ({error.strerror}); let whoever grades read it"
        return f"{name} {why}", []
    reason, notes = _put_right(notebook, source)
    if not reason:
        stage.mkdir(parents=True)
        text = json.dumps(notebook, ensure_ascii=False)
        (stage / name).write_bytes(text.encode("utf-8", "replace"))
        notes += _with_its_time(place, stage)
    return reason and f"{name} {reason}", notes


def _with_its_time(place, stage):
    """Copy the time of collection, if nbgrader noted it; return what to say of it."""
    from nbgrader.utils import parse_utc

    try:
        if not stat.S_ISREG((place / TIME).lstat().st_mode):
            return []
        with (place / TIME).open(encoding="utf-8") as file:
            text = file.read(100).strip()
        parse_utc(text)
    except FileNotFoundError:
        return []
    except Exception:  # whatever a file of that name may hold
        return [f"{TIME} holds no time, and is not used"]
    (stage / TIME).write_text(text, encoding="utf-8")
    return []


def _handed_in(place, name):
    """Return what the notebook of that name holds; raises BadFile or OSError."""
    path = place / name
    for part in (place.parent, place, path):
        if part.is_symlink():
            why = "is a link to another place; hand in the file itself"
            raise BadFile(part.name, why)
    if not path.exists():
        raise BadFile(name, f"is missing; it must have this name. {_in_it(place)}")
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadFile(name, "is not a file")
    megabytes = path.stat().st_size / 2**20
    if megabytes > LARGEST:
        why = f"has {megabytes:,.0f} MB; clear its outputs and hand it in again"
        raise BadFile(name, why)
    data = path.read_bytes()
    try:
        # A comment in an old encoding is no reason to refuse the answers around it.
        return json.loads(data.decode(json.detect_encoding(data), "replace"))
    except (ValueError, RecursionError):
        begins = ascii(data[:16].decode("latin-1"))
        why = f"is damaged: it is not JSON, and begins with {begins}. Hand in the "
        raise BadFile(name, f"{why}notebook again") from None


def _in_it(place):
    """Say what lies where a notebook is missing."""
    try:
        there = sorted(os.listdir(place))
    except NotADirectoryError:
        return f"{place.name!r} is a file, and should be a folder"
    if not there:
        return "The folder is empty"
    more = f" and {len(there) - 3} more" if len(there) > 3 else ""
    return f"There is {', '.join(f'{file!r:.80}' for file in there[:3])}{more}"


# --- a notebook ----------------------------------------------------------------------


def _put_right(notebook, source):
    """Put a notebook right for grading, in place.

    Returns:
        (reason, notes): what makes it unfit, or None; what was missing.
    """
    try:
        if len(notebook["cells"]) > MOST_CELLS:
            return f"has more than {MOST_CELLS:,} cells; delete what was added", []
        if notebook["nbformat"] < 4:
            return f"is not a valid notebook, but one of long ago; {AGAIN}", []
        ours = [c for c in nbformat.read(source, 4).cells if "nbgrader" in c.metadata]
        for cell in notebook["cells"]:
            _made_plain(cell, ours)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names of cells, which are put right
            nbformat.validate(notebook)
        if reason := _too_long(notebook):
            return reason, []
        for cell in notebook["cells"]:
            _made_showable(cell)
        theirs = [c for c in notebook["cells"] if "nbgrader" in c["metadata"]]
        if reason := _fault_of_labels(theirs, ours, source):
            return reason, []
        _relabelled(theirs, ours)
        return None, _completed(notebook, ours)
    except RecursionError:
        why = "something in it is nested too deeply"
    except Exception as error:  # whatever nbformat or a wrong type raises
        why = _first_line(error) or type(error).__name__
    return f"is not a valid notebook: {why}; {AGAIN}", []


def _too_long(notebook):
    """Say which cell is too long for a page of feedback to be made of it, or None."""
    lengths = [len("".join(cell["source"])) for cell in notebook["cells"]]
    if (longest := max(lengths, default=0)) > LONGEST_CELL:
        which = lengths.index(longest) + 1
        why = f"more than {LONGEST_CELL:,}; shorten it or divide it"
        return f"has {longest:,} letters in cell {which}, {why}"
    if sum(lengths) > MOST_LETTERS:
        why = f"more than {MOST_LETTERS:,}; delete what was added"
        return f"has {sum(lengths):,} letters in all cells, {why}"
    return None


def _made_showable(cell):
    """Make a text of which no page can be made raw: nbgrader would write no page.

    A picture that was pasted in is lost where its text is copied to another notebook.
    """
    if cell["cell_type"] != "markdown":
        return
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    pictures = cell.get("attachments", {})
    try:
        renderer = IPythonRenderer(escape=False, attachments=pictures)
        MarkdownWithMath(renderer).render("".join(cell["source"]))
    except Exception:  # whatever is in it
        cell["cell_type"] = "raw"
        cell.pop("attachments", None)


def _made_plain(cell, ours):
    """Take away what is made anew, and give a cell of ours the kind that it had.

    In JupyterLab the keys M and R turn a cell into text.
    """
    if cell.get("metadata", {}) is None:
        cell["metadata"] = {}
    label = cell["metadata"].get("nbgrader") if "metadata" in cell else None
    if label is None:
        cell.get("metadata", {}).pop("nbgrader", None)  # null is no label
    if label and cell["cell_type"] in ("markdown", "raw"):
        kinds = {c.metadata["nbgrader"]["grade_id"]: c.cell_type for c in ours}
        cell["cell_type"] = kinds.get(label["grade_id"], cell["cell_type"])
        cell.pop("attachments", None)
    if cell["cell_type"] == "code":
        cell |= {"outputs": [], "execution_count": None}


def _fault_of_labels(theirs, ours, source):
    """Say how nbgrader's labels differ from those that were handed out, or None."""
    known = {c.metadata["nbgrader"]["grade_id"] for c in ours}
    roles = [_role(c) for c in ours]
    names = [c["metadata"]["nbgrader"]["grade_id"] for c in theirs]
    if others := [
        f"{name!r:.60}" for name in dict.fromkeys(names) if name not in known
    ]:
        their_sources = {*source.parents[1].glob("*/*.ipynb")} - {source}
        if another := _whose(names, their_sources):
            right = f"submitted/STUDENT/{another.parent.name}/{another.name}"
            return f"is the notebook of {another.parent.name}; hand it in as {right}"
        words = "which none of the exercises is; delete it"
        return f"has the cell {', '.join(others[:3])}, {words}"
    if twice := [name for name, n in collections.Counter(names).items() if n > 1]:
        return f"has the cell {', '.join(twice)} twice; delete the copy"
    for cell, name in zip(theirs, names, strict=True):
        if cell["metadata"]["nbgrader"].get("schema_version") != SCHEMA:
            return f"was made with another nbgrader; {ANEW}"
        if _role(cell) not in roles:
            words = f"than it was handed out with; {ANEW}"
            return f"has another label on the cell {name!r} {words}"
    lost = "or they have lost their labels"
    return None if names else f"holds none of the exercises' cells, {lost}; {ANEW}"


def _relabelled(theirs, ours):
    """Put back nbgrader's labels, whole: with points that are no number it fails."""
    labels = {c.metadata["nbgrader"]["grade_id"]: c.metadata["nbgrader"] for c in ours}
    for cell in theirs:
        name = cell["metadata"]["nbgrader"]["grade_id"]
        cell["metadata"]["nbgrader"] = copy.deepcopy(dict(labels[name]))


def _role(cell):
    """Return which cell it is, and what nbgrader takes it for: an answer, a check."""
    label = cell["metadata"]["nbgrader"]
    return [label.get(key) for key in ("grade_id", "solution", "grade", "locked")]


def _whose(names, sources):
    """Return the exercises that most cells of these names come from, or None."""
    for source in sorted(sources):
        known = set(LABEL.findall(source.read_text(encoding="utf-8")))
        if sum(name in known for name in names) > len(names) / 2:
            return source
    return None


def _completed(notebook, ours):
    """Put back cells of ours that a notebook lacks, behind the one before.

    Not those that it is graded for: a deleted check earns nothing, and it is said.

    Returns:
        What was missing, in words.
    """
    cells, notes, at = notebook["cells"], [], 0
    place = {
        c["metadata"]["nbgrader"]["grade_id"]: k
        for k, c in enumerate(cells)
        if "nbgrader" in c["metadata"]
    }
    back = []
    for cell in ours:
        name, solution, grade, _ = _role(cell)
        if name in place:
            at = place[name] + 1
        elif grade:
            notes.append(f"the cell {name!r} is missing, and earns nothing")
        elif solution:  # what it defines may be defined elsewhere
            notes.append(f"the cell {name!r} is missing")
        else:
            # With an id of its own: the old one may stand on a cell without its label.
            back.append((at, copy.deepcopy(dict(cell)) | {"id": f"given-{name}"}))
            notes.append(f"the cell {name!r} was missing, and was put back")
    # From the end on, so that no place moves: a student's cells may be in any order.
    for at, cell in reversed(sorted(back, key=lambda pair: pair[0])):
        cells.insert(at, cell)
    if notes:  # for the student, who gets this copy as feedback
        said = "**Looked at before grading:** " + "; ".join(notes) + "."
        note = {"cell_type": "markdown", "id": "from-the-grader", "metadata": {}}
        cells.append({**note, "source": said})
    if notebook["nbformat_minor"] < 5:  # of then, which knew no ids
        for cell in cells:
            cell.pop("id", None)
    return notes


def _first_line(error):
    try:
        return (str(error).splitlines() or [""])[0][:100]
    except RecursionError:  # it would quote what is nested too deeply
        return "something in it is nested too deeply"


# --- what is not graded --------------------------------------------------------------


def not_used(exercises):
    """Find what was handed in and is graded by nobody, for it lies elsewhere.

    Args:
        exercises: the folder with source/ and submitted/.

    Returns:
        (elsewhere, beside): two dictionaries from a place below submitted/ to the
        reason; what lies beside a notebook that is graded is a copy, most likely.
    """
    submitted, elsewhere, beside = exercises / "submitted", {}, {}
    sources = sorted(exercises.glob("source/*/*.ipynb"))
    names = {path.parent.name: path.name for path in sources}
    graded = {(assignment, name) for assignment, name in names.items()}
    empty = {path.name for path in submitted.glob("*/")}
    for path in _files(submitted):
        student, *there = path.relative_to(submitted).parts
        if tuple(there) in graded:
            empty.discard(student)
            continue
        right = names.get(path.parent.name)
        if not there and path.suffix.lower() not in (".ipynb", *ARCHIVES):
            continue
        if there and not _is_handed_in(path, names.values()):
            continue
        empty.discard(student)
        place = path.relative_to(submitted).as_posix()
        place = place if place.isprintable() else repr(place)
        if right and len(there) == 2:
            if is_there(path.with_name(right)):  # or grading says what is there
                beside[place] = f"is not graded; {right} beside it is"
        elif path.suffix.lower() in ARCHIVES:
            elsewhere[place] = "is an archive; unpack it"
        else:
            alike = [p for p in sources if p.name.lower() == path.name.lower()]
            which = alike[0] if alike else _whose(_labels(path), sources)
            where = f"{which.parent.name}/{which.name}" if which else ANYWHERE
            where = f"submitted/STUDENT/{where}"
            elsewhere[place] = f"is not where it is looked for: {where}"
    started = {s for s in empty if any(is_there(submitted / s / a) for a in names)}
    for student in sorted(empty - started):  # of the others the reason was said
        place = student if student.isprintable() else repr(student)
        elsewhere[place] = "has handed in nothing that is graded"
    return elsewhere, beside


def _files(folder):
    """Yield the files below a folder, not too deep, and through no link."""
    for here, folders, files in os.walk(folder):
        if len(Path(here).relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        folders.sort()
        yield from (Path(here, name) for name in sorted(files))


def _is_handed_in(path, names):
    """Tell an exercise, or an archive, from notes, data and what programs leave."""
    if path.suffix.lower() in ARCHIVES:
        return True
    if any(path.name.lower() == name.lower() for name in names):
        return True
    if ".ipynb" not in path.name.lower():
        return False
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST * 2**20:
            return False
        return bool(_labels(path))
    except OSError:
        return False


def _labels(path):
    """Return nbgrader's names of the cells in a file, whatever else is in it."""
    return LABEL.findall(path.read_bytes().decode("utf-8", "replace"))
