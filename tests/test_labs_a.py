"""The lab on augmentation keeps its promises on the sample, and in what is committed."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest
from sklearn.metrics import accuracy_score

from utils.data import load_mnist
from utils.runs import REFERENCE_DIR, load_run

ROOT = Path(__file__).parent.parent
AUGMENTATION = ROOT / "labs" / "Augmentation.ipynb"


def code_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def printed(path):
    return "".join(o.get("text", "") for cell in code_of(path) for o in cell.outputs)


@pytest.fixture(scope="module")
def augmented(tmp_path_factory):
    """The run that the lab saves when it is executed on the sample."""
    folder = tmp_path_factory.mktemp("augmented")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNS_DIR", str(folder))
        patch.setenv("MNIST_DATA", "sample")
        papermill.execute_notebook(
            AUGMENTATION, folder / "out.ipynb", cwd=ROOT, progress_bar=False
        )
        return load_run("cnn-augmented", announce=False, folder=folder)


def test_augmentation_reaches_its_accuracy_on_the_sample(augmented):
    assert augmented.info["data"]["source"] == "sample"
    # Above the upper limit the test digits would have leaked into the training.
    assert 0.982 <= accuracy_score(augmented.y_true, augmented.y_pred) <= 0.998


def test_the_run_keeps_the_plain_network(augmented):
    model = augmented.load_model()
    original = load_run("cnn", announce=False, folder=REFERENCE_DIR).load_model()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [type(layer).__name__ for layer in original.layers]
    digits = load_mnist("sample")
    x = digits.x_test.astype("float32")[..., None] / 255
    y_pred = model.predict(x, batch_size=1000, verbose=0).argmax(axis=1)
    assert (y_pred == augmented.y_pred).all()


def test_augmentation_copies_no_architecture():
    source = "\n".join(cell.source for cell in code_of(AUGMENTATION))
    assert "clone_model" in source
    assert not re.search(r"\b(Conv2D|Dense)\(", source)


def test_the_committed_augmentation_reaches_its_accuracy_on_the_full_data():
    (accuracy,) = re.findall(
        r"CNN with augmentation: ([\d.]+) %", printed(AUGMENTATION)
    )
    assert float(accuracy) >= 99.5
