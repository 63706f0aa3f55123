"""Does a piece of ink look like a digit? A small network that knows what is none.

The ten-class networks of the course must answer with a digit, whatever they are shown.
The judge has an eleventh answer, "no digit". It was trained by `tools/judge.py` and is
run by LiteRT, so that reading a page needs no TensorFlow.
"""

import functools
from pathlib import Path

import numpy as np

from utils.environment import quiet_stderr

MODEL = Path(__file__).with_name("judge.tflite")
AT_ONCE = 8  # images a call; fixed, so that memory is planned once


@functools.cache
def _interpreter():
    from ai_edge_litert.interpreter import Interpreter

    with quiet_stderr():  # it tells which kernels it chose
        interpreter = Interpreter(str(MODEL), num_threads=1)
        index = interpreter.get_input_details()[0]["index"]
        interpreter.resize_tensor_input(index, (AT_ONCE, 28, 28, 1))
        interpreter.allocate_tensors()
    return interpreter, index, interpreter.get_output_details()[0]["index"]


def probabilities(images):
    """Return each image's eleven probabilities: the digits 0 to 9, and "no digit".

    Args:
        images: shape (n, 28, 28), floats, 0 = paper, 1 = ink, in MNIST's form.

    Returns:
        np.ndarray, shape (n, 11), float32.
    """
    images = np.asarray(images, np.float32).reshape(-1, 28, 28, 1)
    interpreter, given, answer = _interpreter()
    found = np.empty((len(images), 11), np.float32)
    for first in range(0, len(images), AT_ONCE):
        some = images[first : first + AT_ONCE]
        batch = np.zeros((AT_ONCE, 28, 28, 1), np.float32)
        batch[: len(some)] = some
        interpreter.set_tensor(given, batch)
        interpreter.invoke()
        found[first : first + len(some)] = interpreter.get_tensor(answer)[: len(some)]
    return found


def likeness(images):
    """Return how much each image looks like a digit, shape (n,), from 0 to 1."""
    return 1 - probabilities(images)[:, 10]
