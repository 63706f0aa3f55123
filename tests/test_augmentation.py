"""The lab on augmentation: what it trains on the sample, and what is committed."""

import os
import re

import nbformat
import numpy as np
import pytest
from lab_cells import code
from sklearn.metrics import accuracy_score

from benchmarks import augmentation as bench
from utils.data import load_mnist
from utils.places import COURSE_DIR
from utils.runs import REFERENCE_DIR, load_run


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def lab():
    return nbformat.read(bench.LAB, as_version=4)


@pytest.fixture(scope="module")
def augmented():
    """The run that the lab has just saved."""
    return load_run("cnn-augmented", announce=False, folder=os.environ["RUNS_DIR"])


@pytest.mark.slow
@pytest.mark.maintainers
def test_the_benchmark_trains_each_seed_once(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "BUILD", tmp_path)
    (run,) = bench.train([3], epochs=1)
    assert run.info["seed"] == 3 and run.info["epochs"] == 1
    assert run.folder.parent == tmp_path / "seed3"
    monkeypatch.setattr(bench.remote, "run_notebook", None)
    assert bench.train([3])[0].info == run.info


@pytest.mark.after("Augmentation.ipynb")
def test_the_augmented_cnn_reaches_its_accuracy(augmented):
    # Above the upper limits the test digits would have leaked into the training.
    low, high = {"sample": (0.982, 0.998), "full MNIST": (0.994, 0.9985)}[
        augmented.info["data"]["source"]
    ]
    assert low <= accuracy_score(augmented.y_true, augmented.y_pred) <= high


@pytest.mark.after("Augmentation.ipynb")
def test_the_plain_network_is_saved_and_says_what_was_saved(augmented):
    model = augmented.load_model()
    original = load_run("cnn", announce=False, folder=REFERENCE_DIR).load_model()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [type(layer).__name__ for layer in original.layers]
    x = load_mnist().x_test.astype("float32")[..., None] / 255
    y_pred = model.predict(x, batch_size=1000, verbose=0).argmax(axis=1)
    assert (y_pred == augmented.y_pred).all()


def test_without_comparisons_one_network_is_trained(lab):
    def trainings(notebook):
        return sum(cell.source.count("= train(") for cell in code_cells(notebook))

    kept = bench.without_comparisons(nbformat.read(bench.LAB, as_version=4))
    assert trainings(lab) == 4  # two of them in a loop over "without" and "with"
    assert trainings(kept) == 1


def test_the_lab_says_what_label_smoothing_does(lab):
    import keras  # here: else each process of `-m maintainers` imports TensorFlow

    prose = "\n".join(c.source for c in lab.cells if c.cell_type == "markdown")
    said = re.search(r"as (\d+) % a 4 and (\d+) % each [^$]*? costs ([\d.]+),", prose)
    (smoothing,) = re.findall(r"label_smoothing=([\d.]+)\)", code(bench.LAB.name))
    label = np.full(10, float(smoothing) / 10)  # Szegedy and others, 2016
    label[4] += 1 - float(smoothing)
    entropy = -np.sum(label * np.log(label))
    assert said.groups() == (
        *(f"{100 * p:.0f}" for p in (label[4], label[0])),
        f"{entropy:.2f}",
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=float(smoothing))
    assert float(loss(np.eye(10)[[4]], label[np.newaxis])) == pytest.approx(entropy)


def test_the_lab_copies_no_architecture():
    source = code(bench.LAB.name)
    assert "clone_model" in source
    assert not re.search(r"\b(Conv2D|Dense)\(", source)


# What is committed: one seed in the lab, three in the table of benchmarks/README.md.


@pytest.fixture(scope="module")
def rows():
    text = (COURSE_DIR / "benchmarks" / "README.md").read_text(encoding="utf-8")
    part = text.split("<!-- augmentation -->")[1].split("<!-- /augmentation -->")[0]
    return re.findall(r"\| (\d+) \| \d+ \| (\d+) s \| ([\d.]+)% \|", part), part


@pytest.mark.committed
def test_three_seeds_reach_their_accuracy_each_within_five_minutes(rows):
    found, part = rows
    assert [int(seed) for seed, _, _ in found] == [0, 1, 2]
    assert all(int(seconds) <= 300 for _, seconds, _ in found)
    mean = sum(float(accuracy) for *_, accuracy in found) / 3
    assert f"| mean | | | {mean:.3f}% |" in part
    assert mean >= 99.6


@pytest.mark.committed
def test_the_lab_shows_the_first_of_the_seeds(lab, rows):
    printed = "".join(o.get("text", "") for c in code_cells(lab) for o in c.outputs)
    (accuracy,) = re.findall(r"saved cnn-augmented: ([\d.]+)% of the test", printed)
    assert accuracy == rows[0][0][2]
