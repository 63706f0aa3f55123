"""Figures of the data: images, labels and pixels."""

import math

import matplotlib.pyplot as plt
import numpy as np

from utils.plots.shapes import as_digit, as_labels, as_picture, check_one_each
from utils.plots.style import (
    FRAME,
    GREEN,
    GREY,
    INK,
    SIGNED,
    YELLOW,
    colors,
    draw_image,
    new_figure,
)

ROOM = 4.5  # inches, for the rows of image_rows


def digit_grid(x, y, per_class=12, title=None):
    """Show the first images of each class, one class per row.

    Args:
        x: images, shape (n, 28, 28).
        y: labels, shape (n,).
        per_class: images a row.
        title: the figure's title; None says how many there are.

    Raises:
        ValueError: they are no images, or the labels are not one for each.
    """
    x = np.asarray(x)
    y = as_labels(y, len(x))
    high, wide = as_picture(x[0]).shape[:2] if len(x) else (28, 28)
    count = "Twelve" if per_class == 12 else per_class
    title = title or f"{count} of each digit"
    # One pair of axes for all: to draw 120 of them takes a second.
    figure, ax = new_figure(size=(8, 6.6), title=title)
    wide, high = 1.25 * wide, 1.2 * high  # with the paper around an image
    for digit in range(10):
        for k, image in enumerate(x[y == digit][:per_class]):
            draw_image(ax, image, place=(k * wide, digit * high))
    ax.set(xlim=(-1, per_class * wide), ylim=(10 * high, -1))
    ax.set_axis_off()
    return figure


def digit_as_numbers(image, title="One digit, as the computer has it"):
    """Show one image with the value of each pixel written on it.

    Args:
        image: shape (28, 28), integers from 0 to 255.
        title: the figure's title.
    """
    image = _inked_square(as_picture(image))
    figure, ax = new_figure(size=(7.5, 5.5), title=title)
    draw_image(ax, image, vmin=0, vmax=255, aspect=0.7)  # room for three digits
    for (row, column), value in np.ndenumerate(image):
        ink = "white" if value > 128 else "black" if value else GREY
        ax.text(column, row, value, ha="center", va="center", size=10, color=ink)
    return figure


def _inked_square(image, side=20):
    """Cut from an image the square in which MNIST draws its digits, around the ink."""
    corner = []
    for axis in (1, 0):
        inked = np.flatnonzero(image.any(axis=axis))
        middle = (
            (inked[0] + inked[-1] + 1) // 2 if inked.size else image.shape[axis] // 2
        )
        corner.append(
            np.clip(middle - side // 2, 0, max(image.shape[1 - axis] - side, 0))
        )
    top, left = corner
    return image[top : top + side, left : left + side]


def class_balance(labels, title="How many of each digit"):
    """Show the share of each digit in one or more sets.

    Args:
        labels: dictionary from the set's name to its labels, shape (n,).
        title: the figure's title.
    """
    figure, ax = new_figure(size=(8, 3.2), title=title)
    width = 0.8 / len(labels)
    order = colors(GREY, YELLOW, GREEN)
    for (k, (name, y)), color in zip(enumerate(labels.items()), order, strict=False):
        share = 100 * np.bincount(as_labels(y, len(y)), minlength=10) / max(1, len(y))
        ax.bar(np.arange(10) + k * width, share, width, label=name, color=color)
    ax.set_xticks(np.arange(10) + width * (len(labels) - 1) / 2, range(10))
    ax.set(xlabel="digit", ylabel="share of the set (%)")
    figure.legend(loc="outside right upper")
    return figure


def pixel_histogram(x, title="How dark the pixels are"):
    """Show the distribution of pixel values.

    Args:
        x: images, shape (n, 28, 28), integers from 0 to 255.
        title: the figure's title.

    Raises:
        ValueError: they are no bytes, scaled ones for example.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "iu" or not 0 <= x.min() <= x.max() <= 255:
        raise ValueError(
            f"The pixels are {x.dtype} from {x.min():g} to {x.max():g}. Expected whole "
            "numbers from 0 to 255: pass the digits as they were loaded, not scaled."
        )
    figure, ax = new_figure(size=(8, 3.2), title=title)
    counts = np.bincount(np.ravel(x), minlength=256)
    share = 100 * counts.reshape(16, 16).sum(axis=1) / counts.sum()
    ax.bar(np.arange(16) * 16 + 8, share, width=15, color=GREY)
    ax.set(
        xlabel="pixel value (0 = paper, 255 = ink)",
        ylabel="pixels (%, log scale)",
        yscale="log",
    )
    return figure


def images(
    pictures,
    captions=None,
    columns=6,
    title=None,
    signed=False,
    scale=1.4,
    true_size=False,
):
    """Show images in rows.

    Args:
        pictures: images, shape (n, height, width), or a list of images.
        captions: n texts, or None.
        columns: images a row.
        title: the figure's title.
        signed: draw positive red and negative blue, all on one scale.
        scale: inches per image.
        true_size: draw all pixels equally large, so that small images look small.
    """
    pictures = [as_picture(picture) for picture in pictures]
    n, has_captions = len(pictures), captions is not None
    if has_captions:
        check_one_each(n, captions=captions)
    columns = max(1, min(columns, n))
    rows = max(1, math.ceil(n / columns))
    tallest = max((p.shape[0] / p.shape[1] for p in pictures), default=1)
    height = rows * (scale * min(tallest, 1) + (0.3 if has_captions else 0.1)) + 0.5
    figure, axes = new_figure(
        rows, columns, size=(columns * scale, height), title=title, squeeze=False
    )
    limit = 1
    if signed:
        limit = max((np.abs(p.astype(float)).max() for p in pictures), default=1)
    options = {"cmap": SIGNED, "vmin": -limit, "vmax": limit} if signed else {}
    for ax in axes.flat:
        ax.set_axis_off()
    for k, picture in enumerate(pictures):
        caption = captions[k] if has_captions else ""
        draw_image(axes.flat[k], picture, **options)
        axes.flat[k].set_title(caption, size=10.5)
    if true_size and n:
        _same_scale(axes.flat[:n], pictures)
    return figure


def _same_scale(axes, pictures):
    """Give all axes the room of the largest picture, each picture in the middle."""
    room = max(max(p.shape[:2]) for p in pictures) / 2
    for ax, picture in zip(axes, pictures, strict=True):
        middle_y, middle_x = (np.array(picture.shape[:2]) - 1) / 2
        ax.set_xlim(middle_x - room, middle_x + room)
        ax.set_ylim(middle_y + room, middle_y - room)


def image_rows(rows, title, columns=8, scale=1.15):
    """Show rows of images, each row with a name at its left.

    Args:
        rows: dictionary from the row's name to (images, captions); images of shape
            (n, 28, 28), 0 = paper, a text each. Of more than fit, the first are shown.
        title: the figure's title.
        columns: images a row.
        scale: inches an image.
    """
    rows = rows or {"": ((), ())}
    height, above = 43, 14  # pixels of a place, those above for the caption
    # Many rows stand farther apart in width, or a slide would have to shrink them.
    width = max(31, round(len(rows) * scale * height / ROOM))
    # One large picture: a figure with an axes for each small one takes seconds.
    canvas = np.zeros((len(rows) * height, columns * width))
    size = ((columns + 1.2) * scale, len(rows) * scale * height / width + 0.4)
    figure, ax = new_figure(size=size, title=title)
    for row, (name, (pictures, captions)) in enumerate(rows.items()):
        top = row * height + above
        ax.text(-2, top + 14, name, ha="right", va="center", size=10)
        if len(pictures) == 0:
            ax.text(width / 2, top + 14, "none", ha="center", va="center", size=10)
        for k, picture, caption in zip(
            range(columns), pictures, captions, strict=False
        ):
            left = k * width + (width - 28) // 2
            canvas[top : top + 28, left : left + 28] = as_digit(picture)
            ax.add_patch(plt.Rectangle((left - 0.5, top - 0.5), 28, 28, **FRAME))
            middle = left + 14
            ax.text(middle, top - 1, caption, ha="center", va="bottom", size=9)
    ax.imshow(canvas, cmap=INK, vmin=0, vmax=canvas.max() or 1)
    ax.set_axis_off()
    return figure
