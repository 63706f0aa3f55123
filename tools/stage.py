"""Inside the kernel of a show: three notebooks, one kernel, nobody in another's way.

tools/present.py starts it in the kernel of a lesson. Each notebook has a namespace of
its own, in which its cells ran before the show; a cell of the lesson runs in that of
the notebook that its id begins with. So one may jump back and forth.
"""

import os
import types
from pathlib import Path

import nbformat
from IPython import get_ipython
from IPython.utils.capture import capture_output

from tools.unseen import make_pictures

SHELL_NAMES = ("In", "Out", "_ih", "_oh", "_dh", "get_ipython", "exit", "quit")
TRAIN = "train"  # the tag of the cell that a saved run may stand in for
UNSEEN = "unseen"  # the tag of what a short section leaves out (tools/lesson.py)


class Stage:
    """The namespaces of a show's notebooks.

    Args:
        shell: the kernel's IPython shell.
    """

    def __init__(self, shell):
        self.shell = shell
        self.home = shell.user_module
        self.modules = {}
        self.unseen = {}  # what runs before a cell: dict from its id to sources
        shell.events.register("pre_run_cell", self.enter)

    def add(self, name):
        """Make an empty namespace for a notebook."""
        module = types.ModuleType("__main__")
        own = self.shell.user_ns
        module.__dict__.update({k: own[k] for k in SHELL_NAMES if k in own})
        self.modules[name] = module

    def enter(self, info):
        """Choose the namespace of the cell that is about to run.

        What comes from no cell runs at home; a cell that the teacher has added runs
        where the last one did.
        """
        name = (info.cell_id or "").partition("-")[0]
        module = self.modules.get(name) if info.cell_id else self.home
        if module is not None:
            self.shell.user_module = module
            self.shell.user_ns = module.__dict__
        with capture_output():
            for source in self.unseen.get(info.cell_id, ()):
                exec(source, self.shell.user_ns)

    def follow(self, show):
        """Remember what a lesson leaves out: it runs with the next cell that is seen.

        It was run beforehand, too; but cells that are run since may have used its names
        for something else, and a network that is built afresh has to be compiled
        afresh. What stands behind the last cell of a section that is seen does not run,
        unless the next section follows.

        Args:
            show: path of the lesson's notebook.
        """
        waiting, place = [], None
        for cell in nbformat.read(show, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            name, step_and_section, _ = cell.id.split("-", 2)
            section = int(step_and_section.partition("_")[2])
            if place not in ((name, section), (name, section - 1)):
                waiting = []
            place = name, section
            if UNSEEN in cell.metadata.get("tags", []):
                waiting.append(cell.source)
            elif waiting:
                self.unseen[cell.id], waiting = waiting, []

    def prepare(self, name, path, last):
        """Run a notebook's code up to the end of a section, without showing anything.

        The training is left out where a saved run can stand in for it.

        Args:
            name: "ANN", as the ids of its cells begin.
            path: of the notebook.
            last: number of the last section that is needed.

        Raises:
            RuntimeError: a cell failed; the message has its first line.
        """
        self.add(name)
        os.chdir(Path(path).parent)
        make_pictures(self.shell, False)
        try:
            self.run_all(name, path, last)
        finally:
            make_pictures(self.shell, True)

    def run_all(self, name, path, last):
        """Run the cells that prepare() has to."""
        skipped = None
        for cell in code_until(path, last):
            if TRAIN in cell.metadata.get("tags", []):
                skipped = cell
                continue
            error = self.run(name, cell)
            if error and skipped is not None:  # there is no run to go on from: train
                error = self.run(name, skipped) or self.run(name, cell)
            skipped = None
            if error:
                line = cell.source.strip().splitlines()[0]
                raise RuntimeError(f"{Path(path).name}, {line}: {error}") from error

    def run(self, name, cell):
        """Run a cell silently; return its exception, or None."""
        with capture_output():
            result = self.shell.run_cell(cell.source, cell_id=f"{name}-{cell.id}")
        return result.error_before_exec or result.error_in_exec


def code_until(path, last):
    """Yield the code cells of a notebook up to the end of its section number last."""
    for cell in nbformat.read(path, as_version=4).cells:
        number = cell.source.removeprefix("## ").partition(".")[0]
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            if not number.isdigit() or int(number) > last:
                return
        elif cell.cell_type == "code":
            yield cell


def open_stage():
    """Return the stage of this kernel."""
    return Stage(get_ipython())
