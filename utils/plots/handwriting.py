"""Figures of your own digits: drawn in the notebook, or read from a photo."""

import math

import numpy as np
from matplotlib.patches import Rectangle

from utils.plots.style import GREEN, GREY, INK, draw_image, model_color, new_figure

PHOTO_DPI = 150  # at 200, files are nearly twice as large, with finer noise


def reading(drawing, image, read, title):
    """Show a drawing, what the networks see of it, and what they read.

    Args:
        drawing: shape (height, width), 0 = paper.
        image: the same in MNIST's form, shape (28, 28).
        read: dictionary from the model's name to its probabilities, shape (10,).
        title: the figure's title.
    """
    figure, axes = new_figure(1, 2 + len(read), size=(11, 3.4))
    figure.suptitle(title, size=11)
    draw_image(axes[0], drawing, "drawn")
    draw_image(axes[1], image, "what the networks see")
    for k, (ax, (name, prob)) in enumerate(zip(axes[2:], read.items(), strict=True)):
        ax.barh(range(10), 100 * np.asarray(prob), color=model_color(name, k))
        ax.set_yticks(range(10), range(10))
        ax.set(xlim=(0, 100), xlabel="probability (%)", ylabel="digit")
        ax.set_title(f"{name} reads {int(np.argmax(prob))}")
        ax.invert_yaxis()
    return figure


def stages(pictures, title="From a photo to strokes"):
    """Show the stages of reading a photo side by side.

    Args:
        pictures: dictionary from the stage's name to its picture, shape (height,
            width), in [0, 1]; "photo" is shown as bright as it is, ink dark in others.
        title: the figure's title.
    """
    n = len(pictures)
    height, width = next(iter(pictures.values())).shape
    columns = min(n, 2) if width > 1.5 * height else n
    rows = math.ceil(n / columns)
    size = (10.5, min(9, rows * (10.5 / columns * height / width + 0.4)) + 0.4)
    figure, axes = new_figure(
        rows, columns, size=size, title=title, squeeze=False, dpi=PHOTO_DPI
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (name, picture) in zip(axes.flat, pictures.items(), strict=False):
        bright = "gray" if name == "photo" else INK
        draw_image(ax, picture, name, cmap=bright, vmin=0, vmax=1)
    return figure


def found_on_page(photo, boxes, answers, left_out=(), title="What was found"):
    """Show a photo with what was read on it, and dimmed what was not.

    Args:
        photo: shape (height, width), in [0, 1], as bright as it is.
        boxes: of the digits, shape (n, 4): top, bottom, left, right, in pixels.
        answers: n texts, one for each digit.
        left_out: pairs of a box and why it holds no digit; each reason is written
            once, at the largest box.
        title: the figure's title.
    """
    height, width = photo.shape
    size = (10.5, min(8, 10.5 * height / width) + 0.6)
    figure, ax = new_figure(size=size, title=title, dpi=PHOTO_DPI)
    dimmed = 0.5 + 0.5 * photo
    for top, bottom, left, right in boxes:
        dimmed[top:bottom, left:right] = photo[top:bottom, left:right]
    draw_image(ax, dimmed, cmap="gray", vmin=0, vmax=1)
    for box, text in zip(boxes, answers, strict=True):
        _draw_box(ax, box, text, color=GREEN, linestyle="-")
    told = set()
    for box, why in sorted(left_out, key=lambda pair: -_area(pair[0])):
        _draw_box(ax, box, "" if why in told else why, color=GREY, linestyle="--")
        told.add(why)
    return figure


def _area(box):
    top, bottom, left, right = box
    return (bottom - top) * (right - left)


def photo_grid(photos, captions, title, columns=2):
    """Show photos in rows, as bright and as coloured as they are.

    Args:
        photos: list of arrays, (height, width) or (height, width, 3), in [0, 1].
        captions: a text for each.
        title: the figure's title.
        columns: photos a row.
    """
    tall = [photo.shape[0] / photo.shape[1] for photo in photos]
    each_row = [tall[k : k + columns] for k in range(0, len(tall), columns)]
    # A photo held sideways beside one that is not would fill the page.
    rows = [min(max(row), 2 * min(row)) for row in each_row]
    wide = 6.5 / columns
    lines = max(caption.count("\n") + 1 for caption in captions)
    figure, axes = new_figure(
        len(rows),
        columns,
        size=(6.5, wide * sum(rows) + 0.3 * lines * len(rows) + 0.5),
        title=title,
        squeeze=False,
        height_ratios=rows,
        dpi=PHOTO_DPI,
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, photo, caption in zip(axes.flat, photos, captions, strict=False):
        draw_image(ax, photo, cmap="gray", vmin=0, vmax=1)
        ax.set_title(caption, size=10)
    return figure


def rejection(likeness, title="What a threshold refuses, and what it lets in"):
    """Show, over the threshold, how much is accepted of digits and of what is none.

    Args:
        likeness: dictionary of two: of real digits, of what is no digit; arrays from 0
            to 1.
        title: the figure's title.
    """
    digits, none = likeness.values()
    name, other = likeness
    thresholds = np.linspace(0, 1, 201)
    figure, ax = new_figure(size=(8, 3.8), title=title)
    refused = [100 * np.mean(digits < t) for t in thresholds]
    accepted = [100 * np.mean(none >= t) for t in thresholds]
    ax.plot(thresholds, refused, color=GREEN, label=f"{name}, refused")
    ax.plot(thresholds, accepted, "--", color=GREY, label=f"{other}, accepted")
    ax.set(xlabel="threshold on the likeness", ylabel="wrong (%)", xlim=(0, 1))
    ax.legend()
    return figure


def _draw_box(ax, box, text, color, linestyle):
    """Draw a box, and its text above it."""
    top, bottom, left, right = box
    ax.add_patch(
        Rectangle(
            (left - 0.5, top - 0.5),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=color,
            linestyle=linestyle,
            linewidth=1.5,
        )
    )
    paper = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1}
    label = ax.text(left, top - 2, text, color=color, size=9, va="bottom", zorder=3)
    if text:  # it may lie upon another box
        label.set_bbox(paper)
