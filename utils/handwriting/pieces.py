"""Pieces of ink that hang together, and how much each looks like a digit."""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from utils.handwriting import judge
from utils.handwriting.box import pen_width, to_mnist
from utils.handwriting.ink import inked

MOST_PIECES = 800  # the largest of a page; sparse noise has a hundred thousand
LIKE = 0.5  # from here on a piece looks more like a digit than not
SURE = 0.9  # and from here on it surely is one
UNLIKELY = 0.1  # a piece that looks less like a digit is left out beside others
PALE = 0.4  # of the writing's ink: what is paler was printed, or shines through
THIN = 0.5  # of the writing's pen: print is thinner
NO_DIGIT = 10  # the judge's eleventh answer
KNOWN = 4096  # pieces, with 3 kB each, that the judge is not asked about again
_lately = {}  # from the ink of a piece to its image and probabilities


@dataclass(eq=False)  # a piece is itself, whatever its ink
class Piece:
    """Ink that hangs together.

    Attributes:
        ink: shape (height, width), float32 in [0, 1], nothing but this piece.
        top, left: where its upper left corner is on the page.
        image: in MNIST's form, shape (28, 28), float32.
        prob: the judge's eleven probabilities; None before it was asked.
        dark: the share of light that its ink swallows, 0 to 1.
    """

    ink: np.ndarray
    top: int
    left: int
    image: np.ndarray = None
    prob: np.ndarray = None
    dark: float = 1.0

    @property
    def height(self):
        return self.ink.shape[0]

    @property
    def width(self):
        return self.ink.shape[1]

    @property
    def bottom(self):
        return self.top + self.height

    @property
    def right(self):
        return self.left + self.width

    @property
    def extent(self):
        return max(self.ink.shape)

    @property
    def box(self):
        return self.top, self.bottom, self.left, self.right

    @cached_property
    def area(self):
        return float((self.ink > 0.5).sum())

    @cached_property
    def pen(self):
        """How wide its strokes are, in pixels."""
        return pen_width(self.ink)

    @cached_property
    def straight(self):
        """Whether it is one stroke without a bend: a 1, a dash, a piece of a line."""
        rows, columns = np.nonzero(self.ink > 0.5)
        spread = np.linalg.eigvalsh(np.cov(rows, columns)) if len(rows) > 2 else [0, 0]
        # A rod of length l and width w has variances l²/12 and w²/12.
        return bool(spread[0] * 12 < max(1.5 * self.pen, 0.12 * self.extent) ** 2)

    @property
    def bar(self):
        """Whether it may be a piece of a line: straight, or a 1 to the judge."""
        return self.straight or int(np.argmax(self.prob)) == 1

    @property
    def likeness(self):
        """How much it looks like a digit, 0 to 1."""
        return 1.0 - float(self.prob[NO_DIGIT])

    def part(self, mask):
        """Return the part that a mask of the piece's shape covers; None if empty."""
        ink = np.where(mask, self.ink, 0)
        rows, columns = (np.flatnonzero((ink > 0.5).any(axis=a)) for a in (1, 0))
        if len(rows) == 0:
            return None
        cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return Piece(cut, self.top + rows[0], self.left + columns[0], dark=self.dark)


def ask(pieces):
    """Let the judge look at all pieces that it has not seen yet.

    A page is looked at again without its lines, turned, and cut elsewhere, and most of
    its pieces come out as they were: what the judge saw lately is known.
    """
    new = [(piece, _digest(piece.ink)) for piece in pieces if piece.prob is None]
    unknown = []
    for piece, digest in new:
        piece.image, piece.prob = _lately.get(digest, (None, None))
        if piece.prob is None:
            piece.image = to_mnist(piece.ink)
            unknown.append((piece, digest))
    if len(_lately) + len(unknown) > KNOWN:
        _lately.clear()
    if unknown:
        found = judge.probabilities([piece.image for piece, _ in unknown])
        for (piece, digest), prob in zip(unknown, found, strict=True):
            piece.prob = prob
            _lately[digest] = piece.image, prob
    return pieces


def _digest(ink):
    return ink.shape, hashlib.blake2b(ink.tobytes(), digest_size=16).digest()


def together(*pieces):
    """Return one piece made of several."""
    top, left = min(p.top for p in pieces), min(p.left for p in pieces)
    bottom, right = max(p.bottom for p in pieces), max(p.right for p in pieces)
    ink = np.zeros((bottom - top, right - left), np.float32)
    for p in pieces:
        place = ink[p.top - top : p.bottom - top, p.left - left : p.right - left]
        np.maximum(place, p.ink, out=place)
    return Piece(ink, top, left, dark=max(p.dark for p in pieces))


def pieces_of(strokes, ink, reach=0, smallest=1):
    """Return the connected pieces of a page.

    Args:
        strokes: shape (height, width), float32 in [0, 1]; above a half is ink.
        ink: the share of light that is swallowed, same shape.
        reach: a pen skips: what is at most so many pixels apart is one piece, unless
            it is so much paler that no pen wrote it.
        smallest: pieces that reach over fewer pixels both ways are dropped.

    Returns:
        list of Piece, not judged yet.
    """
    page = inked(strokes > 0.5, max(2, math.ceil(reach / 2)))
    strokes, ink = strokes[page], ink[page]
    mask = strokes > 0.5
    if not mask.any():
        return []
    away, nearest = ndimage.distance_transform_edt(~mask, return_indices=True)
    near = mask if reach < 1 else away <= reach / 2
    labels, n = ndimage.label(near, np.ones((3, 3)))
    if reach >= 1:
        labels[_paler_parts(mask, labels, ink)] = 0
    areas = np.bincount(labels[mask], minlength=n + 1)
    few = np.zeros(n + 1, bool)
    few[np.argsort(areas)[::-1][:MOST_PIECES]] = True
    found = []
    # The grey edge of a stroke belongs to it, too.
    inside = np.where((strokes > 0) & (away < 2), labels[tuple(nearest)], 0)
    for k, place in enumerate(ndimage.find_objects(inside), start=1):
        if place is None or not few[k] or areas[k] == 0:
            continue
        size = max(s.stop - s.start for s in place)
        if size >= smallest:
            piece = np.where(inside[place] == k, strokes[place], 0)
            dark = float(ink[place][piece > 0.5].mean())
            top, left = (a.start + b.start for a, b in zip(page, place, strict=True))
            found.append(Piece(piece, top, left, dark=dark))
    return found


def _paler_parts(mask, labels, ink):
    """Return where ink hangs together, and is much paler than most of its piece."""
    parts, n = ndimage.label(mask, np.ones((3, 3)))
    area = np.bincount(parts[mask], minlength=n + 1)
    dark = np.bincount(parts[mask], ink[mask], minlength=n + 1) / np.maximum(area, 1)
    piece = np.zeros(n + 1, int)  # of which each is a part
    piece[parts[mask]] = labels[mask]
    by_area = np.argsort(area)  # the largest comes last, and stays
    darkest = np.zeros(labels.max() + 1)
    darkest[piece[by_area]] = dark[by_area]
    return mask & (dark < PALE * darkest[piece])[parts]


def stroke_width(mask):
    """Return how wide the strokes are, in pixels: twice the depth of their middles."""
    if not mask.any():
        return 0.0
    depth = ndimage.distance_transform_edt(np.pad(mask[inked(mask, 0)], 1))
    ridge = (depth == ndimage.maximum_filter(depth, 3)) & (depth > 0)
    return 2 * float(np.percentile(depth[ridge], 75))
