"""Comparison.ipynb follows its runs, whichever they are.

The notebook is executed with runs of two small models; which of them is called "ANN"
and which "CNN" is up to each test. (That it runs with the real ones, the right way
round, is what pytest --nbval-lax sees.)
"""

import json
import re
import shutil

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from scipy import stats
from sklearn.metrics import accuracy_score, log_loss

from utils import data, runs
from utils.places import COURSE_DIR

NOTEBOOK = COURSE_DIR / "Comparison.ipynb"
pytestmark = pytest.mark.slow
NO_FIGURES = "from unittest.mock import MagicMock\nplots = MagicMock()"
# What pytest --nbval-lax sees whole: sharp pictures, a thousand damaged digits.
COARSE = "from utils.plots import style\nstyle.STYLE['figure.dpi'] = 50"
FEWER = "x, y = x[:200], y[:200]"
FIRST_NEEDS_RUNS, FIRST_NEEDS_TENSORFLOW = "load_run(ANN_RUN)", "load_model("
LOADED = "import sys\nprint('loaded:', {'keras', 'tensorflow'} & {*sys.modules})"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of runs: weak and strong models of the sample, under several names."""
    import keras
    from keras import layers

    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNS_DIR", str(folder))
        digits = data.load_mnist("sample")
        keras.utils.set_random_seed(0)
        weak = [layers.Flatten(), layers.Dense(10, activation="softmax")]
        strong = [
            layers.Conv2D(8, 5, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
        for names, shape, chosen, epochs in (
            ({"weak": "ANN", "weak-cnn": "CNN"}, (28, 28), weak, 1),
            ({"strong": "CNN", "strong-ann": "ANN"}, (28, 28, 1), strong, 4),
        ):
            model = keras.Sequential([keras.Input(shape), *chosen])
            model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            x_train, x_test = (
                x.reshape(-1, *shape).astype("float32") / 255
                for x in (digits.x_train, digits.x_test)
            )
            history = model.fit(
                x_train,
                digits.y_train,
                validation_split=0.1,
                epochs=epochs,
                verbose=0,
            ).history
            for name, kind in names.items():
                runs.save_run(
                    name,
                    model_name=kind,
                    model=model,
                    history=history,
                    seconds=[1.0 + epochs] * epochs,
                    y_true=digits.y_test,
                    y_prob=model.predict(x_test, verbose=0),
                    seed=0,
                    digits=digits,
                )
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """One kernel for all executions, and the first of them: with what is shipped."""
    place = {"metadata": {"path": COURSE_DIR}}
    client = NotebookClient(new_notebook(), timeout=1500, resources=place)
    with client.setup_kernel():
        yield client, executed(client, tmp_path_factory.mktemp("no runs"))


@pytest.fixture
def kernel(first):
    return first[0]


def executed(kernel, runs_dir, times=1, figures=True, **parameters):
    """Execute the notebook's cells with parameters, in an empty namespace.

    Args:
        kernel: the client of one that runs.
        runs_dir: the folder of runs.
        times: how often each cell is run, in a row.
        figures: whether they are drawn.
        parameters: as the notebook has them.

    Returns:
        list: the code cells with their outputs.
    """
    variables = {"RUNS_DIR": str(runs_dir), "MNIST_DATA": "sample"}
    sources = [f"%reset -f\nimport os\nos.environ.update({variables})"]
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if "parameters" in cell.metadata.get("tags", []):
            sources.append(cell.source)
            sources += [f"{name} = {value!r}" for name, value in parameters.items()]
        elif cell.cell_type == "code":
            # Whether a figure is made again is seen without a picture of it, too.
            again = f"{cell.source}\nNone" if "plots." in cell.source else cell.source
            if FIRST_NEEDS_TENSORFLOW in cell.source:
                sources.append(LOADED)
            sources += [cell.source, *[again] * (times - 1)]
            if "from utils import" in cell.source:
                sources.append(COARSE if figures else NO_FIGURES)
            if "x, y = images[drawn]" in cell.source:
                sources.append(FEWER)
    cells = [new_code_cell(source) for source in sources]
    kernel.nb = new_notebook(cells=cells)
    for index, cell in enumerate(cells):
        kernel.execute_cell(cell, index)
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [o.text for o in outputs if o.get("name") == "stderr"]
    return cells


def texts(cell):
    """Return what a cell printed, and what it showed as Markdown or HTML."""
    shown = [o.get("text", "") for o in cell.outputs]
    for kind in ("text/markdown", "text/html"):
        shown += [o.data[kind] for o in cell.outputs if kind in o.get("data", {})]
    return "\n".join(shown)


def all_texts(cells):
    return "\n".join(texts(cell) for cell in cells)


def verdict_of(cells):
    """Return the verdict's rows: question to (result of a, result of b, mark)."""
    *_, table = (texts(c) for c in cells if c.source.startswith("verdict.table("))
    rows = re.findall(r"<tr>\s*<th>(.*?)</th>(.*?)</tr>", table, re.DOTALL)
    return {
        question: tuple(re.findall(r"<td>(.*?)</td>", values)[:3])
        for question, values in rows
    }


def by_hand(a, b):
    """Compute the main numbers of two runs from their files, without the course."""
    with np.load(a / "predictions.npz") as file:
        y_true, prob_a = file["y_true"], file["y_prob"].astype(float)
    with np.load(b / "predictions.npz") as file:
        prob_b = file["y_prob"].astype(float)
    prob_a, prob_b = (p / p.sum(axis=1, keepdims=True) for p in (prob_a, prob_b))
    right = [prob.argmax(axis=1) == y_true for prob in (prob_a, prob_b)]
    only_a, only_b = (right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum()
    return {
        "accuracy": [
            accuracy_score(y_true, p.argmax(axis=1)) for p in (prob_a, prob_b)
        ],
        "loss": [log_loss(y_true, p) for p in (prob_a, prob_b)],
        "counts": [(right[0] & right[1]).sum(), (~right[0] & ~right[1]).sum()],
        "only": [only_a, only_b],
        "p": stats.binomtest(int(only_a), int(only_a + only_b)).pvalue,
    }


def check_numbers(cells, expected):
    """Compare what the notebook shows with what was computed by hand."""
    rows, said = verdict_of(cells), all_texts(cells)
    assert rows["test accuracy"][:2] == tuple(f"{a:.2%}" for a in expected["accuracy"])
    found = [float(loss) for loss in rows["test loss"][:2]]
    assert found == pytest.approx(expected["loss"], abs=1e-3)
    (both, neither), (only_a, only_b) = expected["counts"], expected["only"]
    assert f"both read {both:,} correctly and {neither:,} wrongly" in said
    assert f"{only_a:,} only the ANN reads correctly, {only_b:,} only the CNN" in said
    difference = 100 * (expected["accuracy"][1] - expected["accuracy"][0])
    assert f"CNN minus ANN: {difference:+.2f} points" in said
    p_text = "p < 0.0001" if expected["p"] < 1e-4 else f"p = {expected['p']:.2g}"
    assert p_text in said


def test_if_the_ann_were_better_the_notebook_would_say_so(home, kernel):
    names = {"ANN_RUN": "strong-ann", "CNN_RUN": "weak-cnn"}
    # The others draw the figures, which know nothing of who is better.
    cells = executed(kernel, home, figures=False, **names)
    expected = by_hand(home / "strong-ann", home / "weak-cnn")
    assert expected["accuracy"][0] > expected["accuracy"][1] and expected["p"] < 1e-4
    check_numbers(cells, expected)
    rows = verdict_of(cells)
    for question in ("test accuracy", "test loss", "damaged digits (shift)"):
        assert rows[question][2] == "ANN", question
    assert rows["parameters"] == ("11,738", "7,850", "CNN")
    said = all_texts(cells)
    assert "So the ANN reads better than the CNN" in said
    assert "The ANN reads these 1,000 test digits better than the CNN" in said
    assert "the CNN reads better" not in said.lower()


def test_of_a_model_and_itself_no_difference_is_shown(home, kernel):
    """And each cell may be run twice in a row: no row is there twice."""
    names = {"ANN_RUN": "strong", "CNN_RUN": "strong"}
    cells = executed(kernel, home, times=2, **names)
    rows, said = verdict_of(cells), all_texts(cells)
    *_, table = (texts(c) for c in cells if c.source.startswith("verdict.table("))
    assert table.count("<th>test accuracy</th>") == 1
    assert table.count("<th>parameters</th>") == 1
    timed = [question for question in rows if question.startswith("time for")]
    shipped = [question for question in rows if "reference" in question]
    assert len(timed) == 2
    for question in rows.keys() - {*timed, *shipped}:
        assert rows[question][2] == "no difference shown", question
    assert "They never differ" in said
    assert "no difference in accuracy is shown" in said
    assert "reads better" not in said


def test_the_shipped_runs_and_digits_are_enough(first):
    _, cells = first
    said = all_texts(cells)
    assert said.count("reference run of") == 2 and "your run" not in said
    assert "of theirs that the course ships" in said
    assert said.count("1,000 digits, same probabilities: True") == 2
    expected = by_hand(runs.REFERENCE_DIR / "ann", runs.REFERENCE_DIR / "cnn")
    check_numbers(cells, expected)
    better = "CNN" if expected["only"][1] > expected["only"][0] else "ANN"
    assert verdict_of(cells)["test accuracy"][2] == better
    assert f"The {better} reads these 10,000 test digits better" in said
    assert "5 of the ANN and 5 of the CNN" in said
    assert "accuracy of the reference runs" in verdict_of(cells)


def test_tensorflow_is_not_needed_before_a_model_is(first):
    """Nor loaded: nothing before in that kernel has asked for it."""
    _, cells = first
    (asked,) = (cell for cell in cells if cell.source == LOADED)
    assert texts(asked) == "loaded: set()\n"


# --- runs that cannot be compared ----------------------------------------------------


def code_before(mark):
    """Return the code of the notebook's cells, as far as the one that holds a mark."""
    code = []
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            if mark in cell.source:
                return "\n".join(code), cell.source
            code.append(cell.source)
    raise AssertionError(f"No cell of {NOTEBOOK.name} holds {mark}.")


def complaint(monkeypatch, runs_dir, reference=None, **parameters):
    """Run the cells that load the runs; return the message of their error."""
    monkeypatch.setenv("RUNS_DIR", str(runs_dir))
    if reference:
        monkeypatch.setattr(runs, "REFERENCE_DIR", reference)
    before, loading = code_before(FIRST_NEEDS_RUNS)
    names = {}
    exec(before, names)
    with pytest.raises(runs.RunError) as caught:
        exec(loading, names | parameters)
    return str(caught.value)


def renamed(run, place):
    """Copy a run to another place, under the name of that place."""
    shutil.copytree(run, place)
    info = json.loads((place / "run.json").read_text(encoding="utf-8"))
    (place / "run.json").write_text(json.dumps(info | {"name": place.name}))


def test_without_any_run_the_notebook_to_run_is_named(tmp_path, monkeypatch):
    message = complaint(monkeypatch, tmp_path / "runs", tmp_path / "reference")
    assert "no run 'ann'" in message and "Open ANN_Model.ipynb" in message


def test_without_one_run_its_notebook_is_named(home, tmp_path, monkeypatch):
    renamed(home / "weak", tmp_path / "ann")
    message = complaint(monkeypatch, tmp_path, tmp_path / "reference")
    assert "no run 'cnn'" in message and "Open CNN_Model.ipynb" in message


@pytest.mark.parametrize("file", ["run.json", "history.json", "predictions.npz"])
def test_a_damaged_run_and_its_notebook_are_named(home, tmp_path, monkeypatch, file):
    renamed(home / "weak", tmp_path / "ann")
    path = tmp_path / "ann" / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message = complaint(monkeypatch, tmp_path)
    assert f"{path} is damaged" in message and "Run ANN_Model.ipynb again" in message


def test_runs_on_different_digits_are_refused(home, tmp_path, monkeypatch):
    # One model trained on the sample, the other one shipped: a likely morning in class.
    renamed(home / "weak", tmp_path / "ann")
    message = complaint(monkeypatch, tmp_path)
    assert "other digits" in message and "sample" in message and "full MNIST" in message
    assert "CNN_Model.ipynb" in message and "MNIST_DATA" in message
    # The way out that needs no training is named, and works.
    asked = re.findall(r"reference/\w+", message)
    assert asked == ["reference/ann", "reference/cnn"]
    before, loading = code_before(FIRST_NEEDS_RUNS)
    names = {}
    exec(before, names)
    names |= dict(zip(("ANN_RUN", "CNN_RUN"), asked, strict=True))
    exec(loading, names)
    assert [run.origin for run in names["runs"].values()] == ["reference run"] * 2
