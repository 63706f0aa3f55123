"""The bar of `course.py run` in a terminal: it moves on while a cell trains."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.progress import WIDTH, last_line
from utils.places import COURSE_DIR

TRAINING = """
from IPython.display import Markdown, display
place = display(Markdown("Starting …"), display_id=True)
for left in (20, 10):
    place.update(Markdown(f"Epoch 1 of 2 `██░░` loss 0.5, about {left} s left"))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_the_bar_says_what_the_cell_at_work_says(tmp_path):
    import pty
    import termios

    cells = [new_code_cell(code) for code in (TRAINING, "print('testing')", "1 + 1")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "small.ipynb")
    code = (
        "import sys; from tools import notebooks; folder = sys.argv[1]\n"
        "notebooks.BUILD = notebooks.Path(folder)\n"
        "notebooks.execute(folder + '/small.ipynb', folder + '/out.ipynb')\n"
    )
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=COURSE_DIR,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while piece := read(ours):
        shown += piece
    assert child.wait() == 0
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", shown.decode())]
    said = [re.sub(r".*\| (\d)/3 cells, [\d:]+", r"\1", line) for line in lines]
    for left in (20, 10):
        assert f"0, Epoch 1 of 2 loss 0.5, about {left} s left" in said
    # A new cell begins without what the last one said.
    assert said.index("1") < said.index("1, testing") < said.index("2")


def read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so that the other end is closed
        return b""


@pytest.mark.parametrize(
    ("kind", "content", "line"),
    [
        ("stream", {"text": "one\ntwo\n\n"}, "two"),
        ("stream", {"text": "\n"}, ""),
        ("stream", {"text": "x" * 500}, "x" * WIDTH),
        ("display_data", {"data": {"image/png": "…"}}, ""),
        ("update_display_data", {"data": {"text/markdown": "`█░` now"}}, "now"),
        ("status", {"execution_state": "busy"}, ""),
        ("error", {"ename": "ValueError"}, ""),
    ],
)
def test_the_last_line_of_what_is_said(kind, content, line):
    assert last_line(kind, content) == line
