"""Confusion matrices: what was written, what was read.

Seaborn draws the heat maps, and is imported only where one is drawn: it takes longer to
import than all other figures together.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from utils.evaluation import checked_counts
from utils.plots.shapes import by_name
from utils.plots.style import model_color, new_figure


def confusion_matrix(matrix, title="Confusion matrix of the test digits"):
    """Show a confusion matrix as counts; the diagonal is what was right.

    Args:
        matrix: counts, shape (10, 10), rows true, columns predicted.
        title: the figure's title.

    Raises:
        ValueError: a digit has no row or column of its own.
    """
    matrix = checked_counts(matrix)
    figure, ax = new_figure(size=(7, 5.8), title=title)
    _confusion_heatmap(ax, matrix)
    return figure


def _confusion_heatmap(ax, matrix, most=None):
    """Colour the mistakes and leave the diagonal out of the scale: it outshines all.

    The darkest colour stands for the most frequent mistake, or for most.
    """
    off = matrix * (1 - np.eye(len(matrix), dtype=int))
    _heatmap(ax, off, matrix, fmt="d", cmap="Oranges", vmin=0, vmax=most)
    for k in range(len(matrix)):
        ax.add_patch(plt.Rectangle((k, k), 1, 1, fc="#CFE3F1", ec="white"))


def _heatmap(ax, values, texts, **options):
    """Colour the cells of a matrix by their values, and write the texts into them."""
    import seaborn as sns

    options |= {"cbar": False, "linewidths": 0.5, "square": True}
    sns.heatmap(values, annot=texts, annot_kws={"size": 10}, ax=ax, **options)
    ax.grid(visible=False)
    ax.set(xlabel="predicted digit", ylabel="true digit")
    ax.tick_params(rotation=0, length=0)


def confusion_matrices(matrices, title="What was written, what was read"):
    """Show confusion matrices side by side, as counts; the diagonal was right.

    Args:
        matrices: dictionary from the model's name to counts, shape (10, 10).
        title: the figure's title.
    """
    matrices = by_name(matrices, "'CNN': matrix")
    matrices = {name: checked_counts(matrix) for name, matrix in matrices.items()}
    n = len(matrices)
    figure, axes = new_figure(1, n, size=(5.4 * n, 5.4), squeeze=False)
    figure.suptitle(title)
    most = max((m * (1 - np.eye(10))).max() for m in matrices.values()) or 1
    for ax, (name, matrix) in zip(axes.flat, matrices.items(), strict=True):
        _confusion_heatmap(ax, matrix, most)
        ax.set_title(name, color=model_color(name), weight="bold")
    return figure


def confusion_difference(difference, names, title=None):
    """Show the difference of two confusion matrices: b minus a.

    Args:
        difference: counts of b minus counts of a, shape (10, 10).
        names: names of a and b.
        title: the figure's title; None names the difference.
    """
    difference = checked_counts(difference)
    a, b = names
    title = title or f"Difference of the counts: {b} minus {a}"
    figure, ax = new_figure(size=(6.6, 5), title=title)
    # A mistake less is as good as a right answer more: orient both the same way.
    gain = np.where(np.eye(10, dtype=bool), difference, -difference)
    limit = np.abs(gain).max() or 1
    colors = [model_color(a, 0), "white", model_color(b, 1)]
    _heatmap(
        ax,
        gain,
        np.where(difference == 0, "", difference.astype(str)),
        fmt="",
        cmap=LinearSegmentedColormap.from_list("difference", colors),
        vmin=-limit,
        vmax=limit,
        linecolor="#EEEEEE",
    )
    handles = [
        plt.Rectangle((0, 0), 1, 1, color=model_color(n, k))
        for k, n in enumerate(names)
    ]
    labels = [f"in favour of the {name}" for name in names]
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=10)
    return figure
