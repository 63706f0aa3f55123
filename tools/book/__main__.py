"""Make the book: build/book/, a folder to read in any browser, also by double click.

python -m tools.book          from the committed notebooks and their outputs
python -m tools.book mine     from those that course.py run has executed
"""

import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from sphinx.cmd.build import main as sphinx

from tools import draw_page
from tools.book import glossary
from tools.book.contents import (
    ALL_NOTEBOOKS,
    FROM_README,
    TEXTS,
    BookError,
    chapters,
    readme_page,
    relinked,
)
from tools.book.notebook import FIGURES, ORIGINALS, page_of, with_files
from tools.first_cell import address
from tools.folders import build_is_written, made_whole
from tools.formulas import FormulaError
from tools.notebook_file import read_notebook
from utils.bounded import BadFile
from utils.environment import quiet_stderr
from utils.places import COURSE_DIR, NOTEBOOKS

HERE = Path(__file__).resolve().parent
# What the search finds; the table of contents leads to the page itself.
DRAW = """\
# Draw a digit, and both networks read along

<a href="draw/index.html">Draw in the page</a>: both networks of the course run in the
browser, without a server, a kernel or a network.
Draw, shift, turn, cover, and see what each of them makes of it.
"""
TO_NOTEBOOK = re.compile(r'href="(?:\.\./)?(?P<name>[^"#:]+\.ipynb)(?P<at>[^"]*)"')
BOOK, SLIDES = Path("build", "book"), Path("build", "slides")


def gather(source, extra, executed=None, slides=SLIDES):
    """Lay out everything that the book is made of.

    Args:
        source: Path of the folder for what Sphinx makes pages of.
        extra: Path of the folder for what stands beside them as it is.
        executed: Path of a folder with executed notebooks, which are shown in place of
            the committed ones; None for these.
        slides: Path of a folder with slides; they are left out if it is not there.
    """
    web = address().removesuffix("/").removesuffix(".git")
    (extra / FIGURES).mkdir(parents=True)
    for name in ALL_NOTEBOOKS:
        gather_notebook(source, extra, name, executed, web)
    for name in TEXTS:
        text = glossary.page() if name == "docs/glossary.md" else read(name)
        write(source / name, relinked(text, name, web))
    gather_draw(source, extra)
    sometimes = gather_slides(source, extra, slides)
    readme = read("README.md")
    for name in FROM_README:
        text = relinked(readme_page(readme, name), name, web)
        if name == "index.md":
            text += contents(sometimes)
        if name == "cite.md":
            text += f"\n```yaml\n{read('CITATION.cff')}```\n"
        write(source / name, text)
    write(source / "docs" / "result.png", (COURSE_DIR / "docs/result.png").read_bytes())


def gather_notebook(source, extra, name, executed, web):
    """Lay out a notebook: its page, its figures, and itself, to be downloaded."""
    path = COURSE_DIR / name
    if executed and (executed / path.name).exists():
        path = executed / path.name
    notebook = read_notebook(path)
    write(extra / ORIGINALS / name, path.read_bytes())
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = relinked(cell.source, name, web)
    try:
        page = page_of(notebook, name, extra / FIGURES, web)
    except Exception as error:  # whatever a damaged notebook raises
        why = f"{type(error).__name__}: {error}"
        raise BadFile(path, f"holds what no page can show ({why:.200})") from error
    write(source / name, nbformat.writes(page))


def gather_draw(source, extra):
    """Lay out the page to draw in, and the page of the book that leads to it."""
    with quiet_stderr():  # TensorFlow, which reads the two models
        draw_page.write(extra, home="../index.html")
    write(source / "draw.md", DRAW)


def gather_slides(source, extra, slides):
    """Lay out the slides, if they were made; return the names of their pages."""
    decks = sorted(slides.glob("*.html"))
    if not decks:
        return []
    shutil.copytree(slides, extra / "slides")
    for deck in decks:
        html = TO_NOTEBOOK.sub(page_link, deck.read_text(encoding="utf-8"))
        write(extra / "slides" / deck.name, with_files(html, extra / "slides"))
    links = [
        f'- <a href="slides/{deck.name}">{deck.stem.replace("_", " ")}</a>'
        for deck in decks
    ]
    text = "# Slides\n\nTo show in class, without Jupyter and without a network.\n"
    write(source / "slides.md", "\n".join([text, *links, ""]))
    return ["slides.md"]


def page_link(match):
    """Return a deck's link to a notebook as one to its page; others stay."""
    name, anchor = match["name"], match["at"]
    if name not in ALL_NOTEBOOKS:
        return match[0]
    return f'href="../{name.removesuffix("ipynb")}html{anchor}"'


def contents(sometimes):
    """Return the table of contents, for the end of the first page."""
    parts = [
        "\n".join(
            ["", ":::{toctree}", ":hidden:", f":caption: {caption}", "", *names, ":::"]
        )
        for caption, names in chapters(sometimes)
    ]
    return re.sub(r"(?m)^:::", "```", "\n".join([*parts, ""]))


def read(name):
    return (COURSE_DIR / name).read_text(encoding="utf-8")


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        content = content.encode("utf-8")
    path.write_bytes(content)


def make(folder=BOOK, executed=None, slides=SLIDES):
    """Make the book, in place of an older one, whole or not at all.

    What is committed is held to what Sphinx warns of; a reader's own notebooks are not.

    Args:
        folder: Path of the book.
        executed, slides: as gather() takes them.

    Returns:
        Path of its first page.

    Raises:
        BadFile: a notebook is damaged.
        BookError: a text links to nothing, the README has lost a section, or
            Sphinx has complained; its lines are on the terminal.
        FormulaError: a formula cannot be translated.
    """
    with made_whole(folder) as pages, TemporaryDirectory() as work:
        source, extra, made = (Path(work, name) for name in ("source", "extra", "made"))
        gather(source, extra, executed, slides)
        # A reader's own notebook may have a heading or a link that Sphinx dislikes.
        strictly = ["-Q"] if executed else ["-q", "-W", "--keep-going"]
        places = ["-c", str(HERE), "-d", f"{work}/doctrees", str(source), str(made)]
        if sphinx([*strictly, *places]):
            raise BookError("Sphinx has complained; the lines above say of what.")
        (made / ".buildinfo").unlink()
        # Not made in its place: myst-nb puts a folder of its own beside it.
        for part in (made, extra):
            shutil.copytree(part, pages, dirs_exist_ok=True)
    return folder / "index.html"


def main(*words):
    """Make the book and print where it is."""
    if (which := " ".join(words)) not in ("", "mine"):
        raise SystemExit(f"{which} is no kind of book: course.py book, or book mine.")
    executed = Path("build") if which == "mine" else None
    if executed and not all((executed / name).exists() for name in NOTEBOOKS):
        raise SystemExit(
            "There are no executed notebooks of yours in build/ yet: start "
            "`python3 course.py run` first."
        )
    try:
        with build_is_written():
            start = make(executed=executed)
    except (BookError, FormulaError) as error:
        raise SystemExit(str(error)) from None
    except BadFile as error:
        again = " Start `python3 course.py run` again." if executed else ""
        raise SystemExit(f"{error}.{again}") from None
    print("Open in a browser, no network needed:", start.as_posix())


if __name__ == "__main__":
    main(*sys.argv[1:])
