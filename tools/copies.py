"""Working copies for a student: the notebooks without outputs, in a folder work/.

    python -m tools.copies

`course.py lab` makes them and opens their start page. No answer stands under its
question, what explains a result is folded, the clone stays clean, and `git pull`
works whatever was run or changed here.
What a student has changed is never overwritten: when the course has a newer version of
such a file, that comes beside it, under another name. What was only run makes way, and
stays beside it with its outputs.
"""

import hashlib
import itertools
import json
import os
import sys

import nbformat

from tools.notebook_file import LARGEST, read_notebook
from utils.bounded import MEGABYTE, BadFile, parse_json, read_bytes, read_json
from utils.files import rename, write_whole
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

WORK = COURSE_DIR / "work"
STAMPS = ".origin.json"  # what each copy was made from
PATTERNS = (
    *NOTEBOOKS,
    *LABS,
    "*.md",
    "LICENSE",
    "CITATION.cff",
    "docs/*",
    "exercises/*.md",
    "exercises/release/*/*",
)
FOLDED = """<details><summary><b>What does it mean?</b> Run the cell above, then unfold.
</summary>

{}

</details>"""
NOT_FOR_STUDENTS = ("answers.md",)


def originals():
    """Return what a student gets: dict from the copy's place to the course's file."""
    found = {}
    for pattern in PATTERNS:
        for path in sorted(COURSE_DIR.glob(pattern)):
            if path.is_file() and path.name not in NOT_FOR_STUDENTS:
                found[path.relative_to(COURSE_DIR).as_posix()] = path
    return found


def content_of(path):
    """Return what a copy of a file holds, bytes: a notebook without its outputs.

    What explains a result, a slide's notes, is folded: the cell is to be run first.
    """
    if path.suffix != ".ipynb":
        return path.read_bytes()
    notebook = read_notebook(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        elif cell.metadata.get("slideshow", {}).get("slide_type") == "notes":
            cell.source = FOLDED.format(cell.source)
    return (nbformat.writes(notebook) + "\n").encode()


def stamp_of(name, content):
    """Return the digests of a file: of all that it "holds", and of what is "written".

    In a notebook that is its cells with the pictures in them, not what running adds.
    """
    holds = written = hashlib.sha256(content).hexdigest()
    if name.endswith(".ipynb"):
        try:
            cells = [
                [cell["cell_type"], "".join(cell["source"]), cell.get("attachments")]
                for cell in parse_json(content, name)["cells"]
            ]
            written = hashlib.sha256(json.dumps(cells).encode()).hexdigest()
        except (BadFile, KeyError, TypeError):
            pass  # it is not a notebook any more, so it was changed
    return {"holds": holds, "written": written}


def stamp_now(path):
    """Return the stamp of what lies somewhere now; {} if that cannot be read."""
    try:
        return stamp_of(path.name, read_bytes(path, LARGEST))
    except (OSError, BadFile):
        return {}


def read_stamps(path):
    """Return what each copy was made from: dict from its place to its stamp."""
    try:
        stamps = read_json(path, MEGABYTE)
    except (OSError, BadFile):
        return {}
    found = stamps.items() if isinstance(stamps, dict) else ()
    return {place: stamp for place, stamp in found if isinstance(stamp, dict)}


def agree(one, other, key):
    """Say whether two stamps have the same digest."""
    return key in one and one[key] == other.get(key)


def name_beside(path, word, may_go):
    """Return the first of n.new.ipynb, n.new2.ipynb, … that is free or may go."""
    for number in itertools.count(1):
        more = f".{word}{number if number > 1 else ''}{path.suffix}"
        beside = path.with_name(path.stem + more)
        if not os.path.lexists(beside) or may_go(beside):
            return beside


def make_copy(work, place, content, stamps):
    """Make one copy, renew it, or put the newer version beside it.

    Args:
        work: the folder of the copies.
        place: the copy's place in it, str.
        content: what it shall hold, bytes.
        stamps: of what was copied so far; renewed.

    Returns:
        list of str: what the student should know.
    """
    copy, stamp, newest = work / place, stamps.get(place, {}), stamp_of(place, content)
    known = newest["holds"] in (stamp.get("holds"), stamp.get("offered"))
    if known and os.path.lexists(copy):
        return []

    def as_it_was_made(path):
        made = stamps.get(path.relative_to(work).as_posix(), {})
        now = stamp_now(path)
        return agree(now, made, "holds") or agree(now, newest, "holds")

    now, target, said = stamp_now(copy), copy, []
    if os.path.lexists(copy) and not as_it_was_made(copy):
        if agree(now, newest, "written"):  # the stamps are lost, but it is up to date
            stamps[place] = newest
            return []
        if agree(now, stamp, "written"):
            old = name_beside(copy, "old", lambda path: False)
            rename(copy, old)
            said = [f"It takes the place of yours, which was only run: {old.name}."]
        else:
            target = name_beside(copy, "new", as_it_was_made)
            stamps[place] = stamp | {"offered": newest["holds"]}
            said = [f"Yours stays as it is; the newer one is {target.name}."]
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, content)
    stamps[target.relative_to(work).as_posix()] = newest
    return [f"{copy.name}: the course has a newer version. {words}" for words in said]


def make_copies(work):
    """Make what is missing, renew what the student has not changed.

    Args:
        work: the folder of the copies.

    Returns:
        list of str: a sentence for each file that has another version beside it.
    """
    stamps, said = read_stamps(work / STAMPS), []
    for place, original in originals().items():
        said += make_copy(work, place, content_of(original), stamps)
    write_whole(work / STAMPS, json.dumps(stamps, indent=1, sort_keys=True))
    return said


def main():
    """Make the copies and say what a student should know; return the exit code."""
    try:
        said = make_copies(WORK)
    except (OSError, BadFile) as error:
        print(f"The working copies cannot be made: {error}", file=sys.stderr)
        if isinstance(error, OSError):
            print(
                f"They lie in {WORK}, which must be a folder of yours, on a disk with "
                "room: move what is in their way elsewhere.",
                file=sys.stderr,
            )
        return 1
    print(*said, sep="\n", end="\n" if said else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
