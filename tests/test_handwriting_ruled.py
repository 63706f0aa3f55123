"""Pages that are mostly paper and print: what is looked at, and what was written."""

import contextlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from utils import handwriting
from utils.canvas.strokes import DIGITS, draw
from utils.data import SHIPPED_DIGITS
from utils.handwriting import (
    HandwritingError,
    digits,
    judge,
    lines,
    photos,
    pieces,
    read_page,
    to_mnist,
)


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


# Not an 8, whose halves are two zeros, nor a 1 or 6; a 4 not in the middle of its bar.
BROKEN = [(d, at) for d in (0, 2, 3, 4, 5, 7, 9) for at in (0.5, 0.55)]
BROKEN.remove((4, 0.5))


@pytest.mark.parametrize("digit, at", BROKEN)
@pytest.mark.parametrize("gap", [0.08, 0.12])
def test_a_digit_broken_across_is_one_digit(digit, at, gap):
    """Its halves are hardly half as tall, and perhaps nothing else is on the page."""
    page = np.pad(255 - 255 * draw(DIGITS[digit], 150), 60, mode="edge")
    rows = np.flatnonzero((page < 128).any(axis=1))
    tall = rows[-1] - rows[0]
    broken = round(rows[0] + (at - gap / 2) * tall)
    page[broken : broken + round(gap * tall)] = 255
    (box,) = read_page(page.astype(np.uint8)).boxes
    assert box[1] - box[0] > 0.95 * tall


def on_ruled_paper(digit, side, degrees, dark, squared=False):
    """A digit on a picture hardly larger than it, ruled; and the box of its ink."""
    lines_at = range(-2 * side, 3 * side, 80)
    picture = Image.new("L", (side, side))
    for turn in [degrees, degrees + 90] if squared else [degrees]:
        across, down = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        for far in lines_at:
            x, y = side / 2 - far * down, side / 2 + (far + 20) * across
            ends = [(x + k * across, y + k * down) for k in (-2 * side, 2 * side)]
            ImageDraw.Draw(picture).line(ends, dark, 3)
    page, ink = np.array(picture), np.uint8(230 * draw(DIGITS[digit], 150))
    corner = (side - 150) // 2
    place = page[corner : corner + 150, corner : corner + 150]
    place[:] = np.maximum(place, ink)
    rows, columns = (np.flatnonzero((ink > 115).any(axis=axis)) for axis in (1, 0))
    box = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return 255 - page, corner + np.array(box)


@pytest.mark.slow
@pytest.mark.parametrize("squared", [False, True], ids=["ruled", "squared"])
@pytest.mark.parametrize("side", [260, 300])
@pytest.mark.parametrize("degrees", [-13, -7, 3])
def test_a_digit_is_freed_from_pale_lines_however_they_cross_its_picture(
    degrees, side, squared
):
    """Few lines are much longer than the digit, many end at it: rim to rim, or pale."""
    found = {}
    for digit in range(10):
        page, box = on_ruled_paper(digit, side, degrees, 60, squared)
        boxes = read_page(page).boxes
        found[digit] = len(boxes) == 1 and np.abs(boxes[0] - box).max() < 12
    assert all(found.values()), found


def test_a_line_leaves_the_pen_that_wrote_over_most_of_it():
    """The line's dark is that of its own ink, not of what covers it."""
    ink = np.zeros((100, 300), np.float32)
    ink[49:52] = 0.1
    mask = ink > 0
    blot = slice(20, 80), slice(60, 240)
    ink[blot], mask[blot] = 0.6, False  # a digit was found there: it is no line's ink
    strokes = (ink > 0).astype(np.float32)
    lines.erase(strokes, mask, ink, lines.Line(0, np.full(300, 50.0), 120))
    assert strokes[blot].all() and not strokes[:, np.r_[:58, 242:300]].any()


def test_a_shadow_at_the_edge_has_no_say_in_which_way_is_up(monkeypatch):
    asked, which_way_up = [], digits.which_way_up

    def watched(pieces):
        asked.extend(pieces)
        return which_way_up(pieces)

    monkeypatch.setattr(digits, "which_way_up", watched)
    page = np.pad(255 - 230 * draw(DIGITS[2], 150), 60, constant_values=255)
    page[-12:, 180:240] = 120  # from the side it is a fine 1
    (box,) = read_page(page.astype(np.uint8)).boxes
    assert {piece.box for piece in asked} == {tuple(box)}


@pytest.mark.slow
def test_what_lies_between_the_strokes_is_not_read(monkeypatch):
    """However badly a digit is written: the other ink would leave more on the page."""
    with np.load(SHIPPED_DIGITS) as file:
        images = file["images"]
    like = judge.likeness(np.array([to_mnist(image / 255) for image in images]))
    inks, ink_of = {}, handwriting.ink_of

    def watched(photo, light_on_dark):
        inks[light_on_dark] = ink_of(photo, light_on_dark)
        return inks[light_on_dark]

    monkeypatch.setattr(handwriting, "ink_of", watched)
    read = 0
    for k in np.argsort(like)[:40]:
        inks.clear()
        photo = photos.photograph(images[k][None], photos.MODERATE, seed=int(k))
        with contextlib.suppress(HandwritingError):
            page = read_page(photo)
            read += 1
            dark = np.rot90(inks[False], page.turn)
            np.testing.assert_array_equal(dark, page.stages["ink"])
    assert read >= 30


@pytest.mark.parametrize("n", [1, 12])
def test_only_many_digits_outdo_a_doubtful_one_that_most_ink_belongs_to(n, monkeypatch):
    """A white note on a dark desk: taken for ink, it is one piece, and a poor digit."""

    def page(n, likeness):
        images, boxes = np.zeros((n, 28, 28), np.uint8), np.full((n, 4), [0, 40, 0, 40])
        return handwriting.Page(images, boxes, {}, np.full(n, likeness))

    tries = iter([(page(1, 0.3), 0.99), (page(n, 0.9), 0.6)])
    monkeypatch.setattr(handwriting, "_read", lambda *_: next(tries))
    found = read_page(np.uint8(255 - 200 * np.pad(draw(DIGITS[3], 120), 60)))
    assert len(found.images) == n
    assert found.likeness[0] == (0.9 if n > 1 else 0.3)


@pytest.mark.parametrize(
    ("share", "n"), [(0.1, 12), (0.9, 4)], ids=["print on the desk", "most of the ink"]
)
def test_sure_digits_that_are_little_of_the_ink_do_not_end_the_search(
    share, n, monkeypatch
):
    def page(n):
        images, boxes = np.zeros((n, 28, 28), np.uint8), np.full((n, 4), [0, 40, 0, 40])
        return handwriting.Page(images, boxes, {}, np.full(n, 0.92))

    tries = iter([(page(4), share), (page(12), 0.9)])
    monkeypatch.setattr(handwriting, "_read", lambda *_: next(tries))
    found = read_page(np.uint8(255 - 200 * np.pad(draw(DIGITS[3], 120), 60)))
    assert len(found.images) == n


@pytest.mark.parametrize("turn", [0, 1, 3])
def test_before_lines_are_looked_for_a_page_on_its_side_is_judged_upright(turn):
    """As they lie the judge likes no digit, and a speck says how large they are."""
    written = [np.rot90(draw(DIGITS[d], 60), turn) for d in (2, 3, 5, 6, 8, 4)]
    inks = [*written, np.ones((13, 2), np.float32)]
    given = [pieces.Piece(ink, 200, 100 + 70 * k) for k, ink in enumerate(inks)]
    seen = digits._as_if_upright(pieces.ask(given), (500, 700))
    assert all(piece.likeness > 0.9 for piece in seen[:6])
    assert [piece.box for piece in seen] == [piece.box for piece in given]
    assert (seen is given) == (turn == 0)


@pytest.mark.parametrize("pen", [8, 16])
def test_two_waves_are_no_ones_that_lie_on_their_side(pen):
    picture = Image.new("L", (400, 300), 255)
    along = np.arange(0, 121, 6)
    wave = 20 * np.sin(np.pi * along / 120)
    for x, y in [(60 + along, 110 + wave), (220 + along, 170 - wave)]:
        points = list(zip(x.tolist(), y.tolist(), strict=True))
        ImageDraw.Draw(picture).line(points, 40, pen, joint="curve")
    with pytest.raises(HandwritingError, match=r"words|nothing like ink"):
        read_page(np.asarray(picture))


@pytest.mark.parametrize("digit", [0, 2, 3, 4, 5, 6, 8, 9])
def test_what_is_left_of_a_box_is_no_digit(digit):
    """A corner, or two sides: thin as the lines that were taken off, and no fine 1."""
    page = np.pad(255 - 230 * draw(DIGITS[digit], 120), 90, constant_values=255)
    picture = Image.fromarray(page.astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    pen.line([(20, 60), (280, 60)], 60, 3)
    for x in (70, 230):
        pen.line([(x, 60), (x, 150), (x + 25, 150)], 60, 3)
    assert len(read_page(np.asarray(picture)).boxes) == 1


# --- what lies on a page beside the digits -------------------------------------------


def on_a_table(*written, room=220):
    """A page of digits in the middle of a larger one, and a pen to draw beside them."""
    row = np.concatenate([draw(DIGITS[d], 120) for d in written], axis=1)
    page = np.pad(255 - 200 * row, room, constant_values=255).astype(np.uint8)
    picture = Image.fromarray(page)
    return picture, ImageDraw.Draw(picture)


def telephone(pen, width, height):
    pen.rounded_rectangle([60, height - 115, width - 60, height - 20], 30, 50)


def shadow(pen, width, height):
    pen.polygon([(30, 20), (width - 40, 40), (width - 90, 120), (30, 100)], 150)


def pencil(pen, width, height):
    pen.line([(40, height - 60), (width - 40, height - 130)], 90, 45)


@pytest.mark.parametrize("written", [(3, 5, 2), (6, 0, 8, 4)], ids=["three", "four"])
@pytest.mark.parametrize("thing", [telephone, shadow, pencil])
def test_what_is_far_wider_than_the_pen_is_an_area_and_no_writing(thing, written):
    picture, pen = on_a_table(*written)
    thing(pen, *picture.size)
    page = read_page(np.asarray(picture))
    assert len(page.images) == len(written)
    assert "area" in {why for _, why in page.left_out}
    found = judge.probabilities(page.images / 255).argmax(axis=1)
    assert tuple(found) == written


@pytest.mark.parametrize("walls", [(4,), (3, 5), (4, 6)], ids=str)
@pytest.mark.parametrize("lean", [0, 3])
def test_walls_that_are_darker_than_the_lines_they_join_are_no_ones(walls, lean):
    """A thin line is paler than a thick one of the same ink, once both are soft."""
    written, side = (0, 2, 5, 9, 3), 130
    picture = Image.new("L", (7 * side + 80, 260), 255)
    pen = ImageDraw.Draw(picture)
    for k, digit in enumerate(written):
        ink = Image.fromarray((255 * draw(DIGITS[digit], 84)).astype(np.uint8))
        picture.paste(20, (63 + k * side, 88), ink)
    for y in (60, 190):
        pen.line([(40, y), (40 + 7 * side, y)], 20, 2)
    for k in range(8):
        x = 40 + k * side
        pen.line([(x, 60), (x, 190)], 20, walls[k % len(walls)])
    turned = picture.rotate(lean, Image.Resampling.BICUBIC, fillcolor=255)
    page = read_page(np.asarray(turned.filter(ImageFilter.GaussianBlur(1.2))))
    found = judge.probabilities(page.images / 255).argmax(axis=1)
    assert tuple(found) == written


@pytest.mark.parametrize("light", [0.45, 0.55])
def test_where_nothing_is_printed_a_pale_one_is_written(light):
    ink = np.concatenate([draw(DIGITS[d], 120) for d in (1, 2, 5, 3)], axis=1)
    ink[:, :120] *= light
    page = np.pad(255 - 200 * ink, 60, constant_values=255).astype(np.uint8)
    found = judge.probabilities(read_page(page).images / 255).argmax(axis=1)
    assert tuple(found) == (1, 2, 5, 3)
