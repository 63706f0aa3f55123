"""The texts of all pages as one script, so that the search can show what it has found.

Sphinx' search fetches the pages that it has found, and a page that is opened from a
disk may fetch nothing.
"""

import json
from html import escape
from pathlib import Path

from docutils import nodes

SCRIPT = "texts.js"
# What a reader would not read in a line of text: formulas, figures, what is hidden.
LEFT_OUT = (nodes.raw, nodes.math, nodes.math_block, nodes.comment)


def collect_text(app, doctree, name):
    """Keep the text of a page until all of them are there."""
    if not hasattr(app.env, "texts_of_the_book"):
        app.env.texts_of_the_book = {}
    text = f'<div role="main">{html_of(doctree)}</div>'
    app.env.texts_of_the_book[f"{name}.html"] = text


def html_of(node):
    """Return the text below a node, with the places that a result may lead to."""
    if isinstance(node, nodes.Text):
        return escape(node, quote=False)
    if isinstance(node, LEFT_OUT):
        return ""
    text = "".join(map(html_of, node.children))
    if isinstance(node, nodes.section):
        return f'<section id="{node["ids"][0]}">{text}</section>'
    if isinstance(node, nodes.definition_list_item):
        return f'<div id="{"".join(node[0]["ids"][:1])}">{text}</div>'
    ends_a_line = isinstance(node, nodes.TextElement) and not isinstance(
        node, nodes.Inline
    )
    return f"{text}\n" if ends_a_line else text


def load_texts(app, page, template, context, doctree):
    """Load the texts on the page that searches, and on no other."""
    if page == "search":
        app.add_js_file(SCRIPT)
        app.add_js_file("search.js", defer="defer")


def write_texts(app, error):
    """Write the script, beside the index of the search."""
    if error is None:
        texts = json.dumps(app.env.texts_of_the_book, ensure_ascii=False)
        script = Path(app.outdir, "_static", SCRIPT)
        script.write_text(f"const TEXTS = {texts};\n", encoding="utf-8")


def setup(app):
    app.connect("doctree-resolved", collect_text)
    app.connect("html-page-context", load_texts)
    app.connect("build-finished", write_texts)
