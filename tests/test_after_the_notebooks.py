"""What the notebooks left behind, looked at once they have been executed."""

import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from benchmarks import time_to_accuracy as bench
from utils.data import load_mnist
from utils.runs import load_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.after("ANN_Model.ipynb", "CNN_Model.ipynb"),
]
# From "any student must get there" to "better than that, and the test set has leaked".
BANDS = {
    "full MNIST": {"ann": (0.982, 0.990), "cnn": (0.9925, 0.9975)},
    "sample": {"ann": (0.93, 0.975), "cnn": (0.97, 0.995)},
}


@pytest.fixture(scope="module")
def runs():
    """The two runs that the notebooks have just saved."""
    loaded = {name: load_run(name, announce=False) for name in ("ann", "cnn")}
    for run in loaded.values():
        assert run.folder.parent == Path(os.environ["RUNS_DIR"]), "a reference run?"
    return loaded


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_accuracy_is_in_its_band(runs, name):
    low, high = BANDS[runs[name].info["data"]["source"]][name]
    assert low <= accuracy_score(runs[name].y_true, runs[name].y_pred) <= high


def test_the_cnn_is_better_with_fewer_parameters(runs):
    ann, cnn = runs["ann"].info, runs["cnn"].info
    assert cnn["test_accuracy"] > ann["test_accuracy"]
    assert cnn["parameters"] < ann["parameters"]


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_same_training_again_gives_the_same_numbers(runs, name):
    """From the same cells, in another process; as far as a third epoch.

    Two trainings that differ by a rounding would differ in every number by then. To
    the end of a short one: tests/test_reference.py.
    """
    space = bench.cells_up_to_fit(name.upper(), seed=0)
    averaging = [keras.callbacks.SwapEMAWeights()] if name == "cnn" else []
    again = space["model"].fit(
        space["x_train"],
        space["y_train"],
        space["batch_size"],
        epochs=3,
        validation_data=(space["x_val"], space["y_val"]),
        callbacks=averaging,
        verbose=0,
    )
    for measure, values in again.history.items():
        assert values == runs[name].history[measure][:3], measure


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_what_was_saved_is_what_the_model_says(runs, name):
    run, digits = runs[name], load_mnist()
    assert (run.y_true == digits.y_test).all()
    assert run.info["data"]["test_fingerprint"] == digits.fingerprint
    assert run.info["data"]["n_train"] + run.info["data"]["n_val"] == len(
        digits.x_train
    )
    model = run.load_model()
    x = digits.x_test.reshape(-1, *model.input_shape[1:]).astype("float32") / 255
    y_prob = model.predict(x, batch_size=1000, verbose=0)
    np.testing.assert_allclose(y_prob, run.y_prob, atol=1e-4)
    assert run.info["parameters"] == model.count_params()


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_numbers_of_a_run_follow_from_its_predictions(runs, name):
    run = runs[name]
    accuracy = accuracy_score(run.y_true, run.y_prob.argmax(axis=1))
    assert run.info["test_accuracy"] == pytest.approx(accuracy)
    loss = log_loss(run.y_true, run.y_prob.astype(float), labels=range(10))
    assert run.info["test_loss"] == pytest.approx(loss, rel=1e-3)
    assert run.info["epochs"] == len(run.history["val_loss"])
    assert run.info["train_seconds"] == pytest.approx(sum(run.history["seconds"]), 0.01)


@pytest.mark.after("ANN_Model.ipynb", "CNN_Model.ipynb", "Comparison.ipynb")
def test_the_comparison_reads_exactly_these_runs(runs, said):
    said = said("Comparison.ipynb")
    for name, run in runs.items():
        assert re.search(f"{name}: your run of {re.escape(run.info['created'])}", said)
        assert f"{run.info['test_accuracy']:.2%}"[:-1] in said.replace(" %", "%")
