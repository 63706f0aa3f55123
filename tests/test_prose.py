"""One sentence a line: the tool that writes it so, and the sources that must be so."""

import re

import nbformat
import pytest
from nbconvert.filters import markdown2html

from tools import prose
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

MARKDOWN = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "exercises/*.md", "benchmarks/*.md")
    for path in COURSE_DIR.glob(pattern)
)
SOURCES = [COURSE_DIR / name for name in (*NOTEBOOKS, *LABS)]
SOURCES += sorted(COURSE_DIR.glob("exercises/source/*/*_Exercises.ipynb"))
by_name = {"ids": lambda path: path.relative_to(COURSE_DIR).as_posix()}


def sources(path):
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


@pytest.mark.parametrize("path", [*MARKDOWN, *SOURCES], **by_name)
def test_each_sentence_has_a_line_of_its_own(path):
    for source in sources(path):
        assert source == prose.one_sentence_per_line(source), (
            f"run: python -m tools.prose {path.relative_to(COURSE_DIR).as_posix()}"
        )


@pytest.mark.parametrize("path", [*MARKDOWN, *SOURCES], **by_name)
def test_a_reader_sees_the_same(path):
    """The oracle is a Markdown reader: what it shows does not change."""
    for source in sources(path):
        joined = re.sub(r"(?<=\S)\n(?=[A-Z])", " ", source)  # as if typed in one line
        for text in (source, joined):
            before, after = (
                " ".join(markdown2html(t).split())
                for t in (text, prose.one_sentence_per_line(text))
            )
            assert before == after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four.", ["One.", "Two!", "Three?", "Four."]),
        ("It is **bold.** Then (in brackets.) End.", 3),
        ("J. Platt and P. Y. Simard, e.g. In 2003. They bent.", 2),
        ("Zhang et al. 2017 said 0.5 is. 3 more.", 2),
        ("Run `a.b`. `c.d` is next.", 2),
        ('He said "one." She left.', 2),
        ("No end here: A, b, c.", 1),
        ("", []),
    ],
)
def test_sentences_are_found(text, expected):
    found = prose.sentences(text)
    assert " ".join(found) == text
    assert (len(found) if isinstance(expected, int) else found) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("One.\nTwo three.\nStill\nthree.", "One.\nTwo three.\nStill three."),
        ("- One. Two.\n- Three", "- One.\n  Two.\n- Three"),
        ("1. One. Two\n   three.", "1. One.\n   Two three."),
        ("# A. B.\n\nOne. Two.", "# A. B.\n\nOne.\nTwo."),
        ("```\nOne. Two.\n```", "```\nOne. Two.\n```"),
        ("$$\nA. B\n$$\nOne. Two.", "$$\nA. B\n$$\nOne.\nTwo."),
        ("| A. B. | C |", "| A. B. | C |"),
        ("<b>One. Two.</b>", "<b>One. Two.</b>"),
        ("One. Two.  \nThree. Four.", "One. Two.  \nThree. Four."),
    ],
)
def test_markdown_is_rewritten(markdown, expected):
    assert prose.one_sentence_per_line(markdown) == expected
    assert prose.one_sentence_per_line(expected) == expected


def test_files_and_notebooks_are_rewritten_once(tmp_path, capsys):
    page, notebook = tmp_path / "a.md", tmp_path / "n.ipynb"
    page.write_text("One. Two.\n")
    cells = [
        nbformat.v4.new_markdown_cell("One. Two."),
        nbformat.v4.new_code_cell("'A. B'"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    for expected in (2, 0):
        prose.main([str(page), str(notebook)])
        assert capsys.readouterr().out.count("rewritten") == expected
    assert page.read_text() == "One.\nTwo.\n"
    read = nbformat.read(notebook, as_version=4).cells
    assert [cell.source for cell in read] == ["One.\nTwo.", "'A. B'"]
