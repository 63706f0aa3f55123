"""A folder that is made whole or not at all, in place of an older one."""

import shutil
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from utils.files import rename


@contextmanager
def made_whole(folder):
    """Yield an empty folder; when all has gone well, it takes the place of another.

    Whoever is killed leaves the old folder or the new one, whole; between the two
    renames the old one lies aside, and the next start puts it back. One start at a time
    per folder: each tidies away what others have left.

    Args:
        folder: Path of the folder to make. An older one of this name stays as it is
            until the new one is complete.
    """
    folder, mark = Path(folder), uuid4().hex[:8]
    new, old = (folder.with_name(f".{folder.name}-{w}-{mark}") for w in ("new", "old"))
    _put_back(folder)
    new.mkdir(parents=True)
    try:
        yield new
        if folder.exists():
            rename(folder, old)
        rename(new, folder)
    finally:
        _put_back(folder)
        for rest in folder.parent.glob(f".{folder.name}-*"):
            shutil.rmtree(str(rest), ignore_errors=True)


def _put_back(folder):
    for old in folder.parent.glob(f".{folder.name}-old-*"):
        if not folder.exists():
            rename(old, folder)


@contextmanager
def build_is_written():
    """Say in a sentence that build/ cannot be written, where a program fails for it."""
    try:
        yield
    except OSError as error:
        raise SystemExit(
            f"{error}\nThe folder build/ cannot be written: copy the course to a "
            "folder of your own and start it there."
        ) from None
