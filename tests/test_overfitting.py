"""The search of labs/Overfitting.ipynb goes on where it was interrupted."""

import collections
import contextlib
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import optuna
import pytest
from lab_cells import LABS

from conftest import SMALL
from utils.data import load_mnist

LAB = LABS / "Overfitting.ipynb"


def search(objective, folder, n_trials):
    """Execute the lab's cells on the study, with another objective."""
    names = {
        "SEED": 0,
        "n_trials": n_trials,
        "objective": objective,
        "optuna": optuna,
        "runs_dir": lambda: folder,
        "digits": SimpleNamespace(fingerprint="none"),
    }
    for cell in nbformat.read(LAB, as_version=4).cells:
        if "study" in cell.metadata.get("tags", []):
            exec(cell.source, names)
    return names["study"]


def square(trial):
    """Have its best value, 0, at x = 0.3."""
    return -((trial.suggest_float("x", 0, 1) - 0.3) ** 2)


def interrupted(trial):
    """Do two trials; in the third somebody stops the kernel."""
    if trial.number == 2:
        raise KeyboardInterrupt
    return square(trial)


def test_an_interrupted_search_makes_only_the_trials_that_are_missing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(interrupted, tmp_path, 6)
    before = optuna.load_study(
        study_name="overfitting",
        storage=f"sqlite:///{next(tmp_path.glob('*/study.db')).as_posix()}",
    ).best_params
    study = search(square, tmp_path, 6)
    complete = [t for t in study.trials if t.state.name == "COMPLETE"]
    assert len(complete) == 6 and len(study.trials) == 7  # with the interrupted one
    proposed = [t.params["x"] for t in complete]
    assert before["x"] in proposed
    assert len(set(proposed)) == 6, "a setting was proposed a second time"
    assert len(search(square, tmp_path, 6).trials) == 7, "nothing was missing"


def test_another_data_set_has_another_study(tmp_path):
    study = search(square, tmp_path, 1)
    (folder,) = tmp_path.iterdir()
    assert folder.name.endswith("none") and (folder / "study.db").is_file()
    assert len(study.trials) == 1


@pytest.mark.slow
@pytest.mark.after("Overfitting.ipynb")
def test_the_search_left_each_trial_and_the_answers_of_the_complete_ones():
    """Read from the runs' folder without Optuna."""
    (database,) = Path(os.environ["RUNS_DIR"]).glob("overfitting-*/study.db")
    with contextlib.closing(sqlite3.connect(database)) as study:
        trials = dict(study.execute("SELECT trial_id, state FROM trials").fetchall())
        reports = collections.Counter(
            trial
            for (trial,) in study.execute(
                "SELECT trial_id FROM trial_intermediate_values"
            )
        )
    assert len(trials) >= SMALL[LAB.name]["N_TRIALS"]
    assert set(trials.values()) <= {"COMPLETE", "PRUNED"}
    epochs = {reports[trial] for trial, state in trials.items() if state == "COMPLETE"}
    assert len(epochs) == 1, "a complete trial has fewer epochs than another"
    assert all(3 <= reports[trial] <= max(epochs) for trial in trials)
    sealed = [np.load(path) for path in database.parent.glob("trial-*.npy")]
    assert len(sealed) == list(trials.values()).count("COMPLETE")
    assert {len(answers) for answers in sealed} == {len(load_mnist().y_test)}
