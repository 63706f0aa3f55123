"""Pages that hold no digits, told from those of digits; and what is read in doubt."""

import itertools

import numpy as np

from utils.handwriting.errors import HandwritingError
from utils.handwriting.ink import SMALLEST_PAGE
from utils.handwriting.pieces import LIKE, SURE, UNLIKELY, ask, together

# Of a page's ink: a page with less is not one of digits. Of invented pages, those of
# digits had 0.9 and more, text, coins, maps and music had 0.6 and less.
FEWEST_DIGITS = 0.7
# Of digits among signs, and of pieces that leave a doubt, for each of the digits.
FEWEST_AMONG_SIGNS, MOST_DOUBTS = 3, 0.1
# What looks even less like a digit is none, though it be all of a page: of MNIST's ten
# thousand digits to test with, three do; a leaf, a cable and a cloud did.
NONE = 0.01
OUTLINE = 0.8  # of the picture: what reaches over so much is a sheet, a book, a screen
# What a pen leaves of one digit, in MNIST and beyond: strokes this long together, this
# wide, by the digit's height or width, whichever is larger; and a box so wide by high.
LONGEST_INK, WIDEST_PEN, WIDEST_BOX = 4.0, 0.3, 2.0
# How often a place may lie in a piece's box, on average: at most 1.3 times on hundreds
# of photos of digits and of words, and far more often in hatching.
MOST_OVERLAP = 3.0
FEW_BARS = 6  # strokes like a 1; fewer may well be a row of ones
MOST_BARS = 0.8  # of a texture's pieces; one of them may look like another digit
MANY_SIZES = 2.5  # between the large and the small of a texture; one hand has fewer


def refuse_words(pieces, shape, fewest=FEWEST_DIGITS):
    """Raise HandwritingError if hardly anything on a page looks like a digit.

    Args:
        pieces: list of Piece, judged.
        shape: of the page.
        fewest: the share of the ink that must look like digits.
    """
    if min(shape) < SMALLEST_PAGE and len(pieces) == 1:
        return  # a picture as small as MNIST's holds one digit, however odd
    share = share_of_digits(pieces)
    if len(pieces) == 1:
        # Whoever photographs one piece of writing most likely wrote a digit: it is read
        # in doubt, which its likeness tells. What no pen leaves must surely be one.
        (piece,) = pieces
        fewest = NONE if _is_as_much_as_a_digit(piece) else SURE
        if piece.height * piece.width > OUTLINE * np.prod(shape):
            fewest = max(fewest, UNLIKELY)
    if share < fewest and not _are_digits_and_signs(pieces):
        like = sum(p.likeness > LIKE for p in pieces)
        why = f"{like} of {len(pieces)} pieces of ink look like a digit"
        if len(pieces) == 1:
            why = "all of its ink hangs together, and is hardly one digit"
        raise HandwritingError(
            f"This looks like words, or like no writing at all: {why}. Photograph a "
            "page of digits that do not touch, upright, in even light."
        )


def refuse_patterns(pieces, shape):
    """Raise HandwritingError if pieces lie within one another, as in hatching.

    Digits stand beside each other. To put together, and take apart, what is as large as
    the page would take minutes.
    """
    covered = np.zeros(shape, bool)
    for piece in pieces:
        covered[piece.top : piece.bottom, piece.left : piece.right] = True
    boxes = sum(piece.height * piece.width for piece in pieces)
    if boxes > MOST_OVERLAP * covered.sum():
        raise HandwritingError(
            "This looks like a pattern or a drawing: most of its strokes lie within "
            "one another, and digits stand side by side. Photograph a page of digits "
            "that do not touch, upright, in even light."
        )


def _are_digits_and_signs(pieces):
    """Tell digits among signs, as in a sum, from words: hardly a piece leaves a doubt.

    Of a text's letters many look a little like some digit.
    """
    sure = sum(p.likeness > SURE for p in pieces)
    none = sum(p.likeness < UNLIKELY for p in pieces)
    doubtful = len(pieces) - sure - none
    return sure >= max(FEWEST_AMONG_SIGNS, none) and doubtful <= MOST_DOUBTS * sure


def share_of_digits(pieces):
    """Return how much of the ink looks like digits; rests of lines have hardly any."""
    return sum(p.likeness * p.area for p in pieces) / sum(p.area for p in pieces)


def one_in_doubt(pieces):
    """Return a broken digit as one piece, in doubt, where that is all of the page.

    Its parts stand close above one another.
    """
    parts = sorted(pieces, key=lambda p: p.top)
    whole = together(*parts)
    above = all(
        min(a.right, b.right) - max(a.left, b.left) > 0.4 * min(a.width, b.width)
        and b.top - a.bottom < 0.25 * max(a.extent, b.extent)
        for a, b in itertools.pairwise(parts)
    )
    return ask([whole]) if above and _is_as_much_as_a_digit(whole) else pieces


def _is_as_much_as_a_digit(piece):
    """Tell a single digit, however odd, from a signature, a drawing and a blot.

    Strokes of the width w and the length l have the area l·w.
    """
    length = piece.area / piece.pen
    return (
        length < LONGEST_INK * piece.extent
        and piece.pen < WIDEST_PEN * piece.extent
        and piece.width < WIDEST_BOX * piece.height
    )


def is_texture(pieces):
    """Tell a barcode, a wall or grained wood from a row of ones.

    Nearly all is straight, and either many sizes are there, or no room is between. The
    bent ones that leave a doubt, as knots in wood do, speak for no digits: but as
    digits touch, only sizes tell them from these.
    """
    bars = [p for p in pieces if p.bar]
    rough = [p for p in pieces if p.bar or p.likeness < SURE]
    if len(bars) < FEW_BARS or len(rough) < MOST_BARS * len(pieces):
        return False
    small, large = np.percentile([p.extent for p in rough], [10, 90])
    if large > MANY_SIZES * small:
        return True
    if len(bars) < MOST_BARS * len(pieces):
        return False
    pieces, gaps = bars, []
    for piece in pieces:
        beside = [
            (other.left - piece.right) / piece.height
            for other in pieces
            if other.left > piece.left
            and min(other.bottom, piece.bottom) - max(other.top, piece.top)
            > 0.5 * min(other.height, piece.height)
        ]
        gaps += [min(beside)] if beside else []
    return bool(gaps and np.median(gaps) < 0.2)
