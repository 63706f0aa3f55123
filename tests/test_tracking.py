"""docs/tracking.md: its code reads the course's runs, and logs what they hold."""

import contextlib
import json
import re
import shutil
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from utils import runs
from utils.places import COURSE_DIR

PAGE = COURSE_DIR / "docs" / "tracking.md"
(CODE,) = re.findall(r"(?ms)^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course with two runs, and what a save that was killed leaves behind."""
    for name in ("ann", "cnn-seed1"):
        shutil.copytree(runs.REFERENCE_DIR / name, tmp_path / "runs" / name)
    shutil.copytree(tmp_path / "runs" / "ann", tmp_path / "runs" / ".ann.4711.partial")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def expected(folder, name):
    """Return a run's metrics: name to a dict from step to value."""
    info = json.loads((folder / name / "run.json").read_text(encoding="utf-8"))
    history = json.loads((folder / name / "history.json").read_text(encoding="utf-8"))
    metrics = {key: dict(enumerate(values, 1)) for key, values in history.items()}
    for key in ("test_accuracy", "test_loss", "train_seconds"):
        metrics[key] = {0: info[key]}
    return metrics


def test_what_is_logged_is_what_the_runs_hold(folder, monkeypatch):
    """With a recorder in MLflow's place: the page is about our files."""
    logged = {}

    @contextlib.contextmanager
    def start_run(run_name):
        logged[run_name] = recorder.now = {"metrics": {}}
        yield

    def log_metric(key, value, step=0):
        recorder.now["metrics"].setdefault(key, {})[step] = value

    recorder = SimpleNamespace(
        start_run=start_run,
        log_metric=log_metric,
        log_params=lambda params: recorder.now.update(params=params),
        set_tags=lambda tags: recorder.now.update(tags=tags),
        set_tracking_uri=lambda uri: None,
        set_experiment=lambda name: None,
    )
    monkeypatch.setitem(sys.modules, "mlflow", recorder)
    exec(CODE, {})
    assert list(logged) == ["ann", "cnn-seed1"]
    for name, found in logged.items():
        assert found["metrics"] == expected(folder, name)
        assert found["params"]["seed"] == int(name == "cnn-seed1")
        assert found["tags"]["test_fingerprint"] and found["tags"]["keras"]


@pytest.mark.slow
def test_mlflow_itself_holds_the_same(folder):
    if not find_spec("mlflow"):
        pytest.skip("MLflow is not installed: nobody needs it for the course")
    import mlflow

    exec(CODE, {})
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("ANN vs CNN on MNIST")
    found = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name for run in found} == {"ann", "cnn-seed1"}
    for run in found:
        for key, values in expected(folder, run.info.run_name).items():
            history = client.get_metric_history(run.info.run_id, key)
            assert {point.step: point.value for point in history} == values
