"""utils.gradients: the slopes that Keras' engine finds are those of small nudges."""

import keras
import numpy as np
import pytest

from utils.gradients import gradient


def loss(z):
    return -keras.ops.log(keras.ops.softmax(z))[3]


def test_a_gradient_is_probability_minus_truth():
    z = np.random.default_rng(0).normal(size=10)
    p = np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(gradient(loss, z), p - np.eye(10)[3], atol=1e-6)


def test_a_gradient_has_the_shape_of_its_values_and_agrees_with_nudges():
    w = np.random.default_rng(1).normal(size=(3, 2))

    def function(w):
        return keras.ops.sum(keras.ops.tanh(w) ** 2)

    found = gradient(function, w)
    assert found.shape == (3, 2) and found.dtype == np.float32
    for place in np.ndindex(3, 2):
        nudge = np.zeros((3, 2))
        nudge[place] = 1e-4
        above, below = (np.sum(np.tanh(w + s * nudge) ** 2) for s in (1, -1))
        assert found[place] == pytest.approx((above - below) / 2e-4, abs=1e-4)


def test_an_unknown_engine_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "other")
    with pytest.raises(NotImplementedError, match=r"'other'.*KERAS_BACKEND"):
        gradient(loss, np.zeros(10))


def test_what_has_no_slope_is_said():
    with pytest.raises(ValueError, match="does not depend on the input"):
        gradient(lambda v: keras.ops.convert_to_tensor(3.0), np.ones(2))
    with pytest.raises(ValueError, match=r"array of shape \(2,\).*one number"):
        gradient(lambda v: 2 * v, np.ones(2))
