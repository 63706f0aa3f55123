"""From a photo of handwritten digits to images as MNIST's authors made them.

    photo → ink (even light, dark on light or not) → strokes → lines and frames removed
          → digits found → each in a box of 20×20, full ink, its mass centred in 28×28

`read_page` does it all and keeps every stage, so that each can be shown. The steps are
in the modules of this package: opening, ink, lines, pieces, digits, box, and the judge
of what looks like a digit. Importing this package does not import TensorFlow.
"""

import contextlib
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from utils.handwriting.box import (
    BOX,
    SIZE,
    centred,
    full_ink,
    in_box,
    squeezed,
    to_mnist,
)
from utils.handwriting.digits import CONVINCING, find_digits, remove_lines
from utils.handwriting.errors import HandwritingError
from utils.handwriting.ink import (
    SMALLEST_PAGE,
    aligned,
    find_ink,
    grey,
    ink_of,
    is_light_on_dark,
    to_strokes,
    without_grain,
)
from utils.handwriting.lines import NEAR
from utils.handwriting.opening import WORKING_SIDE, open_photo
from utils.handwriting.pieces import LIKE, SURE, stroke_width

__all__ = [
    "BOX",
    "SIZE",
    "WORKING_SIDE",
    "HandwritingError",
    "Page",
    "centred",
    "find_digits",
    "find_ink",
    "full_ink",
    "in_box",
    "open_photo",
    "read_page",
    "remove_lines",
    "squeezed",
    "to_mnist",
    "to_strokes",
]
DOUBTFUL = 0.1  # of a page's digits: so many doubts, and its strokes may be broken
MANY = 2.0  # the worth of more digits than a few strokes have between them
COVERED = 0.3  # of the ink: digits that are less of it may be the desk's
SMALL = 24  # pixels: digits that are smaller on a page are looked at enlarged, too
# Pixels: a line's path has ink on both sides as far as lines.NEAR. What a wider pen
# wrote is told from lines, and parted from its neighbours, without a closer look.
FINE_PEN = 2.0 * NEAR
MORE = 1.0  # the worth that a second reading of the same ink must add


@dataclass(frozen=True)
class Page:
    """A page that was read, with every stage of the reading.

    Attributes:
        images: the digits in reading order, shape (n, 28, 28), uint8, 0 = paper,
            255 = ink.
        boxes: where each is on the page, shape (n, 4), int64: top, bottom, left, right,
            in pixels of the stages; bottom and right are the first outside.
        stages: dictionary from the stage's name to its picture, shape (height, width),
            float32 in [0, 1]; "photo" is as bright as the photo, in the others ink
            is 1.
        likeness: how much each looks like a digit, shape (n,), from 0 to 1.
        left_out: what else was found and why it is no digit: list of (box, why), why
            one of "area", "line", "frame", "rim", "speck", "faint", "no digit".
        turn: quarter turns, against the clock, by which the stages were turned to
            stand upright.
    """

    images: np.ndarray
    boxes: np.ndarray
    stages: dict
    likeness: np.ndarray
    left_out: list = field(default_factory=list)
    turn: int = 0


def read_page(source):
    """Find the digits on a photo or scan.

    Args:
        source: path, bytes or open binary file of a picture (PNG, JPEG, WebP, TIFF …;
            HEIC where the package pillow-heif is installed); or an array of shape
            (height, width), grey, or (height, width, 3), uint8 or floats in [0, 1].

    Returns:
        Page.

    Raises:
        HandwritingError: it is no picture, damaged, far too large or too small, has
            several pages or moves; or it is empty, has nothing like ink on it, or
            nothing like digits.
    """
    photo = open_photo(source)
    try:
        page = _read_either_way(photo)
    except HandwritingError:
        page = _read_enlarged(photo, MANY) if _has_a_fine_pen(photo) else None
        if page is None:
            raise  # what was wrong with the photo as it came
    else:
        if np.median(np.ptp(page.boxes.reshape(-1, 2, 2), axis=2).max(axis=1)) < SMALL:
            page = _read_enlarged(photo, _worth(page) + MORE) or page
    return page


def _has_a_fine_pen(photo):
    """Tell whether strokes on a photo are as thin as lines may be: dark or light ones.

    Of broad ones a closer look shows nothing new, and takes four times as long.
    """
    even = aligned(photo)
    for light_on_dark in (False, True):
        with contextlib.suppress(HandwritingError):
            strokes = to_strokes(ink_of(even, light_on_dark))
            if stroke_width(strokes > 0.5) <= FINE_PEN:
                return True
    return False


def _read_enlarged(photo, worth):
    """Return the Page of a small photo made twice as large; None: it is not worth more.

    Lines are followed, and pens skip, by whole pixels: small digits are hardly wider.
    """
    height, width = photo.shape[:2]
    if min(height, width) < SMALLEST_PAGE or 4 * height * width > WORKING_SIDE**2:
        return None
    zoom = (2, 2, 1)[: photo.ndim]
    larger = ndimage.zoom(photo, zoom, order=1, grid_mode=True, mode="nearest")
    with contextlib.suppress(HandwritingError):
        page = _read_either_way(larger)
        if page.likeness.mean() > CONVINCING and _worth(page) > worth:
            return page
    return None


def _read_either_way(photo):
    """Return the Page of a photo, of dark ink on light paper or of light on dark."""
    even = aligned(photo)
    light_on_dark = is_light_on_dark(even)
    best, least, problem = None, 0.0, None
    # Ink is rarer than paper; but not where a small page lies on a dark desk. If the
    # first guess convinces nobody, the other is tried.
    for guess in (light_on_dark, not light_on_dark):
        try:
            page, share = _read_smooth_or_rough(photo, ink_of(even, guess))
        except HandwritingError as error:
            problem = problem or error
            continue
        like = page.likeness.mean()
        sure = _worth(page) >= MANY or (share > COVERED and like > SURE)
        if guess != light_on_dark and (like < CONVINCING or not sure):
            continue  # what the wrong way round leaves over is no writing
        if share < least and _worth(page) < MANY:
            continue  # what lies between strokes may look like a digit, among rests
        if best is None or _worth(page) > _worth(best):
            best, least = page, share
        if best.likeness.mean() > LIKE and least > COVERED:
            break
    if best is None:
        raise problem
    return _mended(best, photo)


def _read_smooth_or_rough(photo, ink):
    """Return what _read() does; where it finds no digits, of smoother paper, perhaps.

    Rough paper hangs together, and the digits with it.
    """
    try:
        return _read(photo, ink)
    except HandwritingError:
        smooth = without_grain(ink)
        if smooth is not None:
            with contextlib.suppress(HandwritingError):
                page, share = _read(photo, smooth)
                if page.likeness.mean() > CONVINCING and _worth(page) > MORE:
                    return page, share
        raise  # what was wrong with the whole ink


def _mended(page, photo):
    """Return a page with another cut of its ink, if it is worth more with that.

    A pencil's ink is uneven: what is cut at half of the strength around may be broken.
    """
    doubts = sum(why in ("speck", "no digit") for _, why in page.left_out)
    doubts += (page.likeness < SURE).sum()
    if doubts < MANY or doubts < DOUBTFUL * len(page.images):
        return page
    ink = np.rot90(page.stages["ink"], -page.turn)
    smooth = without_grain(ink)
    best = page
    for other_ink, uneven in ((ink, True), (smooth, False)):
        with contextlib.suppress(HandwritingError):
            if other_ink is not None:
                other, _ = _read(photo, other_ink, uneven)
                best = max(best, other, key=_worth)
    return best if _worth(best) > _worth(page) + MORE else page


def _worth(page):
    """Return how many digits a page seems to hold, less what looks like none."""
    return float((page.likeness - 0.5).sum())


def _read(photo, ink, uneven=False):
    """Return the Page, and the share of its ink that digits are made of.

    What touches the picture's edge does not count: a shadow, or the desk.
    """
    strokes = to_strokes(ink, uneven)
    found = find_digits(strokes, ink)
    stages = {"photo": grey(photo), "ink": ink, "strokes": strokes}
    stages = {name: np.rot90(stage, found.turn) for name, stage in stages.items()}
    stages["without lines"] = found.strokes
    images = [np.round(255 * piece.image) for piece in found.digits]
    page = Page(
        np.array(images).astype(np.uint8).reshape(-1, SIZE, SIZE),
        np.array([piece.box for piece in found.digits]).reshape(-1, 4),
        stages,
        np.array([piece.likeness for piece in found.digits]),
        found.left_out,
        found.turn,
    )
    labels, _ = ndimage.label(found.strokes > 0.5, np.ones((3, 3)))
    edges = labels[0], labels[-1], labels[:, 0], labels[:, -1]
    inner = np.count_nonzero(~np.isin(labels, np.concatenate([[0], *edges])))
    height, width = found.strokes.shape
    written = sum(
        piece.area
        for piece in found.digits
        if piece.top > 0 and piece.left > 0
        if piece.bottom < height and piece.right < width
    )
    return page, written / max(inner, 1)
