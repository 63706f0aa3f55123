"""Networks trained on ImageNet: their weights from Keras' cache, downloaded, or absent.

The files and their MD5 sums are those of keras.applications, without the last layers.

ImageNet: O. Russakovsky and others, "ImageNet large scale visual recognition
challenge", International Journal of Computer Vision 115, 2015.
"""

import contextlib
from typing import NamedTuple

from utils.download import fetch, is_whole
from utils.environment import keras_home

SECONDS_TO_DECIDE = 2.0  # for a server that does not answer
SERVER = "https://storage.googleapis.com"


class Weights(NamedTuple):
    """Where the weights of a network lie, and how to know that they are whole."""

    url: str
    md5: str


WEIGHTS = {
    "VGG16": Weights(
        f"{SERVER}/tensorflow/keras-applications/vgg16/"
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "ResNet50": Weights(
        f"{SERVER}/tensorflow/keras-applications/resnet/"
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "EfficientNetB0": Weights(
        f"{SERVER}/keras-applications/efficientnetb0_notop.h5",
        "50bc09e76180e00e4465e1a485ddc09d",
    ),
}


def have_weights(name, download=True):
    """Tell whether a network's ImageNet weights are in Keras' cache, whole.

    If so, keras.applications builds it with weights="imagenet" and needs no network.
    (Not with weights=path: then EfficientNet would scale its input in another way.)

    Args:
        name: "VGG16", "ResNet50" or "EfficientNetB0".
        download: if they are not there, get them from the network. That is given up
            after seconds if no server answers; else it takes as long as the network
            needs (16 to 95 MB), and leaves the whole file or nothing.

    Returns:
        bool.

    Raises:
        ValueError: the name is another one.
    """
    if name not in WEIGHTS:
        raise ValueError(
            f"There are no weights for {name!r} here. Choose one of "
            f"{', '.join(WEIGHTS)}."
        )
    url, md5 = WEIGHTS[name]
    target = keras_home() / "models" / url.rpartition("/")[2]
    if not download:
        return is_whole(target, f"md5:{md5}")
    # Whatever the network or the disk does: the lab goes on without these weights.
    with contextlib.suppress(Exception):
        fetch(url, target, f"md5:{md5}", SECONDS_TO_DECIDE)
        return True
    return False
