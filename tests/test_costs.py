"""Multiplications counted another way, timings of things whose duration is known."""

import math
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest

from utils import costs
from utils.places import COURSE_DIR
from utils.runs import REFERENCE_DIR, load_run


def build(shape, *layers):
    import keras

    return keras.Sequential([keras.Input(shape), *layers])


def profiled_macs(model):
    """Count MACs with TensorFlow's own profiler, of the frozen graph for one image."""
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants
    from tensorflow.python.profiler import model_analyzer, option_builder

    signature = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    graph_function = tf.function(lambda x: model(x, training=False))
    concrete = graph_function.get_concrete_function(signature)
    frozen = convert_to_constants.convert_variables_to_constants_v2(concrete)
    options = option_builder.ProfileOptionBuilder
    quiet = options(options.float_operation()).with_empty_output().build()
    profile = model_analyzer.profile(frozen.graph, options=quiet)
    counted = ("MatMul", "convolution")
    return sum(
        node.total_float_ops // 2  # one MAC is a multiplication and an addition
        for node in profile.children
        if any(kind in node.name for kind in counted)
    ), profile.total_float_ops


def looped_convolution(image, kernel, stride, padding):
    """Convolve in plain loops; return the map and the number of multiplications."""
    side, width = kernel.shape[0], kernel.shape[-1]
    out = math.ceil(image.shape[0] / stride) if padding == "same" else None
    if padding == "same":
        total = max((out - 1) * stride + side - image.shape[0], 0)
        image = np.pad(image, [(total // 2, total - total // 2)] * 2 + [(0, 0)])
    else:
        out = (image.shape[0] - side) // stride + 1
    result, n_macs = np.zeros((out, out, width)), 0
    for row in range(out):
        for column in range(out):
            for k in range(width):
                top, left = row * stride, column * stride
                patch = image[top : top + side, left : left + side]
                products = patch * kernel[..., k]
                n_macs += products.size
                result[row, column, k] = products.sum()
    return result, n_macs


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_convolution_is_counted_like_a_loop_counts_it(stride, padding):
    from keras import layers

    conv = layers.Conv2D(3, 5, strides=stride, padding=padding, use_bias=False)
    model = build((9, 9, 2), conv)
    image = np.random.default_rng(0).normal(size=(9, 9, 2)).astype("float32")
    expected, n_macs = looped_convolution(image, conv.kernel.numpy(), stride, padding)
    np.testing.assert_allclose(model(image[None])[0], expected, atol=1e-4)
    assert costs.count_macs(model)[0].macs == n_macs


def test_the_models_of_the_course_are_counted_like_tensorflow_counts_them():
    from keras import layers

    dense = build((28, 28), layers.Flatten(), layers.Dense(20), layers.Dense(10))
    conv = build(
        (28, 28, 1),
        layers.Conv2D(4, 5, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(6, 3, padding="same"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    )
    for model in (dense, conv):
        counted = sum(layer.macs for layer in costs.count_macs(model))
        profiled, everything = profiled_macs(model)
        assert counted == profiled
        # What is counted as 0 (biases, activations, pooling …) does not matter much.
        assert everything / 2 - counted < 0.1 * counted


def test_by_hand():
    from keras import layers

    model = build((28, 28), layers.Flatten(), layers.Dense(512), layers.Dense(10))
    flatten, hidden, last = costs.count_macs(model)
    assert flatten == ("Flatten", (784,), 0, 0)
    assert hidden == ("Dense", (512,), 512 * 785, 784 * 512)
    assert last == ("Dense", (10,), 10 * 513, 512 * 10)
    assert costs.dense_macs(784, 512) == 401_408
    assert costs.conv_macs(14 * 14, 25, 1, 16) == 78_400


def test_comparison_counts_by_hand_what_its_two_models_do_first(capsys):
    cells = nbformat.read(COURSE_DIR / "Comparison.ipynb", as_version=4).cells
    (source,) = [c.source for c in cells if "convolution 5×5" in c.source]
    exec(source, {})
    by_hand = [int(n) for n in re.findall(r"(\d+) MACs", capsys.readouterr().out)]
    for name, macs in zip(("ann", "cnn"), by_hand, strict=True):
        model = load_run(name, announce=False, folder=REFERENCE_DIR).load_model()
        assert macs == next(n.macs for n in costs.count_macs(model) if n.macs)


def test_models_in_models_are_taken_apart():
    from keras import layers

    inner = build((28, 28), layers.Flatten(), layers.Dense(7))
    outer = build((28, 28), inner, layers.Dense(10))
    assert sum(c.macs for c in costs.count_macs(outer)) == 784 * 7 + 70


def test_a_layer_that_cannot_be_counted_is_named():
    from keras import layers

    model = build((28, 28), layers.LSTM(4))
    with pytest.raises(ValueError, match="LSTM"):
        costs.count_macs(model)


def test_the_compiled_function_says_what_the_model_says():
    from keras import layers

    model = build((28, 28), layers.Flatten(), layers.Dense(10, activation="softmax"))
    x = np.random.default_rng(0).random((5, 28, 28), dtype=np.float32)
    compiled = costs.as_function(model, 5)
    np.testing.assert_allclose(compiled(x), model.predict(x, verbose=0), atol=1e-6)
    model.set_weights([weights / 2 for weights in model.get_weights()])
    np.testing.assert_allclose(compiled(x), model.predict(x, verbose=0), atol=1e-6)


@pytest.mark.slow
def test_a_model_is_compiled_in_a_folder_of_any_name(tmp_path):
    """TensorFlow cannot read a file's name with letters that the locale lacks."""
    folder = tmp_path / "Kurs für Anfänger"
    shutil.copytree(COURSE_DIR / "utils", folder / "utils")
    code = (
        "import keras, numpy as np; from utils.costs import as_function\n"
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"
        "print(as_function(model, 3)(np.zeros((3, 4), 'float32')).shape)"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **plain},
        capture_output=True,
        text=True,
    )
    assert child.stdout == "(3, 2)\n", child.stderr[-500:]


def test_a_compiled_function_of_several_outputs_returns_a_list():
    import keras
    from keras import layers

    model = build((28, 28), layers.Flatten(), layers.Dense(3), layers.Dense(2))
    both = keras.Model(model.inputs[0], [layer.output for layer in model.layers[1:]])
    found = costs.as_function(both, 4)(np.ones((4, 28, 28), np.float32))
    assert [output.shape for output in found] == [(4, 3), (4, 2)]
    assert all(isinstance(output, np.ndarray) for output in found)


def test_timings_are_medians_and_quartiles_of_calls_in_turn(monkeypatch):
    """By a clock that only the calls move."""
    now, order = [100.0], []
    slow_seconds = iter([50.0, *range(1, 11)])  # the first round is not timed
    clock = SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr(costs, "time", clock)

    def call(name, seconds):
        order.append(name)
        now[0] += next(seconds)

    found = costs.time_in_turn(
        {
            "slow": lambda: call("slow", slow_seconds),
            "quick": lambda: call("quick", iter([0.25])),
        },
        10,
    )
    assert order == ["slow", "quick"] * 11
    assert (found["slow"].low, found["slow"].median, found["slow"].high) == (
        *np.quantile(range(1, 11), [0.25, 0.5, 0.75]),
    )
    assert found["quick"].median == 0.25


def test_separable_convolutions_are_counted_and_normalisations_count_nothing():
    from keras import layers

    model = build(
        (28, 28, 3),
        layers.Normalization(),
        layers.SeparableConv2D(8, 3, padding="same", depth_multiplier=2),
        layers.LayerNormalization(),
        layers.PReLU(),
        layers.DepthwiseConv2D(5),
        layers.GroupNormalization(4),
    )
    macs = [layer.macs for layer in costs.count_macs(model)]
    separable = 28 * 28 * (9 * 3 * 2 + 3 * 2 * 8)
    assert macs == [0, separable, 0, 0, 24 * 24 * 25 * 8, 0]


def test_a_model_of_unknown_size_is_named():
    import keras
    from keras import layers

    unbuilt = keras.Sequential([layers.Dense(10)])
    any_size = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(4, 3)])
    for model in (unbuilt, any_size):
        with pytest.raises(ValueError, match=r"size of what layer .* is not known"):
            costs.count_macs(model)
