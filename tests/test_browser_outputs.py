"""The slides of JupyterLab with the outputs that are committed: all of them fit.

In a real browser, at two sizes. It needs Chromium and what requirements-dev.txt lists;
where they are missing it is skipped, and says so.
"""

import nbformat
import pytest
from nbformat.v4 import new_notebook
from projector import (
    SIZES,
    escape_and_start,
    in_a_browser,
    in_sections,
    next_show,
    on_show,
    on_the_wall,
    set_size,
    walk,
)

from tools.notebooks import METADATA
from utils.places import COURSE_DIR, NOTEBOOKS

pytestmark = [pytest.mark.slow, pytest.mark.maintainers, in_a_browser]


def write_show(folder, name, cells):
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), path)
    return path


@pytest.fixture(scope="module")
def stage(started):
    """JupyterLab's page, a show on, and the folder of its shows."""
    url, root = started
    folder = root / "build" / "present"
    cells = nbformat.read(COURSE_DIR / NOTEBOOKS[0], as_version=4).cells[:1]
    with on_show(url, write_show(folder, "first", cells)) as page:
        yield page, folder


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_whole_notebook_fits_with_its_outputs(stage, name):
    """The cells are not run here: their outputs are those of the full data.

    A notebook comes in pieces, for JupyterLab looks at all cells in each step. In one
    piece tests/test_browser_shows.py has one.
    """
    page, folder = stage
    whole = nbformat.read(COURSE_DIR / name, as_version=4).cells
    n_seen = 0
    for k, cells in enumerate(in_sections(whole)):
        next_show(page, write_show(folder, f"{k}_{name}", cells))
        for size in SIZES[:2]:
            set_size(page, size)
            faults, seen = walk(page, cells)
            assert seen == on_the_wall(cells)
            assert not faults, "\n".join(faults)
            escape_and_start(page)  # or it would go on where each section was left
        n_seen += len(cells)
    assert n_seen == len(whole) and k > 0
    assert (page.errors, page.elsewhere) == ([], [])
