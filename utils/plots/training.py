"""Figures of trainings: by step, by epoch, by seed and by second."""

import numpy as np

from utils.plots.model import function
from utils.plots.shapes import as_history, by_name
from utils.plots.style import (
    ANN_COLOR,
    CNN_COLOR,
    GREEN,
    GREY,
    PURPLE,
    YELLOW,
    colors,
    model_color,
    model_marks,
    new_figure,
    plain_logarithm,
    whole_numbers,
)

METRICS = {"loss": "", "accuracy": " (%)"}  # and their units


def learning_rate(schedule, n_steps, steps_per_epoch):
    """Show the learning rate of every step of a training.

    Args:
        schedule: a keras learning-rate schedule, called with the step; or a number.
        n_steps: steps of the whole training.
        steps_per_epoch: batches in one epoch.
    """
    steps = np.linspace(0, n_steps, 200)
    is_fixed = not callable(schedule)
    rates = [float(schedule if is_fixed else schedule(step)) for step in steps]
    return function(
        steps / steps_per_epoch,
        {"learning rate": rates},
        "The learning rate over the training",
        "epoch",
        "learning rate",
    )


def learning_curves(history, title="How the training went"):
    """Show loss and accuracy of the training and the validation digits by epoch.

    Args:
        history: Keras' History.history: lists of floats, one number per epoch.
        title: the figure's title.
    """
    history = as_history(history)
    figure, axes = new_figure(1, 2, size=(10, 3), title=title)
    for ax, (metric, unit) in zip(axes, METRICS.items(), strict=True):
        for part, color, style in (
            ("training", GREY, "--"),
            ("validation", GREEN, "-"),
        ):
            epochs, values = _by_epoch(history, metric, part)
            if values.size:
                ax.plot(epochs, values, style, marker="o", label=part, color=color)
        whole_numbers(ax.xaxis)
        ax.set(xlabel="epoch", ylabel=f"{metric}{unit}")
        if ax.lines:
            ax.legend()
    return figure


def _by_epoch(history, metric, part):
    """Return the epochs from 1 and a metric's values; accuracies are in percent."""
    key = metric if part == "training" else f"val_{metric}"
    values = np.array(as_history(history).get(key, []))
    if metric == "accuracy":
        values = 100 * values
    return np.arange(1, len(values) + 1), values


def compared_curves(
    histories, others=None, band_label="", title="How the two trainings went"
):
    """Show loss and accuracy of several models by epoch on shared axes.

    Args:
        histories: dictionary from the model's name to Keras' History.history.
        others: dictionary from the model's name to a list of histories of further
            seeds; from the lowest to the highest validation value is shaded.
        band_label: what is shaded, for the legend.
        title: the figure's title.

    The axis of the accuracy leaves out what is far below the rest.
    """
    histories = by_name(histories, "'CNN': history")
    for history in histories.values():
        as_history(history)  # before there is half a figure
    figure, axes = new_figure(1, 2, size=(10, 4.6), title=title)
    for ax, metric in zip(axes, METRICS, strict=True):
        for k, (name, history) in enumerate(histories.items()):
            color = model_color(name, k)
            for part, look in (
                ("training", {"linestyle": ":"}),
                ("validation", {"linestyle": "-", "marker": "o", "markersize": 4}),
            ):
                epochs, values = _by_epoch(history, metric, part)
                if values.size == 1:  # a dotted line of one point is none
                    look["marker"] = "o"
                if values.size:
                    label = f"{name}, {part}"
                    ax.plot(epochs, values, color=color, label=label, **look)
            of_seeds = (others or {}).get(name, [])
            _shade_seeds(ax, of_seeds, metric, color, f"{name}, {band_label}")
        whole_numbers(ax.xaxis)
    axes[0].set(xlabel="epoch", ylabel="loss (nats per digit)", yscale="log")
    plain_logarithm(axes[0].yaxis)
    axes[1].set(xlabel="epoch", ylabel="accuracy (%)")
    # One bad first epoch would squeeze all others into a line at the top.
    if drawn := [y for line in axes[1].lines for y in line.get_ydata()]:
        median = np.median(drawn)
        axes[1].set_ylim(max(min(drawn), median - 3 * (100 - median)) - 0.5, 100.2)
    handles, labels = axes[0].get_legend_handles_labels()
    place = {"loc": "outside lower center", "ncols": len(histories)}
    figure.legend(handles, labels, fontsize=9, **place)
    return figure


def _shade_seeds(ax, histories, metric, color, label):
    """Shade from the lowest to the highest of several seeds' validation values."""
    values = [_by_epoch(history, metric, "validation")[1] for history in histories]
    shortest = min(map(len, values), default=0)
    if len(values) < 2 or not shortest:
        return
    values = np.array([v[:shortest] for v in values])
    ax.fill_between(
        np.arange(1, shortest + 1),
        values.min(axis=0),
        values.max(axis=0),
        color=color,
        alpha=0.25,
        linewidth=0,
        label=label,
    )


def seed_accuracies(accuracies, title="One dot per training, each with its own seed"):
    """Show the test accuracies of several seeds, with mean and standard deviation.

    Args:
        accuracies: dictionary from the model's name to accuracies, shape (n,),
            fractions.
        title: the figure's title.
    """
    accuracies = by_name(accuracies, "'CNN': [0.991, 0.993]")
    figure, ax = new_figure(size=(8, 1.4 + 0.7 * len(accuracies)), title=title)
    for k, (name, values) in enumerate(accuracies.items()):
        values = 100 * np.asarray(values)
        spread = values.std(ddof=1) if len(values) > 1 else 0
        ax.errorbar(
            values.mean(),
            k,
            xerr=spread,
            fmt="|",
            color="black",
            markersize=18,
            capsize=6,
            zorder=3,
            label="mean ± standard deviation" if k == 0 else None,
        )
        ax.scatter(
            values, np.full(len(values), k), s=70, alpha=0.7, c=model_color(name, k)
        )
    ax.set_yticks(range(len(accuracies)), accuracies)
    ax.set(xlabel="test accuracy (%)", ylim=(len(accuracies) - 0.4, -0.6))
    ax.legend(loc="best", fontsize=9)
    return figure


def bands(curves, title, xlabel, ylabel, log=""):
    """Show what was measured several times at each place: mean, each one, and range.

    Args:
        curves: dictionary from name to a dictionary from x to the values measured
            there, as many as there are.
        title: the figure's title.
        xlabel: what x is, with its unit.
        ylabel: what the values are, with their unit.
        log: the axes that are logarithmic: "", "x", "y" or "xy".
    """
    curves = by_name(curves, "'CNN': {1000: [0.95, 0.96]}")
    figure, ax = new_figure(size=(8, 4.6), title=title)
    for k, (name, measured) in enumerate(curves.items()):
        color = model_color(name, k)
        xs = sorted(measured)
        low, mean, high = np.transpose(
            [(min(measured[x]), np.mean(measured[x]), max(measured[x])) for x in xs]
        )
        ax.fill_between(xs, low, high, color=color, alpha=0.2, lw=0)
        ax.plot(xs, mean, label=name, **model_marks(name, k))
        for x in xs:
            values = measured[x]
            marks = {"s": 9, "color": color, "alpha": 0.6}
            told = f"{name} at {x:,}"  # in the figure's words, not in its legend
            ax.scatter(np.full(len(values), x), values, gid=told, **marks)
    if all(isinstance(x, int) for x in xs):
        whole_numbers(ax.xaxis)
    for axis in log:
        ax.set(**{f"{axis}scale": "log"})
        plain_logarithm(getattr(ax, f"{axis}axis"))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return figure


def search_history(complete, pruned, importances, title="What the search found"):
    """Show the trials of a search in their order, and which settings mattered.

    Args:
        complete: dictionary from the number of a trial to its accuracy in %.
        pruned: the same for trials that were ended early: their last accuracy.
        importances: dictionary from a setting's name to its share of the variation,
            from 0 to 1.
        title: the figure's title.
    """
    figure, (left, right) = new_figure(
        1, 2, size=(10, 3.8), title=title, width_ratios=(3, 2)
    )
    left.plot(*_in_order(pruned), "x", color=GREY, label="pruned")
    numbers, values = _in_order(complete)
    left.plot(numbers, values, "D", color=PURPLE, label="complete")
    best = np.maximum.accumulate(values)
    left.step(numbers, best, where="post", color=GREEN, label="best so far")
    whole_numbers(left.xaxis)
    left.set(xlabel="trial", ylabel="validation accuracy (%)", title="History")
    left.legend()
    names = sorted(importances, key=importances.get)
    shares = [100 * importances[name] for name in names]
    right.barh(names, shares, color=GREY)
    right.set(xlabel="share of the variation (%)", title="Importance")
    return figure


def _in_order(measured):
    """Return the keys of a dictionary, sorted, and their values, as two lists."""
    return sorted(measured), [measured[key] for key in sorted(measured)]


def time_to_accuracy(rounds, target):
    """Show the test accuracy against the seconds of training, one line a round.

    Args:
        rounds: dictionary from a recipe's name to its rounds, each a list of
            (seconds, accuracy) after each epoch.
        target: the accuracy that is marked, between 0 and 1.
    """
    figure, ax = new_figure(size=(9, 4.6), title="Test accuracy by time of training")
    order = colors(CNN_COLOR, GREEN, ANN_COLOR, GREY, YELLOW)
    for (name, lines), color in zip(rounds.items(), order, strict=False):
        for k, rows in enumerate(lines):
            seconds, accuracy = np.transpose(rows)
            label = name if k == 0 else None
            ax.plot(seconds, 100 * accuracy, marker=".", color=color, label=label)
    ax.axhline(100 * target, color="black", linestyle=":", linewidth=1)
    ax.set(xlabel="seconds of training", ylabel="test accuracy (%)", xscale="log")
    ax.set_ylim(97, 99.8)
    ax.legend(loc="lower right")
    return figure
