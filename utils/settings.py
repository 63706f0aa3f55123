"""The settings of a notebook, looked at before anything is computed with them."""

import numpy as np

from utils import controls
from utils.runs import RunError, check_free
from utils.wording import SaidError, listed


class SettingError(SaidError):
    """A notebook cannot work with one of its settings; the message names it."""


# --- rules: each returns what is expected, in words, or None where all is well --------


def whole(least, most=None, but_also=None):
    """Make a rule: a whole number within limits, or one other number."""
    words = f"a whole number from {least:,}" + (f" to {most:,}" if most else "")
    if but_also is not None:
        words = f"{but_also} or {words}"

    def rule(value):
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            is_within = value >= least and (most is None or value <= most)
            if is_within or value == but_also:
                return None
        return words

    return rule


def several(is_one, words):
    """Make a rule: a list or tuple of such values."""

    def rule(values):
        return None if isinstance(values, list | tuple) and is_one(values) else words

    return rule


def numbers(least, most=None, at_least="one"):
    """Make a rule: a list or tuple of whole numbers within limits, one at least."""
    one, n = whole(least, most), {"one": 1, "two": 2}[at_least]
    words = f"{at_least} or more in brackets, such as [{least}, {2 * least}], each "
    return several(
        lambda values: len(values) >= n and not any(map(one, values)),
        words + one(""),
    )


MOST = 100_000  # of whatever takes time; more is a slip of the finger
CONTROLS = sorted({name for pair in controls.PAIRS.values() for name in pair})
RULES = {
    "SEED": whole(0, 2**32 - 1),  # all that Keras takes
    "EPOCHS": whole(0, MOST),
    "N_DAMAGED": whole(1),
    "N_SEEDS": whole(0, MOST),
    "SIZES": numbers(10, at_least="two"),  # for a line through them
    "N_MOST": whole(20, but_also=0),
    "FLASH_BYTES": whole(1),
    "RAM_BYTES": whole(1),
    "N_TRIALS": whole(3, MOST, but_also=0),  # of which the best of three is chosen
    "PATIENCE": whole(0, MOST),
    "N_DIGITS": whole(1),
    "LABELS": numbers(1, 75),  # of the 797 digits to draw from, a tenth of each class
    "DRAWS": whole(1, MOST),
    "STEPS": whole(1, MOST),
    "TRAIN": several(
        lambda names: all(name in CONTROLS for name in names),
        f"names in brackets, of these: {listed(CONTROLS)}",
    ),
    "PAGES": several(
        lambda pages: all(pages), 'paths in brackets, such as ["page1.jpg"]'
    ),
    "N_PHOTOS": whole(1, 1000),
    "N_IN_A_ROW": whole(1, 10),
    "N_TRIED": whole(1, 1000),
}


def _quoted(value):
    """Return a value as Python writes it, cut short, or say what kind it is of."""
    try:
        return f"{value!r:.90}"
    except Exception:  # Python writes no number of more than 4,300 digits
        return f"too long to be written out, of type {type(value).__name__}"


def check_settings(**settings):
    """Raise a SettingError where a notebook cannot work with one of its settings.

    Args:
        settings: the settings by their names, which are those of RULES and RUN_NAME.
    """
    for name, value in settings.items():
        if name == "RUN_NAME":
            try:
                check_free(value)
            except RunError as error:
                raise SettingError(f"RUN_NAME: {error}") from error
        elif expected := RULES[name](value):
            raise SettingError(
                f"{name} is {_quoted(value)}. Expected {expected}: correct it where "
                "the settings are, then run on from there."
            )
    if 0 < settings.get("N_MOST", 0) < 2 * min(settings.get("SIZES", [0])):
        raise SettingError(
            f"N_MOST is {settings['N_MOST']}, and the smallest of SIZES is "
            f"{min(settings['SIZES'])}. Expected at least twice as many: correct one "
            "of the two where the settings are, then run on from there."
        )
