"""The slides in a real browser of 1280 × 720: they fit, and need no network.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

import shutil
import sys
from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import course
from tools import browser, slides
from utils.places import COURSE_DIR, NOTEBOOKS

PATHS = [COURSE_DIR / name for name in NOTEBOOKS]
PROJECTOR = {"width": 1280, "height": 720}

pytestmark = [
    pytest.mark.slow,
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


def shown(path):
    """The cells of a notebook that an audience sees."""
    cells = nbformat.read(path, as_version=4).cells
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in cells]
    return [k for k, kind in enumerate(kinds) if kind not in ("notes", "skip")]


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
def opened(path):
    """A deck in the browser, as the projector shows it."""
    with browser.page_of(f"{path.parent.as_uri()}/", path.name) as page:
        page.set_viewport_size(PROJECTOR)
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        yield page


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    return slides.make(PATHS, tmp_path_factory.mktemp("decks") / "slides")


@pytest.mark.parametrize("k", range(3), ids=[path.stem for path in PATHS])
def test_every_slide_without_jupyter_fits(decks, k):
    cells = nbformat.read(PATHS[k], as_version=4).cells
    with opened(decks[k]) as page:
        steps = page.evaluate(STEP_THROUGH)
        assert (page.errors, page.elsewhere) == ([], [])
    seen = {cell for step in steps for cell in step["cells"]}
    assert seen == {f"cell-id={cells[i].id}" for i in shown(PATHS[k])}
    assert [step["tooLarge"] for step in steps if step["tooLarge"]] == []


def write_deck(folder, *cells):
    path = folder / "deck.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return slides.make([path], folder / "slides")[0]


@pytest.mark.parametrize(
    "cell",
    [
        new_markdown_cell("\n\n".join("a paragraph" for _ in range(30))),
        new_code_cell("\n".join("x = 1" for _ in range(40))),
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
    """The page that course.py present opens, the show on, in a copy of the course."""
    root = folder / "course"
    root.mkdir()
    for file in ("course.py", "requirements.txt", course.DECKS[name]):
        shutil.copy(COURSE_DIR / file, root)
    for part in ("utils", "reference"):
        (root / part).symlink_to(COURSE_DIR / part)
    command = [sys.executable, "course.py", "present", name]
    # To run all cells: in the show, the menu that has it is hidden.
    command.append("--LabApp.expose_app_in_browser=True")
    with (
        browser.serving(command, root, folder / "settings") as url,
        browser.page_of(url, f"lab/tree/{course.DECKS[name]}") as page,
    ):
        page.set_viewport_size(PROJECTOR)
        page.locator(".jp-Deck .jp-deck-mod-visible").first.wait_for()
        browser.wait_until_idle(page)
        yield page


def step_through(page, last):
    """Press the space bar until the last cell is on show; yield what is on show."""
    while True:
        step = page.evaluate(VISIBLE)
        yield step
        if last in step["cells"]:
            return
        page.keyboard.press("Space")
        page.wait_for_function(
            "k => !document.querySelectorAll('.jp-Notebook .jp-Cell')[k]"
            ".matches('.jp-mod-active')",
            arg=step["active"],
        )


def check(page, notebook):
    steps = list(step_through(page, last=max(shown(notebook))))
    assert sorted({k for step in steps for k in step["cells"]}) == shown(notebook)
    assert [step["tooLarge"] for step in steps if step["tooLarge"]] == []
    assert (page.errors, page.elsewhere) == ([], [])


@pytest.mark.parametrize("name", ["ANN", "CNN"])
def test_every_slide_in_jupyterlab_fits(name, tmp_path):
    with presented(name, tmp_path) as page:
        check(page, COURSE_DIR / course.DECKS[name])


def test_every_slide_fits_after_all_cells_ran_in_the_show(tmp_path):
    with presented("Comparison", tmp_path) as page:
        page.evaluate(
            "document.querySelectorAll('.jp-OutputArea-output')"
            ".forEach(output => output.dataset.old = '')"
        )
        page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
        new = page.locator(".jp-OutputArea-output:not([data-old])")
        new.first.wait_for(state="attached")
        browser.wait_until_idle(page)
        assert page.locator(".jp-OutputArea-output[data-old]").count() == 0
        page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
        check(page, COURSE_DIR / course.DECKS["Comparison"])
