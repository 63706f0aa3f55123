"""A file from the network: whole and verified, or not there; no network costs seconds.

Keras' own downloads would wait for a silent server without end, and may leave half a
file.
"""

import threading

SECONDS_OF_SILENCE = 15  # a download that sends nothing for so long has failed


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
    import pooch

    algorithm, _, digest = known_hash.partition(":")
    try:
        return path.is_file() and pooch.file_hash(str(path), alg=algorithm) == digest
    except OSError:
        return False


def fetch(url, path, known_hash, seconds):
    """Download a file to its place, unless it is there already.

    Args:
        url: of the file.
        path: a pathlib.Path; what is there and is something else is replaced.
        known_hash: as is_whole() takes it.
        seconds: for a server that does not answer. One that does may take as long as
            the network needs.

    Raises:
        UnreachableError: no server answers within so many seconds.
        OSError: the folder cannot be written (PermissionError), or the network failed.
        ValueError: what came is not the file; nothing of it is kept.
    """
    import pooch

    if is_whole(path, known_hash):
        return
    if not answers(url, seconds):
        raise UnreachableError(f"{url} cannot be reached.")
    path.parent.mkdir(parents=True, exist_ok=True)
    # pooch downloads beside the place and renames only what has the right hash.
    pooch.get_logger().setLevel("WARNING")
    pooch.retrieve(
        url,
        known_hash=known_hash,
        fname=path.name,
        path=path.parent,
        downloader=pooch.HTTPDownloader(timeout=SECONDS_OF_SILENCE),
    )


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
        except (requests.RequestException, OSError):
            pass
        finally:
            finished.set()

    # A thread, because name resolution has no timeout of its own; a daemon, because a
    # notebook must be able to end while it still hangs.
    threading.Thread(target=ask, daemon=True).start()
    finished.wait(seconds)
    return reached.is_set()
