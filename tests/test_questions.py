"""The questions along the way: few, in plain HTML, with a word on every choice."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbconvert.filters import markdown2html

from utils.places import COURSE_DIR, NOTEBOOKS

NAMES = [Path(name).stem for name in NOTEBOOKS]
SUM = re.compile(r"([\d ·+−,]+) = ([\d,]+)")  # "5 + 2 · 2 = 9"


class Page(HTMLParser):
    """Reads the choices of a question: the text of each tag, nested as it must be."""

    def __init__(self, html):
        super().__init__()
        self.open, self.choices = [], []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        assert tag in {"details", "summary", "b", "em", "p", "strong"}, tag
        assert not attributes, f"{tag} has {attributes}"
        if tag == "details":
            assert "details" not in self.open
            self.choices.append({"summary": "", "feedback": ""})
        if tag == "summary":
            assert self.open[-1:] == ["details"]
            assert self.choices[-1] == {"summary": "", "feedback": ""}, "not first"
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, text):
        if "details" in self.open:
            part = "summary" if "summary" in self.open else "feedback"
            self.choices[-1][part] += text


def questions(name):
    """Yield each question of a notebook and the cell that follows it."""
    cells = nbformat.read(COURSE_DIR / f"{name}.ipynb", as_version=4).cells
    for cell, after in pairwise(cells):
        if "question" in cell.metadata.get("tags", []):
            yield cell, after


def choices(cell):
    return Page(cell.source.partition("\n\n")[2]).choices


def right(cell):
    return [c for c in choices(cell) if c["feedback"].strip().startswith("Right.")]


ALL = [
    pytest.param(*pair, id=f"{name}-{k}")
    for name in NAMES
    for k, pair in enumerate(questions(name), 1)
]
each_question = pytest.mark.parametrize("cell, after", ALL)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_asks_three_to_five_questions(name):
    numbers = [cell.source.split(".")[0] for cell, _ in questions(name)]
    assert 3 <= len(numbers) <= 5
    assert numbers == [f"**Question {k}" for k in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_the_right_choice_has_no_favourite_place(name):
    letters = [right(cell)[0]["summary"][0] for cell, _ in questions(name)]
    assert max(map(letters.count, letters)) <= 3, letters


@each_question
def test_one_choice_of_three_or_four_is_right(cell, after):
    found = choices(cell)
    assert [c["summary"][:3] for c in found] == ["A. ", "B. ", "C. ", "D. "][
        : len(found)
    ]
    assert 3 <= len(found) <= 4
    assert len(right(cell)) == 1


@each_question
def test_every_choice_has_a_word_of_its_own(cell, after):
    said = [c["feedback"].strip() for c in choices(cell)]
    assert all(re.match(r"(Right|No)\. \S", text) for text in said)
    assert all(len(text.split()) >= 8 for text in said), "too short to explain anything"
    assert len(set(said)) == len(said)
    assert len({c["summary"][3:] for c in choices(cell)}) == len(said)


@each_question
def test_is_short_enough_for_half_a_slide(cell, after):
    prompt = cell.source.partition("\n\n")[0]
    assert len(prompt) <= 240 and "?" in prompt
    assert all(len(c["summary"]) <= 100 for c in choices(cell))


@each_question
def test_markdown_leaves_the_choices_as_they_are(cell, after):
    page = Page(markdown2html(cell.source))
    assert page.choices == choices(cell)
    for choice in page.choices:  # inside HTML, Markdown's own signs would be shown
        assert not re.search(r"[*`]|\$", choice["summary"] + choice["feedback"])


@each_question
def test_the_next_cell_answers(cell, after):
    assert after.cell_type == "code" and after.outputs
    computed = SUM.search(right(cell)[0]["summary"])
    if computed:
        printed = "".join(o.get("text", "") for o in after.outputs)
        assert computed[2].replace(",", "") in re.findall(r"\d+", printed)


def test_what_is_computed_in_a_choice_is_correct():
    n_sums = 0
    for parameters in ALL:
        for choice in choices(parameters.values[0]):
            for left, result in SUM.findall(choice["summary"]):
                product = left.split(". ")[-1].replace("·", "*").replace(",", "")
                assert eval(product) == int(result.replace(",", "")), choice
                n_sums += 1
    assert n_sums >= 12
