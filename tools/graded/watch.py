"""What a submission takes of the machine in all, seen from outside.

The system's own limits hold for one process each, and some of them not for root.
"""

MEMORY = 6 * 2**30  # bytes, of all its processes; a right submission takes one of six
PROCESSES = 300
EVERY = 0.25  # seconds


def excess(processes):
    """Say in words which limit processes pass together, or None.

    Args:
        processes: a list of psutil.Process.
    """
    if len(processes) > PROCESSES:
        return f"stopped: it started more than {PROCESSES} processes"
    most = _most_memory()
    if sum(map(_memory, processes)) > most:
        return f"stopped: it took more than {most / 2**30:.1f} GB of memory in all"
    return None


def _most_memory():
    import psutil  # nbgrader needs it, too

    return min(MEMORY, psutil.virtual_memory().total // 2)


def _memory(process):
    """Return the bytes that a process holds; of those that it shares, its share."""
    import psutil

    # What it shares the system may keep to itself; and it may end while it is asked.
    for ask in (process.memory_full_info, process.memory_info):
        try:
            held = ask()
        except psutil.NoSuchProcess:
            return 0
        except psutil.AccessDenied:
            continue
        return next(getattr(held, n) for n in ("pss", "uss", "rss") if hasattr(held, n))
    return 0
