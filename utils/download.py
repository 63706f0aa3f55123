"""A file from the network: whole and verified, or not there; no network costs seconds.

Keras' own downloads would wait for a silent server without end, and may leave half a
file.
"""

import functools
import hashlib
import os
import threading
import time

from utils.bounded import MEGABYTE, BadFile, open_regular

SECONDS_BETWEEN_LINES = 2  # while it comes
LARGEST = 300 * MEGABYTE  # of what the course downloads
SECONDS_OF_SILENCE = 15  # a download that sends nothing for so long has failed
# So has one that sends fewer bytes in so many seconds: it would take a day.
SLOWEST, SECONDS_OF_PATIENCE = 10_000, 60


class UnreachableError(Exception):
    """No server answers: there is no network, or something is in the way."""


def is_whole(path, known_hash):
    """Tell whether a file is there and is the right one.

    Args:
        path: a pathlib.Path.
        known_hash: algorithm and digest, such as "sha256:731c…" or "md5:6d6b…".

    Returns:
        bool; False, too, where the file may not be read.
    """
    algorithm, _, digest = known_hash.partition(":")
    try:
        with open_regular(path, LARGEST) as file:
            return hashlib.file_digest(file, algorithm).hexdigest() == digest
    except (BadFile, OSError):
        return False


def fetch(url, path, known_hash, seconds):
    """Download a file to its place, unless it is there already; say how far it is.

    Args:
        url: of the file.
        path: a pathlib.Path; what is there and is something else is replaced.
        known_hash: as is_whole() takes it.
        seconds: for a server that does not answer. One that does may take as long as
            the network needs, if it sends SLOWEST bytes in SECONDS_OF_PATIENCE.

    Raises:
        UnreachableError: no server answers within so many seconds.
        OSError: the folder cannot be written (PermissionError), or the network failed.
        ValueError: what came is not the file; nothing of it is kept.
    """
    if is_whole(path, known_hash):
        return
    if is_other := os.path.lexists(path):
        print(
            f"{path} is not the file that belongs there: it is damaged, cut off or "
            "another one. It is not used."
        )
    if not answers(url, seconds):
        raise UnreachableError(f"{url} cannot be reached.")
    if is_other and not (path.is_file() and path.stat().st_size <= LARGEST):
        raise FileExistsError(f"{path} is in the way. Move it to another place")
    path.parent.mkdir(parents=True, exist_ok=True)
    _retrieve(url, path, known_hash)


def _retrieve(url, path, known_hash):
    """Download a file to its place; raises OSError and ValueError as fetch() does."""
    import pooch  # late: it needs lzma and bz2, and a file that is there does not

    progress = _PrintedProgress(path.name)
    # pooch downloads beside the place and renames only what has the right hash.
    pooch.get_logger().setLevel("WARNING")
    retrieve = functools.partial(
        pooch.retrieve,
        url,
        known_hash=known_hash,
        fname=path.name,
        path=path.parent,
        downloader=pooch.HTTPDownloader(
            timeout=SECONDS_OF_SILENCE, progressbar=progress
        ),
    )
    try:
        _watched(progress, retrieve)
    except ValueError as error:  # pooch names the hashes that differ
        raise ValueError(
            "what came is another file; it may be the page on which a network asks to "
            "log in"
        ) from error


def _watched(progress, download):
    """Call a function that downloads; give up where hardly anything comes.

    In a thread, because no limit of time ends a read of which a byte comes now and
    then; a daemon, as in answers().

    Raises:
        OSError: it was too slow; and whatever the function raises.
    """
    failures = []

    def call():
        try:
            download()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.1)
            progress.check_pace()
    finally:
        progress.is_wanted = False
    if failures:
        raise failures[0]


class _PrintedProgress:
    """What pooch tells of a download, as a line every few seconds: "2.1 of 11.5 MB"."""

    def __init__(self, name):
        self._name, self.total, self._done = name, 0, 0
        self._said = time.monotonic()
        self._before = 0, self._said  # how much had come, and when that was noted
        self.is_wanted = True

    def check_pace(self):
        """Raise an OSError where too little has come since it was noted."""
        done, now = self._done, time.monotonic()
        before, noted = self._before
        if done - before >= SLOWEST:
            self._before = done, now
        elif now - noted > SECONDS_OF_PATIENCE:
            raise OSError(
                f"the server sends fewer than {SLOWEST:,} bytes in "
                f"{SECONDS_OF_PATIENCE} seconds"
            )

    def update(self, n_bytes):
        """Take note of so many more bytes; end what would fill the disk."""
        if not self.is_wanted:
            raise OSError("nobody waits for it any more")
        self._done += n_bytes
        if self._done > LARGEST:
            size = f"{LARGEST / MEGABYTE:,.0f} MB"
            raise OSError(f"the server sends more than {size}, which is not the file")
        if time.monotonic() - self._said < SECONDS_BETWEEN_LINES:
            return
        self._said = time.monotonic()
        whole = f" of {self.total / MEGABYTE:.1f}" if self.total else ""
        print(f"Downloading {self._name}: {self._done / MEGABYTE:.1f}{whole} MB.")

    def reset(self):
        """Begin again, as pooch does before it reports the whole."""
        self._done = 0

    def close(self):
        """Say nothing more."""


def answers(url, seconds):
    """Tell whether a server answers within so many seconds, whatever is in the way.

    Args:
        url: what is asked for, without its content.
        seconds: how long to wait at most.

    Returns:
        bool.
    """
    import requests

    reached = threading.Event()
    finished = threading.Event()

    def ask():
        try:
            requests.head(url, timeout=seconds, allow_redirects=True).raise_for_status()
            reached.set()
        except Exception:  # a mistyped proxy raises what urllib3 likes
            pass
        finally:
            finished.set()

    # A thread, because name resolution has no timeout of its own; a daemon, because a
    # notebook must be able to end while it still hangs.
    threading.Thread(target=ask, daemon=True).start()
    finished.wait(seconds)
    return reached.is_set()
