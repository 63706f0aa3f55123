"""A page to print, and a test set out of it: ten boxes for each digit.

    save_form("digits.pdf")            print it, write, photograph it
    page = read_form("photo.jpg")      page.images, page.labels

The labels come from the page: what stands in the row of the 3 was meant as a 3. Nobody
chooses what looks like a digit, so the accuracy on such digits is an honest one. And
nothing leaves this computer.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.optimize import least_squares
from scipy.stats import median_abs_deviation

from utils.handwriting.box import SIZE, to_mnist
from utils.handwriting.errors import HandwritingError
from utils.handwriting.ink import FAINTEST, find_ink, grey, to_strokes
from utils.handwriting.marks import find_marks, flattened, match
from utils.handwriting.opening import open_photo

# The layout in millimetres from the upper left corner. It fits A4 and US Letter.
WIDTH, HEIGHT = 190, 255
EACH = 10  # boxes of each digit
BOX_WIDTH, BOX_HEIGHT = 14.5, 18.0
ACROSS, DOWN = 16.5, 21.0  # from one box to the next
LEFT, TOP = 20.0, 32.0  # of the first box
EDGE = 6  # of the four corners' marks
MARKS = (
    (EDGE, EDGE),
    (WIDTH - EDGE, EDGE),
    (WIDTH - EDGE, HEIGHT - EDGE),
    (EDGE, HEIGHT - EDGE),
    (EDGE + 16, EDGE),  # it tells which way is up
)
RING, HOLE, DISC = 4.5, 3.1, 1.7  # radii of a mark
PALE = "0.55"  # of the boxes: a pen is darker
PAPERS = {"A4": (210, 297), "letter": (216, 279)}
DPI = 300  # dots per inch of the PNG
SCALE = 6  # pixels per millimetre of the flattened page
AROUND = 2.5  # millimetres that a digit may reach over its box
BEND = 5.0  # millimetres that bent paper or a lens may displace a box
SURE = 0.6  # share of a box's two lines that must be seen to tell where it is
LINE = 0.6  # millimetres to either side of a box's line in which print is taken off
CORE = 1.5  # millimetres from a box's line: what stays nearer is a rest of it
SMALLEST = 2.5  # millimetres of a digit's longer side


@dataclass(frozen=True)
class FilledForm:
    """What was written on a form.

    Attributes:
        images: the digits, row by row, shape (n, 28, 28), uint8, 255 = ink.
        labels: what each was meant to be, shape (n,), int64.
        boxes: where each stands on the page, shape (n, 4): top, bottom, left, right.
        page: the photo as if scanned, shape (height, width), float32, 1 = white.
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    page: np.ndarray


def form_boxes():
    """Return all boxes in millimetres, shape (100, 4): top, bottom, left, right."""
    row, column = np.divmod(np.arange(10 * EACH), EACH)
    top, left = TOP + DOWN * row, LEFT + ACROSS * column
    return np.stack([top, top + BOX_HEIGHT, left, left + BOX_WIDTH], axis=1)


def boxes_on_png(paper="A4"):
    """Return the boxes on the PNG of save_form(), in its pixels, shape (100, 4)."""
    width, height = PAPERS[paper]
    margin = [(height - HEIGHT) / 2] * 2 + [(width - WIDTH) / 2] * 2
    return np.round((form_boxes() + margin) * DPI / 25.4).astype(int)


def save_form(path, paper="A4"):
    """Write the empty page to a file, ready to print.

    Args:
        path: of the file; its ending says the kind: .pdf, .png (300 dots per inch).
        paper: "A4" or "letter".

    Returns:
        Path: of the file.

    Raises:
        ValueError: another kind of file or paper.
        OSError: the file cannot be written.
    """
    import matplotlib as mpl

    path, known = Path(path).expanduser(), {name.lower(): name for name in PAPERS}
    if path.suffix.lower() not in (".pdf", ".png"):
        raise ValueError(f"The page {path.name!r} must end in .pdf or .png.")
    if str(paper).lower() not in known:
        raise ValueError(f"The paper is {paper!r}. Expected {' or '.join(PAPERS)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context():
        mpl.rcdefaults()  # a dark style would write white on white
        page = _empty_page(*PAPERS[known[str(paper).lower()]])
        page.savefig(path, dpi=DPI, facecolor="white")
    return path


def _empty_page(width, height):
    """Draw the empty page on paper of so many millimetres; return the figure."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, Rectangle

    figure = Figure(figsize=(width / 25.4, height / 25.4))
    ax = figure.add_axes((0, 0, 1, 1))
    x, y = (WIDTH - width) / 2, (HEIGHT - height) / 2
    ax.set(xlim=(x, x + width), ylim=(y + height, y))
    ax.set_axis_off()
    for place in MARKS:
        for radius, color in ((RING, "black"), (HOLE, "white"), (DISC, "black")):
            ax.add_patch(Circle(place, radius, color=color, lw=0))
    for k, (top, bottom, left, right) in enumerate(form_boxes()):
        box = (left, top), right - left, bottom - top
        ax.add_patch(Rectangle(*box, fill=False, ec=PALE, lw=0.5))
        if k % EACH == 0:
            middle = (top + bottom) / 2
            ax.text(10, middle, str(k // EACH), size=20, ha="center", va="center")
    text = {"ha": "center", "va": "center"}
    ax.text(WIDTH / 2 + 8, 9, "Ten of each", size=20, weight="bold", **text)
    ax.text(
        WIDTH / 2,
        19,
        "Write the digit at the left into each box of its row, as you always do, with "
        "a dark pen.\nPhotograph the whole page, flat, so that all five rings show. "
        "A box may stay empty.",
        size=9.5,
        **text,
    )
    return figure


def read_form(source):
    """Read the digits of a filled form from a photo or scan of it.

    The page may lean, lie sideways or upside down, and be seen at an angle.

    Args:
        source: a photo, as read_page() takes it.

    Returns:
        FilledForm.

    Raises:
        HandwritingError: it is no picture, the marks of the page are not all on it, or
            nothing was written.
    """
    photo = open_photo(source)
    marks = find_marks(to_strokes(find_ink(photo, light_on_dark=False)))
    there = match(marks, MARKS, tolerance=RING)
    page = _seen_from_above(photo, there)
    ink = find_ink(page, light_on_dark=False)
    boxes, printed = _registered(grey(page), np.round(SCALE * form_boxes()).astype(int))
    written = _without_print(ink, boxes, printed)
    found = _digits(to_strokes(written), boxes) if written.any() else {}
    if not found:
        raise HandwritingError(
            "All boxes of the page are empty. Write with a darker pen, or photograph "
            "it in better light."
        )
    images = [np.round(255 * to_mnist(digit)) for digit in found.values()]
    kept = np.array(list(found))
    return FilledForm(
        np.array(images).astype(np.uint8).reshape(-1, SIZE, SIZE),
        kept // EACH,
        boxes[kept],
        grey(page),
    )


def _seen_from_above(photo, there):
    size = (WIDTH, HEIGHT)
    if photo.ndim == 2:
        return flattened(photo, there, SCALE, size)
    channels = [flattened(c, there, SCALE, size) for c in np.moveaxis(photo, 2, 0)]
    return np.stack(channels, axis=-1)


def _registered(page, boxes):
    """Move each box to where its lines are: paper bends, and lenses do.

    Returns:
        (boxes, printed): moved, and how dark their lines are, 0 to 1.
    """
    reach = round(BEND * SCALE)
    shifts = np.arange(-reach, reach + 1)
    # Of two lines that are as whole, the nearer is the box's.
    near = 1 - 0.3 * np.abs(shifts) / reach
    dark = ndimage.black_tophat(page, (round(2 * SCALE), round(2 * SCALE)))
    # Clipped, so that a bold stroke counts no more than a line that was printed.
    most = np.median(dark) + max(FAINTEST, 2 * median_abs_deviation(dark, axis=None))
    # A line that leans a little still lies in one row.
    leaning = [ndimage.maximum_filter1d(dark, 5, axis=axis) for axis in (0, 1)]
    paper = [np.median(layer) for layer in leaning]
    moves, strengths = [], []
    for top, bottom, left, right in boxes:
        rows = slice(top - reach, bottom + reach + 1)
        columns = slice(left - reach, right + reach + 1)
        across, down = leaning[0][rows, left:right], leaning[1][top:bottom, columns].T
        move = []
        for k, (place, length) in enumerate(
            ((across, bottom - top), (down, right - left))
        ):
            # A line goes on from side to side, as hardly any stroke does.
            whole = np.minimum(place, most).mean(axis=1) - paper[k]
            whole = (whole / (most - paper[k] + 1e-6)).clip(0) ** 4
            both = near * (whole[: len(shifts)] + whole[length : length + len(shifts)])
            best = int(np.argmax(both))
            sure = both[best] > 2 * near[best] * SURE**4
            move.append(shifts[best] if sure else np.nan)
            if sure:
                ends = place[best], place[best + length]
                strengths += [np.median(end) - paper[k] for end in ends]
        moves.append(move)
    dy, dx = (_smoothed(along) for along in np.array(moves, float).T)
    printed = float(np.median(strengths)) if strengths else 0.0
    return boxes + np.stack([dy, dy, dx, dx], axis=1), printed


def _smoothed(moves):
    """Return whole moves, shape (100,): paper bends smoothly, a box with others.

    What is known of some is told of all by a surface of the third degree, fitted so
    that single boxes gone astray do not bend it, and flat where nothing is known.
    """
    known = np.isfinite(moves)
    target, weight = np.where(known, moves, 0), np.where(known, 1, 0.1)
    y, x = (axis.ravel() / EACH - 0.5 for axis in np.mgrid[:10, :EACH])
    terms = np.stack([y**a * x**b for a in range(4) for b in range(4 - a)], axis=1)
    fit = least_squares(
        lambda factors: weight * (terms @ factors - target),
        np.zeros(terms.shape[1]),
        loss="soft_l1",
    )
    smooth = terms @ fit.x
    near = known & (np.abs(moves - smooth) < SCALE)
    return np.where(near, moves, np.round(smooth)).astype(int)


def _without_print(ink, boxes, printed):
    """Return the ink in and near the boxes, without their lines.

    Where it is clearly darker than print, a pen crosses the line.
    """
    reach, line = round(AROUND * SCALE), round(LINE * SCALE)
    near, on_print = np.zeros((2, *ink.shape), bool)
    for top, bottom, left, right in boxes:
        near[top - reach : bottom + reach, left - reach : right + reach] = True
        on_print[top - line : bottom + line + 1, left - line : right + line + 1] = True
    for top, bottom, left, right in boxes:
        on_print[top + line + 1 : bottom - line, left + line + 1 : right - line] = False
    return np.where(near & ~(on_print & (ink < 1.5 * printed + FAINTEST)), ink, 0)


def _digits(strokes, boxes):
    """Return dict from a box's number to what was written in it.

    A piece of ink belongs to the box in which it has most of its ink, also where it
    reaches over the line; one that joins two digits is cut between their boxes.
    """
    labels, n = ndimage.label(strokes > 0.5, np.ones((3, 3)))
    counts = np.zeros((len(boxes), n + 1), int)
    reached = np.zeros(n + 1, bool)  # far enough inside of a box not to be its line
    core = round(CORE * SCALE)
    for k, (top, bottom, left, right) in enumerate(boxes):
        counts[k] = np.bincount(labels[top:bottom, left:right].ravel(), minlength=n + 1)
        reached[labels[top + core : bottom - core, left + core : right - core]] = True
    owner, total = counts.argmax(axis=0), counts.sum(axis=0)
    reached[0] = False
    # The grey edge of a stroke belongs to it, too.
    away, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    labels = np.where((strokes > 0) & (away < 2), labels[tuple(nearest)], 0)
    found, room = {}, round(AROUND * SCALE)
    for k, (top, bottom, left, right) in enumerate(boxes):
        mine = reached & (counts[k] > 0.03 * (counts[k] * reached).max())
        whole = mine & (owner == k) & (counts[k] > 0.75 * total)
        place = slice(top - room, bottom + room), slice(left - room, right + room)
        inner = np.zeros(strokes.shape, bool)[place]
        inner[room:-room, room:-room] = True
        shared = mine & ~whole & (counts[k] > 0.25 * total)
        mask = whole[labels[place]] | (shared[labels[place]] & inner)
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        if len(rows) and max(np.ptp(rows), np.ptp(columns)) > SMALLEST * SCALE:
            found[k] = np.where(mask, strokes[place], 0)
    return found
