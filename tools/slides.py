"""Notebooks as slides that need no network: reveal.js, fonts and formulas beside them.

    python -m tools.slides ANN_Model.ipynb CNN_Model.ipynb Comparison.ipynb

Makes build/slides/, a folder to carry on a stick and to open in any browser: one page a
notebook, with the outputs that the notebook holds, divided by the slide types of its
cells (slide, subslide, fragment, notes, skip).
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from latex2mathml.converter import convert
from nbconvert import SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from tools.notebooks import described

HERE = Path(__file__).resolve().parent
SLIDES = Path("build", "slides")
# What a deck loads of reveal.js: the whole has languages and plugins that none needs.
REVEAL = (
    "dist/reveal.css",
    "dist/reveal.js",
    "dist/theme/white.css",
    "dist/theme/fonts/source-sans-pro",
    "plugin/notes/notes.js",
    "LICENSE",
)


class SlidesError(Exception):
    """The slides cannot be made; the message says what to do."""


class Renderer(IPythonRenderer):
    """Markdown with its formulas as MathML, which browsers draw without a script."""

    def inline_math(self, body):
        return mathml(body)

    def block_math(self, body):
        return mathml(body, display="block")

    def latex_environment(self, name, body):
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display="block")


def mathml(latex, display="inline"):
    """Return a formula as MathML.

    Raises:
        SlidesError: the formula has a command that has no translation.
    """
    formula = convert(latex.strip(), display=display)
    if "\\" in formula:  # what it does not know, the converter leaves as it is
        raise SlidesError(f"This formula cannot be shown without network: {latex}")
    return formula


class Deck(SlidesExporter):
    """nbconvert's slides, without the scripts that it would load from the network."""

    def markdown2html(self, context, source):
        renderer = Renderer(escape=False, exclude_anchor_links=True)
        return MarkdownWithMath(renderer).render(source)

    markdown2html.jinja_pass_arg = SlidesExporter.markdown2html.jinja_pass_arg


def deck(notebook):
    """Return a notebook as a page of slides, which expects reveal/ beside it.

    Args:
        notebook: path of an .ipynb file.

    Raises:
        SlidesError: a formula cannot be translated.
    """
    template = str(HERE / "slides.html.j2")
    exporter = Deck(template_file=template, reveal_url_prefix="reveal")
    exporter.reveal_theme = "white"
    html, _ = exporter.from_filename(str(notebook))
    return described(html, notebook)


def copy_reveal(folder):
    """Copy what a deck loads into a folder: reveal.js, its fonts, our own style."""
    # Found, not imported: the package would start Sphinx, of which we need nothing.
    package = Path(find_spec("sphinx_revealjs").origin).parent
    source, target = package / "_static" / "revealjs", folder / "reveal"
    for name in REVEAL:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy(source / name, target / name)
    shutil.copy(HERE / "projector.css", folder)


def make(notebooks, folder=SLIDES):
    """Make a folder of decks, in place of an older one, whole or not at all.

    Args:
        notebooks: paths of .ipynb files.
        folder: what will hold <notebook>.html for each, and reveal/.

    Returns:
        list of Path: the decks.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    partial.mkdir(parents=True)
    try:
        copy_reveal(partial)
        names = [notebook.with_suffix(".html").name for notebook in notebooks]
        for notebook, name in zip(notebooks, names, strict=True):
            (partial / name).write_text(deck(notebook), encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return [folder / name for name in names]


def main(*names):
    """Make the decks of some notebooks in build/slides/ and print where they are."""
    notebooks = [Path(name) for name in names]
    for notebook in notebooks:
        if not notebook.is_file():
            raise SystemExit(f"There is no notebook {notebook} in the course's folder.")
    try:
        decks = make(notebooks)
    except SlidesError as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        raise SystemExit(
            f"{error}\nThe folder build/ cannot be written: copy the course to a "
            "folder of your own and start it there."
        ) from None
    print("Open in a browser, no network needed:", *(d.as_posix() for d in decks))


if __name__ == "__main__":
    main(*sys.argv[1:])
