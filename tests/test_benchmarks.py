"""The benchmarks: their arithmetic, and a small run of each that needs no browser.

Those of the canvas and of augmentation run in test_browser.py and test_augmentation.py.
"""

import functools
import json
import os
import re
import sys

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from scipy import special
from sklearn import metrics

from benchmarks import handwriting, scaling, step, waiting
from benchmarks import time_to_accuracy as bench
from utils import corruptions, data
from utils.files import with_part
from utils.handwriting import photos
from utils.places import COURSE_DIR
from utils.runs import REFERENCE_DIR, load_run

ROUNDS = {
    "quick": [[(2.0, 0.98), (4.0, 0.991)], [(1.0, 0.992), (2.0, 0.993)]],
    "Keras example": [[(8.0, 0.97), (16.0, 0.99)], [(8.0, 0.98), (20.0, 0.99)]],
    "never": [[(1.0, 0.5)], [(3.0, 0.7)]],
}


def test_seconds_to_a_target_are_those_of_the_first_epoch_that_reaches_it():
    assert bench.seconds_to([(1, 0.5), (2, 0.9), (3, 0.8), (4, 0.95)], 0.9) == 2
    assert bench.seconds_to([(1, 0.5)], 0.9) is None


def test_a_median_round_that_did_not_reach_the_target_has_no_time():
    assert bench.median_or_none([3, 1, 2]) == 2
    assert bench.median_or_none([None, 1, 2]) == 2
    assert bench.median_or_none([None, 1, None]) is None


def test_the_summary_by_hand():
    summary = bench.summarise(ROUNDS)
    assert summary["quick"]["accuracy"] == pytest.approx((0.991 + 0.993) / 2)
    assert summary["quick"]["total_seconds"] == 3.0
    assert summary["quick"]["seconds_an_epoch"] == 1.5
    assert summary["quick"]["total_speedup"] == pytest.approx(18 / 3)
    assert summary["Keras example"]["total_speedup"] == 1
    assert summary["never"]["seconds_to_target"] is None
    assert summary["never"]["target_speedup"] is None


def test_the_table_has_a_row_for_each_and_says_what_was_not_reached():
    lines = bench.table(bench.summarise(ROUNDS)).splitlines()
    assert len(lines) == 2 + len(ROUNDS)
    assert "not reached" in lines[-1] and "50.00" not in lines[-1]


def test_what_a_network_is_worth_besides_agrees_with_scikit_learn():
    """A network that answers with the mean of each row, so that damage changes it."""
    rng = np.random.default_rng(0)
    x, y = (
        rng.integers(0, 256, (200, 28, 28), dtype=np.uint8),
        rng.integers(10, size=200),
    )
    scale = rng.normal(size=(28, 10))

    def predict(images):
        return special.softmax(images.mean(axis=2) @ scale, axis=1)

    found = bench.qualities(predict, x, y, seed=3)
    images = x.astype("float32") / 255
    y_prob = predict(images)
    assert found["loss"] == pytest.approx(metrics.log_loss(y, y_prob, labels=range(10)))
    gaps = [  # one bin after another, by hand
        abs(np.sum((y_prob.argmax(axis=1) == y)[m] - y_prob.max(axis=1)[m]))
        for m in [np.ceil(y_prob.max(axis=1) * 15) == b for b in range(1, 16)]
    ]
    assert found["calibration"] == pytest.approx(sum(gaps) / 200)
    for kind, severity in (("noise", bench.NOISE), ("shift", bench.SHIFT)):
        damaged = getattr(corruptions, kind)(images, severity, 3)
        right = metrics.accuracy_score(y, predict(damaged).argmax(axis=1))
        assert found[kind] == pytest.approx(right)
    (row,) = bench.quality_table({"ours": [found, found]}).splitlines()[2:]
    assert f"| {found['loss']:.4f} |" in row and f"| {found['shift']:.1%} |" in row


@pytest.mark.committed
def test_the_committed_table_is_that_of_the_committed_results():
    readme = (COURSE_DIR / "benchmarks" / "README.md").read_text(encoding="utf-8")
    results = COURSE_DIR / "benchmarks" / "results.json"
    if results.exists():
        measured = json.loads(results.read_text())
        table = bench.table(bench.summarise(measured["rounds"]))
        others = bench.quality_table(measured.get("qualities", {}))
    else:
        table = others = ""  # no numbers without the measurement that they come from
    assert with_part(readme, "time to accuracy", table) == readme
    assert with_part(readme, "qualities", others) == readme


def test_a_thousand_trainings_take_as_many_turns_as_there_are_of_them_a_worker():
    assert scaling.whole(1, start=5, training=10, task=0.001) == 5 + 10_000
    assert scaling.whole(300, start=5, training=10, task=0.001) == 5 + 4 * 10
    # Handed out more slowly than they are done:
    assert scaling.whole(1000, start=5, training=10, task=0.1) == 5 + 100


@pytest.mark.slow
def test_a_task_costs_milliseconds_and_its_result_is_kept(tmp_path):
    seconds = scaling.seconds_a_task(20, tmp_path / "results.jsonl")
    assert 0 < seconds < 1
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 20


def test_the_operations_of_a_step_are_added_up_by_kind():
    times = {"CNN/conv2d_1/Conv2D:Conv": 3.0, "AddN_1:AddN": 0.5, "loss/Sum:Sum": 1.0}
    kinds = step.by_kind(times | {"grad/CNN/conv2d_2/Conv2D:Conv": 4.0})
    assert kinds == {"convolution": 7.0, step.REST: 1.0, "normalisation": 0.5}
    rows = step.rows_of(kinds, alone=9.0, in_fit=10.0)
    assert sum(rows.values()) == pytest.approx(10)
    text = step.table(rows, flops=3.5e9, teraflops=0.6)
    assert "| convolution | 7.00 | 70% |" in text and "reach 0.50 TFLOP/s" in text


@pytest.fixture
def renewed(tmp_path, monkeypatch):
    """Run a benchmark's main on a README of its own; return what it put there."""

    def run(module, marker, *arguments):
        readme = tmp_path / "README.md"
        readme.write_text(f"before\n<!-- {marker} -->\n<!-- /{marker} -->\nafter\n")
        monkeypatch.setattr(module, "HERE", tmp_path)
        monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])
        module.main()
        text = readme.read_text(encoding="utf-8")
        assert text.startswith("before\n") and text.endswith("\nafter\n")
        return text

    return run


@pytest.mark.slow
@pytest.mark.maintainers
def test_waiting_measures_the_first_figure_the_whole_and_the_peak(
    renewed, tmp_path, monkeypatch
):
    figure = "from PIL import Image; Image.new('L', (2, 2))"
    half_a_gigabyte = "ballast = bytearray(b'1') * 500_000_000"
    cells = [new_code_cell(code) for code in ("1 + 1", figure, half_a_gigabyte)]
    for name in waiting.NOTEBOOKS:
        nbformat.write(new_notebook(cells=cells), tmp_path / name)
    monkeypatch.setattr(waiting, "COURSE_DIR", tmp_path)
    monkeypatch.setenv("RUNS_DIR", os.environ["RUNS_DIR"])  # put back afterwards
    text = renewed(waiting, "waiting and memory")
    rows = re.findall(r"\| (\w+) \| ([\d.]+) s \| (\d+) s \| ([\d.]+) GB \|", text)
    assert [f"{name}.ipynb" for name, *_ in rows] == list(waiting.NOTEBOOKS)
    for _, first, whole, peak in rows:
        assert 0 < float(first) <= float(whole) + 0.5
        assert 0.5 < float(peak) < 2  # GB, on the sample


@pytest.mark.slow
@pytest.mark.maintainers
def test_handwriting_reports_every_stage_and_setting(renewed, monkeypatch):
    shipped = functools.partial(load_run, announce=False, folder=REFERENCE_DIR)
    tested_on = shipped("cnn").info["data"]["test_fingerprint"]
    index, images = data.load_test_images(tested_on)
    monkeypatch.setattr(
        handwriting, "load_test_images", lambda _: (index[:30], images[:30])
    )
    monkeypatch.setattr(handwriting, "load_run", shipped)
    text = renewed(handwriting, "handwriting", "--digits", "6")
    assert "30 test digits of MNIST, fed through the reading" in text
    tables = [part for part in text.split("\n\n") if part.startswith("| ")]
    assert len(tables) == 3  # two models, and the rows
    for setting in photos.SETTINGS:
        assert text.count(setting) >= 3, setting
    stages = re.findall(r"(?m)^\| (mass centred: all of it) \| (.+) \|$", text)
    assert len(stages) == 2
    for _, shares in stages:
        values = [float(share.removesuffix(" %")) for share in shares.split(" | ")]
        assert len(values) == len(photos.SETTINGS)
        assert values[0] >= 50  # six digits under good light
