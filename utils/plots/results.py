"""Figures of a model's answers on the test digits: how right, and how sure."""

import math

import numpy as np

from utils.plots.shapes import as_labels, as_probabilities, by_name
from utils.plots.style import (
    ANN_COLOR,
    GREEN,
    GREY,
    draw_image,
    legend_below,
    model_color,
    model_marks,
    new_figure,
)

FEWEST_ANSWERED = 50  # percent: where the curves of coverage() begin


def predictions(pictures, y_true, y_prob, title, columns=6):
    """Show digits above the model's ten probabilities for them.

    Args:
        pictures: images, shape (n, 28, 28).
        y_true: labels, shape (n,).
        y_prob: probabilities, shape (n, 10).
        title: the figure's title.
        columns: digits a row.

    Raises:
        ValueError: they are no images, or labels or probabilities are of others.
    """
    n = len(pictures)
    y_true, y_prob = as_labels(y_true, n), as_probabilities(y_prob, n)
    columns = max(1, min(columns, n))
    rows = max(1, math.ceil(n / columns))
    figure, axes = new_figure(
        2 * rows,
        columns,
        size=(1.75 * columns, 2.05 * rows + 0.5),
        title=title,
        squeeze=False,
        height_ratios=[1.6, 1] * rows,
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for k in range(n):
        row, column = 2 * (k // columns), k % columns
        guess = int(np.argmax(y_prob[k]))
        caption = f"is {y_true[k]}, read as {guess}\n{y_prob[k][guess]:.1%} sure"
        draw_image(axes[row, column], pictures[k])
        axes[row, column].set_title(caption, size=9)
        ax = axes[row + 1, column]
        ax.set_axis_on()
        colors = [
            GREEN if d == y_true[k] else ANN_COLOR if d == guess else GREY
            for d in range(10)
        ]
        ax.bar(range(10), y_prob[k], color=colors)
        ax.set_xticks(range(10), range(10), size=9)
        ax.set_yticks([])
        ax.set_ylim(0, 1)
        ax.grid(visible=False)
        ax.spines["left"].set_visible(False)
    return figure


def class_accuracy(accuracies, title="Which digits are hard?"):
    """Show each digit's accuracy for several models, with its interval.

    Args:
        accuracies: dictionary from the model's name to (accuracy, low, high), shape
            (3, 10), fractions; NaN for a digit that the test set lacks.
        title: the figure's title.
    """
    accuracies = by_name(accuracies, "'CNN': (accuracy, low, high)")
    figure, ax = new_figure(size=(8, 3.6), title=title)
    places = np.linspace(-0.12, 0.12, len(accuracies)) if len(accuracies) > 1 else [0]
    for k, (name, values) in enumerate(accuracies.items()):
        accuracy, low, high = 100 * np.array(values)
        ax.errorbar(
            np.arange(10) + places[k],
            accuracy,
            yerr=[accuracy - low, high - accuracy],
            linestyle="none",
            markersize=7,
            capsize=3,
            label=f"{name}, 95 % interval",
            **model_marks(name, k),
        )
    ax.set_xticks(range(10))
    ax.set(xlabel="digit", ylabel="recognised (%)")
    legend_below(figure, ax)
    return figure


def reliability_diagram(curves, few=20, title="As right as it is sure?"):
    """Show accuracy against confidence in bins; a calibrated model is on the diagonal.

    Args:
        curves: dictionary from the model's name to (confidence, accuracy, count, low,
            high), arrays of shape (n_bins,) each, NaN in empty bins; low and high are
            the limits of the accuracy's interval.
        few: bins with fewer digits are drawn hollow.
        title: the figure's title.
    """
    curves = by_name(curves, "'CNN': (confidence, accuracy, count, low, high)")
    figure, ax = new_figure(size=(8, 4.8), title=title)
    ax.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="calibrated")
    least = 20
    for k, (name, bins) in enumerate(curves.items()):
        confidence, accuracy, count, low, high = bins
        many, rare = count >= few, (count > 0) & (count < few)
        marks = model_marks(name, k)
        x, y = 100 * confidence, 100 * accuracy
        least = min([least, *x[count > 0]])
        ax.plot(x[many], y[many], color=marks["color"], linewidth=1, zorder=1)
        ax.vlines(x, 100 * low, 100 * high, color=marks["color"], alpha=0.35, zorder=1)
        ax.scatter(x[many], y[many], s=50, label=name, **marks)
        ax.scatter(x[rare], y[rare], s=35, **marks, fc="none")
    ax.scatter([], [], s=35, fc="none", ec=GREY, label=f"fewer than {few} digits")
    ax.set(
        xlabel="mean confidence of the bin (%)",
        ylabel="right answers of the bin (%)",
        xlim=(least - 5, 102),
        ylim=(-4, 104),
    )
    figure.legend(loc="outside right upper", fontsize=9)
    return figure


def confidence_of_answers(confidences, title="How sure of right and of wrong answers"):
    """Show the distribution of the confidence of right and of wrong answers.

    Args:
        confidences: dictionary from the model's name to (of right answers, of wrong
            answers), fractions, arrays of any lengths.
        title: the figure's title.
    """
    confidences = by_name(confidences, "'CNN': (of_right, of_wrong)")
    n = len(confidences)
    figure, axes = new_figure(
        1, n, size=(5 * n, 3.4), title=title, sharey=True, squeeze=False
    )
    bins = np.linspace(0, 100, 21)
    for ax, (name, groups) in zip(axes.flat, confidences.items(), strict=True):
        for label, values, color in zip(
            ("right", "wrong"), groups, (GREEN, "black"), strict=True
        ):
            values = np.asarray(values)
            shares = np.full(len(values), 100 / max(len(values), 1))
            ax.hist(
                100 * values,
                bins,
                weights=shares,
                histtype="step",
                linewidth=2,
                color=color,
                label=f"{len(values):,} {label} answers",
            )
        ax.set_title(name, color=model_color(name), weight="bold")
        ax.set(xlabel="confidence (%)")
        ax.legend(loc="upper left", fontsize=9)
    axes[0, 0].set_ylabel("share of these answers (%)")
    return figure


def coverage(curves, title="If it may leave its least sure answers to a person"):
    """Show the accuracy on the digits that a model answers, against how many those are.

    Args:
        curves: dictionary from the model's name to (coverage, accuracy), fractions.
        title: the figure's title.
    """
    curves = by_name(curves, "'CNN': (coverage, accuracy)")
    figure, ax = new_figure(size=(8, 3.6), title=title)
    lowest = 100
    for k, (name, (answered, accuracy)) in enumerate(curves.items()):
        answered, accuracy = 100 * np.asarray(answered), 100 * np.asarray(accuracy)
        ax.plot(answered, accuracy, color=model_color(name, k), linewidth=2, label=name)
        lowest = min([lowest, *accuracy[answered >= FEWEST_ANSWERED]])
    ax.set(
        xlabel="digits answered, the surest first (%)",
        ylabel="right, of those answered (%)",
        xlim=(FEWEST_ANSWERED, 100.5),
        ylim=(lowest - 0.1 * (100 - lowest) - 0.01, 100.02),
    )
    ax.legend(loc="lower left")
    return figure
