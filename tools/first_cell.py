"""The cell that every notebook of the course begins with, and the address in it.

    python -m tools.first_cell            put the cell into every notebook
    python -m tools.first_cell ADDRESS    the same, with a new address of the course

A notebook has to find the course before it can import anything of it, so this cell is
written out in each of them. The address, of the course's public Git repository, is kept
in pyproject.toml, under [tool.course]; Colab and Kaggle fetch the course from there,
and the README links to them once it is known.
"""

import json
import re
import sys
import tomllib

from utils.files import replace_between_markers, write_whole
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

CELL_ID = "the-first-cell"
CELL = """\
import os
import subprocess
import sys
from pathlib import Path

ADDRESS = os.environ.get("COURSE_ADDRESS", "<address>")
here = Path(globals().get("__vsc_ipynb_file__", "notebook")).resolve().parent
around = [here, *here.parents, here / "ann-vs-cnn-on-mnist"]  # where the course may be
course = next((f for f in around if (f / "utils/environment.py").exists()), around[-1])
hosted = any(name.startswith(("COLAB_", "KAGGLE_KERNEL")) for name in os.environ)
lost = f"Open this in the whole course's folder, not in {here}."
if hosted and not course.exists():
    lost = f"No course at '{ADDRESS}'. Switch the Internet on or upload it as {course}."
    subprocess.run(["git", "clone", "-q", "--depth=1", ADDRESS, course])
if not (course / "utils").exists():
    raise FileNotFoundError(lost)
sys.path.insert(0, str(course))
from utils.environment import set_up

set_up()
"""


def notebooks():
    """Return the paths of all notebooks that begin with the cell."""
    listed = [COURSE_DIR / name for name in (*NOTEBOOKS, *LABS)]
    return listed + sorted(COURSE_DIR.glob("exercises/source/*/*_Exercises.ipynb"))


def address():
    """Return where the course can be fetched from; "" while nobody has said it."""
    settings = tomllib.loads(
        (COURSE_DIR / "pyproject.toml").read_text(encoding="utf-8")
    )
    return settings["tool"]["course"]["address"]


def hosts(name, address):
    """Return where a notebook opens with a click: dict from a host's name to a page.

    Args:
        name: the notebook's place in the course.
        address: of the course; the hosts fetch from GitHub, from elsewhere there is
            none.
    """
    if not address.startswith("https://github.com/"):
        return {}
    place = address.removeprefix("https://github.com/").strip("/").removesuffix(".git")
    file = f"{place}/blob/main/{name}"
    return {
        "Colab": f"https://colab.research.google.com/github/{file}",
        "Kaggle": f"https://www.kaggle.com/kernels/welcome?src=https://github.com/{file}",
        "Binder": f"https://mybinder.org/v2/gh/{place}/main?labpath={name}",
    }


def links(address):
    """Return the README's lines with these pages, one for each host."""
    lines = {}
    for name in NOTEBOOKS:
        for host, page in hosts(name, address).items():
            words = f"[`{name.removesuffix('.ipynb')}`]({page})"
            lines[host] = f"{lines[host]} · {words}" if host in lines else words
    return "\\\n".join(f"Open in {host}: {text}." for host, text in lines.items())


def source():
    """Return the cell's source, with the address in it."""
    return CELL.replace("<address>", address()).rstrip("\n")


def with_first_cell(notebook):
    """Return a notebook's JSON with the cell in its place, before all other code."""
    first = next(k for k, c in enumerate(notebook["cells"]) if c["cell_type"] == "code")
    cell = notebook["cells"][first]
    if "sys.path" not in "".join(cell["source"]):
        cell = {
            "cell_type": "code",
            "execution_count": None,
            "id": CELL_ID,
            "metadata": {"slideshow": {"slide_type": "skip"}},
            "outputs": [],
        }
        first = 1  # below the title
        notebook["cells"].insert(first, cell)
    cell["source"] = source().splitlines(keepends=True)
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    if code[-1]["execution_count"] is not None:  # an exercise is not executed
        for number, each in enumerate(code, start=1):
            for part in (each, *each["outputs"]):
                if "execution_count" in part:
                    part["execution_count"] = number
    return notebook


def main(new_address=None):
    """Put the cell, with a new address if given, into every notebook and the README."""
    if new_address is not None:
        if not re.fullmatch(r"(https://[\w./~-]+)?", new_address):
            print(f"{new_address} is no address like https://…", file=sys.stderr)
            return 1
        path = COURSE_DIR / "pyproject.toml"
        text = path.read_text(encoding="utf-8")
        line = f'address = "{new_address}"'
        write_whole(path, re.sub(r'(?m)^address = ".*"', line, text))
    for path in notebooks():
        notebook = json.loads(path.read_text(encoding="utf-8"))
        new = json.dumps(with_first_cell(notebook), indent=1, ensure_ascii=False)
        write_whole(path, new + "\n")
    replace_between_markers(COURSE_DIR / "README.md", "hosts", links(address()))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
