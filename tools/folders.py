"""A folder that is made whole or not at all, in place of an older one."""

import errno
import re
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from utils.files import rename

LONGEST = 3600  # seconds; no folder of the course is so long in the making


@contextmanager
def made_whole(folder):
    """Yield an empty folder; when all has gone well, it takes the place of another.

    Whoever is killed leaves the old folder or the new one, whole; between the two
    renames the old one lies aside, and the next start puts it back. What else others
    have left is tidied away once nobody can be at work on it any more: two starts at
    once leave each other alone, and the later folder stays.

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
        for rest in _beside(folder, "new|old"):
            if rest in (new, old) or _age(rest) > LONGEST:
                shutil.rmtree(str(rest), ignore_errors=True)


def _beside(folder, words):
    """Return what was made beside a folder, by this start or another one."""
    ours = re.compile(rf"\.{re.escape(folder.name)}-({words})-[0-9a-f]{{8}}")
    there = folder.parent.iterdir() if folder.parent.is_dir() else ()
    return [path for path in there if ours.fullmatch(path.name)]


def _age(path):
    """Return how long ago something was changed last, in seconds."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:  # its own start has tidied it away
        return 0


def _put_back(folder):
    for old in _beside(folder, "old"):
        if not folder.exists():
            rename(old, folder)


@contextmanager
def build_is_written():
    """Say in a sentence that build/ cannot be written, where a program fails for it."""
    try:
        yield
    except OSError as error:
        raise SystemExit(
            f"{error}\nThe folder build/ cannot be written: {advice_on(error)}."
        ) from None


def advice_on(error):
    """Say what to do about an OSError where something of the course is written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room on its disk and start the same command again"
    return "copy the course to a folder of your own and start it there"
