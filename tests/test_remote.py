"""Notebooks that train on workers: what is killed is done again, what is done is kept.

Real kernels on real worker processes, each training a small network for an epoch. A
training may wait in its first cell until the test has done its damage.
"""

import argparse
import os
import signal
import threading
import time
from contextlib import nullcontext

import numpy as np
import pytest
from dask_programs import small_cluster
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import notebooks, reference, remote
from utils import runs
from utils.labs.spread import SweepError, connect

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows knows only the latter
WAIT = """\
import os, pathlib, time
note = pathlib.Path({folder!r}, RUN_NAME)
note.with_suffix(".part").write_text(f"{{os.getppid()}} {{os.getpid()}}")
note.with_suffix(".part").rename(note.with_suffix(".begun"))
while note.with_suffix(".wait").exists():
    time.sleep(0.05)
"""
TRAIN = """\
import keras
from utils.data import load_mnist
from utils.runs import save_run

keras.utils.set_random_seed(SEED)
digits = load_mnist()
layers = [keras.Input((28, 28)), keras.layers.Flatten()]
model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
history = model.fit(digits.x_train[:500] / 255, digits.y_train[:500], verbose=0)
y_prob = model.predict(digits.x_test / 255, verbose=0)
saved = dict(y_true=digits.y_test, y_prob=y_prob, seed=SEED, digits=digits)
"""
SAVE = """\
save_run(RUN_NAME, model_name="ANN", model=model, history=history.history,
         seconds=[1.0], **saved)
"""


@pytest.fixture
def notebook(tmp_path):
    """A notebook that trains, of a model with a seed."""
    parameters = new_code_cell('SEED = 0\nRUN_NAME = ""')
    parameters.metadata["tags"] = ["parameters"]
    codes = (WAIT.format(folder=str(tmp_path)), TRAIN, SAVE)
    cells = [parameters, *map(new_code_cell, codes)]
    return new_notebook(cells=cells, metadata=notebooks.METADATA)


@pytest.fixture
def course(tmp_path, monkeypatch, notebook):
    """A course without reference runs, whose two notebooks are the small one."""
    monkeypatch.setattr(runs, "REFERENCE_DIR", tmp_path / "reference")

    def training(name, seed):
        run_name = reference.seed_name(name, seed)
        parameters = {"SEED": seed, "RUN_NAME": run_name}
        return remote.Training(notebook, run_name, parameters, tmp_path / "build")

    monkeypatch.setattr(reference, "training", training)
    return tmp_path


def trained_here(seed):
    """Do the same training in this process; return its probabilities."""
    space = {"SEED": seed}
    exec(TRAIN, space)
    return space["y_prob"]


def when(path, action):
    """Call a function with the numbers in a file once that is there; return at once."""

    def watch():
        while not path.exists():
            time.sleep(0.05)
        action(*map(int, path.read_text().split()))

    threading.Thread(target=watch, daemon=True).start()


@pytest.mark.slow
@pytest.mark.maintainers
def test_a_training_whose_worker_is_killed_is_done_by_another(course, capsys):
    """And the kernel of the killed worker ends with it."""
    import psutil

    (course / "cnn.wait").touch()
    kernels = []

    def kill(worker, kernel):
        kernels.append(psutil.Process(kernel))
        (course / "cnn.begun").unlink()
        os.kill(worker, KILL)
        (course / "cnn.wait").unlink()

    when(course / "cnn.begun", kill)
    with connect(n_workers=2) as client:
        reference.train(1, client=client)
        psutil.wait_procs(kernels, timeout=60)
    assert (course / "cnn.begun").exists()  # a second time
    assert runs.list_runs(course / "reference") == ["ann", "cnn"]
    assert [kernel.is_running() for kernel in kernels] == [False]
    expected = trained_here(seed=0)
    for name in runs.MODELS:
        (run,) = runs.load_seeds(name)
        assert run.model_file  # seed 0 keeps it
        np.testing.assert_allclose(run.y_prob, expected, atol=1e-4)
    assert "[2/2] cnn: " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.maintainers
def test_a_killed_scheduler_loses_no_finished_training_and_a_restart_goes_on(
    course, capsys
):
    """The restart trains what is missing, and nothing else, on another cluster."""
    (course / "cnn.wait").touch()
    with small_cluster() as (address, processes), connect(address) as client:

        def kill(worker, kernel):
            processes["scheduler"].kill()

        when(course / "cnn.begun", kill)
        with pytest.raises(SweepError, match="lost") as error:
            reference.train(1, client=client)
        processes["worker"].kill()  # lest the client wait for it when it closes
    assert str(course / "reference") in str(error.value)
    assert runs.list_runs(course / "reference") == ["ann"]
    for name in ("cnn.wait", "cnn.begun", "ann.begun"):
        (course / name).unlink()
    with connect(n_workers=1) as client:
        reference.train(1, client=client)
    assert "[1/2] ann: there already" in capsys.readouterr().out
    assert (course / "cnn.begun").exists() and not (course / "ann.begun").exists()
    assert runs.list_runs(course / "reference") == ["ann", "cnn"]


@pytest.mark.slow
@pytest.mark.maintainers
def test_a_cell_that_fails_is_named(notebook, tmp_path):
    notebook.cells[1] = new_code_cell('raise MemoryError(f"no room for {SEED}")')
    failing = remote.Training(notebook, "a", {"SEED": 7}, tmp_path)
    with (
        connect(n_workers=1) as client,
        pytest.raises(SweepError, match="seed 7: MemoryError: no room for 7"),
    ):
        list(remote.train({"seed 7": failing}, client, tmp_path))


def test_a_worker_with_other_digits_does_not_begin(notebook):
    text = remote.without_outputs(notebook)
    with pytest.raises(SweepError, match="other digits"):
        remote.run_remotely(text, "a", {}, "0123456789abcdef")


def test_a_notebook_travels_without_its_outputs(notebook):
    notebook.cells[1].outputs = [new_output("stream", text="x" * 10_000)]
    assert len(remote.without_outputs(notebook)) < 5000
    assert notebook.cells[1].outputs  # of the copy only


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], None),
        (["--workers", "3"], ("", 3)),
        (["--scheduler", "tcp://10.0.0.5:8786"], ("tcp://10.0.0.5:8786", 0)),
    ],
)
def test_the_command_line_says_where_to_train(monkeypatch, arguments, expected):
    monkeypatch.setattr(remote, "connect", lambda *where: nullcontext(where))
    parser = argparse.ArgumentParser()
    remote.add_options(parser)
    with remote.workers(parser.parse_args(arguments)) as client:
        assert client == expected
