"""Files that are written whole or not at all, and generated parts of files."""

import ast
import os
import subprocess
import sys

import pytest

from tools import folders
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


def plain_renames(program):
    """Yield the lines on which something is renamed by Python's own means.

    "a.replace(b)" with one argument is a path's; a text's has two.
    """
    for node in ast.walk(program):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        place, name = ast.unparse(node.func.value), node.func.attr
        plain = (place, name) in (("os", "rename"), ("os", "replace"))
        plain |= (place, name) == ("shutil", "move")
        one = len(node.args) == 1 and not node.keywords
        plain |= name in ("rename", "replace") and one and place != "files"
        if plain:
            yield node.lineno


def test_every_rename_waits_for_a_virus_scanner():
    for room in (".", "utils", "tools", "benchmarks"):
        for path in (COURSE_DIR / room).glob("*.py" if room == "." else "**/*.py"):
            found = list(plain_renames(ast.parse(path.read_text(encoding="utf-8"))))
            own = path == COURSE_DIR / "utils" / "files.py"
            assert len(found) == own, f"{path}, lines {found}: use utils.files.rename"


def test_plain_renames_are_seen():
    code = (
        "os.replace(a, b)\na.rename(b)\na.replace(b)\nt.replace(a, b)\nrename(a, b)\n"
    )
    code += "frame.rename(columns=c)\nshutil.move(a, b)\nfiles.rename(a, b)"
    assert list(plain_renames(ast.parse(code))) == [1, 2, 3, 7]


def test_a_folder_whose_last_rename_fails_stays_the_old_one(tmp_path, monkeypatch):
    folder = tmp_path / "slides"
    with folders.made_whole(folder) as new:
        (new / "page").write_text("old")
    renames = iter([files.rename, None, files.rename])

    def refused_once(source, target):
        if (rename := next(renames)) is None:
            raise PermissionError("held by a scanner")
        rename(source, target)

    monkeypatch.setattr(folders, "rename", refused_once)
    with pytest.raises(PermissionError), folders.made_whole(folder) as new:
        (new / "page").write_text("new")
    assert (folder / "page").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_two_folders_that_are_made_at_once_leave_each_other_alone(tmp_path):
    folder = tmp_path / "slides"
    with folders.made_whole(folder) as first:
        (first / "page").write_text("first")
        with folders.made_whole(folder) as second:
            (second / "page").write_text("second")
        assert (folder / "page").read_text() == "second"
        assert (first / "page").read_text() == "first"
    assert (folder / "page").read_text() == "first"
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_start_has_left_is_put_back_or_tidied_away(tmp_path):
    folder, mark = tmp_path / "slides", "0a1b2c3d"
    for word in ("new", "old"):
        (tmp_path / f".slides-{word}-{mark}").mkdir()
        (tmp_path / f".slides-{word}-{mark}" / "page").write_text(word)
    os.utime(tmp_path / f".slides-new-{mark}", (0, 0))
    with pytest.raises(ZeroDivisionError), folders.made_whole(folder):
        assert (folder / "page").read_text() == "old"
        raise ZeroDivisionError
    assert (folder / "page").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_with_a_name_like_ours_is_somebodys_own(tmp_path):
    names = {
        ".release-notes",
        ".release-old-notes",
        ".release-new-semester",
        "release-",
    }
    for name in names:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, 0))
    with folders.made_whole(tmp_path / "release") as new:
        (new / "page").write_text("new")
    assert set(os.listdir(tmp_path)) == names | {"release"}
