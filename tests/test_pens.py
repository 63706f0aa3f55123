"""The network of other pens: the notebook's recipe, digits that are still digits."""

import numpy as np
import pytest

from tools import pens
from utils import runs
from utils.data import Digits, load_mnist


@pytest.fixture(scope="module")
def digits():
    return load_mnist("sample")


def test_other_pens_write_full_and_paler_ink(digits):
    images = pens.with_other_pens(digits.x_train[:60], np.random.default_rng(0))
    assert images.shape == (60, 28, 28) and images.dtype == np.float32
    darkest = images.max(axis=(1, 2))
    assert images.min() == 0 and darkest.max() <= 1
    assert (darkest > 0.9).mean() > 0.4 and (darkest < 0.7).any()
    assert darkest.min() > 0.9 * pens.PALEST
    # As in MNIST, the ink's mean lies in the middle.
    ink = images.sum(axis=(1, 2))
    rows = (images.sum(axis=2) @ np.arange(28)) / ink
    assert np.abs(rows - 13.5).max() < 1.5


def test_the_recipe_is_the_notebooks():
    import keras

    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    made = pens.made_ready(model, range(50_000), epochs=0)
    assert (made["batch_size"], made["epochs"]) == (256, 11)
    rate = model.optimizer.learning_rate
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    # tests/test_controls.py holds the same two rates against the notebook's text.
    schedule, steps = made["schedule"], made["n_steps"]
    assert steps == 11 * 196
    assert float(schedule(0)) == pytest.approx(0.001) == float(rate)
    assert float(schedule(made["warmup"])) == pytest.approx(0.012)
    assert float(schedule(steps)) == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_a_small_training_makes_a_run_of_the_cnns_architecture(
    digits, tmp_path, monkeypatch
):
    monkeypatch.setattr(pens, "BUILD", tmp_path)
    monkeypatch.setenv("RUNS_DIR", str(tmp_path))
    few = Digits(
        digits.x_train[:400],
        digits.y_train[:400],
        digits.x_test,
        digits.y_test,
        source=digits.source,
        fingerprint=digits.fingerprint,
    )
    run = pens.train(few, n_copies=1, epochs=2, seed=0)
    shipped = runs.load_run("cnn", announce=False, folder=runs.REFERENCE_DIR)
    assert run.info["parameters"] == shipped.info["parameters"]
    assert (run.info["epochs"], run.info["name"]) == (2, pens.NAME)
    assert run.info["data"]["n_val"] == 40
