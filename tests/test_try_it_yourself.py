"""What the notebooks invite students to try works to the end: other layers, other data.

The cells are those of the notebooks; the networks are not trained, or hardly.
"""

import math
from types import SimpleNamespace

import keras
import matplotlib
import nbformat
import numpy as np
import pytest
from keras import layers

from utils import plots
from utils.blocks import without_blocks
from utils.places import COURSE_DIR

matplotlib.use("agg")


def run(names, identity, notebook="CNN_Model.ipynb"):
    """Run one cell of a notebook among these names."""
    cells = nbformat.read(COURSE_DIR / notebook, as_version=4).cells
    (source,) = (cell.source for cell in cells if cell.id == identity)
    exec(compile(source, identity, "exec"), names)


def names_with(*others):
    x_test = np.random.default_rng(0).random((20, 28, 28, 1), np.float32)
    digits = SimpleNamespace(x_test=(x_test[..., 0] * 255).astype(np.uint8))
    names = {"keras": keras, "layers": layers, "np": np, "plots": plots}
    names |= {"without_blocks": without_blocks}
    return names | {"x_test": x_test, "digits": digits, "SEED": 0} | dict(others)


def trio(filters, size=3, stride=1, padding="same", pooled=False, bend=layers.ReLU):
    conv = layers.Conv2D(filters, size, stride, padding, use_bias=False)
    pooling = [layers.MaxPooling2D(2)] if pooled else []
    return [conv, *pooling, layers.BatchNormalization(momentum=0.9), bend()]


def network(*parts):
    answer = [layers.Dense(10, activation="softmax")]
    body = [layer for part in parts for layer in part]
    return keras.Sequential([keras.Input((28, 28, 1)), *body, *answer])


FIRST = {"size": 5, "stride": 2, "padding": "valid"}


def as_is():
    names = names_with()
    run(names, "a3bb6a7d")  # the trio of the notebook
    run(names, "12093272")
    return names["model"]


NETWORKS = {
    "as it is": as_is,
    "averaged": lambda: network(
        trio(4, **FIRST), trio(4, pooled=True), trio(4), trio(4),
        [layers.GlobalAveragePooling2D()],
    ),
    "one more": lambda: network(
        trio(4, **FIRST), trio(4, pooled=True), trio(4), trio(4, pooled=True), trio(4),
        [layers.Flatten()],
    ),
    "small first": lambda: network(
        trio(4, size=3), trio(4, pooled=True), [layers.Flatten()]
    ),
    "strided": lambda: network(
        trio(4, stride=2), trio(4, size=4, stride=3), [layers.Flatten()]
    ),
    "bent otherwise": lambda: network(
        trio(4, **FIRST, bend=lambda: layers.Activation("relu")), trio(4, pooled=True),
        [layers.Flatten()],
    ),
    "leaky": lambda: network(
        trio(4, **FIRST, bend=layers.LeakyReLU), trio(4), [layers.Flatten()]
    ),
    "scaled first": lambda: network(
        [layers.Rescaling(0.5)], trio(4, **FIRST), trio(4), [layers.Flatten()]
    ),
    "one trio": lambda: network(
        trio(4, **FIRST), [layers.Flatten(), layers.Dropout(0.2)]
    ),
    "separable": lambda: network(
        [layers.SeparableConv2D(4, 3), layers.ReLU()],
        [layers.SeparableConv2D(8, 3, 2, "same"), layers.ReLU(), layers.Flatten()],
    ),
    "depthwise": lambda: network(
        [layers.DepthwiseConv2D(5, 2), layers.ReLU()],
        [layers.Conv2D(8, 1), layers.ReLU(), layers.Flatten()],
    ),
    "dilated": lambda: network(
        [layers.Conv2D(4, 3, dilation_rate=2), layers.MaxPooling2D(2), layers.ReLU()],
        [layers.Conv2D(4, 3, padding="same", dilation_rate=2), layers.ReLU()],
        [layers.Flatten()],
    ),
    "blocks": lambda: network(
        [keras.Sequential([layers.Conv2D(4, 3, name="conv"), layers.ReLU()])],
        [keras.Sequential([layers.Conv2D(4, 3, name="conv"), layers.ReLU()])],
        [layers.Flatten()],
    ),
    "not square": lambda: network(
        trio(4, size=(3, 5), stride=(2, 1)),
        [layers.Conv2D(4, (1, 3)), layers.AveragePooling2D((1, 2)), layers.ReLU()],
        trio(4, size=(5, 1)), [layers.Flatten()],
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
def test_what_a_map_saw_is_what_changes_it(kind):
    """The oracle is the network: one number of a map, and the pixels it depends on."""
    names = names_with(("model", NETWORKS[kind]()))
    for identity in ("7e70e92d", "dacce49b", "cnn-patches", "cnn-patches-figure"):
        run(names, identity)
    if kind == "as it is":
        assert names["seen"] == [(5, 2, 0), (11, 4, -2), (19, 4, -2), (31, 8, -2)]
    look_inside, seen = names["look_inside"], names["seen"]
    across = names["across"]
    if kind != "not square":
        assert across == seen
    for height, width, groups in zip(seen, across, names["rows"].values(), strict=True):
        shapes = {patch.shape for group in groups for patch in group}
        assert shapes == {(height[0], width[0])}
    image = np.random.default_rng(1).random((28, 28, 1), np.float32)
    changed = np.repeat(image[None], 28 * 28, axis=0)
    changed.reshape(28 * 28, -1)[np.arange(784), np.arange(784)] += 5.0
    for number, layer in enumerate(look_inside.outputs):
        side, distance, first = seen[number]
        # Before the bend: what ReLU cuts off depends on nothing.
        model = keras.Model(look_inside.inputs, before_the_bend(look_inside, layer))
        maps = np.asarray(model.predict(changed, batch_size=784, verbose=0))
        before = np.asarray(model(image[None]))
        row, column = before.shape[1] // 2, before.shape[2] // 2
        hits = np.abs(maps[:, row, column] - before[0, row, column]).max(axis=1) > 1e-5
        rows = np.flatnonzero(hits.reshape(28, 28).any(axis=1))
        start = first + distance * row
        assert start <= rows.min() and rows.max() < start + side
        columns = np.flatnonzero(hits.reshape(28, 28).any(axis=0))
        left = across[number][2] + across[number][1] * column
        assert left <= columns.min() and columns.max() < left + across[number][0]
        if "pool" not in str([type(part) for part in names["model"].layers]).lower():
            assert rows.min() == max(0, start)
            assert rows.max() == min(27, start + side - 1)


def before_the_bend(model, output):
    (bend,) = (layer for layer in model.layers if layer.output is output)
    return bend.input


FIRST_CONVOLUTIONS = {
    "as it is": (16, 5, 2, "valid"),
    "padded": (8, 3, 1, "same"),
    "padded, in steps of two": (4, 4, 2, "same"),
}


@pytest.mark.parametrize("more", [{"use_bias": False}, {"activation": "relu"}, {}])
@pytest.mark.parametrize("kind", FIRST_CONVOLUTIONS)
def test_the_lab_compares_its_unshared_layer_with_any_first_convolution(
    kind, more, capsys
):
    conv = layers.Conv2D(*FIRST_CONVOLUTIONS[kind], **more)
    originals = {"CNN": network([layers.Rescaling(1.0), conv, layers.Flatten()])}
    if conv.use_bias:
        conv.bias.assign(np.linspace(-1, 1, conv.filters))
    x_train = np.random.default_rng(0).random((8, 28, 28)).astype("float32")
    names = names_with(("originals", originals), ("x_train", x_train))
    names |= {"math": math, "ops": keras.ops}
    for identity in ("c07a7c4e", "d222d378", "4a6f56e8", "116c4c38"):
        run(names, identity, "labs/What_Makes_the_Difference.ipynb")
    assert capsys.readouterr().out == "the same as Conv2D: True\n"


@pytest.mark.parametrize("is_functional", [False, True])
def test_the_neurons_weights_are_found_without_dropout(is_functional):
    parts = [layers.Flatten(), layers.Dense(30, activation="relu")]
    parts += [layers.Dense(20), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *parts])
    if is_functional:
        model = keras.Model(model.inputs, model.outputs)
    names = names_with(("model", model))
    run(names, "b00562fe", "ANN_Model.ipynb")
    assert names["incoming"].shape == (30, 28, 28)


def test_the_neurons_weights_are_found_in_a_block():
    block = keras.Sequential([layers.Flatten(), layers.Dense(64, activation="relu")])
    answer = layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((28, 28)), block, answer])
    names = names_with(("model", model))
    run(names, "b00562fe", "ANN_Model.ipynb")
    neuron = block.layers[1].get_weights()[0][:, 7].reshape(28, 28)
    assert (names["incoming"][7] == neuron).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_classes", [10, 5, 2])
def test_too_large_a_step_has_a_loss_whichever_digits_there_are(n_classes):
    """The fewer classes, the more ones, and the longer the step that is too large."""
    labels = np.arange(1000) % n_classes
    inked = (labels == 1) | (np.arange(1000) % 20 == 0)  # a few others, too
    ink = np.where(inked, 1.0, 0.1).astype("float32")[:, None, None]
    names = names_with(("x_train", np.tile(ink, (1, 28, 28))), ("y_train", labels))
    for identity in ("learn-loss", "learn-steps", "learn-descent"):
        run(names, identity, "ANN_Model.ipynb")
    assert np.isfinite([names["loss_of"](w) for w in names["weights_tried"]]).all()


@pytest.mark.parametrize("missing", [None, 5])
def test_a_digit_is_shown_whichever_there_are(missing):
    labels = np.array([d for d in (3, 1, 5, 0, 5) if d != missing])
    images = np.arange(len(labels))[:, None, None] * np.ones((1, 28, 28), np.uint8)
    digits = SimpleNamespace(x_train=images.astype(np.uint8), y_train=labels)
    names = names_with(("digits", digits))
    run(names, "e23e342a")
    assert names["five"] == (0 if missing else 2)


@pytest.mark.parametrize("notebook", ["ANN_Model.ipynb", "CNN_Model.ipynb"])
@pytest.mark.parametrize(
    ("history", "said"), [(None, "untrained:"), ("some", "trained already:")]
)
def test_the_check_of_a_trained_network_does_not_call_it_untrained(
    notebook, history, said, capsys
):
    model = SimpleNamespace(
        compile=lambda *_, **__: None, evaluate=lambda *_, **__: (0.5, 0.9)
    )
    names = {"np": np, "x_val": 0, "y_val": 0, "model": model, "history": history}
    run(names, "690d1c9d", notebook)
    assert capsys.readouterr().out.startswith(said)


def bends(model):
    """Return the names of all activations, those of models in the model, too."""
    for layer in model._flatten_layers(include_self=False):
        if hasattr(layer, "activation"):
            yield layer.activation.__name__


BENT = {
    "plain": lambda head: [layers.Dense(4, "relu"), *head],
    "a block": lambda head: [keras.Sequential([layers.Dense(4, "relu")]), *head],
    "a head": lambda head: [layers.Dense(4, "gelu"), keras.Sequential(head)],
    "a layer of its own": lambda head: [layers.Dense(4), layers.PReLU(), *head],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BENT)
def test_what_is_said_to_have_no_relu_has_none(kind, capsys):
    parts = BENT[kind]([layers.Dense(10, activation="softmax")])
    model = keras.Sequential([keras.Input((28, 28)), layers.Flatten(), *parts])
    x, y = np.zeros((8, 28, 28), "float32"), np.zeros(8)
    names = names_with(("model", model), ("epochs", 1), ("batch_size", 8))
    names |= {"x_train": x, "y_train": y, "x_val": x, "y_val": y}
    run(names, "ann-straighten", "ANN_Model.ipynb")
    assert "no ReLU" in capsys.readouterr().out
    straight = names["straight"]
    assert set(bends(straight)) == {"linear", "softmax"}
    assert not any(isinstance(x, layers.PReLU) for x in straight.layers)


@pytest.mark.parametrize(
    ("notebook", "identity"),
    [("ANN_Model.ipynb", "b49eede7"), ("CNN_Model.ipynb", "1c294109")],
)
def test_the_accuracy_after_a_training_is_that_of_the_model_that_is_left(
    notebook, identity, capsys
):
    """Early stopping may have put older weights back, which no history says."""
    left = SimpleNamespace(predict=lambda *_, **__: np.eye(10)[[1, 1, 1, 2]])
    lists = {"loss": [1.0], "val_loss": [1.0], "val_accuracy": [0.5]}
    names = names_with(("model", left), ("x_val", 0), ("y_val", np.ones(4)))
    names |= {"history": SimpleNamespace(history=lists), "baseline_accuracy": 0.25}
    names |= {"schedule": lambda step: 0.0, "steps_per_epoch": 1}
    run(names, identity, notebook)
    assert "75.00%" in capsys.readouterr().out


@pytest.mark.parametrize("bend", ["relu", "gelu", "tanh"])
def test_the_cnns_recipe_normalises_hidden_layers_however_they_bend(bend):
    parts = [layers.Flatten(), layers.Dense(6, bend), layers.Dense(10, "softmax")]
    ann = keras.Sequential([keras.Input((28, 28)), *parts])
    names = names_with(("originals", {"ANN": ann, "CNN": network([layers.Flatten()])}))
    for identity in ("bc563063", "376bfe74", "20940c1c"):
        run(names, identity, "labs/What_Makes_the_Difference.ipynb")
    hidden, norm, bent, answer = names["rebuild"](ann, names["normalised"]).layers[1:]
    assert isinstance(norm, layers.BatchNormalization)
    assert hidden.activation.__name__ == "linear" and not hidden.use_bias
    assert bent.activation.__name__ == bend and answer.use_bias
