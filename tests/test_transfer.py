"""What the lab Transfer computes and, above all, what it does not claim.

Its definitions, and its section on ImageNet, are run as they stand in the notebook;
small networks take the places of the large ones.
"""

import re
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from lab_cells import LABS, code, definitions

NAME = "Transfer.ipynb"
BACKBONES = ("VGG16", "ResNet50", "EfficientNetB0")


@pytest.fixture(scope="module")
def lab():
    """The lab's functions, and digits for them: 12 of each, 1 and 2 a class."""
    found = definitions(NAME)
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(10, dtype=np.uint8), 12)
    x = rng.random((120, 28, 28, 1), np.float32) / 2
    x[np.arange(120), y, y] += 0.5
    pool = np.arange(120) % 2 == 0
    found |= {"x_pool": x[pool], "y_pool": y[pool], "x_test": x[~pool]}
    found |= {"y_test": y[~pool], "LABELS": (1, 2), "DRAWS": 2, "STEPS": 5}
    return found


@pytest.fixture
def small():
    """A small network with what a reset can forget: moving averages and dropout."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 3, strides=4),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(10, activation="softmax"),
        ]
    )


# --- few labels ----------------------------------------------------------------------


def test_a_draw_has_as_many_of_each_digit_and_none_twice(lab):
    for n in (1, 5):
        chosen = lab["choose"](n, seed=3)
        assert np.bincount(lab["y_pool"][chosen]).tolist() == [n] * 10
        assert len(set(chosen)) == len(chosen)
        assert np.array_equal(chosen, lab["choose"](n, seed=3))
        assert not np.array_equal(chosen, lab["choose"](n, seed=4))


def test_each_training_begins_where_the_first_one_began(lab, small):
    beginning = small.get_weights()
    train = lab["learner"](small, 1e-2)
    chosen = lab["choose"](2, 0)
    train(chosen, 0)
    first = small.get_weights()
    assert not np.allclose(first[0], beginning[0])
    train(lab["choose"](2, 1), 1)
    # Without the reset of weights, moving averages, momenta and dropout's seed these
    # would differ by far more than the order of additions.
    train(chosen, 0)
    for a, b in zip(small.get_weights(), first, strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_a_head_is_scored_on_the_test_digits_alone(lab):
    one_hot = np.eye(10)
    right = one_hot[lab["y_pool"]], one_hot[lab["y_test"]]
    wrong = one_hot[lab["y_pool"]], one_hot[(lab["y_test"] + 1) % 10]
    assert lab["with_head"](*right) == {1: [1.0, 1.0], 2: [1.0, 1.0]}
    assert lab["with_head"](*wrong) == {1: [0.0, 0.0], 2: [0.0, 0.0]}


# --- ImageNet ------------------------------------------------------------------------


@pytest.fixture
def section(lab, monkeypatch):
    """Run the section on ImageNet, where only these networks have their weights."""
    import keras

    def body_for(name):
        def build(weights, include_top, pooling, input_shape):
            assert weights == ("imagenet" if name in build.known else None)
            assert not include_top and pooling == "avg"
            layers = [
                keras.Input(input_shape),
                keras.layers.AveragePooling2D(8),
                keras.layers.Flatten(),
            ]
            return keras.Sequential(layers)

        return build

    def run(known, source="sample"):
        for name in BACKBONES:
            build = body_for(name)
            build.known = known
            monkeypatch.setattr(keras.applications, name, build)
        names = lab | {"results": {}, "DOWNLOAD": True, "asked": []}
        names["digits"] = SimpleNamespace(source=source)

        def have_weights(name, download):
            names["asked"].append(download)
            return name in known

        names["have_weights"] = have_weights
        exec(code(NAME, "6. "), names)
        return names

    return run


def test_random_weights_are_named_and_get_no_accuracy(section, capsys):
    names = section(known=())
    said = capsys.readouterr().out
    assert names["results"] == {}
    assert "%" not in said
    assert "NOT shown" in said
    for name in BACKBONES:
        assert re.search(rf"{name}: weights RANDOM", said)


@pytest.mark.parametrize("source", ["sample", "full MNIST"])
def test_with_the_sample_nothing_is_downloaded(section, source):
    asked = section(known=(), source=source)["asked"]
    assert asked == [source != "sample"] * len(BACKBONES)


@pytest.mark.slow
def test_each_network_whose_weights_are_there_is_compared(section, capsys):
    names = section(known=("VGG16", "EfficientNetB0"))
    said = capsys.readouterr().out
    assert set(names["results"]) == {"VGG16", "EfficientNetB0"}
    assert set(re.findall(r"(\w+), frozen: .*%", said)) == {"VGG16", "EfficientNetB0"}
    assert "ResNet50: weights RANDOM" in said and "NOT shown" in said


@pytest.mark.slow
def test_with_all_weights_nothing_is_taken_back(section, capsys):
    section(known=BACKBONES)
    said = capsys.readouterr().out
    assert "RANDOM" not in said and "NOT shown" not in said


@pytest.mark.committed
def test_the_committed_outputs_claim_no_transfer_of_random_weights():
    cells = nbformat.read(LABS / NAME, as_version=4).cells
    outputs = [o for c in cells if c.cell_type == "code" for o in c.outputs]
    said = "".join(o.get("text", "") for o in outputs)
    for name in BACKBONES:
        kind = re.search(rf"{name}: weights (of ImageNet|RANDOM)", said)[1]
        assert (f"{name}, frozen:" in said) == (kind == "of ImageNet")


def test_digits_become_photographs_as_each_network_was_taught(section):
    names = section(known=())
    ink = np.zeros((1, 28, 28, 1), np.float32)
    ink[:, 8:20, 8:20] = 1
    middle = (0, 32, 32)
    # Blue, green, red less their means; likewise; and 0 to 255 as it is.
    expected = {
        "VGG16": 255 - np.array([103.939, 116.779, 123.68]),
        "ResNet50": 255 - np.array([103.939, 116.779, 123.68]),
        "EfficientNetB0": np.full(3, 255.0),
    }
    for name in BACKBONES:
        image = names["as_photograph"](name, ink)
        assert image.shape == (1, 64, 64, 3)
        assert np.allclose(image[middle], expected[name], atol=1e-3)
        assert np.allclose(image[0, 0, 0], expected[name] - 255, atol=1e-3)
