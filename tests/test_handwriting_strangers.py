"""Pages that hold more than digits, or badly lit ones: what a pen did not write.

Each page is drawn here, so what is on it is known; each breaks the reading without the
rule that it is here for.
"""

import contextlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from utils.canvas.strokes import DIGITS, draw
from utils.handwriting import HandwritingError, judge, read_page
from utils.handwriting.pieces import Piece
from utils.handwriting.refusing import is_texture, refuse_words

pytestmark = pytest.mark.slow  # each reads a page, or several
SIDE = 60  # pixels of a digit's square


def read(page):
    """Return what the judge reads on a page, a text."""
    picture = np.asarray(page)
    prob = judge.probabilities(read_page(picture).images / 255)[:, :10]
    return "".join(map(str, prob.argmax(axis=1)))


def blank(width=700, height=500, paper=235):
    return Image.new("L", (width, height), paper)


def write(page, digit, left, top, ink=40, side=SIDE, pen=None):
    """Write a digit; pen is a picture, shape (side, side), of how hard it presses."""
    strokes = draw(DIGITS[digit], side)
    if pen is not None:
        strokes = strokes * pen
    mask = Image.fromarray((255 * strokes).astype(np.uint8))
    page.paste(ink, (left, top), mask)


def test_digits_are_read_in_shapes_that_were_drawn_around_them():
    """A large circle looks surely like a 0, and makes specks of all digits."""
    page = blank()
    pen = ImageDraw.Draw(page)
    pen.rectangle([40, 40, 270, 210], outline=40, width=4)
    pen.polygon([(480, 40), (350, 220), (630, 220)], outline=40, width=4)
    pen.ellipse([60, 270, 280, 480], outline=40, width=4)
    places = {(70, 60): 2, (180, 130): 5, (450, 140): 7, (130, 320): 9, (190, 390): 3}
    for (left, top), digit in {**places, (420, 330): 8, (560, 390): 6}.items():
        write(page, digit, left, top)
    assert sorted(read(page)) == sorted("2579386")


def test_pale_stains_do_not_make_words_of_a_row():
    page = blank(900, 420)
    stains = blank(900, 420, 255)
    pen = ImageDraw.Draw(stains)
    rng = np.random.default_rng(6)
    for k in range(3):
        left, top = 100 + 300 * k, 270
        corners = rng.normal((left, top), 45, (9, 2))
        pen.polygon([tuple(c) for c in corners], fill=195)
    stains = stains.filter(ImageFilter.GaussianBlur(4))
    stained = np.asarray(page) * (np.asarray(stains) / 255)
    page = Image.fromarray(stained.astype("uint8"))
    for k, digit in enumerate((7, 2, 0, 8, 6, 5)):
        write(page, digit, 60 + 130 * k, 80, ink=130)
    assert read(page) == "720865"


def uneven(side, seed):
    """How hard a pencil presses, shape (side, side): from a twelfth to the whole."""
    field = np.random.default_rng(seed).normal(size=(side, side))
    values = ndimage.gaussian_filter(field, side / 14)
    rank = values.argsort(axis=None).argsort().reshape(values.shape) / values.size
    return 0.08 + 0.92 * rank


def test_a_pencils_strokes_are_followed_where_it_pressed_less():
    """Their pale parts are less than half as dark as the dark ones beside."""
    page = blank(980, 460, 250)
    pen = ImageDraw.Draw(page)
    written = (2, 3, 0, 5, 8, 6, 9, 3, 2, 5)
    for k, digit in enumerate(written):
        left, top = 40 + 180 * (k % 5), 40 + 190 * (k // 5)
        pen.rectangle([left, top, left + 180, top + 190], outline=30, width=4)
        write(page, digit, left + 45, top + 50, ink=70, side=90, pen=uneven(90, k))
    page = page.filter(ImageFilter.GaussianBlur(0.7))
    assert read(page) == "".join(map(str, written))


@pytest.mark.parametrize(("grain", "dark"), [(12, 110), (18, 90)])
def test_the_grain_of_a_dark_desk_is_no_noise_of_the_paper(grain, dark):
    rng = np.random.default_rng(0)
    page = blank(640, 560, 200)
    written = (2, 3, 0, 5, 8, 6)
    for k, digit in enumerate(written):
        write(
            page,
            digit,
            60 + 180 * (k % 3),
            60 + 180 * (k // 3),
            ink=110 if dark < 100 else 150,
        )
    picture = np.pad(np.asarray(page, float), 100, constant_values=dark)
    desk = np.pad(np.zeros((560, 640)), 100, constant_values=1)
    picture += rng.normal(size=picture.shape) * (2 + grain * desk)
    picture = picture.clip(0, 255).astype("uint8")
    assert read(picture) == "".join(map(str, written))


@pytest.mark.parametrize("apart", [50, 52])
def test_zeros_that_touch_on_ruled_paper_are_taken_apart(apart):
    page = blank(760, 330)
    pen = ImageDraw.Draw(page)
    for y in (150, 290):
        pen.line([(0, y), (759, y - 6)], 150, 2)
    for row in range(2):
        for k, digit in enumerate((8, 6, 3)):
            write(page, digit, 40 + 85 * k, 60 + 140 * row, side=80)
        for k in range(3):
            write(page, 0, 380 + apart * k, 60 + 140 * row, side=80)
    assert read(page) == "863000863000"


def test_the_digits_of_a_sum_are_read_and_its_signs_left_out():
    """Half of the ink is no digit; but hardly a piece leaves a doubt, as letters do."""
    page = blank(900, 260)
    pen = ImageDraw.Draw(page)
    for k, digit in enumerate((5, 7, 3)):
        write(page, digit, 60 + 320 * k, 80, side=110)
    pen.line([(215, 140), (315, 140)], 40, 10)
    pen.line([(265, 90), (265, 190)], 40, 10)
    pen.line([(540, 95), (620, 185)], 40, 10)
    pen.line([(620, 95), (540, 185)], 40, 10)
    assert read(page) == "573"


@pytest.mark.parametrize(("digit", "side"), [(3, 300), (0, 600), (8, 450)])
def test_a_shadow_that_looks_like_a_large_digit_is_none(digit, side):
    """It would tell how large digits are, and make a speck of the one on the page."""
    page = blank(700, 1100)
    write(page, digit, 700 - int(0.7 * side), 560, ink=212, side=side)
    page = page.filter(ImageFilter.GaussianBlur(4))
    write(page, 5, 330, 480, ink=110, side=80)
    assert read(page) == "5"


def test_digits_are_read_on_rough_paper_whose_fibres_hang_together():
    rng = np.random.default_rng(0)
    page = np.full((800, 1000), 225.0)
    places = rng.integers((300, 100, 6), (760, 960, 22), (8000, 3))
    for top, left, length in places:
        page[top : top + 3, left : left + length] -= 14
    page = ndimage.gaussian_filter(page + rng.normal(0, 2, page.shape), 0.7)
    page = Image.fromarray(page.clip(0, 255).astype("uint8"))
    for k, digit in enumerate((1, 7, 6, 2, 8, 9)):
        write(page, digit, 120 + 130 * k, 330, ink=130, side=90)
    assert read(page) == "176289"


def test_a_sheet_on_a_sheet_is_no_digit():
    page = Image.new("L", (800, 670), 40)
    pen = ImageDraw.Draw(page)
    pen.polygon([(20, 30), (770, 60), (780, 640), (40, 620)], fill=235)
    pen.polygon([(58, 60), (733, 87), (742, 609), (76, 591)], fill=70)
    with pytest.raises(HandwritingError, match="hardly one digit"):
        read(page.filter(ImageFilter.GaussianBlur(1)))


@pytest.mark.parametrize("likeness", [0.6, 0.95])
def test_ink_that_no_pen_leaves_of_one_digit_must_surely_look_like_one(likeness):
    turns = np.linspace(0, 14 * np.pi, 500)
    across, down = 80 + 5 * turns + 30 * np.cos(turns), 150 + 60 * np.sin(turns)
    page = Image.new("L", (400, 300))
    ImageDraw.Draw(page).line([*zip(across, down, strict=True)], 255, 5)
    prob = np.append(np.full(10, likeness / 10), 1 - likeness)
    piece = Piece(np.asarray(page) / 255, 0, 0, prob=prob)
    refused = pytest.raises(HandwritingError, match="hangs together")
    with refused if likeness < 0.9 else contextlib.nullcontext():
        refuse_words([piece], (600, 600))


PATTERNS = {
    "hatching": [[(k, 0), (k + 600, 600)] for k in range(-600, 600, 30)],
    "roofs": [[(10, k + 300), (300, k), (590, k + 300)] for k in range(-200, 600, 30)],
    "corners": [[(k, 10), (k, k), (10, k)] for k in range(30, 590, 25)],
}


@pytest.mark.parametrize("name", PATTERNS)
def test_strokes_that_lie_within_one_another_are_no_digits(name):
    page = blank(600, 600)
    for path in PATTERNS[name]:
        ImageDraw.Draw(page).line(path, 40, 4)
    with pytest.raises(HandwritingError, match="a pattern or a drawing"):
        read(page)


def test_digits_that_lean_into_each_others_boxes_are_no_pattern():
    page = blank(900, 250)
    for k, digit in enumerate((2, 3, 5, 6, 8)):
        write(page, digit, 100 + 110 * k, 60 + 15 * (k % 2), side=120)
    lean = (1, 0.45, -40, 0, 1, 0)
    page = page.transform(page.size, Image.Transform.AFFINE, lean, fillcolor=235)
    assert read(page) == "23568"


@pytest.mark.parametrize("side", [13, 16])
def test_small_digits_of_a_small_photo_are_read(side):
    """Thin ones are hardly wider than a line, and those beside them lead one on."""
    page = blank(10 * (side + 9) + 30, 4 * (side + 18) + 90)
    for k in range(40):
        place = 15 + k % 10 * (side + 9), 40 + k // 10 * (side + 18)
        write(page, (7 * k + 3) % 10, *place, ink=60, side=side)
    expected = "".join(str((7 * k + 3) % 10) for k in range(40))
    assert read(page.filter(ImageFilter.GaussianBlur(0.5))) == expected


ONE, FOUR = (np.eye(11)[digit] for digit in (1, 4))


@pytest.mark.parametrize("others", [0, 1, 6])
def test_a_texture_is_one_if_a_piece_of_it_looks_like_another_digit(others):
    """All lengths side by side are boards or a barcode, no ones."""
    bars = [Piece(np.ones((4 * k, 4)), 0, 9 * k, prob=ONE) for k in range(3, 15)]
    bend = np.zeros((40, 30), np.float32)
    bend[:, :4] = bend[36:] = 1
    bars += [Piece(bend, 0, 200 + 40 * k, prob=FOUR) for k in range(others)]
    assert is_texture(bars) == (others < 6)
