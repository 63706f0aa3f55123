"""Working copies for a student: the notebooks without outputs, in a folder work/.

    python -m tools.copies

`course.py lab` makes them and opens their start page. No answer stands under its
question, what explains a result is folded, the clone stays clean, and `git pull`
works whatever was run or changed here.
What a student has changed is never overwritten: when the course has a newer version of
such a file, that comes beside it, under another name.
"""

import hashlib
import json
import sys

import nbformat

from utils.files import write_whole
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
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        elif cell.metadata.get("slideshow", {}).get("slide_type") == "notes":
            cell.source = FOLDED.format(cell.source)
    return (nbformat.writes(notebook) + "\n").encode()


def sources_digest(path):
    """Return a digest of what a student writes: a notebook's cells, not its outputs."""
    if path.suffix != ".ipynb":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = [[c["cell_type"], "".join(c["source"])] for c in cells]
    except (ValueError, KeyError, TypeError):
        return "not a notebook any more"  # so it was changed, and stays
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def make_copies(work=WORK):
    """Make what is missing, renew what the student has not changed.

    Args:
        work: the folder of the copies.

    Returns:
        list of str: a sentence for each file that has a newer version beside it.
    """
    stamps_file = work / STAMPS
    try:
        stamps = json.loads(stamps_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stamps = {}
    said = []
    for place, original in originals().items():
        copy, content = work / place, content_of(original)
        digest = hashlib.sha256(content).hexdigest()
        stamp = stamps.get(place, {})
        if copy.exists() and stamp.get("original") == digest:
            continue
        target = copy
        if copy.exists() and stamp.get("sources") != sources_digest(copy):
            target = copy.with_name(f"{copy.stem}.new{copy.suffix}")
            said.append(
                f"{copy.name}: the course has a newer version. Yours stays as it is; "
                f"the newer one is {target.name}."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
        if target == copy:
            stamps[place] = {"original": digest, "sources": sources_digest(copy)}
        else:  # said once, until the course changes again
            stamps[place] = {**stamp, "original": digest}
    write_whole(stamps_file, json.dumps(stamps, indent=1, sort_keys=True))
    return said


def main():
    """Make the copies and say what a student should know; return the exit code."""
    try:
        said = make_copies()
    except OSError as error:
        print(f"The working copies cannot be made: {error}", file=sys.stderr)
        return 1
    print(*said, sep="\n", end="\n" if said else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
