"""A folder that is made whole or not at all, in place of an older one."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from utils.files import rename


@contextmanager
def made_whole(folder):
    """Yield an empty folder; when all has gone well, it takes the place of another.

    Args:
        folder: Path of the folder to make. An older one of this name stays as it is
            until the new one is complete.
    """
    folder = Path(folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    partial.mkdir(parents=True)
    try:
        yield partial
        if folder.exists():
            rename(folder, old)
        rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
