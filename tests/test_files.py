"""Files that are written whole or not at all, and generated parts of files."""

import os
import subprocess
import sys

import pytest

from utils import files
from utils.files import MarkerError, replace_between_markers, write_whole
from utils.places import COURSE_DIR


@pytest.mark.parametrize("content", ["äöü\n", b"\x00\xff"])
def test_write_whole_writes_text_and_bytes(tmp_path, content):
    path = tmp_path / "file"
    path.write_text("old")
    write_whole(path, content)
    expected = content if isinstance(content, bytes) else content.encode("utf-8")
    assert path.read_bytes() == expected
    assert list(tmp_path.iterdir()) == [path]


def test_killed_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    code = (
        "import os; from pathlib import Path; from utils.files import write_whole\n"
        "def half(self, content):\n"
        "    open(self, 'wb').write(content[:3]); os._exit(9)\n"
        "Path.write_bytes = half\n"
        f"write_whole({str(path)!r}, 'the new text')"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=COURSE_DIR).returncode == 9
    assert path.read_text() == "old"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_):
        raise OSError("no")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no"):
        write_whole(path, "new")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_only_what_is_between_the_markers_changes(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("before\n<!-- t -->\nold\nold\n<!-- /t -->\nafter\n")
    replace_between_markers(path, "t", "new")
    assert path.read_text() == "before\n<!-- t -->\nnew\n<!-- /t -->\nafter\n"


@pytest.mark.parametrize(
    "text", ["", "<!-- t -->", "<!-- /t --><!-- t -->", 2 * "<!-- t --><!-- /t -->"]
)
def test_missing_doubled_or_swapped_markers_are_named(tmp_path, text):
    path = tmp_path / "a.md"
    path.write_text(text)
    with pytest.raises(MarkerError, match="<!-- t -->"):
        replace_between_markers(path, "t", "new")
    assert path.read_text() == text


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_rename_that_windows_refuses_is_tried_again(tmp_path, monkeypatch, refusals):
    left = [PermissionError("held by a virus scanner")] * refusals
    replace = os.replace

    def refuse(source, target):
        if left:
            raise left.pop()
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", refuse)
    monkeypatch.setattr(files.os, "name", "nt")
    (tmp_path / "new").mkdir()
    files.rename(str(tmp_path / "new"), str(tmp_path / "place"))
    monkeypatch.undo()
    assert (tmp_path / "place").is_dir() and not left


def test_a_rename_that_stays_refused_is_an_error(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError

    monkeypatch.setattr(files.os, "replace", refuse)
    monkeypatch.setattr(files, "SECONDS_OF_RETRIES", 0.1)
    for system in ("nt", "posix"):
        monkeypatch.setattr(files.os, "name", system)
        with pytest.raises(PermissionError):
            files.rename("new", "place")
    monkeypatch.undo()
