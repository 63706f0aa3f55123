"""Notebooks that train, spread over processes or machines like the lab's sweep.

A worker gets a notebook and parameters, and gives the files of the saved run back: the
machines need no folder in common, but the course and the same digits on each.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat.v4 import new_code_cell
from papermill.exceptions import PapermillExecutionError

from tools import notebooks
from utils.data import load_mnist
from utils.labs.spread import SweepError, connect, own_digits, spread

NO_PICTURES = """\
from tools.unseen import make_pictures

make_pictures(get_ipython(), False)
"""


class Training(NamedTuple):
    """A notebook that trains a model and saves its run."""

    notebook: dict  # a NotebookNode
    run_name: str
    parameters: dict  # they count instead of those in its cell of parameters
    folder: Path  # for the run


def add_options(parser):
    """Let a command line say where to train."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=int, default=0, help="train so many at a time, a core each"
    )
    where.add_argument(
        "--scheduler", default="", help="train on the workers of a Dask scheduler"
    )


@contextlib.contextmanager
def workers(options):
    """Give a Dask client as the command line says; None: one after the other, here."""
    if options.scheduler or options.workers:
        with connect(options.scheduler, options.workers) as client:
            yield client
    else:
        yield None


def train(trainings, client, kept_in):
    """Train here or on workers; yield each name with the folder of its run.

    Args:
        trainings: dictionary from a name to a Training.
        client: of Dask, as workers() gives it; None: here, one after the other.
        kept_in: where whoever calls this keeps the runs, for messages.

    Raises:
        SweepError: as utils.labs.spread.spread() has it.
    """
    if not client:
        for name, training in trainings.items():
            print(f"{name}: training …", flush=True)
            yield name, run_notebook(*training)
        return
    with contextlib.redirect_stdout(None):
        mark = load_mnist().mark()
    tasks = {
        name: (without_outputs(each.notebook), *each[1:3], mark)
        for name, each in trainings.items()
    }
    for name, files in spread(client, run_remotely, tasks, kept_in):
        folder = trainings[name].folder / trainings[name].run_name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        yield name, folder


def run_notebook(notebook, run_name, parameters, folder):
    """Run a notebook as a Training says; return the folder of the run it saves."""
    folder = Path(folder).resolve()  # notebooks are executed in the course's folder
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{run_name}.ipynb"
    unseen = nbformat.from_dict(notebook)  # a copy
    unseen.cells.insert(0, new_code_cell(NO_PICTURES))
    notebooks.execute(unseen, target, {"RUNS_DIR": str(folder)}, **parameters)
    return folder / run_name


def run_remotely(text, run_name, parameters, mark):
    """Run a notebook on this worker; return its run's files, from name to bytes.

    Raises:
        SweepError: a cell failed, or this process has other digits.
    """
    own_digits(mark)
    notebook = nbformat.reads(text, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = run_notebook(notebook, run_name, parameters, folder)
        except PapermillExecutionError as error:  # cannot travel: it does not unpickle
            raise SweepError(f"{error.ename}: {error.evalue}") from None
        return {file.name: file.read_bytes() for file in run.iterdir()}


def without_outputs(notebook):
    """Return a notebook as text, without its outputs: a tenth of the size."""
    bare = nbformat.from_dict(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(bare)
