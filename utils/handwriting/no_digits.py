"""What is no digit, drawn by code: letters, signs and blots, for a rejection curve.

None of it trained the judge: tools/judge.py has other letters' fonts and other signs.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 112
LETTERS = "ABDEFGHKMNPRTWXYabdefhkmnprtwxy"
SIGNS = "♠♥♣♦★☎✈✂☂☀♞♪→↺⇄∑∫≈÷§¶ЖДФЮЯЩ"
LETTER_FONTS = ["cmb10", "DejaVuSerif-BoldItalic", "STIXGeneralBolIta", "cmmi10"]


def no_digits(n, seed=0):
    """Draw n pictures of what is no digit: letters, signs and blots, in turn.

    Args:
        n: how many.
        seed: of the choices.

    Returns:
        np.ndarray, shape (n, 112, 112), uint8, 0 = paper, 255 = ink.
    """
    rng = np.random.default_rng(seed)
    kinds = (_letter, _sign, _blot)
    return np.array([kinds[k % len(kinds)](rng) for k in range(n)])


def _letter(rng):
    return _written(rng.choice(list(LETTERS)), rng.choice(LETTER_FONTS))


def _sign(rng):
    return _written(rng.choice(list(SIGNS)), "DejaVuSans")


def _written(text, font):
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(folder / f"{font}.ttf"), 80)
    page = Image.new("L", (SIDE, SIDE))
    middle = (SIDE / 2, SIDE / 2)
    left, top, right, bottom = ImageDraw.Draw(page).textbbox((0, 0), text, font)
    corner = (middle[0] - (left + right) / 2, middle[1] - (top + bottom) / 2)
    ImageDraw.Draw(page).text(corner, text, 255, font)
    return np.asarray(page)


def _blot(rng):
    """A piece of a smooth random field, cut at a level."""
    noise = Image.fromarray(np.uint8(rng.integers(0, 256, (SIDE, SIDE))))
    smooth = noise.filter(ImageFilter.GaussianBlur(rng.uniform(4, 10)))
    field = np.asarray(smooth, float)
    middle = np.hypot(*(np.mgrid[:SIDE, :SIDE] - SIDE / 2)) < 0.36 * SIDE
    level = np.quantile(field[middle], rng.uniform(0.5, 0.8))
    return np.uint8(255 * ((field > level) & middle))
