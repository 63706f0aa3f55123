"""What a submission takes of the machine in all, seen from outside.

The system's own limits hold for one process each, and some of them not for root.
"""

MEMORY = 6 * 2**30  # bytes, of all its processes; a right submission takes one of six
PROCESSES = 300
LEAST = 0.05  # of the machine's memory: so much must stay available
EVERY = 0.25  # seconds


def excess(processes):
    """Say in words which limit processes pass together, or None.

    Args:
        processes: a list of psutil.Process.
    """
    if len(processes) > PROCESSES:
        return f"stopped: it started more than {PROCESSES} processes"
    held = 0
    # Of a process in many pieces it takes a while to add them up; meanwhile the others
    # may fill the machine, with what the kernel holds for them, too: files in memory.
    for process in [None, *processes]:
        total, available = _of_the_machine()
        if available < LEAST * total:
            return "stopped: hardly any memory of this machine was left"
        most = min(MEMORY, total // 2)
        held += _memory(process) if process else 0
        if held > most:
            return f"stopped: it took more than {most / 2**30:.1f} GB of memory in all"
    return None


def _of_the_machine():
    """Return the bytes of this machine's memory: all of it, and what is available."""
    import psutil  # nbgrader needs it, too

    memory = psutil.virtual_memory()
    return memory.total, memory.available


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
