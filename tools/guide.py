"""The computing times in the instructor's guide, from the notebooks executed last.

    python -m tools.guide

Reads build/ANN_Model.ipynb and its sisters, which `course.py run` leaves behind, adds
up the seconds of each section, and fills the column "computer" of the guide's tables.
They stand between the lines <!-- ANN_Model --> and <!-- /ANN_Model -->, and so on.
"""

import os
import re
import sys
from datetime import datetime

from tools.notebook_file import read_notebook
from utils.bounded import BadFile
from utils.files import MarkerError, replace_between_markers
from utils.places import COURSE_DIR, NOTEBOOKS

GUIDE = COURSE_DIR / "docs" / "instructor-guide.md"
COLUMN = "computer"
SECTION = re.compile(r"## (\d+\. .+)")  # a heading of a notebook
ROW = re.compile(r"\| \[(\d+\. [^\]]+)\]")  # a row of the guide: its link's text


class GuideError(Exception):
    """The times cannot be had or put in their place; the message says what to do."""


def section_seconds(notebook):
    """Add up how long the cells of each section took.

    Args:
        notebook: an executed notebook, with the times that nbclient, papermill and
            JupyterLab note in each cell's metadata.

    Returns:
        dict from a numbered section's heading ("3. One neuron, by hand") to seconds, in
        the order of the notebook.

    Raises:
        GuideError: a cell was not executed, or without noting the time.
    """
    seconds, section = {}, None
    for cell in notebook.cells:
        heading = SECTION.match(cell.source)
        if heading:
            section = heading[1]
            seconds[section] = 0.0
        elif cell.cell_type == "code" and section:
            times = cell.metadata.get("execution", {})
            try:
                began, ended = (
                    datetime.fromisoformat(times[f"iopub.status.{name}"])
                    for name in ("busy", "idle")
                )
            except KeyError:
                raise GuideError(
                    f"A cell of section {section} notes no time of execution: "
                    f"{cell.source.splitlines()[0]}"
                ) from None
            seconds[section] += (ended - began).total_seconds()
    return seconds


def data_of(notebook):
    """Return the data that an executed notebook says that it used: "full MNIST", …"""
    texts = [
        output.get("text", "")
        for c in notebook.cells
        for output in c.get("outputs", [])
    ]
    said = re.search(r"^Loaded (.+?):", "\n".join(texts), re.MULTILINE)
    return said[1] if said else "unknown data"


def with_times(table, seconds):
    """Return a table of the guide with renewed computing times.

    Args:
        table: str, Markdown, one row a section, with a column "computer".
        seconds: dict from section_seconds.

    Raises:
        GuideError: the sections of the table are not those of the notebook.
    """
    lines = table.strip().splitlines()
    header = [cell.strip() for cell in lines[0].split("|")]
    if COLUMN not in header:
        raise GuideError(f'The guide has a table without a column "{COLUMN}".')
    column = header.index(COLUMN)
    rows = [ROW.match(line) for line in lines[2:]]
    found = [row[1] if row else None for row in rows]
    if found != list(seconds):
        raise GuideError(
            f"The guide has the sections {found}, the notebook {list(seconds)}: "
            "put the guide's table right first."
        )
    for k, section in enumerate(found, 2):
        cells = lines[k].split("|")
        cells[column] = f" {duration(seconds[section])} "
        lines[k] = "|".join(cells)
    return "\n".join(lines)


def duration(seconds):
    """Return seconds as an instructor wants to read them."""
    return "< 1 s" if seconds < 1 else f"{seconds:.0f} s"


def renew(guide=GUIDE, build=COURSE_DIR / "build"):
    """Fill the guide's tables, and its line on what was executed where.

    Raises:
        GuideError: a notebook was not executed on the full MNIST, is damaged, or has
            sections that the guide does not have.
        MarkerError: the guide has no place for the times.
    """
    tables = {}
    for file in NOTEBOOKS:
        path = build / file
        if not path.is_file():
            raise GuideError(f"There is no {path}. First: python3 course.py run")
        try:
            notebook = read_notebook(path)
        except BadFile as error:
            raise GuideError(f"{error}. First: python3 course.py run") from None
        if data_of(notebook) != "full MNIST":
            raise GuideError(
                f"{path} was executed on {data_of(notebook)}, and the guide tells the "
                "times of the full MNIST. First: MNIST_DATA=full python3 course.py run"
            )
        name = path.stem
        text = guide.read_text(encoding="utf-8")
        table = text.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0]
        tables[name] = with_times(table, section_seconds(notebook))
    for name, table in tables.items():
        replace_between_markers(guide, name, table)
    machine = f"Times of the computer: full MNIST, {os.cpu_count()} processor cores."
    replace_between_markers(guide, "machine", machine)


def main():
    """Renew the guide; return the exit code."""
    try:
        renew()
    except (GuideError, MarkerError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Renewed the computing times in {GUIDE.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
