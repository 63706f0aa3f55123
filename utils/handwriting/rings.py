"""Rings that a pen drew around a digit: told by what they enclose, and taken away."""

import math

import numpy as np
from scipy import ndimage

from utils.handwriting.pieces import LIKE, SURE, Piece, ask, pieces_of, together

GAP = 0.12  # of a ring's size: half of the gap that may stay where the pen ends
ROUND = 0.65  # of the box that a ring's inside fills; an ellipse fills π/4
CLOSED = 0.85  # of the rim that is ink
ENOUGH = 200  # pixels along a piece: finer than that no ring is told


def is_around(ring, other, least=0.4):
    """Tell whether a digit stands in a ring, which looks like a zero itself.

    Args:
        ring, other: Pieces, judged; the box of the one lies within that of the other.
        least: how large the other one has to be, as a share of the ring's size.
    """
    if other.likeness < LIKE or other.extent < least * ring.extent:
        return False
    inside = _enclosed(ring) & (ring.ink <= 0.5)
    top, left = other.top - ring.top, other.left - ring.left
    there = inside[top : top + other.height, left : left + other.width]
    return bool(there[other.ink > 0.5].mean() > 0.9)


def _enclosed(piece):
    """Return the ink and what it encloses, shape as the piece, bool.

    A pen that goes round seldom ends just where it began. Of a large piece blocks of
    pixels are looked at.
    """
    mask = piece.ink > 0.5
    side = max(1, int(piece.extent / ENOUGH))
    blocks = _blocks(mask, side)
    reach = max(1, round(piece.pen / side), round(GAP * piece.extent / side))
    blocks = np.pad(blocks, reach + 1)
    near = ndimage.distance_transform_edt(~blocks) <= reach
    filled = ndimage.binary_fill_holes(near)
    inner = ndimage.distance_transform_edt(filled) > reach
    found = (inner | blocks)[reach + 1 : -reach - 1, reach + 1 : -reach - 1]
    found = found.repeat(side, axis=0).repeat(side, axis=1)
    return found[: piece.height, : piece.width]


def _blocks(mask, side):
    """Return which blocks of so many pixels each way have ink."""
    if side == 1:
        return mask
    height, width = (math.ceil(n / side) for n in mask.shape)
    whole = np.zeros((height * side, width * side), bool)
    whole[: mask.shape[0], : mask.shape[1]] = mask
    return whole.reshape(height, side, width, side).any(axis=(1, 3))


def without_rings(pieces):
    """Peel off the rings that touch the digit in them.

    With its ring a digit may look like a zero, even fairly surely; so peeled off is
    what leaves a surer digit than there was.
    """
    choices = [_peeled(piece) for piece in pieces]
    ask([rest for rest in choices if rest is not None])
    return [
        rest if rest is not None and _is_surer(rest, piece) else piece
        for piece, rest in zip(pieces, choices, strict=True)
    ]


def _is_surer(rest, piece):
    """Tell whether what is left of a piece is a digit, and more surely than it was."""
    return rest.likeness > max(SURE, piece.likeness) and not rest.bar


def _peeled(piece):
    """Return what is left of a piece without its rim; None if that is no ring."""
    if piece.height > 2 * piece.width or piece.width > 2 * piece.height:
        return None
    filled = _enclosed(piece)
    if filled.mean() < ROUND:
        return None
    pen, mask = piece.pen, piece.ink > 0.5
    depth = ndimage.distance_transform_edt(np.pad(filled, 1))[1:-1, 1:-1]
    rim = (depth > 0) & (depth <= max(1.5, 0.8 * pen))
    if mask[rim].mean() < CLOSED:
        return None
    ink = np.where(depth > 1.5 * pen, piece.ink, 0)
    parts = pieces_of(ink, piece.ink, reach=2)
    large = max((p.area for p in parts), default=0)
    parts = [p for p in parts if p.area > 0.1 * large]
    if not parts:
        return None
    rest = together(*parts)
    if rest.extent < 0.4 * piece.extent:
        return None
    return Piece(
        rest.ink, rest.top + piece.top, rest.left + piece.left, dark=piece.dark
    )
