"""A Keras model as TensorFlow.js takes it: layers as JSON, weights as bytes in base64.

TensorFlow.js knows the layers by Keras' own names and arguments; what Keras 3 writes
differently from Keras 2 is put right here. Importing this module does not import
TensorFlow.
"""

import base64

import numpy as np

from utils.canvas import layers_with_maps

# The layers that TensorFlow.js computes as Keras does (a test compares them).
KNOWN = (
    "Activation",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "MaxPooling2D",
    "ReLU",
    "Reshape",
)
ONLY_KERAS_3 = ("module", "registered_name", "build_config", "quantization_config")
LEVELS = 2**16 - 1  # matrices travel as whole numbers of 16 bits: half the bytes


def to_tensorflow_js(model):
    """Return a model for the page, ready for json.dumps.

    Args:
        model: a built keras.Sequential.

    Returns:
        dict: "topology" and "weights" as TensorFlow.js' loadLayersModel takes them,
        "data" (all weights, one after the other, in base64), "maps" (the names of the
        layers whose outputs are shown as pictures).

    Raises:
        ValueError: it has a layer that the page cannot compute.
    """
    first = {"name": "image", "batch_input_shape": model.input_shape, "sparse": False}
    layers = [{"class_name": "InputLayer", "config": {**first, "dtype": "float32"}}]
    weights, data = [], []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind not in KNOWN:
            raise ValueError(
                f"The layer {layer.name} is a {kind}. The page draws with models of "
                f"{', '.join(KNOWN)}."
            )
        layers.append({"class_name": kind, "config": _plain(layer.get_config())})
        for variable in layer.weights:
            if variable.dtype.startswith("float"):  # not the state of a Dropout
                values = np.asarray(variable, np.float32)
                described, raw = _packed(f"{layer.name}/{variable.name}", values)
                weights.append(described)
                data.append(raw)
    config = {"name": model.name, "layers": layers}
    return {
        "topology": {"class_name": "Sequential", "config": config},
        "weights": weights,
        "data": base64.b64encode(b"".join(data)).decode(),
        "maps": [layer.name for layer in layers_with_maps(model)],
    }


def _plain(config):
    """Return a layer's configuration without what only Keras 3 knows."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return config["config"]["name"]
        kept = config.keys() - set(ONLY_KERAS_3)
        return {key: _plain(config[key]) for key in sorted(kept)}
    if isinstance(config, list | tuple):
        return [_plain(value) for value in config]
    return config


def _packed(name, values):
    """Return a weight's description and its bytes.

    Vectors (biases, statistics) stay as they are. A matrix is laid on 65,536 levels
    between its smallest and its largest value.
    """
    described = {"name": name, "shape": values.shape, "dtype": "float32"}
    low = float(values.min())
    scale = (float(values.max()) - low) / LEVELS
    if values.ndim < 2 or scale == 0:
        return described, values.astype("<f4").tobytes()
    levels = {"dtype": "uint16", "scale": scale, "min": low}
    whole = np.round((values.astype(float) - low) / scale)
    return {**described, "quantization": levels}, whole.astype("<u2").tobytes()
