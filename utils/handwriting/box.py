"""One digit in MNIST's form: full ink, a box of 20×20, its mass centred in 28×28.

The form: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits":
"size normalized to fit in a 20x20 pixel box while preserving their aspect ratio …
centered in a 28x28 image by computing the center of mass of the pixels".
"""

import math

import numpy as np
from PIL import Image
from scipy import ndimage

from utils.handwriting.errors import nothing_like_ink

SIZE, BOX = 28, 20  # MNIST: the digit fits a box of 20 pixels in an image of 28
# Strokes narrower than this in the box cover no pixel whole, and come out grey. One in
# twenty-five of MNIST's own digits is thinner.
THINNEST = 1.6
FINE = 10  # pixels of the picture in one of the box: finer than that serves nobody
FULL_PEN = 2.2  # pixels that a thin pen is widened to: MNIST's usual pen


def to_mnist(digit):
    """Bring one digit into MNIST's form: a box of 20×20, its mass centred in 28×28.

    Args:
        digit: one digit and nothing else, shape (height, width), 0 = paper, 1 = ink.

    Returns:
        np.ndarray, shape (28, 28), float32 in [0, 1].

    Raises:
        HandwritingError: there is no ink.
        ValueError: it is no single grey picture, or there are numbers above 1.
    """
    digit = np.asarray(digit)
    if digit.ndim != 2:
        raise ValueError(
            f"The digit has shape {digit.shape}. Expected (height, width): take a "
            "channel away with digit[..., 0], one of several with digits[0]."
        )
    if np.max(digit, initial=0) > 1.001:  # rounding may pass 1
        raise ValueError(
            f"The digit lies in [{np.min(digit):g}, {np.max(digit):g}]. Expected from "
            "0 = paper to 1 = ink: divide bytes by 255."
        )
    return centred(in_box(full_ink(digit)))


def squeezed(picture):
    """Shrink a whole picture to 28×28: what a network sees where nobody finds digits.

    Args:
        picture: shape (height, width), float32 in [0, 1]; a stage of a Page.

    Returns:
        np.ndarray, shape (28, 28), float32 in [0, 1].
    """
    image = Image.fromarray(np.asarray(picture, np.float32))
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX)).clip(0, 1)


def pen_width(digit):
    """Return how wide a digit's strokes are on average, in pixels.

    A stroke of length l and width w has the area l·w and an outline of 2·l: the width
    is twice the area by the outline. Grey edges count with their share.

    Args:
        digit: shape (height, width), floats in [0, 1].
    """
    height, width = digit.shape
    padded = np.zeros((height + 2, width + 2), np.float32)
    padded[1:-1, 1:-1] = digit
    here = padded[:-1, :-1]
    outline = np.hypot(padded[1:, :-1] - here, padded[:-1, 1:] - here).sum()
    return 2 * float(padded.sum()) / max(float(outline), 1e-6)


def full_ink(digit):
    """Widen the strokes of a thin pen, so that they are black in the box, as MNIST's.

    MNIST's digits were written with a pen that covers two to three of the 20 pixels.
    A hair line shrunk to that size is a pale grey, which no network has seen.

    Args:
        digit: one digit, shape (height, width), 0 = paper, 1 = ink.

    Returns:
        np.ndarray, float32 in [0, 1]; larger than the digit where it was widened.
    """
    digit = _cropped(digit)
    coarser = int(max(digit.shape) / BOX / FINE)
    if coarser > 1:
        digit = _cropped(Image.fromarray(digit).reduce(coarser))
    one_pixel = max(digit.shape) / BOX  # of the box, in pixels of the picture
    width = pen_width(digit)
    missing = THINNEST * one_pixel - width
    if missing > 0:
        # Twice what is missing, so that a pen just thin enough is hardly changed.
        reach = min(2 * missing, FULL_PEN * one_pixel - width) / 2
        digit = np.pad(digit, int(np.ceil(reach)) + 1)
        away = ndimage.distance_transform_edt(digit < 0.5 * digit.max())
        digit = np.maximum(digit, (reach + 1 - away).clip(0, 1)).astype(np.float32)
    return digit


def in_box(digit):
    """Scale a digit to fit 20×20 pixels, its proportions kept.

    Returns:
        np.ndarray, shape (height, width), the larger of them 20, float32 in [0, 1].
    """
    digit = _cropped(digit)
    factor = BOX / max(digit.shape)
    size = [max(1, round(factor * side)) for side in digit.shape]
    if tuple(size) == digit.shape:
        return digit
    image = Image.fromarray(digit)
    # Each new pixel is the mean of what it covers, hence the greys at MNIST's edges.
    return np.asarray(image.resize(size[::-1], Image.Resampling.HAMMING)).clip(0, 1)


def _cropped(digit):
    digit = np.asarray(digit, np.float32)
    ink = digit > 0
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        raise nothing_like_ink()
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def centred(digit):
    """Lay a digit of at most 20×20 into 28×28, the centre of its mass in the middle.

    Moved by whole pixels, as in MNIST, so that no stroke is smeared. The middle is the
    pixel of index 14, half a pixel right of and below the image's own: that is where
    the mass of MNIST's digits lies, within half a pixel, without an exception.

    Returns:
        np.ndarray, shape (28, 28), float32.
    """
    height, width = digit.shape
    row, column = ndimage.center_of_mass(digit)
    top = min(max(_whole(SIZE / 2 - row), 0), SIZE - height)
    left = min(max(_whole(SIZE / 2 - column), 0), SIZE - width)
    image = np.zeros((SIZE, SIZE), np.float32)
    image[top : top + height, left : left + width] = digit
    return image


def _whole(position):
    """Round to a whole pixel: of two that are equally near, to the first.

    A straight line or a square has its middle between two pixels; without the margin,
    errors of rounding would choose.
    """
    return math.ceil(position - 0.5 - 1e-4)
