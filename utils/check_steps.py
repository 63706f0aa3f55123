"""How many steps of Python a student's function takes: a loop over pixels shows."""

import sys

from utils.answers import plain


def steps_of(function, arguments, names):
    """Count the steps of Python that a function takes: lines, and calls from them.

    Steps of the notebook count, in whatever cell they were written. What is returned
    is read to its end: a generator and a `map` loop only while somebody draws.

    Args:
        function: the student's function.
        arguments: what it is called with.
        names: the notebook's.
    """
    count, homes = 0, (names, getattr(function, "__globals__", names))

    def is_home(frame):
        return any(frame.f_globals is home for home in homes)

    def trace(frame, event, _):
        nonlocal count
        if not is_home(frame):
            count += event == "call" and is_home(frame.f_back)
            return None
        count += event in ("line", "call")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        plain(function(*arguments))
    finally:
        sys.settrace(before)
    return count
