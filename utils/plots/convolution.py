"""Figures of convolution: one step of it, a deep kernel, what excites a map."""

import matplotlib.pyplot as plt
import numpy as np

from utils.plots.shapes import as_picture
from utils.plots.style import (
    ANN_COLOR,
    CNN_COLOR,
    GREY,
    SIGNED,
    draw_image,
    new_figure,
)


def convolution_step(image, kernel, places, title="One number of the map at a time"):
    """Draw a convolution at some places: patch × kernel, the products, the map so far.

    Args:
        image: shape (28, 28), in [0, 1].
        kernel: shape (k, k).
        places: (row, column) of the patch's upper left corner, for each row of the
            figure.
        title: the figure's title.
    """
    image, kernel = as_picture(image), as_picture(kernel)
    size = len(kernel)
    shape = (image.shape[0] - size + 1, image.shape[1] - size + 1)
    patches = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    sums = (patches * kernel).sum(axis=(2, 3))
    figure, axes = new_figure(
        len(places),
        5,
        size=(10.5, min(2.2, 4.2 / len(places)) * len(places) + 0.5),
        title=title,
        squeeze=False,
        width_ratios=[1.3, 1, 1, 1, 1.3],
    )
    limit = np.abs(sums).max()
    for row, (top, left) in zip(axes, places, strict=True):
        patch = patches[top, left]
        draw_image(row[0], image)
        box = (left - 0.5, top - 0.5)
        row[0].add_patch(plt.Rectangle(box, size, size, fill=False, ec=ANN_COLOR, lw=2))
        _numbers(row[1], patch, cmap="gray_r", vmin=0, vmax=1)
        _numbers(row[2], kernel, cmap=SIGNED, vmin=-2, vmax=2)
        _numbers(row[3], patch * kernel, cmap=SIGNED, vmin=-2, vmax=2)
        so_far = np.full(shape, np.nan)
        done = top * shape[1] + left + 1
        so_far.flat[:done] = sums.flat[:done]
        draw_image(row[4], so_far, cmap=SIGNED, vmin=-limit, vmax=limit)
        here = (left - 0.5, top - 0.5)
        row[4].add_patch(plt.Rectangle(here, 1, 1, fill=False, ec="black", lw=1.5))
        row[4].set_title(f"sum {sums[top, left]:.2f}".replace("-", "−"), size=11)
    count = "nine" if kernel.size == 9 else kernel.size
    names = ("the digit", "patch", "× kernel", f"= {count} products", "")
    for ax, name in zip(axes[0], names, strict=True):
        if name:
            ax.set_title(name, size=11)
    return figure


def _numbers(ax, values, **colors):
    """Draw a small matrix as coloured cells with their numbers."""
    draw_image(ax, values, aspect=0.62, **colors)  # room for "−0.99"
    middle = (colors["vmin"] + colors["vmax"]) / 2
    reach = colors["vmax"] - middle
    for (row, column), value in np.ndenumerate(values):
        dark = value - middle > 0.2 * reach if middle else abs(value) > 0.7 * reach
        text = f"{round(value, 2) + 0:g}".replace("-", "−")  # + 0: no minus zero
        ink = "white" if dark else "black"
        ax.text(column, row, text, ha="center", va="center", size=10, color=ink)


def deep_kernel(n_channels, size=3, title="A kernel is as deep as its input"):
    """Draw a deep kernel over a stack of maps: all products make one number.

    Args:
        n_channels: maps in the stack; a few of many are drawn.
        size: side of the kernel.
        title: the figure's title.
    """
    figure, ax = new_figure(size=(9, 3.6), title=title)
    shown = min(n_channels, 6)
    across, up, side = 0.75, 0.35, 2.4  # from map to map, and of a map
    maps, patch, kernel = 0, 0.25, side + shown * across + 0.6  # where each begins
    for k in reversed(range(shown)):
        sheet = {"fc": "#EEF3F8", "ec": GREY, "lw": 1, "alpha": 0.6}
        corner = (maps + k * across, k * up)
        ax.add_patch(plt.Rectangle(corner, side, side, **sheet))
    for k in range(shown):  # each map's patch in sight, and what it is multiplied by
        _grid(ax, patch + k * across, 0.8 + k * up, size, 0.22, GREY)
        _grid(ax, kernel + k * across, 0.8 + k * up, size, 0.22, CNN_COLOR)
    end = kernel + shown * across + 0.2
    middle = 0.8 + (shown - 1) * up / 2 + size * 0.11
    ax.text(maps + side / 2, -0.2, f"{n_channels} maps", ha="center", va="top", size=12)
    words = f"one kernel:\n{size}×{size}×{n_channels} weights"
    ax.text((kernel + end) / 2, -0.2, words, ha="center", va="top", size=12)
    arrow = {"arrowstyle": "-|>", "color": "black", "lw": 1.5}
    ax.annotate("", (end + 1.1, middle), (end + 0.1, middle), arrowprops=arrow)
    number = {"fc": CNN_COLOR, "ec": "black"}
    ax.add_patch(plt.Rectangle((end + 1.3, middle - 0.15), 0.3, 0.3, **number))
    words = "one number\nof one map"
    ax.text(end + 1.45, middle - 0.35, words, ha="center", va="top", size=12)
    ax.text(kernel - 0.3, middle, "×", ha="center", va="center", size=20)
    ax.set(xlim=(-0.2, end + 2.4), ylim=(-1.2, side + (shown - 1) * up + 0.1))
    ax.set_aspect("equal")
    ax.set_axis_off()
    return figure


def _grid(ax, left, bottom, n, side, color):
    """Draw a square of n × n cells."""
    for row, column in np.ndindex(n, n):
        corner = (left + column * side, bottom + row * side)
        ax.add_patch(plt.Rectangle(corner, side, side, fc=color, ec="white", lw=0.8))


def exciting_patches(rows, title="What excites some maps of each layer most"):
    """Show, for some maps of each layer, the patches of digits that excite them most.

    Args:
        rows: dictionary from a row's name to a list of groups, one per map; a group is
            a list of patches of one size, each in [0, 1].
        title: the figure's title.
    """
    n_groups = max(len(groups) for groups in rows.values())
    n_patches = max(len(group) for groups in rows.values() for group in groups)
    size = (10.5, 1.0 * len(rows) + 0.7)
    figure, axes = new_figure(
        len(rows), n_groups, size=size, title=title, squeeze=False
    )
    figure.get_layout_engine().set(wspace=0.08)
    for line, (name, groups) in zip(axes, rows.items(), strict=True):
        for ax in line:
            ax.set_axis_off()
        for ax, group in zip(line, groups, strict=False):  # a layer may have few maps
            height, width = group[0].shape
            gap = max(1, width // 8)
            canvas = np.full((height, n_patches * (width + gap) - gap), np.nan)
            for k, patch in enumerate(group):
                left = k * (width + gap)
                canvas[:, left : left + width] = patch
                box = (left - 0.5, -0.5)
                ax.add_patch(
                    plt.Rectangle(box, width, height, fill=False, ec=GREY, lw=0.8)
                )
            ax.imshow(canvas, cmap="gray_r", vmin=0, vmax=1)
        line[0].set_title(name, size=10, loc="left")
    return figure
