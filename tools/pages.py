"""A notebook as one page that needs no network, for build/ where there is no book.

`course.py run` makes the book (tools/book) if the packages for it are there or can be
had; these pages need nothing but what has executed the notebooks.
"""

import re
from contextlib import contextmanager
from html import escape
from pathlib import Path

from nbconvert import HTMLExporter

from tools.formulas import FormulaError, WithMathML
from tools.styles import lightened
from utils.bounded import BadFile
from utils.places import NOTEBOOKS

TEMPLATE = Path(__file__).resolve().parent / "notebook.html.j2"
HEADING = re.compile(r"(?m)^## (.+)$")
LINK = re.compile(r'href="(?![a-z]+:|#)([^"#]+)')
WIDGET = "application/vnd.jupyter.widget-view+json"
NO_PROMPTS = {"exclude_input_prompt": True, "exclude_output_prompt": True}


class Page(WithMathML, HTMLExporter):
    """nbconvert's page, without the scripts that it would load from the network."""

    anchors = True


@contextmanager
def made_a_page(path):
    """Name the notebook, or the plan, in which something is that no page can show.

    Raises:
        FormulaError: a formula cannot be translated.
        BadFile: making the page failed in another way.
    """
    try:
        yield
    except FormulaError as error:
        raise FormulaError(f"{path}: {error}") from error
    except Exception as error:  # whatever a wrong type in it leads nbconvert to
        why = f"{type(error).__name__}: {error}"
        raise BadFile(path, f"holds what no page can show ({why:.200})") from error


def page_of(notebook, name):
    """Return a notebook as a page in build/, beside those of its sisters.

    Args:
        notebook: NotebookNode, executed; widgets are taken out of it, because a page
            has no kernel, and their pictures stay.
        name: the notebook's name, without its ending.

    Returns:
        str, HTML.

    Raises:
        FormulaError: a formula cannot be translated.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
    names = [Path(other).stem for other in NOTEBOOKS]
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    resources = {
        "metadata": {"name": name},
        "pages": [{"name": other, "here": other == name} for other in names],
        "headings": [title for text in texts for title in HEADING.findall(text)],
    }
    exporter = Page(template_file=str(TEMPLATE), **NO_PROMPTS)
    html, _ = exporter.from_notebook_node(notebook, resources)
    return lightened(LINK.sub(from_build, described(html, notebook.cells)))


def from_build(link):
    """Return a notebook's link as its page in build/ must have it."""
    path = Path(link[1])
    if link[1] in NOTEBOOKS or link[1].removesuffix(".html") + ".ipynb" in NOTEBOOKS:
        return f'href="{path.with_suffix(".html")}'
    return f'href="../{link[1]}'


def described(html, cells):
    """Give the page's figures their descriptions, which nbconvert leaves out."""
    unknown = "No description has been provided for this image"
    for cell in cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output.metadata.get("image/png", {}).get("alt", "figure")
                html = html.replace(unknown, escape(alt, quote=True), 1)
    return html
