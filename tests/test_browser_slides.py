"""Slides without Jupyter in a real browser, at three sizes: they fit, need no network.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from projector import (
    PATHS,
    SIZES,
    SMALL,
    TOO_LARGE,
    in_a_browser,
    on_the_wall,
    set_size,
    too_small,
)
from test_book import loaded
from test_browser_book import faults_here

from tools import browser, slides
from tools.book.__main__ import gather_slides
from tools.lesson import lesson
from tools.plans import read_plan
from utils.places import NOTEBOOKS

SHOWS = ("45", "90", *PATHS)
pytestmark = [pytest.mark.slow, pytest.mark.maintainers, in_a_browser]

# From one end of a deck to the other: by Reveal.next, or back by Reveal.prev.
STEP_THROUGH = (
    "async way => {"
    + TOO_LARGE
    + SMALL
    + """
    const nameOfCell = element => element.closest("[id^='cell-id=']").id.slice(8);
    await document.fonts.ready;
    await Promise.all([...document.images].map(image => image.decode()));
    const steps = [];
    for (;;) {
        const slide = Reveal.getCurrentSlide();
        const inside = [...slide.querySelectorAll("*")]
            .filter(element => !element.closest("aside.notes"));
        steps.push({
            cells: inside.filter(e => e.id.startsWith("cell-id=")).map(nameOfCell),
            tooLarge: tooLarge(inside),
            type: smallType([...slide.children].filter(e => !e.matches("aside.notes"))),
        });
        const before = JSON.stringify(Reveal.getIndices());
        Reveal[way]();
        if (JSON.stringify(Reveal.getIndices()) === before) return steps;
    }
}"""
)


@contextmanager
def opened(path):
    """A deck in the browser, as the projector shows it."""
    with browser.page_of(f"{path.parent.as_uri()}/", path.name) as page:
        set_size(page, SIZES[0])
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        # What appears, appears at once: nothing is looked at half transparent.
        page.add_style_tag(content=".fragment {transition: none !important}")
        yield page


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    return slides.make(SHOWS, tmp_path_factory.mktemp("decks") / "slides")


@pytest.mark.parametrize("k", range(len(SHOWS)), ids=["45", "90", *NOTEBOOKS])
def test_every_slide_without_jupyter_fits_and_is_read_from_the_last_row(decks, k):
    """At all three sizes; the type at one, because reveal.js scales a slide as one."""
    show = SHOWS[k]
    if isinstance(show, str):
        cells = lesson(read_plan(show)).cells
    else:
        cells = nbformat.read(show, as_version=4).cells
    sources = {cell.id: cell.source for cell in cells}
    with opened(decks[k]) as page:
        for size, way in zip(SIZES, ("next", "prev", "next"), strict=True):
            set_size(page, size)
            steps = page.evaluate(STEP_THROUGH, way)
            seen = {cell for step in steps for cell in step["cells"]}
            assert seen == {cells[i].id for i in on_the_wall(cells)}
            assert not [step["tooLarge"] for step in steps if step["tooLarge"]], size
            if size == SIZES[0]:
                small = [too_small(step["type"], sources) for step in steps]
                assert not any(small), [found for found in small if found]
        assert (page.errors, page.elsewhere) == ([], [])


def test_a_deck_of_the_book_is_light(decks, tmp_path):
    pages, beside = tmp_path / "pages", tmp_path / "beside"
    beside.mkdir()
    gather_slides(pages, beside, decks[0].parent)
    for deck in decks:
        files = loaded((beside / "slides" / deck.name).resolve())
        assert sum(file.stat().st_size for file in files) <= 1.5e6, deck.name


# As it is printed, a deck shows all of its slides; that they were hidden is still said.
ALL_AT_ONCE = """document.querySelectorAll(".slides section").forEach(section => {
    section.removeAttribute("aria-hidden");
    section.removeAttribute("hidden");
})"""


@pytest.mark.parametrize("k", range(len(SHOWS)), ids=["45", "90", *NOTEBOOKS])
def test_axe_finds_no_serious_fault_on_any_slide(decks, k):
    with browser.page_on_disk(decks[k]) as page:
        page.wait_for_function("Reveal.isReady()")
        assert faults_here(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function("Reveal.isScrollView()")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.goto(f"{decks[k].as_uri()}?view=print")
        page.wait_for_selector(".pdf-page")
        page.wait_for_function("Reveal.isReady()")
        page.evaluate(ALL_AT_ONCE)
        assert faults_here(page) == []


def test_type_that_is_too_small_is_found(tmp_path):
    cells = nbformat.read(PATHS[0], as_version=4).cells
    figure = next(c for c in cells if c.source.startswith("plots.digit_as_numbers"))
    figure.metadata["slideshow"] = {"slide_type": "subslide"}
    words = new_markdown_cell("# Title\n\n<p style='font-size: 14px'>small</p>")
    with opened(write_deck(tmp_path, words, figure)) as page:
        steps = page.evaluate(STEP_THROUGH, "next")
        page.add_style_tag(content=".jp-OutputArea img {height: 300px !important}")
        later = page.evaluate(STEP_THROUGH, "prev")
    sources = {figure.id: figure.source}
    small = [found for step in steps for found in too_small(step["type"], sources)]
    assert small == ["14 px: small"]
    small = [found for step in later for found in too_small(step["type"], sources)]
    assert any(found.startswith(f"{figure.id}: ") for found in small)


def write_deck(folder, *cells):
    path = folder / "deck.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return slides.make([path], folder / "slides")[0]


@pytest.mark.parametrize(
    "cell",
    [
        new_markdown_cell("\n\n".join("a paragraph" for _ in range(30))),
        new_code_cell("\n".join("x = 1" for _ in range(60))),
        new_code_cell("x = " + " + ".join("a_long_name" for _ in range(30))),
        new_markdown_cell("<div style='height: 800px'>tall</div>"),
    ],
    ids=["prose", "code", "line", "picture"],
)
def test_a_slide_that_does_not_fit_is_found(tmp_path, cell):
    with opened(write_deck(tmp_path, new_markdown_cell("# Title"), cell)) as page:
        assert any(step["tooLarge"] for step in page.evaluate(STEP_THROUGH, "next"))


def test_a_request_that_leaves_the_machine_is_found(tmp_path):
    image = new_markdown_cell(
        '# Title\n\n<img src="https://cdn.example/a.png" alt="a">'
    )
    with opened(write_deck(tmp_path, image)) as page:
        assert page.elsewhere == ["https://cdn.example/a.png"]
