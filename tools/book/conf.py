"""Sphinx' settings for the book. Nothing that a page needs comes from the network."""

import re

from docutils import nodes

from tools.book import glossary, search
from tools.formulas import mathml

project = "ANN vs CNN on MNIST"
html_title = "ANN vs CNN on MNIST"
language = "en"
smartquotes = False  # the notebooks' quotation marks are as they should be
root_doc = "index"

extensions = ["myst_nb"]
exclude_patterns = ["figures", "notebooks", "static"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_heading_slug_func = "tools.book.conf.slug"
myst_links_external_new_tab = False
suppress_warnings = ["myst.header"]  # a notebook's first page may begin with ##

nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}  # widgets need a kernel: their scripts would come from elsewhere
nb_render_markdown_format = "myst"

# Of the themes that are maintained, Furo is the one with light pages: pydata's, and
# with it the Sphinx Book Theme, loads 1.6 MB of icons into each.
html_theme = "furo"
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = [("book.js", {"defer": "defer"})]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


DRAW = re.compile(r"\bdraw\.html(?=\"|$)")


def slug(title):
    """Return a heading's anchor as Jupyter writes it: our links work in both."""
    return title.replace(" ", "-")


def visit_math(translator, node):
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def visit_math_block(translator, node):
    formula = mathml(node.astext(), display="block")
    translator.body.append(f'<div class="math-block">{formula}</div>')
    raise nodes.SkipNode


def mend_navigation(app, page, template, context, doctree):
    """Lead to the page to draw in at once, and give captions the level of a heading."""
    tree = context.get("furo_navigation_tree", "")
    tree = tree.replace('role="heading"', 'role="heading" aria-level="2"')
    context["furo_navigation_tree"] = DRAW.sub("draw/index.html", tree)
    for way in (context.get("prev"), context.get("next")):
        if way:
            way["link"] = DRAW.sub("draw/index.html", way["link"])


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("html-page-context", mend_navigation, priority=900)  # when Furo is done
    app.connect("doctree-read", glossary.link_terms)
    app.connect("doctree-resolved", glossary.explain_terms)
    search.setup(app)
