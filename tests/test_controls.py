"""The controls: what the course ships, and what the notebooks say of them."""

import ast
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from lab_cells import LABS, code, definitions

from utils import controls, runs
from utils.places import COURSE_DIR

LAB = "What_Makes_the_Difference.ipynb"
NAMES = {name for pair in controls.PAIRS.values() for name in pair}


def run(accuracy, noise):
    """A run as far as controls.accuracies() looks at it."""
    hits = {kind: np.tile([[True, True]], (3, 1)) for kind in ("shift", "blur")}
    hits |= {"noise": np.array(noise), "uci": np.array([[True, False, True, True]])}
    return SimpleNamespace(
        info={"test_accuracy": accuracy}, load_stress=lambda: dict(hits)
    )


@pytest.fixture
def measured():
    noise = {"ann": [[1, 1], [1, 1], [1, 1]], "cnn": [[1, 1], [1, 0], [0, 0]]}
    made = {
        name: [
            run(0.98 + 0.01 * (name[:3] == "cnn") + k / 1e4, noise[name[:3]])
            for k in (0, 1)
        ]
        for name in NAMES
    }
    made["cnn-swapped"] = [run(0.97, noise["ann"]), run(0.99, noise["ann"])]
    return controls.accuracies(made)


def test_accuracies_leave_out_the_harmless_severity_and_only_that(measured):
    own = measured["noisy"][controls.AS_IS]
    assert own["ANN"].tolist() == [1, 1]
    assert own["CNN"].tolist() == [0.25, 0.25]
    assert measured["from Istanbul"][controls.AS_IS]["CNN"].tolist() == [0.75, 0.75]
    assert measured["test digits"][controls.AS_IS]["CNN"] == pytest.approx(
        [0.99, 0.9901]
    )


def test_the_table_shows_the_mean_lead_and_its_range(measured):
    table = controls.table(measured)
    assert list(table.index) == list(controls.PAIRS)
    assert table.loc[controls.AS_IS, "test digits"] == "+1.00 (+0.99 to +1.01)"
    assert table.loc[controls.AS_IS, "noisy"] == "-75 (-75 to -75)"


def test_sentences_follow_the_numbers(measured):
    said = controls.describe(measured)
    assert "On the test digits the CNN is ahead by 1.00 points" in said
    some = "ahead in some pairs of trainings, not ahead in others"
    assert f"*both with the ANN's recipe*: {some}" in said
    assert "On noisy digits it is behind by 75 points" in said


# --- what is shipped, and what the prose says of it -----------------------------------


@pytest.fixture(scope="module")
def shipped():
    return controls.accuracies(runs.load_controls())


def leads(shipped, test, pair):
    found = shipped[test][pair]
    return 100 * np.subtract.outer(found["CNN"], found["ANN"])


def test_what_follows_in_section_7_and_in_the_lab_is_so(shipped):
    """Each line is a sentence below the figure of the controls."""
    own, both_ann, both_cnn, small, unshared, shuffled, smoothed = controls.PAIRS
    test, shift = "test digits", "shifted"
    # The lead is not a matter of the recipe, and not of having fewer weights.
    assert (leads(shipped, test, both_ann) > 0).all()
    assert (leads(shipped, test, both_cnn) > 0).all()
    plain, tiny = shipped[test][own]["ANN"], shipped[test][small]["ANN"]
    assert tiny.max() < plain.min()
    # Shuffled pixels leave the ANN as it was and cost the CNN more than its lead.
    assert abs(shipped[test][shuffled]["ANN"].mean() - plain.mean()) < 0.001
    assert (leads(shipped, test, shuffled) < 0).all()
    # Sharing is a part of it, above all where digits move.
    for what in (test, shift):
        without = shipped[what][unshared]["CNN"]
        assert without.max() < shipped[what][own]["CNN"].min()
        assert (leads(shipped, what, unshared) > 0).all()
    lost = leads(shipped, shift, own).mean() - leads(shipped, shift, unshared).mean()
    assert lost > 10
    # Under noise wiring and recipe act together: convolutions are behind with their
    # own recipe, far ahead with the ANN's, and without sharing level with the ANN.
    assert (leads(shipped, "noisy", own) < 0).all()
    assert (leads(shipped, "noisy", both_ann) > 10).all()
    without = leads(shipped, "noisy", unshared)
    assert without.min() < 0 < without.max() and abs(without.mean()) < 2
    shared = shipped["noisy"][own]["CNN"]
    assert shipped["noisy"][unshared]["CNN"].min() > shared.max()
    # With the same recipe for both the ANN is not clearly ahead.
    assert (leads(shipped, "noisy", both_cnn) > 0).any()
    # Under blur the CNN leads when both have the same recipe, clearly with the ANN's
    # and on average with its own; the unequal ones hide that.
    assert (leads(shipped, "blurred", both_ann) > 10).all()
    assert leads(shipped, "blurred", both_cnn).mean() > 0
    assert leads(shipped, "blurred", own).mean() < 0
    # Its own recipe costs the CNN far more digits under noise than the ANN's does.
    calm, fast = (shipped["noisy"][pair]["CNN"] for pair in (both_ann, both_cnn))
    assert calm.min() - fast.max() > 0.2
    # Under a shift the recipe changes little.
    for model, (a, b) in {
        "ANN": (both_ann, both_cnn),
        "CNN": (both_ann, both_cnn),
    }.items():
        means = [shipped[shift][pair][model].mean() for pair in (a, b)]
        assert abs(means[0] - means[1]) < 0.05
    # Smoothing: hardly seen on the test digits, and not in one direction; far behind
    # under noise.
    gains = []
    for model in ("ANN", "CNN"):
        plain, smooth = (shipped[test][pair][model].mean() for pair in (own, smoothed))
        gains.append(smooth - plain)
    assert max(np.abs(gains)) < 0.002 and min(gains) < 0 < max(gains)
    plain, smooth = (shipped["noisy"][pair]["ANN"].mean() for pair in (own, smoothed))
    assert plain - smooth > 0.2
    plain, smooth = (shipped["noisy"][pair]["CNN"].mean() for pair in (own, smoothed))
    assert plain - smooth > 0.03


def test_the_reference_runs_are_as_section_2_says():
    """The best seed against the worst: no test falls for it."""
    from utils.evaluation import mcnemar_test

    for name in ("ann", "cnn"):
        ordered = sorted(runs.load_seeds(name), key=lambda r: r.info["test_accuracy"])
        worst, best = ordered[0], ordered[-1]
        assert mcnemar_test(best.y_true, worst.y_pred, best.y_pred).p_value >= 0.05


# --- the lab --------------------------------------------------------------------------


def calls(source, name):
    """Return the arguments of every call of a function in a program, evaluated."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
            values = [*node.args, *(k.value for k in node.keywords)]
            found.append([v.value for v in values if isinstance(v, ast.Constant)])
    return found


def notebook_code(name):
    cells = nbformat.read(COURSE_DIR / name, as_version=4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "code")


def test_the_lab_trains_with_the_recipes_of_the_notebooks():
    ann, cnn = notebook_code("ANN_Model.ipynb"), notebook_code("CNN_Model.ipynb")
    (lab,) = [
        ast.unparse(node)
        for node in ast.parse(code(LAB)).body
        if isinstance(node, ast.FunctionDef) and node.name == "optimizer"
    ]
    theirs = [*calls(ann, "CosineDecay")[-1:], *calls(cnn, "CosineDecay")[-1:]]
    assert sorted(calls(lab, "CosineDecay")) == sorted(theirs)
    assert sorted(theirs) == [[0.001], [0.003]]
    theirs = [*calls(ann, "AdamW")[-1:], *calls(cnn, "AdamW")]
    assert sorted(calls(lab, "AdamW")) == theirs == [[0.1], [0.3, True]]
    assert "int(0.1 * n_steps)" in cnn and "int(0.1 * steps)" in lab
    assert "0.012 if full else 0.015" in cnn and "0.012 if full else 0.015" in lab
    assert "memory = steps_per_epoch / 4" in cnn
    assert "memory = steps / EPOCHS[recipe] / 4" in lab
    averaged = "use_ema=True, ema_momentum=memory / (memory + 1)"
    assert averaged in cnn and averaged in lab
    assert "25 if len(x_train) > 20_000 else 60" in ann and "11 if full else 20" in cnn
    assert '{"ANN": 25 if full else 60, "CNN": 11 if full else 20}' in code(LAB)
    assert "BatchNormalization(" in cnn and "BatchNormalization(" not in ann
    assert "batch_size = 256" in ann and "batch_size = 256 if full else 128" in cnn
    assert 'BATCH = {"ANN": 256, "CNN": 256 if full else 128}' in code(LAB)


def test_comparison_says_what_else_differs_as_the_notebooks_have_it():
    cells = nbformat.read(COURSE_DIR / "Comparison.ipynb", as_version=4).cells
    (said,) = [c.source for c in cells if "two packages.**" in c.source]
    for fact in (
        "a weight decay of 0.1",
        "falls from 0.003",
        "a decay of 0.3, one cycle up to 0.012",
        "0.015 on the sample, where its batches are half as large",
        "averaged weights",
        "fewer than half the epochs",
        "batch normalisation",
    ):
        assert fact in said
    epochs = {name: runs.load_seeds(name)[0].info["epochs"] for name in ("ann", "cnn")}
    assert epochs["ann"] / 3 < epochs["cnn"] < epochs["ann"] / 2


def test_the_lab_has_a_training_for_each_control_that_is_shipped():
    (found,) = [
        node.value
        for node in ast.parse(code(LAB)).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CONTROLS"
    ]
    assert {key.value for key in found.keys} == NAMES


def test_the_lab_copies_no_architecture():
    source = code(LAB)
    assert "get_config()" in source
    assert "Conv2D(" not in source and "Dense(" not in source


@pytest.mark.parametrize("padding, side", [("same", 3), ("valid", 2)])
def test_each_place_of_an_unshared_layer_has_kernels_of_its_own(padding, side):
    import keras

    lab = definitions(LAB)
    source = next(
        node
        for node in ast.parse(code(LAB)).body
        if isinstance(node, ast.ClassDef) and node.name == "Unshared"
    )
    exec(compile(ast.Module([source], []), LAB, "exec"), lab)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    conv = keras.layers.Conv2D(4, 3, strides=2, padding=padding, use_bias=False)
    expected = np.array(conv(x))
    layer = lab["Unshared"](4, 3, 2, padding)
    found = np.array(layer(x))
    kernels = layer.get_weights()[0]
    assert found.shape == expected.shape == (2, side, side, 4)
    assert kernels.shape == (side**2, 27, 4)
    # Place by place, each with a convolution of its own.
    for place in range(side**2):
        conv.set_weights([kernels[place].reshape(3, 3, 3, 4)])
        expected = np.array(conv(x))
        row, column = divmod(place, side)
        np.testing.assert_allclose(
            found[:, row, column], expected[:, row, column], atol=1e-5
        )


def test_the_lab_is_shown_with_what_it_ships():
    lab = nbformat.read(LABS / LAB, as_version=4)
    text = "".join(str(c.get("outputs", "")) for c in lab.cells)
    table = controls.table(controls.accuracies(runs.load_controls()))
    for row in table.itertuples():
        assert row[1] in text, row


@pytest.mark.parametrize(("ann", "said"), [(0.98, "no pair"), (0.96, "some pairs")])
def test_level_trainings_are_not_ahead(measured, ann, said):
    pair = measured["test digits"]["both with the ANN's recipe"]
    pair["ANN"], pair["CNN"] = np.array([ann, 0.98]), np.array([0.97, 0.98])
    told = controls.describe(measured)
    assert f"*both with the ANN's recipe*: ahead in {said} of trainings" in told


def test_missing_controls_are_named():
    with pytest.raises(runs.RunError, match=r"ann-plain.*Download the course anew"):
        controls.accuracies({})
