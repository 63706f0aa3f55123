"""What the figures are handed: pictures, labels and texts, one for each other; names.

Whatever has another shape gets a sentence, not one of NumPy's or Matplotlib's errors.
"""

import math
from collections.abc import Mapping

import numpy as np


def as_picture(image):
    """Return an image as an array of shape (height, width), or (height, width, 3 or 4).

    It may come in a batch of one, and with one channel.

    Raises:
        ValueError: it is no image.
    """
    picture = _as_numbers(image)
    if picture.ndim > 2 and len(picture) == 1 and picture.shape[-1] not in (3, 4):
        picture = picture[0]
    if picture.ndim == 3 and picture.shape[-1] == 1:
        picture = picture[..., 0]
    in_colours = picture.ndim == 3 and picture.shape[-1] in (3, 4)
    if picture.size and (picture.ndim == 2 or in_colours):
        return picture
    side = math.isqrt(picture.size)
    advice = "Take one of several: images[0]."
    if picture.ndim < 2:
        advice = "Is this one image? Several are expected: images[:1], or image[None]."
    if picture.ndim == 1 and side > 1 and side * side == picture.size:
        advice = f"Fold each row of pixels up: reshape(-1, {side}, {side})."
    raise ValueError(
        f"An image of shape {np.shape(image)} cannot be drawn. Expected (height, "
        f"width), such as (28, 28). {advice}"
    )


def _as_numbers(values):
    """Return an array of a kind that Matplotlib knows: bfloat16 is none of NumPy's."""
    array = np.asarray(values)
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def as_digit(image):
    """Return an image of 28×28 pixels, or raise a ValueError: it has another size."""
    picture = as_picture(image)
    if picture.shape != (28, 28):
        raise ValueError(
            f"An image of shape {picture.shape} has no place here. Expected digits of "
            "28×28 pixels; plots.images draws images of any size."
        )
    return picture


def as_maps(activation):
    """Return a layer's maps as an array of shape (height, width, channels).

    Raises:
        ValueError: it has another shape, or belongs to several images.
    """
    maps = _as_numbers(activation)
    if maps.ndim == 4 and len(maps) == 1:
        maps = maps[0]
    if maps.ndim != 3 or not maps.size:
        raise ValueError(
            f"A layer's output of shape {np.shape(activation)} is no stack of maps. "
            "Expected (height, width, channels): those of one image, before Flatten."
        )
    return maps


def by_name(values, example):
    """Return a dictionary of what is drawn for each name.

    Raises:
        ValueError: it is none, or empty; the message shows the example.
    """
    if isinstance(values, Mapping) and values:
        return values
    came = "an empty one" if isinstance(values, Mapping) else type(values).__name__
    raise ValueError(
        "Expected a dictionary with a name for each thing that is drawn, such as "
        f"{{{example}}}, but got {came}."
    )


def as_history(history):
    """Return the dictionary of a training's numbers by epoch.

    Raises:
        ValueError: it is neither Keras' History nor its history.
    """
    numbers = getattr(history, "history", history)
    if not isinstance(numbers, Mapping):
        raise ValueError(
            "Expected the history of a training, which is what model.fit returns, or "
            f"its attribute history, but got {type(history).__name__}."
        )
    return numbers


def check_one_each(n, **others):
    """Raise a ValueError unless there are n of each: a text, a label for each image."""
    for name, values in others.items():
        is_one = isinstance(values, str) or not np.iterable(values)
        came = "one value" if is_one else len(values)
        if came != n:
            raise ValueError(
                f"{n:,} images, and {came} in {name}. Expected one for each image, in "
                "the same order."
            )


def as_labels(y, n):
    """Return labels as an array of shape (n,).

    Raises:
        ValueError: they are one-hot, or not one for each of n images.
    """
    labels = np.asarray(y)
    if labels.ndim > 1:
        raise ValueError(
            f"The labels have shape {labels.shape}. Expected ({n},), a number for each "
            "image: use argmax(axis=1) on one-hot labels, and on probabilities."
        )
    check_one_each(n, labels=labels)
    return labels


def as_probabilities(y_prob, n):
    """Return probabilities as an array of shape (n, 10), or raise a ValueError."""
    y_prob = np.asarray(y_prob, float)  # bfloat16 knows no percent
    if y_prob.shape != (n, 10):
        raise ValueError(
            f"The probabilities have shape {y_prob.shape}. Expected {(n, 10)}: ten for "
            "each image, in the same order."
        )
    return y_prob
