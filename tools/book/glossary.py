"""The glossary: its entries, its page, and the words in other pages that lead to it."""

import re
from functools import cache
from typing import NamedTuple

from docutils import nodes
from sphinx import addnodes

from utils.places import COURSE_DIR, NOTEBOOKS

GLOSSARY = COURSE_DIR / "docs" / "glossary.md"
LINKED = "term-of-glossary"  # the class of what leads there
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
    # "inductive bias" before "bias", which is a part of it.
    for entry in sorted(entries(), key=lambda entry: -len(entry.term)):
        for pattern in patterns(entry):
            found = emphasised(doctree, pattern) or in_prose(doctree, pattern)
            if found:
                link(*found, entry.term)
                break


def patterns(entry):
    """Yield what matches a term, alone or with the s of a plural, in each form."""
    for form in (entry.term, *entry.forms):
        case = 0 if form.isupper() else re.IGNORECASE
        yield re.compile(rf"(?<![\w-]){re.escape(form)}s?(?![\w-])", case)


def emphasised(doctree, pattern):
    """Return the first text in bold or italics that matches, and where in it."""
    for text in doctree.findall(nodes.Text):
        if isinstance(text.parent, nodes.strong | nodes.emphasis):
            match = pattern.search(text)
            if match and not is_taken(text):
                return text, *match.span()
    return None


def in_prose(doctree, pattern):
    """Return the same of the first paragraph that matches: "*power* of a test", too."""
    for paragraph in doctree.findall(nodes.paragraph):
        match = pattern.search(paragraph.astext())
        end = 0
        for text in paragraph.findall(nodes.Text) if match else ():
            begin, end = end, end + len(text)
            if begin <= match.start() < end and not is_taken(text):
                return text, match.start() - begin, min(match.end(), end) - begin
    return None


def is_taken(text):
    """Say whether a text is in a heading, in code, or a link already."""
    taken = (nodes.title, nodes.literal, nodes.reference, addnodes.pending_xref)
    node = text.parent
    while node is not None:
        if isinstance(node, taken):
            return True
        node = node.parent
    return False


def link(text, begin, end, term):
    """Put a link to a term of the glossary in place of a piece of text."""
    words = nodes.inline("", text[begin:end], classes=[LINKED], term=term)
    reference = addnodes.pending_xref(
        "", words, refdomain="std", reftype="term", reftarget=term, refwarn=True
    )
    pieces = [nodes.Text(text[:begin]), reference, nodes.Text(text[end:])]
    text.parent.replace(text, [piece for piece in pieces if piece.astext()])


def explain_terms(app, doctree, name):
    """Show a term's sentence when the mouse rests on a link to it."""
    sentences = {entry.term: entry.sentence for entry in entries()}
    for words in doctree.findall(nodes.inline):
        if LINKED in words["classes"] and isinstance(words.parent, nodes.reference):
            words.parent["reftitle"] = sentences[words["term"]].replace("*", "")
