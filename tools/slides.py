"""Notebooks as slides that need no network: reveal.js, fonts and formulas beside them.

    python -m tools.slides 45 ANN_Model.ipynb CNN_Model.ipynb Comparison.ipynb

Makes build/slides/, a folder to carry on a USB stick and to open in any browser: one
page per lesson (a plan of the guide, or of a text file) and per notebook, with the
outputs that the notebooks hold, divided by the slide types of the cells (slide,
subslide, fragment, notes, skip).
"""

import re
import shutil
import string
import sys
from importlib.util import find_spec
from pathlib import Path

from fontTools import subset
from nbconvert import SlidesExporter

from tools.folders import build_is_written, made_whole
from tools.formulas import FormulaError, WithMathML
from tools.lesson import lesson, read_slides, with_remarks
from tools.pages import NO_PROMPTS, TEMPLATE, described, made_a_page
from tools.plans import PlanError, notebook_called, notebooks, read_plan
from tools.styles import lightened
from utils.bounded import BadFile

HERE = Path(__file__).resolve().parent
SLIDES = Path("build", "slides")
# What a deck loads of reveal.js: the whole has languages and plugins that none needs.
REVEAL = (
    "dist/reveal.css",
    "dist/reveal.js",
    "dist/theme/white.css",
    "plugin/notes/notes.js",
    "LICENSE",
)
FONTS = "dist/theme/fonts/source-sans-pro"
# A font's files in a style sheet, of which there is one that all browsers read.
SOURCES = re.compile(r"src: [^;]*;\s*src: [^;]*?(url\('[^']*\.woff'\))[^;]*;")


class Deck(WithMathML, SlidesExporter):
    """nbconvert's slides, without the scripts that it would load from the network."""


def deck(show):
    """Return a show as a page of slides, which expects reveal/ beside it.

    Args:
        show: path of an .ipynb file, or the name of a plan ("45", "my-plan.txt").

    Raises:
        BadFile: it is no notebook, or holds what no page can show.
        FormulaError: a formula cannot be translated.
        PlanError: there is no such plan.
    """
    if Path(show).suffix == ".ipynb":
        notebook = with_remarks(read_slides(show), Path(show).stem)
    else:
        notebook = lesson(read_plan(str(show)), outputs=True)
    exporter = Deck(
        template_file=str(TEMPLATE),
        reveal_url_prefix="reveal",
        reveal_theme="white",
        **NO_PROMPTS,
    )
    title = {"metadata": {"name": Path(show).stem}}
    beside = [HERE / "projector.css", reveal() / "dist" / "reveal.js"]
    also = "".join(path.read_text(encoding="utf-8") for path in beside)
    with made_a_page(show):
        html, _ = exporter.from_notebook_node(notebook, title)
        return lightened(described(html, notebook.cells), also)


def page_name(show):
    """Return the name of a show's page: "ANN_Model.html", "Lesson_45.html"."""
    path = Path(show)
    return f"{path.stem if path.suffix == '.ipynb' else f'Lesson_{path.stem}'}.html"


def reveal():
    """Return the folder of reveal.js, which a package for Sphinx has as files."""
    # Found, not imported: the package would start Sphinx, of which we need nothing.
    package = Path(find_spec("sphinx_revealjs").origin).parent
    return package / "_static" / "revealjs"


def copy_reveal(folder, letters):
    """Copy what a deck loads into a folder: reveal.js, its fonts, our own style.

    Args:
        folder: Path.
        letters: what the decks are written with; other letters are left out.
    """
    source, target = reveal(), folder / "reveal"
    for name in REVEAL:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, target / name)
    shutil.copy(HERE / "projector.css", folder)
    copy_fonts(source / FONTS, target / FONTS, letters)


def copy_fonts(source, target, letters):
    """Copy the fonts, in the one form that browsers take today, with some letters."""
    target.mkdir(parents=True)
    shutil.copy(source / "LICENSE", target)
    css = (source / "source-sans-pro.css").read_text(encoding="utf-8")
    (target / "source-sans-pro.css").write_text(SOURCES.sub(r"src: \1;", css), "utf-8")
    options = subset.Options(flavor="woff")
    options.drop_tables += ["FFTM", "webf"]  # what made the font, and when
    for path in source.glob("*.woff"):
        font = subset.load_font(path, options)
        smaller = subset.Subsetter(options)
        smaller.populate(text=letters)
        smaller.subset(font)
        subset.save_font(font, target / path.name, options)


def make(shows, folder=SLIDES):
    """Make a folder of decks, in place of an older one, whole or not at all.

    Args:
        shows: paths of .ipynb files, names of plans.
        folder: what will hold a page for each, and reveal/.

    Returns:
        list of Path: the decks.
    """
    names = [page_name(show) for show in shows]
    with made_whole(folder) as partial:
        decks = [deck(show) for show in shows]
        copy_reveal(partial, letters="".join({*string.printable}.union(*decks)))
        for html, name in zip(decks, names, strict=True):
            (partial / name).write_text(html, encoding="utf-8")
    return [folder / name for name in names]


def file_of(show):
    """Return the file of a notebook that is named in short, such as "ANN"."""
    called = None if show.endswith(".ipynb") else notebook_called(show)
    return notebooks()[called] if called else show


def main(*names):
    """Make the decks of some shows in build/slides/ and print where they are."""
    for name in names:
        if name.endswith(".ipynb") and not Path(name).is_file():
            raise SystemExit(f"There is no notebook {name} in the course's folder.")
    try:
        with build_is_written():
            decks = make([file_of(name) for name in names])
    except (BadFile, FormulaError, PlanError) as error:
        raise SystemExit(str(error)) from None
    print("Open in a browser, no network needed:", *(d.as_posix() for d in decks))


if __name__ == "__main__":
    main(*sys.argv[1:])
