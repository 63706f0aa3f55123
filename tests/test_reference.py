"""The shipped runs: made from the notebooks, small, and whole at any moment."""

import hashlib
import json
import os
import zipfile
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from stand_ins import StandIn

from benchmarks import time_to_accuracy as bench
from tools import reference, remote
from utils import controls, corruptions, data, runs
from utils.places import COURSE_DIR

N = 30


@pytest.fixture
def digits():
    rng = np.random.default_rng(0)
    x = rng.integers(256, size=(2 * N, 28, 28), dtype=np.uint8)
    y = np.arange(2 * N).astype(np.uint8) % 10
    fingerprint = data.fingerprint(x[N:], y[N:])
    return data.Digits(x[:N], y[:N], x[N:], y[N:], "your own data", fingerprint)


@pytest.fixture
def course(tmp_path, monkeypatch, digits):
    """A course without reference runs, whose notebooks save runs at once.

    Seed s misreads the test digit s, and no other.
    """
    monkeypatch.setattr(runs, "REFERENCE_DIR", tmp_path / "reference")
    monkeypatch.setattr(reference, "BUILD", tmp_path / "build")
    monkeypatch.setattr(data, "SHIPPED_DIGITS", tmp_path / "reference" / "digits.npz")
    monkeypatch.setattr(data, "load_mnist", lambda choice=None: digits)
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "build"))
    executed = []

    def run_notebook(notebook, run_name, parameters, folder):
        seed, name = parameters["SEED"], run_name.split("-seed")[0]
        executed.append((name, seed))
        answers, stress = digits.y_test.copy(), None
        answers[seed] = (answers[seed] + 1) % 10
        if "TRAIN" in parameters:  # a control
            assert parameters["TRAIN"] == [name]
            stress = dict.fromkeys(corruptions.SEVERITIES, np.eye(2, N, dtype=bool))
            stress["uci"] = np.ones((1, 9), bool)
        run = runs.save_run(
            run_name,
            model_name=name[:3].upper(),
            model=StandIn(),
            history={"loss": [1.0, 0.5]},
            seconds=[1.0, 1.0],
            y_true=digits.y_test,
            y_prob=0.5 * np.eye(10)[answers] + 0.05,
            seed=seed,
            digits=digits,
            stress=stress,
        )
        return run.folder

    monkeypatch.setattr(remote, "run_notebook", run_notebook)
    monkeypatch.setattr(reference, "slim_model", lambda folder: None)
    return SimpleNamespace(folder=tmp_path / "reference", executed=executed)


def test_all_seeds_of_both_models_are_trained_and_ordered(course):
    reference.train(2)
    assert course.executed == [("ann", 0), ("cnn", 0), ("ann", 1), ("cnn", 1)]
    assert runs.list_runs(course.folder) == ["ann", "ann-seed1", "cnn", "cnn-seed1"]
    found = runs.load_seeds("cnn")
    assert [run.name for run in found] == ["cnn", "cnn-seed1"]
    assert [run.info["seed"] for run in found] == [0, 1]
    assert runs.load_seeds("other") == []


def test_only_seed_0_keeps_its_model(course):
    reference.train(2)
    kept = {p.parent.name for p in course.folder.glob("*/model.keras")}
    assert kept == {"ann", "cnn"}
    first, second = runs.load_seeds("ann")
    assert first.model_file and not second.model_file


def test_what_is_there_is_not_trained_again_unless_forced(course, capsys):
    reference.train(1)
    del course.executed[:]
    reference.train(2)
    assert course.executed == [("ann", 1), ("cnn", 1)]
    assert "[1/4] ann: there already" in capsys.readouterr().out
    reference.train(1, force=True)
    assert course.executed[2:] == [("ann", 0), ("cnn", 0)]


def test_a_damaged_run_is_trained_again(course):
    reference.train(1)
    (course.folder / "ann" / "predictions.npz").write_bytes(b"half")
    del course.executed[:]
    reference.train(1)
    assert course.executed == [("ann", 0)]
    assert reference.is_whole("ann")


def test_a_run_without_its_model_is_whole_at_any_moment(course, monkeypatch):
    folder = remote.run_notebook(*reference.training("ann", 0))
    before = json.loads((folder / "run.json").read_text())
    # Killed after the description was renewed, before the file went:
    reference.renew_info(folder, without="model.keras")
    run = runs.load_run("ann", announce=False)
    assert run.model_file is None and (folder / "model.keras").exists()
    reference.drop_model(folder)
    assert not (folder / "model.keras").exists()
    after = runs.load_run("ann", announce=False).info
    del before["files"]["model.keras"]
    assert after == before


def test_a_run_with_a_smaller_model_says_so(course):
    folder = remote.run_notebook(*reference.training("ann", 0))
    (folder / "model.keras").write_bytes(b"small")
    assert not reference.is_whole("ann")
    reference.renew_info(folder)
    digest = runs.load_run("ann", announce=False).info["files"]["model.keras"]
    assert digest == hashlib.sha256(b"small").hexdigest()


def test_shipped_digits_are_those_misread_and_those_drawn(course, digits, monkeypatch):
    monkeypatch.setattr(data, "stress_digits", lambda n: np.array([5, 9]))
    reference.train(3)
    reference.make_digits()
    with np.load(data.SHIPPED_DIGITS) as file:
        assert file["index"].tolist() == [0, 1, 2, 5, 9]
        assert (file["images"] == digits.x_test[file["index"]]).all()
        assert str(file["fingerprint"]) == digits.fingerprint


def test_digits_are_made_of_the_right_data_only(course, digits, monkeypatch):
    with pytest.raises(runs.RunError, match=r"tools\.reference train"):
        reference.make_digits()
    reference.train(1)
    train = (digits.x_train, digits.y_train)
    other = data.Digits(*train, *train, "sample", "0" * 16)
    monkeypatch.setattr(data, "load_mnist", lambda choice=None: other)
    with pytest.raises(data.DataError, match="MNIST_DATA"):
        reference.make_digits()
    assert not data.SHIPPED_DIGITS.exists()


def test_the_command_line(course, capsys):
    assert reference.main(["digits"]) == 1
    assert "tools.reference train" in capsys.readouterr().err
    assert reference.main(["train", "--seeds", "1"]) == 0
    assert [each for each in course.executed if len(each[0]) == 3] == [
        ("ann", 0),
        ("cnn", 0),
    ]
    assert set(runs.load_controls()) == {
        name for pair in controls.PAIRS.values() for name in pair
    }
    assert data.SHIPPED_DIGITS.exists()
    assert "0.1 MB of 9 MB" in capsys.readouterr().out


def test_runs_on_other_digits_are_kept_apart(course, digits, capsys):
    with pytest.raises(runs.RunError, match="git checkout -- reference"):
        runs.seeds_beside({"ANN": [], "CNN": []}, None)
    reference.train(1)
    seeds = {"ANN": runs.load_seeds("ann"), "CNN": runs.load_seeds("cnn")}
    run = seeds["ANN"][0]
    assert runs.seeds_beside(seeds, run) == seeds
    assert "1 of the ANN and 1 of the CNN" in capsys.readouterr().out
    other = {"source": "sample", "test_fingerprint": "0" * 16}
    beside = runs.seeds_beside(seeds, SimpleNamespace(info={"data": other}))
    assert beside == {"ANN": [], "CNN": []}
    assert "never mixed" in capsys.readouterr().out


# --- the controls ---------------------------------------------------------------------


def test_controls_are_trained_once_for_each_seed_and_are_small(course, digits):
    reference.train_controls(2)
    assert len(course.executed) == 2 * 10
    found = runs.load_controls()["cnn-shuffled"]
    assert [run.info["seed"] for run in found] == [0, 1]
    assert not any(run.model_file for run in found)
    with np.load(found[0].folder / "predictions.npz") as file:
        assert file["y_prob"].dtype == np.float16
    assert found[0].y_prob.dtype == np.float32
    stress = found[0].load_stress()
    assert stress["noise"].tolist() == np.eye(2, N, dtype=bool).tolist()
    assert found[0].origin == "reference run"
    del course.executed[:]
    reference.train_controls(2)
    assert course.executed == []


def test_a_run_without_a_stress_test_says_so_and_a_damaged_one_how_to_get_it(course):
    reference.train(1)
    with pytest.raises(runs.RunError, match="not tested on damaged digits"):
        runs.load_run("reference/ann").load_stress()
    reference.train_controls(1)
    (run,) = runs.load_controls()["ann-small"]
    (run.folder / "stress.npz").write_bytes(b"PK half a file")
    with pytest.raises(runs.RunError, match="reference/controls/ann-small-seed0"):
        run.load_stress()
    with pytest.raises(runs.RunError, match="git checkout"):
        runs.load_controls()


@pytest.mark.parametrize(("n_bits", "error"), [(11, 1e-3), (8, 4e-3)])
def test_half_floats_leave_answers_and_loss_what_they_were(
    course, digits, n_bits, error
):
    folder = remote.run_notebook(*reference.training("ann", 0))
    before = runs.load_run("ann", announce=False)
    reference.halve_predictions(folder, n_bits)
    after = runs.load_run("ann", announce=False)
    assert (after.y_pred == before.y_pred).all()
    np.testing.assert_allclose(after.y_prob, before.y_prob, rtol=error)


def test_the_lab_is_run_as_far_as_its_training():
    notebook, run_name, parameters, _ = reference.control("ann-small", 2)
    assert run_name == "ann-small-seed2"
    assert parameters == {"SEED": 2, "TRAIN": ["ann-small"]}
    lab = nbformat.read(reference.LAB, as_version=4)
    cut, whole = ("\n".join(c.source for c in nb.cells) for nb in (notebook, lab))
    assert "save_run(" in cut.split("for name in TRAIN:")[1]
    assert "load_controls()" in whole and "load_controls()" not in cut


# --- the images of a known test set --------------------------------------------------


def test_all_images_where_the_data_are_those_of_the_runs(course, digits):
    index, images = data.load_test_images(digits.fingerprint)
    assert (index == np.arange(N)).all() and (images == digits.x_test).all()


def test_shipped_images_where_the_data_are_others(course, digits, monkeypatch, capsys):
    reference.train(2)
    reference.make_digits()
    train = (digits.x_train, digits.y_train)
    other = data.Digits(*train, *train, "sample", "0" * 16)
    monkeypatch.setattr(data, "load_mnist", lambda choice=None: other)
    index, images = data.load_test_images(digits.fingerprint)
    assert (images == digits.x_test[index]).all()
    assert "that the course ships" in capsys.readouterr().out
    with pytest.raises(data.DataError, match="MNIST_DATA"):
        data.load_test_images("f" * 16)
    data.SHIPPED_DIGITS.write_bytes(data.SHIPPED_DIGITS.read_bytes()[:200])
    with pytest.raises(data.DataError, match="damaged"):
        data.load_test_images(digits.fingerprint)


@pytest.mark.parametrize(
    "damage",
    [
        {"index": np.arange(3)},
        {"index": np.arange(N) - 1},
        {"index": np.arange(N) + 10_000},
        {"index": np.arange(N)[::-1]},
        {"index": np.zeros(N, int)},
        {"index": np.arange(N) / 2},
        {"index": np.full(N, "a")},
        {"index": np.array(7)},
        {"images": np.zeros((N, 784), np.uint8)},
        {"images": np.zeros((N, 28, 28))},
    ],
    ids=lambda damage: next(iter(damage)),
)
def test_damaged_shipped_digits_are_named(course, digits, damage):
    data.SHIPPED_DIGITS.parent.mkdir()
    whole = {"index": np.arange(N), "images": digits.x_test, "fingerprint": "f" * 16}
    np.savez(data.SHIPPED_DIGITS, **whole | damage)
    with pytest.raises(data.DataError, match=r"digits\.npz is damaged.*git checkout"):
        data.load_test_images("f" * 16)


def test_shipped_digits_that_are_no_file_are_named(course, capsys):
    with pytest.raises(data.DataError, match="MNIST_DATA"):
        data.load_test_images("f" * 16)
    assert f"{data.SHIPPED_DIGITS} is missing" in capsys.readouterr().out
    data.SHIPPED_DIGITS.parent.mkdir()
    data.SHIPPED_DIGITS.symlink_to(data.SHIPPED_DIGITS)
    with pytest.raises(data.DataError, match=r"digits\.npz.*git checkout"):
        data.load_test_images("f" * 16)


def test_without_any_images_the_error_says_what_to_do(course, monkeypatch):
    def nothing(choice=None):
        raise data.DataError("no network")

    monkeypatch.setattr(data, "load_mnist", nothing)
    with pytest.raises(data.DataError, match="Set MNIST_DATA"):
        data.load_test_images("f" * 16)


def test_the_sample_is_found_whatever_mnist_data_says(monkeypatch):
    sample = next(k for k, name in data.KNOWN_TEST_SETS.items() if name == "sample")
    monkeypatch.setenv("MNIST_DATA", "nowhere")
    index, images = data.load_test_images(sample)
    assert len(index) == len(images) == 1000


def test_stress_digits_are_always_the_same():
    drawn = data.stress_digits(10_000)
    assert len(np.unique(drawn)) == 1000 and (np.diff(drawn) > 0).all()
    assert (drawn == data.stress_digits(10_000)).all()
    # Not from the easier first half only.
    assert 400 < (drawn < 5000).sum() < 600
    assert (data.stress_digits(30) == np.arange(30)).all()


# --- what the course really ships ----------------------------------------------------


@pytest.mark.committed
def test_the_course_ships_five_seeds_and_is_small():
    for name in runs.MODELS:
        found = runs.load_seeds(name)
        assert [run.info["seed"] for run in found] == [0, 1, 2, 3, 4]
        assert [bool(run.model_file) for run in found] == [True, *[False] * 4]
        assert {run.info["data"]["source"] for run in found} == {"full MNIST"}
    assert reference.megabytes() <= reference.MEGABYTES_ALLOWED


@pytest.mark.committed
def test_the_course_ships_three_seeds_of_each_control_without_models():
    found = runs.load_controls()
    assert set(found) == {name for pair in controls.PAIRS.values() for name in pair}
    for name, seeds in found.items():
        assert [run.info["seed"] for run in seeds] == [0, 1, 2], name
        for run in seeds:
            assert run.model_file is None
            assert run.info["data"]["source"] == "full MNIST"
            shapes = {kind: hits.shape for kind, hits in run.load_stress().items()}
            damaged = dict.fromkeys(corruptions.SEVERITIES, (6, 1000))
            assert shapes == damaged | {"uci": (1, 1797)}
            # The harmless first severity is the test digits themselves.
            chosen = data.stress_digits(len(run.y_true))
            right = (run.y_pred == run.y_true)[chosen]
            assert (run.load_stress()["blur"][0] == right).mean() >= 0.998


def test_the_course_ships_the_images_of_all_mistakes():
    seeds = [run for name in runs.MODELS for run in runs.load_seeds(name)]
    with np.load(data.SHIPPED_DIGITS) as file:
        index = file["index"]
        assert str(file["fingerprint"]) == seeds[0].info["data"]["test_fingerprint"]
        assert file["images"].shape == (len(index), 28, 28)
    misread = np.any([run.y_pred != run.y_true for run in seeds], axis=0)
    assert np.isin(np.flatnonzero(misread), index).all()
    assert np.isin(data.stress_digits(10_000), index).all()


# --- models that older Keras can read ------------------------------------------------


def keys_of(config):
    """All keys of a configuration, at any depth."""
    if isinstance(config, dict):
        return set(config).union(*map(keys_of, config.values()))
    return set().union(*map(keys_of, config)) if isinstance(config, list) else set()


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_shipped_models_hold_nothing_that_keras_3_8_does_not_know(name):
    with zipfile.ZipFile(COURSE_DIR / "reference" / name / "model.keras") as file:
        config = json.loads(file.read("config.json"))
    assert "layers" in keys_of(config)
    assert not keys_of(config) & reference.DEFAULTS.keys()


def test_only_defaults_are_left_out_of_a_model(tmp_path):
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3),
            layers.BatchNormalization(renorm=True, renorm_momentum=0.5),
        ]
    )
    path = tmp_path / "model.keras"
    model.save(path)
    reference.leave_out_defaults(path)
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
    left = keys_of(config) & reference.DEFAULTS.keys()
    assert left == {"renorm", "renorm_clipping", "renorm_momentum"}
    x = np.random.default_rng(0).normal(size=(5, 4))
    again = keras.models.load_model(path)
    np.testing.assert_array_equal(again(x), model(x))
    for ours, theirs in zip(again.layers, model.layers, strict=True):
        assert ours.get_config() == theirs.get_config()


@pytest.mark.slow
@pytest.mark.maintainers
@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_a_reference_run_has_the_numbers_that_its_cells_give_without_a_kernel(
    name, tmp_path, monkeypatch
):
    """papermill executes the notebook as for reference/, its model is made smaller.

    The same training, from the same cells, in this process: as the benchmark has it.
    """
    rows, predict = bench.course_notebook(name.upper(), seed=0, epochs=1)
    ((seconds, accuracy),) = rows
    x_test = data.load_mnist().x_test.astype("float32") / 255
    y_prob = predict(x_test)

    monkeypatch.setattr(reference, "BUILD", tmp_path)
    folder = remote.run_notebook(*reference.training(name, seed=0, EPOCHS=1))
    run = runs.load_run(name, announce=False, folder=tmp_path)
    assert folder == run.folder
    np.testing.assert_array_equal(run.y_prob, y_prob)
    assert run.info["test_accuracy"] == pytest.approx(accuracy)
    floor = 0.75 if os.environ["MNIST_DATA"] == "sample" else 0.93
    assert seconds > 0 and accuracy > floor

    before = (folder / "model.keras").stat().st_size
    reference.slim_model(folder)
    assert (folder / "model.keras").stat().st_size < before / 2
    model = runs.load_run(name, announce=False, folder=tmp_path).load_model()
    slim = bench.keras_prediction(model)(x_test[:200])
    np.testing.assert_allclose(slim, run.y_prob[:200], atol=1e-4)
