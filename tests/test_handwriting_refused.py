"""Pages without a digit that were read as some: each needs the rule it is here for."""

import contextlib
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from utils import handwriting
from utils.canvas.strokes import DIGITS, draw
from utils.handwriting import HandwritingError, judge, read_page
from utils.handwriting.digits import are_a_few_in_doubt, which_way_up
from utils.handwriting.pieces import Piece, ask
from utils.handwriting.refusing import is_texture, refuse_words

PAPER, INK = 235, 40


def letters():
    """Capitals of upright strokes: cut apart, they would be ones."""
    page = Image.new("L", (900, 330), PAPER)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(fonts / "DejaVuSans.ttf"), 110)
    for row, text in enumerate(("HMUNVUB", "KHUMGND")):
        for k, letter in enumerate(text):
            ImageDraw.Draw(page).text((30 + 122 * k, 20 + 150 * row), letter, INK, font)
    return page


def smileys():
    """Lying on their side, the mouths look a little like a 7."""
    page = Image.new("L", (640, 480), PAPER)
    pen = ImageDraw.Draw(page)
    for k in range(6):
        x, y = 40 + 190 * (k % 3), 50 + 210 * (k // 3)
        pen.ellipse([x, y, x + 130, y + 130], outline=INK, width=6)
        for left in (36, 81):
            pen.ellipse([x + left, y + 39, x + left + 13, y + 54], fill=INK)
        pen.arc([x + 32, y + 39, x + 98, y + 104], 20, 160, INK, 6)
    return page.filter(ImageFilter.GaussianBlur(0.8))


@pytest.mark.slow
@pytest.mark.parametrize("picture", [letters, smileys])
def test_a_page_without_digits_is_refused(picture):
    with pytest.raises(HandwritingError, match=r"words|nothing like ink"):
        read_page(np.asarray(picture()))


@pytest.mark.parametrize(
    ("likeness", "others", "refused"),
    [(0.8, 8, True), (0.95, 8, False), (0.8, 1, False)],
)
def test_digits_on_their_side_are_sure_or_most_of_the_ink(likeness, others, refused):
    prob = np.append(np.full(10, likeness / 10), 1 - likeness)
    rows = [Piece(np.ones((9, 9)), 0, 10 * k, prob=prob) for k in range(12)]
    assert are_a_few_in_doubt(rows[:4], rows[: 4 + others]) == refused


@pytest.mark.slow
def test_what_was_struck_out_is_no_row_of_ones():
    page = Image.new("L", (900, 240), PAPER)
    for k, digit in enumerate((4, 9, 6, 2, 5)):
        mask = Image.fromarray(np.uint8(255 * draw(DIGITS[digit], 120)))
        page.paste(INK, (40 + 170 * k, 60), mask)
    zigzag = [(380 + 8 * k, 60 if k % 2 else 180) for k in range(14)]
    ImageDraw.Draw(page).line(zigzag, INK, 8, joint="curve")
    prob = judge.probabilities(read_page(np.asarray(page)).images / 255)[:, :10]
    assert "1" not in "".join(map(str, prob.argmax(axis=1)))


JUDGED = np.eye(11)[[1, 4]]


@pytest.mark.parametrize(("likeness", "sizes"), [(0.6, 4), (0.95, 4), (0.6, 1.3)])
def test_a_textures_bent_pieces_leave_a_doubt_and_digits_do_not(likeness, sizes):
    """Of grained wood three in four are straight, and knots are the others."""
    heights = np.geomspace(12, 12 * sizes, 20).round().astype(int)
    pieces = []
    for k, height in enumerate(heights):
        ink = np.zeros((height, 3 if k % 4 else height), np.float32)
        ink[:, :3] = ink[-3:] = 1
        prob = JUDGED[0] if k % 4 else likeness * JUDGED[1]
        prob = np.append(prob[:10], 1 - prob[:10].sum())
        pieces.append(Piece(ink, 0, 60 * k, prob=prob))
    assert is_texture(pieces) == (likeness < 0.9 and sizes > 2.5)


@pytest.mark.parametrize(("side", "ways"), [(24, [0]), (90, [1])])
def test_small_letters_do_not_turn_the_digits_beside_them(side, ways):
    """A column of print has far more of them, and some look like digits on their side.

    Here all do: they are digits that lie. As large as the others, they turn the page.
    """
    digits = [Piece(draw(DIGITS[k % 10], 100), 0, 120 * k) for k in range(2, 8)]
    lying = [np.rot90(draw(DIGITS[k % 8 + 2], side), -1) for k in range(40)]
    print_ = [Piece(ink, 200, 120 * k) for k, ink in enumerate(lying)]
    assert which_way_up(ask([*digits, *print_])) == ways


@pytest.mark.parametrize("likeness", [0.005, 0.02])
def test_one_piece_of_writing_is_read_in_doubt_but_not_for_no_digit(likeness):
    """A leaf, a cable or a cloud may be as much ink as a digit."""
    ink = draw(DIGITS[7], 100)
    prob = np.append(np.full(10, likeness / 10), 1 - likeness)
    refused = pytest.raises(HandwritingError, match="hardly one digit")
    with refused if likeness < 0.01 else contextlib.nullcontext():
        refuse_words([Piece(ink, 0, 0, prob=prob)], (600, 600))


def test_the_judge_is_asked_once_about_the_same_ink(monkeypatch):
    (first,) = ask([Piece(draw(DIGITS[5], 90), 0, 0)])
    monkeypatch.setattr(judge, "probabilities", None)
    (again,) = ask([Piece(draw(DIGITS[5], 90), 40, 30)])
    assert np.array_equal(again.prob, first.prob)
    assert np.array_equal(again.image, first.image)


@pytest.mark.parametrize(("pen", "times"), [(3, 1), (16, 0)])
def test_only_fine_strokes_are_worth_a_closer_look(pen, times, monkeypatch):
    """A page that was refused takes four times as long to read enlarged."""
    page = Image.new("L", (500, 300), PAPER)
    turns = np.linspace(0, 6 * np.pi, 300)
    wave = zip(60 + 20 * turns, 150 + 60 * np.sin(turns), strict=True)
    ImageDraw.Draw(page).line([*wave], INK, pen, joint="curve")
    looks = []
    monkeypatch.setattr(handwriting, "_read_enlarged", lambda *_: looks.append(1))
    with pytest.raises(HandwritingError, match="hardly one digit"):
        read_page(np.asarray(page))
    assert len(looks) == times
