"""Settings of the test run: offline, on the sample, its runs in a folder of its own."""

import os
import tempfile
from pathlib import Path

LAST = "test_after_the_notebooks.py"
collect_ignore = ["exercises"]  # notebooks with gaps; tests/test_exercises.py has them

# At import, before anything is collected: notebooks' kernels inherit the environment.
_choice = os.environ.get("MNIST_DATA") or "sample"
_is_path = Path(_choice).exists()
os.environ["MNIST_DATA"] = str(Path(_choice).resolve()) if _is_path else _choice
_runs = tempfile.TemporaryDirectory(prefix="course-runs-")
os.environ["RUNS_DIR"] = _runs.name


def pytest_collection_modifyitems(config, items):
    """Put the tests of what the notebooks saved behind the notebooks.

    Without notebooks (`pytest tests`) there is nothing they could look at.
    """
    last = [item for item in items if item.path.name == LAST]
    others = [item for item in items if item.path.name != LAST]
    if any(item.path.suffix == ".ipynb" for item in others):
        items[:] = others + last
    elif others:
        items[:] = others
        config.hook.pytest_deselected(items=last)


def pytest_unconfigure():
    """Remove the runs that the notebooks saved for the tests."""
    _runs.cleanup()
