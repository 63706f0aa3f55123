"""Every figure of the course.

The functions take arrays and return a matplotlib Figure; a notebook shows the value of
its cell's last line. Colours are those of Okabe and Ito, which colour-blind readers can
tell apart, and every figure has its own white ground, so that it reads on a dark page.
"""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

ANN_COLOR, CNN_COLOR = "#D55E00", "#0072B2"
COLORS = {"ANN": ANN_COLOR, "CNN": CNN_COLOR}
GREY, GREEN, YELLOW = "#767676", "#009E73", "#E69F00"
INK = "gray_r"  # ink dark on paper, as on the page that was written on
SIGNED = "RdBu_r"  # red is positive, blue negative, white zero

STYLE = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "figure.titlesize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "image.interpolation": "nearest",
}


class _DescribedFigure(Figure):
    """A figure that tells Jupyter its title, for readers who cannot see it."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        png = io.BytesIO()
        with plt.rc_context(STYLE):
            self.savefig(png, format="png")
        data = {"image/png": base64.b64encode(png.getvalue()).decode()}
        return data, {"image/png": {"alt": self.description()}}

    def description(self):
        """Return the titles of the figure and its axes, and what the axes show."""
        texts = [self.get_suptitle()]
        for ax in self.axes:
            texts += [ax.get_title(), ax.get_xlabel(), ax.get_ylabel()]
        found = dict.fromkeys(" ".join(t.split()) for t in texts if t.strip())
        return "; ".join(list(found)[:12])


def _figure(n_rows=1, n_columns=1, *, size, title=None, **options):
    """Return a figure and its axes in the course's style, 100 pixels an inch."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=size, FigureClass=_DescribedFigure, **options
        )
    if title:
        figure.suptitle(title)
    plt.close(figure)  # or Jupyter would show it a second time
    return figure, axes


def _picture(ax, image, title="", **options):
    """Draw one image without axes: the pixels are what there is to see."""
    options = {"cmap": INK, **options}
    drawn = ax.imshow(image, **options)
    ax.set_title(title)
    ax.set_axis_off()
    return drawn


# --- the data ------------------------------------------------------------------------


def digit_grid(x, y, per_class=12, title="Twelve of each digit"):
    """Show the first images of each class, one class a row.

    Args:
        x: images, shape (n, 28, 28).
        y: labels, shape (n,).
        per_class: images a row.
        title: the figure's title.
    """
    figure, axes = _figure(10, per_class, size=(8, 6.6), title=title)
    for digit in range(10):
        for ax, image in zip(axes[digit], x[y == digit], strict=False):
            _picture(ax, image)
    for ax in axes.flat:
        ax.set_axis_off()
    return figure


def digit_as_numbers(image, title="One digit, as the computer has it"):
    """Show one image with the value of each pixel written on it.

    Args:
        image: shape (28, 28), integers from 0 to 255.
        title: the figure's title.
    """
    figure, ax = _figure(size=(8, 7.6), title=title)
    _picture(ax, image, vmin=0, vmax=255)
    for row, column in np.argwhere(image > 0):
        value = image[row, column]
        ink = "white" if value > 128 else "black"
        ax.text(column, row, value, ha="center", va="center", size=6, color=ink)
    return figure


def class_balance(labels, title="How many of each digit"):
    """Show the share of each digit in one or more sets.

    Args:
        labels: dictionary from the set's name to its labels, shape (n,).
        title: the figure's title.
    """
    figure, ax = _figure(size=(8, 3.2), title=title)
    width = 0.8 / len(labels)
    colors = (GREY, YELLOW, GREEN)
    for k, (name, y) in enumerate(labels.items()):
        share = 100 * np.bincount(y, minlength=10) / len(y)
        ax.bar(np.arange(10) + k * width, share, width, label=name, color=colors[k])
    ax.set_xticks(np.arange(10) + width * (len(labels) - 1) / 2, range(10))
    ax.set(xlabel="digit", ylabel="share of the set (%)")
    ax.legend(loc="lower right")
    return figure


def pixel_histogram(x, title="How dark the pixels are"):
    """Show the distribution of pixel values.

    Args:
        x: images, shape (n, 28, 28), integers from 0 to 255.
        title: the figure's title.
    """
    figure, ax = _figure(size=(8, 3.2), title=title)
    counts = np.bincount(np.ravel(x), minlength=256)
    share = 100 * counts.reshape(16, 16).sum(axis=1) / counts.sum()
    ax.bar(np.arange(16) * 16 + 8, share, width=15, color=GREY)
    ax.set(
        xlabel="pixel value (0 = paper, 255 = ink)",
        ylabel="share of all pixels (%, log scale)",
        yscale="log",
    )
    return figure


def images(pictures, captions=None, columns=6, title=None, signed=False, scale=1.4):
    """Show images in rows.

    Args:
        pictures: images, shape (n, height, width), or a list of images.
        captions: n texts, or None.
        columns: images a row.
        title: the figure's title.
        signed: draw positive red and negative blue, all on one scale.
        scale: inches an image.
    """
    n = len(pictures)
    columns = min(columns, n)
    rows = -(-n // columns)
    height = rows * (scale + (0.3 if captions else 0.1)) + 0.5
    figure, axes = _figure(
        rows, columns, size=(columns * scale, height), title=title, squeeze=False
    )
    limit = max(np.abs(p).max() for p in pictures) if signed else None
    options = {"cmap": SIGNED, "vmin": -limit, "vmax": limit} if signed else {}
    for ax in axes.flat:
        ax.set_axis_off()
    for k, picture in enumerate(pictures):
        caption = captions[k] if captions else ""
        _picture(axes.flat[k], picture, **options)
        axes.flat[k].set_title(caption, size=10)
    return figure


# --- the model -----------------------------------------------------------------------


def function(xs, curves, title, xlabel, ylabel):
    """Show one or more functions of one variable.

    Args:
        xs: where they were computed, shape (n,).
        curves: dictionary from name to values, shape (n,).
        title: the figure's title.
        xlabel: what xs are, with their unit.
        ylabel: what the values are, with their unit.
    """
    figure, ax = _figure(size=(7, 3), title=title)
    colors = (CNN_COLOR, ANN_COLOR, GREEN)
    for (name, ys), color in zip(curves.items(), colors, strict=False):
        ax.plot(xs, ys, label=name, color=color, linewidth=2)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        ax.legend()
    return figure


def architecture(model, title=None):
    """Draw a Sequential model as a row of blocks, with shapes and parameter counts.

    A block is as high as its output is large in space, and as wide as it has channels
    or neurons (both as roots, or the small ones could not be seen).

    Args:
        model: a built keras.Sequential.
        title: the figure's title; None counts the parameters.
    """
    shapes = [("Input", model.input_shape[1:], 0)] + [
        (type(layer).__name__, layer.output.shape[1:], layer.count_params())
        for layer in model.layers
    ]
    title = title or f"{model.name}: {model.count_params():,} parameters"
    figure, ax = _figure(size=(11, 4), title=title)
    colors = {"Conv2D": CNN_COLOR, "Dense": ANN_COLOR, "Dropout": GREY}
    x = 0.0
    for kind, shape, n_parameters in shapes:
        spatial = len(shape) == 3
        height = np.sqrt(shape[0]) if spatial else 0.9 * np.log2(shape[-1] + 1) / 2
        width = 0.25 + (np.sqrt(shape[-1]) / 8 if spatial else 0.1)
        room = max(width, 1.1 if n_parameters else 0.8) + 0.15
        middle = x + room / 2
        block = (middle - width / 2, -height / 2)
        color = colors.get(kind, "#B8B8B8")
        ax.add_patch(plt.Rectangle(block, width, height, fc=color, ec="black"))
        above = height / 2 + 0.2
        ax.text(middle, above, kind, ha="center", va="bottom", rotation=90, size=8)
        size = "×".join(map(str, shape[:2])) + (f"\n×{shape[2]}" if spatial else "")
        ax.text(middle, -3.0, size, ha="center", va="top", size=8)
        if n_parameters:
            number = f"{n_parameters:,}"
            ax.text(middle, -4.3, number, ha="center", va="top", size=8, weight="bold")
        x += room
    ax.text(-0.2, -3.0, "output", ha="right", va="top", size=8)
    ax.text(-0.2, -4.3, "parameters", ha="right", va="top", size=8, weight="bold")
    ax.set(xlim=(-x / 11, x), ylim=(-4.9, 5.6))
    ax.set_axis_off()
    return figure


# --- training ------------------------------------------------------------------------


def learning_rate(schedule, n_steps, steps_per_epoch):
    """Show the learning rate of every step of a training.

    Args:
        schedule: a keras learning-rate schedule, called with the step.
        n_steps: steps of the whole training.
        steps_per_epoch: batches in one epoch.
    """
    steps = np.linspace(0, n_steps, 200)
    rates = [float(schedule(step)) for step in steps]
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
        history: Keras' History.history: lists of floats, one number an epoch.
        title: the figure's title.
    """
    figure, axes = _figure(1, 2, size=(10, 3.6), title=title)
    epochs = np.arange(1, len(history["loss"]) + 1)
    for ax, metric in zip(axes, ("loss", "accuracy"), strict=True):
        factor = 100 if metric == "accuracy" else 1
        for prefix, name, style in (
            ("", "training", "--"),
            ("val_", "validation", "-"),
        ):
            if prefix + metric in history:
                values = factor * np.array(history[prefix + metric])
                color = GREY if style == "--" else GREEN
                ax.plot(epochs, values, style, marker="o", label=name, color=color)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="epoch", ylabel=metric + (" (%)" if factor == 100 else ""))
        ax.legend()
    return figure


# --- results -------------------------------------------------------------------------


def confusion_matrix(matrix, title="Confusion matrix of the test digits"):
    """Show a confusion matrix as counts; the diagonal is what was right.

    Args:
        matrix: counts, shape (10, 10), rows true, columns predicted.
        title: the figure's title.
    """
    figure, ax = _figure(size=(7, 5.8), title=title)
    _confusion_heatmap(ax, matrix)
    return figure


def _confusion_heatmap(ax, matrix, most=None):
    """Colour the mistakes and leave the diagonal out of the scale: it outshines all.

    The darkest colour stands for the most frequent mistake, or for most.
    """
    matrix = np.asarray(matrix)
    off = matrix * (1 - np.eye(len(matrix), dtype=int))
    sns.heatmap(
        off,
        annot=matrix,
        fmt="d",
        cmap="Oranges",
        vmin=0,
        vmax=most,
        cbar=False,
        linewidths=0.5,
        square=True,
        ax=ax,
        annot_kws={"size": 9},
    )
    for k in range(len(matrix)):
        ax.add_patch(plt.Rectangle((k, k), 1, 1, fc="#CFE3F1", ec="white"))
    ax.grid(False)
    ax.set(xlabel="predicted digit", ylabel="true digit")
    ax.tick_params(rotation=0, length=0)


def predictions(pictures, y_true, y_prob, title, columns=6):
    """Show digits above the model's ten probabilities for them.

    Args:
        pictures: images, shape (n, 28, 28).
        y_true: labels, shape (n,).
        y_prob: probabilities, shape (n, 10).
        title: the figure's title.
        columns: digits a row.
    """
    n = len(pictures)
    columns = max(1, min(columns, n))
    rows = max(1, -(-n // columns))
    figure, axes = _figure(
        2 * rows,
        columns,
        size=(1.75 * columns, 3.1 * rows + 0.5),
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
        _picture(axes[row, column], pictures[k])
        axes[row, column].set_title(caption, size=9)
        ax = axes[row + 1, column]
        ax.set_axis_on()
        colors = [
            GREEN if d == y_true[k] else ANN_COLOR if d == guess else GREY
            for d in range(10)
        ]
        ax.bar(range(10), y_prob[k], color=colors)
        ax.set_xticks(range(10), range(10), size=7)
        ax.set_yticks([])
        ax.set_ylim(0, 1)
        ax.grid(False)
        ax.spines["left"].set_visible(False)
    return figure


def time_to_accuracy(rounds, target):
    """Show the test accuracy against the seconds of training, one line a round.

    Args:
        rounds: dictionary from a recipe's name to its rounds, each a list of
            (seconds, accuracy) after each epoch.
        target: the accuracy that is marked, between 0 and 1.
    """
    figure, ax = _figure(size=(9, 4.6), title="Test accuracy by time of training")
    colors = (CNN_COLOR, GREEN, ANN_COLOR, GREY, YELLOW)
    for (name, lines), color in zip(rounds.items(), colors, strict=False):
        for k, rows in enumerate(lines):
            seconds, accuracy = np.transpose(rows)
            label = name if k == 0 else None
            ax.plot(seconds, 100 * accuracy, marker=".", color=color, label=label)
    ax.axhline(100 * target, color="black", linestyle=":", linewidth=1)
    ax.set(xlabel="seconds of training", ylabel="test accuracy (%)", xscale="log")
    ax.set_ylim(97, 99.8)
    ax.legend(loc="lower right")
    return figure


# --- inside a convolutional network --------------------------------------------------


def receptive_fields(image, fields, title="How much of the page one number depends on"):
    """Draw receptive fields as boxes around the middle of an image.

    Args:
        image: shape (28, 28).
        fields: pairs of a layer's name and the side of its field in pixels.
        title: the figure's title.
    """
    figure, axes = _figure(1, len(fields), size=(1.9 * len(fields), 2.8), title=title)
    for ax, (name, side) in zip(axes, fields, strict=True):
        _picture(ax, image, title=f"{name}\n{side}×{side} pixels")
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
    figure, axes = _figure(
        rows,
        columns + 1,
        size=(10, 1.05 * rows + 0.6),
        title="What each layer makes of one digit",
    )
    for row, maps in enumerate(activations):
        for ax in axes[row]:
            ax.set_axis_off()
        if row == 0:
            _picture(axes[0, 0], image)
        height, width, n = maps.shape
        axes[row, 0].set_title(f"layer {row + 1}\n{n} maps, {height}×{width}", size=8)
        for k in range(min(columns, n)):
            _picture(axes[row, k + 1], maps[:, :, k], cmap="viridis")
    return figure


def attributions(pictures, maps, captions, title="What the answer hangs on"):
    """Show attribution maps over their digits: red spoke for the answer, blue against.

    Args:
        pictures: images, each of shape (28, 28).
        maps: the drop of the answer's probability, each of shape (28, 28).
        captions: a text for each.
        title: the figure's title.
    """
    n = len(pictures)
    figure, axes = _figure(1, n, size=(3.3 * n, 3.9), title=title)
    for ax, picture, heat, caption in zip(axes, pictures, maps, captions, strict=True):
        limit = max(np.abs(heat).max(), 1e-6)
        drawn = _picture(ax, heat, cmap=SIGNED, vmin=-limit, vmax=limit)
        ax.contour(picture, levels=[100], colors="black", linewidths=1.2)
        ax.set_title(caption, size=10)
        bar = figure.colorbar(drawn, ax=ax, shrink=0.75)
        bar.set_label("drop in probability", size=8)
        bar.ax.tick_params(labelsize=7)
    return figure


# --- two models ----------------------------------------------------------------------


def _color(name, k):
    """Return a model's own colour; others get the next of a list."""
    others = (ANN_COLOR, CNN_COLOR, GREEN, YELLOW, GREY)
    return COLORS.get(name, others[k % 5])


def compared_curves(
    histories, bands=None, band_label="", title="How the two trainings went"
):
    """Show loss and accuracy of several models by epoch on shared axes.

    Args:
        histories: dictionary from the model's name to Keras' History.history.
        bands: dictionary from the model's name to a list of histories of further
            seeds; from the lowest to the highest validation value is shaded.
        band_label: what is shaded, for the legend.
        title: the figure's title.

    The axis of the accuracy leaves out what is far below the rest.
    """
    figure, axes = _figure(1, 2, size=(10, 4.6), title=title)
    for ax, metric in zip(axes, ("loss", "accuracy"), strict=True):
        factor = 100 if metric == "accuracy" else 1
        for k, (name, history) in enumerate(histories.items()):
            color = _color(name, k)
            for prefix, part, style in (
                ("", "training", ":"),
                ("val_", "validation", "-"),
            ):
                if prefix + metric in history:
                    values = factor * np.array(history[prefix + metric])
                    epochs = np.arange(1, len(values) + 1)
                    marker = "o" if prefix else None
                    ax.plot(
                        *(epochs, values, style),
                        label=f"{name}, {part}",
                        color=color,
                        marker=marker,
                        markersize=4,
                    )
            others = [h.get(f"val_{metric}", []) for h in (bands or {}).get(name, [])]
            shortest = min(map(len, others), default=0)
            if len(others) > 1 and shortest:
                values = factor * np.array([v[:shortest] for v in others])
                ax.fill_between(
                    np.arange(1, shortest + 1),
                    *(values.min(axis=0), values.max(axis=0)),
                    color=color,
                    alpha=0.25,
                    linewidth=0,
                    label=f"{name}, {band_label}",
                )
        ax.xaxis.get_major_locator().set_params(integer=True)
        unit = "accuracy (%)" if metric == "accuracy" else "loss (nats a digit)"
        ax.set(xlabel="epoch", ylabel=unit)
    # One bad first epoch would squeeze all others into a line at the top.
    drawn = np.concatenate([line.get_ydata() for line in axes[1].lines])
    median = np.median(drawn)
    axes[1].set_ylim(max(drawn.min(), median - 3 * (100 - median)) - 0.5, 100.2)
    axes[0].set_yscale("log")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        *(handles, labels), loc="outside lower center", ncols=len(histories), fontsize=9
    )
    return figure


def seed_accuracies(accuracies, title="One dot a training, another seed each"):
    """Show the test accuracies of several seeds, with mean and standard deviation.

    Args:
        accuracies: dictionary from the model's name to accuracies, shape (n,),
            fractions.
        title: the figure's title.
    """
    figure, ax = _figure(size=(8, 1.4 + 0.7 * len(accuracies)), title=title)
    for k, (name, values) in enumerate(accuracies.items()):
        values = 100 * np.asarray(values)
        spread = values.std(ddof=1) if len(values) > 1 else 0
        ax.errorbar(
            *(values.mean(), k),
            xerr=spread,
            fmt="|",
            color="black",
            markersize=18,
            capsize=6,
            zorder=3,
            label="mean ± standard deviation" if k == 0 else None,
        )
        ax.scatter(values, np.full(len(values), k), s=70, alpha=0.7, c=_color(name, k))
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
    figure, ax = _figure(size=(8, 4.6), title=title)
    for k, (name, measured) in enumerate(curves.items()):
        color, marker = _color(name, k), "os^Dv"[k % 5]
        xs = sorted(measured)
        low, mean, high = np.transpose(
            [(min(measured[x]), np.mean(measured[x]), max(measured[x])) for x in xs]
        )
        ax.fill_between(xs, low, high, color=color, alpha=0.2, lw=0)
        ax.plot(xs, mean, color=color, marker=marker, label=name)
        for x in xs:
            values = measured[x]
            ax.scatter(np.full(len(values), x), values, s=9, color=color, alpha=0.6)
    if all(isinstance(x, int) for x in xs):
        ax.xaxis.get_major_locator().set_params(integer=True)
    for axis in log:
        ax.set(**{f"{axis}scale": "log"})
        labels = plt.FuncFormatter(lambda value, _: f"{value:,.10g}")
        getattr(ax, f"{axis}axis").set_major_formatter(labels)
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
    figure, (left, right) = _figure(
        1, 2, size=(10, 3.8), title=title, width_ratios=(3, 2)
    )
    left.plot(*_in_order(pruned), "x", color=GREY, label="pruned")
    numbers, values = _in_order(complete)
    left.plot(numbers, values, "o", color=CNN_COLOR, label="complete")
    best = np.maximum.accumulate(values)
    left.step(numbers, best, where="post", color=GREEN, label="best so far")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.set(xlabel="trial", ylabel="validation accuracy (%)", title="History")
    left.legend()
    names = sorted(importances, key=importances.get)
    shares = [100 * importances[name] for name in names]
    right.barh(names, shares, color=CNN_COLOR)
    right.set(xlabel="share of the variation (%)", title="Importance")
    return figure


def _in_order(measured):
    """Return the keys of a dictionary, sorted, and their values, as two lists."""
    return sorted(measured), [measured[key] for key in sorted(measured)]


def contingency(counts, names, title="The same digits, read by both"):
    """Show how many digits both models read, only one, or neither.

    Args:
        counts: both, only a, only b, neither.
        names: names of a and b.
        title: the figure's title.
    """
    both, only_a, only_b, neither = counts
    figure, ax = _figure(size=(6.6, 3.4), title=title)
    a, b = names
    cells = (
        ((0, 0), both, "both right", "#CCCCCC"),
        ((0, 1), only_a, f"only the {a} right", _color(a, 0)),
        ((1, 0), only_b, f"only the {b} right", _color(b, 1)),
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
    ax.grid(False)
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
    figure, ax = _figure(size=(8, 3.2), title=title)
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
    figure, ax = _figure(size=(8, 3.2), title=title)
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


def confusion_matrices(matrices, title="What was written, what was read"):
    """Show confusion matrices side by side, as counts; the diagonal was right.

    Args:
        matrices: dictionary from the model's name to counts, shape (10, 10).
        title: the figure's title.
    """
    figure, axes = _figure(1, len(matrices), size=(5.4 * len(matrices), 5.4))
    figure.suptitle(title)
    most = max((m * (1 - np.eye(10))).max() for m in matrices.values()) or 1
    for ax, (name, matrix) in zip(axes, matrices.items(), strict=True):
        _confusion_heatmap(ax, matrix, most)
        ax.set_title(name, color=_color(name, 0), weight="bold")
    return figure


def mistake_shares(matrices, title="Mistakes only, in % of each digit's images"):
    """Show confusion matrices without the diagonal, in percent, on one scale.

    Args:
        matrices: dictionary from the model's name to counts, shape (10, 10).
        title: the figure's title.
    """
    n = len(matrices)
    figure, axes = _figure(1, n, size=(5.4 * n, 4.9), title=title)
    off = 1 - np.eye(10)
    totals = {name: m.sum(axis=1, keepdims=True) for name, m in matrices.items()}
    shares = {
        name: 100 * matrix * off / np.maximum(totals[name], 1)
        for name, matrix in matrices.items()
    }
    limit = max(share.max() for share in shares.values()) or 1
    for ax, (name, share) in zip(axes, shares.items(), strict=True):
        drawn = ax.imshow(share, cmap="Oranges", vmin=0, vmax=limit)
        _digit_axes(ax)
        ax.set_title(name, color=_color(name, 0), weight="bold")
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.set_label("of the true digit's images (%)")
    return figure


def confusion_difference(difference, names, title=None):
    """Show the difference of two confusion matrices: b minus a.

    Args:
        difference: counts of b minus counts of a, shape (10, 10).
        names: names of a and b.
        title: the figure's title; None names the difference.
    """
    a, b = names
    title = title or f"Difference of the counts: {b} minus {a}"
    figure, ax = _figure(size=(6.6, 5.6), title=title)
    # A mistake less is as good as a right answer more: orient both the same way.
    gain = np.where(np.eye(10, dtype=bool), difference, -difference)
    limit = np.abs(gain).max() or 1
    sns.heatmap(
        gain,
        annot=np.where(difference == 0, "", difference.astype(str)),
        fmt="",
        cmap=sns.blend_palette([_color(a, 0), "white", _color(b, 1)], as_cmap=True),
        vmin=-limit,
        vmax=limit,
        cbar=False,
        linewidths=0.5,
        linecolor="#EEEEEE",
        square=True,
        ax=ax,
        annot_kws={"size": 9},
    )
    ax.grid(False)
    ax.set(xlabel="predicted digit", ylabel="true digit")
    ax.tick_params(rotation=0, length=0)
    handles = [
        plt.Rectangle((0, 0), 1, 1, color=_color(n, k)) for k, n in enumerate(names)
    ]
    labels = [f"in favour of the {name}" for name in names]
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
    return figure


def _digit_axes(ax):
    ax.set_xticks(range(10), range(10))
    ax.set_yticks(range(10), range(10))
    ax.set(xlabel="predicted digit", ylabel="true digit")
    ax.tick_params(length=0)
    ax.grid(False)


def class_accuracy(accuracies, title="Which digits are hard?"):
    """Show each digit's accuracy for two models, joined by a line.

    Args:
        accuracies: dictionary from the model's name to accuracies, shape (10,),
            fractions.
        title: the figure's title.
    """
    figure, ax = _figure(size=(8, 3.4), title=title)
    values = 100 * np.array(list(accuracies.values()))
    ax.vlines(range(10), values.min(axis=0), values.max(axis=0), color=GREY, zorder=1)
    for k, (name, row) in enumerate(zip(accuracies, values, strict=True)):
        marker = "os^D"[k % 4]
        ax.scatter(range(10), row, s=60, c=_color(name, k), marker=marker, label=name)
    ax.set_xticks(range(10))
    ax.set(xlabel="digit", ylabel="recognised (%)")
    ax.legend()
    return figure


def image_rows(rows, title, columns=8, scale=1.15):
    """Show rows of images, each row with a name at its left.

    Args:
        rows: dictionary from the row's name to (images, captions); images of shape
            (n, 28, 28), 0 = paper, a text each. Of more than fit, the first are shown.
        title: the figure's title.
        columns: images a row.
        scale: inches an image.
    """
    width, height, above = 31, 39, 10  # pixels of a place, those above for the caption
    # One large picture: a figure with an axes for each small one takes seconds.
    canvas = np.zeros((len(rows) * height, columns * width))
    size = ((columns + 1.2) * scale, len(rows) * scale * height / width + 0.4)
    figure, ax = _figure(size=size, title=title)
    for row, (name, (pictures, captions)) in enumerate(rows.items()):
        top = row * height + above
        ax.text(-6, top + 14, name, ha="right", va="center", size=10)
        if len(pictures) == 0:
            ax.text(2, top + 14, "none", va="center", size=10)
        for k, picture, caption in zip(
            range(columns), pictures, captions, strict=False
        ):
            left = k * width + 1
            canvas[top : top + 28, left : left + 28] = picture
            middle = left + 14
            ax.text(middle, top - 1, caption, ha="center", va="bottom", size=8)
    _picture(ax, canvas, vmin=0, vmax=canvas.max() or 1)
    return figure


def reliability_diagram(curves, few=20, title="As right as it is sure?"):
    """Show accuracy against confidence in bins; a calibrated model is on the diagonal.

    Args:
        curves: dictionary from the model's name to (confidence, accuracy, count),
            arrays of shape (n_bins,) each, NaN in empty bins.
        few: bins with fewer digits are drawn hollow.
        title: the figure's title.
    """
    figure, ax = _figure(size=(8, 4.8), title=title)
    ax.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="calibrated")
    for k, (name, (confidence, accuracy, count)) in enumerate(curves.items()):
        many, rare = count >= few, (count > 0) & (count < few)
        color, marker = _color(name, k), "os^D"[k % 4]
        x, y = 100 * confidence, 100 * accuracy
        ax.plot(x[many], y[many], color=color, linewidth=1, zorder=1)
        ax.scatter(x[many], y[many], s=50, c=color, marker=marker, label=name)
        ax.scatter(x[rare], y[rare], s=35, marker=marker, fc="none", ec=color)
    ax.scatter([], [], s=35, fc="none", ec=GREY, label=f"fewer than {few} digits")
    ax.set(
        xlabel="mean confidence of the bin (%)",
        ylabel="right answers of the bin (%)",
        xlim=(15, 102),
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
    n = len(confidences)
    figure, axes = _figure(1, n, size=(5 * n, 3.4), title=title, sharey=True)
    bins = np.linspace(0, 100, 21)
    for ax, (name, groups) in zip(axes, confidences.items(), strict=True):
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
        ax.set_title(name, color=_color(name, 0), weight="bold")
        ax.set(xlabel="confidence (%)")
        ax.legend(loc="upper left", fontsize=9)
    axes[0].set_ylabel("share of these answers (%)")
    return figure


def coverage(curves, title="If it may leave the hardest digits to a person"):
    """Show the accuracy on the digits that a model answers, against how many those are.

    Args:
        curves: dictionary from the model's name to (coverage, accuracy), fractions.
        title: the figure's title.
    """
    figure, ax = _figure(size=(8, 3.6), title=title)
    lowest = 100
    for k, (name, (answered, accuracy)) in enumerate(curves.items()):
        answered, accuracy = 100 * np.asarray(answered), 100 * np.asarray(accuracy)
        ax.plot(answered, accuracy, color=_color(name, k), linewidth=2, label=name)
        lowest = min(lowest, accuracy[-1])
    ax.set(
        xlabel="digits answered, the surest first (%)",
        ylabel="right, of those answered (%)",
        xlim=(50, 100.5),
        ylim=(lowest - 0.1 * (100 - lowest) - 0.01, 100.02),
    )
    ax.legend(loc="lower left")
    return figure


def robustness(curves, title="Accuracy on damaged digits"):
    """Show accuracy against severity: small multiples, all models on one axis.

    Args:
        curves: dictionary from the axis label to (severities, results); results is a
            dictionary from the model's name to (accuracy, low, high), fractions, one
            for each severity; between low and high is shaded.
        title: the figure's title.
    """
    columns = 3
    rows = -(-len(curves) // columns)
    figure, axes = _figure(
        *(rows, columns),
        size=(10.5, 2.9 * rows),
        title=title,
        sharey=True,
        squeeze=False,
    )
    for ax in axes.flat[len(curves) :]:
        ax.set_axis_off()
    for ax, (label, (severities, results)) in zip(
        axes.flat, curves.items(), strict=False
    ):
        for k, (name, (accuracy, low, high)) in enumerate(results.items()):
            color, marker = _color(name, k), "os^D"[k % 4]
            percent = 100 * np.array([accuracy, low, high])
            ax.fill_between(severities, *percent[1:], color=color, alpha=0.2, lw=0)
            ax.plot(severities, percent[0], color=color, marker=marker, label=name)
        ax.set(xlabel=label, ylim=(0, 103))
        if severities[0] > severities[-1]:
            ax.invert_xaxis()  # the harder the farther right, as in the others
    for ax in axes[:, 0]:
        ax.set_ylabel("accuracy (%)")
    axes.flat[0].legend(loc="lower left", fontsize=9)
    return figure


def accuracy_against_costs(costs, accuracies, title="What does the accuracy cost?"):
    """Show accuracy against each cost on a logarithmic scale: small multiples.

    Args:
        costs: dictionary from the cost's axis label to (cost of a, cost of b, …).
        accuracies: dictionary from the model's name to (accuracy, low, high),
            fractions, in the order of the costs.
        title: the figure's title.
    """
    columns = 3
    rows = -(-len(costs) // columns)
    figure, axes = _figure(
        *(rows, columns),
        size=(10.5, 2.7 * rows),
        title=title,
        sharey=True,
        squeeze=False,
    )
    for ax in axes.flat[len(costs) :]:
        ax.set_axis_off()
    for ax, (label, values) in zip(axes.flat, costs.items(), strict=False):
        for k, (name, interval) in enumerate(accuracies.items()):
            accuracy, low, high = 100 * np.array(interval)
            ax.errorbar(
                *(values[k], accuracy),
                yerr=[[accuracy - low], [high - accuracy]],
                fmt="os^D"[k % 4],
                color=_color(name, k),
                markersize=8,
                capsize=4,
                label=name,
            )
            text = f"{values[k]:,.0f}" if values[k] >= 100 else f"{values[k]:.2g}"
            ax.annotate(
                *(text, (values[k], accuracy)),
                xytext=(9, 0),
                textcoords="offset points",
                va="center",
                size=9,
            )
        ax.set_xscale("log")
        # Room for the numbers; and two equal costs would have no axis at all.
        ax.set_xlim(min(values) / 3, max(values) * 10)
        ax.xaxis.set_minor_formatter("")
        ax.set(xlabel=label)
    for ax in axes[:, 0]:
        ax.set_ylabel("test accuracy (%)")
    axes.flat[0].legend(loc="best", fontsize=9)
    return figure


# --- your own digits -----------------------------------------------------------------


def reading(drawing, image, read, title):
    """Show a drawing, what the networks see of it, and what they read.

    Args:
        drawing: shape (height, width), 0 = paper.
        image: the same in MNIST's form, shape (28, 28).
        read: dictionary from the model's name to its probabilities, shape (10,).
        title: the figure's title.
    """
    figure, axes = _figure(1, 2 + len(read), size=(11, 3.4))
    figure.suptitle(title, size=11)
    _picture(axes[0], drawing, "drawn")
    _picture(axes[1], image, "what the networks see")
    for k, (ax, (name, prob)) in enumerate(zip(axes[2:], read.items(), strict=True)):
        ax.barh(range(10), 100 * np.asarray(prob), color=_color(name, k))
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
    rows = -(-n // columns)
    size = (10.5, min(9, rows * (10.5 / columns * height / width + 0.4)) + 0.4)
    figure, axes = _figure(rows, columns, size=size, title=title, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (name, picture) in zip(axes.flat, pictures.items(), strict=False):
        bright = "gray" if name == "photo" else INK
        _picture(ax, picture, name, cmap=bright, vmin=0, vmax=1)
    return figure
