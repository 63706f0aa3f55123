"""What the lab On_a_Device computes, beside what others compute.

The functions come from the notebook itself: its imports and definitions are run here,
and nothing else of it.
"""

import re

import numpy as np
import pytest
from lab_cells import definitions


@pytest.fixture(scope="module")
def lab():
    return definitions("On_a_Device.ipynb")


@pytest.fixture(scope="module")
def small(lab):
    """A network small enough to follow by hand, and a few inputs."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return model, np.random.default_rng(0).random((50, 28, 28), np.float32)


@pytest.fixture(scope="module")
def files(lab, small):
    """The network as a device reads it: in 32 bits, and in 8."""
    model, images = small
    options = lab["int8_options"](model, images)
    return lab["convert"](model), lab["convert"](model, **options)


@pytest.mark.parametrize("normalised", [False, True])
def test_the_first_kernels_scales_are_in_the_file(lab, small, normalised):
    """Of a network of one's own, too, that begins otherwise or normalises nothing."""
    import keras

    layers = keras.layers
    norm = [layers.BatchNormalization()] if normalised else []
    sums = layers.Conv2D(4, 3, strides=2, padding="valid", use_bias=not normalised)
    head = [layers.ReLU(), layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.ZeroPadding2D(1), sums, *norm, *head]
    )
    if normalised:
        numbers = [[1, 2, 3, 4], [0, 0, 0, 0], [0.1, 0.1, 0.1, 0.1], [0.5, 1, 2, 4]]
        norm[0].set_weights(np.array(numbers, np.float32))
    file = lab["convert"](model, **lab["int8_options"](model, small[1]))
    details = lab["Interpreter"](model_content=file).get_tensor_details()
    by_hand = np.abs(lab["first_kernels"](model)).max(axis=(0, 1, 2)) / 127
    scales = [d["quantization_parameters"]["scales"] for d in details]
    assert any(len(s) == 4 and np.allclose(s, by_hand, rtol=1e-4) for s in scales)


# --- eight bits ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high"), [(-1.0, 2.0), (0.0, 1.0), (-7.5, 0.0), (-0.013, 0.4), (2.0, 3.0)]
)
def test_rounding_to_eight_bits_is_that_of_tensorflow(lab, low, high):
    import tensorflow as tf

    rule = lab["scale_and_zero_point"](low, high)
    low, high = min(low, 0), max(high, 0)
    numbers = np.linspace(low - 0.2, high + 0.2, 1001).astype(np.float32)
    ours = lab["dequantise"](lab["quantise"](numbers, *rule), *rule)
    theirs = tf.quantization.fake_quant_with_min_max_args(numbers, low, high).numpy()
    # A number half-way between two steps may go either way.
    assert np.abs(ours - theirs).max() <= rule[0] * 1.001
    assert np.mean(np.abs(ours - theirs) < rule[0] * 1e-3) > 0.98


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (0.1, 0.9), (-3.0, -1.0)])
def test_zero_is_kept_and_errors_are_at_most_half_a_scale(lab, low, high):
    scale, zero_point = lab["scale_and_zero_point"](low, high)
    assert -128 <= zero_point <= 127
    zero = lab["quantise"](np.zeros(1), scale, zero_point)
    assert lab["dequantise"](zero, scale, zero_point) == 0
    # The ends may be one step further in, where 0 was moved to a whole number.
    inside = np.linspace(low, high, 501)[4:-4]
    back = lab["dequantise"](
        lab["quantise"](inside, scale, zero_point), scale, zero_point
    )
    assert np.abs(back - inside).max() <= scale / 2 + 1e-6


# --- files ---------------------------------------------------------------------------


def test_steps_have_the_shapes_and_bytes_that_one_counts_by_hand(lab, files):
    conv, pool, dense = 14 * 14 * 4, 7 * 7 * 4, 10
    expected = [28 * 28 + conv, conv + pool, 2 * pool, pool + dense, 2 * dense]
    for file, width in zip(files, (4, 1), strict=True):
        steps = lab["steps_of"](file)
        names = ["CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"]
        assert steps["step"].tolist() == names
        assert steps["gives"].tolist() == ["14×14×4", "7×7×4", "196", "10", "10"]
        assert steps["bytes in and out"].tolist() == [width * n for n in expected]


def test_a_device_reads_like_keras(lab, small, files):
    model, images = small
    expected = model.predict(images[..., None], verbose=0)
    exact, rounded = map(lab["start"], files)
    for image, prob in zip(images[:10], expected, strict=False):
        assert np.allclose(lab["read"](exact, image), prob, atol=1e-5)
        in_steps = lab["read"](rounded, image)
        assert np.abs(in_steps - prob).max() < 0.05
        assert np.allclose(in_steps * 256, np.round(in_steps * 256))


def test_int8_takes_pixels_less_128(lab, files):
    device = lab["start"](files[1])
    pixels = np.arange(784).reshape(28, 28) % 256
    prob = lab["read"](device, (pixels / 255).astype("float32"))
    (given,), (answer,) = device.get_input_details(), device.get_output_details()
    device.set_tensor(given["index"], (pixels - 128).astype("int8")[None, ..., None])
    device.invoke()
    raw = device.get_tensor(answer["index"])[0]
    assert np.array_equal(lab["dequantise"](raw, *answer["quantization"]), prob)


def test_the_array_in_c_holds_the_file(lab, files, tmp_path):
    from ai_edge_litert.tools import flatbuffer_utils

    file = files[0]
    source = lab["c_array"](file, "small")
    (tmp_path / "small.cc").write_text(source)
    assert bytes(flatbuffer_utils.xxd_output_to_bytes(tmp_path / "small.cc")) == file
    assert re.match(
        rf"alignas\(16\) const unsigned char small\[{len(file)}\] = ", source
    )
    assert max(map(len, source.splitlines())) <= 88
