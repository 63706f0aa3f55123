"""utils.runs: a run is whole or absent, whatever is killed, damaged or forbidden."""

import contextlib
import ctypes
import dataclasses
import hashlib
import json
import os
import pickle
import queue
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from datetime import datetime
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from stand_ins import StandIn, WritesAFile

from utils import run_store, runs
from utils.places import COURSE_DIR
from utils.run_files import LARGEST
from utils.runs import RunError, check_comparable, list_runs, load_run, save_run

FILES = ["history.json", "model.keras", "predictions.npz", "run.json"]
posix = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no fork, file limits or permission bits"
)


def some_data(fingerprint="0123456789abcdef", y_test=None):
    """What save_run needs to know of a data set, here with 50 training digits."""
    return SimpleNamespace(
        x_train=np.zeros((50, 28, 28), np.uint8),
        y_test=y_test,
        provenance=lambda: ("sample", fingerprint),
    )


def save_number(number, name="ann", **changes):
    """Save a run with the same number in each of its four files."""
    y_true = np.array([int(digit) for digit in f"{number:08}"])
    arguments = {
        "model_name": "ANN",
        "model": StandIn(number),
        "history": {"loss": [number]},
        "seconds": [0.5],
        "y_true": y_true,
        "y_prob": np.eye(10, dtype=np.float32)[y_true],
        "seed": number,
        "digits": some_data(),
    }
    arguments |= changes
    arguments["digits"].y_test = y_true
    return save_run(name, **arguments)


def test_predictions_for_other_digits_are_refused(home):
    other = save_number(1).y_true
    arguments = {"y_prob": np.eye(10)[other], "digits": some_data(y_test=other + 1)}
    with pytest.raises(RunError, match="not those of the test set"):
        save_run(
            "ann",
            model_name="ANN",
            model=StandIn(2),
            history={"loss": [2]},
            seconds=[1],
            y_true=other,
            seed=2,
            **arguments,
        )
    assert number_of(load_run("ann")) == 1


def number_of(run):
    """Return the number of a run, having seen that its parts agree on it."""
    number = run.info["seed"]
    assert run.info["parameters"] == number
    assert run.history["loss"] == [number]
    assert int("".join(map(str, run.y_true))) == number
    assert run.y_pred.tolist() == run.y_true.tolist()
    return number


def load_number(name="ann"):
    return number_of(load_run(name, announce=False))


def start(call, *arguments):
    """Start a function of this file in a process of its own."""
    path = os.pathsep.join([str(COURSE_DIR / "tests"), "."])
    return subprocess.Popen(
        [sys.executable, "-c", f"import test_runs; test_runs.{call}{arguments}"],
        env=os.environ | {"PYTHONPATH": path},
        cwd=COURSE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(child):
    out, err = child.communicate(timeout=600)
    assert child.returncode == 0, err
    return out


def complaint(function, *arguments, **named):
    """Return the message of the RunError that a call raises."""
    with pytest.raises(RunError) as error:
        function(*arguments, **named)
    return str(error.value)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A folder of runs and one of reference runs for this test alone."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "REFERENCE_DIR", tmp_path / "reference")
    return tmp_path / "runs"


# --- with a real model ---------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """A tiny Keras model, trained for two epochs on noise, and what it predicts."""
    import keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(64, 28, 28), dtype=np.uint8)
    x, y_true = pixels.astype("float32") / 255, rng.integers(10, size=64)
    data = some_data(y_test=y_true)
    data.x_train, data.y_train, data.x_test = pixels[:50], y_true[:50], pixels
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y_true, epochs=2, verbose=0).history
    return SimpleNamespace(
        x=x,
        model=model,
        arguments={
            "model_name": "ANN",
            "model": model,
            "history": history,
            "seconds": [1.25, 0.5],
            "y_true": y_true,
            "y_prob": model.predict(x, verbose=0),
            "seed": 7,
            "digits": data,
            "n_val": 10,
        },
    )


def test_a_run_comes_back_as_it_was_saved(trained, home):
    saved = save_run("ann-seed7", **trained.arguments)
    for run in (saved, load_run("ann-seed7")):
        assert run.folder == home / "ann-seed7"
        assert run.y_true.dtype == np.uint8 and run.y_prob.dtype == np.float32
        np.testing.assert_array_equal(run.y_true, trained.arguments["y_true"])
        np.testing.assert_array_equal(run.y_prob, trained.arguments["y_prob"])
        assert run.history == trained.arguments["history"] | {"seconds": [1.25, 0.5]}
    assert sorted(path.name for path in saved.folder.iterdir()) == FILES
    assert list_runs() == ["ann-seed7"]


def test_what_is_not_of_one_training_is_refused_and_nothing_is_written(trained, home):
    """The model was built again; or its history is that of a better one."""
    import keras

    save_run("ann", **trained.arguments)
    before = (home / "ann" / "run.json").read_bytes()
    fresh = keras.models.clone_model(trained.model)
    with pytest.raises(RunError, match=r"predictions are not this model's.*predict"):
        save_run("ann", **trained.arguments | {"model": fresh})
    told = {"loss": [0.1, 0.05], "val_accuracy": [0.97, 0.98]}
    with pytest.raises(
        RunError, match=r"ends at 98.0% of the digits, and the model re"
    ):
        save_run("ann", **trained.arguments | {"history": told})
    assert (home / "ann" / "run.json").read_bytes() == before


def test_logits_and_other_answers_are_told_apart(trained):
    import keras

    flat, dense = trained.model.layers
    logits = keras.layers.Dense(10)
    bare = keras.Sequential([keras.Input((28, 28)), flat, logits])
    logits.set_weights(dense.get_weights())
    message = complaint(save_run, "ann", **trained.arguments | {"model": bare})
    assert "ends in logits" in message and "layers.Softmax()" in message
    save_run(
        "ann",
        **trained.arguments
        | {"model": keras.Sequential([bare, keras.layers.Softmax()])},
    )
    message = complaint(
        save_run,
        "ann",
        **trained.arguments
        | {"model": keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])},
    )
    assert "answers with 784 numbers for each digit, and these predictions have 10" in (
        message
    )


@pytest.mark.parametrize(
    "shapes",
    [[(32, 32, 1)], [(None, None, 1)], 2 * [(28, 28)], 3 * [(28, 28)], [(3,)]],
)
def test_a_model_that_takes_no_digit_is_saved_but_not_handed_out(trained, shapes):
    import keras

    inputs = [keras.Input(shape) for shape in shapes]
    pooled = [
        keras.layers.GlobalAveragePooling2D()(x)
        if len(x.shape) == 4
        else keras.layers.Flatten()(x)
        for x in inputs
    ]
    joined = keras.layers.concatenate(pooled) if len(pooled) > 1 else pooled[0]
    outputs = keras.layers.Dense(10, activation="softmax")(joined)
    arguments = trained.arguments | {"model": keras.Model(inputs, outputs)}
    run = save_run("other", **arguments)
    assert "28×28 pixels" in complaint(run.load_model)


def test_validation_in_some_epochs_only_is_named_and_its_remedy_works(trained):
    history = {"loss": [2.0, 1.0], "accuracy": [0.1, 0.2], "val_loss": [1.5]}
    told = trained.arguments | {"history": history, "seconds": [1.0, 1.0]}
    message = complaint(save_run, "rare", **told)
    assert "'val_loss' for 1 of 2 epochs" in message
    assert "validation_freq" in message and "startswith('val_')" in message
    kept = {n: v for n, v in history.items() if not n.startswith("val_")}
    assert save_run("rare", **told | {"history": kept}).history["loss"] == [2.0, 1.0]


def test_a_model_of_two_outputs_is_refused_with_what_to_save(trained):
    import keras

    one = trained.model
    model = keras.Model(one.inputs, [one.outputs[0], one.outputs[0]])
    message = complaint(save_run, "two", **trained.arguments | {"model": model})
    assert "has 2 outputs" in message and "model.outputs[0]" in message


def test_a_model_of_changed_digits_is_saved_as_the_sentence_says(trained):
    arguments, turned = trained.arguments, trained.x[:, ::-1]
    changed = arguments | {"y_prob": trained.model.predict(turned, verbose=0)}
    message = complaint(save_run, "ann", **changed)
    assert "given other images" in message and "dataclasses.replace(digits" in message
    digits = SimpleNamespace(**vars(arguments["digits"]))
    digits.x_train, digits.x_test = (
        x[:, ::-1] for x in (digits.x_train, digits.x_test)
    )
    save_run("ann", **changed | {"digits": digits})


def test_a_stopped_training_is_saved_as_what_it_is(trained):
    run = save_run("ann", **trained.arguments, stopped=True)
    assert run.info["stopped"] and run.facts()["epochs"] == "2, stopped"
    assert save_run("ann", **trained.arguments).facts()["epochs"] == "2"


def test_run_json_holds_what_the_design_says(trained):
    from importlib import import_module

    before = time.time()
    run = save_run("ann", **trained.arguments)
    after = time.time()
    info = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    files, created = info.pop("files"), datetime.fromisoformat(info.pop("created"))
    versions = info.pop("versions")
    y_true, y_prob = trained.arguments["y_true"], trained.arguments["y_prob"]
    loss, accuracy = trained.model.evaluate(trained.x, y_true, verbose=0)
    assert info.pop("test_loss") == pytest.approx(loss, rel=1e-5)
    assert info.pop("test_accuracy") == pytest.approx(accuracy)
    assert info == {
        "name": "ann",
        "model": "ANN",
        "seed": 7,
        "epochs": 2,
        "stopped": False,
        "parameters": 7850,
        "train_seconds": 1.75,
        "data": {
            "source": "sample",
            "n_train": 40,
            "n_val": 10,
            "n_test": 64,
            "test_fingerprint": "0123456789abcdef",
        },
    }
    assert created.utcoffset().total_seconds() == 0
    assert int(before) <= created.timestamp() <= after
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    for package in (
        "tensorflow",
        "keras",
        "numpy",
    ):  # tensorflow-cpu is TensorFlow, too
        assert versions[package] == import_module(package).__version__
    for name, digest in files.items():
        raw = (run.folder / name).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == digest
    assert sorted([*files, "run.json"]) == FILES
    assert y_prob.shape == (64, 10)


def test_the_saved_model_predicts_the_same(trained):
    model = save_run("ann", **trained.arguments).load_model()
    found = model.predict(trained.x, verbose=0)
    np.testing.assert_allclose(found, trained.arguments["y_prob"], atol=1e-6)


def test_a_model_file_that_keras_cannot_read_is_named(trained):
    folder = save_run("ann", **trained.arguments).folder
    raw = (folder / "model.keras").read_bytes()
    forge(folder, "model.keras", raw[: len(raw) // 2])
    message = complaint(load_run("ann").load_model)
    assert f"{folder / 'model.keras'} is damaged" in message


@pytest.mark.parametrize("version", ["3.99.0", "3.0.1", None])
def test_a_whole_model_of_another_keras_is_not_called_damaged(
    trained, version, monkeypatch
):
    import keras

    run = save_run("ann", **trained.arguments)
    run.info["versions"]["keras"] = version

    def other_keras(*_, **__):
        raise TypeError(f"unknown keyword\n{'a config of many lines ' * 300}")

    monkeypatch.setattr(keras.models, "load_model", other_keras)
    message = complaint(run.load_model)
    assert f"Keras {version}" in message and keras.__version__ in message
    assert "damaged" not in message and "elete" not in message
    assert "run ANN_Model.ipynb" in message
    assert len(message) < 700


# --- which run -----------------------------------------------------------------------


def test_your_run_is_preferred_to_the_reference_and_the_output_says_so(
    monkeypatch, tmp_path, home, capsys
):
    reference = tmp_path / "reference"
    save_number(1)
    reference.mkdir()
    (home / "ann").rename(reference / "ann")
    shipped = sorted(reference.rglob("*"))
    assert number_of(load_run("ann")) == 1
    assert capsys.readouterr().out.startswith("ann: reference run of 20")
    assert sorted(reference.rglob("*")) == shipped  # reading leaves the course clean
    save_number(2)
    run = load_run("ann")
    assert (number_of(run), run.origin) == (2, "your run")
    printed = capsys.readouterr().out
    assert printed.startswith("ann: your run of 20")
    assert printed.endswith("ANN, seed 2, trained on sample.\n")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "notebook"),
    [
        ("ann", "Open ANN_Model.ipynb"),
        ("cnn-seed3", "Open CNN_Model.ipynb"),
        ("cnn-augmented", "Open labs/Augmentation.ipynb"),
        ("cnn-pens", "type python -m tools.pens"),
        ("x", "notebook"),
    ],
)
def test_a_run_that_is_missing_names_its_notebook(name, notebook, monkeypatch, home):
    monkeypatch.setattr(runs, "COURSE_DIR", home.parent)
    for file in ("ANN_Model.ipynb", "CNN_Model.ipynb"):
        (home.parent / file).touch()
    message = complaint(load_run, name)
    assert notebook in message and str(home) in message
    assert list_runs() == []


def test_a_run_may_be_kept_without_its_model():
    folder = save_number(5).folder
    info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    del info["files"]["model.keras"]
    (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")
    (folder / "model.keras").unlink()
    run = load_run("ann")
    assert number_of(run) == 5 and run.model_file is None
    assert "without its model" in complaint(run.load_model)


def test_a_model_that_was_replaced_is_not_mixed_with_older_predictions():
    old = save_number(1)
    save_number(2)
    message = complaint(old.load_model)
    assert str(old.folder / "model.keras") in message and "Load the run" in message


def test_runs_on_other_test_digits_refuse_to_be_compared():
    ann, cnn = save_number(1, "ann"), save_number(1, "cnn")
    other = save_number(3, "other", digits=some_data("fedcba9876543210"))
    check_comparable(ann)
    check_comparable(ann, cnn)
    message = complaint(check_comparable, ann, cnn, other)
    assert "ann" in message and "other" in message and "MNIST_DATA" in message


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", ".", "..", ".hidden", "a b", "a\n", "é", "x" * 65, None]
)
def test_bad_names_are_refused(name, home):
    assert repr(name) in complaint(load_run, name)
    assert repr(name) in complaint(save_number, 1, name)
    assert not home.exists()


def test_runs_are_listed_in_order_and_nothing_else_is(home):
    for name in ("cnn", "ann-2", "ann"):
        save_number(1, name)
    (home / "no-run").mkdir()
    (home / ".ann.partial").mkdir()
    (home / ".ann.partial" / "run.json").touch()
    assert list_runs() == ["ann", "ann-2", "cnn"]


# --- what does not fit is not saved --------------------------------------------------

ROWS = np.full((8, 10), 0.1)


@pytest.mark.parametrize(
    "change",
    [
        {"y_prob": ROWS * np.nan},
        {"y_prob": np.where(np.eye(8, 10), np.inf, ROWS)},
        {"y_prob": ROWS[:7]},
        {"y_prob": ROWS[:, :9]},
        {"y_prob": ROWS.argmax(axis=1)},
        {"y_prob": np.random.default_rng(0).normal(size=(8, 10))},  # logits
        {"y_prob": ROWS + 0.5 * (np.eye(8, 10) - np.eye(8, 10, 1))},  # below 0
        {"y_prob": 0.99 * ROWS},
        {"y_true": np.arange(8) + 3},
        {"y_true": np.arange(8) - 1},
        {"y_true": np.arange(8) / 2},
        {"y_true": np.eye(10)[:8]},
        {"y_true": [], "y_prob": np.zeros((0, 10))},
        {"history": {"loss": [1, 2]}},
        {"history": {"loss": []}},
        {"seconds": [1, 2]},
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(change, home):
    assert "Expected" in (m := complaint(save_number, 1, **change)) or "needs" in m
    assert not home.exists()
    save_number(1)
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    complaint(save_number, 2, **change)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


class NotBuilt(StandIn):
    def count_params(self):
        raise ValueError("You tried to call `count_params` …, but it is not built.")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "change",
    [
        *({"seed": value} for value in ("abc", None, float("nan"), 1.7, -1)),
        *({"n_val": value} for value in (None, "10", 0.5, -1, 50, 100)),
        *({"stopped": value} for value in ("no", None, 1)),
        *({"model": value} for value in (None, "ann", StandIn, NotBuilt())),
        *({"model_name": value} for value in (None, "<b>", "")),
        {"y_prob": [[0.1], [0.2, 0.8]]},
        {"y_prob": [np.zeros((2, 3)), np.zeros((2, 4))]},
        {"y_prob": np.full((8, 10), 1e300)},
        {"y_prob": np.full((8, 10), "a")},
        {"y_prob": None},
        {"y_true": ["a"] * 8},
        {"y_true": [[1], [1, 2]]},
        {"y_true": np.full(8, 1j)},
    ],
)
def test_a_value_that_is_none_is_named_and_nothing_is_written(change, home):
    message = complaint(save_number, 1, **change)
    assert re.search("Expected|Correct what you pass|Pass the model", message)
    assert len(message) < 500 and not home.exists()


@pytest.mark.parametrize("digits", [(1, 2), "sample", np.eye(28), {"y_test": 1}])
def test_what_are_no_digits_are_named(digits, home):
    some = {"y_true": [1], "y_prob": np.eye(10)[[1]], "seed": 0, "digits": digits}
    some |= {"model": StandIn(1), "history": {"loss": [1]}, "seconds": [1]}
    message = complaint(save_run, "ann", model_name="ANN", **some)
    assert f"of type {type(digits).__name__}. Expected all" in message
    assert not home.exists()


def test_numbers_of_numpy_are_numbers():
    seed, n_val = np.int64(3), np.uint8(10)
    info = save_number(3, seed=seed, n_val=n_val).info
    assert (info["seed"], info["data"]["n_val"]) == (3, 10)


def test_a_metric_that_can_be_negative_is_kept():
    history = {"loss": [1.0], "cosine_similarity": [-0.5], "val_r2_score": [-3.0]}
    assert save_number(1, history=history).history["cosine_similarity"] == [-0.5]


def test_what_was_not_trained_takes_no_runs_place():
    save_number(1)
    message = complaint(save_number, 2, history={"loss": []}, seconds=[])
    assert "no epoch" in message and load_number() == 1
    forge(runs.runs_dir() / "ann", "history.json", b'{"loss": [], "seconds": []}')
    assert "no epoch" in complaint(load_run, "ann")


def test_a_copy_of_a_run_is_called_a_copy(home):
    save_number(1)
    shutil.copytree(home / "ann", home / "ann-copy")
    message = complaint(load_run, "ann-copy")
    assert "copy of that run" in message and "damaged" not in message
    assert "RUNS_DIR" in message and "again" not in message
    with pytest.MonkeyPatch.context() as patch:  # what it says is true
        (home / "old").mkdir()
        (home / "ann-copy").rename(home / "old" / "ann")
        patch.setenv("RUNS_DIR", str(home / "old"))
        assert load_number() == 1


def test_a_name_in_other_capitals_is_named():
    save_number(1, "mine")
    assert "There is 'mine'" in complaint(load_run, "Mine")


def test_a_run_of_another_model_keeps_its_place():
    save_number(1, "ann", model_name="ANN")
    message = complaint(save_number, 2, "ann", model_name="CNN")
    assert "'ANN', not 'CNN'" in message and "Choose another name" in message
    assert load_number() == 1
    save_number(3, "ann", model_name="ANN")


@pytest.mark.parametrize("history", [{}, {"loss": [1.0]}, {"mae": [0.3]}])
def test_what_a_run_may_hold_can_be_drawn(history):
    from utils import plots

    run = save_number(1, history=history)
    stopped = save_number(1, history={"loss": [1.0], "accuracy": [0.1]})
    plots.compared_curves({"ANN": run.history, "CNN": stopped.history})


def test_a_probability_of_0_costs_what_it_costs_in_keras():
    y_true = save_number(1).y_true
    wrong = np.eye(10, dtype=np.float32)[(y_true + 1) % 10]
    run = save_number(1, y_prob=wrong)
    assert run.info["test_loss"] == pytest.approx(-np.log(1e-7))  # Keras' epsilon


# --- damaged files -------------------------------------------------------------------


def forge(folder, name, raw):
    """Replace a file and its checksum, so that only its content can give it away."""
    (folder / name).write_bytes(raw)
    info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    info["files"][name] = hashlib.sha256(raw).hexdigest()
    (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")


def as_npz(path, **arrays):
    np.savez(path, **arrays)
    return path.read_bytes()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "text", "missing"])
def test_a_damaged_file_is_named(name, damage):
    path = save_number(1).folder / name
    raw = path.read_bytes()
    middle = len(raw) // 2
    flipped = raw[:middle] + bytes([raw[middle] ^ 0xFF]) + raw[middle + 1 :]
    damaged = {"truncated": raw[:middle], "flipped": flipped}
    path.write_bytes(damaged.get(damage, b"" if damage == "empty" else b"Not me."))
    if damage == "missing":
        path.unlink()
    assert f"{path} is damaged" in complaint(load_run, "ann")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [b"", b"Not me.", None])
def test_a_damaged_file_of_the_course_is_restored_and_never_deleted(
    name, damage, monkeypatch, tmp_path, home
):
    save_number(1)
    reference = tmp_path / "reference"
    monkeypatch.setattr(runs, "REFERENCE_DIR", reference)
    reference.mkdir()
    (home / "ann").rename(reference / "ann")
    path = reference / "ann" / name
    path.unlink() if damage is None else path.write_bytes(damage)
    message = complaint(load_run, "ann")
    assert f"{path} is damaged" in message
    assert message.endswith("git checkout -- reference/ann")
    assert "elete" not in message and "again" not in message


@pytest.mark.parametrize("field", runs.INFO_FIELDS)
@pytest.mark.parametrize("value", ["missing", None, [1]])
def test_a_field_that_is_missing_or_of_another_kind_is_named(field, value):
    path = save_number(1).folder / "run.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    info[field] = value
    if value == "missing":
        del info[field]
    path.write_text(json.dumps(info), encoding="utf-8")
    message = complaint(load_run, "ann")
    assert f"{path} is damaged" in message and repr(field) in message


@pytest.mark.parametrize("field", ["source", "test_fingerprint"])
def test_a_run_that_does_not_say_its_data_is_damaged(field):
    path = save_number(1).folder / "run.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    del info["data"][field]
    path.write_text(json.dumps(info), encoding="utf-8")
    message = complaint(load_run, "ann")
    assert f"{path} is damaged" in message and field in message


@pytest.mark.parametrize("content", ["[]", "7", "null", '"run"'])
def test_json_that_is_no_dictionary_is_named(content):
    folder = save_number(1).folder
    forge(folder, "history.json", content.encode())
    assert str(folder / "history.json") in complaint(load_run, "ann")
    (folder / "run.json").write_text(content, encoding="utf-8")
    assert str(folder / "run.json") in complaint(load_run, "ann")


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"loss": [1.0]},
        {"loss": [1.0, 2.0], "seconds": [1.0]},
        {"loss": 1.0, "seconds": [1.0]},
    ],
)
def test_a_history_of_uneven_lists_is_named(history):
    folder = save_number(1).folder
    forge(folder, "history.json", json.dumps(history).encode())
    assert str(folder / "history.json") in complaint(load_run, "ann")


@pytest.mark.parametrize(
    "arrays",
    [
        {"y_true": np.arange(8)},
        {"y_true": np.arange(8), "y_prob": ROWS[:7]},
        {"y_true": np.arange(8), "y_prob": ROWS * np.nan},
        {"y_true": np.arange(8) + 3, "y_prob": ROWS},
    ],
)
def test_predictions_that_do_not_fit_are_named(arrays, tmp_path):
    folder = save_number(1).folder
    forge(folder, "predictions.npz", as_npz(tmp_path / "other.npz", **arrays))
    assert str(folder / "predictions.npz") in complaint(load_run, "ann")


def test_a_single_array_is_no_npz(tmp_path):
    folder = save_number(1).folder
    np.save(tmp_path / "array.npy", ROWS)
    forge(folder, "predictions.npz", (tmp_path / "array.npy").read_bytes())
    assert str(folder / "predictions.npz") in complaint(load_run, "ann")


def test_pickled_predictions_are_never_opened(tmp_path):
    folder, trace = save_number(1).folder, tmp_path / "the pickle ran"
    evil = np.array([WritesAFile(trace)], dtype=object)
    pickled = as_npz(tmp_path / "evil.npz", y_true=np.arange(8), y_prob=evil)
    for raw in (pickled, pickle.dumps(WritesAFile(trace))):
        forge(folder, "predictions.npz", raw)
        assert str(folder / "predictions.npz") in complaint(load_run, "ann")
    assert not trace.exists()


# --- killed while saving -------------------------------------------------------------


FILE_EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}


def save_and_die(number, at_step):
    """Save a run; die without a word before the given step that touches a file."""
    steps = iter(range(1, at_step))

    def count(event, arguments):
        # Opening Python's own files is no step of a save.
        elsewhere = event == "open" and os.environ["RUNS_DIR"] not in str(arguments[0])
        if event in FILE_EVENTS and not elsewhere and next(steps, None) is None:
            os._exit(9)

    sys.addaudithook(count)
    save_number(number)
    os._exit(0)


def be_killed(times):
    """Save again and again, and die in the middle; after each death wait for a line.

    The savers finish none, one or two runs before the one that they die in.
    """
    rng = random.Random(0)
    for attempt in range(1, times + 1):
        if (writer := os.fork()) == 0:
            for number in range(attempt % 3):
                save_number(100 * attempt + number)
            save_and_die(100 * attempt + 50, at_step=rng.randint(1, 20))
        os.waitpid(writer, 0)
        print(attempt, flush=True)
        sys.stdin.readline()


@posix
@pytest.mark.slow
def test_a_reader_sees_the_old_run_or_the_new_one_while_savers_are_killed(home):
    seen = [number_of(save_number(1))]
    child = start("be_killed", 40)
    deaths, finished = queue.SimpleQueue(), object()

    def listen():
        for line in child.stdout:
            deaths.put(int(line))
        deaths.put(finished)

    threading.Thread(target=listen, daemon=True).start()
    death = None
    while death is not finished:
        seen.append(load_number())
        time.sleep(0.01)  # lest the reader keep the lock to itself
        with contextlib.suppress(queue.Empty):
            death = deaths.get_nowait()
            if death is not finished:
                seen.append(load_number())  # while nobody saves
                finished_saves = death % 3
                if finished_saves:
                    assert seen[-1] >= 100 * death + finished_saves - 1
                child.stdin.write("\n")
                child.stdin.flush()
    output_of(child)
    assert seen == sorted(seen)  # never back to an older one either
    assert len(set(seen)) > 25  # of 40 savers, 26 finished a run before their death
    number_of(save_number(10**7))
    assert load_number() == 10**7
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


def die_at_each_step():
    """Print, for each step at which a save may die, the run that a reader then sees."""
    save_number(0)
    step, status = 0, None
    while status != 0:
        step += 1
        if (writer := os.fork()) == 0:
            save_and_die(step, at_step=step)
        status = os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1])
        print(step, status, load_number())


@posix
@pytest.mark.slow
def test_killed_at_any_step_leaves_the_old_run_or_the_new_one(home):
    lines = output_of(start("die_at_each_step")).splitlines()
    table = np.array([line.split() for line in lines], int)
    steps, statuses, seen = table.T
    assert len(steps) > 15
    assert statuses.tolist() == [9] * (len(steps) - 1) + [0]
    before = np.concatenate([[0], seen[:-1]])
    assert ((seen == before) | (seen == steps)).all()
    # Some of the deaths came too early for the new run and some late enough.
    assert (seen[:-1] == before[:-1]).any() and (seen[:-1] == steps[:-1]).any()
    assert seen[-1] == steps[-1]
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


def test_what_a_killed_save_left_is_cleaned_by_the_next(home):
    save_number(1)
    for end in ("partial", "old"):
        (home / f".ann.{end}").mkdir()
        (home / f".ann.{end}" / "run.json").write_text("{", encoding="utf-8")
    assert load_number() == 1
    save_number(2)
    assert load_number() == 2
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


def test_a_whole_run_that_a_killed_save_left_is_in_nobodys_way(home):
    save_number(1).folder.rename(home / ".ann.whole")  # killed before the last rename
    save_number(2)
    assert load_number() == 2
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


@pytest.mark.parametrize("kind", ["empty", "of another name", "a link", "half"])
def test_what_looks_like_a_saved_run_replaces_none(kind, home, tmp_path):
    """Such as a folder that was unpacked, or synchronised, and not to its end."""
    folder = save_number(1).folder
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    fake = home / ".ann.whole"
    if kind == "empty":
        fake.mkdir()
        (fake / "run.json").touch()
    elif kind == "a link":
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "run.json").touch()
        fake.symlink_to(tmp_path / "elsewhere")
    else:
        shutil.copytree(folder, fake)
        (fake / "history.json").unlink()
        if kind == "of another name":
            shutil.copytree(
                save_number(2, name="other").folder, fake, dirs_exist_ok=True
            )
    assert load_number() == 1
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    save_number(2)
    assert load_number() == 2 and (folder / "notes.txt").exists()


def test_a_damaged_run_that_a_killed_save_left_is_named_if_there_is_no_other(home):
    save_number(1).folder.rename(home / ".ann.whole")
    (home / ".ann.whole" / "history.json").unlink()
    assert ".ann.whole" in complaint(load_run, "ann")


def test_all_files_are_on_the_disk_before_they_take_their_place(home, monkeypatch):
    flushed = []

    def fsync(descriptor):
        assert not (home / "ann").exists()
        flushed.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)
    folder = save_number(1).folder
    assert sorted(flushed) == sorted((folder / name).stat().st_ino for name in FILES)


# --- what is somebody's own ----------------------------------------------------------


def contents(folder):
    """Return all that lies in a folder, but for the lock: paths to bytes."""
    return {
        path.relative_to(folder).as_posix(): path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
        if path.name != runs.LOCK_NAME
    }


def own_folder(place, name="thesis.txt"):
    place.mkdir(parents=True)
    (place / name).write_text("my work", encoding="utf-8")


def link_to_own_folder(place):
    own_folder(place.with_name("elsewhere"))
    place.symlink_to(place.with_name("elsewhere"))


def killed_before_its_renames(number):
    """Leave what a save leaves that is killed as soon as the run is whole."""
    folder = save_number(number, "other").folder
    info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps(info | {"name": "ann"}), "utf-8")
    folder.rename(folder.with_name(".ann.whole"))


OWN = {
    "a folder": own_folder,
    "a file": lambda place: place.write_text("my work", encoding="utf-8"),
    "a model": lambda place: own_folder(place, "model.keras"),
    "a history": lambda place: own_folder(place, "history.json"),
    "a hidden file": lambda place: own_folder(place, ".hidden"),
    "a link": link_to_own_folder,
    "a link to nothing": lambda place: place.symlink_to("nothing"),
}


@posix
@pytest.mark.parametrize("kind", OWN)
def test_what_is_no_run_is_never_replaced(kind, home):
    home.mkdir()
    OWN[kind](home / "ann")
    before = contents(home)
    message = complaint(save_number, 1)
    assert str(home / "ann") in message
    assert "Move it elsewhere or choose another name" in message
    assert contents(home) == before
    assert number_of(save_number(1, "mine")) == 1  # nothing of the training is lost
    # Nor is anybody who loads it told to delete it, or that training again will do.
    message = complaint(load_run, "ann")
    assert (
        "elete" not in message
        and f"move the folder {home / 'ann'} elsewhere" in message
    )
    # A save that was killed is not finished over it either.
    killed_before_its_renames(2)
    assert load_number() == 2
    assert before.items() <= contents(home).items()


def checkpoints(place):
    (place / "epochs").mkdir(parents=True)
    (place / "best.keras").write_text("kept", encoding="utf-8")
    (place / "epochs" / "01.weights.h5").write_text("kept", encoding="utf-8")


@pytest.mark.parametrize("killed_after", [None, "best.keras", "epochs"])
def test_what_a_training_left_in_its_place_is_taken_along(
    killed_after, home, monkeypatch
):
    """A ModelCheckpoint may write into runs/ann before there is a run."""
    runs.check_free("ann")
    checkpoints(home / "ann")
    runs.check_free("ann")  # whoever runs the cell of the settings again goes on, too
    if killed_after:
        rename = run_store.rename

        def killed(source, target):
            rename(source, target)
            if source.name == killed_after:
                raise MemoryError

        with monkeypatch.context() as late:
            late.setattr(run_store, "rename", killed)
            with contextlib.suppress(MemoryError):
                save_number(1)
        assert load_number() == 1
        save_number(2)
    number = 2 if killed_after else number_of(save_number(1))
    assert load_number() == number
    there = contents(home)
    assert there["ann/best.keras"] == there["ann/epochs/01.weights.h5"]
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


@pytest.mark.parametrize("name", ["model.keras", "history.json"])
def test_a_file_of_a_runs_name_is_no_runs_to_replace(name, home):
    """Though the place was free: it may be the model of another training."""
    runs.check_free("ann")
    own_folder(home / "ann", name)
    assert "Move it elsewhere" in complaint(save_number, 1)
    assert (home / "ann" / name).read_text(encoding="utf-8") == "my work"


def test_the_test_digits_are_named_whatever_was_trained_on(home, capsys):
    run, other = save_number(1), save_number(2, "mine")
    for each, mark in ((run, "9eafd4ac5f7f7591"), (other, "c3f9adf9c66efb57")):
        each.info["data"] |= {"source": "your own data", "test_fingerprint": mark}
    runs.seeds_beside({"ANN": [other]}, run)
    assert "above were tested on sample: other digits" in capsys.readouterr().out
    with pytest.raises(RunError, match="tested on sample and mine on full MNIST:"):
        check_comparable(run, other)


def test_what_fit_returned_is_a_history(home):
    returned = SimpleNamespace(history={"loss": [1]}, params={}, epoch=[0])
    assert save_number(1, history=returned).history["loss"] == [1]
    message = complaint(save_number, 2, history=None)
    assert "is None: no training has ended" in message and "model.history" in message


@pytest.mark.parametrize("damage", ["half", "history", "all"])
def test_a_damaged_run_is_replaced(damage, home):
    folder = save_number(1).folder
    if damage == "half":
        (folder / "run.json").write_text("{", encoding="utf-8")
    else:
        names = ["history.json"] if damage == "history" else FILES
        for name in names:
            (folder / name).unlink()
    assert "Run ANN_Model.ipynb again" in complaint(load_run, "ann")
    save_number(2)
    assert load_number() == 2


def test_what_lies_beside_the_files_of_a_run_stays_there(home):
    save_number(1)
    for place in (home / "ann" / "notes.txt", home / "ann" / "figures" / "curve.txt"):
        place.parent.mkdir(exist_ok=True)
        place.write_text("mine", encoding="utf-8")
    save_number(2)
    assert load_number() == 2
    assert contents(home)["ann/notes.txt"] == contents(home)["ann/figures/curve.txt"]
    # Killed before the renames: whoever comes next takes it along.
    killed_before_its_renames(3)
    assert load_number() == 3
    assert contents(home)["ann/notes.txt"] == b"mine"
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


@posix
def test_a_link_to_a_run_is_replaced_and_what_it_leads_to_is_not(home, tmp_path):
    save_number(1).folder.rename(tmp_path / "kept")
    (tmp_path / "kept" / "notes.txt").touch()
    (home / "ann").symlink_to(tmp_path / "kept")
    before = contents(tmp_path / "kept")
    save_number(2)
    assert load_number() == 2 and not (home / "ann").is_symlink()
    assert contents(tmp_path / "kept") == before


@pytest.mark.parametrize(
    "typed",
    [
        "reference",
        "labs/../reference",
        "reference/new",
        ".",
        "tests",
        "utils",
        "build/slides",
        "build/book/runs",
        ".git/runs",
        "{link}",
    ],
)
def test_no_run_is_saved_among_the_courses_files(typed, monkeypatch, tmp_path, request):
    if "{link}" in typed:
        if os.name == "nt":
            return
        (tmp_path / "link").symlink_to(COURSE_DIR)
    typed = typed.format(link=tmp_path / "link" / "reference")
    monkeypatch.setenv("RUNS_DIR", typed)
    place = runs.runs_dir()
    request.addfinalizer(lambda: shutil.rmtree(place / "of-a-test", True))
    request.addfinalizer(lambda: (place / runs.LOCK_NAME).unlink(missing_ok=True))
    message = complaint(save_number, 1, "of-a-test")
    assert "RUNS_DIR" in message and "belongs to the course" in message
    assert not (place / "of-a-test").exists()


@posix
@pytest.mark.parametrize("way", ["RUNS_DIR", "a link", "a linked run", "folder="])
def test_a_run_of_the_course_is_known_by_any_path(way, home, tmp_path, monkeypatch):
    reference = tmp_path / "reference"
    save_number(1).folder.rename(tmp_path / "ann")
    reference.mkdir()
    (tmp_path / "ann").rename(reference / "ann")
    monkeypatch.chdir(tmp_path)
    named = {}
    if way == "RUNS_DIR":
        monkeypatch.setenv("RUNS_DIR", str(home / ".." / "reference"))
    elif way == "folder=":
        named["folder"] = "reference"
    else:
        source = home / "ann" if way == "a linked run" else tmp_path / "link"
        source.symlink_to(reference / "ann" if way == "a linked run" else reference)
        monkeypatch.setenv("RUNS_DIR", str(home if "run" in way else source))
    assert load_run("ann", **named).origin == "reference run"
    (reference / "ann" / "history.json").write_bytes(b"{}")
    message = complaint(load_run, "ann", **named)
    assert "git checkout -- reference/ann" in message
    assert "elete" not in message and "again" not in message
    assert not (reference / runs.LOCK_NAME).exists()


def test_a_run_that_was_saved_while_the_clock_was_wrong_is_loaded():
    path = save_number(1).folder / "run.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    info["created"] = "2099-01-01T00:00:00+00:00"
    path.write_text(json.dumps(info), encoding="utf-8")
    assert load_number() == 1


# --- two at once ---------------------------------------------------------------------


def save_many(first, times):
    """Say so when ready to begin, wait for a line, then save so many runs."""
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(first, first + times):
        number_of(save_number(number))
        time.sleep(0.01)  # lest one process keep the lock to itself


@pytest.mark.slow
def test_two_processes_that_save_the_same_run_do_not_harm_each_other(home):
    save_number(1)
    children = [start("save_many", first, 25) for first in (1000, 2000)]
    for child in children:
        assert child.stdout.readline() == "ready\n", child.communicate()
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    while any(child.poll() is None for child in children):
        load_number()
        time.sleep(0.01)
    for child in children:
        output_of(child)
    assert load_number() in (1024, 2024)
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


# --- no room, no permission ----------------------------------------------------------


def save_without_room(limits):
    """Print what happens to a save while no file may grow beyond a number of bytes."""
    import resource

    unlimited = resource.RLIM_INFINITY
    for limit in limits:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited))
        try:
            save_number(2)
            message = "saved"
        except RunError as error:
            message = str(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
        print(load_number(), message)


def test_a_model_that_is_too_large_is_said_so(home, monkeypatch):
    save_number(1)
    monkeypatch.setitem(LARGEST, "model.keras", 1500)
    message = complaint(save_number, 2000)
    assert "its model.keras is too large: 4,000 bytes" in message
    assert "fewer parameters" in message and "partial" not in message
    monkeypatch.undo()
    assert list(home.glob(".ann*")) == []


def test_facts_of_a_run_that_is_gone_say_so():
    run = save_number(1)
    shutil.rmtree(run.folder)
    for ask in (run.facts, run.load_model):
        message = complaint(ask)
        assert str(run.folder / "model.keras") in message and "again" in message


@posix
def test_without_room_the_older_run_stays_and_the_error_names_runs_dir(home):
    folder = save_number(1).folder
    # One byte too few for each of the four files.
    limits = [0, *(path.stat().st_size - 1 for path in folder.iterdir())]
    lines = output_of(start("save_without_room", limits)).splitlines()
    assert len(lines) == 5
    for line in lines:
        assert line.startswith(f"1 The run cannot be saved in {home}: File too large")
        assert "RUNS_DIR" in line
    save_number(2)
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


def without_capabilities():
    if sys.platform == "linux":
        # Root may write everywhere; without its capabilities (version 3: 0x20080522,
        # none kept) it is bound by permission bits as everybody is.
        version_and_pid = (ctypes.c_uint32 * 2)(0x20080522, 0)
        ctypes.CDLL(None).capset(version_and_pid, (ctypes.c_uint32 * 6)())


def save_without_rights(home):
    """Print what happens in a folder that may be read but not written."""
    without_capabilities()
    for place in (home, os.path.join(home, "new")):
        os.environ["RUNS_DIR"] = place
        try:
            save_number(2)
        except RunError as error:
            print(error)
    os.environ["RUNS_DIR"] = home
    print(load_number())


@posix
def test_a_read_only_folder_is_readable_and_the_error_names_runs_dir(home):
    save_number(1)
    (home / runs.LOCK_NAME).unlink(missing_ok=True)
    home.chmod(0o555)
    try:
        lines = output_of(start("save_without_rights", str(home))).splitlines()
    finally:
        home.chmod(0o755)
    assert len(lines) == 3 and lines[2] == "1"
    for line, place in zip(lines, (home, home / "new"), strict=False):
        assert line.startswith(f"The run cannot be saved in {place}: Permission denied")
        assert "RUNS_DIR" in line


def test_runs_dir_may_not_be_a_file(home):
    home.write_text("in the way", encoding="utf-8")
    assert "RUNS_DIR" in complaint(save_number, 1)
    assert home.read_text(encoding="utf-8") == "in the way"


@posix
@pytest.mark.parametrize("kind", ["a file", "below a file", "a circle", "too long"])
def test_a_runs_dir_that_can_be_no_folder_is_named_by_whoever_loads(
    kind, home, monkeypatch
):
    if kind == "a circle":
        home.symlink_to(home)
    elif kind != "too long":
        home.write_text("in the way", encoding="utf-8")
    places = {"below a file": home / "runs", "too long": home.with_name("a" * 300)}
    place = places.get(kind, home)
    monkeypatch.setenv("RUNS_DIR", str(place))
    for ask in (lambda: load_run("ann"), list_runs, lambda: save_number(1)):
        message = complaint(ask)
        assert str(place) in message and "RUNS_DIR" in message


@pytest.mark.parametrize("quotes", ["''", '""', "“”", "„“"])
def test_quotes_that_a_shell_would_take_off_are_no_part_of_runs_dir(
    quotes, home, monkeypatch
):
    monkeypatch.setenv("RUNS_DIR", quotes[0] + str(home) + quotes[1])
    assert runs.runs_dir() == home
    monkeypatch.setenv("RUNS_DIR", quotes)
    assert runs.runs_dir() == runs.COURSE_DIR / "runs"


@pytest.mark.parametrize(
    "typed, why",
    [
        ('"{}', "quotation mark"),
        ("{}”", "quotation mark"),
        ("{} # mine", "# mine is a part"),
        ("file://{}", "an address"),
        ("= {}", "begins with ="),
        ("None", "no folder"),
        ("$(pwd)/runs", "$(pwd) is not carried out"),
        ("${{NOPE}}/runs", "${NOPE} is not set"),
        ("{{HOME}}/runs", "{HOME} is not filled in"),
        pytest.param(
            "C:/Users/me/runs", "no drives", marks=posix, id="a drive of Windows"
        ),
    ],
)
def test_what_is_left_in_runs_dir_of_how_it_was_typed_is_named(
    typed, why, home, monkeypatch
):
    """Or a folder of a strange name would be made, and its runs be sought elsewhere."""
    monkeypatch.delenv("NOPE", raising=False)
    monkeypatch.setenv("RUNS_DIR", typed.format(home))
    for ask in (list_runs, partial(runs.check_free, "ann")):
        assert why in complaint(ask)
    assert not home.exists()


@pytest.mark.parametrize("name", ["Zoe's runs", "C#", "50 % of {it}", "a=b"])
def test_a_folder_may_have_a_name_of_its_own(name, home, monkeypatch):
    (home / name).mkdir(parents=True)
    for place in (home / name, home / name / "runs"):
        monkeypatch.setenv("RUNS_DIR", str(place))
        assert runs.runs_dir() == place


def test_a_folder_that_takes_no_run_is_named_before_anything_is_trained(
    home, monkeypatch
):
    home.write_text("in the way", encoding="utf-8")
    assert str(home) in complaint(runs.check_free, "ann")
    monkeypatch.setenv("RUNS_DIR", "/proc/runs" if os.name == "posix" else "nul/runs")
    assert "RUNS_DIR" in complaint(runs.check_free, "ann")


def test_a_folder_of_runs_is_no_damaged_run(home):
    save_number(1).folder.rename(home / "moved")
    (home / "group").mkdir()
    (home / "moved").rename(home / "group" / "ann")
    assert "There is no run 'group'" in complaint(load_run, "group")


def test_a_training_that_diverged_is_called_that():
    assert "diverges" in complaint(save_number, 1, y_prob=ROWS * np.nan)


def test_a_home_of_nobody_is_named(monkeypatch):
    monkeypatch.setenv("RUNS_DIR", "~nobody-of-this-name/runs")
    for ask in (lambda: load_run("ann"), list_runs, lambda: save_number(1)):
        assert "RUNS_DIR is '~nobody-of-this-name/runs'" in complaint(ask)


def load_without_rights(*places):
    """Print what whoever may not enter a folder is told."""
    without_capabilities()
    for place in places:
        os.environ["RUNS_DIR"] = place
        for ask in (lambda: load_run("ann"), list_runs):
            try:
                print(ask())
            except RunError as error:
                print(error)


@posix
def test_runs_that_may_not_be_read_are_not_said_to_be_none(home):
    save_number(1)
    closed = home.with_name("closed")
    (closed / "runs").mkdir(parents=True)
    home.chmod(0o600)
    closed.chmod(0o000)
    try:
        child = start("load_without_rights", str(home), str(closed / "runs"))
        lines = output_of(child).splitlines()
    finally:
        home.chmod(0o755)
        closed.chmod(0o755)
    assert len(lines) == 4
    for line, place in zip(lines, [home, home, closed, closed], strict=True):
        assert line.startswith(f"The runs in {place}") and "Permission denied" in line


def test_runs_dir_may_begin_with_a_tilde(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("RUNS_DIR", os.path.join("~", "mine"))
    assert save_number(1).folder == home / "mine" / "ann"


def test_a_save_that_waits_for_ever_says_so(home, monkeypatch):
    from filelock import FileLock

    save_number(1)
    monkeypatch.setattr(runs, "LOCK_SECONDS", 0.1)
    with FileLock(home / runs.LOCK_NAME):
        assert "locked" in complaint(load_run, "ann")
        assert "Shut down the other notebooks" in complaint(save_number, 2)
    assert load_number() == 1


# --- what happens between training and saving -----------------------------------------


def real_digits(labels=range(10), n=200):
    """Digits as they are loaded, with a line of their own for each label."""
    from utils.data import _checked

    y = np.resize(np.array(labels, np.uint8), n)
    x = np.zeros((n, 28, 28), np.uint8)
    x[np.arange(n), 2 * y + 4] = np.arange(n)[:, None] % 200 + 50
    arrays = {"x_train": x, "y_train": y, "x_test": x[:, ::-1], "y_test": y}
    return _checked({name: a.copy() for name, a in arrays.items()}, "made up")


def test_a_run_says_of_which_digits_it_really_is(home):
    digits = real_digits()
    y = digits.y_test
    arguments = {
        "model_name": "ANN",
        "model": StandIn(1),
        "history": {"loss": [1]},
        "seconds": [0.5],
        "y_true": y,
        "y_prob": np.eye(10, dtype=np.float32)[y],
        "seed": 1,
    }
    plain = save_run("a", digits=digits, **arguments).info["data"]
    assert plain["test_fingerprint"] == digits.fingerprint
    turned = dataclasses.replace(digits, x_test=255 - digits.x_test)
    assert turned.fingerprint == digits.fingerprint  # what it says of itself is old
    found = save_run("b", digits=turned, **arguments).info["data"]
    assert found["test_fingerprint"] != digits.fingerprint
    assert found["source"] == "your own data"


def test_runs_dir_may_name_a_variable(home, monkeypatch):
    monkeypatch.setenv("STORE", str(home))
    monkeypatch.setenv("RUNS_DIR", os.path.join("$STORE", "mine"))
    assert save_number(1).folder == home / "mine" / "ann"
    for unknown in ("$NOWHERE/runs", "${NO_WHERE}/runs", "%USERPROFIL%/runs"):
        monkeypatch.setenv("RUNS_DIR", unknown)
        assert "is not set" in complaint(save_number, 1)


def test_looking_whether_a_folder_takes_runs_leaves_no_folder_behind(home, monkeypatch):
    monkeypatch.setenv("RUNS_DIR", str(home / "a" / "b" / "c"))
    runs.check_free("ann")
    assert not home.exists()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_predictions_of_mixed_precision_are_saved(home, name):
    import keras

    y_prob = np.random.default_rng(0).dirichlet(np.ones(10), size=8)
    y_prob = keras.ops.convert_to_numpy(keras.ops.cast(y_prob, name))
    run = save_number(1, y_prob=y_prob)
    np.testing.assert_allclose(run.y_prob.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(run.y_prob, y_prob.astype(np.float32), atol=0.01)


def test_a_copy_inside_a_run_hides_it_no_more_than_it_hides_a_new_one(home):
    for name in ("ann", "mine"):
        save_number(1, name)
        shutil.copytree(home / name, home / "copy")
        (home / "copy").rename(home / name / "backup")
        assert load_run(name).info["seed"] == 1
        save_number(2, name)
        assert load_run(name).info["seed"] == 2
