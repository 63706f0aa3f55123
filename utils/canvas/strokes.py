"""Digits as the paths of a pen, and a pen that draws them.

A drawing is a list of strokes, a stroke a list of points (x, y) in a square of side 1,
x to the right, y down. Between its points a stroke is a smooth curve; a point given
twice is a corner.
"""

import numpy as np
from PIL import Image, ImageDraw

DIGITS = (
    [
        [
            *[(0.52, 0.08), (0.30, 0.20), (0.21, 0.50), (0.31, 0.82), (0.50, 0.92)],
            *[(0.70, 0.80), (0.79, 0.50), (0.70, 0.18), (0.52, 0.08)],
        ]
    ],
    [[(0.56, 0.08), (0.44, 0.92)]],
    [
        [
            *[(0.26, 0.30), (0.34, 0.14), (0.53, 0.08), (0.70, 0.20), (0.67, 0.40)],
            *[(0.48, 0.64), (0.24, 0.89), (0.24, 0.89), (0.78, 0.87)],
        ]
    ],
    [
        [
            *[(0.27, 0.18), (0.46, 0.08), (0.67, 0.17), (0.65, 0.36), (0.44, 0.47)],
            *[(0.44, 0.47), (0.68, 0.56), (0.73, 0.75), (0.53, 0.92), (0.25, 0.84)],
        ]
    ],
    [
        [(0.33, 0.10), (0.24, 0.53), (0.24, 0.53), (0.74, 0.50)],
        [(0.68, 0.14), (0.58, 0.92)],
    ],
    [
        [
            *[(0.72, 0.10), (0.37, 0.10), (0.37, 0.10), (0.31, 0.44), (0.31, 0.44)],
            *[(0.52, 0.40), (0.70, 0.53), (0.69, 0.76), (0.50, 0.92), (0.25, 0.84)],
        ]
    ],
    [
        [
            *[(0.64, 0.08), (0.42, 0.26), (0.29, 0.55), (0.33, 0.82), (0.50, 0.92)],
            *[(0.68, 0.81), (0.66, 0.62), (0.51, 0.54), (0.36, 0.63), (0.31, 0.74)],
        ]
    ],
    [[(0.22, 0.13), (0.74, 0.11), (0.74, 0.11), (0.57, 0.48), (0.46, 0.92)]],
    [
        [
            *[(0.66, 0.17), (0.50, 0.08), (0.33, 0.20), (0.41, 0.40), (0.60, 0.58)],
            *[(0.67, 0.77), (0.49, 0.92), (0.31, 0.77), (0.39, 0.57), (0.60, 0.38)],
            *[(0.68, 0.22), (0.64, 0.15)],
        ]
    ],
    [
        [
            *[(0.67, 0.21), (0.50, 0.09), (0.32, 0.21), (0.33, 0.41), (0.49, 0.49)],
            *[(0.64, 0.39), (0.67, 0.21), (0.67, 0.21), (0.64, 0.55), (0.55, 0.92)],
        ]
    ],
)


def path(stroke, steps=16):
    """Return the points of a stroke, close enough together for straight lines.

    Args:
        stroke: points (x, y); one given twice is a corner.
        steps: how many points for each given one.

    Returns:
        np.ndarray, shape (n, 2), float64, x and y.

    Source: the curve between corners is the spline of E. Catmull and R. Rom, "A class
    of local interpolating splines", 1974: it passes through the points.
    """
    points = np.asarray(stroke, float)
    corners = np.flatnonzero((points[1:] == points[:-1]).all(axis=1)) + 1
    return np.concatenate([_spline(part, steps) for part in np.split(points, corners)])


def _spline(points, steps):
    if len(points) < 2:
        return points
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    curves = [
        b
        + 0.5 * t * (c - a)
        + t**2 * (a - 2.5 * b + 2 * c - 0.5 * d)
        + t**3 * (-0.5 * a + 1.5 * b - 1.5 * c + 0.5 * d)
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.concatenate([*curves, points[-1:]])


def draw(strokes, size=280, pen=0.1):
    """Draw strokes with a round pen.

    Args:
        strokes: a drawing, such as DIGITS[7].
        size: side of the square in pixels.
        pen: width of the pen, as a part of that side.

    Returns:
        np.ndarray, shape (size, size), float32 in [0, 1], 0 = paper, 1 = ink.
    """
    larger = 4 * size  # drawn hard-edged and large, then averaged: soft edges
    page = Image.new("L", (larger, larger))
    brush = ImageDraw.Draw(page)
    radius = pen * larger / 2
    for stroke in strokes:
        points = path(stroke) * larger
        brush.line([tuple(p) for p in points], fill=255, width=round(2 * radius))
        for x, y in points:
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    page = page.resize((size, size), Image.Resampling.BOX)
    return np.asarray(page, np.float32) / 255


# --- other ways to write -------------------------------------------------------------


def _flagged_one(much):
    end = (0.6 - 0.5 * much, 0.09 + 0.55 * much)
    return [[end, (0.6, 0.09), (0.6, 0.09), (0.6, 0.92)]]


def _footed_one(much):
    foot = [(0.52 - 0.45 * much, 0.9), (0.52 + 0.45 * much, 0.9)]
    return [[(0.52, 0.09), (0.52, 0.9)], foot]


def _open_four(much):
    left, right = 0.5 - 0.4 * much, 0.5 + 0.4 * much
    basin = [(left, 0.08), (left, 0.54), (left, 0.54), (right, 0.54)]
    return [basin, [(right, 0.08), (right, 0.92)]]


def _barred_seven(much):
    return [*DIGITS[7], [(0.55 - 0.4 * much, 0.53), (0.55 + 0.4 * much, 0.5)]]


def _low_bar_seven(much):
    return [*DIGITS[7], [(0.3, 0.3 + 0.6 * much), (0.75, 0.28 + 0.6 * much)]]


def _slashed_zero(much):
    slash = [
        (0.5 + 0.45 * much, 0.5 - 0.5 * much),
        (0.5 - 0.45 * much, 0.5 + 0.5 * much),
    ]
    return [*DIGITS[0], slash]


# Name to (digit, function): the function takes how much of it there is, from 0 to 1,
# and returns a drawing.
VARIANTS = {
    "a one with a flag": (1, _flagged_one),
    "a one with a foot": (1, _footed_one),
    "a four, ever wider open": (4, _open_four),
    "a seven with a bar": (7, _barred_seven),
    "the same bar, ever lower": (7, _low_bar_seven),
    "a zero with a slash": (0, _slashed_zero),
}
NO_DIGITS = {
    "a cross": [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]],
    "a letter": [
        [(0.15, 0.9), (0.5, 0.1), (0.5, 0.1), (0.85, 0.9)],
        [(0.3, 0.6), (0.7, 0.6)],
    ],
    "a wave": [
        [(0.05, 0.5), (0.2, 0.35), (0.4, 0.65), (0.6, 0.35), (0.8, 0.65), (0.95, 0.5)]
    ],
    "a smile": [
        [(0.35, 0.25), (0.35, 0.33)],
        [(0.65, 0.25), (0.65, 0.33)],
        [(0.2, 0.6), (0.35, 0.78), (0.5, 0.83), (0.65, 0.78), (0.8, 0.6)],
    ],
}
