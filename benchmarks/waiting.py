"""What a class waits for: seconds to the first figure, whole time, peak memory.

    MNIST_DATA=full python -m benchmarks.waiting

Executes each notebook in a fresh kernel, with its runs in a folder of its own, and puts
the table into benchmarks/README.md. Peak memory is the kernel's largest resident set,
as the operating system counts it.
"""

import os
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from utils.files import replace_between_markers
from utils.places import COURSE_DIR, NOTEBOOKS

HERE = Path(__file__).parent
PEAK = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def measure(name):
    """Execute a notebook; return seconds to a figure, seconds in all, peak bytes."""
    notebook = nbformat.read(COURSE_DIR / name, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    first_figure = []

    def look(cell, **_):
        shown = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        if shown and not first_figure:
            first_figure.append(time.perf_counter() - began)

    began = time.perf_counter()
    NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": COURSE_DIR}},
        on_cell_executed=look,
    ).execute()
    kilobytes = int(notebook.cells[-1].outputs[0].text)
    return first_figure[0], time.perf_counter() - began, 1024 * kilobytes


def main():
    """Measure all notebooks and renew the table."""
    lines = [
        "| notebook | first figure | whole notebook | peak memory |",
        "|---|--:|--:|--:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RUNS_DIR"] = folder
        for name in NOTEBOOKS:
            first, whole, peak = measure(name)
            title, gigabytes = Path(name).stem, peak / 1e9
            lines.append(
                f"| {title} | {first:.1f} s | {whole:.0f} s | {gigabytes:.2f} GB |"
            )
            print(lines[-1], flush=True)
    replace_between_markers(HERE / "README.md", "waiting and memory", "\n".join(lines))


if __name__ == "__main__":
    main()
