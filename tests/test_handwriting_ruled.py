"""Pages that are mostly paper and print: what is looked at, and what was written."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from utils.canvas.strokes import DIGITS, draw
from utils.handwriting import lines, photos, pieces, read_page


def ring_and_line():
    """A zero that leans on a long thin line, shape (80, 160), from 0 to 1."""
    picture = Image.new("L", (160, 80))
    draw = ImageDraw.Draw(picture)
    draw.ellipse([40, 10, 80, 66], outline=255, width=7)
    draw.line([(0, 60), (159, 66)], 160, 3)
    return np.asarray(picture, np.float32) / 255


@pytest.fixture
def transformed(monkeypatch):
    """How many pixels each distance transform was asked for."""
    asked, transform = [], ndimage.distance_transform_edt

    def counted(mask, **options):
        asked.append(mask.size)
        return transform(mask, **options)

    monkeypatch.setattr(ndimage, "distance_transform_edt", counted)
    return asked


@pytest.mark.parametrize("corner", [(0, 0), (320, 520), (920, 1240)])
def test_ink_is_found_alike_on_a_large_page_and_paper_is_not_looked_at(
    corner, transformed
):
    ink = ring_and_line()
    top, left = corner
    page = np.zeros((1000, 1400), np.float32)
    page[top : top + 80, left : left + 160] = ink
    mask, there = ink > 0.5, page > 0.5
    assert pieces.stroke_width(there) == pieces.stroke_width(mask)
    for few, many in zip(
        pieces.pieces_of(ink, ink, reach=3),
        pieces.pieces_of(page, page, reach=3),
        strict=True,
    ):
        assert (many.top, many.left) == (few.top + top, few.left + left)
        np.testing.assert_array_equal(many.ink, few.ink)
    thin = lines.thin(there, 5)
    found = lines.trace(thin, 100, there)
    (alone,) = lines.trace(lines.thin(np.pad(mask, 8), 5), 100, np.pad(mask, 8))
    assert len(found) == 1 and abs(found[0].length - alone.length) < 2 * lines.STEP
    assert abs(found[0].rows.mean() - top - (alone.rows.mean() - 8)) < 1
    assert max(transformed) < 0.05 * page.size


def written(*strokes, pen=22):
    """Strokes of a broad pen on MNIST's 28 pixels, enlarged tenfold, 255 = ink."""
    picture = Image.new("L", (280, 280))
    draw = ImageDraw.Draw(picture)
    for points in strokes:
        draw.line([(10 * x, 10 * y) for x, y in points], 255, pen, joint="curve")
    return np.asarray(picture)


def test_rests_of_pale_lines_do_not_outvote_a_doubtful_digit():
    """A straight 1 alone is no proof that there are digits, and the lines are many."""
    conditions = photos.SETTINGS["moderate, ruled page"]
    one = written([(20, 4), (9, 24)])
    page = read_page(photos.photograph(one[None], conditions, seed=0))
    (box,) = page.boxes
    ink = page.stages["ink"]
    there = ink > 0.6 * ink.max()
    inside = there[box[0] : box[1], box[2] : box[3]]
    assert page.turn == 0 and inside.sum() > 0.95 * there.sum()


# Nines whose pen skipped twice: none of the pieces looks like a digit.
NINES = [
    [[(12, 8), (20, 4)], [(8, 11), (12, 15), (19, 10), (16, 19)], [(14, 23), (13, 27)]],
    [
        [(8, 9), (14, 5), (20, 6)],
        [(8, 12), (12, 16), (20, 11), (17, 20)],
        [(15, 24), (14, 28)],
    ],
]


@pytest.mark.parametrize("strokes", NINES, ids=["a slanted top", "a round top"])
def test_a_digit_in_three_pieces_is_put_together(strokes):
    page = read_page(np.pad(255 - written(*strokes, pen=16), 40, constant_values=255))
    (box,) = page.boxes
    assert box[1] - box[0] > 230 and not page.left_out


# Not an 8, whose halves are two zeros, nor a 1 or 6; a 5 only if the gap is small.
@pytest.mark.parametrize("digit", [0, 2, 3, 4, 7, 9])
@pytest.mark.parametrize("gap", [0.08, 0.12])
def test_a_digit_broken_across_is_one_digit(digit, gap):
    """Its halves are hardly half as tall, and perhaps nothing else is on the page."""
    page = np.pad(255 - 255 * draw(DIGITS[digit], 150), 60, mode="edge")
    rows = np.flatnonzero((page < 128).any(axis=1))
    tall = rows[-1] - rows[0]
    broken = round(rows[0] + (0.55 - gap / 2) * tall)
    page[broken : broken + round(gap * tall)] = 255
    (box,) = read_page(page.astype(np.uint8)).boxes
    assert box[1] - box[0] > 0.95 * tall
