"""How many steps of Python a student's function takes: a loop over pixels shows."""

import sys

from utils.answers import Unusable, plain


def steps_of(function, arguments, names):
    """Count the steps of Python that a function takes: lines, and calls from them.

    Steps of the notebook count, in whatever cell they were written, or in a text that
    `exec` ran; those of libraries do not. What is returned is read to its end: a
    generator and a `map` loop only while somebody draws.

    Args:
        function: the student's function.
        arguments: what it is called with.
        names: the notebook's.

    Raises:
        Unusable: the function stopped the counting.
    """
    count, homes = 0, (names, getattr(function, "__globals__", names))

    def is_home(frame):
        there = frame.f_globals
        in_no_module = "__spec__" not in there  # what is imported has one
        return in_no_module or any(there is home for home in homes)

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
        stopped = sys.gettrace() is not trace
    finally:
        sys.settrace(before)
    if stopped:
        raise Unusable(
            "The steps of your function cannot be counted: something in it calls\n"
            "`sys.settrace`. Leave that out."
        )
    return count
