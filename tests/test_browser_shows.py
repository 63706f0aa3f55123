"""A whole notebook runs as a show in JupyterLab, in a real browser: its slides fit.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from projector import (
    RAN,
    in_a_browser,
    on_show,
    on_the_wall,
    run,
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
