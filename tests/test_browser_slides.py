"""The slides in a real browser, at three sizes: they fit, and need no network.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

import shutil
import sys
import time
from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import browser, present, slides
from tools.lesson import lesson
from tools.plans import read_plan
from utils.places import COURSE_DIR, NOTEBOOKS

PATHS = [COURSE_DIR / name for name in NOTEBOOKS]
SIZES = [(1280, 720), (1920, 1080), (3840, 2160)]
PROJECTOR = {"width": 1280, "height": 720}
SHOWS = ("45", "90", *PATHS)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.maintainers,
    pytest.mark.skipif(browser.why_not() is not None, reason=str(browser.why_not())),
]

# What does not fit: elements beyond the window, and those that hide a part of it.
TOO_LARGE = """
function tooLarge(elements) {
    const found = [];
    for (const element of elements) {
        if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true}))
            continue;
        if (element.parentElement.closest("mjx-container"))
            continue; // MathJax clips the parts of a large brace, as it should
        const box = element.getBoundingClientRect();
        const style = getComputedStyle(element);
        const outside = box.width && box.height && (
            box.left < -1 || box.right > innerWidth + 1
            || box.top < -1 || box.bottom > innerHeight + 1);
        const hides = element.clientWidth && (
            style.overflowX !== "visible"
            && element.scrollWidth > element.clientWidth + 1
            || style.overflowY !== "visible"
            && !element.matches(".jp-OutputArea:has(img) .jp-RenderedText") // its log
            && element.scrollHeight > element.clientHeight + 1);
        if (outside || hides)
            found.push(`${element.tagName}.${element.className} `
                + [box.left, box.top, box.right, box.bottom].map(Math.round)
                + ` "${element.textContent.trim().slice(0, 40)}"`);
    }
    return found;
}
"""


def on_the_wall(cells):
    """The cells that an audience sees."""
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in cells]
    return [k for k, kind in enumerate(kinds) if kind not in ("notes", "skip")]


def shown(path):
    """The cells of a notebook that an audience sees."""
    return on_the_wall(nbformat.read(path, as_version=4).cells)


# Without Jupyter.

STEP_THROUGH = (
    "async () => {"
    + TOO_LARGE
    + """
    await document.fonts.ready;
    await Promise.all([...document.images].map(image => image.decode()));
    const steps = [];
    for (;;) {
        const slide = Reveal.getCurrentSlide();
        const inside = [...slide.querySelectorAll("*")]
            .filter(element => !element.closest("aside.notes"));
        steps.push({
            cells: inside.map(e => e.id).filter(id => id.startsWith("cell-id=")),
            tooLarge: tooLarge(inside),
        });
        const before = JSON.stringify(Reveal.getIndices());
        Reveal.next();
        if (JSON.stringify(Reveal.getIndices()) === before) return steps;
    }
}"""
)


@contextmanager
def opened(path, size=SIZES[0]):
    """A deck in the browser, as the projector shows it."""
    with browser.page_of(f"{path.parent.as_uri()}/", path.name) as page:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        # What appears, appears at once: nothing is looked at half transparent.
        page.add_style_tag(content=".fragment {transition: none !important}")
        yield page


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    return slides.make(SHOWS, tmp_path_factory.mktemp("decks") / "slides")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("k", range(len(SHOWS)), ids=["45", "90", *NOTEBOOKS])
def test_every_slide_without_jupyter_fits(decks, k, size):
    show = SHOWS[k]
    if isinstance(show, str):
        cells = lesson(read_plan(show)).cells
    else:
        cells = nbformat.read(show, as_version=4).cells
    with opened(decks[k], size) as page:
        steps = page.evaluate(STEP_THROUGH)
        assert (page.errors, page.elsewhere) == ([], [])
    seen = {cell for step in steps for cell in step["cells"]}
    assert seen == {f"cell-id={cells[i].id}" for i in on_the_wall(cells)}
    assert [step["tooLarge"] for step in steps if step["tooLarge"]] == []


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
        assert any(step["tooLarge"] for step in page.evaluate(STEP_THROUGH))


def test_a_request_that_leaves_the_machine_is_found(tmp_path):
    image = new_markdown_cell(
        '# Title\n\n<img src="https://cdn.example/a.png" alt="a">'
    )
    with opened(write_deck(tmp_path, image)) as page:
        assert page.elsewhere == ["https://cdn.example/a.png"]


# In JupyterLab.

VISIBLE = (
    "() => {"
    + TOO_LARGE
    + """
    const cells = [...document.querySelectorAll(".jp-Notebook .jp-Cell")];
    const visible = cells.filter(c => c.matches(".jp-deck-mod-visible"));
    return {
        active: cells.findIndex(c => c.matches(".jp-mod-active")),
        cells: visible.map(c => cells.indexOf(c)),
        tooLarge: tooLarge(visible.flatMap(c => [c, ...c.querySelectorAll("*")])),
    };
}"""
)


@contextmanager
def presented(name, folder):
    """The page that course.py present opens, the show on, in a copy of the course.

    Yields:
        the page, and the notebook of the show.
    """
    root, settings = folder / "course", folder / "settings"
    root.mkdir()
    for file in ("course.py", *NOTEBOOKS):
        shutil.copy(COURSE_DIR / file, root)
    for file in COURSE_DIR.glob("requirements*.txt"):
        shutil.copy(file, root)
    for part in ("utils", "tools", "docs", "labs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(COURSE_DIR / part, root / part, ignore=ignored)
    (root / "reference").symlink_to(COURSE_DIR / "reference")
    show, needed = present.make_show(name, folder)
    command = [sys.executable, "course.py", "present", name]
    # To run cells and to ask for the active one: the show hides the menus.
    command.append("--LabApp.expose_app_in_browser=True")
    with browser.serving(command, root, settings) as url:
        if needed:
            wait_for_line(settings / "log", "Ready: ")
        with browser.page_of(url, f"lab/tree/build/present/{show.name}") as page:
            page.set_viewport_size(PROJECTOR)
            visible = page.locator(".jp-Deck .jp-deck-mod-visible")
            visible.first.wait_for()
            browser.wait_until_idle(page)
            yield page, show


def wait_for_line(log, text, seconds=300):
    """Wait until a log says something; fail with the whole of it if it never does."""
    deadline = time.monotonic() + seconds
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


ACTIVE = "jupyterapp.shell.currentWidget.content.activeCellIndex"


def step_through(page, last, key="Space"):
    """Press a key until the last cell is on show; yield what is on show."""
    while True:
        step = page.evaluate(VISIBLE)
        yield step
        if last in step["cells"]:
            return
        page.keyboard.press(key)
        page.wait_for_function(f"k => {ACTIVE} !== k", arg=step["active"])


def check(page, show, key="Space"):
    steps = list(step_through(page, max(shown(show)), key))
    assert sorted({k for step in steps for k in step["cells"]}) == shown(show)
    assert [step["tooLarge"] for step in steps if step["tooLarge"]] == []
    assert (page.errors, page.elsewhere) == ([], [])


# Of each code cell: its execution count, and whether its outputs hold an error.
RAN = """[...jupyterapp.shell.currentWidget.content.widgets]
    .filter(cell => cell.model.type === "code")
    .map(cell => [cell.model.executionCount,
        cell.model.outputs.toJSON().some(o => o.output_type === "error")])"""


def test_a_whole_notebook_fits_after_all_its_cells_ran_in_the_show(tmp_path):
    with presented("Comparison", tmp_path) as (page, show):
        page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
        page.locator(".jp-OutputArea-output").first.wait_for(state="attached")
        browser.wait_until_idle(page)
        assert all(count for count, _ in page.evaluate(RAN))
        page.evaluate(f"{ACTIVE} = 0")
        check(page, show)
