"""Pieces put together, as a 5 and its bar, and taken apart, as digits that touch."""

import numpy as np

from utils.handwriting import lines
from utils.handwriting.pieces import (
    LIKE,
    SURE,
    UNLIKELY,
    Piece,
    ask,
    pieces_of,
    together,
)

SURER = 0.98  # what a part must look like where a straight cut may go through print
TALL = 0.8  # of a doubtful piece: each part of it must reach so far
BESIDE = 1.35  # times as wide: parts that overlap more are strokes of one digit
LEANS = (0.0, 0.2, 0.4, -0.2)  # columns to the right for each row up
WHOLE = 0.75  # of the piece's pen: a part with a thinner one is half of a stroke
AT_ONCE = 64  # pairs that are put together before the judge is asked
ASIDE = 0.02  # of a pixel's ink: what a step to the side costs a cut


def join(pieces, tall):
    """Join what belongs together: a 5 and its bar, a 4 of two strokes.

    Two pieces that are near are one digit if the judge likes them better as one.
    """
    pieces = list(pieces)
    pairs, like = list(_neighbours(_from_left(pieces), tall)), {}
    while True:
        _ask_as_one(pairs, like)
        best = max(pairs, key=lambda pair: _gain(*pair, like[pair]), default=None)
        if best is None or _gain(*best, like[best]) <= 0:
            return pieces
        (one,) = ask([together(*best)])
        pieces = [p for p in pieces if p not in best]
        pairs = [pair for pair in pairs if not {*pair} & {*best}]
        pairs += _neighbours_of(one, pieces, tall)
        pieces.append(one)
        # Of equal gains the first from the left counts.
        rank = {piece: k for k, piece in enumerate(_from_left(pieces))}
        pairs.sort(key=lambda pair: [rank[piece] for piece in pair])


def _from_left(pieces):
    return sorted(pieces, key=lambda p: p.left)


def _ask_as_one(pairs, like):
    """Note how much pairs look like a digit as one: each is asked once.

    A few at a time, and without their ink: there may be thousands, as large as a page.
    """
    new = [pair for pair in pairs if pair not in like]
    for some in (new[k : k + AT_ONCE] for k in range(0, len(new), AT_ONCE)):
        asked = ask([together(*pair) for pair in some])
        like.update(zip(some, (one.likeness for one in asked), strict=True))


def _neighbours(order, tall):
    """Yield pairs of pieces that are near each other, the left one first.

    Args:
        order: the pieces from left to right.
        tall: a digit's extent on this page.
    """
    boxes = _boxes(order)
    for k, a in enumerate(order):
        for other in np.flatnonzero(_near(boxes[k], boxes[k + 1 :], tall)):
            yield a, order[k + 1 + other]


def _neighbours_of(one, others, tall):
    """Yield the pairs that a piece makes with others, the left one first."""
    (box,), boxes = _boxes([one]), _boxes(others)
    before = boxes[:, 2] <= one.left
    near = np.where(before, _near(boxes, box, tall), _near(box, boxes, tall))
    for k in np.flatnonzero(near):
        yield (others[k], one) if before[k] else (one, others[k])


def _boxes(pieces):
    boxes = [(p.top, p.bottom, p.left, p.right, p.extent) for p in pieces]
    return np.array(boxes, int).reshape(-1, 5)


def _near(first, second, tall):
    """Tell which boxes are near each other; all at once, for there may be many.

    Args:
        first, second: (top, bottom, left, right, extent), one box, shape (5,), or
            several, shape (n, 5); the second ones begin further right.
        tall: a digit's extent on this page.

    Returns:
        np.ndarray, shape (n,), bool.
    """
    top_a, bottom_a, left_a, right_a, extent_a = first.T
    top_b, bottom_b, left_b, right_b, extent_b = second.T
    larger = np.maximum(extent_a, extent_b)
    high = np.maximum(bottom_a, bottom_b) - np.minimum(top_a, top_b)
    wide = np.maximum(right_a, right_b) - np.minimum(left_a, left_b)
    below = np.maximum(top_a, top_b) - np.minimum(bottom_a, bottom_b)
    beside = np.maximum(left_a, left_b) - np.minimum(right_a, right_b)
    return (
        (left_b - right_a < 0.3 * tall)
        & (larger >= 0.25 * tall)
        & (larger <= 1.8 * tall)
        # Two halves of a digit, one above the other, may each have passed for one as
        # tall.
        & (high <= 2.2 * tall)
        & (wide <= 1.5 * np.maximum(tall, high))
        & (np.maximum(below, 0) + np.maximum(beside, 0) < 0.25 * tall)
    )


def _gain(a, b, like):
    """Return how much better one piece is than two; not above 0: leave them.

    Args:
        a, b: Pieces.
        like: how much they look like a digit as one.
    """
    both_large = min(a.extent, b.extent) > 0.6 * max(a.extent, b.extent)
    if a.likeness > LIKE and b.likeness > LIKE and both_large:
        return 0.0
    big = max((a, b), key=lambda p: p.extent)
    small = b if big is a else a
    if small.extent < 0.12 * big.extent:
        return 0.0  # dust
    if like < LIKE:
        return 0.0
    better = like - big.likeness
    # A bar above or below, clear of its neighbours, belongs to its digit unless the
    # judge objects.
    overlap = min(a.right, b.right) - max(a.left, b.left)
    stacked = overlap > 0.4 * min(a.width, b.width) and small.likeness < 0.9
    return better + (0.2 if stacked else -0.1 if small.likeness > LIKE else 0.0)


def trim(pieces, tall):
    """Cut a side of a box off the digit that touches it.

    Such a side is straight, as long as the piece, and at its edge; what is left without
    it may be a digit.
    """
    choices = []
    for piece in pieces:
        may = piece.likeness < LIKE and 0.6 * tall < piece.extent < 3 * tall
        choices.append([piece, *_without_sides(piece)] if may else [piece])
    # All at once: the judge takes many as quickly as one.
    ask([choice for some in choices for choice in some])
    best = [max(some, key=lambda p: p.likeness) for some in choices]
    return [
        p if p.likeness >= UNLIKELY else some[0]
        for p, some in zip(best, choices, strict=True)
    ]


def _without_sides(piece):
    """Return what may be left of a piece: its largest part without a side or two."""
    parts = []
    for ways in ((False,), (True,), (False, True)):
        strokes = piece.ink.copy()
        mask = strokes > 0.5
        for across in ways:
            page = [strokes, mask, piece.ink]
            page = page if across else [layer.T for layer in page]
            high, wide = page[1].shape
            for line in lines.trace(page[1], 0.8 * wide):
                if not 0.2 < line.rows.mean() / high < 0.8:
                    lines.erase(*page, line)
        rest = pieces_of(strokes, piece.ink, reach=2)
        if rest and not np.array_equal(strokes, piece.ink):
            part = max(rest, key=lambda p: p.area)
            if part.area < 0.8 * sum(p.area for p in rest):
                continue  # more than a side came off: these are digits that touch
            moved = Piece(part.ink, part.top + piece.top, part.left + piece.left)
            moved.dark = piece.dark
            # A straight one may be the box's last side, a small one a digit's rest.
            if not moved.straight and moved.extent > 0.4 * piece.extent:
                parts.append(moved)
    return parts


def split(pieces, tall, only_sure=False, bars=True, plain=False):
    """Take digits apart that touch: cut where the judge likes the parts best.

    Args:
        pieces: list of Piece, judged.
        tall: how large a digit is, in pixels.
        only_sure: leave together what is not surely several digits: half of an 8 may
            look like a 6.
        bars: a straight stroke may be a part; it may be a 1, or the side of a box.
        plain: nothing is printed on the page, so what is surely a digit is one: narrow
            pieces and doubtful ones may be taken apart, too.
    """
    result = []
    for piece in pieces:
        row = None
        if min(piece.height, piece.width) > 0.4 * tall:
            row = _digits_in(piece, tall, only_sure, plain)
        if row and (bars or not any(part.bar for part in row)):
            result += row
        else:
            result.append(piece)
    return result


def _digits_in(piece, tall, only_sure, plain):
    """Return the digits that a piece is taken apart into; None: it is left together."""
    wide = piece.width > 0.75 * piece.height and piece.width > 0.6 * tall
    odd = piece.likeness < LIKE or (only_sure and piece.width > piece.height)
    tall = min(piece.height, tall)
    if odd and wide:
        # Each part must be a digit more surely than the whole is.
        least = max(SURE, piece.likeness) if only_sure else 0
        return _row(piece, tall, least, SURE if plain else SURER)
    if plain and piece.likeness < SURE:
        row = _row(piece, tall, SURE) or []
        # The flag of a 1 is no digit, nor the stem of a 6, nor the strokes of an M.
        as_tall = all(part.height > TALL * piece.height for part in row)
        beside = sum(part.width for part in row) < BESIDE * piece.width
        # Nor is a stroke that is cut along its middle, as the stem of a 7.
        whole = all(part.pen > WHOLE * piece.pen for part in row)
        return row if as_tall and beside and whole else None
    return None


def _row(piece, tall, least, least_straight=SURE):
    """Return the digits that a piece is best taken for, side by side; None if none.

    The cut goes through the least ink, or straight, leaning as writing does: two
    strokes that lie on each other are more ink than a 0 is to cross.
    """
    for lean in (None, *LEANS):
        row = _best_row(piece, tall, *_cuts(piece, tall, lean))
        least = least if lean is None else max(least_straight, least)
        if row and all(part.likeness > least for part in row) and _bends(row):
            return row
    return None


def _bends(row):
    """Tell digits that touch from a letter or a scribble: one at least is no bar.

    Ones have no stroke to the side by which they could touch. Straight strokes that
    hang together are those of an H or an M, or of what was struck out.
    """
    return not all(part.bar for part in row)


def _cuts(piece, tall, lean):
    """Return where a piece may be cut, from its left side to its right side.

    Returns:
        (edges, cuts): n columns; and the way of a cut near each, shape (n, height).
    """
    n = int(np.clip(7 * piece.width / tall, 6, 40))
    edges = np.linspace(0, piece.width, n + 1).astype(int)
    cuts = np.zeros((n + 1, piece.height), int)
    if lean is None:
        cuts[1:-1] = _seams(piece.ink, edges[1:-1], tall)
    else:
        rows = np.arange(piece.height) - piece.height / 2
        cuts[1:-1] = np.round(edges[1:-1, None] - lean * rows).clip(0, piece.width)
    cuts[-1] = piece.width
    return edges, cuts


def _parts(piece, tall, edges, cuts, i):
    """Return what lies between a cut and each later one, judged, but the whole piece.

    Returns:
        dict from the number of the later cut to a Piece.
    """
    columns, last = np.arange(piece.width), len(cuts) - 1
    parts = {}
    for j in range(i + 1, last + 1):
        wide = edges[j] - edges[i]
        if not 0.12 * tall < wide < 1.3 * tall or (i == 0 and j == last):
            continue
        left, right = cuts[i][:, None], cuts[j][:, None]
        part = piece.part((columns >= left) & (columns < right))
        if part is not None and part.height > 0.5 * tall:
            parts[j] = part
    ask(parts.values())
    return parts


def _seams(ink, columns, tall):
    """Return the way through the least ink near each column, shape (n, height).

    A way leads from the top to the bottom, at most one pixel sideways each row, and
    stays within a quarter of a digit's height: written digits lean, and overlap.
    """
    height, width = ink.shape
    reach = max(1, round(0.25 * tall))
    places = columns[:, None] + np.arange(-reach, reach + 1)
    cost = ink[:, places.clip(0, width - 1)]  # (height, n, 2 reach + 1)
    moves, total = np.zeros(cost.shape, np.int8), cost[0] + 0.0
    beyond = np.full((len(columns), 1), np.inf)
    for row in range(1, height):
        left = np.hstack([beyond, total[:, :-1]]) + ASIDE
        right = np.hstack([total[:, 1:], beyond]) + ASIDE
        three = np.stack([total, left, right])
        which = np.argmin(three, axis=0)
        moves[row] = np.array([0, -1, 1])[which]
        total = np.choose(which, three) + cost[row]
    every, at = np.arange(len(columns)), total.argmin(axis=1)
    seams = np.empty((len(columns), height), int)
    for row in range(height - 1, -1, -1):
        seams[:, row] = places[every, at].clip(0, width)
        at = at + moves[row, every, at]
    return seams


def _best_row(piece, tall, edges, cuts):
    """Return the parts, side by side, that the judge likes best; None if none are."""
    best = {0: (0.0, [])}  # number of a cut → (loss, parts so far)
    end = len(cuts) - 1
    for i in range(end):
        if i not in best:
            continue  # no digit ends here, so none begins
        for j, part in _parts(piece, tall, edges, cuts, i).items():
            if part.likeness > 0.6:
                # Each further digit must pay for itself.
                loss = best[i][0] + 0.1 - np.log(part.likeness)
                if j not in best or loss < best[j][0]:
                    best[j] = (loss, [*best[i][1], part])
    return best[end][1] if end in best else None
