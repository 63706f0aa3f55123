"""The slides of JupyterLab with the outputs that are committed: all of them fit.

In a real browser, at two sizes. It needs Chromium and what requirements-dev.txt lists;
where they are missing it is skipped, and says so.
"""

from itertools import chain

import nbformat
import pytest
from nbformat.v4 import new_notebook
from projector import (
    SIZES,
    escape_and_start,
    in_a_browser,
    in_sections,
    on_show,
    on_the_wall,
    set_size,
    show_anew,
    walk,
)

from tools.notebooks import METADATA
from utils.places import COURSE_DIR, NOTEBOOKS

pytestmark = [pytest.mark.slow, pytest.mark.maintainers, in_a_browser]


def write_show(path, cells):
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), path)


@pytest.fixture(scope="module")
def stage(started):
    """JupyterLab's page, a show on, and the show's notebook."""
    url, root = started
    path = root / "build" / "present" / "pieces.ipynb"
    write_show(path, nbformat.read(COURSE_DIR / NOTEBOOKS[0], as_version=4).cells[:1])
    with on_show(url, path) as page:
        yield page, path


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_whole_notebook_fits_with_its_outputs(stage, name):
    """The cells are not run here: their outputs are those of the full data.

    A notebook comes in pieces, for JupyterLab looks at all cells in each step. In one
    piece tests/test_browser_shows.py has one.
    """
    page, path = stage
    whole = nbformat.read(COURSE_DIR / name, as_version=4).cells
    pieces = [*in_sections(whole)]
    assert len(pieces) > 1 and [*chain(*pieces)] == whole
    for cells in pieces:
        write_show(path, cells)
        assert show_anew(page) == [cell.id for cell in cells]
        for size in SIZES[:2]:
            set_size(page, size)
            faults, seen = walk(page, cells)
            assert seen == on_the_wall(cells)
            assert not faults, "\n".join(faults)
            escape_and_start(page)  # or it would go on where each section was left
    assert (page.errors, page.elsewhere) == ([], [])
