"""The machine that a notebook runs on: enough for the course, and said readably."""

import os
import platform
import sys
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

OLDEST_PYTHON = (3, 11)
OLDEST = {"keras": "3.0", "tensorflow": "2.16", "numpy": "2.0", "scikit-learn": "1.3"}


def check_environment():
    """Start TensorFlow quietly and print the versions in use.

    Raises:
        RuntimeError: Python or a package is missing or too old; the message says which
            version was found, which is needed, and how to get it.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise RuntimeError(
            f"This is Python {platform.python_version()}; the course needs 3.11 or "
            "newer. Install it, then start the notebook with it."
        )
    found = {package: _version(package) for package in OLDEST}
    for package, oldest in OLDEST.items():
        if found[package] is None or _numbers(found[package]) < _numbers(oldest):
            raise RuntimeError(
                f"{package} is {found[package] or 'not installed'}; the course needs "
                f"{oldest} or newer. Run: pip install -r requirements.txt"
            )
    with quiet_stderr():
        import tensorflow as tf

        tf.zeros(1).numpy()  # the first operation is what prints the rest
        n_gpus = len(tf.config.list_physical_devices("GPU"))
    print(f"Python {platform.python_version()}")
    for package in ("keras", "tensorflow", "numpy"):
        print(f"{package} {found[package]}")
    print(f"{os.cpu_count()} CPU cores, {n_gpus or 'no'} GPU: enough for this course")


@contextmanager
def quiet_stderr():
    """Silence what C++ libraries write to stderr while they start.

    TensorFlow's start-up lines ignore Python's logging and its own log level; they
    would end up in the notebook as if they were errors.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _numbers(text):
    return tuple(int(part) for part in text.split(".")[:2])
