"""Where a printed form lies on a photo: its marks found, its perspective undone.

A mark is a disc in a ring, as on many printed targets: from whatever side it is seen,
the two have the same middle, and hardly anything else on a page has that.
"""

import itertools

import numpy as np
from PIL import Image
from scipy import ndimage

from utils.handwriting.errors import HandwritingError

MOST_MARKS = 12  # candidates; a page has five
SMALLEST = 4  # pixels across a disc
LEVELS = (0.35, 0.5, 0.65, 0.8)


def find_marks(strokes):
    """Return the middles of all marks, shape (n, 2), x and y in pixels.

    Args:
        strokes: shape (height, width), from 0 = paper to 1 = ink. It is cut at several
            levels: what blur has joined at one is apart at a higher one.
    """
    found = np.concatenate([_marks_of(strokes > level) for level in LEVELS])
    found = found[np.argsort(-found[:, 2], kind="stable")]
    once = []
    for mark in found:
        if all(np.hypot(*(mark - other)[:2]) > SMALLEST for other in once):
            once.append(mark)
    return np.array(once[:MOST_MARKS]).reshape(-1, 3)[:, :2]


def _marks_of(mask):
    """Return x, y and the disc's area of each mark, shape (n, 3).

    A region of the area A is as round as can be, seen from any side, where the root of
    the determinant of its covariance is A / 4π: that holds for ellipses, and is larger
    for all other shapes.
    """
    labels, n = ndimage.label(mask, np.ones((3, 3)))
    rows, columns = np.nonzero(mask)
    owner = labels[rows, columns]

    def total(weights=None):
        return np.bincount(owner, weights, minlength=n + 1)[1:]

    area = total()
    y, x = total(rows) / area, total(columns) / area
    yy = total(rows**2.0) / area - y**2 + 1 / 12  # a pixel is a square, no point
    xx = total(columns**2.0) / area - x**2 + 1 / 12
    xy = total(rows * columns.astype(float)) / area - x * y
    spread = 4 * np.pi * np.sqrt(np.maximum(xx * yy - xy**2, 0)) / area
    size = np.sqrt(xx + yy)
    lean = np.hypot(xx - yy, 2 * xy) / (xx + yy)  # 0 is round, 1 is a line
    large = area > SMALLEST**2 / 2
    discs = np.flatnonzero(large & (spread < 1.1) & (lean < 0.75))
    rings = np.flatnonzero(large & (spread > 1.7) & (spread < 6) & (lean < 0.75))
    found = []
    for k in discs:
        apart = np.hypot(x[rings] - x[k], y[rings] - y[k])
        larger = size[rings] / size[k]
        fits = (apart < 0.2 * size[rings]) & (larger > 1.6) & (larger < 5)
        if fits.any():
            found.append((x[k], y[k], area[k]))
    return np.array(found).reshape(-1, 3)


def match(marks, layout, tolerance):
    """Return the perspective under which the marks are those of a layout.

    Four of them give a perspective, the fifth tells whether it is the right one, and
    which way is up.

    Args:
        marks: shape (n, 2), as find_marks() returns them.
        layout: shape (5, 2), where they are on the form: the four corners in order,
            clockwise from the upper left one, and the one that tells the ways apart.
        tolerance: how far off the fifth may be, in the layout's unit.

    Returns:
        np.ndarray, shape (3, 3): from the layout to the photo.

    Raises:
        HandwritingError: there are no five that fit.
    """
    layout = np.asarray(layout, float)
    best, least = None, tolerance
    for four in itertools.combinations(range(len(marks)), 4):
        corners = _clockwise(marks[list(four)])
        if corners is None:
            continue
        others = np.delete(marks, four, axis=0)
        for first in range(4):
            turned = np.roll(corners, -first, axis=0)
            back = perspective(turned, layout[:4])
            if not len(others):
                continue
            off = np.hypot(*(apply(back, others) - layout[4]).T)
            if off.min() < least:
                least = off.min()
                seen = np.vstack([turned, others[np.argmin(off)]])
                best = perspective(layout, seen)
    if best is None and len(marks) >= 5:
        raise HandwritingError(
            "Ring marks were found, but not where the page has its five: is the photo "
            "mirrored, or do other rings lie around? Photograph the printed page "
            "alone, flat, from above."
        )
    if best is None:
        raise HandwritingError(
            f"{len(marks)} of the page's five ring marks were found, and all "
            "are needed. Photograph the whole printed page, flat, in even light, "
            "nothing lying on its corners."
        )
    return best


def _clockwise(points):
    """Return four points clockwise on a picture; None if they are no convex four."""
    middle = points.mean(axis=0)
    order = np.argsort(np.arctan2(*(points - middle).T[::-1]))
    points = points[order]
    side = np.roll(points, -1, axis=0) - points
    after = np.roll(side, -1, axis=0)
    turn = side[:, 0] * after[:, 1] - side[:, 1] * after[:, 0]
    size = np.hypot(*side.T)
    convex = (turn > 0.2 * size * np.roll(size, -1)).all()
    return points if convex and size.min() > 0.3 * size.max() else None


def perspective(source, target):
    """Return the perspective from points to points, shape (3, 3), least squares.

    R. Hartley, A. Zisserman, "Multiple View Geometry in Computer Vision", chapter 4:
    the direct linear transformation with its last number set to 1.

    Args:
        source, target: shape (n, 2), x and y, n at least 4.
    """
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y]]
        rows += [[0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    found = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    return np.append(found, 1).reshape(3, 3)


def apply(matrix, points):
    """Return where a perspective takes points, shape (n, 2)."""
    x, y, w = matrix @ np.column_stack([points, np.ones(len(points))]).T
    return np.column_stack([x / w, y / w])


def flattened(picture, matrix, scale, size):
    """Return a form as if it had been scanned.

    Args:
        picture: shape (height, width), float32.
        matrix: from the layout to the picture, shape (3, 3).
        scale: pixels of the result for one unit of the layout.
        size: width and height of the layout.

    Returns:
        np.ndarray, float32, shape (scale · height, scale · width).
    """
    there = matrix @ np.diag([1 / scale, 1 / scale, 1])
    there = (there / there[2, 2]).ravel()[:8]
    side = tuple(round(scale * s) for s in size)
    image = Image.fromarray(np.ascontiguousarray(picture, np.float32))
    image = image.transform(
        side, Image.Transform.PERSPECTIVE, there, Image.Resampling.BILINEAR
    )
    return np.asarray(image)
