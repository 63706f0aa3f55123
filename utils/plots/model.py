"""Figures of a model: its functions, its blocks, and what goes on inside it."""

import math

import matplotlib.pyplot as plt
import numpy as np

from utils.plots.shapes import as_maps, as_picture, check_one_each
from utils.plots.style import (
    ANN_COLOR,
    CNN_COLOR,
    GREEN,
    GREY,
    PURPLE,
    SIGNED,
    colors,
    draw_image,
    new_figure,
)


def function(xs, curves, title, xlabel, ylabel):
    """Show one or more functions of one variable.

    Args:
        xs: where they were computed, shape (n,).
        curves: dictionary from name to values, shape (n,).
        title: the figure's title.
        xlabel: what xs are, with their unit.
        ylabel: what the values are, with their unit.
    """
    figure, ax = new_figure(size=(7, 3), title=title)
    order = ("black", PURPLE, GREEN) if len(curves) > 1 else (GREY,)
    for (name, ys), color in zip(curves.items(), colors(*order), strict=False):
        ax.plot(xs, ys, label=name, color=color, linewidth=2)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        ax.legend()
    return figure


def architecture(model, title=None):
    """Draw a Sequential model as a row of blocks, with shapes and parameter counts.

    A stack of maps is drawn as high as a map, and wider the more maps there are (both
    as roots, or the small ones could not be seen). Any other output is a narrow block,
    the higher the more numbers it holds, on a logarithmic scale. A convolution and what
    belongs to it (pooling, normalisation, activation) are one block.

    Args:
        model: a built keras.Sequential.
        title: the figure's title; None counts the parameters.
    """
    title = title or f"{model.name}: {model.count_params():,} parameters"
    figure, ax = new_figure(size=(11, 3.7), title=title)
    colors = {"Conv2D": CNN_COLOR, "Dense": ANN_COLOR, "Dropout": GREY}
    room = 1.45
    blocks = _blocks(model)
    for k, (kinds, shape, n_parameters) in enumerate(blocks):
        spatial = len(shape) == 3
        height = np.sqrt(shape[0]) if spatial else 0.45 * np.log2(math.prod(shape) + 1)
        width = 0.25 + (np.sqrt(shape[-1]) / 8 if spatial else 0.1)
        corner = (room * k - width / 2, -height / 2)
        color = colors.get(kinds[0], "#B8B8B8")
        ax.add_patch(plt.Rectangle(corner, width, height, fc=color, ec="black"))
        texts = {"ha": "center", "size": 10}
        small = {"ha": "center", "size": 9}  # or "+ BatchNorm" would touch the next
        names = "\n".join(SHORT.get(kind, kind) for kind in kinds)
        ax.text(room * k, height / 2 + 0.2, names, va="bottom", **small)
        ax.text(room * k, -3.1, "×".join(map(str, shape)), va="top", **texts)
        number = f"{n_parameters:,}" if n_parameters else "–"
        ax.text(room * k, -3.9, number, va="top", weight="bold", **texts)
    ax.text(-0.9, -3.1, "output", ha="right", va="top", size=10)
    ax.text(-0.9, -3.9, "parameters", ha="right", va="top", size=10, weight="bold")
    ax.set(xlim=(-2.6, room * len(blocks) - 0.6), ylim=(-4.6, 5.4))
    ax.set_axis_off()
    return figure


SHORT = {
    "BatchNormalization": "+ BatchNorm",
    "MaxPooling2D": "+ pooling",
    "ReLU": "+ ReLU",
}


def _blocks(model):
    """Return a model's blocks: (names of layers, shape of the output, parameters)."""
    blocks = [[["Input"], model.input_shape[1:], 0]]
    for layer in model.layers:
        kind, shape = type(layer).__name__, layer.output.shape[1:]
        if kind in SHORT and blocks[-1][0][0] == "Conv2D":
            blocks[-1][0].append(kind)
            blocks[-1][1] = shape
            blocks[-1][2] += layer.count_params()
        else:
            blocks.append([[kind], shape, layer.count_params()])
    return blocks


def receptive_fields(image, fields, title="How much of the page one number depends on"):
    """Draw receptive fields as boxes around the middle of an image.

    Args:
        image: shape (28, 28).
        fields: pairs of a layer's name and the side of its field in pixels.
        title: the figure's title.
    """
    figure, axes = new_figure(
        1, len(fields), size=(1.9 * len(fields), 2.8), title=title, squeeze=False
    )
    for ax, (name, side) in zip(axes.flat, fields, strict=True):
        draw_image(ax, image, title=f"{name}\n{side}×{side} pixels")
        ax.title.set_size(10)
        # Fields wider than the image look at its padding, too.
        ax.add_patch(
            plt.Rectangle(
                (13.5 - side / 2, 13.5 - side / 2),
                side,
                side,
                fill=False,
                ec=ANN_COLOR,
                lw=2.5,
            )
        )
        ax.set(xlim=(-3.5, 30.5), ylim=(30.5, -3.5))
    return figure


def feature_maps(image, activations, columns=12):
    """Show what one digit excites in each layer: its first maps, one layer a row.

    Args:
        image: the digit, shape (28, 28).
        activations: a list of arrays of shape (height, width, channels).
        columns: maps shown of each layer.
    """
    rows = len(activations)
    figure, axes = new_figure(
        rows,
        columns + 1,
        size=(10, 1.05 * rows + 0.6),
        title=f"What each layer makes of one digit: its first {columns} maps",
        squeeze=False,
    )
    for row, maps in enumerate(map(as_maps, activations)):
        for ax in axes[row]:
            ax.set_axis_off()
        if row == 0:
            draw_image(axes[0, 0], image)
        height, width, n = maps.shape
        name = f"layer {row + 1}: {n} maps, {height}×{width}"
        axes[row, 0].set_title(name, size=10, loc="left")
        # One number is large or small only beside those of the other maps.
        scale = {"vmin": 0, "vmax": maps.max()} if height == width == 1 else {}
        for k in range(min(columns, n)):
            draw_image(axes[row, k + 1], maps[:, :, k], cmap="viridis", **scale)
    return figure


def attributions(pictures, maps, captions, title="What the answer depends on"):
    """Show attribution maps over their digits: red counts for the answer, blue against.

    Args:
        pictures: images, each of shape (28, 28).
        maps: the drop of the answer's probability, each of shape (28, 28).
        captions: a text for each.
        title: the figure's title.
    """
    n = len(pictures)
    check_one_each(n, maps=maps, captions=captions)
    figure, axes = new_figure(
        1, n, size=(3.3 * n + 0.6, 3.9), title=title, squeeze=False
    )
    # One scale, or the faint would look strong.
    limit = max([1e-6, *(np.abs(heat).max() for heat in maps)])
    for ax, picture, heat, caption in zip(
        axes.flat, pictures, maps, captions, strict=True
    ):
        drawn = draw_image(ax, heat, cmap=SIGNED, vmin=-limit, vmax=limit)
        ink = as_picture(picture)
        level = 100 if ink.dtype == np.uint8 else 0.4 * ink.max()
        ax.contour(ink, levels=[level], colors="black", linewidths=1.2)
        ax.set_title(caption, size=11)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.75)
    bar.set_label("drop in probability", size=10)
    bar.ax.tick_params(labelsize=9)
    return figure
