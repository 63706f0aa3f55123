"""The canvas in a real browser: milliseconds from stroke to prediction, and memory.

    python -m benchmarks.canvas          in a notebook, whose kernel answers
    python -m benchmarks.canvas --page   the page to draw in, which answers by itself

Opens the lab in JupyterLab and Chromium, draws strokes with the mouse, clears the
canvas after every tenth, and puts a table into benchmarks/README.md. A latency begins
with the first movement that the networks have not seen yet and ends when the page
shows their answer to it. Needs requirements-dev.txt and a Chromium.
"""

import argparse
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from tools import browser, draw_page
from utils.files import replace_between_markers

HERE = Path(__file__).parent
WARM_UP = 100  # strokes before memory is measured: caches fill once


def kernel_memory():
    """Return the resident set of the kernel that the browser's Jupyter runs, bytes."""
    for process in psutil.Process().children(recursive=True):
        if any("ipykernel" in part for part in process.cmdline()):
            return process.memory_info().rss
    raise RuntimeError("The kernel was not found.")


def page_memory(session):
    """Return the bytes of JavaScript objects that are still in use."""
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"]


def draw_strokes(page, canvas, n, seed):
    """Draw n random strokes; return their latencies in milliseconds."""
    rng = np.random.default_rng(seed)
    box = canvas.locator(".dc-paper").bounding_box()
    corner, side = np.array([box["x"], box["y"]]), box["width"]
    latencies = []
    for k in range(n):
        first, last = corner + side * rng.uniform(0.1, 0.9, (2, 2))
        page.mouse.move(*first)
        page.mouse.down()
        page.mouse.move(*last, steps=8)
        page.mouse.up()
        browser.wait_for_answer(page)
        latencies.append(float(canvas.get_attribute("data-latency")))
        if k % 10 == 9:
            canvas.locator(".dc-clear").click()
            browser.wait_for_answer(page)
    return latencies


def main():
    """Measure and renew a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.canvas")
    parser.add_argument("--strokes", type=int, default=1000)
    parser.add_argument(
        "--page", action="store_true", help="the page, not the notebook"
    )
    chosen = parser.parse_args()
    if browser.why_not():
        raise SystemExit(f"The canvas cannot be measured: {browser.why_not()}")
    measure, name = (measure_page, "page") if chosen.page else (measure_lab, "canvas")
    table = "\n".join(measure(chosen.strokes))
    print(table)
    replace_between_markers(HERE / "README.md", name, table)


def measure_page(n):
    """Return the lines of the table about the page that needs no kernel."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="course-page-"))
        page = stack.enter_context(browser.page_on_disk(draw_page.write(folder)))
        browser.wait_for_answer(page)
        canvas = page.locator(".digit-canvas")
        draw_strokes(page, canvas, WARM_UP, seed=0)
        latencies = draw_strokes(page, canvas, n, seed=1)
    median, slow = np.median(latencies), np.quantile(latencies, 0.95)
    return [
        f"| {n:,} strokes | |",
        "|---|--:|",
        f"| last movement to answer, median | {median:.0f} ms |",
        f"| last movement to answer, 95 of 100 | {slow:.0f} ms |",
    ]


def measure_lab(n):
    """Return the lines of the table about the notebook's canvas."""
    os.environ.setdefault("MNIST_DATA", "sample")
    address = f"lab/tree/{browser.LAB}"
    with browser.jupyter() as url, browser.page_of(url, address) as page:
        canvas = browser.run_to_canvas(page)
        session = page.context.new_cdp_session(page)
        draw_strokes(page, canvas, WARM_UP, seed=0)
        before = page_memory(session), kernel_memory()
        latencies = draw_strokes(page, canvas, n, seed=1)
        after = page_memory(session), kernel_memory()
    page_grown, kernel_grown = (b - a for a, b in zip(before, after, strict=True))
    return [
        f"| {n:,} strokes | |",
        "|---|--:|",
        f"| stroke to prediction, median | {np.median(latencies):.0f} ms |",
        f"| stroke to prediction, 95 of 100 | {np.quantile(latencies, 0.95):.0f} ms |",
        f"| memory of the page, before | {before[0] / 1e6:.1f} MB |",
        f"| memory of the page, grown by | {page_grown / 1e6:+.2f} MB |",
        f"| memory of the kernel, before | {before[1] / 1e6:.0f} MB |",
        f"| memory of the kernel, grown by | {kernel_grown / 1e6:+.2f} MB |",
    ]


if __name__ == "__main__":
    main()
