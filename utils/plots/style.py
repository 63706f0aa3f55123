"""The look that every figure shares: colours, axes, and a text for who cannot see.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart, and every
figure has its own white ground, so that it reads on a dark page.
"""

import base64
import io
import itertools
import math
from contextlib import contextmanager

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from utils.plots.shapes import as_picture
from utils.plots.words import in_words

ANN_COLOR, CNN_COLOR = "#D55E00", "#0072B2"
COLORS = {"ANN": ANN_COLOR, "CNN": CNN_COLOR}
GREY, GREEN, YELLOW = "#767676", "#009E73", "#E69F00"
INK = "gray_r"  # ink dark on paper, as on the page that was written on
SIGNED = "RdBu_r"  # red is positive, blue negative, white zero
PURPLE, SKY = "#CC79A7", "#56B4E9"
MARKERS = {"ANN": "o", "CNN": "s"}  # one meaning each, through the whole course
OTHER_COLORS, OTHER_MARKERS = (GREEN, YELLOW, PURPLE, GREY, SKY), "^Dv*P"
# A page shows a figure larger than its paper is, so that its type is read from the last
# row, too: PIXELS of the page for an inch of the size asked for, on PAPER of its width.
PIXELS, PAPER = 100, 0.8
FRAME = {"fill": False, "ec": "#B0B0B0", "lw": 0.6}

STYLE = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 200,  # sharp on a projector and on a good screen
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "figure.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "image.interpolation": "nearest",
}


@contextmanager
def our_look():
    """Draw in the course's look, whatever style somebody has chosen for other figures.

    A dark one would leave white letters on white; a matplotlibrc could turn digits
    upside down, or want a LaTeX that is not there.
    """
    with mpl.rc_context():
        mpl.rcdefaults()  # but for Jupyter's choice, the way to show a figure
        mpl.rcParams.update(STYLE)
        yield


class _DescribedFigure(Figure):
    """A figure that tells Jupyter what it shows, for readers who cannot see it."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        canvas = FigureCanvasAgg(self)
        with our_look():
            canvas.draw()
        data = base64.b64encode(_small(canvas.buffer_rgba(), self.dpi)).decode()
        width = round(PIXELS * self.get_figwidth() / PAPER)
        described = {"alt": in_words(self), "width": width}
        return {"image/png": data}, {"image/png": described}


def _draw_our_way():
    """Let Jupyter show our figures as they say themselves, and Matplotlib draw none.

    Matplotlib tells a notebook how to draw any Figure, and that counts for more than
    what a figure says of itself; unless it comes to nothing.
    """
    shell = get_ipython()
    if shell is not None:
        formatter = shell.display_formatter.formatters["image/png"]
        formatter.for_type(_DescribedFigure, lambda figure: None)


def _small(pixels, dpi):
    """Return a picture as a PNG of at most 256 colours: half the size, the same look.

    Greys stay what they are. Without this, notebooks with sharp figures are too large
    to be read on the web.
    """
    small = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels)).convert("RGB")
    fewer = image.quantize(256, Image.Quantize.MEDIANCUT)
    fewer.save(small, format="png", dpi=(dpi, dpi))
    return small.getvalue()


def new_figure(n_rows=1, n_columns=1, *, size, title=None, **options):
    """Return a figure and its axes; call it, and draw into them, in our_look().

    Args:
        n_rows: rows of axes.
        n_columns: columns of axes.
        size: (width, height) on the page, in units of 100 pixels. On a slide it fills
            the width where it is at most 0.4 as high as wide; a higher one gets
            smaller, with all its type.
        title: the figure's title.
        options: more of plt.subplots.
    """
    paper = [PAPER * side for side in size]
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=paper, FigureClass=_DescribedFigure, **options
    )
    if title:
        figure.suptitle(title)
    plt.close(figure)  # or Jupyter would show it a second time
    _draw_our_way()
    return figure, axes


def draw_image(ax, image, title="", place=(0, 0), **options):
    """Draw one image without axes, in a thin frame: where the ink lies must show.

    Bytes are drawn in their true ink: 0 is paper, 255 is black, in a pale image, too.
    Where axes have several images, place says where each has its first pixel, (x, y).
    """
    image = as_picture(image)
    if image.dtype == np.uint8 and "vmax" not in options:
        options = {"vmin": 0, "vmax": 255, **options}
    height, width = image.shape[:2]
    left, top = place[0] - 0.5, place[1] - 0.5  # a pixel's middle has whole numbers
    extent = (left, left + width, top + height, top)
    drawn = ax.imshow(image, **{"cmap": INK, "extent": extent, **options})
    edge = plt.Rectangle((left, top), width, height, clip_on=False, **FRAME)
    ax.add_patch(edge)
    ax.set_title(title)
    ax.set_axis_off()
    return drawn


def colors(*first):
    """Yield colours without end: these, then the others, then all of them again."""
    others = (SKY, GREEN, PURPLE, YELLOW, GREY, "black", CNN_COLOR, ANN_COLOR)
    return itertools.cycle(dict.fromkeys((*first, *others)))


def model_color(name, k=0):
    """Return the colour of a model, its own also in "CNN, augmented".

    What is no model of the course, the k-th in its figure, gets a colour of no model.
    """
    return COLORS.get(name.split(",")[0], OTHER_COLORS[k % len(OTHER_COLORS)])


def model_marks(name, k):
    """Return colour and marker of a model, the k-th in its figure, for ax.plot."""
    other = OTHER_MARKERS[k % len(OTHER_MARKERS)]
    marker = MARKERS.get(name.split(",")[0], other)
    return {"color": model_color(name, k), "marker": marker}


def small_multiples(labels, *, title, ylabel, height):
    """Return a figure and one axes for each label, three in a row, on one y axis.

    Args:
        labels: what is on the x axes, with units.
        title: the figure's title.
        ylabel: what is on the y axes, with its unit.
        height: inches per row.
    """
    columns = 3
    rows = math.ceil(len(labels) / columns)
    size = (10.5, height * rows)
    figure, axes = new_figure(
        rows, columns, size=size, title=title, sharey=True, squeeze=False
    )
    for ax, label in zip(axes.flat, labels, strict=False):
        ax.set(xlabel=label)
    for ax in axes.flat[len(labels) :]:
        ax.set_axis_off()
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    figure.get_layout_engine().set(wspace=0.06)  # or long numbers would meet
    return figure, axes.flat[: len(labels)]


def legend_below(figure, ax):
    """Explain the marks of one axes below all of them, where they hide nothing."""
    handles, labels = ax.get_legend_handles_labels()
    place = {"loc": "outside lower center", "ncols": len(labels)}
    figure.legend(handles, labels, fontsize=9, **place)


def plain_logarithm(axis):
    """Label a logarithmic axis with plain numbers, at least two of them.

    Powers of ten where enough of them are in sight, else 1, 3, 10 or 1, 2, 5, 10, else
    whatever is round.
    """
    low, high = sorted(axis.get_view_interval())
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = [s * 10.0**d for d in decades for s in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 2:
            break
    else:
        ticks = [t for t in MaxNLocator(3).tick_values(low, high) if low <= t <= high]
    axis.set_ticks(ticks, [f"{tick:,.10g}" for tick in ticks])
    axis.set_minor_formatter("")


def whole_numbers(axis):
    """Mark whole numbers only on an axis that counts, such as the epochs."""
    axis.get_major_locator().set_params(integer=True, min_n_ticks=1)  # one epoch: one
