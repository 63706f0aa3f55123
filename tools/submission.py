"""A submission while it is graded: its process, the judge's, and what they say.

The student's cells and functions run in the one, the checks in the other. Each may fall
silent, and neither may answer late: an answer belongs to the question before it.
"""

import time

from tools.graded import frames, sandbox

JUDGE_SECONDS = 60  # more than a cell's, for what the judge itself computes
MOST_CELLS = 20  # that may take so long; after that, the rest of a notebook is not run
MOST_TEXT = 2_000_000  # characters of a notebook's outputs that are kept


class Submission:
    """The two processes of a submission, and what they say to each other."""

    def __init__(self, source, clean, kind, seconds):
        self._clean, self._kind, self._seconds = clean, kind, seconds
        self._end = time.monotonic() + MOST_CELLS * seconds
        self._done = []  # what has run in the student's process
        self._failed = {}  # what stopped cells with an answer, by the cell's name
        self.was_late = False  # since whoever asks has last set it so
        self._room = MOST_TEXT
        self._source = source
        self._worker, self._judge = self._start(), self._start_judge()

    def _start(self):
        module = ("tools.graded.worker",)
        return sandbox.Process(self._kind, module, self._clean["student"])

    def _start_judge(self):
        # The judge is the course's own; as another user it could not read the source.
        own = "plain" if self._kind == "user" else self._kind
        module = "tools.graded.judge", f"../source/{self._source}"
        return sandbox.Process(own, module, self._clean["judge"])

    def run(self, cell):
        """Run a student's cell; return what it printed, and its error."""
        said, error = self._run(cell)
        if error and (name := cell.metadata.get("nbgrader", {}).get("grade_id")):
            self._failed[name] = self._plain(error.get("text"))
        return said, error

    def _run(self, cell):
        deadline = self._deadline()
        if time.monotonic() >= self._end:
            return "", self._silent(None, deadline)
        try:
            reply = self._answer({"do": "run", "source": cell.source}, b"", deadline)[0]
        except (frames.Silence, OSError) as silence:
            error = self._silent(silence, deadline)
            self._restart()
            return "", error
        self._done.append(cell.source)
        return reply.get("said"), reply.get("error")

    def kept(self, value):
        """Return a text that a file in UTF-8 can hold, as far as there is room for it.

        Half a character becomes "?"; what is no text, nothing.
        """
        text = self._plain(value)[: self._room]
        self._room -= len(text)
        return text

    @staticmethod
    def _plain(value):
        text = value[:20_000] if isinstance(value, str) else ""
        return text.encode("utf-8", "replace").decode("utf-8")

    def _deadline(self):
        return min(time.monotonic() + self._seconds, self._end)

    def _answer(self, words, blobs, deadline):
        """Ask the student's process, which may neither listen nor answer."""
        frames.send(self._worker.question, words, blobs, deadline)
        return frames.receive(self._worker.answer, deadline)

    def judge(self, name):
        """Run one of the checks in the judge; pass on what it asks for."""
        deadline = self._deadline()
        if time.monotonic() >= self._end:
            return "", self._silent(None, deadline)
        try:
            return self._judged(name, deadline)
        except (frames.Silence, OSError) as silence:
            # What it may still say must not be taken for the answer to another check.
            self._judge.end()
            late = isinstance(silence, frames.TooLate)
            self.was_late |= late
            why = self._judge.stopped_for or f"is silent: {silence}"
            if late:
                why = "has looked too long at what your answer returned: a right one "
                why += "is checked in seconds. Is yours much larger than it has to be?"
            self._judge = self._start_judge()
            return "", {"kind": "JudgeError", "text": f"The judge {why}"}

    def _judged(self, name, deadline):
        frames.send(self._judge.question, {"cell": name})
        while True:
            # The student's process is waited for in _ask; this is the judge's own time.
            patience = time.monotonic() + self._seconds + JUDGE_SECONDS
            words, blobs = frames.receive(self._judge.answer, patience)
            if "ask" not in words:
                return words["said"], words["error"]
            reply, data = self._ask(words["ask"], blobs, deadline)
            frames.send(self._judge.question, {"reply": reply}, data)

    def _ask(self, words, blobs, deadline):
        try:
            reply, data = self._answer(words, blobs, deadline)
        except (frames.Silence, OSError) as silence:
            error = self._silent(silence, deadline) | {"where": words.get("name")}
            self._restart()
            return {"error": error}, b""
        return {**reply, "failed": self._failed.get(words.get("cell"))}, data

    def _silent(self, silence, deadline):
        late = silence is None or isinstance(silence, frames.TooLate)
        self.was_late |= late
        why = self._worker.stopped_for or str(silence)
        if late:
            why = f"stopped after {self._seconds} seconds"
        if late and deadline == self._end:
            why = f"stopped after {MOST_CELLS * self._seconds} seconds for all cells"
        return {"kind": "CellTimeoutError" if late else "DeadKernelError", "text": why}

    def _restart(self):
        """Start the student's process anew; run again what had run in it.

        Where that takes too long now, it begins with nothing: an answer that comes late
        must not be taken for that to another question.
        """
        self._worker.end()
        self._worker = self._start()
        try:
            for source in self._done:
                words = {"do": "run", "source": source}
                self._answer(words, b"", self._deadline())
        except (frames.Silence, OSError):
            self._worker.end()
            self._worker, self._done = self._start(), []

    def end(self):
        try:
            self._worker.end()
        finally:
            self._judge.end()
