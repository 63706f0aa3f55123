"""How many digits survive a photo, stage by stage of the reading, for both models.

    MNIST_DATA=full python -m benchmarks.handwriting

Test digits are photographed by utils.handwriting.photos, which knows nothing of the
reader, and read by utils.handwriting. Puts the tables into benchmarks/README.md.
Models: the runs "ann" and "cnn", yours or the shipped ones.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy import ndimage
from sklearn.metrics import accuracy_score

from utils import handwriting
from utils.data import load_test_images
from utils.environment import quiet_stderr
from utils.files import replace_between_markers
from utils.handwriting import HandwritingError, photos
from utils.runs import check_comparable, load_run

HERE = Path(__file__).parent
NOTHING = np.zeros((28, 28), np.float32)
IN_A_ROW = 6


def stages_of(photo):
    """Return what a network sees after each stage, name to image (28, 28) in [0, 1].

    The last one, turned upright by its slant, is not part of the reading.
    """
    seen = {"the photo, shrunk": NOTHING}
    try:
        page = handwriting.read_page(photo)
    except HandwritingError:
        return seen  # what could not be read counts as wrong
    seen["the photo, shrunk"] = handwriting.squeezed(page.stages["photo"])
    seen["even light, ink = 1"] = handwriting.squeezed(page.stages["ink"])
    seen["strokes, no lines"] = handwriting.squeezed(page.stages["without lines"])
    largest = max(range(len(page.boxes)), key=lambda k: size_of(page.boxes[k]))
    top, bottom, left, right = page.boxes[largest]
    digit = page.stages["without lines"][top:bottom, left:right]
    boxed = handwriting.in_box(digit)
    height, width = boxed.shape
    above, before = (28 - height) // 2, (28 - width) // 2
    middle = ((above, 28 - height - above), (before, 28 - width - before))
    seen["digit found, 20×20"] = np.pad(boxed, middle)
    seen["mass centred: all of it"] = page.images[largest] / 255
    seen["(and the slant removed)"] = handwriting.to_mnist(without_slant(digit))
    return seen


def size_of(box):
    top, bottom, left, right = box
    return (bottom - top) * (right - left)


def without_slant(digit):
    """Shear a digit until its mass stands upright, shape and values as before."""
    y, x = np.mgrid[: digit.shape[0], : digit.shape[1]]
    row, column = ndimage.center_of_mass(digit)
    slope = (digit * (y - row) * (x - column)).sum() / (digit * (y - row) ** 2).sum()
    room = int(abs(slope) * digit.shape[0]) + 1
    wide = np.pad(digit, ((0, 0), (room, room)))
    # Each new pixel comes from where the slant has put it.
    matrix = [[1, 0], [slope, 1]]
    return ndimage.affine_transform(wide, matrix, (0, -slope * row), order=1)


def both_models():
    runs = {"ANN": load_run("ann"), "CNN": load_run("cnn")}
    check_comparable(*runs.values())
    with quiet_stderr():
        models = {name: run.load_model() for name, run in runs.items()}
    return runs["CNN"], models


def read_by(model, images):
    """Return what a model reads, shape (n,); images (n, 28, 28), from 0 to 1."""
    x = np.asarray(images, np.float32).reshape(-1, *model.input_shape[1:])
    return model.predict(x, batch_size=250, verbose=0).argmax(axis=1)


def stage_tables(images, y_true, models):
    """Photograph and read all images in all settings; return Markdown tables."""
    tables = {name: {} for name in models}
    for number, (setting, conditions) in enumerate(photos.SETTINGS.items()):
        seen = {}
        for k, image in enumerate(images):
            photo = photos.photograph(image[None], conditions, seed=1000 * number + k)
            for stage, picture in stages_of(photo).items():
                seen.setdefault(stage, [NOTHING] * len(images))[k] = picture
        for name, model in models.items():
            for stage, pictures in seen.items():
                right = accuracy_score(y_true, read_by(model, pictures))
                tables[name].setdefault(stage, {})[setting] = right
        print(setting, {n: list(t.items())[-2] for n, t in tables.items()}, flush=True)
    lines = []
    for name, table in tables.items():
        lines += ["", f"| {name} | " + " | ".join(photos.SETTINGS) + " |"]
        lines += ["|---|" + "--:|" * len(photos.SETTINGS)]
        for stage, row in table.items():
            cells = [f"{100 * row[s]:.1f} %" for s in photos.SETTINGS]
            lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    return lines


def rows_table(images, y_true, model):
    """Photograph rows of digits; return Markdown: found, in order, right."""
    lines = [
        "",
        f"| {IN_A_ROW} digits in a row | pages with all {IN_A_ROW} found "
        "| CNN, digits right |",
        "|---|--:|--:|",
    ]
    rows = np.arange(len(images) // IN_A_ROW * IN_A_ROW).reshape(-1, IN_A_ROW)
    for setting, conditions in photos.SETTINGS.items():
        complete, right = 0, 0
        for k, row in enumerate(rows):
            photo = photos.photograph(images[row], conditions, seed=k)
            try:
                read = handwriting.read_page(photo).images / 255
            except HandwritingError:
                continue
            if len(read) == IN_A_ROW:
                complete += 1
                right += (read_by(model, read) == y_true[row]).sum()
        lines.append(
            f"| {setting} | {complete / len(rows):.0%} | {right / rows.size:.1%} |"
        )
        print(lines[-1], flush=True)
    return lines


def way_back(images, models):
    """Feed MNIST's digits through the reading; return a sentence on what changes."""
    read, began = [], time.perf_counter()
    for image in images:
        try:
            page = handwriting.read_page(image)
            largest = max(range(len(page.boxes)), key=lambda k: size_of(page.boxes[k]))
            read.append(page.images[largest] / 255)
        except HandwritingError:
            read.append(NOTHING)
    milliseconds = 1000 * (time.perf_counter() - began) / len(images)
    changed = {
        name: np.mean(read_by(model, read) != read_by(model, images / 255))
        for name, model in models.items()
    }
    shares = " and ".join(f"{share:.2%} of the {n}'s" for n, share in changed.items())
    return (
        f"The other way: {len(images):,} test digits of MNIST, fed through the reading "
        f"as they are ({milliseconds:.1f} ms each), change {shares} predictions."
    )


def main():
    """Measure and renew the part of benchmarks/README.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handwriting")
    parser.add_argument("--digits", type=int, default=1000, help="a setting (1000)")
    n = parser.parse_args().digits
    run, models = both_models()
    index, images = load_test_images(run.info["data"]["test_fingerprint"])
    y_true = run.y_true[index]
    drawn = np.random.default_rng(0).permutation(len(index))[:n]
    lines = [way_back(images, models)]
    print(lines[0], flush=True)
    lines += [
        "",
        f"Each cell of the first two tables: {n:,} digits; each line of the last: "
        f"{n // IN_A_ROW} pages.",
    ]
    lines += stage_tables(images[drawn], y_true[drawn], models)
    lines += rows_table(images[drawn], y_true[drawn], models["CNN"])
    replace_between_markers(HERE / "README.md", "handwriting", "\n".join(lines))


if __name__ == "__main__":
    main()
