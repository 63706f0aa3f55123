"""The arithmetic of the benchmark, and that it takes the models from the notebooks."""

import json
import os

import pytest

from benchmarks import time_to_accuracy as bench
from utils.files import with_part
from utils.places import COURSE_DIR

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


@pytest.mark.parametrize("name", ["ANN", "CNN"])
def test_the_model_comes_out_of_its_notebook(name):
    rows = bench.course_notebook(name, seed=1, epochs=1)
    assert len(rows) == 1
    seconds, accuracy = rows[0]
    assert seconds > 0
    floor = 0.75 if os.environ["MNIST_DATA"] == "sample" else 0.93
    assert accuracy > floor


def test_the_committed_table_is_that_of_the_committed_results():
    readme = (COURSE_DIR / "benchmarks" / "README.md").read_text(encoding="utf-8")
    results = COURSE_DIR / "benchmarks" / "results.json"
    if results.exists():
        rounds = json.loads(results.read_text())["rounds"]
        table = bench.table(bench.summarise(rounds))
    else:
        table = ""  # no numbers without the measurement that they come from
    assert with_part(readme, "time to accuracy", table) == readme
