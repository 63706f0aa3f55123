"""The UCI digits in MNIST's style: size, place, ink."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits

from utils.uci import load_uci_digits, to_mnist_style


def test_all_digits_come_with_their_labels():
    x, y = load_uci_digits()
    assert x.shape == (1797, 28, 28) and x.dtype == np.float32
    assert y.dtype == np.uint8 and (y == load_digits().target).all()
    assert x.min() == 0 and 0.95 < x.max() <= 1


def test_digits_are_centred_by_mass_and_fit_the_box():
    x, _ = load_uci_digits()
    centres = np.array([ndimage.center_of_mass(image) for image in x])
    assert np.abs(centres - 14).max() <= 0.5 + 1e-6
    rows, columns = (x > 0).any(axis=2).sum(axis=1), (x > 0).any(axis=1).sum(axis=1)
    assert rows.max() <= 20 and columns.max() <= 20


def test_the_shape_of_the_digit_is_kept():
    # Averaged back to 8 by 8 pixels, an enlarged digit is the small one.
    small = load_digits().images[:50] / 16
    for image, large in zip(small, to_mnist_style(small), strict=True):
        row, column = (np.flatnonzero(large.any(axis=k))[0] for k in (1, 0))
        correlations = []
        for top in range(max(0, row - 3), min(8, row + 1) + 1):
            for left in range(max(0, column - 3), min(8, column + 1) + 1):
                box = large[top : top + 20, left : left + 20]
                back = ndimage.zoom(box, 0.4, order=1, grid_mode=True, mode="nearest")
                correlations.append(np.corrcoef(back.ravel(), image.ravel())[0, 1])
        assert max(correlations) > 0.95


def test_an_empty_image_stays_empty():
    assert (to_mnist_style(np.zeros((1, 8, 8))) == 0).all()


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 9), (1, 28, 28)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        to_mnist_style(np.zeros(shape))
