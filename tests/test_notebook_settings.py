"""utils.settings: a setting that a notebook cannot work with is named at once."""

import ast

import nbformat
import numpy as np
import pytest
from test_runs import home, save_number  # noqa: F401 - home is a fixture here

from conftest import SMALL
from utils.places import COURSE_DIR, LABS, NOTEBOOKS
from utils.settings import RULES, SettingError, check_settings

# What load_run, a reader of files or a cluster's client looks at, and names.
ELSEWHERE = {"ANN_RUN", "CNN_RUN", "PENS_RUN", "PHOTO", "SCHEDULER", "DOWNLOAD"}
BAD = {
    "SEED": [-1, 2**32, 2.0, "0", None, True],
    "EPOCHS": [-3, 2.5, "3", None, False, float("nan"), 10**19],
    "RUN_NAME": ["my run", "a/b", "läuf", "", "..", "NUL", None, 5, "x" * 200],
    "N_SEEDS": [-1, 1.0, 10**9],
    "N_TRIALS": [1, 2, -5, 10**12],
    "SIZES": [(), 100, "100", [100, 5], [100.0], [[100]]],
    "N_MOST": [-1, 5, "60"],
    "LABELS": [(), 5, (1, 100), (0, 1), "15"],
    "DRAWS": [0, -1, 10**10],
    "TRAIN": ["ann-plain", ["cnn-shufled"], [["ann-plain"]], None],
    "PAGES": ["page1.jpg", [""], None],
    "N_IN_A_ROW": [0, 11],
    "N_PHOTOS": [0, 1001, 2.5],
}


def cells(place):
    notebook = nbformat.read(COURSE_DIR / place, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def settings_of(place):
    """Return the settings of a notebook's cell of parameters."""
    found = {}
    for cell in cells(place):
        if "parameters" in cell.metadata.get("tags", []):
            exec(cell.source, found)
    return {name: value for name, value in found.items() if name.isupper()}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in BAD for value in BAD[name]]
)
def test_a_setting_that_cannot_be_is_named(name, value):
    with pytest.raises(SettingError, match=f"^{name}") as error:
        check_settings(**{name: value})
    assert len(str(error.value)) < 400


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", ["SEED", "SIZES", "DRAWS"])
def test_a_number_that_python_does_not_write_out_is_named(name):
    value = 10**5000
    with pytest.raises(SettingError, match=f"^{name} is too long to be written out"):
        check_settings(**{name: [value] if name == "SIZES" else value})


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("place", [*NOTEBOOKS, *LABS])
def test_each_setting_is_looked_at_and_what_the_course_sets_is_right(place):
    settings = settings_of(place)
    looked_at = {
        keyword.arg
        for cell in cells(place)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "check_settings"
        for keyword in node.keywords
    }
    assert looked_at == settings.keys() - ELSEWHERE
    small = settings | SMALL.get(place.rpartition("/")[2], {})
    for each in (settings, small):
        check_settings(**{name: each[name] for name in looked_at})


def test_there_is_no_rule_without_a_setting():
    names = {name for place in (*NOTEBOOKS, *LABS) for name in settings_of(place)}
    assert RULES.keys() < names


def test_whole_numbers_of_numpy_are_whole_numbers():
    check_settings(
        SEED=np.random.default_rng(0).integers(9), SIZES=np.int32([10, 20]).tolist()
    )
    with pytest.raises(SettingError, match="SEED is"):
        check_settings(SEED=np.float64(2))


def test_a_line_needs_two_sizes():
    with pytest.raises(
        SettingError, match=r"^SIZES is \(100,\)\. Expected two or more"
    ):
        check_settings(SIZES=(100,))


def test_the_largest_training_has_room_for_the_smallest():
    with pytest.raises(SettingError, match=r"N_MOST is 50.*SIZES is 100"):
        check_settings(N_MOST=50, SIZES=(100, 300))
    check_settings(N_MOST=200, SIZES=(100, 300))
    check_settings(N_MOST=0, SIZES=(100, 300))


def test_a_name_that_is_taken_is_named(home):  # noqa: F811
    check_settings(RUN_NAME="ann")  # there is no folder yet
    assert not home.exists()
    save_number(1, "ann")
    check_settings(RUN_NAME="ann")  # the new run takes the old one's place
    with pytest.raises(SettingError, match="the same name but for capital letters"):
        check_settings(RUN_NAME="Ann")
    (home / "mine").mkdir()
    (home / "mine" / "poem.txt").touch()
    with pytest.raises(SettingError, match="mine is there and is no run"):
        check_settings(RUN_NAME="mine")
