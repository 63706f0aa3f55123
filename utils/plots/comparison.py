"""Figures of two models side by side: the same digits, damaged digits, costs."""

import matplotlib.pyplot as plt
import numpy as np

from utils.plots.shapes import by_name
from utils.plots.style import (
    GREEN,
    GREY,
    legend_below,
    model_color,
    model_marks,
    new_figure,
    plain_logarithm,
    small_multiples,
)


def contingency(counts, names, title="The same digits, read by both"):
    """Show how many digits both models read, only one, or neither.

    Args:
        counts: both, only a, only b, neither.
        names: names of a and b.
        title: the figure's title.
    """
    both, only_a, only_b, neither = counts
    figure, ax = new_figure(size=(6.6, 3.4), title=title)
    a, b = names
    cells = (
        ((0, 0), both, "both right", "#CCCCCC"),
        ((0, 1), only_a, f"only the {a} right", model_color(a, 0)),
        ((1, 0), only_b, f"only the {b} right", model_color(b, 1)),
        ((1, 1), neither, "both wrong", GREY),
    )
    for (row, column), count, label, color in cells:
        ink = "black" if label == "both right" else "white"
        ax.add_patch(
            plt.Rectangle((column, row), 1, 1, fc=color, ec="white", linewidth=4)
        )
        middle = (column + 0.5, row + 0.45)
        ax.text(*middle, f"{count:,}", ha="center", size=20, color=ink)
        ax.text(column + 0.5, row + 0.75, label, ha="center", size=10, color=ink)
    ax.set_xticks([0.5, 1.5], [f"{b} right", f"{b} wrong"])
    ax.set_yticks([0.5, 1.5], [f"{a} right", f"{a} wrong"])
    ax.set(xlim=(0, 2), ylim=(2, 0))
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def coin_tosses(chances, observed, name, title="If a fair coin had decided"):
    """Show how a fair coin would split the digits on which two models differ.

    Args:
        chances: probability of 0, 1, … n heads, shape (n + 1,).
        observed: the number of heads that was found.
        name: the model that gets the heads.
        title: the figure's title.
    """
    figure, ax = new_figure(size=(8, 3.2), title=title)
    heads = np.arange(len(chances))
    ax.bar(heads, 100 * np.asarray(chances), width=1, color=GREY, label="fair coin")
    ax.axvline(observed, color="black", linewidth=2, label=f"found: {observed:,}")
    ax.set(
        xlabel=f"digits, out of the {len(chances) - 1:,} in dispute, that go to the "
        f"{name}",
        ylabel="chance (%)",
    )
    ax.legend()
    return figure


def detection(sizes, rates, title="How many test digits does it take?"):
    """Show how often a test set of some size would have shown the difference.

    Args:
        sizes: numbers of test digits.
        rates: fraction of the draws with p < 0.05, same length.
        title: the figure's title.
    """
    figure, ax = new_figure(size=(8, 3.2), title=title)
    ax.plot(sizes, 100 * np.asarray(rates), marker="o", color=GREEN)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.set(
        xlabel="test digits drawn (log scale)",
        ylabel="draws with p < 0.05 (%)",
        ylim=(-3, 103),
    )
    return figure


def robustness(curves, title="Accuracy on damaged digits"):
    """Show accuracy against severity: small multiples, all models on one axis.

    Args:
        curves: dictionary from the axis label to (severities, results); results is a
            dictionary from the model's name to (accuracy, low, high), fractions, one
            for each severity; between low and high is shaded.
        title: the figure's title.
    """
    for _, results in by_name(curves, "'noise': (severities, results)").values():
        by_name(results, "'CNN': (accuracy, low, high)")
    figure, axes = small_multiples(
        curves, title=title, ylabel="accuracy (%)", height=2.2
    )
    for ax, (severities, results) in zip(axes, curves.values(), strict=True):
        for k, (name, interval) in enumerate(results.items()):
            accuracy, low, high = 100 * np.array(interval)
            color = model_color(name, k)
            ax.fill_between(severities, low, high, color=color, alpha=0.2, lw=0)
            line = "--" if "," in name else "-"  # a variant, such as "CNN, augmented"
            ax.plot(severities, accuracy, line, label=name, **model_marks(name, k))
        ax.axhline(10, color=GREY, linestyle=":", label="guessing")
        ax.set(ylim=(0, 103), yticks=range(0, 101, 25))
        if severities[0] > severities[-1]:
            ax.invert_xaxis()  # the harder the farther right, as in the others
    legend_below(figure, axes[0])
    return figure


def controls(panels, title="What makes the difference? One mark per training"):
    """Show what is left of a lead when one thing is changed: a row for each change.

    Args:
        panels: dictionary from what was tested to results; results is a dictionary from
            the row's name to a dictionary from the model's name to its accuracies,
            fractions, one for each training. All panels have the same rows.
        title: the figure's title.
    """
    panels = by_name(panels, "'test accuracy': results")
    rows = list(next(iter(panels.values())))
    size = (11.5, 1.6 + 0.48 * len(rows))
    figure, axes = new_figure(
        1, len(panels), size=size, title=title, sharey=True, squeeze=False
    )
    for ax, (label, results) in zip(axes.flat, panels.items(), strict=True):
        for row, name in enumerate(rows):
            for k, (model, values) in enumerate(results[name].items()):
                place = np.full(len(values), row + 0.3 * k - 0.15)
                marks = model_marks(model, k)
                marks |= {"s": 28, "ec": "white", "lw": 0.6}
                marks["label"] = model if row == 0 else None
                told = f"{name}, {model}"  # in the figure's words
                ax.scatter(100 * np.array(values), place, gid=told, **marks)
        for row in range(0, len(rows), 2):
            ax.axhspan(row - 0.5, row + 0.5, color="#F2F2F2", zorder=-1)
        ax.grid(visible=False, axis="y")
        ax.set(xlabel=f"{label} (%)", ylim=(len(rows) - 0.5, -0.5))
        ax.xaxis.get_major_locator().set_params(nbins=4, min_n_ticks=2)
    axes[0, 0].set_yticks(range(len(rows)), rows)
    legend_below(figure, axes[0, 0])
    return figure


def accuracy_against_costs(costs, accuracies, title="What does the accuracy cost?"):
    """Show accuracy against each cost on a logarithmic scale: small multiples.

    Args:
        costs: dictionary from the cost's axis label to (cost of a, cost of b, …).
        accuracies: dictionary from the model's name to (accuracy, low, high),
            fractions, in the order of the costs.
        title: the figure's title.
    """
    costs = by_name(costs, "'parameters': (535_818, 61_658)")
    accuracies = by_name(accuracies, "'CNN': (accuracy, low, high)")
    figure, axes = small_multiples(
        costs, title=title, ylabel="test accuracy (%)", height=2.2
    )
    for ax, values in zip(axes, costs.values(), strict=True):
        for k, (name, interval) in enumerate(accuracies.items()):
            _costs_dot(ax, values[k], interval, name, k)
        ax.set_xscale("log")
        # Room for the numbers; and two equal costs would have no axis at all.
        ax.set_xlim(min(values) / 4, max(values) * 15)
        plain_logarithm(ax.xaxis)
    legend_below(figure, axes[0])
    return figure


def _costs_dot(ax, cost, interval, name, k):
    """Mark what the k-th model costs and reaches, and write the cost beside it."""
    accuracy, low, high = 100 * np.array(interval)
    ax.errorbar(
        cost,
        accuracy,
        yerr=[[accuracy - low], [high - accuracy]],
        linestyle="none",
        markersize=8,
        capsize=4,
        label=name,
        **model_marks(name, k),
    )
    ax.annotate(
        f"{cost:,.0f}" if cost >= 100 else f"{cost:.2g}",
        (cost, accuracy),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        size=9,
    )
