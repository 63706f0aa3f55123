"""Every figure of the course: titled, labelled, on white, and true to its numbers."""

import base64
import importlib
import inspect
import io
import itertools
import pkgutil
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from sklearn.metrics import confusion_matrix

from utils import plots
from utils.plots import style
from utils.plots.words import in_words

RNG = np.random.default_rng(0)
X = RNG.integers(256, size=(120, 28, 28), dtype=np.uint8)
Y = np.arange(120) % 10
PROB = RNG.dirichlet(np.ones(10), size=120)
MATRIX = np.diag(np.full(10, 90)) + RNG.integers(3, size=(10, 10))
HISTORY = {
    "loss": [1.0, 0.5, 0.3],
    "accuracy": [0.4, 0.9, 0.95],
    "val_loss": [0.8, 0.5, 0.4],
    "val_accuracy": [0.6, 0.91, 0.94],
}
LATER = {metric: [0.9 * v for v in values] for metric, values in HISTORY.items()}
BINS = (
    np.array([np.nan, 0.45, 0.75, 0.98]),
    np.array([np.nan, 0.2, 0.7, 0.99]),
    np.array([0, 3, 40, 900]),
    np.array([np.nan, 0.1, 0.6, 0.98]),
    np.array([np.nan, 0.6, 0.8, 0.995]),
)
SEVERITIES = (1.0, 0.8, 0.6)
BANDS = np.array([[0.9, 0.7, 0.3], [0.85, 0.65, 0.25], [0.95, 0.75, 0.35]])


def layer(kind, shape, n_parameters):
    made = type(kind, (SimpleNamespace,), {})
    return made(
        output=SimpleNamespace(shape=(None, *shape)), count_params=lambda: n_parameters
    )


MODEL = SimpleNamespace(
    name="CNN",
    input_shape=(None, 28, 28, 1),
    layers=[layer("Conv2D", (14, 14, 24), 600), layer("Dense", (10,), 8650)],
    count_params=lambda: 9250,
)

# The arguments for each public function of utils.plots: a new one needs a line here.
CALLS = {
    "digit_grid": (X, Y),
    "digit_as_numbers": (X[0],),
    "class_balance": ({"training": Y, "test": Y[:50]},),
    "pixel_histogram": (X,),
    "images": (X[:5], list("abcde")),
    "neuron": ([0.0, 0.5, 1.0], [2.0, -1.0, 0.75], 0.5, 0.75),
    "descent": ([-1, 0, 1], [2, 1, 3], {"steps": ([-1, 0], [2, 1])}),
    "backpropagation": (["pixels", "sums", "loss"],),
    "batch_losses": ({"too small: 0.002": [2.3, 2.2], "too large: 20": [2.3, 9.0]},),
    "convolution_step": (X[0] / 255, np.eye(3), [(0, 0), (5, 5)]),
    "deep_kernel": (3,),
    "exciting_patches": ({"layer 1": [list(X[:3] / 255)] * 2},),
    "bands": ({"ANN": {10: [1, 2], 100: [3]}}, "a title", "x", "y", "xy"),
    "function": (np.arange(3), {"f": np.arange(3)}, "a title", "x", "y"),
    "architecture": (MODEL,),
    "learning_rate": (lambda step: 0.1, 100, 10),
    "learning_curves": (HISTORY,),
    "confusion_matrix": (MATRIX,),
    "time_to_accuracy": ({"ours": [[(1, 0.98), (2, 0.99)]]}, 0.99),
    "predictions": (X[:4], Y[:4], PROB[:4], "a title"),
    "receptive_fields": (X[0], [("a", 3), ("b", 7)]),
    "feature_maps": (X[0], [RNG.random((7, 7, 14)), RNG.random((3, 3, 5))]),
    "attributions": (X[:2], RNG.normal(size=(2, 28, 28)), ["a", "b"]),
    "compared_curves": (
        {"ANN": HISTORY, "CNN": LATER},
        {"ANN": [HISTORY, LATER], "CNN": [LATER]},
        "range",
    ),
    "seed_accuracies": ({"ANN": [0.984, 0.985, 0.986], "CNN": [0.993, 0.995]},),
    "search_history": ({0: 90, 2: 92, 3: 91}, {1: 50}, {"rate": 0.7, "units": 0.3}),
    "contingency": ((9700, 40, 150, 110), ["ANN", "CNN"]),
    "coin_tosses": ([0.25, 0.5, 0.25], 2, "CNN"),
    "detection": ([100, 1000], [0.1, 0.9]),
    "confusion_matrices": ({"ANN": MATRIX, "CNN": MATRIX.T},),
    "confusion_difference": (MATRIX - MATRIX.T, ["ANN", "CNN"]),
    "controls": (
        {
            label: {row: {"ANN": [0.98, 0.981], "CNN": [0.99]} for row in "abc"}
            for label in ("test digits", "noisy")
        },
    ),
    "class_accuracy": (
        {"ANN": np.tile(np.linspace(0.9, 1, 10), (3, 1)), "CNN": np.ones((3, 10))},
    ),
    "image_rows": ({"a": (X[:3], list("abc")), "b": (X[:0], [])}, "a title"),
    "reliability_diagram": ({"ANN": BINS, "CNN": BINS},),
    "confidence_of_answers": ({"ANN": (PROB[:, 0], []), "CNN": ([], PROB[:, 1])},),
    "coverage": ({"ANN": ([0.5, 1], [1, 0.98]), "CNN": ([0.5, 1], [1, 0.99])},),
    "robustness": (
        {label: (SEVERITIES, {"ANN": BANDS, "CNN": BANDS}) for label in "abcd"},
    ),
    "reading": (X[0], X[0], {"ANN": PROB[0], "CNN": PROB[1]}, "a title"),
    "found_on_page": (
        RNG.random((60, 200)),
        np.array([[10, 40, 20, 45], [12, 41, 90, 120]]),
        ["ANN 1, CNN 1", "ANN 7, CNN 2"],
        [((5, 7, 0, 150), "line")],
    ),
    "photo_grid": ([RNG.random((40, 90)), RNG.random((30, 30, 3))], ["a", "b"], "c"),
    "rejection": ({"digits": PROB[0], "none": PROB[1]},),
    "stages": ({"photo": RNG.random((60, 200)), "ink": RNG.random((60, 200))},),
    "accuracy_against_costs": (
        {"parameters": (500_000, 60_000), "equal": (3, 3)},
        {"ANN": (0.98, 0.97, 0.99), "CNN": (0.99, 0.985, 0.995)},
    ),
}


ROOMS = [
    importlib.import_module(f"utils.plots.{room.name}")
    for room in pkgutil.iter_modules(plots.__path__)
    if room.name not in ("style", "words", "shapes")
]


def public_functions():
    return [
        name
        for room in ROOMS
        for name, function in inspect.getmembers(room, inspect.isfunction)
        if not name.startswith("_") and function.__module__ == room.__name__
    ]


def draw(name, *arguments):
    figure = getattr(plots, name)(*(arguments or CALLS[name]))
    figure.canvas.draw()  # what is wrong with a layout shows only now
    return figure


@cache
def drawn(name):
    """The figure of CALLS, drawn once for all who only look at it."""
    return draw(name)


@pytest.mark.parametrize("name", public_functions())
def test_every_figure_is_titled_labelled_and_on_white(name):
    figure = drawn(name)
    assert isinstance(figure, Figure)
    titles = [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes)]
    assert any(titles), "no title"
    assert to_hex(figure.get_facecolor()) == "#ffffff"
    for ax in figure.axes:
        if ax.axison and ax.lines + list(ax.containers) and name != "predictions":
            assert ax.get_xlabel(), f"{name}: an axis without a label"


@pytest.mark.parametrize("name", public_functions())
def test_every_figure_says_what_it_takes(name):
    assert "Args:" in inspect.getdoc(getattr(plots, name))


def test_the_package_shows_each_figure_and_nothing_else():
    shown = {name for name, _ in inspect.getmembers(plots, inspect.isfunction)}
    assert shown == set(public_functions())


@pytest.mark.parametrize("name", public_functions())
def test_a_legend_hides_no_title(name):
    figure = drawn(name)
    titles = [figure._suptitle, *(ax.title for ax in figure.axes)]
    titles = [title for title in titles if title and title.get_text()]
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    for legend in [*figure.legends, *legends]:
        box = legend.get_window_extent()
        assert not any(box.overlaps(title.get_window_extent()) for title in titles)


def test_every_figure_fits_the_page():
    wide = {name: drawn(name).get_figwidth() for name in CALLS}
    assert max(wide.values()) <= 12, wide


# --- two models: the numbers in the picture ------------------------------------------


def test_models_keep_their_colours():
    figure = draw("coverage")
    colors = {
        line.get_label(): to_hex(line.get_color()) for line in figure.axes[0].lines
    }
    assert {n: c.upper() for n, c in colors.items()} == plots.COLORS


def test_a_training_of_one_epoch_is_seen_and_its_axis_counts():
    once = {metric: values[:1] for metric, values in HISTORY.items()}
    for figure in (
        draw("compared_curves", {"ANN": once}),
        draw("learning_curves", once),
    ):
        figure.canvas.draw()
        for ax in figure.axes:
            assert all(line.get_marker() == "o" for line in ax.lines)
            low, high = ax.get_xlim()
            shown = [tick for tick in ax.get_xticks() if low <= tick <= high]
            assert shown == [1]


def test_the_band_goes_from_the_lowest_to_the_highest_seed():
    figure = draw("compared_curves")
    (band,) = figure.axes[0].collections  # the CNN has one seed only: no band
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(0.9 * 0.4)
    assert heights.max() == pytest.approx(0.8)


def test_seeds_of_different_lengths_share_what_they_have():
    short = {metric: values[:2] for metric, values in HISTORY.items()}
    figure = draw("compared_curves", {"ANN": HISTORY}, {"ANN": [HISTORY, short]}, "x")
    (band,) = figure.axes[0].collections
    assert band.get_paths()[0].vertices[:, 0].max() == 2


def test_the_contingency_table_shows_its_counts():
    texts = [text.get_text() for text in draw("contingency").axes[0].texts]
    assert texts[::2] == ["9,700", "40", "150", "110"]
    assert texts[3] == "only the ANN right" and texts[5] == "only the CNN right"


def test_the_best_so_far_never_falls_and_ignores_what_was_pruned():
    arguments = ({2: 92, 0: 90, 3: 91}, {1: 95}, {"rate": 0.2, "units": 0.8})
    left, right = draw("search_history", *arguments).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in left.lines}
    assert lines["best so far"] == [[0, 90], [2, 92], [3, 92]]
    assert lines["pruned"] == [[1, 95]]
    assert [bar.get_width() for bar in right.patches] == [20, 80]


def test_models_that_never_differ_can_be_drawn():
    draw("contingency", (99, 0, 0, 1), ["ANN", "CNN"])
    draw("coin_tosses", [1.0], 0, "CNN")
    draw("confusion_difference", np.zeros((10, 10), int), ["ANN", "CNN"])
    ones = ([0.5, 1.0], [1.0, 1.0])
    draw("coverage", {"ANN": ones, "CNN": ones})


@pytest.mark.parametrize(
    ("name", "wrap"),
    [
        ("confusion_matrix", lambda matrix: (matrix,)),
        ("confusion_matrices", lambda matrix: ({"ANN": matrix, "CNN": matrix},)),
        ("confusion_difference", lambda matrix: (matrix, ["ANN", "CNN"])),
    ],
)
def test_a_position_is_never_taken_for_a_class(name, wrap):
    """Counts of the digits 1, 3, 5, 7 and 9 alone are not drawn as those of 0 to 4."""
    odd = np.repeat([1, 3, 5, 7, 9], 4)
    with pytest.raises(ValueError, match=r"labels=range\(10\)"):
        draw(name, *wrap(confusion_matrix(odd, odd)))
    counts = confusion_matrix(odd, odd, labels=range(10))
    (ax, *_) = draw(name, *wrap(counts)).axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list("0123456789")


def test_a_difference_is_coloured_for_the_model_that_gains():
    difference = np.zeros((10, 10), int)
    difference[3, 3], difference[3, 5] = 6, -6  # the CNN reads six more 3s
    (mesh, *_) = (
        draw("confusion_difference", difference, ["ANN", "CNN"]).axes[0].collections
    )
    for colour in mesh.get_facecolors()[[33, 35]]:
        assert to_hex(colour).upper() == plots.CNN_COLOR
    (mesh, *_) = (
        draw("confusion_difference", -difference, ["ANN", "CNN"]).axes[0].collections
    )
    assert to_hex(mesh.get_facecolors()[33]).upper() == plots.ANN_COLOR


def test_rows_of_images_show_what_fits():
    rows = {"many": (X[:50], ["x"] * 50), "none": (X[:0], [])}
    figure = draw("image_rows", rows, "a title")
    (ax,) = figure.axes
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["many", *["x"] * 8, "none", "none"]
    shown = ax.images[0].get_array()
    assert shown[14:42, 1:29].tolist() == X[0].tolist()
    assert (shown[43:] == 0).all()


def test_bins_with_few_digits_are_hollow():
    drawn = draw("reliability_diagram", {"CNN": BINS}).axes[0].collections
    many, rare, *_ = [dots for dots in drawn if isinstance(dots, PathCollection)]
    assert len(many.get_offsets()) == 2 and len(rare.get_offsets()) == 1
    assert len(rare.get_facecolors()) == 0


@pytest.mark.parametrize(
    ("name", "args"),
    {
        "digit_grid": (X[:1], Y[:1], 1),
        "receptive_fields": (X[0], [("a", 3)]),
        "feature_maps": (X[0], [RNG.random((7, 7, 14))]),
        "attributions": (X[:1], RNG.normal(size=(1, 28, 28)), ["a"]),
        "confusion_matrices": ({"CNN": MATRIX},),
        "confidence_of_answers": ({"CNN": ([0.9, 0.99], [0.5])},),
        "convolution_step": (X[0] / 255, np.eye(3), [(0, 0)]),
        "exciting_patches": ({"layer 1": [list(X[:1] / 255)]},),
    }.items(),
)
def test_one_is_drawn_like_several(name, args):
    """Such as the feature maps of a network with a single convolution."""
    assert any(ax.has_data() for ax in draw(name, *args).axes)


def test_maps_of_one_number_are_drawn_beside_each_other():
    maps = np.array([[[0.0, 1.0, 4.0]]])
    *_, none, little, most = (
        image for ax in draw("feature_maps", X[0], [maps]).axes for image in ax.images
    )
    shades = [
        float(image.norm(image.get_array()).max()) for image in (none, little, most)
    ]
    assert shades == [0, 0.25, 1]


def test_harder_is_always_farther_right():
    figure = draw("robustness")
    assert figure.axes[0].xaxis_inverted()  # 1.0, 0.8, 0.6: smaller is harder
    rising = {"a": ((0, 1, 2), {"ANN": BANDS})}
    assert not draw("robustness", rising).axes[0].xaxis_inverted()


def test_costs_are_written_beside_their_dots():
    figure = draw("accuracy_against_costs")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["500,000", "60,000"]


# --- one meaning for each colour and marker, and scales that can be read --------------


def test_a_model_has_its_marker_wherever_it_stands_in_the_figure():
    for names in (("ANN", "CNN"), ("CNN", "ANN"), ("without", "CNN, augmented")):
        curves = {"x": (SEVERITIES, dict.fromkeys(names, BANDS))}
        (ax, *_) = draw("robustness", curves).axes
        lines = {line.get_label(): line for line in ax.lines}
        for name in names:
            model = name.split(",")[0]
            own = {"ANN": "o", "CNN": "s"}.get(model)
            color = to_hex(lines[name].get_color()).upper()
            if own:
                assert lines[name].get_marker() == own
                assert color == plots.COLORS[model]
                assert lines[name].get_linestyle() == ("--" if "," in name else "-")
            else:
                assert lines[name].get_marker() not in "os"
                assert color not in plots.COLORS.values()


@pytest.mark.parametrize(
    "limits", [(0.02, 0.8), (30, 60), (20e3, 5e6), (0.9, 11), (1.1, 1.3), (2, 2000)]
)
def test_a_logarithmic_axis_has_two_plain_labels_at_least(limits):
    with style.our_look():
        figure, ax = style.new_figure(size=(4, 3))
        ax.set(xscale="log", xlim=limits)
        style.plain_logarithm(ax.xaxis)
        figure.canvas.draw()
    ticks = [t for t in ax.get_xticks() if limits[0] <= t <= limits[1]]
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert len(ticks) >= 2
    assert [float(label.replace(",", "")) for label in labels] == pytest.approx(ticks)


CURVES_OF_NO_MODEL = {
    "function": (np.arange(3), dict.fromkeys("fgh", np.arange(3)), "title", "x", "y"),
    "learning_rate": CALLS["learning_rate"],
    "learning_curves": CALLS["learning_curves"],
    "descent": ([-1, 0], [2, 1], dict.fromkeys("ab", ([-1, 0], [2, 1]))),
    "batch_losses": ({key: [2.3, 2.2] for key in "abc"},),
    "bands": ({key: {10: [1, 2], 100: [3]} for key in "abcde"}, "title", "x", "y"),
    "search_history": CALLS["search_history"],
}


@pytest.mark.parametrize("name", CURVES_OF_NO_MODEL)
def test_what_is_no_model_has_neither_the_colour_nor_the_marker_of_one(name):
    for ax in draw(name, *CURVES_OF_NO_MODEL[name]).axes:
        colors = [line.get_color() for line in ax.lines]
        drawn = [*ax.collections, *ax.patches]
        colors += [color for part in drawn for color in [part.get_facecolor()]]
        found = {to_hex(c).upper() for color in colors for c in to_rgba_array(color)}
        assert found and not found & set(plots.COLORS.values())


def test_costs_and_losses_have_scales_that_can_be_read():
    for name in ("accuracy_against_costs", "compared_curves", "bands"):
        for ax in draw(name).axes:
            for axis in (ax.xaxis, ax.yaxis):
                low, high = sorted(axis.get_view_interval())
                labels = [t.get_text() for t in axis.get_ticklabels()]
                seen = [x for x in axis.get_ticklocs() if low <= x <= high]
                assert len(seen) >= 2, (name, ax.get_xlabel())
                assert not any("10^" in label for label in labels)


def test_each_digit_of_a_row_has_a_frame_that_shows_where_its_page_ends():
    (ax,) = draw("image_rows", {"a": (X[:3], list("abc"))}, "a title").axes
    corners = [tuple(patch.get_bbox().bounds) for patch in ax.patches]
    assert corners == [(31 * k + 0.5, 13.5, 28, 28) for k in range(3)]


@pytest.mark.parametrize("low, high", [(0.972, 0.996), (0.3, 0.9), (0.985, 0.987)])
def test_the_numbers_below_five_panels_of_controls_do_not_touch(low, high):
    results = {"a row": {"ANN": np.array([low]), "CNN": np.array([high])}}
    figure = draw("controls", {f"{k}": results for k in range(5)})
    figure.canvas.draw()
    for ax in figure.axes:
        left, right = ax.get_xlim()
        places = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
        boxes = [t.get_window_extent() for x, t in places if left <= x <= right]
        assert len(boxes) >= 2
        assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_controls_show_each_training_in_its_row():
    results = {"as is": {"ANN": [0.9, 0.8]}, "changed": {"ANN": [0.7, 0.6]}}
    figure = draw("controls", {"noisy": results})
    (ax,) = figure.axes
    offsets = [dots.get_offsets().tolist() for dots in ax.collections]
    assert [[x for x, _ in row] for row in offsets] == [[90, 80], [70, 60]]
    assert [text.get_text() for text in figure.legends[0].texts] == ["ANN"]
    words = in_words(figure)
    assert "as is, ANN, 2 dots between 80 and 90; changed, ANN, 2 dots" in words
    assert [text.get_text() for text in ax.get_yticklabels()] == ["as is", "changed"]


@pytest.mark.parametrize("name", CALLS)
def test_every_text_is_large_enough_to_be_read(name):
    """Below 9 points, a slide that a figure fills has type of less than 2 %."""
    for text in drawn(name).findobj(Text):
        assert text.get_fontsize() >= 9 or not text.get_text(), text


def test_a_figure_has_200_dots_an_inch_and_its_page_100_for_that_of_its_size():
    data, metadata = draw("learning_curves")._repr_mimebundle_()
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
        assert [round(dots) for dots in image.info["dpi"]] == [200, 200]
        assert metadata["image/png"]["width"] == 1000  # the size asked for is 10
        assert image.width == pytest.approx(0.8 * 10 * 200, abs=2)


def test_a_notebook_shows_our_picture_drawn_once_not_one_that_matplotlib_makes(
    monkeypatch,
):
    drawings, really_draw = [], FigureCanvasAgg.draw
    monkeypatch.setattr(
        FigureCanvasAgg, "draw", lambda self: [drawings.append(1), really_draw(self)]
    )
    shell = InteractiveShell.instance()
    try:  # as Matplotlib does in a notebook
        formatter = shell.display_formatter.formatters["image/png"]
        formatter.for_type(Figure, lambda figure: b"its own way")
        figure = draw("learning_curves")
        drawings.clear()
        data, metadata = shell.display_formatter.format(figure)
    finally:
        InteractiveShell.clear_instance()
    assert len(drawings) == 1
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
        assert (image.mode, image.width) == ("P", 1600)
    assert metadata["image/png"]["width"] == 1000


def test_a_trio_is_one_block_and_names_are_horizontal():
    trio = [
        layer("Conv2D", (14, 14, 16), 400),
        layer("BatchNormalization", (14, 14, 16), 64),
        layer("ReLU", (14, 14, 16), 0),
    ]
    model = SimpleNamespace(
        name="CNN",
        input_shape=(None, 28, 28, 1),
        layers=[*trio, layer("Flatten", (3136,), 0), layer("Dense", (10,), 31370)],
        count_params=lambda: 31834,
    )
    (ax,) = draw("architecture", model).axes
    assert len(ax.patches) == 4  # the input and three blocks
    texts = {text.get_text(): text.get_rotation() for text in ax.texts}
    assert set(texts.values()) == {0}
    assert "Conv2D\n+ BatchNorm\n+ ReLU" in texts and "464" in texts


def test_a_block_without_maps_is_as_high_as_it_holds_numbers():
    flat = SimpleNamespace(
        name="ANN",
        input_shape=(None, 28, 28),
        layers=[layer("Flatten", (784,), 0), layer("Dense", (10,), 7850)],
        count_params=lambda: 7850,
    )
    (ax,) = draw("architecture", flat).axes
    square, line, ten = (patch.get_height() for patch in ax.patches)
    assert square == line > ten > 0


def test_the_numbers_of_a_digit_are_those_of_its_square():
    """MNIST draws in 20×20 pixels: the paper around them would make all smaller."""
    digit = np.zeros((28, 28), np.uint8)
    digit[3:23, 6:20] = RNG.integers(1, 256, size=(20, 14))
    (ax,) = plots.digit_as_numbers(digit).axes
    assert ax.images[0].get_array().shape == (20, 20)
    numbers = sorted(int(text.get_text()) for text in ax.texts)
    assert numbers == sorted(digit[3:23, 3:23].ravel())
    for place in ((0, 0), (27, 27)):  # ink at an edge, and none at all
        odd = np.zeros((28, 28), np.uint8)
        odd[place] = 9
        assert plots.digit_as_numbers(odd).axes[0].images[0].get_array().max() == 9
    blank = plots.digit_as_numbers(np.zeros((28, 28), np.uint8))
    assert blank.axes[0].images[0].get_array().shape == (20, 20)


def test_what_was_left_out_is_dimmed_and_named_once():
    photo = np.zeros((60, 200))
    box, lines = (10, 40, 20, 45), [(50, 52, 0, 30), (5, 7, 0, 150)]
    left_out = [*((line, "line") for line in lines), ((55, 58, 90, 93), "speck")]
    figure = plots.found_on_page(photo, [box], ["4"], left_out)
    (ax,) = figure.axes
    drawn = ax.images[0].get_array()
    assert drawn[20, 30] == 0 and drawn[50, 100] == 0.5  # as it was; half as dark
    texts = [text for text in ax.texts if text.get_text()]
    words = {text.get_text(): text.get_position() for text in texts}
    assert sorted(words) == ["4", "line", "speck"]
    assert words["line"][1] < 10  # at the longest
    assert [patch.get_linestyle() for patch in ax.patches].count("--") == 3


def test_bytes_are_drawn_in_their_true_ink():
    pale = np.full((28, 28), 51, np.uint8)
    pale[0, 0] = 0
    (image,) = plots.images([pale]).axes[0].images
    assert image.norm(51) == pytest.approx(0.2)  # a fifth of full ink


# What is said to those who cannot see it.


@pytest.mark.parametrize("name", public_functions())
def test_every_figure_says_more_than_what_is_written_around_it(name):
    figure = drawn(name)
    words = in_words(figure)
    written = [figure.get_suptitle()]
    for ax in figure.axes:
        written += [ax.get_title(), ax.get_xlabel(), ax.get_ylabel()]
    rest = words
    for text in sorted((" ".join(w.split()) for w in written), key=len, reverse=True):
        rest = rest.replace(text, "") if len(text) > 1 else rest
    assert len("".join(filter(str.isalnum, rest))) >= 8, words
    assert words.startswith(figure.get_suptitle().split("\n")[0])
    assert len(words) < 1000 and "\n" not in words and "_" not in words


def test_words_tell_the_numbers_of_curves():
    words = in_words(draw("learning_curves"))
    assert "training from 1 to 0.3; validation from 0.8 to 0.4" in words
    assert "accuracy (%) over epoch: training from 40 to 95" in words
    rising = {**HISTORY, "val_loss": [0.8, 0.3, 0.9]}
    assert "from 0.8 to 0.9, lowest 0.3" in in_words(draw("learning_curves", rising))


def test_words_tell_the_bars_by_name():
    words = in_words(draw("class_balance", {"training": [0, 0, 0, 9]}))
    assert "training: 0 75, 1 0, " in words and "9 25" in words


def test_words_tell_the_most_frequent_mistakes():
    matrix = np.diag(np.arange(1000, 2000, 100))
    matrix[4, 9], matrix[7, 2], matrix[3, 5] = 31, 12, 20
    words = in_words(draw("confusion_matrix", matrix))
    assert "1,000, 1,100" in words
    assert "beside it: 31 in row 4, column 9, 20 in row 3, column 5, 12 in" in words


def test_words_tell_where_the_dots_of_lying_charts_are():
    words = in_words(draw("seed_accuracies", {"ANN": [0.984, 0.986], "CNN": [0.995]}))
    assert "2 dots between 98.4 and 98.6; dots at 99.5" in words


def test_words_name_each_group_of_dots_or_tell_of_many_together():
    measured = {"ANN": {100: [80, 82], 2000: [90, 91]}, "CNN": {100: [85, 86]}}
    words = in_words(draw("bands", measured, "Data", "digits", "accuracy (%)"))
    assert "ANN at 100, 2 dots between 80 and 82; ANN at 2,000, 2 dots" in words
    many = {"none": {epoch: [epoch, epoch + 1] for epoch in range(30)}}
    words = in_words(draw("bands", many, "Remedies", "epoch", "loss"))
    assert "30 groups of dots, 60 dots between 0 and 30" in words


def test_words_count_pictures_and_read_their_captions():
    captions = ["seven", "one\nor two"]
    words = in_words(draw("images", X[:2], captions))
    assert (
        words == "2 pictures of 28 × 28 pixels, with the captions: seven, one or two."
    )


def test_where_nothing_was_confused_the_rows_say_none():
    figure = plots.image_rows({}, "The most confused pairs")
    assert "none" in [text.get_text() for text in figure.axes[0].texts]


def test_a_history_without_accuracy_is_drawn_without_a_warning(recwarn):
    figure = plots.learning_curves({"loss": [2.0, 1.0]})
    assert figure.axes[0].get_legend() and figure.axes[1].get_legend() is None
    assert not recwarn.list


@pytest.mark.parametrize("n", [3, 4, 9])
def test_every_curve_is_drawn_however_many_there_are(n):
    names = [f"no {k}" for k in range(n)]
    xs = np.arange(5)
    drawn = {
        "batches": plots.batch_losses({name: [2.0, 1.0] for name in names}),
        "functions": plots.function(xs, {name: xs for name in names}, "t", "x", "y"),
        "descent": plots.descent(xs, xs, {name: (xs, xs) for name in names}),
        "times": plots.time_to_accuracy({name: [[(1, 0.9)]] for name in names}, 0.99),
        "classes": plots.class_balance({name: np.arange(10) for name in names}),
    }
    for case, figure in drawn.items():
        legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes)]
        labels = [t.get_text() for leg in filter(None, legends) for t in leg.texts]
        assert set(names) <= set(labels), case


def test_titles_count_what_is_shown():
    def title(figure):
        return figure.get_suptitle()

    losses = {str(rate): [2.0, 1.0] for rate in (1, 2, 3, 4)}
    assert title(plots.batch_losses(losses)).startswith("Four learning rates")
    x, y = np.zeros((20, 28, 28)), np.arange(20) % 10
    assert title(plots.digit_grid(x, y, per_class=2)) == "2 of each digit"
    assert title(plots.digit_grid(x, y)) == "Twelve of each digit"
    kernel = np.ones((5, 5))
    figure = plots.convolution_step(np.ones((28, 28)), kernel, [(3, 3)])
    assert "= 25 products" in [ax.get_title() for ax in figure.axes]


def test_labels_in_a_list_are_labels():
    figure = plots.digit_grid([np.ones((28, 28))] * 10, list(range(10)))
    assert len(figure.axes[0].images) == 10


def test_no_images_are_no_error_and_captions_may_be_an_array():
    assert plots.images(np.zeros((0, 28, 28))).axes
    figure = plots.images(np.zeros((2, 28, 28)), np.array([3, 4]))
    assert [ax.get_title() for ax in figure.axes] == ["3", "4"]


def test_images_with_a_channel_are_images():
    x = RNG.random((4, 28, 28, 1))
    plots.image_rows({"a": (x, ["7"] * 4)}, "Digits")
    plots.attributions(255 * x[:2], RNG.normal(size=(2, 28, 28)), ["a", "b"])
    plots.convolution_step(x[0], np.ones((3, 3)), [(2, 2)])


def test_a_history_object_is_drawn_as_its_dictionary():
    figure = plots.learning_curves(SimpleNamespace(history=HISTORY))
    assert len(figure.axes[0].lines) == 2


def test_scaled_pixels_are_not_counted_as_bytes():
    with pytest.raises(ValueError, match=r"float64 from 0 to 1.*not scaled"):
        plots.pixel_histogram(np.array([[[0.0, 0.5, 1.0]]]))


def test_a_matrix_is_of_counts_whatever_their_type():
    shares = MATRIX / MATRIX.sum()
    for draw in (
        lambda m: plots.confusion_matrices({"ANN": m}),
        lambda m: plots.confusion_difference(m, ("ANN", "CNN")),
    ):
        with pytest.raises(ValueError, match="holds fractions"):
            draw(shares)
        assert draw(MATRIX.astype(float)).axes
        assert draw(MATRIX.astype("uint8")).axes


def test_a_model_that_is_never_sure_is_on_its_diagram():
    bins = (np.array([0.1]), np.array([0.1]), np.array([500]), *np.ones((2, 1)) / 10)
    left, _ = plots.reliability_diagram({"CNN": bins}).axes[0].get_xlim()
    assert left < 10
    rising = (np.array([0.5, 0.8, 1.0]), np.array([0.0, 0.3, 0.6]))
    low, _ = plots.coverage({"CNN": rising}).axes[0].get_ylim()
    assert low < 0


def test_a_fixed_learning_rate_is_a_level_line():
    figure = plots.learning_rate(0.01, 100, 10)
    assert set(figure.axes[0].lines[0].get_ydata()) == {0.01}


ONE = np.full((28, 28), 100, "uint8")
SOME = np.stack([ONE] * 3)
P = np.full((3, 10), 0.1)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.digit_grid(ONE, range(28)), "Is this one image"),
        (
            lambda: plots.digit_grid(SOME.reshape(3, 784), [1, 2, 3]),
            r"reshape\(-1, 28,",
        ),
        (lambda: plots.digit_grid(SOME, [1, 2]), "3 images, and 2 in labels"),
        (lambda: plots.digit_grid(SOME, np.eye(3)), r"Expected \(3,\).*one-hot"),
        (lambda: plots.class_balance({"a": np.eye(3)}), "argmax"),
        (lambda: plots.digit_as_numbers(SOME), r"Take one of several: images\[0\]"),
        (lambda: plots.digit_as_numbers(ONE.ravel()), r"reshape\(-1, 28, 28\)"),
        (lambda: plots.images(ONE), "Is this one image"),
        (lambda: plots.images([ONE, np.zeros((2, 3, 4, 5))]), r"\(2, 3, 4, 5\) cannot"),
        (lambda: plots.images(SOME, ["a", "b"]), "3 images, and 2 in captions"),
        (lambda: plots.images([np.zeros((0, 28))]), r"\(0, 28\) cannot be drawn"),
        (
            lambda: plots.image_rows({"a": ([ONE[:20]], ["b"])}, ""),
            "plots.images draws",
        ),
        (lambda: plots.predictions(SOME, [1, 2], P, ""), "3 images, and 2 in labels"),
        (lambda: plots.predictions(SOME, 1, P, ""), "one value in labels"),
        (lambda: plots.images(SOME, "abc"), "one value in captions"),
        (lambda: plots.attributions([ONE], [ONE, ONE[:9]], "a"), "2 in maps"),
        (lambda: plots.predictions(SOME, [1, 2, 3], P[:2], ""), r"Expected \(3, 10\)"),
        (lambda: plots.predictions(SOME, [1, 2, 3], P[:, :5], ""), r"Expected \(3, 10"),
        (
            lambda: plots.feature_maps(ONE, [np.zeros((5, 8, 8, 4))]),
            "those of one image",
        ),
        (lambda: plots.feature_maps(ONE, [np.zeros(64)]), "before Flatten"),
        (
            lambda: plots.attributions([ONE], [ONE, ONE], ["a"]),
            "1 images, and 2 in maps",
        ),
        (lambda: plots.convolution_step(SOME, np.ones((3, 3)), [(0, 0)]), "images"),
        (lambda: plots.confusion_matrices([P, P]), "'CNN': matrix}, but got list"),
        (lambda: plots.confusion_matrices({}), "an empty one"),
        (lambda: plots.class_accuracy(P), "low, high.*, but got ndarray"),
        (lambda: plots.reliability_diagram(P), "confidence, accuracy, count"),
        (lambda: plots.confidence_of_answers((P, P)), "of_right, of_wrong"),
        (lambda: plots.coverage([P]), "coverage, accuracy"),
        (lambda: plots.robustness({"noise": (P, [P])}), "but got list"),
        (lambda: plots.controls([P]), "'test accuracy': results"),
        (lambda: plots.accuracy_against_costs({"a": (1,)}, [P]), "but got list"),
        (lambda: plots.compared_curves([{"loss": [1.0]}]), "'CNN': history"),
        (
            lambda: plots.compared_curves({"loss": [1.0]}),
            "what model.fit returns.* got list",
        ),
        (
            lambda: plots.learning_curves([1.0, 0.5]),
            "what model.fit returns.* got list",
        ),
        (lambda: plots.seed_accuracies([0.9, 0.8]), "'CNN': "),
        (lambda: plots.bands([1], "", "", ""), "'CNN': "),
        (lambda: plots.batch_losses([3.0, 2.0]), "'rate 0.001': losses"),
    ],
)
def test_what_has_another_shape_gets_a_sentence(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_one_channel_and_a_batch_of_one_make_no_difference():
    with_channel, batch = ONE[..., np.newaxis], ONE[np.newaxis]
    for same in (with_channel, batch, with_channel[np.newaxis]):
        assert plots.digit_as_numbers(same).axes[0].texts
        assert plots.images([same], signed=True).axes[0].images
        plots.image_rows({"a": ([same], ["b"])}, "")
    plots.digit_grid(SOME[..., np.newaxis], [1, 2, 3])
    plots.feature_maps(ONE, [np.ones((1, 8, 8, 4)), np.ones((4, 4, 8))])
    assert plots.images([np.zeros((28, 28, 3))], true_size=True).axes[0].images


def test_a_digit_is_outlined_scaled_or_not(recwarn):
    digit = np.pad(np.ones((10, 4)), 9)
    for ink in (digit, (255 * digit).astype("uint8"), np.zeros((28, 22))):
        plots.attributions([ink], [np.zeros(ink.shape)], ["a"])
    assert plots.attributions([digit], [digit], ["a"]).axes[0].collections


def test_maps_of_mixed_precision_are_drawn():
    """Matplotlib knows no maximum of bfloat16, which is not one of NumPy's kinds."""
    short = np.dtype(importlib.import_module("ml_dtypes").bfloat16)
    plots.feature_maps(ONE, [np.ones((8, 8, 4), short)]).savefig(io.BytesIO())
    images = plots.images([np.ones((5, 5), short)], signed=True)
    images.savefig(io.BytesIO())
