"""The names of a notebook that a student's function must do without.

What a function works with are its arguments: with other ones, it would still look at
the old data.
"""

import contextlib
import dis
import types
from collections.abc import Callable

LEFT = {}  # what the checks that ran before have left behind, by its name


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
        """Take these names out of the notebook for a while."""
        names = self.known
        kept = {name: names.pop(name) for name in self.hidden() if name in names}
        try:
            yield
        finally:
            names.update(kept)

    def leave(self):
        """Remember what the check leaves behind."""
        LEFT.update(self._own_data())
