"""Notebooks that are damaged, cut off, or something else: a sentence names them."""

import os
import subprocess
import sys

import pytest

from tools.notebook_file import read_notebook
from utils.bounded import BadFile
from utils.places import COURSE_DIR, NOTEBOOKS

WHOLE = (COURSE_DIR / NOTEBOOKS[0]).read_bytes()
HEAD = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": '
BAD = {
    "empty": b"",
    "cut off": WHOLE[:20_000],
    "not JSON": b"see my other notebook",
    "not UTF-8": b"\xff" + WHOLE,
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "no cells": b"{}",
    "no list of cells": HEAD + b"3}",
    "cells of another kind": HEAD + b'[{"cell_type": "evil", "metadata": {}}]}',
    "cells that are none": HEAD + b"[[]]}",
    "numbers as source": WHOLE.replace(b'"source": [', b'"source": [7,', 1),
    "of the future": b'{"nbformat": 99, "nbformat_minor": 0}',
    "version in words": b'{"nbformat": "four"}',
    "a merge": b"<<<<<<< HEAD\n" + WHOLE,
}


def test_a_whole_notebook_is_read(tmp_path):
    (tmp_path / "n.ipynb").write_bytes(WHOLE)
    assert len(read_notebook(tmp_path / "n.ipynb").cells) > 20


@pytest.mark.filterwarnings("error")
def test_two_cells_of_one_name_are_no_reason_for_a_warning(tmp_path):
    cell = b'{"cell_type": "raw", "id": "a", "metadata": {}, "source": ""}'
    (tmp_path / "n.ipynb").write_bytes(HEAD + b"[" + cell + b", " + cell + b"]}")
    cells = read_notebook(tmp_path / "n.ipynb").cells
    assert len({cell.id for cell in cells}) == 2


@pytest.mark.filterwarnings("ignore")  # what nbformat thinks of it besides
@pytest.mark.parametrize("case", BAD)
def test_what_is_no_notebook_is_named_in_a_line(tmp_path, case):
    (tmp_path / "n.ipynb").write_bytes(BAD[case])
    with pytest.raises(BadFile, match=r"n\.ipynb is (empty|damaged, or no)") as caught:
        read_notebook(tmp_path / "n.ipynb")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("tools.slides", "n.ipynb"),
        ("tools.notebooks", "execute", "n.ipynb"),
        ("tools.notebooks", "renew", "n.ipynb"),
        ("tools.notebooks", "render", "ANN_Model.ipynb"),
        ("tools.book", "mine"),
    ],
    ids=" ".join,
)
def test_a_command_ends_in_a_sentence(tmp_path, command):
    (tmp_path / "build").mkdir()
    for name in NOTEBOOKS:
        (tmp_path / name).write_bytes(WHOLE)
        (tmp_path / "build" / name).write_bytes(WHOLE[:20_000])
    (tmp_path / "n.ipynb").write_bytes(WHOLE[:20_000])
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(COURSE_DIR)},
        capture_output=True,
        text=True,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert "ipynb is damaged, or no notebook" in line
    assert (tmp_path / "n.ipynb").read_bytes() == WHOLE[:20_000]
