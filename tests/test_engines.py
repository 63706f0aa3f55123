"""Keras' other engines: the notebooks name none, and run on each.

JAX and PyTorch are not the course's requirements: where one is installed, it is tried.
"""

import ast
import os
import subprocess
import sys
from importlib.util import find_spec

import nbformat
import pytest

from utils.places import COURSE_DIR, LABS, NOTEBOOKS

# The only places that call TensorFlow by its name, all of them for a reason.
OF_TENSORFLOW = {
    "utils/costs.py": "a compiled model, for each engine",
    "utils/gradients.py": "a gradient, for each engine",
    "utils/environment.py": "the engine that the course was written with",
    "tools/judge.py": "makes a LiteRT file of a model",
    "benchmarks/time_to_accuracy.py": "measures published recipes for TensorFlow",
    "labs/On_a_Device.ipynb": "makes LiteRT files of both models",
    "labs/Training_Recipes.ipynb": "looks into a training, step by step",
}
EXERCISES = [
    path.relative_to(COURSE_DIR).as_posix()
    for path in sorted(
        (COURSE_DIR / "exercises" / "source").glob("*/*_Exercises.ipynb")
    )
]


def code_of(place):
    path = COURSE_DIR / place
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    lines = "\n".join(c.source for c in cells if c.cell_type == "code").splitlines()
    return "\n".join(line for line in lines if line[:1] not in ("%", "!"))


def engine_calls(code):
    """Yield what ties a program to one engine: its import, or a tensor's .numpy()."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("tensorflow"))
        elif isinstance(node, ast.ImportFrom):
            yield from [node.module] if node.module.startswith("tensorflow") else []
        elif isinstance(node, ast.Attribute) and node.attr == "numpy":
            yield ".numpy()"


@pytest.mark.parametrize("place", [*NOTEBOOKS, *LABS, *EXERCISES])
def test_a_notebook_names_no_engine_without_a_reason(place):
    found = set(engine_calls(code_of(place)))
    assert not found or (place in OF_TENSORFLOW and found == {"tensorflow"}), found


def test_tensorflow_is_named_behind_two_functions_only():
    for room in ("utils", "tools"):
        for path in (COURSE_DIR / room).rglob("*.py"):
            place = path.relative_to(COURSE_DIR).as_posix()
            if place not in OF_TENSORFLOW:
                assert not set(engine_calls(code_of(place))), place


def test_engine_calls_are_seen():
    code = "import tensorflow as tf\nfrom tensorflow import lite\nx = f(y).numpy()"
    assert list(engine_calls(code)) == ["tensorflow", "tensorflow", ".numpy()"]


# --- the engines themselves, where they are ------------------------------------------


each_engine = pytest.mark.parametrize("engine", ["jax", "torch"])


def start(engine, *command):
    if not find_spec(engine):
        pytest.skip(f"{engine} is not installed: Keras' other engine")
    variables = {"KERAS_BACKEND": engine, "MNIST_DATA": "sample"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=COURSE_DIR,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )


@each_engine
def test_the_two_functions_work_on_another_engine(engine):
    chosen = "compiled or gradient"
    files = ("tests/test_costs.py", "tests/test_gradients.py")
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", chosen)
    done = start(engine, "-m", "pytest", *options, *files)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@each_engine
def test_a_notebook_runs_on_another_engine(engine, tmp_path):
    """The first: it has a gradient, trainings, and a run that is saved and loaded."""
    notebook = str(tmp_path / "ANN_Model.ipynb")
    parameters = ("-p", "EPOCHS", "1", "-p", "RUN_NAME", f"ann-{engine}")
    command = ("-m", "papermill", "-k", "python3", "ANN_Model.ipynb", notebook)
    done = start(engine, *command, *parameters)
    assert done.returncode == 0, done.stderr[-3000:]
    printed = [
        output.get("text", "")
        for cell in nbformat.read(notebook, as_version=4).cells
        for output in cell.get("outputs", [])
    ]
    assert any(f"Keras computes with {engine}" in text for text in printed)
    assert any(f"\n{engine} " in text for text in printed)  # its version, not another
