"""A Keras model as the page takes it: its layers as JSON, a weight as a letter.

layers.js computes the same layers with TensorFlow.js. Importing this module does not
import TensorFlow.
"""

import numpy as np

from utils.canvas import layers_with_maps

POOLING = ("pool_size", "strides", "padding")
# The layers that the page computes as Keras does (a test compares them), and what of
# their configuration it goes by.
KNOWN = {
    "Activation": ("activation",),
    "AveragePooling2D": POOLING,
    "BatchNormalization": ("epsilon",),
    "Conv2D": ("strides", "padding", "dilation_rate", "activation"),
    "Dense": ("activation",),
    "Dropout": (),
    "Flatten": (),
    "GlobalAveragePooling2D": (),
    "MaxPooling2D": POOLING,
    "ReLU": (),
    "Reshape": ("target_shape",),
}
# Whatever else is set is refused.
ONLY = {
    "activation": ("linear", "relu", "softmax"),
    "axis": (-1, 3),
    "data_format": ("channels_last",),
    "groups": (1,),
    "keepdims": (False,),
    "max_value": (None,),
    "negative_slope": (0,),
    "threshold": (0,),
}
# A matrix is laid on 32,768 levels between its smallest and its largest value, and each
# level is one letter, of two bytes in UTF-16. None of these letters is a quotation mark
# or half of a pair. README.md says why.
LEVELS, FIRST_LETTER = 2**15 - 1, 0x3000


def for_the_page(model):
    """Return a model for the page, ready for json.dumps.

    Args:
        model: a built keras.Sequential.

    Returns:
        dict: "shape" of an image, and "layers", of each a dict: its "kind", its
        settings, its "weights", and "shown", whether its output is shown as pictures.

    Raises:
        ValueError: it has a layer that the page cannot compute.
    """
    shown = layers_with_maps(model)
    layers = [
        {**_settings(layer), "weights": _weights(layer), "shown": layer in shown}
        for layer in model.layers
    ]
    return {"shape": model.input_shape[1:], "layers": layers}


def _settings(layer):
    kind, config = type(layer).__name__, layer.get_config()
    if kind not in KNOWN:
        raise ValueError(
            f"The layer {layer.name} is a {kind}. The page draws with models of "
            f"{', '.join(KNOWN)}."
        )
    for name, values in ONLY.items():
        if config.get(name, values[0]) not in values:
            raise ValueError(
                f"The layer {layer.name} has {name}={config[name]!r}. The page "
                f"computes layers with {name}={' or '.join(map(repr, values))}."
            )
    return {"kind": kind, **{name: config[name] for name in KNOWN[kind]}}


def _weights(layer):
    """Return dict from the name of a weight, as Keras has it, to what is in it."""
    return {
        variable.name: _packed(np.asarray(variable, np.float32))
        for variable in layer.weights
        if variable.dtype.startswith("float")  # not the state of a Dropout
    }


def _packed(values):
    """Return the shape of a weight and its values: of a matrix, in letters."""
    low = float(values.min())
    step = (float(values.max()) - low) / LEVELS
    if values.ndim < 2 or step == 0:
        numbers = [float(f"{value:.7g}") for value in values.ravel()]
        return {"shape": values.shape, "values": numbers}
    levels = np.round((values.astype(float) - low) / step).astype("<u2") + FIRST_LETTER
    letters = levels.astype("<u2").tobytes().decode("utf-16-le")
    return {"shape": values.shape, "low": low, "step": step, "letters": letters}
