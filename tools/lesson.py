"""A lesson as one notebook: the sections of a plan, cut to what a room can read.

    lesson(read_plan("45"))      for course.py present: no outputs, the kernel is ready
    lesson(plan, outputs=True)   for course.py slides: with what the notebooks hold

Each cell keeps its id, with the notebook's name before it ("ANN-…"): by that the kernel
of a show (tools/stage.py) knows in whose namespace the cell runs.
"""

import re

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from tools.first_cell import CELL
from tools.notebook_file import read_notebook
from tools.notebooks import METADATA
from tools.plans import PlanError, notebooks, remarks
from tools.prose import sentences
from tools.stage import TRAIN, UNSEEN
from utils.places import COURSE_DIR

SHOWN = {"image/png", "text/html", "text/markdown"}  # figures, tables, composed words
FINDS_THE_COURSE = CELL.splitlines()[0]  # how the first cell of a notebook begins
HEADING = re.compile(r"## (\d+)\. ")
KEPT_WHOLE = ("#", "<", "|", "$$", "```", "![", "- A.", "**Question")


def lesson(plan, outputs=False):
    """Make the notebook of a plan.

    Args:
        plan: list of tools.plans.Step.
        outputs: whether cells keep the outputs of the committed notebooks.

    Returns:
        nbformat.NotebookNode.

    Raises:
        PlanError: a notebook has no such section.
    """
    said, cells, minute = remarks(), [], 0
    for number, step in enumerate(plan):
        times = f"**Minute {minute:g} to {minute + step.minutes:g}**: {step.what}"
        minute += step.minutes
        if step.notebook is None:
            title = new_markdown_cell(f"# {step.what}")
            cells.append(placed(title, "slide", f"words-{number}"))
            cells.append(note(times, f"words-{number}-note"))
        for section in step.sections:
            head, *rest = part_of(step, section, plan[:number])
            remark = as_notes(said.get((step.notebook, section), {}))
            prefix = f"{step.notebook}-{number}_{section}"
            cells += on_the_wall(head, outputs, prefix)
            cells.append(note(f"{times}\n\n{remark}", f"{prefix}-note"))
            for cell in rest:
                cells += on_the_wall(cell, outputs, prefix)
    return new_notebook(cells=cells, metadata=METADATA)


def part_of(step, section, earlier):
    """Return the cells of a section that a step shows.

    Raises:
        PlanError: there is no such section.
    """
    found = parts_of(notebooks()[step.notebook])
    if section not in found:
        raise PlanError(
            f"{step.notebook} has no section {section}, which the plan wants for "
            f"{step.minutes:g} minutes ({step.what}); it has "
            f"{', '.join(map(str, found))}."
        )
    part = found[section]
    answer = index_of_answer(part)
    if step.part == "question":
        return part[:answer]
    questions = [s for s in earlier if s.part == "question"]
    if any(s.notebook == step.notebook and section in s.sections for s in questions):
        part = [part[0], *part[answer:]]
    return shortened(part) if step.part == "short" else part


def shortened(part):
    """Return a section in which what only prepares or prints is marked as unseen.

    What is seen: the heading and what stands right below it, a question and the code
    that answers it, the training and what can stand in for it, figures and tables; and
    of each the prose before it.
    """
    made, trained = [part[0]], False
    for k, group in enumerate(groups(part)):
        code = [cell for cell in group if cell.cell_type == "code"]
        tags = {tag for cell in group for tag in cell.metadata.get("tags", [])}
        outputs = [output for cell in code for output in cell.outputs]
        shows = any(SHOWN & output.get("data", {}).keys() for output in outputs)
        if shows or trained or tags & {"question", TRAIN} or (k == 0 and outputs):
            first, *others = [cell for cell in group if cell is not part[0]]
            made += [beginning_a_slide(first) if k else first, *others]
        else:
            made += [unseen(cell) for cell in code]
        trained = TRAIN in tags
    return made


def groups(part):
    """Divide a section: each group is prose, a code cell, and what appears below it."""
    found = [[]]
    for cell in part:
        has_code = any(c.cell_type == "code" for c in found[-1])
        below = cell.metadata.get("slideshow", {}).get("slide_type") != "subslide"
        if has_code and (cell.cell_type == "code" or not below):
            found.append([])
        found[-1].append(cell)
    return found


def beginning_a_slide(cell):
    """Return a cell as the first of a slide: what it stood below may be unseen."""
    cell = nbformat.from_dict(cell)
    cell.metadata["slideshow"] = {"slide_type": "subslide"}
    return cell


def unseen(cell):
    """Return a code cell that is on no slide; tools/stage.py runs it all the same."""
    cell = nbformat.from_dict(cell)
    cell.metadata["slideshow"] = {"slide_type": "skip"}
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), UNSEEN]
    return cell


def with_remarks(notebook, name):
    """Return a notebook with what the guide says of each section, as speaker's notes.

    Args:
        notebook: nbformat.NotebookNode.
        name: its file's name without the ending, such as "ANN_Model".
    """
    said, cells = remarks(), []
    for cell in notebook.cells:
        cells.append(cell)
        heading = HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        found = heading and said.get((name.removesuffix("_Model"), int(heading[1])))
        if found:
            note = new_markdown_cell(as_notes(found))
            cells.append(placed(note, "notes", f"guide-{heading[1]}"))
    notebook.cells = cells
    return notebook


def as_notes(found):
    """Return the guide's words on a section as Markdown: say, ask, expect."""
    return "\n\n".join(f"**{key.capitalize()}**: {text}" for key, text in found.items())


def read_slides(path):
    """Read a notebook whose cells have their places on slides.

    A lab's have none of their own: there a heading begins a slide, prose another one
    below it, and a few lines of code stand under their prose.

    Args:
        path: of the notebook.

    Returns:
        nbformat.NotebookNode.

    Raises:
        BadFile: it is no notebook.
    """
    notebook = read_notebook(path)
    if any("slideshow" in cell.metadata for cell in notebook.cells):
        return notebook
    before = None
    for cell in notebook.cells:
        short = cell.cell_type == "code" and cell.source.count("\n") < 7
        kind = "fragment" if short and before == "markdown" else "subslide"
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            kind = "slide"
        if cell.source.startswith(FINDS_THE_COURSE):
            kind = "skip"
        else:
            before = cell.cell_type
        cell.metadata["slideshow"] = {"slide_type": kind}
    return notebook


def whole(path):
    """Return a notebook as a show without outputs; a lab's prose is cut to the wall's.

    Args:
        path: of the notebook.

    Returns:
        nbformat.NotebookNode.
    """
    notebook = read_slides(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if path.parent == COURSE_DIR / "labs":
        parts = [on_the_wall(cell, False, "Lab") for cell in notebook.cells]
        notebook.cells = [cell for part in parts for cell in part]
    return notebook


def parts_of(path):
    """Return a notebook's numbered sections: dict from number to its cells."""
    found, number = {}, None
    for cell in read_slides(path).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            heading = HEADING.match(cell.source)
            number = int(heading[1]) if heading else None
        if number is not None:
            found.setdefault(number, []).append(cell)
    return found


def index_of_answer(part):
    """Return where the answer begins: at the last code of what was asked.

    Code that only prepares (a figure of what is asked about) belongs to the question,
    so the answer is the last code cell before the section explains, or ends.
    """
    asked = next((k for k, c in enumerate(part) if "**Predict" in c.source), 0)
    code = [k for k, c in enumerate(part) if c.cell_type == "code" and k > asked]
    return code[-1] if code else len(part)


def placed(cell, slide_type, cell_id):
    """Give a cell its id and its place on the slides."""
    cell.metadata["slideshow"] = {"slide_type": slide_type}
    cell.id = cell_id
    return cell


def note(text, cell_id):
    """Return a cell for the speaker only."""
    return placed(new_markdown_cell(text), "notes", cell_id)


def on_the_wall(cell, outputs, prefix):
    """Return what a room sees of a cell, and behind it, as a note, its whole text.

    Args:
        cell: of a notebook.
        outputs: whether a code cell keeps its outputs.
        prefix: what the ids begin with.

    Returns:
        list of one or two cells.
    """
    cell = nbformat.from_dict(cell)
    whole, cell.id = cell.source, f"{prefix}-{cell.id}"[:60]
    if cell.cell_type == "code":
        if not outputs:
            cell.outputs, cell.execution_count = [], None
        return [cell]
    if cell.metadata.get("slideshow", {}).get("slide_type") not in ("notes", "skip"):
        cell.source = for_the_wall(cell.source)
    if cell.source == whole:
        return [cell]
    return [cell, note(whole, f"{cell.id}-all")]


def for_the_wall(source):
    """Cut prose to what is read from the last row: the first sentence of a paragraph.

    Headings, questions with their choices, tables and formulas stay whole; of a
    paragraph stay also the sentences that ask or that ask to predict.
    """
    blocks = re.split(r"\n\s*\n", source)
    return "\n\n".join(cut(block) for block in blocks)


def cut(block):
    """Cut one block of Markdown (see for_the_wall)."""
    if block.startswith(KEPT_WHOLE):
        return block
    items = re.split(r"\n(?=\s*(?:[-*]|\d+\.) )", block)
    return "\n".join(first_sentences(item) for item in items)


def first_sentences(text):
    """Return the first sentence of a text, and those that ask."""
    found = sentences(" ".join(text.split()))
    return " ".join(
        s for k, s in enumerate(found) if k == 0 or "?" in s or "**Predict" in s
    )
