"""What an audience sees of a show, in a browser: what does not fit, what is too small.

For the tests of slides: in a deck of reveal.js, and in JupyterLab while it presents.
"""

import base64
import re
import shutil
import sys
import time
from contextlib import contextmanager
from functools import cache
from io import BytesIO

import pytest
from matplotlib.text import Text
from PIL import Image
from test_plots import draw

from tools import browser
from utils.places import COURSE_DIR, NOTEBOOKS

PATHS = [COURSE_DIR / name for name in NOTEBOOKS]
SIZES = [(1280, 720), (1920, 1080), (3840, 2160)]
in_a_browser = pytest.mark.skipif(
    browser.why_not() is not None, reason=str(browser.why_not())
)

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


def set_size(page, size):
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))


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
# Read the open notebook from the disk again, and drop what was changed in the page;
# return the names of its cells.
RELOAD = """async () => {
    const {context, content} = jupyterapp.shell.currentWidget;
    context.model.dirty = false;
    await context.revert();
    return content.widgets.map(cell => cell.model.id);
}"""
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
    assert not [*settings.rglob("jpserver-*.json")], "JupyterLab is left running"


@contextmanager
def on_show(url, show):
    """A notebook of build/present/ in the browser, the show on."""
    # JupyterLab notes the end of a show and its new beginning in its settings, each in
    # its own time: what the show before left there may be its end.
    shutil.rmtree(show.parent / "lab" / "user-settings", ignore_errors=True)
    with browser.page_of(url, f"lab/tree/build/present/{show.name}") as page:
        set_size(page, SIZES[0])
        page.locator(".jp-Deck .jp-deck-mod-visible").first.wait_for()
        browser.wait_until_idle(page)
        yield page


def in_sections(cells, n_at_least=16):
    """Yield the cells of a show in pieces that begin with a section."""
    piece = []
    for cell in cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind == "slide" and len(piece) >= n_at_least:
            yield piece
            piece = []
        piece.append(cell)
    yield piece


def show_anew(page):
    """End the show in a page, and begin it with the notebook that its file has now.

    Another notebook would come with a kernel of its own; and JupyterLab asks the
    debugger of the one that is gone.

    Returns:
        list of str, the names of its cells.
    """
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('.jp-Deck')", polling=50)
    cells = page.evaluate(RELOAD)
    page.keyboard.press("F5")
    page.locator(".jp-Deck .jp-deck-mod-visible").first.wait_for()
    return cells


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
