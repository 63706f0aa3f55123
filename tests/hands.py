"""Digits as hands write them: what a tablet or a mouse records, point by point.

The hands are a program's, and a seed makes the same ones again. A pen slows down in
bends and at the ends of a stroke, trembles, is lifted where it need not be, and is
asked for its place at uneven times, in whole pixels.

Strokes of real writers were recorded in the file pendigits-orig.tes of E. Alpaydin and
F. Alimoglu, "Pen-Based Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998, CC BY 4.0. It is not part of the course. Whoever has it can draw with
them: PENDIGITS=…/pendigits-orig.tes pytest tests/test_browser_draw.py
"""

import re
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from utils.canvas.strokes import DIGITS, VARIANTS, path

PIXELS = 280  # a side of the paper on the screen
STEPS = 40  # places of the pen between two points of a stroke
INTERVALS = (8, 8, 8, 8, 16, 16, 24)  # milliseconds: some events are late, or lost
LIFTED = 0.12  # how often a stroke is made of two


def drawings(n, seed, size=0.8, place=(0, 0)):
    """Return the drawings of n hands, 0 to 9 and again.

    Args:
        n: how many.
        seed: int; the same hands for the same seed.
        size: side of the square that a digit fits, in sides of the paper.
        place: where its middle is, (x, y) from the paper's middle; a hand misses it by
            a tenth of a side at most.

    Returns:
        list of (digit, drawing); a drawing is a list of strokes, a stroke a list of
        points (x, y) in [0, 1], y down.
    """
    rng = np.random.default_rng(seed)
    return [(k % 10, drawing(k % 10, size, place, rng)) for k in range(n)]


def drawing(digit, size, place, rng):
    """Return one drawing of a digit."""
    ways = [make for number, make in VARIANTS.values() if number == digit]
    shape = DIGITS[digit]
    if ways and rng.random() < 0.3:  # a seven with a bar, a four that is open
        shape = ways[rng.integers(len(ways))](rng.uniform(0.3, 0.6))
    matrix = np.array([[rng.uniform(0.8, 1.2), rng.uniform(-0.25, 0.25)], [0, 1]])
    middle = 0.5 + np.array(place) + rng.uniform(-0.1, 0.1, 2)
    pace = rng.uniform(5, 14)
    strokes = []
    for stroke in shape:
        points = np.array(stroke) - 0.5
        corners = (points[1:] == points[:-1]).all(axis=1)
        points += rng.normal(0, 0.012, points.shape)
        points[1:][corners] = points[:-1][corners]
        way = trembling(path(points, STEPS) @ matrix.T, rng)
        for part in lifted(way, rng):
            places = recorded_at(part, seconds(part) / pace, rng) * size + middle
            strokes.append((places * PIXELS).round().clip(0, PIXELS) / PIXELS)
    return [stroke.tolist() for stroke in strokes]


def trembling(points, rng):
    """Return a pen's way with the tremor of a hand, smooth on a scale of 20 places."""
    tremor = gaussian_filter1d(rng.normal(size=points.shape), 20, axis=0)
    return points + rng.uniform(0.01, 0.04) * tremor


def lifted(points, rng):
    """Return a way in one piece, or sometimes in two, with a gap or with an overlap."""
    if len(points) < 4 * STEPS or rng.random() > LIFTED:
        return [points]
    middle = int(rng.integers(len(points) // 3, 2 * len(points) // 3))
    gap = int(rng.integers(-STEPS // 4, STEPS // 4))
    return [points[:middle], points[middle + gap :]]


def seconds(points):
    """Return when a pen is where on its way, in seconds for a pace of 1.

    Source: speed goes with the cube root of the radius of a bend: F. Lacquaniti,
    C. Terzuolo and P. Viviani, "The law relating the kinematic and figural aspects of
    drawing movements", 1983.
    """
    way = np.diff(points, axis=0)
    length = np.hypot(*way.T) + 1e-9
    bend = np.abs(np.diff(np.unwrap(np.arctan2(way[:, 1], way[:, 0])), prepend=0))
    bend[0] = 0
    curvature = gaussian_filter1d(bend, 3) / gaussian_filter1d(length, 3)
    done = (np.cumsum(length) - length / 2) / length.sum()
    at_the_ends = 0.25 + np.sqrt(done * (1 - done))
    speed = at_the_ends / np.cbrt(1 + curvature)
    return np.concatenate([[0], np.cumsum(length / speed)])


def recorded_at(points, times, rng):
    """Return the places of a pen at uneven times, its first and last among them."""
    most = int(1000 * times[-1] / min(INTERVALS)) + 2
    ticks = np.cumsum(rng.choice(INTERVALS, most) * rng.uniform(0.9, 1.1, most)) / 1000
    ticks = [0, *ticks[ticks < times[-1]], times[-1]]
    return np.column_stack([np.interp(ticks, times, axis) for axis in points.T])


def recorded(file, n, sizes):
    """Return n drawings for each size from a file in UNIPEN's form, as drawings()."""
    text = Path(file).read_text(encoding="latin-1")
    segments = re.split(r"\.SEGMENT DIGIT", text)[1 : 1 + n * len(sizes)]
    found = []
    for k, segment in enumerate(segments):
        parts = re.findall(r"\.PEN_DOWN(.*?)\.PEN_UP", segment, re.DOTALL)
        strokes = [np.array(part.split(), float).reshape(-1, 2) for part in parts]
        points = np.concatenate(strokes)
        low, high = points.min(axis=0), points.max(axis=0)
        scale = sizes[k % len(sizes)] / (high - low).max() * np.array([1, -1])
        placed = [0.5 + (stroke - (low + high) / 2) * scale for stroke in strokes]
        digit = int(re.search(r'"(\d)"', segment)[1])
        found.append((digit, [stroke.tolist() for stroke in placed]))
    return found
