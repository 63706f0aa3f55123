"""Numbers and lists as parts of sentences, and errors that can be shown anywhere."""

import re

# All that moves a cursor or changes a screen; a line may end.
CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


LONGEST = 2000  # characters of a message; the longest that the course writes have 900


class SaidError(Exception):
    """An error whose message can be printed and saved, whatever file it names.

    A file's name may hold bytes that are no letters. Python keeps them in a form that
    no notebook can write; here they are written out: "\\udcfc". So are those that
    would tell a terminal to clear itself, or to write in red: "\\x1b".

    A notebook shows the message without a traceback: it says what to do, and the lines
    of utils/ on the way to it are nobody's mistake.
    """

    def __init__(self, message):
        if len(message) > LONGEST:  # it quotes a file: what to do stands at its end
            message = f"{message[: LONGEST // 2]} … {message[-LONGEST // 2 :]}"
        plain = message.encode("utf-8", "backslashreplace").decode("utf-8")
        super().__init__(CONTROL.sub(lambda found: repr(found[0])[1:-1], plain))

    def _render_traceback_(self):  # IPython shows these lines instead of a traceback
        return [f"✗ {self}"]


class Text(str):
    """A text that a notebook shows as prose: no quotes, lines broken between words."""

    def _repr_markdown_(self):
        return str(self)


def ratio(pair):
    """Say how many times the first number the second is."""
    a, b = pair
    return rounded(b / a, 2) if a else "?"


def rounded(number, digits):
    """Write a number with so many digits that count, and no exponent: "1,200"."""
    number = float(f"{number:.{digits}g}")
    return f"{number:,.0f}" if abs(number) >= 10**digits else f"{number:.{digits}g}"


def p_text(p_value):
    """Say a p-value with its sign: "= 0.038"."""
    return "< 0.0001" if p_value < 1e-4 else f"= {p_value:.2g}"


def chance(p_value):
    """Say a p-value as a frequency: "about once in 250 times"."""
    if p_value > 0.3:
        return f"in {p_value:.0%} of all cases"
    if p_value < 1e-6:
        return "less than once in a million times"
    return f"about once in {float(f'{1 / p_value:.2g}'):,.0f} times"


def listed(words):
    """Join words: "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
