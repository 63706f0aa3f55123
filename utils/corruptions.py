"""Test digits made harder: shifted, turned, shrunk, noisy, blurred, covered.

Every corruption is called as function(x, severity, seed) and returns new images:

    x         images, shape (n, 28, 28), float32, 0 = paper, 1 = ink; never changed
    severity  how strong, in the unit that SEVERITIES gives
    seed      of what is left to chance; one seed draws the same directions, the same
              noise and the same places at each severity, so that a curve over the
              severities shows the severity alone

The result has the same shape and dtype and lies in [0, 1]. A ValueError tells what is
wrong with other images or severities.

After: N. Mu, J. Gilmer, "MNIST-C: a robustness benchmark for computer vision", 2019;
D. Hendrycks, T. Dietterich, "Benchmarking neural network robustness to common
corruptions and perturbations", ICLR 2019.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy  # which imports its parts where they are first used

SIZE = 28
CENTRE = (SIZE - 1) / 2


def shift(x, pixels, seed=0):
    """Move each digit up, down, left or right; what is uncovered is paper.

    Args:
        x: images, shape (n, 28, 28), float32 in [0, 1].
        pixels: how far, a whole number from 0 to 28; pixels are copied, not blended.
        seed: draws one of the four directions for each image.

    Returns:
        np.ndarray, shape (n, 28, 28), float32 in [0, 1].
    """
    _check_images(x)
    _check_severity(pixels, "pixels", 0, SIZE, whole=True)
    directions = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    drawn = np.random.default_rng(seed).integers(len(directions), size=len(x))
    moved = np.empty_like(x)
    for number, direction in enumerate(directions):
        chosen = drawn == number
        moved[chosen] = scipy.ndimage.shift(
            x[chosen], (0, *pixels * direction), order=0
        )
    return moved


def rotate(x, degrees, seed=0):
    """Turn each digit about the centre of its image, one way or the other.

    Args:
        x: images, shape (n, 28, 28), float32 in [0, 1].
        degrees: how far, from 0 to 180; the four nearest pixels are blended (bilinear).
        seed: draws for each image whether it turns left (counterclockwise) or right.

    Returns:
        np.ndarray, shape (n, 28, 28), float32 in [0, 1].
    """
    _check_images(x)
    _check_severity(degrees, "degrees", 0, 180)
    to_the_left = np.random.default_rng(seed).random(len(x)) < 0.5
    turned = np.empty_like(x)
    for chosen, angle in ((to_the_left, degrees), (~to_the_left, -degrees)):
        turned[chosen] = scipy.ndimage.rotate(
            x[chosen], angle, axes=(1, 2), reshape=False, order=1, mode="grid-constant"
        )
    return turned


def scale(x, factor, seed=None):
    """Shrink or enlarge each digit about the centre of its image.

    Args:
        x: images, shape (n, 28, 28), float32 in [0, 1].
        factor: new size over old size, from 0.1 to 10; the four nearest pixels are
            blended (bilinear). Above 1.4 = 28/20 the digits outgrow the image: MNIST
            draws them 20 pixels large.
        seed: not used, nothing is left to chance.

    Returns:
        np.ndarray, shape (n, 28, 28), float32 in [0, 1].
    """
    _check_images(x)
    _check_severity(factor, "factor", 0.1, 10)
    step = 1 / factor  # SciPy asks where each new pixel comes from, hence the inverse
    start = CENTRE - step * CENTRE
    return scipy.ndimage.affine_transform(
        x, (1, step, step), (0, start, start), order=1, mode="grid-constant"
    )


def noise(x, sigma, seed=0):
    """Add Gaussian noise to each pixel and clip the sum to [0, 1].

    Args:
        x: images, shape (n, 28, 28), float32 in [0, 1].
        sigma: standard deviation of the noise, 0 or more; 1 is the step from paper to
            ink.
        seed: draws the noise.

    Returns:
        np.ndarray, shape (n, 28, 28), float32 in [0, 1].
    """
    _check_images(x)
    _check_severity(sigma, "sigma", 0, np.inf)
    drawn = np.random.default_rng(seed).standard_normal(x.shape, dtype=np.float32)
    return (x + np.float32(sigma) * drawn).clip(0, 1)


def blur(x, sigma, seed=None):
    """Blur each digit with a Gaussian; beyond the edge is paper.

    Args:
        x: images, shape (n, 28, 28), float32 in [0, 1].
        sigma: standard deviation of the Gaussian in pixels, from 0 to 28.
        seed: not used, nothing is left to chance.

    Returns:
        np.ndarray, shape (n, 28, 28), float32 in [0, 1].
    """
    _check_images(x)
    _check_severity(sigma, "sigma", 0, SIZE)
    return scipy.ndimage.gaussian_filter(x, sigma, axes=(1, 2), mode="constant")


def occlude(x, size, seed=0):
    """Cover part of each digit with a square of paper.

    The square is centred on a pixel of the digit's own ink, drawn at random, so that it
    always hides some of the digit; it may reach over the edge of the image. With the
    same seed a larger square contains the smaller one.

    Args:
        x: images, shape (n, 28, 28), float32 in [0, 1].
        size: side of the square in pixels, a whole number from 0 to 28.
        seed: draws the pixel of ink.

    Returns:
        np.ndarray, shape (n, 28, 28), float32 in [0, 1].
    """
    _check_images(x)
    _check_severity(size, "size", 0, SIZE, whole=True)
    lots = np.random.default_rng(seed).random(x.shape, dtype=np.float32)
    winners = np.where(x > 0, lots, -1).reshape(len(x), -1).argmax(axis=1)
    rows, columns = np.unravel_index(winners, (SIZE, SIZE))
    covered = _span(rows, size)[:, :, None] & _span(columns, size)[:, None, :]
    return np.where(covered, np.float32(0), x)


def _span(middle, size):
    """Mark the rows (or columns) of a square, shape (n, 28), bool."""
    first = middle[:, None] - size // 2
    lines = np.arange(SIZE)
    return (lines >= first) & (lines < first + size)


class Corruption(NamedTuple):
    """A corruption, the severities to try (the first is harmless), an axis label."""

    function: Callable
    severities: tuple
    label: str


SEVERITIES = {
    "shift": Corruption(shift, (0, 1, 2, 3, 4, 6), "shift (pixels)"),
    "rotate": Corruption(rotate, (0, 10, 20, 30, 45, 60), "rotation (degrees)"),
    "scale": Corruption(
        scale, (1.0, 0.9, 0.8, 0.7, 0.6, 0.5), "size (of the original)"
    ),
    "noise": Corruption(
        noise, (0.0, 0.1, 0.2, 0.4, 0.6, 0.8), "noise (standard deviation)"
    ),
    "blur": Corruption(blur, (0.0, 0.5, 1.0, 1.5, 2.0, 3.0), "blur (pixels)"),
    "occlude": Corruption(occlude, (0, 4, 6, 8, 10, 14), "covered square (pixels)"),
}


def stress_test(readers, x, y, seed=0):
    """Find which digits are still read when they are damaged, the same by all readers.

    Args:
        readers: dict from a reader's name to its function from images, shape
            (m, 28, 28), float32, to labels, (m,).
        x: images, shape (n, 28, 28), float32 in [0, 1].
        y: their labels, shape (n,).
        seed: of the damage.

    Returns:
        dict from the reader's name to a dict from the kind of damage to hits, shape
        (severities, n), bool: one row for each severity of SEVERITIES.
    """
    # Each kind's first severity harms nothing: it is asked once.
    unharmed = {name: np.asarray(read(x)) == y for name, read in readers.items()}
    hits = {name: {} for name in readers}
    for kind, (corrupt, severities, _) in SEVERITIES.items():
        damaged = np.concatenate([corrupt(x, s, seed=seed) for s in severities[1:]])
        for name, read in readers.items():
            right = np.asarray(read(damaged)).reshape(-1, len(x)) == y
            hits[name][kind] = np.vstack([unharmed[name], right])
    return hits


# --- checks --------------------------------------------------------------------------


def _check_images(x):
    if not isinstance(x, np.ndarray) or x.dtype != np.float32:
        kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise ValueError(
            f"The images are {kind}. Expected a float32 array in [0, 1]: scale bytes "
            'with x.astype("float32") / 255.'
        )
    if x.ndim != 3 or x.shape[1:] != (SIZE, SIZE) or len(x) == 0:
        raise ValueError(
            f"The images have shape {x.shape}. Expected (n, 28, 28): take a channel "
            "away with x[..., 0], make a batch of one image with x[None]."
        )
    # Written so that NaN fails, too.
    if not (x.min() >= 0 and x.max() <= 1):
        raise ValueError(
            f"The images lie in [{x.min()}, {x.max()}]. Expected [0, 1]: divide bytes "
            "by 255."
        )


def _check_severity(severity, name, low, high, whole=False):
    is_number = isinstance(severity, int | float | np.number)
    fits = is_number and low <= severity <= high and severity < np.inf
    if not fits or (whole and severity != int(severity)):
        kind = "whole number" if whole else "number"
        limits = f"from {low} to {high}" if high < np.inf else f"of {low} or more"
        raise ValueError(f"{name} is {severity!r}. Expected a {kind} {limits}.")
