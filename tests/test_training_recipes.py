"""The lab on training recipes: what its prose says of Keras, and what is committed."""

import re
from itertools import product
from types import SimpleNamespace

import keras
import nbformat
import numpy as np
import pytest
from keras import layers, optimizers
from lab_cells import LABS

OPTIMIZERS = ("SGD, momentum", "Adam", "AdamW")
LAB = LABS / "Training_Recipes.ipynb"


@pytest.fixture(scope="module")
def code():
    cells = nbformat.read(LAB, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def printed(code):
    return "".join(o.get("text", "") for cell in code for o in cell.outputs)


def cell_with(code, text):
    (cell,) = [cell for cell in code if text in cell.source]
    return cell.source


def test_the_schedules_are_what_the_lab_calls_them(code):
    space = {"optimizers": optimizers}
    exec(cell_with(code, "def learning_rate("), space)

    def rates(schedule):
        rate = space["learning_rate"](schedule, 2.0, 100)
        return np.array([float(rate(step)) for step in range(101)])

    cosine, cycle = rates("cosine"), rates("one cycle")
    # The half cosine of Loshchilov and Hutter (2017), written down independently.
    by_hand = 1 + np.cos(np.pi * np.arange(101) / 100)
    np.testing.assert_allclose(cosine, by_hand, atol=1e-5)
    assert cycle.argmax() == 30 and cycle.max() == pytest.approx(2)
    assert cycle[0] == pytest.approx(2 / 25) and cycle[-1] == pytest.approx(0, abs=1e-5)
    assert (np.diff(cycle[:31]) > 0).all() and (np.diff(cycle[30:]) < 0).all()
    assert space["learning_rate"]("constant", 2.0, 100) == 2


@pytest.mark.slow
def test_loss_scaling_skips_halves_and_doubles():
    weight = keras.Variable(1.0)
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.5))
    optimizer.build([weight])
    assert float(optimizer.dynamic_scale) == 2**15
    optimizer.apply([keras.ops.array(np.inf)], [weight])
    assert float(weight) == 1  # the step was left out
    assert float(optimizer.dynamic_scale) == 2**14
    optimizer.apply([keras.ops.array(2.0**14)], [weight])  # a gradient of 1, scaled
    assert float(weight) == 0.5
    assert int(optimizer.step_counter) == 1
    optimizer.step_counter.assign(1998)  # as after so many good steps
    for scale in (2**14, 2**15):
        optimizer.apply([keras.ops.array(0.0)], [weight])
        assert float(optimizer.dynamic_scale) == scale


@pytest.mark.committed
def test_every_recipe_was_trained(printed):
    schedules = ("constant", "cosine", "one cycle")
    recipes = [
        *(f"{o} | {s} | float32 | 128" for o, s in product(OPTIMIZERS, schedules)),
        *(f"Adam | one cycle | float32 | {batch}" for batch in (32, 512)),
        *(f"Adam | one cycle | mixed_{kind} | 128" for kind in ("bfloat16", "float16")),
    ]
    for recipe in recipes:
        found = re.findall(
            rf"^{re.escape(recipe)} \| ([\d.]+) %", printed, re.MULTILINE
        )
        assert found, recipe
        if "float16" not in recipe.replace("bfloat16", ""):
            assert float(found[0]) > 90, recipe


@pytest.mark.committed
def test_only_with_batch_normalisation_a_rate_ten_times_too_large_is_forgiven(printed):
    """What CNN_Model says of it, and the lab below these six lines."""
    line = r"^peak rate ([\d.]+), (with|without) batch normalisation: ([\d.]+)%"
    found = re.findall(line, printed, re.MULTILINE)
    reached = {(float(peak), name): float(x) for peak, name, x in found}
    for peak in (0.001, 0.01, 0.1):
        assert reached[peak, "with"] > reached[peak, "without"]
    lost = {name: reached[0.01, name] - reached[0.1, name] for _, name in reached}
    assert lost["with"] < 1 < 3 < lost["without"]


@pytest.mark.committed
def test_gradients_vanish_without_scaling_and_less_with_it(printed):
    line = r"(ANN|CNN), loss × .*?: +([\d.]+)% of the"
    shares = {"ANN": [], "CNN": []}
    for name, share in re.findall(line, printed):
        shares[name].append(float(share))
    for found in shares.values():
        assert len(found) == 4 and found == sorted(found, reverse=True)
    assert shares["ANN"][0] > 2 * shares["ANN"][2] > 0
    assert shares["ANN"][0] > shares["CNN"][0]


@pytest.mark.committed
@pytest.mark.parametrize("name, least", [("dense", 89), ("convolutional", 98.6)])
def test_the_deep_networks_on_large_digits_beat_the_old_ones(printed, name, least):
    found = re.search(rf"^{name}, .* parameters.*\n +([\d.]+) %", printed, re.MULTILINE)
    assert float(found[1]) > least


def test_the_race_copies_no_architecture(code):
    race = code[: [c.source for c in code].index(cell_with(code, "resize = "))]
    assert not any(re.search(r"\b(Conv2D|Dense)\(", cell.source) for cell in race)


@pytest.mark.slow
@pytest.mark.parametrize("norm", [[], [layers.BatchNormalization]])
def test_what_is_said_to_have_batch_normalisation_has_it(code, norm, capsys):
    """CNN_Model invites to remove it, and the lab takes the reader's own network."""

    def network(*parts):
        parts = [layers.Flatten(), *(part() for part in parts), layers.Dense(10)]
        return keras.Sequential([keras.Input((28, 28, 1)), *parts])

    trained = []

    def clone(model, **options):
        trained.append(keras.models.clone_model(model, **options))
        return trained[-1]

    x, y = np.zeros((4, 28, 28, 1), "float32"), np.zeros(4)
    asked, shipped = [], network(layers.BatchNormalization)
    run = SimpleNamespace(load_model=lambda: shipped)
    space = {"layers": layers, "optimizers": optimizers, "SEED": 0, "n_steps": 1}
    space |= {"load_run": lambda name: asked.append(name) or run, "epochs": 1}
    space |= {"saved": network(*norm), "few": (x, y), "x_val": x, "y_val": y}
    space |= {"learning_rate": lambda *_: 0.001}
    models = SimpleNamespace(clone_model=clone)
    space["keras"] = SimpleNamespace(models=models, utils=keras.utils)
    exec(cell_with(code, "def without_norm("), space)
    exec(cell_with(code, "batch normalisation: {"), space)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(trained) == 6
    for line, model in zip(said, trained, strict=True):
        has_it = any(isinstance(x, layers.BatchNormalization) for x in model.layers)
        assert has_it == (", with batch" in line)
    assert asked == ([] if norm else ["reference/cnn"])
