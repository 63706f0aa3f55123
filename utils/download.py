"""Whether a server is within reach, decided in seconds."""

import threading


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
