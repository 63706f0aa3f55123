"""Digits told from what else is on a page: frames, rims, rests of lines, specks, words.

Each piece that is left out gets a reason, so that the lab can show it.
"""

import numpy as np

from utils.handwriting.errors import nothing_like_ink
from utils.handwriting.joining import join, split, trim
from utils.handwriting.pieces import (
    LIKE,
    PALE,
    SURE,
    THIN,
    UNLIKELY,
    stroke_width,
)
from utils.handwriting.refusing import (
    FEW_BARS,
    FEWEST_DIGITS,
    is_texture,
    one_in_doubt,
    refuse_patterns,
    refuse_words,
    share_of_digits,
)
from utils.handwriting.rings import is_around, without_rings

# Digits that touch or are boxed in do not look like digits yet. But where there are so
# many pieces, and so little of their ink looks like any, mending them is in vain.
CROWD, HOPELESS = 50, 0.25
LEAST_INK = 0.05  # of all ink but lines; where digits have less, it is a picture
FEWEST_WALLS = 3  # sides of boxes that tell how dark print is, and how high a box
DUST = 0.1  # of a digit's size: the largest that may lie in it
FADED = 0.6  # of the writing's ink: what is paler and no digit is of another pen
LONG = 2.2  # times as long as a digit is large: what goes on so far is a line
SPECK = 0.3  # of a digit's size: what is smaller is none, though it may look like one
AREA = 3.0  # times as wide as the pen, and large: a shadow, a desk, a telephone


def digit_size(pieces):
    """Return how large the digits of a page are, in pixels; 0 if none is seen.

    The median of what looks like a digit, where large ones count more: a page may hold
    hundreds of dashes that look like a small 1.
    """
    like = [p for p in pieces if p.likeness > 0.7]
    sure = [p for p in like if np.argmax(p.prob) != 1] or like
    return typical_size([p.extent for p in sure])


def typical_size(extents):
    """Return the median of sizes where large ones count more; 0 if there is none."""
    if len(extents) == 0:
        return 0.0
    sizes = np.sort(extents).astype(float)
    weight = np.cumsum(sizes**2)
    return float(sizes[np.searchsorted(weight, weight[-1] / 2)])


def choose(pieces, erased, printed):
    """Tell digits from what is none; put together and take apart.

    Args:
        pieces: list of Piece, judged.
        erased: shape of the page, bool: what was taken off it as lines.
        printed: how dark those lines were, 0 to 1.

    Returns:
        (digits, left_out): list of Piece; list of (box, why).

    Raises:
        HandwritingError: nothing is large enough, or hardly anything is like a digit.
    """
    left_out, shape = [], erased.shape
    pieces = _without_shadows(pieces, shape, left_out)
    pieces = _without_areas(_without_fences(pieces, left_out), left_out)
    all_ink = sum(p.area for p in pieces)
    pieces = _what_was_written(pieces, erased, printed, left_out)
    size = digit_size(pieces)
    tall = size or max((p.height for p in pieces), default=0)
    area = _largest_area(pieces, tall)
    crowd = [p for p in pieces if not _is_speck(p, tall, area)]
    refuse_patterns(crowd, shape)
    if len(crowd) > CROWD:
        refuse_words(crowd, shape, HOPELESS)
    pieces = _regrouped(without_rings(pieces), size, tall, len(crowd) == 1, erased)

    largest = max((p.extent for p in pieces), default=0)
    if largest < max(8, 0.02 * min(shape)):
        raise nothing_like_ink()
    size = digit_size(pieces) or largest
    area = _largest_area(pieces, size)
    pieces = _sift(pieces, lambda p: _is_speck(p, size, area) and "speck", left_out)
    if sum(p.area for p in pieces) < LEAST_INK * all_ink:
        raise nothing_like_ink()
    pieces = _without_strangers(pieces, size, left_out)
    if len(pieces) > 1 and share_of_digits(pieces) < FEWEST_DIGITS:
        pieces = one_in_doubt(pieces)
    refuse_words(pieces, shape)
    if any(p.likeness >= UNLIKELY for p in pieces):
        pieces = _sift(pieces, lambda p: p.likeness < UNLIKELY and "no digit", left_out)
    if is_texture(pieces):
        raise nothing_like_ink()
    return pieces, left_out


def _regrouped(pieces, size, tall, alone, erased):
    """Put together what is one digit, take apart what is several."""
    # One piece alone is most likely one digit, however badly written: no bar comes off;
    # nor does any where nothing is printed, for it would be a 1.
    plain = not alone and not erased.any()
    pieces = split(pieces, tall, only_sure=True, bars=False, plain=plain)
    pieces = join(pieces if alone or plain else trim(pieces, tall), tall)
    if not size:
        # A digit in three pieces: what two of them are tells how far away the third is.
        tall = max(tall, digit_size(pieces))
        pieces = join(pieces, tall)
    return split(pieces, tall, only_sure=alone, plain=plain)


def _sift(pieces, reason, left_out):
    """Return the pieces that reason() finds nothing against; note the others."""
    kept = []
    for piece in pieces:
        why = reason(piece)
        if why:
            left_out.append((piece.box, why))
        else:
            kept.append(piece)
    return kept


def _without_shadows(pieces, shape, left_out):
    """Leave out what comes in from the rim, far paler than a sure digit on the page.

    A shadow may look like one, and would tell how large digits are, and how dark.
    """
    written = [p.dark for p in sure_digits(pieces) if not _at_the_rim(p, shape)]
    least = PALE * max(written, default=0)

    def shadow(piece):
        return _at_the_rim(piece, shape) and piece.dark < least and "rim"

    return _sift(pieces, shadow, left_out)


def _without_areas(pieces, left_out):
    """Leave out what no pen drew that wrote the digits: it is far too wide, and large.

    Two digits have to show how wide the pen is; the areas of a picture may well look
    like one.
    """
    sure = sure_digits(pieces)
    if len(sure) < 2:
        return pieces
    _, pen = usual(pieces)
    size = digit_size(sure)

    def area(piece):
        large = piece.extent > (size if piece.likeness < LIKE else LONG * size)
        return large and piece.pen > AREA * pen and "area"

    return _sift(pieces, area, left_out)


def _without_fences(pieces, left_out):
    """Leave out what was drawn around sure digits, and looks like a large 0.

    It would tell how large digits are. Nothing stands in one but dust, which is no sure
    digit.
    """
    boxes = np.array([p.box for p in pieces]).reshape(-1, 4)
    sure = set(sure_digits(pieces))

    def fence(piece):
        if piece.likeness < LIKE:
            return False
        inside = sure.intersection(_inside(piece, pieces, boxes))
        return any(is_around(piece, p, DUST) for p in inside) and "frame"

    return _sift(pieces, fence, left_out)


def _without_strangers(pieces, size, left_out):
    """Leave out what surely is no digit, and was made by no pen that wrote digits.

    It is far paler, thinner, wider or larger than they are: a stain, a fold, a shadow's
    edge. Of a text's letters none is. Where most of a page is like that, it has no
    digits.
    """
    dark, pen = usual(pieces)

    def stranger(piece):
        alike = (
            piece.dark > FADED * dark
            and THIN * pen < piece.pen < pen / THIN
            and piece.extent < LONG * size
        )
        return piece.likeness < UNLIKELY and not alike and "no digit"

    if len(sure_digits(pieces)) < max(1, len(pieces) / 2):
        return pieces
    return _sift(pieces, stranger, left_out)


def _what_was_written(pieces, erased, printed, left_out):
    """Leave out frames, rests of lines, what shines through, and what the rim cuts."""
    size, shape = digit_size(pieces), erased.shape
    first = pieces
    boxes = np.array([p.box for p in first]).reshape(-1, 4)

    def frame(piece):
        return _is_frame(piece, _inside(piece, first, boxes), size) and "frame"

    pieces = _sift(pieces, frame, left_out)
    darkness, pen = usual(pieces)
    darkest = how_dark(pieces)

    thickest = 1 + 2 * stroke_width(erased)
    # Where only strokes are left, all like the print, none of them was written.
    only_bars = not darkness and sum(p.bar for p in pieces) >= FEW_BARS

    def like_print(piece):
        return piece.dark < 1.5 * printed and piece.pen < thickest

    def between(piece):
        return like_print(piece) and _between(piece, erased, size)

    walls = [p for p in pieces if p.bar and between(p)]
    high = 0.0
    if len(walls) >= FEWEST_WALLS:
        # The thinner a line, the paler: walls may be thicker than the lines they join.
        printed = max(printed, float(np.median([p.dark for p in walls])))
        high = float(np.median([p.extent for p in walls]))

    def side_of_a_box(piece):
        corner = piece.likeness < LIKE and abs(piece.extent - high) < 0.2 * high
        return (piece.bar or corner) and between(piece)

    def print_or_pen(piece):
        bar = piece.bar and like_print(piece)
        if side_of_a_box(piece) or (bar and (only_bars or _goes_on(piece, erased))):
            return "line"
        if like_print(piece) and piece.pen < THIN * pen and piece.likeness < SURE:
            return "line"  # a corner, or two sides of a box
        if piece.dark < PALE * darkest:
            return "line" if piece.bar else "faint"
        pale = printed and piece.dark < 0.6 * darkness
        return piece.bar and (pale or _is_thin(piece, pen, size)) and "line"

    pieces = _sift(pieces, print_or_pen, left_out)
    inner = [p.extent for p in pieces if not _at_the_rim(p, shape)]
    if max(inner, default=0) < max(16, 0.06 * min(shape)):
        return pieces
    return _sift(pieces, lambda p: cut_by_the_rim(p, shape, size) and "rim", left_out)


def _largest_area(pieces, size):
    """Return the area of the largest piece that is no line."""
    return max((p.area for p in pieces if p.extent <= LONG * size), default=0)


def _is_speck(piece, size, area):
    least = SPECK if piece.likeness > 0.2 else 0.6
    return piece.extent < least * size or piece.area < 0.03 * area


def _is_frame(piece, inside, size):
    if piece.likeness < LIKE:
        return any(_fills(other, piece, size) for other in inside)
    return any(is_around(piece, other) for other in inside)


def _inside(piece, pieces, boxes):
    """Return the pieces whose boxes lie within that of a piece."""
    top, bottom, left, right = piece.box
    within = (boxes[:, 0] > top) & (boxes[:, 1] < bottom)
    within &= (boxes[:, 2] > left) & (boxes[:, 3] < right)
    return [pieces[k] for k in np.flatnonzero(within)]


def _fills(other, piece, size):
    """Tell whether what stands within a piece is as large as a digit in its frame."""
    if other.extent < 0.4 * piece.extent and other.likeness < LIKE:
        return False
    return not size or other.extent > 0.4 * size


def _is_thin(bar, pen, size):
    """Tell whether no pen wrote a bar: too thin for one, and by its size no 1."""
    return bar.pen < THIN * pen and not 0.7 < bar.height / max(size, 1) < 1.3


def cut_by_the_rim(piece, shape, size):
    """Tell whether a piece is the paper's edge, or a shadow; a digit may touch it."""
    whole = piece.likeness > 0.9 and not piece.straight and piece.extent > 0.6 * size
    return _at_the_rim(piece, shape) and not whole


def sure_digits(pieces):
    """Return the pieces that are surely digits, and none of them a bar."""
    return [p for p in pieces if p.likeness > 0.8 and not p.bar]


def usual(pieces):
    """Return how dark the ink of sure digits is, and how wide their pen; 0 if none."""
    sure = sure_digits(pieces)
    if not sure:
        return 0.0, 0.0
    weights = [p.area for p in sure]
    return tuple(
        _weighted_median([value(p) for p in sure], weights)
        for value in (lambda p: p.dark, lambda p: p.pen)
    )


def how_dark(pieces):
    """Return how dark the ink of what was written is, 0 to 1.

    That of sure digits; where none is sure, the darkest of what has much ink: rests of
    printed lines are many and pale, a badly written digit is neither.
    """
    much = max((p.area for p in pieces), default=0) / 2
    darkest = max((p.dark for p in pieces if p.area >= much), default=0.0)
    return usual(pieces)[0] or darkest


def _weighted_median(values, weights):
    order = np.argsort(values)
    total = np.cumsum(np.asarray(weights)[order])
    return float(np.asarray(values)[order][np.searchsorted(total, total[-1] / 2)])


def _between(piece, erased, size):
    """Tell whether a straight stroke joins two lines: then it is a side of a box.

    So is one that hangs on a line and is larger than a digit.
    """
    near = round(max(3.0, min(1.5 * piece.pen, 0.1 * piece.extent)))
    top, bottom, left, right = piece.box
    if piece.height >= piece.width:
        ends = [(top - near, top + near, left, right)]
        ends.append((bottom - near, bottom + near, left, right))
    else:
        ends = [(top, bottom, left - near, left + near)]
        ends.append((top, bottom, right - near, right + near))
    touched = sum(
        bool(erased[max(0, t) : b, max(0, a) : c].any()) for t, b, a, c in ends
    )
    return touched == 2 or (touched == 1 and piece.extent > 1.3 * size > 0)


def _goes_on(piece, erased):
    """Tell whether a line was taken off that goes on where a straight stroke ends."""
    rows, columns = np.nonzero(piece.ink > 0.5)
    along, across = rows + piece.top, columns + piece.left
    if piece.width > piece.height:
        along, across, erased = across, along, erased.T
    slope, start = np.polyfit(along, across, 1)
    near, reach = round(max(2.0, piece.pen)), max(8, piece.extent // 2)
    for end in (along.min() - reach, along.max() + 1):
        there = np.arange(max(0, end), min(len(erased), end + reach))
        if len(there) < reach / 2:
            continue
        middle = np.round(start + slope * there).astype(int)[:, None]
        places = (middle + np.arange(-near, near + 1)).clip(0, erased.shape[1] - 1)
        if erased[there[:, None], places].any(axis=1).mean() > 0.6:
            return True
    return False


def _at_the_rim(piece, shape):
    top, bottom, left, right = piece.box
    return top == 0 or left == 0 or bottom == shape[0] or right == shape[1]
