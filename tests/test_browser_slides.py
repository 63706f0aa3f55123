"""The slides in a real browser, at three sizes: they fit, are legible, need no network.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

import base64
import re
import shutil
import sys
import time
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from matplotlib.text import Text
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image
from test_book import loaded
from test_browser_book import faults_here
from test_plots import draw

from tools import browser, present, slides
from tools.book.__main__ import gather_slides
from tools.lesson import lesson, whole
from tools.notebooks import METADATA
from tools.plans import read_plan
from utils.places import COURSE_DIR, NOTEBOOKS

PATHS = [COURSE_DIR / name for name in NOTEBOOKS]
SIZES = [(1280, 720), (1920, 1080), (3840, 2160)]
SHOWS = ("45", "90", *PATHS)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.maintainers,
    pytest.mark.skipif(browser.why_not() is not None, reason=str(browser.why_not())),
]

# What does not fit: elements beyond the window, and those that hide a part of it.
TOO_LARGE = """
const isSeen = element =>
    element.checkVisibility({opacityProperty: true, visibilityProperty: true});
function tooLarge(elements) {
    const found = [];
    for (const element of elements) {
        if (!isSeen(element))
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


# What is too small to be read from the last row; and the pictures: the cell that each
# belongs to, and its scale, pixels of the page for a pixel of the picture.
SMALL = """
function smallType(roots) {
    const small = [], pictures = [];
    for (const root of roots) {
        const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const element = walk.currentNode.parentElement;
            const formula = element.closest("math, mjx-container"); // has subscripts
            if (formula || !walk.currentNode.data.trim() || !isSeen(element))
                continue;
            const size = parseFloat(getComputedStyle(element).fontSize);
            if (size < 0.02 * innerHeight - 0.05)
                small.push(`${size} px: ${walk.currentNode.data.trim().slice(0, 40)}`);
        }
        for (const image of root.querySelectorAll("img"))
            if (isSeen(image))
                pictures.push([nameOfCell(image), image.src, Math.min(
                    image.clientWidth / image.naturalWidth,
                    image.clientHeight / image.naturalHeight)]);
    }
    return {small, pictures};
}
"""


@cache
def smallest_type(name):
    """Return the smallest type in points that a function of utils.plots draws."""
    texts = draw(name).findobj(Text)
    return min(text.get_fontsize() for text in texts if text.get_text())


def too_small(found, sources):
    """Return what is smaller than 2 % of a slide's height, and what is not sharp.

    Args:
        found: what smallType found on a slide of 1280 × 720.
        sources: dict from a cell's name, as nameOfCell says it, to its code.
    """
    small = found["small"]
    for cell, source, scale in found["pictures"]:
        if not source.startswith("data:"):
            continue  # no figure of ours
        png = base64.b64decode(source.partition("base64,")[2])
        dpi = Image.open(BytesIO(png)).info["dpi"][0]
        # A training draws its curves itself.
        functions = re.findall(r"plots\.(\w+)\(", sources[cell]) or ["learning_curves"]
        points = min(map(smallest_type, functions))
        if points / 72 * dpi * scale < 0.02 * SIZES[0][1]:
            small.append(f"{cell}: {points} points: {points / 72 * dpi * scale} px")
        if round(dpi) < 200:
            small.append(f"{cell}: {dpi} dots an inch")
    return small


def on_the_wall(cells):
    """The cells that an audience sees."""
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in cells]
    return [k for k, kind in enumerate(kinds) if kind not in ("notes", "skip")]


# Without Jupyter.

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


def set_size(page, size):
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))


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


# In JupyterLab.

VISIBLE = (
    "() => {"
    + TOO_LARGE
    + SMALL
    + """
    const notebook = jupyterapp.shell.currentWidget.node; // others may be open
    const cells = [...notebook.querySelectorAll(".jp-Notebook .jp-Cell")];
    const visible = cells.filter(c => c.matches(".jp-deck-mod-visible"));
    const inside = visible.flatMap(c => [c, ...c.querySelectorAll("*")]);
    const nameOfCell = element => cells.indexOf(element.closest(".jp-Cell"));
    return {
        active: cells.findIndex(c => c.matches(".jp-mod-active")),
        cells: visible.map(nameOfCell),
        ready: document.fonts.status === "loaded"
            && inside.every(e => e.tagName !== "IMG" || e.naturalWidth > 0),
        tooLarge: tooLarge(inside),
        type: smallType(visible),
    };
}"""
)
ACTIVE = "jupyterapp.shell.currentWidget.content.activeCellIndex"
# Whether a cell was run, and all that it shows has arrived.
DONE = """k => {
    const model = jupyterapp.shell.currentWidget.content.widgets[k].model;
    return model.executionCount !== null && model.executionState === "idle";
}"""
# Of each code cell: its execution count, and whether its outputs hold an error.
RAN = """Object.fromEntries([...jupyterapp.shell.currentWidget.content.widgets]
    .filter(cell => cell.model.type === "code")
    .map(cell => [cell.model.id, [cell.model.executionCount,
        cell.model.outputs.toJSON().some(o => o.output_type === "error")]]))"""
# Whether the show is over and its k-th cell in sight.
SEEN = """k => {
    const content = jupyterapp.shell.currentWidget.content;
    const box = content.widgets[k].node.getBoundingClientRect();
    return !document.querySelector(".jp-Deck") && content.activeCellIndex === k
        && box.bottom > 0 && box.top < innerHeight;
}"""


@contextmanager
def presenting(name, folder):
    """Start course.py present in a copy of the course; yield its address and root.

    Trainings in the copy are short: how long they take is none of a show's business.
    """
    root, settings = folder / "course", folder / "settings"
    root.mkdir()
    shutil.copy(COURSE_DIR / "course.py", root)
    for file in COURSE_DIR.glob("requirements*.txt"):
        shutil.copy(file, root)
    for part in ("utils", "tools", "docs", "labs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(COURSE_DIR / part, root / part, ignore=ignored)
    (root / "reference").symlink_to(COURSE_DIR / "reference")
    for notebook in NOTEBOOKS:
        text = (COURSE_DIR / notebook).read_text(encoding="utf-8")
        short = text.replace('"EPOCHS = 0\\n"', '"EPOCHS = 4\\n"')
        (root / notebook).write_text(short, encoding="utf-8")
    command = [sys.executable, "course.py", "present", name]
    # To run cells and to ask for the active one: the show hides the menus.
    command.append("--LabApp.expose_app_in_browser=True")
    with browser.serving(command, root, settings) as url:
        wait_for_line(settings / "log", "Ready: ")
        yield url, root
    assert not [*settings.glob("runtime/jpserver-*.json")], "JupyterLab is left running"


@contextmanager
def on_show(url, show):
    """A notebook of build/present/ in the browser, the show on."""
    with browser.page_of(url, f"lab/tree/build/present/{show.name}") as page:
        set_size(page, SIZES[0])
        page.locator(".jp-Deck .jp-deck-mod-visible").first.wait_for()
        browser.wait_until_idle(page)
        yield page


def wait_for_line(log, text, seconds=4 * browser.PATIENCE):
    """Wait until a log says something; fail with the whole of it if it never does."""
    deadline = time.monotonic() + seconds
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


def settled(page):
    """Return what is on show, once it fits; or after a while though it does not.

    JupyterLab lays a page out in several steps, so it gets time to settle.
    """
    for _ in range(50):
        step = page.evaluate(VISIBLE)
        if step["ready"] and not step["tooLarge"]:
            break
        page.wait_for_timeout(100)
    return step


def walk(page, cells, visit=lambda cell: None):
    """Go from the first cell of a show to the last, as a clicker does.

    Args:
        page: the page that shows it.
        cells: of the show's notebook.
        visit: what to do with the cell that is on show, before it is looked at.

    Returns:
        (list of what does not fit or is too small, sorted list of the cells seen).
    """
    sources = {k: cell.source for k, cell in enumerate(cells)}
    seen, faults = set(), []
    page.evaluate(f"{ACTIVE} = 0")
    page.wait_for_function(f"() => ({VISIBLE})().cells.includes(0)", polling=50)
    while True:
        visit(page.evaluate(ACTIVE))
        step = settled(page)
        seen |= set(step["cells"])
        found = [*step["tooLarge"]]
        if page.viewport_size["height"] == SIZES[0][1]:
            found += too_small(step["type"], sources)
        faults += [f"{cells[step['active']].id}: {fault}" for fault in found]
        if on_the_wall(cells)[-1] in step["cells"]:
            return faults, sorted(seen)
        page.keyboard.press("PageDown")
        page.wait_for_function(f"k => {ACTIVE} !== k", arg=step["active"], polling=50)


def run(page, cells, k):
    """Run a code cell by Ctrl+Enter and wait for all that it shows."""
    if cells[k].cell_type != "code":
        return
    page.keyboard.press("Control+Enter")
    page.wait_for_function(DONE, arg=k, polling=50)
    if "Sliders(" in cells[k].source:
        move_a_slider(page)


def move_a_slider(page):
    """Move the slider on the slide by a key; the figure has to follow."""
    visible = page.locator(".jp-deck-mod-visible")
    before = visible.locator("img").get_attribute("src")
    visible.get_by_role("slider").first.press("ArrowRight")
    moved = "b => document.querySelector('.jp-deck-mod-visible img').src !== b"
    page.wait_for_function(moved, arg=before, polling=50)
    visible.locator("img").click()  # or the clicker goes on with the slider


def test_the_45_minutes_are_walked_from_the_first_to_the_last_step(tmp_path):
    """By a clicker's keys and Ctrl+Enter; then once more at another size.

    In between, Escape leads to the cell that was shown, and a clicker's key to start
    leads back to it.
    """
    show, _ = present.make_show("45", tmp_path)
    cells = nbformat.read(show, as_version=4).cells
    with presenting("45", tmp_path) as (url, _), on_show(url, show) as page:
        faults, seen = walk(page, cells, lambda k: run(page, cells, k))
        assert seen == on_the_wall(cells)
        assert not faults, "\n".join(faults)
        ran = page.evaluate(RAN)
        assert ran.keys() == {cell.id for cell in cells if cell.cell_type == "code"}
        assert {name for name, (count, _) in ran.items() if count} == {
            cells[k].id for k in seen if cells[k].cell_type == "code"
        }
        assert not [name for name, (_, error) in ran.items() if error]

        escape_and_start(page)
        page.keyboard.press("PageUp")
        page.wait_for_function(f"k => {ACTIVE} < k", arg=seen[-1], polling=50)
        escape_and_start(page)
        set_size(page, SIZES[1])
        faults, seen = walk(page, cells)
        assert seen == on_the_wall(cells)
        assert not faults, "\n".join(faults)
        assert page.evaluate(RAN) == ran, "a key has added, removed or run a cell"
        assert (page.errors, page.elsewhere) == ([], [])


def escape_and_start(page):
    """End the show and go on with it; in between, the cell that was shown is in sight.

    The keys are those of clickers, of which two would change the notebook.
    """
    shown = page.evaluate(ACTIVE)
    for key in ("b", ".", "F5", "Escape"):
        page.keyboard.press(key)
    page.wait_for_function(SEEN, arg=shown, polling=50)
    page.keyboard.press("F5")
    page.locator(".jp-Deck .jp-deck-mod-visible").first.wait_for()
    assert shown in page.evaluate(VISIBLE)["cells"]
    # On a busy machine React, moving cells to and fro, at times finds one moved.
    page.errors[:] = [error for error in page.errors if not is_of_react(error)]


def is_of_react(error):
    """Tell whether an error is React's own: it clears away what has gone already."""
    frames = re.findall(r"/static/[\w/.-]+\.js", error)
    in_lab = all(frame.startswith("/static/lab/") for frame in frames)
    return "removeChild" in error and bool(frames) and in_lab


def test_only_reacts_own_complaint_is_excused():
    own = "NotFoundError: 'removeChild' …\n    at uj (http://h/static/lab/5098.js?v=1:1:2)"
    assert is_of_react(own)
    assert not is_of_react(own.replace("removeChild", "appendChild"))
    assert not is_of_react(
        own + "\n    at f (http://h/lab/extensions/deck/static/1.js)"
    )
    assert not is_of_react("NotFoundError: 'removeChild' …")


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The address and the folder of a JupyterLab that presents whole notebooks."""
    with presenting("Comparison", tmp_path_factory.mktemp("started")) as found:
        yield found


def test_a_whole_notebook_fits_after_all_its_cells_ran_in_the_show(started):
    url, root = started
    notebook = whole(COURSE_DIR / "Comparison.ipynb")  # without outputs
    show = root / "build" / "present" / "ran.ipynb"
    nbformat.write(notebook, show)
    with on_show(url, show) as page:
        page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
        page.locator(".jp-OutputArea-output").first.wait_for(state="attached")
        browser.wait_until_idle(page)
        ran = page.evaluate(RAN).values()
        assert all(count for count, _ in ran)
        assert not any(error for _, error in ran)
        faults, seen = walk(page, notebook.cells)
        assert seen == on_the_wall(notebook.cells)
        assert not faults, "\n".join(faults)
        assert (page.errors, page.elsewhere) == ([], [])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_whole_notebook_fits_with_its_outputs(started, name):
    """The cells are not run here: their outputs are those of the full data."""
    url, root = started
    show = Path(shutil.copy(COURSE_DIR / name, root / "build" / "present"))
    cells = nbformat.read(show, as_version=4).cells
    with on_show(url, show) as page:
        for size in SIZES[:2]:
            set_size(page, size)
            faults, seen = walk(page, cells)
            assert seen == on_the_wall(cells)
            assert not faults, "\n".join(faults)
            escape_and_start(page)  # or it would go on where each section was left
        assert (page.errors, page.elsewhere) == ([], [])


def test_what_goes_wrong_on_a_walk_is_found(started):
    """A line too long, small words, a cell that fails, a request to somewhere else."""
    asks = "from IPython.display import HTML\nHTML('<img src=https://cdn.example/a>')"
    cells = [
        new_markdown_cell("# Title"),
        new_markdown_cell("<div style='width: 1400px'>wide</div>"),
        new_markdown_cell("<p style='font-size: 14px'>small</p>"),
        new_code_cell("1 / 0"),
        new_code_cell(asks),
    ]
    for cell in cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    url, root = started
    show = root / "build" / "present" / "faulty.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), show)
    with on_show(url, show) as page:
        faults, seen = walk(page, cells, lambda k: run(page, cells, k))
        assert seen == [0, 1, 2, 3, 4]
        assert {fault.split(":")[0] for fault in faults} == {c.id for c in cells[1:3]}
        errors = {name: error for name, (_, error) in page.evaluate(RAN).items()}
        assert errors == {cells[3].id: True, cells[4].id: False}
        assert set(page.elsewhere) == {"https://cdn.example/a"}
