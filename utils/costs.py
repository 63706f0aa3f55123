"""What an answer costs: multiplications counted, milliseconds measured.

A multiply-accumulate (MAC) is one multiplication whose product is added to a sum: what
a neuron does for each of its inputs. Importing this module does not import TensorFlow.
"""

import time
from typing import NamedTuple

import numpy as np

from utils.evaluation import check_count

# One multiplication a value, not hundreds.
COUNTED_AS_NOTHING = (
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "Normalization",
    "PReLU",
    "RMSNormalization",
)


class LayerCost(NamedTuple):
    """One layer: its output's shape, its parameters, its MACs for one image."""

    layer: str
    output: tuple
    parameters: int
    macs: int


class Timing(NamedTuple):
    """Seconds per call: the median, and the quartiles below and above it."""

    median: float
    low: float
    high: float


def dense_macs(n_in, n_out):
    """Return the MACs of a dense layer: every output sums over every input."""
    return n_in * n_out


def conv_macs(places, kernel_area, channels_in, channels_out):
    """Return the MACs of a convolution: at each place, each kernel, each weight.

    Args:
        places: pixels of one output map, height × width.
        kernel_area: weights of one kernel on one channel, height × width.
        channels_in: maps that each kernel looks at (for groups: those of its group).
        channels_out: kernels, and maps that come out.
    """
    return places * kernel_area * channels_in * channels_out


def count_macs(model):
    """Count parameters and MACs of each layer for one image.

    Counted are dense layers and two-dimensional convolutions, depthwise and separable
    ones, too. Biases, activations, pooling and normalisation do not multiply and add
    over many inputs; they are counted as 0.

    Args:
        model: a built keras.Model; models inside it are taken apart.

    Returns:
        list of LayerCost, in the order of the layers.

    Raises:
        ValueError: a layer has weights but is of a kind that is not counted here, or
            the size of its output is not known.
    """
    from keras import layers

    costs = []
    for layer in model.layers:
        if hasattr(layer, "layers"):
            costs += count_macs(layer)
            continue
        name, shape = type(layer).__name__, _output_shape(layer)
        macs = 0
        if isinstance(layer, layers.Dense):
            n_in, n_out = layer.kernel.shape
            places = int(np.prod(shape[:-1]))  # 1 after Flatten
            macs = places * dense_macs(n_in, n_out)
        elif type(layer) in (
            layers.Conv2D,
            layers.DepthwiseConv2D,
            layers.SeparableConv2D,
        ):
            last = layer.data_format == "channels_last"
            places = int(np.prod(shape[:2] if last else shape[1:]))
            for height, width, channels_in, channels_out in _kernels(layer):
                macs += conv_macs(places, height * width, channels_in, channels_out)
        elif layer.weights and name not in COUNTED_AS_NOTHING:
            raise ValueError(
                f"The multiplications of a {name} layer are not counted here. Add the "
                "kind to utils/costs.py, or compare models without it."
            )
        costs.append(LayerCost(name, shape, layer.count_params(), int(macs)))
    return costs


def _output_shape(layer):
    """Return the shape of a layer's output for one image, or raise a ValueError."""
    output = getattr(layer, "output", None) if layer.built else None
    shape = None if output is None else tuple(output.shape[1:])
    if shape is None or None in shape:
        raise ValueError(
            f"The size of what layer {layer.name!r} computes is not known. Build the "
            "model from keras.Input((28, 28, 1)) on, as a Sequential or keras.Model."
        )
    return shape


def _kernels(layer):
    """Return the shapes of a convolution's kernels: each looks at all maps, or at one.

    A separable convolution is a depthwise one, each kernel on one map, and a 1×1 one.
    """
    shapes = [tuple(w.shape) for w in layer.weights if len(w.shape) == 4]
    if type(layer).__name__ == "Conv2D":
        return shapes
    (height, width, channels, multiplier), *pointwise = shapes
    return [(height, width, 1, channels * multiplier), *pointwise]


def as_function(model, n_images):
    """Compile a model for batches of one size, as one would to put it to use.

    Keras' predict() is made for many images: for one, its own bookkeeping takes longer
    than the network.

    Args:
        model: a built keras.Model.
        n_images: images a call.

    Returns:
        a function from an array, shape (n_images, *model.input_shape[1:]), float32, to
        what the model computes, such as probabilities, shape (n_images, 10), float32;
        a list of arrays for a model of several outputs. Compiled and called once.

    Raises:
        NotImplementedError: Keras runs on an engine that is not one of three.
    """
    import keras

    compute = _compiled(model, (n_images, *model.input_shape[1:]))

    def call(x):
        return keras.tree.map_structure(keras.ops.convert_to_numpy, compute(x))

    call(np.zeros((n_images, *model.input_shape[1:]), np.float32))
    return call


def _compiled(model, shape):
    """Return a function from an array of this shape to the model's tensors."""
    import keras

    engine = keras.backend.backend()
    if engine == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec(shape, tf.float32)]
        # AutoGraph has nothing to rewrite here, and ends where the course's folder has
        # a name that Python reads by other letters, as under LC_ALL=C.
        return tf.function(
            lambda x: model(x, training=False), signature, autograph=False
        )
    if engine == "jax":
        import jax

        @jax.jit
        def answer(trained, others, x):
            return model.stateless_call(trained, others, x, training=False)[0]

        # Handed over at each call: a compiled function would keep the old weights.
        return lambda x: answer(
            [weight.value for weight in model.trainable_variables],
            [weight.value for weight in model.non_trainable_variables],
            x,
        )
    if engine == "torch":
        import torch

        return torch.inference_mode()(lambda x: model(x, training=False))
    raise NotImplementedError(
        f"Keras runs on {engine!r}, for which this course cannot compile a model. "
        "Set KERAS_BACKEND to tensorflow, jax or torch and restart the kernel."
    )


def time_in_turn(calls, n_rounds):
    """Time functions in turn, so that what else the machine does disturbs all alike.

    Args:
        calls: dictionary from name to a function without arguments.
        n_rounds: how often each is called and timed, after a tenth as many calls that
            are not: the first ones find cold caches.

    Returns:
        dict from name to Timing.
    """
    check_count(n_rounds, "n_rounds")
    seconds = {name: [] for name in calls}
    n_warmup = max(1, n_rounds // 10)
    for round_ in range(n_warmup + n_rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if round_ >= n_warmup:
                seconds[name].append(time.perf_counter() - began)
    quartiles = {n: np.quantile(s, [0.5, 0.25, 0.75]) for n, s in seconds.items()}
    return {name: Timing(*map(float, q)) for name, q in quartiles.items()}
