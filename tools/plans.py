"""Plans of a lesson: which sections of which notebook, in which order, how long.

A plan is a table with the columns minutes, where and what. The guide's own stand in
docs/instructor-guide.md, under the headings "45 minutes" and "90 minutes"; a teacher's
is a text file with a line per step:

    # minutes | where          | what
    3         | -              | Welcome: which digits would you misread?
    4         | ANN 11 question| everybody writes down an accuracy
    8         | ANN 7, 8       | build, then train

*Where* is a notebook and numbers of its sections ("7, 8", "7-9" or "7 and 9"). With
the word "question" it is only what the section asks, and not its answer; with the word
"short" its questions, its training, its figures and tables: what only prepares or
prints is left out. A line without a notebook ("-") is a slide with the words of *what*.
Tabs may stand for "|".
"""

import re
from dataclasses import dataclass
from pathlib import Path

from utils.bounded import BadFile, read_bytes
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

GUIDE = COURSE_DIR / "docs" / "instructor-guide.md"
NEXT = r" *, *| +and +"  # between sections
NUMBERS = r"\d{1,2}(?: *[-–] *\d{1,2})?"
WHERE = re.compile(
    rf"([\w.]+) +({NUMBERS}(?:(?:{NEXT}){NUMBERS})*)(?: +(question|short))?",
    re.IGNORECASE | re.ASCII,
)
MINUTES = re.compile(r"([\d.,]+) *(?:min|mins|minutes?|['′])?\.?", re.IGNORECASE)
LINE = "8 | ANN 7, 8 | build, then train"
LARGEST = 100_000  # bytes; a plan of 90 minutes has 2,000
NOWHERE = ("-", "–", "—", "")


class PlanError(Exception):
    """A plan cannot be read or followed; the message names the line and what to do."""


@dataclass(frozen=True)
class Step:
    """One line of a plan.

    Attributes:
        minutes: how long it takes.
        notebook: "ANN", "CNN", "Comparison" or a lab's name; None for words only.
        sections: numbers of sections, in the plan's order; () for words only.
        part: what is shown of the sections: "question", "short", or "" for all.
        what: the plan's own words.
    """

    minutes: float
    notebook: str | None
    sections: tuple
    part: str
    what: str


def notebooks():
    """Return the notebooks of which lessons are made: dict from name to path."""
    paths = [COURSE_DIR / name for name in (*NOTEBOOKS, *LABS)]
    return {path.stem.removesuffix("_Model"): path for path in paths}


def notebook_called(name):
    """Return a notebook's name as notebooks() has it, or None: "ann_model.ipynb"."""
    wanted = name.lower().removesuffix(".ipynb").removesuffix("_model")
    return next((known for known in notebooks() if known.lower() == wanted), None)


def read_plan(name):
    """Read a plan of the guide ("45", "90") or a teacher's own (path of a text file).

    Returns:
        list of Step.

    Raises:
        PlanError: there is no such plan, or a line of it says nothing that can be done.
    """
    path = Path(name)
    if path.suffix.lower() in (".txt", ".md"):
        try:
            text, source = read_bytes(path, LARGEST).decode("utf-8-sig"), path.name
        except BadFile as error:
            raise PlanError(
                f"The plan {error}. A plan is a text file with lines like: {LINE}"
            ) from None
        except UnicodeDecodeError:
            raise PlanError(
                f"The plan {name} is no text in UTF-8: save it as that in your editor."
            ) from None
        except OSError as error:
            raise PlanError(f"The plan {name} cannot be read: {error}") from None
    else:
        text, source = GUIDE.read_text(encoding="utf-8"), GUIDE.name
        sections = re.split(r"(?m)^## ", text)
        found = [part for part in sections if part.startswith(f"{name} minutes")]
        if not found:
            asked = f"no plan {name!r}" if name else "more than one plan"
            raise PlanError(
                f"The guide has {asked}. It has: "
                + ", ".join(re.findall(r"(?m)^## (\d+) minutes", text))
                + ". A plan of your own is a text file, say my-plan.txt; and these "
                f"notebooks can be named: {', '.join(notebooks())}."
            )
        text = "\n".join(line for line in found[0].splitlines() if line[:1] == "|")
    steps = [
        read_step(line, f"{source}: {line.strip()}")
        for line in text.splitlines()
        if line.strip() and not is_decoration(line)
    ]
    if not steps:
        raise PlanError(f"{source} has no line like: {LINE}")
    return steps


def is_decoration(line):
    """Tell whether a line is a comment, a table's heading or the rule under it."""
    first = line.strip().strip("|").split("|")[0].strip()
    return (
        line.lstrip().startswith("#")
        or first.lower() == "minutes"
        or not first.strip("-: ")
    )


def read_step(line, place):
    """Read one line of a plan: minutes | where | what."""
    line = line.strip().replace("\t", "|").strip("|")
    parts = [part.strip() for part in line.split("|", 2)]
    if len(parts) == 2 and parts[1] not in NOWHERE:
        parts.append("")  # the sections speak for themselves
    if len(parts) != 3:
        raise PlanError(
            f"{place}\nA line has three parts, with | between: minutes | where | what."
        )
    minutes, where, what = parts
    try:
        minutes = float(MINUTES.fullmatch(minutes)[1].replace(",", "."))
        if not 0 < minutes <= 600:
            raise ValueError
    except (TypeError, ValueError):
        raise PlanError(f"{place}\nIt begins with minutes, a number above 0.") from None
    if where in NOWHERE:
        return Step(minutes, None, (), "", what)
    match = WHERE.fullmatch(where)
    if not match:
        raise PlanError(
            f"{place}\nThe second part is a notebook and its sections, such as "
            '"ANN 6, 7", "ANN 11 question" or "ANN 8 short", or "-" for words only.'
        )
    name, numbers, part = match.groups()
    if notebook_called(name) is None:
        names = ", ".join(notebooks())
        raise PlanError(f"{place}\nThere is no notebook {name}; there are {names}.")
    sections = sections_of(numbers)
    if not sections:
        raise PlanError(f"{place}\nThe sections {numbers} run backwards.")
    return Step(minutes, notebook_called(name), sections, (part or "").lower(), what)


def sections_of(numbers):
    """Return the numbers that "7, 8" or "7-9 and 11" names, each once, in order.

    There are none where any of them run backwards.
    """
    found = []
    for part in re.split(NEXT, numbers, flags=re.IGNORECASE):
        first, *last = map(int, re.split(" *[-–] *", part))
        if last and last[0] < first:
            return ()
        found += range(first, (last[0] if last else first) + 1)
    return tuple(dict.fromkeys(found))


def remarks():
    """Return what the guide's tables say of each section.

    Returns:
        dict from (notebook, number) to a dict with "say", "ask" and "expect".
    """
    found, header, name = {}, [], None
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        marker = re.fullmatch(r"<!-- (\w+) -->", line)
        if marker:
            name, header = marker[1].removesuffix("_Model"), []
        if not line.startswith("|") or name is None:
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        header = header or cells
        number = re.match(r"\[(\d+)\.", cells[0])
        if number:
            row = dict(zip(header, cells, strict=False))
            wanted = {key: row[key] for key in ("say", "ask", "expect") if row.get(key)}
            found[name, int(number[1])] = wanted
    return found
