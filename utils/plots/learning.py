"""Figures of how a network computes and learns: a neuron, slopes, steps, batches."""

import itertools

import numpy as np

from utils.plots.shapes import by_name
from utils.plots.style import (
    ANN_COLOR,
    CNN_COLOR,
    GREEN,
    GREY,
    PURPLE,
    colors,
    new_figure,
)

BOX = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": GREY}
FORWARD = {"arrowstyle": "-|>", "color": CNN_COLOR, "lw": 1.8, "shrinkA": 0}
BACKWARD = {**FORWARD, "color": ANN_COLOR}


def neuron(inputs, weights, bias, output, title="A neuron with its numbers"):
    """Draw one neuron: its inputs, a weight on each wire, the sum, the output.

    Args:
        inputs: shape (n,).
        weights: shape (n,).
        bias: a number.
        output: what the activation turns the weighted sum into.
        title: the figure's title.
    """
    figure, ax = new_figure(size=(8, 3.2), title=title)
    heights = np.linspace(1, -1, len(inputs))
    clear = {"fc": "white", "ec": "none", "pad": 1.5}  # of the wire behind the text
    for height, value, weight in zip(heights, inputs, weights, strict=True):
        wire = {**FORWARD, "shrinkB": 18}
        ax.annotate("", (2.9, 0), (0.35, height), arrowprops=wire)
        ax.text(0, height, f"{value:g}", ha="center", va="center", size=13, bbox=BOX)
        label = _minus(f"× {weight:g} = {value * weight:g}")
        place = (1.35, 0.6 * height)
        ax.text(*place, label, ha="center", va="center", size=12, bbox=clear)
    total = np.dot(inputs, weights)
    ax.annotate("", (5.6, 0), (3.2, 0), arrowprops=FORWARD)
    ax.text(2.9, 0, "+", ha="center", va="center", size=18, bbox={**BOX, "pad": 0.5})
    signed_bias = f"{'+' if bias >= 0 else '−'} {abs(bias):g}"
    ax.text(2.9, -0.95, _minus(f"bias {bias:g}"), ha="center", va="center", size=12)
    ax.annotate("", (2.9, 0), (2.9, -0.8), arrowprops={**FORWARD, "shrinkB": 18})
    words = _minus(f"{total:g} {signed_bias} = {total + bias:g}")
    ax.text(4.4, 0.12, words, ha="center", va="bottom", size=12)
    ax.text(5.95, 0, "ReLU", ha="center", va="center", size=12, bbox=BOX)
    ax.annotate("", (7.1, 0), (6.35, 0), arrowprops=FORWARD)
    ax.text(7.4, 0, f"{output:g}", ha="center", va="center", size=13, bbox=BOX)
    ax.set(xlim=(-0.4, 7.9), ylim=(-1.3, 1.35))
    ax.set_axis_off()
    return figure


def _minus(text):
    """Write the minus signs of numbers as long as a plus is wide."""
    return text.replace("-", "−")


def descent(weights, losses, paths, title="The loss of one weight, and the way down"):
    """Show a loss over one weight, and paths of steps on it.

    Args:
        weights: where the loss was computed, shape (n,).
        losses: the loss there, shape (n,).
        paths: dictionary from a path's name to (weights, losses) of its points.
        title: the figure's title.
    """
    figure, ax = new_figure(size=(8, 3.6), title=title)
    ax.plot(weights, losses, color=GREY, linewidth=2)
    markers = itertools.cycle("^Dvs")
    for (name, (xs, ys)), color, marker in zip(
        paths.items(), colors(GREEN, PURPLE), markers, strict=False
    ):
        ax.scatter(xs, ys, s=45, color=color, marker=marker, label=name, zorder=3)
        for k in range(1, len(xs)):
            ax.annotate(
                "",
                (xs[k], ys[k]),
                (xs[k - 1], ys[k - 1]),
                arrowprops={**FORWARD, "color": color},
            )
    ax.set(xlabel="weight", ylabel="mean loss")
    ax.legend()
    return figure


def backpropagation(stages, title="Forward the numbers, backward the slopes"):
    """Draw a network's stages: numbers pass forward, slopes of the loss come back.

    Args:
        stages: names of the stages from the input to the loss.
        title: the figure's title.
    """
    figure, ax = new_figure(size=(10, 2.7), title=title)
    step = 1.7
    for k, name in enumerate(stages):
        ax.text(step * k, 0, name, ha="center", va="center", size=11, bbox=BOX)
        if k:
            left, right = step * (k - 1) + 0.25, step * k - 0.25
            bend = {"connectionstyle": "arc3,rad=-0.35"}
            ax.annotate("", (right, 0.3), (left, 0.3), arrowprops={**FORWARD, **bend})
            ax.annotate(
                "", (left, -0.3), (right, -0.3), arrowprops={**BACKWARD, **bend}
            )
    last = step * (len(stages) - 1)
    middle = last / 2
    forward = "forward: from the digit to the loss"
    ax.text(middle, 0.95, forward, ha="center", size=11, color=CNN_COLOR)
    backward = "backward: how fast the loss grows with each number and each weight"
    ax.text(middle, -1.1, backward, ha="center", size=11, color=ANN_COLOR)
    ax.set(xlim=(-0.8, last + 0.6), ylim=(-1.25, 1.2))
    ax.set_axis_off()
    return figure


def batch_losses(curves, title=None):
    """Show the loss of each batch, step by step; dotted is the loss of pure guessing.

    Args:
        curves: dictionary from a training's name to its losses, one per step.
        title: the figure's title; None counts the trainings.
    """
    curves = by_name(curves, "'rate 0.001': losses")
    count = {2: "Two", 3: "Three", 4: "Four"}.get(len(curves), len(curves))
    title = title or f"{count} learning rates, one epoch"
    figure, ax = new_figure(size=(8, 3.8), title=title)
    for (name, losses), color in zip(curves.items(), colors(), strict=False):
        steps = np.arange(1, len(losses) + 1)
        ax.plot(steps, losses, color=color, linewidth=1.2, label=name)
    ax.axhline(
        np.log(10), color="black", linestyle=":", linewidth=1.2, label="guessing"
    )
    ax.set(yscale="log", ylim=(0.15, 20))
    ax.set_yticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
    ax.yaxis.set_minor_formatter("")
    ax.set(xlabel="step", ylabel="loss of the batch (log scale)")
    figure.legend(loc="outside right upper", fontsize=10)
    return figure
