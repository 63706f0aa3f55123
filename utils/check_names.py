"""The names of a notebook that a student's function must do without.

What a function works with are its arguments: with other ones, it would still look at
the old data.
"""

import contextlib
import dis
import types
from collections.abc import Callable

from IPython import get_ipython

LEFT = {}  # what the checks that ran before have left behind, by its name
BEFORE = {}  # the notebook's names as they were before the cell that runs now
TAKEN = {}  # those of them that a check has used for something of its own


class Names:
    """The names around a check.

    Args:
        frame: of the check.
        without: names that are out of sight whatever they hold.
    """

    def __init__(self, frame, without):
        self.known, self._without = frame.f_globals, without
        # What the check itself calls x is not the student's x.
        steps = dis.get_instructions(frame.f_code)
        self._own = {s.argval for s in steps if s.opname.startswith("STORE_")}
        TAKEN.update(self._students())

    def _students(self):
        """Return what the student had under names that the check has made its own."""
        there = {k: BEFORE[k] for k in self._own & BEFORE.keys()}
        return {k: v for k, v in there.items() if LEFT.get(k) is not v}

    def _own_data(self):
        found = {k: self.known[k] for k in self._own & self.known.keys()}
        code = (types.ModuleType, Callable)
        return {k: v for k, v in found.items() if not isinstance(v, code)}

    def hidden(self):
        """Return the names that are out of sight while a student's function runs."""
        left = {k for k, v in LEFT.items() if self.known.get(k) is v}
        return left.union(self._without, self._own_data())

    @contextlib.contextmanager
    def out_of_sight(self):
        """Take these names out of the notebook for a while; put the student's in."""
        names, students = self.known, self._students()
        for name in self._without:
            students.pop(name, None)
        kept = {name: names.pop(name) for name in self.hidden() if name in names}
        kept |= {name: names[name] for name in students.keys() & names.keys()}
        names.update(students)
        try:
            yield
        finally:
            for name in students:
                names.pop(name, None)
            names.update(kept)

    def leave(self):
        """Remember what the check leaves behind."""
        LEFT.update(self._own_data())


def _note(_info=None):
    BEFORE.clear()
    BEFORE.update(get_ipython().user_ns)


def _give_back(_result=None):
    get_ipython().user_ns.update(TAKEN)
    TAKEN.clear()


# Elsewhere there are no cells, but one program from top to end.
if get_ipython() is not None:
    get_ipython().events.register("pre_run_cell", _note)
    get_ipython().events.register("post_run_cell", _give_back)
