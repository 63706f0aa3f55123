"""A model that a student's function returned, as a file and back again.

What comes back holds nothing but Keras' layers, their weights, and how it was compiled.
The checks in a notebook and those of grading ask for it here, in the same words.
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from utils.answers import Unusable
from utils.bounded import BadFile
from utils.check_words import in_short
from utils.model_file import load_checked


def odd_precision(model):
    """Return the numbers that a model computes in, if not 32-bit floats; or None.

    Here 16 bits take minutes, and other results come out with either.
    """
    kinds = {layer.compute_dtype for layer in (model, *model.layers)}
    return min(kinds - {None, "float32"}, default=None)


def saved(model):
    """Return the bytes of a model's .keras file."""
    with _a_file() as path:
        model.save(path)
        return path.read_bytes()


def reopened(data):
    """Return the model that such bytes hold."""
    with _a_file() as path:
        path.write_bytes(data)
        return load_checked(path, compiled=True)


@contextmanager
def _a_file():
    """Lend a path for a model; whatever goes wrong with it becomes Unusable."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder, "model.keras")
    except Exception as error:  # Keras raises whatever the model's parts raise
        why = f"It {error.why}." if isinstance(error, BadFile) else in_short(error)
        lines = [line[:200] for line in why.splitlines()[:2]]
        raise Unusable(
            "\n".join(["The model cannot be saved and loaded again.", *lines])
            + "\nUse Keras' own layers and losses, and no Lambda."
        ) from error
