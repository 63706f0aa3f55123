"""Files that are written whole or not at all."""

import os
import time
from pathlib import Path

SECONDS_OF_RETRIES = 2.0


class MarkerError(Exception):
    """A file has no place for a generated part; the message says what it needs."""


def rename(source, target):
    """Rename a file or folder, a file over an older one; try again where it is held.

    On Windows a virus scanner, the indexer or OneDrive holds a new file for a moment,
    and renaming it is refused. Elsewhere a refusal is final.

    Raises:
        OSError: it was refused for two seconds, or for another reason.
    """
    last = time.monotonic() + SECONDS_OF_RETRIES
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt" or time.monotonic() > last:
                raise
            time.sleep(0.05)


def write_whole(path, content):
    """Write a text or bytes; whoever reads meanwhile sees the old file or the new one.

    Args:
        path: the file.
        content: str, written as UTF-8 with "\\n" line ends, or bytes.

    Raises:
        OSError: the folder cannot be written; the old file is as it was.
    """
    path = Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        rename(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace_between_markers(path, name, content):
    """Put generated text between the lines <!-- name --> and <!-- /name --> of a file.

    Args:
        path: a Markdown file.
        name: what the markers say.
        content: str, Markdown.

    Raises:
        MarkerError: there is no such file, or the markers are not there once each, in
            this order.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MarkerError(f"There is no {path}.") from None
    try:
        write_whole(path, with_part(text, name, content))
    except MarkerError as error:
        raise MarkerError(f"{path} {error}") from None


def with_part(text, name, content):
    """Return a text with other content between its markers of this name.

    Raises:
        MarkerError: as replace_between_markers.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if not (text.count(begin) == text.count(end) == 1 and begin in text.split(end)[0]):
        raise MarkerError(
            f"needs the line {begin} and, below it, the line {end}, once each."
        )
    return f"{text.split(begin)[0]}{begin}\n{content}\n{end}{text.split(end)[1]}"
