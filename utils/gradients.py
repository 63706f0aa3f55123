"""The gradient of a function, by the automatic differentiation of Keras' engine.

Keras itself has no function for it: each of its engines has its own way.
"""

import keras
import numpy as np


def _one_number(result):
    shape = np.shape(result)
    if np.prod(shape) != 1:
        raise ValueError(
            f"The function returned an array of shape {shape}. Expected one number: "
            "take its mean, or one of its places."
        )
    return result


def gradient(function, values):
    """Return the slopes of a function by each of its inputs.

    Args:
        function: takes a tensor and returns a tensor of one number; made of keras.ops.
        values: where to take the slopes, an array of floats of any shape.

    Returns:
        np.ndarray, float32, shape of values: how fast the result grows with each.

    Raises:
        ValueError: the function does not return one number, or one that does not
            depend on its input by operations that have a slope.
        NotImplementedError: Keras runs on an engine that is not one of three.
    """
    values = np.asarray(values, dtype="float32")
    engine = keras.backend.backend()
    if engine == "tensorflow":
        import tensorflow as tf

        variable = tf.Variable(values)
        with tf.GradientTape() as tape:
            result = function(variable)
        slopes = tape.gradient(_one_number(result), variable)
        if slopes is None:
            raise ValueError(
                "The result does not depend on the input, or through a step that has "
                "no slope, such as argmax or a conversion to NumPy."
            )
        return slopes.numpy()
    if engine == "jax":
        import jax

        return np.asarray(jax.grad(function)(values))
    if engine == "torch":
        import torch

        variable = torch.tensor(values, requires_grad=True)
        function(variable).backward()
        return variable.grad.numpy()
    raise NotImplementedError(
        f"Keras runs on {engine!r}, which this course has no gradient for. "
        "Set KERAS_BACKEND to tensorflow, jax or torch and restart the kernel."
    )
