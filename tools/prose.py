"""One sentence a line in every Markdown source: then a changed word is a changed line.

    python -m tools.prose README.md ANN_Model.ipynb ...

Rewrites files, and the Markdown cells of notebooks, in this form. What a reader sees
stays the same: Markdown takes a single line end for a blank. Code, tables, formulas,
HTML and headings stay as they are.
"""

import re
import sys
from pathlib import Path

import nbformat

from utils.files import write_whole

# A full stop and the marks that close around it, a blank, and a beginning.
END = re.compile(r"([.!?][*_)\"”’]*)\s+(?=[*_(\"“‘\[$]*[`A-Z0-9À-Þ])")
# No sentence ends behind an initial, an abbreviation, or the number of a list's item.
NO_END = re.compile(
    r"(?:^|[\s(“\"*_])(?:[A-Z]|e\.g|i\.e|et al|cf|vs|Fig|Eq|No|St|Dr)\.[*_)\"”’]*$"
    r"|^\s*\d+\.$"
)
WHOLE = re.compile(r"(#|\||<|>|\$\$|!\[|\s{4,}\S|-{3,}\s*$|={3,}\s*$)")
ITEM = re.compile(r"\s*(?:[-*+]|\d+\.)\s+(?:\[[ x]\]\s+)?")
FENCE = re.compile(r"\s*(```|~~~|\$\$)")


def sentences(text):
    """Split a text into its sentences.

    Args:
        text: str, Markdown without line ends.

    Returns:
        list of str; joined by blanks they are the text again.
    """
    found, begin = [], 0
    for match in END.finditer(text):
        sentence = text[begin : match.end(1)]
        if not NO_END.search(sentence):
            found.append(sentence)
            begin = match.end()
    return [*found, text[begin:]] if text[begin:] else found


def blocks(markdown):
    """Divide Markdown into the pieces whose lines belong together.

    Returns:
        list of (list of lines, whether they are prose); joined again they are the text.
    """
    found, fence = [], None
    for line in markdown.split("\n"):
        mark = FENCE.match(line)
        if fence or mark:
            found.append(([line], False))
            closes = fence and line.strip().endswith(fence)
            opens = mark and line.strip().count(mark[1]) == 1
            fence = None if closes else fence or (mark[1] if opens else None)
        elif not line.strip() or (WHOLE.match(line) and not in_item(found, line)):
            found.append(([line], False))
        elif ITEM.match(line) or not (found and found[-1][1]) or starts_anew(line):
            found.append(([line], True))
        else:
            found[-1][0].append(line)
    return found


def in_item(found, line):
    """Tell whether an indented line goes on with the item of a list above it."""
    return bool(found and found[-1][1] and line.startswith(" "))


def starts_anew(line):
    """Tell whether a line is a paragraph's lead-in ("**Time** about …") of its own."""
    return line.startswith("**")


def one_sentence_per_line(markdown):
    """Return Markdown with each sentence of its prose on a line of its own."""
    lines = []
    for block, is_prose in blocks(markdown):
        if not is_prose:
            lines += block
            continue
        first = block[0]
        marker = ITEM.match(first)
        indent = " " * (marker.end() if marker else len(first) - len(first.lstrip()))
        # Two blanks at the end are a line break that a reader sees.
        if any(line.endswith(("  ", "\\")) for line in block[:-1]):
            lines += block
            continue
        text = " ".join(line.strip() for line in [first[len(indent) :], *block[1:]])
        head, *rest = sentences(text) or [""]
        lines.append(first[: len(indent)] + head)
        lines += [indent + sentence for sentence in rest]
    return "\n".join(lines)


def rewrite(path):
    """Rewrite a Markdown file or a notebook; return whether anything changed."""
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = one_sentence_per_line(cell.source)
        new = nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
    else:
        new = one_sentence_per_line(text)
    if new != text:
        write_whole(path, new)
    return new != text


def main(names):
    """Rewrite the files and name those that changed."""
    for name in names:
        if rewrite(name):
            print(f"rewritten: {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
