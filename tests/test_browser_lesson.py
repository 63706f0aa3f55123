"""A lesson in JupyterLab in a real browser, walked as a teacher with a clicker does.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

import nbformat
import pytest
from projector import (
    ACTIVE,
    RAN,
    SIZES,
    escape_and_start,
    in_a_browser,
    is_of_react,
    on_show,
    on_the_wall,
    presenting,
    run,
    set_size,
    walk,
)

from tools import present

pytestmark = [pytest.mark.slow, pytest.mark.maintainers, in_a_browser]


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


def test_only_reacts_own_complaint_is_excused():
    own = "NotFoundError: 'removeChild' …\n    at uj (http://h/static/lab/5098.js?v=1:1:2)"
    assert is_of_react(own)
    assert not is_of_react(own.replace("removeChild", "appendChild"))
    assert not is_of_react(
        own + "\n    at f (http://h/lab/extensions/deck/static/1.js)"
    )
    assert not is_of_react("NotFoundError: 'removeChild' …")
