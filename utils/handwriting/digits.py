"""Digits found among what else is on a page: lines, frames, specks, words."""

from dataclasses import dataclass, field, replace

import numpy as np

from utils.handwriting import lines
from utils.handwriting.choosing import (
    CROWD,
    LONG,
    SPECK,
    choose,
    cut_by_the_rim,
    digit_size,
    how_dark,
    sure_digits,
    typical_size,
    usual,
)
from utils.handwriting.errors import HandwritingError, nothing_like_ink
from utils.handwriting.ink import SMALLEST_PAGE
from utils.handwriting.pieces import (
    LIKE,
    PALE,
    SURE,
    THIN,
    Piece,
    ask,
    pieces_of,
    stroke_width,
    together,
)
from utils.handwriting.refusing import FEWEST_DIGITS

# A page that would gain so many digits is read as it lies and turned; where all pieces
# gain so much on average, turned only. One piece alone never turns a page: with four
# tries each, many letters and badly written digits look like some digit. Nor do strokes
# like a 1, which areas and dashes are, too.
WORTH_A_TRY, SURE_GAIN = 0.98, 0.25
FEWEST_TO_TURN = 2
WIDE = 0.01  # of a page's shorter side: what is wider may be a shadow, not the pen
CONVINCING = 0.75  # how much digits of a second try must look like digits, on average


@dataclass
class Found:
    """What was found on a page.

    Attributes:
        digits: list of Piece, in the order of reading.
        left_out: list of (box, why).
        strokes: the page without its lines.
        turn: quarter turns, against the clock, that put the page upright.
    """

    digits: list
    strokes: np.ndarray
    left_out: list = field(default_factory=list)
    turn: int = 0

    @property
    def worth(self):
        """How many digits the page seems to hold, less what looks like none."""
        return sum(piece.likeness - 0.5 for piece in self.digits)


def find_digits(strokes, ink):
    """Find the digits on a page.

    Args:
        strokes: shape (height, width), float32 in [0, 1].
        ink: as remove_lines().

    Returns:
        Found.

    Raises:
        HandwritingError: there is nothing like ink, or no writing, or only words.
    """
    mask = strokes > 0.5
    most = 0.45 if min(mask.shape) >= SMALLEST_PAGE else 0.6  # close-up of a bold 8
    if mask.mean() > most or stroke_width(mask) > 0.35 * min(mask.shape):
        raise nothing_like_ink()
    page = strokes
    strokes, left_out = remove_lines(page, ink)
    reach = _reach(strokes, ink)
    pieces = _pieces(strokes, ink, reach)
    if left_out and not any(p.likeness > LIKE for p in pieces):
        # Where nothing but lines was written, the line may be the digit.
        strokes, left_out = page, []
        reach = _reach(strokes, ink)
        pieces = _pieces(strokes, ink, reach)
    if not pieces:
        raise nothing_like_ink()
    erased = (page > 0.5) & (strokes <= 0.5)
    # What is darkest of a thin line tells how dark it was printed; its edges are soft.
    printed = float(np.percentile(ink[erased], 75)) if erased.any() else 0.0
    tiny = max(strokes.shape) < SMALLEST_PAGE / 2
    if tiny:
        # A picture as small as MNIST's holds one digit; only dust is left out.
        large = max(p.area for p in pieces)
        whole = together(*(p for p in pieces if p.area > 0.03 * large))
        return Found(ask([whole]), strokes, left_out)
    return _best_way_up(pieces, [strokes, ink, erased], left_out, printed, reach)


def _best_way_up(pieces, layers, left_out, printed, reach):
    """Choose the digits the way up that is worth most, where the pieces leave a doubt.

    Raises:
        HandwritingError: no way up has digits; said is what is wrong the likeliest way.
    """
    best, problem = None, None
    shape = layers[0].shape
    written = _written(pieces, shape)
    ways = which_way_up(written)
    for turn in ways if len(written) <= CROWD else ways[-1:]:
        strokes, ink, erased = (np.rot90(layer, turn).copy() for layer in layers)
        turned = _pieces(strokes, ink, reach) if turn else pieces
        try:
            digits, more = choose(turned, erased, printed)
        except HandwritingError as error:
            problem = problem or error
            continue
        only_bars = all(piece.bar for piece in digits)
        like = np.mean([piece.likeness for piece in digits])
        few = len(digits) < FEWEST_TO_TURN or only_bars or like < CONVINCING
        if turn and (few or are_a_few_in_doubt(digits, turned)):
            problem = problem or nothing_like_ink()
            continue
        lines_out = [(_turned(box, turn, *shape), why) for box, why in left_out]
        found = Found(reading_order(digits), strokes, lines_out + more, turn)
        if best is None or found.worth > best.worth:
            best = found
    if best is None:
        raise problem
    return best


def are_a_few_in_doubt(digits, pieces):
    """Tell what the best of four tries flatters from digits that lie on their side.

    Of a drawing's parts, or of print, a few look a little like digits from some side:
    hardly one surely, and most of the ink is none. Of digits either half are sure, or
    they are most of what was written.
    """
    share = sum(p.area for p in digits) / sum(p.area for p in pieces)
    return share < FEWEST_DIGITS and np.median([p.likeness for p in digits]) < SURE


def reading_order(pieces):
    """Return the pieces line by line, from left to right; lines may rise or fall."""
    rows = []
    for piece in sorted(pieces, key=lambda p: p.left):
        best, best_share = None, 0.3
        for row in rows:
            last = row[-1]
            shared = min(piece.bottom, last.bottom) - max(piece.top, last.top)
            share = shared / min(piece.height, last.height)
            if share > best_share:
                best, best_share = row, share
        if best is None:
            rows.append([piece])
        else:
            best.append(piece)
    rows.sort(key=lambda row: np.mean([p.top + p.bottom for p in row]))
    return [piece for row in rows for piece in row]


def _written(pieces, shape):
    """Return what has a say in which way is up: no rests of lines, no shadow."""
    least, size = PALE * how_dark(pieces), digit_size(pieces)
    written = [
        p for p in pieces if p.dark >= least and not cut_by_the_rim(p, shape, size)
    ]
    return written or pieces


def _pieces(strokes, ink, reach):
    return ask(pieces_of(strokes, ink, reach, _smallest(strokes)))


def _smallest(strokes):
    return max(4, 0.01 * min(strokes.shape))


def _reach(strokes, ink):
    """Return how far a pen may have skipped on a page, in pixels."""
    width = stroke_width(strokes > 0.5)
    if width > WIDE * min(strokes.shape):
        written = np.zeros(strokes.shape, bool)
        for p in sure_digits(ask(pieces_of(strokes, ink, smallest=_smallest(strokes)))):
            written[p.top : p.bottom, p.left : p.right] |= p.ink > 0.5
        pen = stroke_width(written)
        width = pen if 0 < 2 * pen < width else width
    return max(1, round(0.6 * width))  # not quite the pen's own width


def _turned(box, turn, height, width):
    top, bottom, left, right = box
    for _ in range(turn % 4):
        top, bottom, left, right = width - right, width - left, top, bottom
        height, width = width, height
    return top, bottom, left, right


# --- lines ---------------------------------------------------------------------------


def remove_lines(strokes, ink):
    """Take printed and drawn lines off the page.

    What looks like a digit is no line, however straight its strokes are. All else is
    one that goes on for more than twice a digit's size, that leads from one edge of the
    picture to another, or that is paler and thinner than the pen.

    Args:
        strokes: shape (height, width), float32 in [0, 1].
        ink: how dark each place is; where it is much darker than the line, a pen
            crosses the print.

    Returns:
        (strokes, left_out): a copy without lines; a list of (box, "line").
    """
    strokes, left_out = strokes.copy(), []
    if min(strokes.shape) < SMALLEST_PAGE / 2:
        return strokes, left_out  # one pixel is too thick for a line
    for _ in range(2):  # digits that hung on the lines may be found after the first
        pieces = ask(pieces_of(strokes, ink, smallest=_smallest(strokes)))
        pieces = _as_if_upright(pieces, strokes.shape)
        size = digit_size(pieces)
        writing = usual(pieces)
        others = _without_digits(strokes > 0.5, pieces, size)
        removed = 0
        for across in (True, False):
            page = [strokes, others, ink]
            page = page if across else [layer.T for layer in page]
            shortest = 0.35 * page[0].shape[1]
            shortest = min(size / 2, shortest) if size else shortest
            for line in lines.trace(page[1], max(shortest, 24), page[0] > 0.5):
                if size and not _is_no_stroke(line, size, writing, *page[1:]):
                    continue  # it may be a stroke of a digit that fills its picture
                thickness = lines.erase(*page, line)
                left_out.append((_box(line, thickness, across), "line"))
                removed += 1
        if not removed:
            break
    return strokes, left_out


def _as_if_upright(pieces, shape):
    """Return the pieces of a page that surely lies on its side, judged as if upright.

    To the judge their digits are none as they lie, and would all pass for lines.
    """
    (way, *others) = which_way_up(_written(pieces, shape)) if pieces else [0]
    if others or not way:
        return pieces
    turned = ask([Piece(np.rot90(p.ink, way), p.top, p.left) for p in pieces])
    size = digit_size(turned)
    sized = [p for p in turned if 0.4 * size < p.extent < LONG * size]
    if sum(p.likeness > SURE for p in sized) < len(sized) / 2:
        return pieces  # of many letters some look like a digit from any side
    return [replace(p, prob=q.prob) for p, q in zip(pieces, turned, strict=True)]


def _without_digits(mask, pieces, size):
    """Return the ink that may be lines: all but what looks like a digit of the page."""
    thickest = max(5, 0.02 * min(mask.shape), 0.2 * size)
    others = lines.thin(mask, thickest)
    for piece in pieces:
        large = not size or 0.4 * size < piece.extent < LONG * size
        if piece.likeness > LIKE and large and not piece.straight:
            place = others[piece.top : piece.bottom, piece.left : piece.right]
            place &= ~(piece.ink > 0.5)
    return others


def _is_no_stroke(line, size, writing, mask, ink):
    """Tell a line from a digit's stroke: too long, from rim to rim, or like print.

    Print is paler and thinner than the pen that wrote the digits.
    """
    if line.inked > LONG * size or _from_rim_to_rim(line, ink.shape):
        return True
    dark, pen = writing
    pale = lines.level(ink, line) < PALE * dark
    return pale and lines.thickness(mask, line) < THIN * pen


def _from_rim_to_rim(line, shape):
    """Tell whether a line enters the picture at one edge and leaves it at another."""
    height, width = shape
    near = 0.02 * max(shape)
    first, last = (
        {k for k, away in enumerate((c, width - c, r, height - r)) if away < near}
        for c, r in ((line.first, line.rows[0]), (line.last, line.rows[-1]))
    )
    return bool(first - last and last - first)


def _box(line, thickness, across):
    half = int(thickness / 2) + 1
    top, bottom = int(line.rows.min()) - half, int(line.rows.max()) + half
    box = (max(0, top), bottom, line.first, line.first + line.length)
    return box if across else (box[2], box[3], box[0], box[1])


# --- which way is up -----------------------------------------------------------------


def which_way_up(pieces):
    """Return the ways to read a page: quarter turns, against the clock; 0 is as it is.

    The judge has learned that digits on their side are none, and is asked for all four
    ways. A pair of digits that touch may look like one digit from the side: where few
    pieces speak for a turn, both ways are to be read.
    """
    large = max(p.extent for p in pieces)
    some = sorted(pieces, key=lambda p: -p.extent)[:60]
    some = [p for p in some if p.extent > 0.3 * large or len(pieces) > 20]
    ways = [some]
    for k in (1, 2, 3):
        ways.append(ask([Piece(np.rot90(p.ink, k), p.top, p.left) for p in some]))
    like = np.array([[p.likeness for p in way] for way in ways])
    bent = np.array([not p.straight for p in some])  # a 1 has two ways, a dash others
    seen = (like.max(axis=0) > LIKE) & bent
    seen &= ~_small_beside([p.extent for p in some], seen)
    total = like[:, seen].sum(axis=1)
    best = int(np.argmax(total))
    gain = total[best] - total[0]
    if gain < WORTH_A_TRY or seen.sum() < FEWEST_TO_TURN:
        return [0]
    sure = gain > SURE_GAIN * max(seen.sum(), 2 / SURE_GAIN)
    return [best] if sure else [0, best]


def _small_beside(extents, seen):
    """Return which pieces are specks beside the larger ones that look like digits.

    The letters of a column of print are many, and some look like digits from the side;
    what stands beside them was written larger, and is fewer.

    Args:
        extents: of the pieces, in pixels.
        seen: which of them look like a digit from some side, shape (n,), bool.
    """
    extents = np.array(extents, float)
    return extents < SPECK * typical_size(extents[seen])
