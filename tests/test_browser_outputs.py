"""Whole notebooks as shows in JupyterLab, with the outputs that are committed.

In a real browser, at two sizes: all their slides fit. It needs Chromium and what
requirements-dev.txt lists; where they are missing it is skipped, and says so.
"""

import shutil
from pathlib import Path

import nbformat
import pytest
from projector import (
    SIZES,
    escape_and_start,
    in_a_browser,
    on_show,
    on_the_wall,
    set_size,
    walk,
)

from utils.places import COURSE_DIR, NOTEBOOKS

pytestmark = [pytest.mark.slow, pytest.mark.maintainers, in_a_browser]


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
