"""Sliders under a figure, without a browser (tests/test_browser_lesson.py has one)."""

import base64
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread
from nbformat.v4 import new_code_cell, new_notebook

from tools.notebooks import METADATA, WIDGET, execute
from utils import plots
from utils.places import COURSE_DIR
from utils.sliders import Sliders


def picture(data):
    return imread(BytesIO(base64.b64decode(data["image/png"])))


@pytest.fixture
def drawn():
    return []


@pytest.fixture
def sliders(drawn):
    def draw(row, column):
        drawn.append((row, column))
        return plots.images([np.full((2, 2), row / 9)], [f"{row} & {column}"])

    return Sliders(draw, row=range(10), column=range(0, 30, 10))


def shown(sliders):
    return sliders.box.children[1].value


def test_each_number_has_a_slider_that_begins_in_the_middle(sliders, drawn):
    row, column = sliders.box.children[0].children
    assert (row.description, column.description) == ("row", "column")
    assert (row.min, row.max, row.step, row.value) == (0, 9, 1, 5)
    assert (column.min, column.max, column.step, column.value) == (0, 20, 10, 10)
    assert drawn == [(5, 10)]


def test_a_slider_that_moves_draws_the_figure_afresh(sliders, drawn):
    before = shown(sliders)
    assert 'with the captions: 5 &amp; 10."' in before
    sliders.box.children[0].children[0].value = 9
    assert drawn[-1] == (9, 10) and ': 9 &amp; 10."' in shown(sliders)
    assert before.split("base64,")[1] != shown(sliders).split("base64,")[1]


def test_where_there_are_no_widgets_the_figure_stands_still(sliders):
    data, metadata = sliders._repr_mimebundle_()
    assert WIDGET in data  # for who can show it
    assert metadata["image/png"]["alt"].endswith("captions: 5 & 10.")
    assert picture(data).ndim == 3
    assert "VBox" not in data["text/plain"]


CODE = (
    "import sys; sys.path.insert(0, '.')\nfrom utils import plots\n"
    "from utils.sliders import Sliders\n"
    "Sliders(lambda k: plots.images([[[0, 1]]], [str(k)]), k=range(3))"
)


def executed(code, path):
    """Return the outputs of a cell that was executed in a kernel of its own."""
    notebook = new_notebook(cells=[new_code_cell(code)], metadata=METADATA)
    done = execute(notebook, path)
    assert "widgets" not in done.metadata
    return done.cells[-1].outputs


@pytest.mark.slow
def test_an_executed_notebook_keeps_the_figure_and_no_state(tmp_path):
    (output,) = executed(CODE, tmp_path / "done.ipynb")
    assert picture(output.data).ndim == 3


@pytest.mark.slow
def test_without_ipywidgets_the_figure_is_there_with_a_word_on_what_is_missing(
    tmp_path,
):
    """The package is really out of reach, in a kernel of its own."""
    hidden = "import sys; sys.modules['ipywidgets'] = None\n"
    said, shown = executed(hidden + CODE, tmp_path / "done.ipynb")
    assert "pip install" in said.text and said.name == "stdout"
    assert picture(shown.data).ndim == 3
    assert shown.metadata["image/png"]["alt"].endswith("captions: 1.")
    assert WIDGET not in shown.data


def test_sliders_need_no_tensorflow():
    code = (
        "import sys, utils.sliders; print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=COURSE_DIR, capture_output=True, text=True
    )
    assert child.stdout == "set()\n", child.stderr
