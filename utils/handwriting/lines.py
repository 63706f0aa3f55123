"""Printed and drawn lines: found as long smooth paths, and taken off the page.

A line may lean, bend, be dashed or drawn by hand. What tells it from a digit is mostly
that it goes on: it is longer than a digit is large. Paths are traced as path openings
do: each place knows the longest path that ends there (H. Talbot, B. Appleton,
"Efficient complete and incomplete path openings and closings", Image and Vision
Computing 25, 2007; here in steps of several columns, so that a path leans by 14 degrees
at most).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from utils.handwriting.ink import inked

STEP = 4  # columns that a path advances while it rises or falls by at most one row
NEAR = 3  # pixels: what is no farther from a path belongs to its line
LONGEST_GAP = 4  # steps without ink that a dashed line may have
MOST_LINES = 150  # across a page; more is a pattern


@dataclass(frozen=True)
class Line:
    """A path across the columns.

    Attributes:
        first: the column where it begins.
        rows: its row in each column.
        inked: how many of its pixels are ink that may be a line's.
    """

    first: int
    rows: np.ndarray
    inked: int

    @property
    def length(self):
        return len(self.rows)

    @property
    def last(self):
        return self.first + len(self.rows)


def thin(mask, thickest):
    """Return the ink that is nowhere wider than a line: no areas, shape as the mask."""
    page, whole = inked(mask, 1), mask.copy()
    wide = ndimage.distance_transform_edt(mask[page]) > thickest / 2
    if wide.any():
        near = ndimage.distance_transform_edt(~wide) <= thickest / 2 + 1
        whole[page] &= ~near
    return whole


def trace(mask, shortest, through=None):
    """Find the lines that run from left to right.

    Args:
        mask: shape (height, width), bool, True = ink that may be a line's.
        shortest: pixels of such ink; shorter paths are no lines.
        through: same shape, all ink: a line that is written over goes on under it.

    Returns:
        list of Line, the longest first.
    """
    through = mask if through is None else through
    # Where a path may be: no farther from the ink than its longest gap.
    rows, columns = inked(through, LONGEST_GAP + 2)
    first = columns.start // STEP * STEP
    page = rows, slice(first, columns.stop)
    n = mask[page].shape[1] // STEP
    if n < 2 or not mask.any():
        return []
    steps, ink = _steps(mask[page]), _steps(through[page])
    length, came_from = _longest_paths(steps, ink)
    lines, taken = [], np.zeros(steps.shape, bool)
    for _ in range(MOST_LINES):
        end = int(np.argmax(length))
        row, column = divmod(end, n)
        if length[row, column] * STEP < shortest:
            break
        path = _back(row, column, came_from, taken, ink)
        for r, c in path:
            taken[max(0, r - NEAR) : r + NEAR + 1, c] = True
            length[max(0, r - NEAR) : r + NEAR + 1, c] = 0
        path = path[::-1]
        heights = np.array([r for r, _ in path]) + rows.start
        covered = np.mean([ink[r, c] for r, c in path])
        marked = STEP * sum(bool(steps[r, c]) for r, c in path)
        if marked >= shortest and covered >= 0.5:
            middle = (np.arange(len(path)) + 0.5) * STEP
            fine = np.interp(np.arange(len(path) * STEP) + 0.5, middle, heights)
            lines.append(Line(first + path[0][1] * STEP, _smooth(fine), marked))
    return lines


def _steps(mask):
    """Return where there is ink in steps of columns, shape (height, width // STEP)."""
    height, n = len(mask), mask.shape[1] // STEP
    near = ndimage.maximum_filter1d(mask.astype(np.uint8), 3, axis=0)
    return near[:, : n * STEP].reshape(height, n, STEP).mean(axis=2) >= 0.5


def _longest_paths(steps, ink):
    """Return how many steps of ink lead to each place, and from which row: -1, 0, 1."""
    height, n = steps.shape
    length = np.zeros((height, n), np.int32)
    came_from = np.zeros((height, n), np.int8)
    best = np.zeros(height + 2, np.int32)
    gap = np.zeros(height + 2, np.int32)
    for c in range(n):
        # Straight on first: it wins where all are equal.
        choices = np.stack([best[1:-1], best[:-2], best[2:]])
        which = np.argmax(choices, axis=0)
        before = np.choose(which, choices)
        gaps = np.choose(which, (gap[1:-1], gap[:-2], gap[2:]))
        on = steps[:, c]
        gaps = np.where(on, 0, np.where(ink[:, c], gaps, gaps + 1))
        now = np.where(on, before + 1, before)
        now[gaps > LONGEST_GAP] = 0
        came_from[:, c] = np.array([0, -1, 1])[which]
        length[:, c] = np.where(on, now, 0)
        best[1:-1], gap[1:-1] = now, gaps
    return length, came_from


def _back(row, column, came_from, taken, ink):
    """Follow a path back to where it began, or to where another has been."""
    path, missing = [], 0
    while column >= 0 and not taken[row, column] and missing <= LONGEST_GAP:
        path.append((row, column))
        missing = 0 if ink[row, column] else missing + 1
        row += int(came_from[row, column])
        column -= 1
        if not 0 <= row < len(ink):
            break
    while path and not ink[path[-1]]:
        path.pop()
    return path


def _smooth(rows):
    """Take the stairs out of a path; a hand's wobble stays."""
    return ndimage.uniform_filter1d(
        ndimage.median_filter(rows, 5 * STEP, mode="nearest"), 3 * STEP, mode="nearest"
    )


def erase(strokes, mask, ink, line):
    """Erase a line from strokes and mask, in place, except where a stroke crosses it.

    A stroke goes on above and below the line, or is darker than print.

    Returns:
        how thick the line is, in pixels.
    """
    height, _ = mask.shape
    columns, middle = _places(line)
    thick = thickness(mask, line)
    half = thick / 2 + 1.5
    around = int(np.ceil(half)) + 2
    offsets = np.arange(-around, around + 1)
    rows = middle[None] + offsets[:, None]
    inside = (rows >= 0) & (rows < height)
    index = (rows.clip(0, height - 1), np.broadcast_to(columns, rows.shape))
    values = np.where(inside, ink[index], 0)
    there = np.where(inside, mask[index], False)
    band = np.abs(offsets) <= half
    peaks = values[band].max(axis=0)
    own = peaks[(peaks > 0) & there[band].any(axis=0)]
    level = np.median(own) if own.size else 0
    darker = ndimage.maximum_filter1d(peaks, 3) > 1.5 * level
    reach = 2 * int(thick / 2 + 1) + 1
    above, below = (
        ndimage.maximum_filter1d(there[side].any(axis=0).astype(np.uint8), reach)
        for side in (offsets < -half, offsets > half)
    )
    crossed = (above > 0) & (below > 0)
    gone = inside & band[:, None] & ~(crossed | darker)[None]
    strokes[index[0][gone], index[1][gone]] = 0
    mask[index[0][gone], index[1][gone]] = False
    return thick


def _places(line):
    return line.first + np.arange(line.length), np.round(line.rows).astype(int)


def level(ink, line):
    """Return how dark a line is, 0 to 1: the median along it of the darkest across."""
    columns, middle = _places(line)
    rows = middle + np.arange(-NEAR, NEAR + 1)[:, None]
    return float(np.median(ink[rows.clip(0, len(ink) - 1), columns].max(axis=0)))


def thickness(mask, line):
    """Return how thick a line is, in pixels: the median height of the ink around it."""
    columns, middle = _places(line)
    most = 25
    rows = middle[None] + np.arange(-most, most + 1)[:, None]
    inside = (rows >= 0) & (rows < len(mask))
    there = inside & mask[rows.clip(0, len(mask) - 1), columns[None]]
    # From the path's own row on, up and down, until the first gap of the ink.
    down = np.cumprod(there[most:], axis=0).sum(axis=0)
    up = np.cumprod(there[most::-1], axis=0).sum(axis=0)
    runs = down + up - 1
    return float(np.median(runs[runs > 0])) if (runs > 0).any() else 1.0
