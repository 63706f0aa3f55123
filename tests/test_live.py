"""utils.live: a saved training in place of one that was left out."""

from types import SimpleNamespace

import numpy as np
import pytest

from utils.data import load_mnist
from utils.live import saved_training
from utils.runs import REFERENCE_DIR, RunError, load_run


@pytest.fixture(autouse=True)
def no_runs(tmp_path, monkeypatch):
    """No runs of one's own: what is found is the course's."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path))


def like(run):
    """What saved_training asks of the digits, as if they were those of a run."""
    data = run.info["data"]
    return SimpleNamespace(source=data["source"], fingerprint=data["test_fingerprint"])


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_model_history_and_seconds_are_those_of_the_run(name, capsys):
    run = load_run(name, folder=REFERENCE_DIR)
    model, history, live = saved_training(name, like(run), run.info["seed"])
    assert model.count_params() == run.info["parameters"]
    assert history.history == run.history
    assert live.seconds == run.history["seconds"]
    assert "reference run" in capsys.readouterr().out
    blank = np.zeros((1, *model.input_shape[1:]), "float32")
    assert model.predict(blank, verbose=0).shape == (1, 10)


def test_a_run_that_has_seen_these_test_digits_is_refused():
    with pytest.raises(RunError, match="trained on full MNIST with seed 0, this"):
        saved_training("ann", load_mnist("sample"), seed=0)


def test_a_run_of_another_seed_is_refused():
    run = load_run("ann", folder=REFERENCE_DIR)
    with pytest.raises(RunError, match="uses full MNIST and seed 3"):
        saved_training("ann", like(run), seed=3)
