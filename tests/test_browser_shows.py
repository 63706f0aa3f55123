"""A whole notebook runs as a show in JupyterLab, in a real browser: its slides fit.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from projector import (
    ACTIVE,
    RAN,
    VISIBLE,
    in_a_browser,
    on_show,
    on_the_wall,
    run,
    settled,
    too_small,
    walk,
)

from tools import browser
from tools.lesson import whole
from tools.notebooks import METADATA
from utils.places import COURSE_DIR

pytestmark = [pytest.mark.slow, pytest.mark.maintainers, in_a_browser]


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


READER = """\
import sys
import numpy as np
sys.path.insert(0, "../..")
class Reads:
    def read(self, image):
        return {name: np.eye(10)[7] for name in ("ANN", "CNN")}
    def feature_maps(self, image):
        return {f"layer {k}": np.ones((4, 4, 64)) for k in range(1, 5)}
"""
DRAWS = """\
from reader import Reads
from utils.canvas import Canvas
Canvas(Reads())"""
FAILS = "def f(n):\n    return digit if n == 0 else f(n - 1)\nf(12)"
# Whether the last line that a cell has printed is in sight.
LAST_LINE_IS_SEEN = """() => {
    const lines = document.querySelector(".jp-deck-mod-visible .jp-OutputArea pre");
    const boxes = [lines, lines.parentElement].map(e => e.getBoundingClientRect());
    const [box, around] = boxes;
    return box.bottom <= around.bottom + 1 && around.bottom <= innerHeight;
}"""


def test_who_has_drawn_goes_on_and_sees_all_of_the_canvas_and_the_end_of_an_error(
    started,
):
    cells = [
        new_markdown_cell(
            "## Draw\n\n**Predict:** after how many strokes?\n\nTry a 4."
        ),
        new_code_cell(DRAWS),
        new_code_cell(FAILS),
    ]
    for cell, kind in zip(cells, ("slide", "fragment", "slide"), strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind}
    url, root = started
    show = root / "build" / "present" / "drawn.ipynb"
    show.with_name("reader.py").write_text(READER)
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), show)
    with on_show(url, show) as page:
        page.set_default_timeout(20_000)
        page.evaluate(f"{ACTIVE} = 1")
        page.wait_for_function(f"() => ({VISIBLE})().cells.includes(1)", polling=50)
        run(page, cells, 1)
        canvas = page.locator(".jp-deck-mod-visible .digit-canvas")
        canvas.get_by_role("checkbox").check()
        settled(page)
        page.wait_for_timeout(500)  # the page settles
        browser.draw_a_one_with_keys(page, canvas.locator(".dc-paper"))
        canvas.locator(".dc-map").first.wait_for()
        step = settled(page)
        seen = [fault for fault in step["tooLarge"] if "dc-said" not in fault]  # heard
        assert not seen and not too_small(step["type"], {})
        page.keyboard.press("PageDown")  # the focus is still on the paper
        page.wait_for_function(f"() => {ACTIVE} === 2", timeout=10_000)
        run(page, cells, 2)
        page.wait_for_function(LAST_LINE_IS_SEEN, timeout=6_000)


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
