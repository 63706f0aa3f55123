"""A notebook of the course as a page of the book: its figures as files, a way to it."""

import base64
import hashlib
import io
import re
from html import escape
from pathlib import PurePosixPath

from nbformat import NotebookNode
from PIL import Image

from tools.first_cell import CELL_ID, hosts

INLINE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
FIGURES, ORIGINALS = "figures", "notebooks"
MOST_PIXELS = 40_000_000  # of a figure; ours have two


def page_of(notebook, name, figures, address=""):
    """Turn a notebook into what Sphinx makes a page of; it is changed in place.

    Args:
        notebook: NotebookNode, with its outputs.
        name: its path in the course, such as "labs/Transfer.ipynb".
        figures: Path of the folder that the figures are written to.
        address: where the course's repository is on the web; "" if nobody has said it.

    Returns:
        The notebook.
    """
    up = "../" * (len(PurePosixPath(name).parts) - 1)
    stem = PurePosixPath(name).with_suffix("").as_posix().replace("/", "-")
    for k, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.id == CELL_ID or "sys.path.insert" in cell.source:
            cell.metadata.setdefault("tags", []).append("hide-input")
        if cell.metadata.get("nbgrader", {}).get("grade"):  # the check below a task
            cell.metadata.setdefault("tags", []).append("hide-input")
        for i, output in enumerate(cell.outputs):
            if "image/png" in output.get("data", {}):
                picture = image_of(output)
                file = f"{stem}-{k}{f'-{i}' if i else ''}.webp"
                (figures / file).write_bytes(webp(picture))
                about = output.metadata.get("image/png", {})
                tag = img(f"{up}{FIGURES}/{file}", picture.size, about)
                output.data = NotebookNode({"text/html": tag})
    title, _, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f"{title}\n\n{ways_to(name, up, address)}\n{rest}"
    return notebook


def image_of(output):
    """Return an output's figure."""
    return opened(output.data["image/png"])


def opened(png):
    """Return a picture that is written as base64."""
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"a figure has {image.width:,}×{image.height:,} pixels")
    return image.convert("RGB")  # ours are opaque: a fourth channel is only bytes


def webp(picture):
    """Return a picture as WebP: what is drawn as it is, photos with a little loss."""
    drawn = as_file(picture, lossless=True)
    if 16 * len(drawn) < picture.width * picture.height:
        return drawn  # less than half a bit a pixel: no photo
    photo = as_file(picture, quality=90)
    return photo if len(photo) < len(drawn) / 2 else drawn


def as_file(picture, **options):
    file = io.BytesIO()
    picture.save(file, "WEBP", method=4, **options)
    return file.getvalue()


def img(address, size, about):
    """Return the tag of a figure, which is loaded when a reader comes near to it.

    Args:
        address: where the figure is, as seen from its page.
        size: its width and height in pixels.
        about: what the notebook says about it: "alt", what it shows in words, and
            "width", the pixels of a page that it was made for, if these are fewer.
    """
    width = about.get("width", size[0])
    height = round(width * size[1] / size[0])
    alt = escape(about.get("alt", ""))
    return (
        f'<img src="{escape(address)}" alt="{alt}" width="{width}" '
        f'height="{height}" loading="lazy">'
    )


def ways_to(name, up, address):
    """Return a line of Markdown: where the notebook is, and where it can be opened."""
    file = PurePosixPath(name).name
    ways = [f'<a href="{up}{ORIGINALS}/{name}" download>{file}</a>']
    pages = hosts(name, address).items()
    ways += [f"[open in {host}]({page})" for host, page in pages]
    return (
        f"*This page is a notebook*: {' · '.join(ways)}. "
        "In the course's folder, `python3 course.py lab` opens a copy to work in.\n"
    )


def with_files(html, folder):
    """Return a page whose pictures are files beside it: several decks show the same.

    Args:
        html: the page, with its pictures in it.
        folder: Path of the folder that it is to be in.
    """
    (folder / FIGURES).mkdir(exist_ok=True)

    def file_of(match):
        name = f"{hashlib.sha256(match[1].encode()).hexdigest()[:16]}.webp"
        if not (folder / FIGURES / name).exists():
            (folder / FIGURES / name).write_bytes(webp(opened(match[1])))
        return f"{FIGURES}/{name}"

    return INLINE.sub(file_of, html)
