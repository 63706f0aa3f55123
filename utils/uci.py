"""Other people's handwriting: the UCI digits, made to look like MNIST's.

13 people wrote them on forms, collected at Boğaziçi University in Istanbul; MNIST's
writers were Americans. scikit-learn ships these 1,797 digits as images of 8 by 8 pixels
(the test set of that collection).

Source: E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI Machine
Learning Repository, 1998.
"""

import numpy as np
import scipy  # which imports its parts where they are first used

SIZE, BOX = 28, 20  # MNIST: the digit fits a box of 20 pixels in an image of 28


def load_uci_digits():
    """Return the UCI digits in MNIST's style.

    Returns:
        (x, y): images, shape (1797, 28, 28), float32, 0 = paper, 1 = ink; and labels,
        shape (1797,), uint8.
    """
    from sklearn.datasets import load_digits

    small, y = load_digits(return_X_y=True)
    return to_mnist_style(small.reshape(-1, 8, 8) / 16), y.astype(np.uint8)


def to_mnist_style(small):
    """Enlarge digits to MNIST's box and centre their mass, as MNIST's makers did.

    Args:
        small: square images whose digits fill them, shape (n, side, side), in [0, 1],
            0 = paper, side at most 20.

    Returns:
        np.ndarray, shape (n, 28, 28), float32 in [0, 1]. The centre of the ink's mass
        is within half a pixel of the pixel of index 14, where MNIST has it, unless ink
        would be cut off.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
    """
    small = np.asarray(small, np.float32)
    if small.ndim != 3 or small.shape[1] != small.shape[2] or small.shape[1] > BOX:
        raise ValueError(
            f"The images have shape {small.shape}. Expected (n, side, side), side at "
            f"most {BOX} pixels."
        )
    zoom = BOX / small.shape[1]
    # grid_mode: pixels have an area, so that the image's edges stay its edges.
    large = scipy.ndimage.zoom(
        small, (1, zoom, zoom), order=3, mode="grid-constant", grid_mode=True
    ).clip(0, 1)
    placed = np.zeros((len(small), SIZE, SIZE), np.float32)
    margin = SIZE - BOX
    for image, digit in zip(placed, large, strict=True):
        row, column = (_first(digit.sum(axis=axis), margin) for axis in (1, 0))
        image[row : row + BOX, column : column + BOX] = digit
    return placed


def _first(mass, margin):
    """Return where the box must begin for the mass to be where MNIST has it."""
    total = mass.sum()
    middle = (mass * np.arange(len(mass))).sum() / total if total else (BOX - 1) / 2
    return int(np.clip(round(SIZE / 2 - middle), 0, margin))
