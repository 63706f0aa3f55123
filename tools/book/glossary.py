"""The glossary: its entries, its page, and the words in other pages that lead to it."""

import re
from functools import cache
from typing import NamedTuple

from docutils import nodes
from sphinx import addnodes

from utils.places import COURSE_DIR, NOTEBOOKS

GLOSSARY = COURSE_DIR / "docs" / "glossary.md"
ROW = re.compile(r"\| \*\*(.+?)\*\*(?: \((.+)\))? \| (.+) \| (\[.+\]\(.+\)) \|")


class Entry(NamedTuple):
    """A term, its other forms, the sentence that explains it, the link to its place."""

    term: str
    forms: tuple
    sentence: str
    place: str


@cache
def entries():
    """Return the entries of docs/glossary.md."""
    rows = map(ROW.fullmatch, GLOSSARY.read_text(encoding="utf-8").splitlines())
    return tuple(
        Entry(
            row[1],
            tuple(f.strip("* ") for f in (row[2] or "").split(",") if f),
            *row.group(3, 4),
        )
        for row in rows
        if row
    )


def page():
    """Return the glossary's page: a list of terms that other pages can link to."""
    top = GLOSSARY.read_text(encoding="utf-8").partition("\n| ")[0]
    blocks = [
        "\n".join(
            [
                entry.term,
                *entry.forms,
                f"  {entry.sentence}",
                f"  First in {entry.place}.",
            ]
        )
        for entry in entries()
    ]
    return "\n\n".join([top, "```{glossary}", *blocks]) + "\n```\n"


def link_terms(app, doctree):
    """Link the first use of each term in a notebook of the course to the glossary.

    That is where it stands in italics or bold, as terms do when they are explained, or
    else where it simply occurs. Other pages use some of these words as everybody does:
    a step, a class.
    """
    if f"{app.env.docname}.ipynb" not in NOTEBOOKS:
        return
    for entry in entries():
        for pattern in patterns(entry):
            found = find(doctree, pattern, (nodes.strong, nodes.emphasis))
            found = found or find(doctree, pattern, (nodes.paragraph, nodes.list_item))
            if found:
                link(*found, entry.term)
                break


def patterns(entry):
    """Yield what matches a term, alone or with the s of a plural, in each form."""
    for form in (entry.term, *entry.forms):
        case = 0 if form.isupper() else re.IGNORECASE
        yield re.compile(rf"(?<![\w-]){re.escape(form)}s?(?![\w-])", case)


def find(doctree, pattern, parents):
    """Return the first text that matches and may become a link, and the match."""
    for text in doctree.findall(nodes.Text):
        match = isinstance(text.parent, parents) and pattern.search(text)
        if match and not is_taken(text):
            return text, match
    return None


def is_taken(text):
    """Say whether a text is a heading or a link already."""
    taken = (nodes.title, nodes.reference, addnodes.pending_xref)
    node = text.parent
    while node is not None:
        if isinstance(node, taken):
            return True
        node = node.parent
    return False


def link(text, match, term):
    """Put a link to a term of the glossary in place of a piece of text."""
    words = nodes.inline("", match[0], classes=["term-of-glossary"])
    reference = addnodes.pending_xref(
        "", words, refdomain="std", reftype="term", reftarget=term, refwarn=True
    )
    before, after = text[: match.start()], text[match.end() :]
    pieces = [nodes.Text(before), reference, nodes.Text(after)]
    text.parent.replace(text, [piece for piece in pieces if piece.astext()])
