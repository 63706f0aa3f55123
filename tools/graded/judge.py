"""The process that judges: python -m tools.graded.judge NOTEBOOK

It runs the course's own cells, from the source of the exercises, and its checks with
their hidden tests; a student's functions are asked through the grading process. No line
of a student's runs here: whatever a submission does to NumPy, to the checks or to the
notebook's machinery, it does not change how it is judged.
"""

import contextlib
import io
import os
import pickle
import sys

import nbformat

from tools.graded import frames, sandbox
from utils.answers import Unusable
from utils.model_answers import reopened


class There(Exception):
    """Something was raised in the student's process; `there` says what and where."""


class Remote:
    """A student's function: it is called in the student's process."""

    def __init__(self, name, ask, cell=None):
        self.__name__, self._ask, self._cell = name, ask, cell

    def __call__(self, *arguments, **keywords):
        return self.call_there((arguments, keywords), (), None)[0]

    def call_there(self, handed, without, seed):
        words = {"do": "call", "name": self.__name__, "without": list(without)}
        came, after = self._asked({**words, "seed": seed}, handed)
        if isinstance(came, bytes):
            came = reopened(came)
        return came, after

    def steps_there(self, arguments):
        return self._asked({"do": "steps", "name": self.__name__}, ((arguments,), {}))

    def _asked(self, words, handed):
        reply, data = self._ask({**words, "cell": self._cell}, pickle.dumps(handed))
        error = reply.get("error")
        if not error:
            value = reply.get("value")
            return (
                int(value) if isinstance(value, int) else frames.unpacked(value, data)
            )
        if error.get("kind") == "Unusable":
            raise Unusable(str(error.get("text")).partition(": ")[2])
        missing = error.get("missing")
        raised = NameError(name=missing) if missing else There()
        if error.get("kind") == "NotImplementedError" and error.get("own"):
            raised = NotImplementedError()
        if missing == self.__name__ and not error.get("inside"):
            raise Unusable(self._undefined(reply.get("failed")))
        told = (error.get(key) or "" for key in ("text", "where", "line"))
        raised.there = tuple(map(str, told))
        raise raised

    def _undefined(self, failed):
        """Say why there is no function: its cell stopped, or it has another name."""
        if failed:
            return f"The cell that defines `{self.__name__}` stopped:\n{failed}"
        return (
            f"Not written yet: `{self.__name__}` is defined in no cell above.\n"
            "Keep the name that the task gives, and the answer above its check."
        )


def main(notebook):
    answers, questions = os.dup(1), os.dup(0)
    os.dup2(2, 1)
    sandbox.limit_this_process()  # a student's network is built here, whatever it takes

    def ask(words, blobs):
        frames.send(answers, {"ask": words}, blobs)
        reply, data = frames.receive(questions)
        return reply["reply"], data

    names = {"__name__": "__main__"}
    cells, before = {}, {}  # what a check needs has run, whatever a student's copy has
    given = []  # the course's own cells, as they come
    for cell in nbformat.read(notebook, 4).cells:
        kind = cell.metadata.get("nbgrader", {})
        cells[kind.get("grade_id")] = cell.source
        before[kind.get("grade_id")] = len(given)
        if cell.cell_type == "code" and kind.get("locked") and not kind.get("grade"):
            given.append(cell.source)
        if kind.get("solution"):  # its first line defines the student's function
            name = cell.source.split("def ", 1)[1].split("(", 1)[0]
            names[name] = Remote(name, ask, kind["grade_id"])
    n_given = 0
    while True:
        words, _ = frames.receive(questions)
        while n_given < before[words["cell"]]:
            with (
                contextlib.suppress(Exception),
                contextlib.redirect_stdout(io.StringIO()),
            ):
                exec(compile(given[n_given], "given", "exec"), names)
            n_given += 1
        said, error = io.StringIO(), None
        try:
            with contextlib.redirect_stdout(said):
                exec(compile(cells[words["cell"]], words["cell"], "exec"), names)
        except Exception as raised:  # a NotYet, or a check that cannot cope
            error = {"kind": type(raised).__name__, "text": str(raised)[:4000]}
        frames.send(answers, {"said": said.getvalue()[:20_000], "error": error})


if __name__ == "__main__":
    main(sys.argv[1])
