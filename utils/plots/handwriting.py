"""Figures of your own digits: drawn in the notebook, or read from a photo."""

import math

import numpy as np

from utils.plots.style import INK, draw_image, model_color, new_figure


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
    figure, axes = new_figure(rows, columns, size=size, title=title, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (name, picture) in zip(axes.flat, pictures.items(), strict=False):
        bright = "gray" if name == "photo" else INK
        draw_image(ax, picture, name, cmap=bright, vmin=0, vmax=1)
    return figure
