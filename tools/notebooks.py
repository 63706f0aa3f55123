"""The committed notebooks, executed: in build/, or to renew their outputs.

    python -m tools.notebooks execute ANN_Model.ipynb CNN_Model.ipynb Comparison.ipynb
    python -m tools.notebooks render ANN_Model.ipynb
    python -m tools.notebooks renew ANN_Model.ipynb

Started by course.py in the course's folder. Messages are meant for students: a notebook
that fails is reported in a sentence, and its whole traceback is in build/.
"""

import logging
import os
import signal
import sys
import time
from pathlib import Path

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from tools.folders import build_is_written
from tools.formulas import FormulaError
from tools.notebook_file import read_notebook
from tools.pages import WIDGET, made_a_page, page_of
from tools.progress import BAR, ENGINE
from utils.bounded import BadFile
from utils.files import rename
from utils.places import COURSE_DIR

BUILD = Path("build")
# What JupyterLab writes, without the version of the Python that happened to run it.
# nbconvert needs it to write a script: without it the script is called .txt.
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


class QuietKernelManager(AsyncKernelManager):
    """Starts kernels whose own log does not appear between the lines printed here."""

    environment = ()  # pairs of name and value that its kernels see besides

    async def start_kernel(self, **options):
        BUILD.mkdir(exist_ok=True)
        options["env"] = {**os.environ, **dict(self.environment)}
        with open(BUILD / "kernel.log", "w") as log:
            await super().start_kernel(stdout=log, stderr=log, **options)


def execute(notebook, target, environment=None, **parameters):
    """Execute a notebook in the course's folder while a bar shows the progress.

    Args:
        notebook: path of the notebook, or the notebook itself.
        target: path of the executed notebook: it appears when all is done, or as far as
            it came when a cell fails, and is never half written.
        environment: variables for its kernel only, besides those of this process.
        parameters: values that count instead of those in its cell of parameters.

    Returns:
        The executed notebook.

    Raises:
        PapermillExecutionError: a cell failed.
        DeadKernelError: the notebook's Python process died.
    """
    manager = {"environment": tuple((environment or {}).items())}
    target = Path(target)
    partial = target.with_name(f".{target.name}")  # it is written after each cell
    try:
        done = papermill.execute_notebook(
            notebook,
            partial,
            parameters=parameters,
            cwd=COURSE_DIR,
            engine_name=ENGINE,
            kernel_name="python3",
            kernel_manager_class=type("Manager", (QuietKernelManager,), manager),
            coalesce_streams=True,  # the same text, however it came in pieces
            store_widget_state=False,  # pages show the still picture, with no script
            # leave: the bar makes way for what is printed next. disable: no terminal.
            progress_bar={
                "desc": f"{target.stem:12}",
                "bar_format": BAR,
                "leave": False,
                "disable": None,
            },
        )
    except (PapermillExecutionError, DeadKernelError):
        rename(partial, target)
        raise
    rename(partial, target)
    return done


def into_build(notebook):
    """Execute a notebook into build/; explain to students what fails.

    Returns:
        One line on what was done: notebook, cells, seconds.
    """
    source, target = read_notebook(notebook), BUILD / notebook.name
    target.unlink(missing_ok=True)  # none is better than that of an older run
    began = time.perf_counter()
    try:
        done = execute(source, target)
    except PapermillExecutionError as error:
        message = (error.evalue.strip() or "no message").splitlines()[0]
        raise SystemExit(
            f"{notebook} failed in cell [{error.exec_count}]: "
            f"{error.ename}: {message}\n"
            f"The notebook as far as it came, with the whole traceback: {target}"
        ) from None
    except DeadKernelError:
        raise SystemExit(
            f"{notebook} failed: its Python process died, most likely because memory "
            "ran out. Close other programs and try again.\n"
            f"The notebook as far as it came: {target}"
        ) from None
    except RuntimeError as error:  # so Jupyter says that a kernel did not begin
        raise SystemExit(
            f"{notebook} was not begun: its Python process did not answer "
            f"({str(error).rstrip('.')}). Close other programs and try again. If that "
            "does not help, a firewall may forbid programs of this computer to talk to "
            f"each other; what the process said is in {BUILD / 'kernel.log'}."
        ) from None
    seconds = time.perf_counter() - began
    return f"{notebook.stem:12} {len(done.cells):3} cells {seconds:5.0f} s"


def execute_all(notebooks):
    """Execute the notebooks into build/."""
    for notebook in notebooks:
        page = BUILD / notebook.with_suffix(".html").name
        page.unlink(missing_ok=True)  # no page is better than that of an older run
        print(into_build(notebook), flush=True)


def render(notebooks):
    """Make a page of each notebook that was executed into build/, where no book is."""
    pages = [BUILD / notebook.with_suffix(".html").name for notebook in notebooks]
    for notebook, page in zip(notebooks, pages, strict=True):
        executed = read_notebook(BUILD / notebook.name)
        with made_a_page(BUILD / notebook.name):
            html = page_of(executed, notebook.stem)
        page.write_text(html, encoding="utf-8")
    print("Open in a browser:", ", ".join(page.as_posix() for page in pages))


def renew(notebooks):
    """Execute the notebooks; when all have succeeded, put the new outputs in place."""
    for notebook in notebooks:
        print(into_build(notebook), flush=True)
    renewed = [BUILD / f"{notebook.stem}.renewed.ipynb" for notebook in notebooks]
    for notebook, new in zip(notebooks, renewed, strict=True):
        content = nbformat.writes(with_outputs_from(notebook, BUILD / notebook.name))
        new.write_text(content + "\n", encoding="utf-8", newline="\n")
    for notebook, new in zip(notebooks, renewed, strict=True):
        rename(new, notebook)  # at once: a reader sees the old one or the new one


def with_outputs_from(notebook, executed):
    """The notebook as it is, with the outputs of its executed twin.

    Timings, widgets' state and whatever else execution adds is left behind: executing
    again on another machine should change nothing but the numbers.
    """
    new, twins = read_notebook(notebook), read_notebook(executed).cells
    for cell, twin in zip(new.cells, twins, strict=True):
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        cell.execution_count = twin.execution_count
        cell.outputs = twin.outputs
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET, None)
            check_output(output, f"{notebook}, cell [{cell.execution_count}]")
    new.metadata.pop("widgets", None)
    new.metadata.update(METADATA)
    return new


def check_output(output, place):
    """Refuse what a reader of the committed notebook should not see."""
    if output.get("name") == "stderr":
        first = output.text.strip().splitlines()[0]
        raise SystemExit(f"{place} wrote to stderr; nothing was renewed: {first}")
    texts = [output.get("text", "")]
    texts += [text for kind, text in output.get("data", {}).items() if "text/" in kind]
    for path in (str(Path.cwd()), str(Path.home())):
        if any(path in text for text in texts):
            raise SystemExit(f"{place} shows a path of this machine: {path}")


def stop(_signal, _frame):
    """End like Ctrl-C does, and let nothing disturb the ending of the kernel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


TASKS = {"execute": execute_all, "render": render, "renew": renew}


def main(task, *names):
    """Do a task of TASKS with some notebooks; return the exit code."""
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    logging.disable(logging.ERROR)  # what matters is raised, and said here
    notebooks = [Path(name) for name in names]
    for notebook in notebooks:
        if not notebook.is_file():
            raise SystemExit(f"There is no notebook {notebook} in the course's folder.")
    try:
        with build_is_written():
            BUILD.mkdir(exist_ok=True)
            TASKS[task](notebooks)
    except KeyboardInterrupt:
        return 130  # course.py says the sentence
    except (BadFile, FormulaError) as error:
        raise SystemExit(str(error)) from None
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
