"""Every corruption against a copy by hand, another function, or its own statistics."""

import numpy as np
import pytest
from scipy import ndimage

from utils import corruptions
from utils.corruptions import SEVERITIES

RANDOM = [name for name in SEVERITIES if name not in ("scale", "blur")]


@pytest.fixture
def x():
    """Sixty smooth random pictures with ink out to the edges, float32 in [0, 1]."""
    rough = np.random.default_rng(0).random((60, 28, 28))
    smooth = ndimage.gaussian_filter(rough, 1, axes=(1, 2))
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


# --- what all of them promise --------------------------------------------------------


@pytest.mark.parametrize("name", SEVERITIES)
def test_the_first_severity_is_harmless_and_the_others_are_not(name, x):
    function, severities, label = SEVERITIES[name]
    assert len(severities) in (5, 6) and label
    unharmed = function(x, severities[0], 0)
    np.testing.assert_array_equal(unharmed, x)
    assert not np.shares_memory(unharmed, x)
    damage = [np.abs(function(x, s, 0) - x).mean() for s in severities[1:]]
    assert min(damage) == damage[0] > 0.005


@pytest.mark.parametrize("name", SEVERITIES)
def test_shape_dtype_range_and_input_are_kept(name, x):
    before = x.copy()
    for severity in SEVERITIES[name].severities:
        harder = SEVERITIES[name].function(x, severity, 1)
        assert harder.shape == x.shape and harder.dtype == np.float32
        assert harder.min() >= 0 and harder.max() <= 1
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", SEVERITIES)
def test_one_image_and_blank_and_black_images_are_fine(name):
    function, severities, _ = SEVERITIES[name]
    for ink in (0, 1):
        image = np.full((1, 28, 28), ink, np.float32)
        harder = function(image, severities[-1], 0)
        assert harder.shape == (1, 28, 28)
        assert harder.min() >= 0 and harder.max() <= 1


@pytest.mark.parametrize("name", RANDOM)
def test_the_seed_decides(name, x):
    function, severities, _ = SEVERITIES[name]
    first = function(x, severities[-1], 7)
    np.testing.assert_array_equal(function(x, severities[-1], 7), first)
    assert not np.array_equal(function(x, severities[-1], 8), first)


# --- each one ------------------------------------------------------------------------


def moved_by_hand(image, pixels):
    """Return the image moved up, down, left and right, as four copies of slices."""
    up, down, left, right = np.zeros((4, 28, 28), np.float32)
    up[:-pixels], down[pixels:] = image[pixels:], image[:-pixels]
    left[:, :-pixels], right[:, pixels:] = image[:, pixels:], image[:, :-pixels]
    return [up, down, left, right]


@pytest.mark.parametrize("pixels", [1, 3, 27])
def test_shift_copies_each_image_in_one_of_four_directions(x, pixels):
    ways = []
    for image, moved in zip(x, corruptions.shift(x, pixels, seed=2), strict=True):
        same = [np.array_equal(moved, way) for way in moved_by_hand(image, pixels)]
        assert sum(same) == 1
        ways.append(same.index(True))
    assert set(ways) == {0, 1, 2, 3}


def test_shift_over_the_whole_image_leaves_paper(x):
    assert corruptions.shift(x, 28).max() == 0


def test_one_seed_shifts_the_same_way_at_each_severity(x):
    once_more = corruptions.shift(corruptions.shift(x, 1, seed=5), 1, seed=5)
    np.testing.assert_array_equal(once_more, corruptions.shift(x, 2, seed=5))


def test_rotation_by_90_degrees_is_rot90_to_either_side(x):
    turned = corruptions.rotate(x, 90, seed=3)
    left = np.isclose(turned, np.rot90(x, 1, (1, 2)), atol=1e-6).all(axis=(1, 2))
    right = np.isclose(turned, np.rot90(x, -1, (1, 2)), atol=1e-6).all(axis=(1, 2))
    assert (left ^ right).all()
    assert 10 < left.sum() < 50


def rotated_by_hand(image, degrees):
    """Rotate one image counterclockwise: each new pixel asks four old ones."""
    turned, angle = np.zeros((28, 28)), np.deg2rad(degrees)
    padded = np.pad(image, 1)
    for row, column in np.ndindex(28, 28):
        dy, dx = row - 13.5, column - 13.5
        old_row = 13.5 + np.cos(angle) * dy + np.sin(angle) * dx
        old_column = 13.5 - np.sin(angle) * dy + np.cos(angle) * dx
        i, j = int(np.floor(old_row)), int(np.floor(old_column))
        if -1 <= i <= 27 and -1 <= j <= 27:
            v, u = old_row - i, old_column - j
            corners = padded[i + 1 : i + 3, j + 1 : j + 3]
            turned[row, column] = [1 - v, v] @ corners @ [1 - u, u]
    return turned


def test_rotation_is_bilinear_about_the_centre(x):
    for image, turned in zip(x[:4], corruptions.rotate(x[:4], 25, seed=0), strict=True):
        left, right = rotated_by_hand(image, 25), rotated_by_hand(image, -25)
        errors = [np.abs(turned - way).max() for way in (left, right)]
        assert min(errors) < 1e-5 < 0.1 < max(errors)


def test_rotation_of_many_is_the_rotation_of_each(x):
    for image, turned in zip(x, corruptions.rotate(x, 33, seed=4), strict=True):
        ways = [
            ndimage.rotate(image, angle, reshape=False, order=1, mode="grid-constant")
            for angle in (33, -33)
        ]
        assert sum(np.array_equal(turned, way) for way in ways) == 1


def test_scale_by_half_averages_blocks_of_four(x):
    blocks = x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    expected = np.pad(blocks, ((0, 0), (7, 7), (7, 7)))
    np.testing.assert_allclose(corruptions.scale(x, 0.5), expected, atol=1e-6)


def test_scale_moves_each_point_away_from_the_centre():
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 10:18, 10:18] = 1  # 8 × 8 pixels in the middle
    for factor, side in [(0.5, 4), (1.5, 12), (2, 16)]:
        # Blended edges keep the area, up to the rounding of an edge.
        area = corruptions.scale(image, factor).sum()
        assert area == pytest.approx(side**2, rel=0.03)


def test_noise_has_the_mean_and_spread_that_were_asked_for():
    grey = np.full((200, 28, 28), 0.5, np.float32)
    added = corruptions.noise(grey, 0.1, seed=1) - grey
    # 156,800 draws; clipping begins five standard deviations away.
    assert added.mean() == pytest.approx(0, abs=0.001)
    assert added.std() == pytest.approx(0.1, rel=0.01)
    z = added.ravel() / 0.1
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.003)
    assert np.corrcoef(z[:-1], z[1:])[0, 1] == pytest.approx(0, abs=0.01)


def test_noise_on_paper_is_clipped_to_one_half_of_it():
    paper = np.zeros((200, 28, 28), np.float32)
    noisy = corruptions.noise(paper, 0.2, seed=1)
    assert np.mean(noisy == 0) == pytest.approx(0.5, abs=0.01)


def test_one_seed_draws_the_same_noise_at_each_severity():
    grey = np.full((5, 28, 28), 0.5, np.float32)
    weak, strong = (corruptions.noise(grey, sigma, 3) - grey for sigma in (0.05, 0.1))
    np.testing.assert_allclose(2 * weak, strong, atol=1e-6)


def test_blur_of_a_dot_is_a_gaussian():
    dot = np.zeros((1, 28, 28), np.float32)
    dot[0, 14, 14] = 1
    bell = np.exp(-0.5 * ((np.arange(28) - 14) / 2) ** 2)
    expected = np.outer(bell, bell) / bell.sum() ** 2
    np.testing.assert_allclose(corruptions.blur(dot, 2)[0], expected, atol=1e-4)


def test_blur_keeps_images_apart(x):
    alone = [corruptions.blur(image[None], 1.5)[0] for image in x]
    np.testing.assert_array_equal(corruptions.blur(x, 1.5), alone)


@pytest.mark.parametrize("size", [1, 4, 7])
def test_occlusion_is_one_square_on_the_ink(size):
    x = np.zeros((300, 28, 28), np.float32)
    x[:, 8:20, 8:20] = 0.5
    covered = corruptions.occlude(x, size, seed=0)
    assert set(np.unique(covered)) == {0, 0.5}
    corners = set()
    for lost in covered < x:
        rows, columns = np.nonzero(lost)
        # The square is centred on ink, so at least a quarter of it covers ink.
        assert size**2 / 4 <= lost.sum() <= size**2
        assert lost.sum() == len(set(rows)) * len(set(columns))
        corners.add((rows.min(), columns.min()))
    assert len(corners) > 25


def test_occlusion_draws_its_place_evenly_over_the_ink():
    x = np.zeros((4000, 28, 28), np.float32)
    x[:, 3, 3], x[:, 3, 20], x[:, 25, 5], x[:, 14, 14] = 0.1, 0.5, 0.9, 1
    lost = (corruptions.occlude(x, 1, seed=0) < x).sum(axis=0)
    assert lost.sum() == 4000
    hits = lost[[3, 3, 25, 14], [3, 20, 5, 14]]
    assert hits.min() > 900 and hits.max() < 1100


def test_a_larger_square_contains_the_smaller_one(x):
    small, large = (corruptions.occlude(x, size, seed=1) for size in (5, 10))
    assert (large <= small).all()


# --- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize("name", SEVERITIES)
@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        (np.zeros((2, 28, 28), np.uint8), "uint8"),
        (np.zeros((2, 28, 28)), "float64"),
        ([[0.0]], "list"),
        (np.zeros((28, 28), np.float32), "shape (28, 28)"),
        (np.zeros((2, 28, 28, 1), np.float32), "x[..., 0]"),
        (np.zeros((2, 784), np.float32), "shape (2, 784)"),
        (np.zeros((0, 28, 28), np.float32), "shape (0, 28, 28)"),
        (np.full((2, 28, 28), 255, np.float32), "255"),
        (np.full((2, 28, 28), -0.1, np.float32), "[-0.1"),
        (np.full((2, 28, 28), np.nan, np.float32), "nan"),
    ],
)
def test_other_images_are_refused(name, images, complaint):
    function, severities, _ = SEVERITIES[name]
    with pytest.raises(ValueError) as error:
        function(images, severities[-1], 0)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("name", "severity", "complaint"),
    [
        ("shift", -1, "pixels is -1. Expected a whole number from 0 to 28"),
        ("shift", 1.5, "pixels is 1.5"),
        ("shift", 29, "pixels is 29"),
        ("rotate", -10, "degrees is -10. Expected a number from 0 to 180"),
        ("rotate", np.nan, "degrees is nan"),
        ("scale", 0, "factor is 0. Expected a number from 0.1 to 10"),
        ("scale", -1, "factor is -1"),
        ("scale", "0.3", "factor is '0.3'. Expected a number"),
        ("noise", None, "sigma is None"),
        ("rotate", [10, 20], "degrees is [10, 20]"),
        ("noise", -0.1, "sigma is -0.1. Expected a number of 0 or more"),
        ("noise", np.inf, "sigma is inf"),
        ("blur", -1, "sigma is -1. Expected a number from 0 to 28"),
        ("blur", np.nan, "sigma is nan"),
        ("occlude", 2.5, "size is 2.5. Expected a whole number from 0 to 28"),
        ("occlude", -2, "size is -2"),
    ],
)
def test_other_severities_are_refused(name, severity, complaint, x):
    with pytest.raises(ValueError) as error:
        SEVERITIES[name].function(x, severity, 0)
    assert complaint in str(error.value)


def test_beyond_the_edge_there_is_paper_when_an_image_is_blurred():
    x = np.random.default_rng(0).random((3, 28, 28), np.float32)
    wide = np.pad(x, ((0, 0), (20, 20), (20, 20)))
    expected = ndimage.gaussian_filter(wide, 1.5, axes=(1, 2))[:, 20:-20, 20:-20]
    np.testing.assert_allclose(corruptions.blur(x, 1.5), expected, atol=1e-5)


def test_the_stress_test_asks_for_every_kind_and_severity():
    """Each reader sees the same images, and each kind has a row for each severity."""
    x = np.random.default_rng(0).random((7, 28, 28)).astype(np.float32)
    y = np.arange(7)
    seen = {"dim": [], "bright": []}

    def reader(name, least):
        def answers(images):
            seen[name].append(images)
            return np.tile(y, len(images) // 7) * (images.mean(axis=(1, 2)) > least)

        return answers

    readers = {"dim": reader("dim", 0.3), "bright": reader("bright", 0.5)}
    found = corruptions.stress_test(readers, x, y, seed=3)
    asked = {name: list(images) for name, images in seen.items()}
    assert set(found) == set(readers)
    for name, hits in found.items():
        assert set(hits) == set(corruptions.SEVERITIES)
        unharmed, *damaged = asked[name]  # no kind's first severity harms: asked once
        for (kind, rows), images in zip(hits.items(), damaged, strict=True):
            damage, severities, _ = corruptions.SEVERITIES[kind]
            assert rows.shape == (len(severities), 7) and rows.dtype == bool
            parts = np.concatenate([unharmed, images]).reshape(-1, 7, 28, 28)
            for row, part, severity in zip(rows, parts, severities, strict=True):
                np.testing.assert_array_equal(part, damage(x, severity, seed=3))
                np.testing.assert_array_equal(row, readers[name](part) == y)
    assert not all(np.array_equal(found["dim"][k], found["bright"][k]) for k in hits)


def test_the_severities_are_those_that_the_shipped_runs_were_tested_with():
    """Their stress.npz holds hits, not severities.

    Whoever changes a number tests them anew (`course.py reference --force`), then
    writes it here.
    """
    assert {name: severities for name, (_, severities, _) in SEVERITIES.items()} == {
        "shift": (0, 1, 2, 3, 4, 6),
        "rotate": (0, 10, 20, 30, 45, 60),
        "scale": (1.0, 0.9, 0.8, 0.7, 0.6, 0.5),
        "noise": (0.0, 0.1, 0.2, 0.4, 0.6, 0.8),
        "blur": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0),
        "occlude": (0, 4, 6, 8, 10, 14),
    }
