"""Draw in the page: both shipped networks read a drawing in the browser, and no kernel.

    write("build/book")                      makes build/book/draw/index.html
    python -m tools.draw_page build/draw     makes build/draw/index.html

What is made opens by a double click, from a stick, without a network: no file is loaded
but by a plain script tag, which browsers allow there. README.md in this folder says why
TensorFlow.js computes the networks.
"""

import hashlib
import json
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from tools.draw_page.networks import for_the_page
from utils import canvas
from utils.canvas import strokes
from utils.corruptions import SIZE
from utils.files import write_whole
from utils.runs import REFERENCE_DIR, load_run

HERE = Path(__file__).parent
CANVAS = Path(canvas.__file__).parent
NAMES = {"ANN": "ann", "CNN": "cnn"}  # in the page, and of the runs
# What the page needs of TensorFlow.js; README.md says how it is made and renewed.
RUNTIME = "tf.js"
LICENCE = "LICENSE"
# In this order: each uses what the ones before it define.
OURS = ("form.js", "damage.js", "layers.js", "page.js")
SCRIPTS = (CANVAS / "pad.js", *(HERE / name for name in OURS))
STYLES = (CANVAS / "canvas.css", HERE / "page.css")


def write(folder, home=None):
    """Write the page and all that it needs into the folder draw/ below a folder.

    Args:
        folder: str or Path, made where it is missing.
        home: address of the book's first page as seen from the page, such as
            "../index.html"; the page links it.

    Returns:
        Path of the page, folder/draw/index.html.

    Raises:
        RunError: a shipped run is damaged.
        RuntimeError: a file of TensorFlow.js is not the one that was checked.
    """
    return write_page(Path(folder, "draw"), home)


def write_page(folder, home=None):
    """Write the page into a folder of its own; see write().

    Returns:
        Path of the page, folder/index.html.
    """
    folder = Path(folder)
    (folder / "runtime").mkdir(parents=True, exist_ok=True)
    for name in (RUNTIME, LICENCE):
        write_whole(folder / "runtime" / name, _checked(name))
    runs = {
        shown: load_run(name, announce=False, folder=REFERENCE_DIR)
        for shown, name in NAMES.items()
    }
    # A letter of a weight has two bytes in UTF-16 and three in UTF-8; a browser knows a
    # script in UTF-16 by its first two bytes.
    write_whole(folder / "networks.js", f"\ufeff{_networks(runs)}".encode("utf-16-le"))
    write_whole(folder / "known.js", _known())
    scripts = [f"runtime/{RUNTIME}", "networks.js", "known.js"]
    for script in SCRIPTS:
        write_whole(folder / script.name, script.read_bytes())
        scripts.append(script.name)
    style = "\n".join(part.read_text(encoding="utf-8") for part in STYLES)
    write_whole(folder / "draw.css", style)
    page = folder / "index.html"
    write_whole(page, _page(scripts, runs, home))
    return page


def _checked(name):
    """Return the content of a file of the runtime; it is the one that was looked at."""
    content = (HERE / "runtime" / name).read_bytes()
    sums = (HERE / "runtime/SHA256SUMS").read_text(encoding="utf-8").split()
    digests = dict(zip(sums[1::2], sums[::2], strict=True))
    if hashlib.sha256(content).hexdigest() != digests[name]:
        raise RuntimeError(
            f"{HERE / 'runtime' / name} is not the file that came with the course. "
            f"Bring it back: git checkout tools/draw_page/runtime/{name}"
        )
    return content


def _networks(runs):
    """Return the script with both networks."""
    networks = {name: for_the_page(run.load_model()) for name, run in runs.items()}
    return _constants(NETWORKS=networks)


def _known():
    """Return the script with what else the page knows: examples and noise."""
    examples = [
        [strokes.path(stroke).round(4).tolist() for stroke in drawing]
        for drawing in strokes.DIGITS
    ]
    # The noise that utils.corruptions adds to a single image with its usual seed.
    drawn = np.random.default_rng(0).standard_normal(SIZE * SIZE, dtype=np.float32)
    return _constants(EXAMPLES=examples, NOISE=drawn.astype(float).round(6).tolist())


def _constants(**values):
    lines = [
        f"const {name} = {json.dumps(value, ensure_ascii=False)};\n"
        for name, value in values.items()
    ]
    return "".join(lines)


def _page(scripts, runs, home):
    tags = [f'<script defer src="{script}"></script>' for script in scripts]
    networks = [
        f"<li><b>{name}</b>: {run.info['parameters']:,} weights, "
        f"{run.info['test_accuracy']:.2%} of MNIST's test digits read correctly.</li>"
        for name, run in runs.items()
    ]
    link = f'<nav><a href="{escape(home)}">The course</a></nav>' if home else ""
    template = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        scripts="\n".join(tags),
        networks="\n".join(networks),
        home=link,
        maps=canvas.MAPS_SHOWN,
    )
