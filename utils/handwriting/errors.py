"""What is said when a picture cannot be read."""

from utils.wording import SaidError


class HandwritingError(SaidError):
    """A picture cannot be read; the message says why and what to do."""


def empty_page():
    return HandwritingError(
        "The page is empty: nothing on it is darker or lighter than the paper around "
        "it. Write with a darker pen, or take the photo in better light."
    )


def nothing_like_ink():
    return HandwritingError(
        "There is nothing like ink in this picture: no strokes, only areas or specks. "
        "Photograph the page straight from above, the digits in the middle."
    )
