"""Pages without a digit that were read as some: each needs the rule it is here for."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from utils.canvas.strokes import DIGITS, draw
from utils.handwriting import HandwritingError, judge, read_page

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


@pytest.mark.slow
@pytest.mark.parametrize("picture", [letters])
def test_a_page_without_digits_is_refused(picture):
    with pytest.raises(HandwritingError, match=r"words|nothing like ink"):
        read_page(np.asarray(picture()))


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
