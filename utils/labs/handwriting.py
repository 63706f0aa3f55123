"""From a photo of handwritten digits to images as MNIST's authors made them.

    photo → grey → ink (even light, dark on light or not) → ruled lines removed
          → digits found → each in a box of 20×20, its mass centred in 28×28

`read_page` does it all and keeps every stage, so that each can be shown. Importing
this module does not import TensorFlow.

MNIST's form: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten
digits": "size normalized to fit in a 20x20 pixel box while preserving their aspect
ratio … centered in a 28x28 image by computing the center of mass of the pixels".
"""

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

SIZE, BOX = 28, 20  # MNIST: the digit fits a box of 20 pixels in an image of 28
MOST_PIXELS = 80_000_000  # of a photo; decoded, it takes three bytes for each
FEWEST_PIXELS = 16  # along the shorter side
WORKING_SIDE = 1400  # larger photos are reduced: a digit needs no more than 100 pixels
SMALLEST_PAGE = 100  # pixels; what is smaller has neither noise nor lines removed
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1")

FAINTEST = 0.05  # ink that swallows less of the light than this is no ink
NOISE_LEVELS = 5.0  # nor is what does not rise so many times above the noise
STEEPEST_LINES = 18  # degrees by which a ruled page may be turned


class HandwritingError(Exception):
    """A picture cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Page:
    """A page that was read, with every stage of the reading.

    Attributes:
        images: the digits in reading order, shape (n, 28, 28), uint8, 0 = paper,
            255 = ink.
        boxes: where each is on the page, shape (n, 4), int64: top, bottom, left, right,
            in pixels of the stages; bottom and right are the first outside.
        stages: dictionary from the stage's name to its picture, shape (height, width),
            float32 in [0, 1]; "photo" is as bright as the photo, in the others ink
            is 1.
    """

    images: np.ndarray
    boxes: np.ndarray
    stages: dict


def read_page(source):
    """Find the digits on a photo or scan.

    Args:
        source: path, bytes or open binary file of a picture (PNG, JPEG, WebP, TIFF …;
            HEIC where the package pillow-heif is installed); or an array of shape
            (height, width), grey, or (height, width, 3), uint8 or floats in [0, 1].

    Returns:
        Page.

    Raises:
        HandwritingError: it is no picture, damaged, far too large or too small, has
            several pages or moves; or it is empty, or has nothing like ink on it.
    """
    stages = {"photo": open_photo(source)}
    stages["ink"] = find_ink(stages["photo"])
    stages["without lines"] = remove_lines(stages["ink"])
    stages["strokes"] = to_strokes(stages["without lines"])
    labels, boxes = find_digits(stages["strokes"])
    images = [
        to_mnist(np.where(labels[t:b, left:r] == k, stages["strokes"][t:b, left:r], 0))
        for k, (t, b, left, r) in boxes
    ]
    images = np.round(255 * np.array(images)).astype(np.uint8)
    return Page(images, np.array([box for _, box in boxes]), stages)


# --- opening -------------------------------------------------------------------------


def open_photo(source):
    """Open a picture as grey levels, upright, reduced to at most 1,400 pixels a side.

    Args and raises: as read_page().

    Returns:
        np.ndarray, shape (height, width), float32, 0 = black, 1 = white.
    """
    if isinstance(source, np.ndarray):
        image = _from_array(source)
    else:
        image = _from_file(source)
    if min(image.size) < FEWEST_PIXELS:
        raise HandwritingError(
            f"The picture is {image.width}×{image.height} pixels. A digit needs at "
            f"least {FEWEST_PIXELS} each way: take the photo from nearer."
        )
    factor = WORKING_SIDE / max(image.size)
    if factor < 1:
        size = [max(1, round(factor * side)) for side in image.size]
        image = image.resize(size, Image.Resampling.BOX)
    return np.asarray(image, np.float32).clip(0, 1)


def _from_array(array):
    whole = array.dtype.kind in "bui"
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if not (fits and array.size and (array.dtype == np.uint8 or not whole)):
        raise HandwritingError(
            f"The array has shape {array.shape} and holds {array.dtype}. Expected "
            "(height, width) or (height, width, 3), uint8 or floats from 0 to 1."
        )
    if array.shape[0] * array.shape[1] > MOST_PIXELS:
        raise _too_large(array.shape[1], array.shape[0])
    grey = array.astype(np.float32) / (255 if whole else 1)
    if grey.ndim == 3:
        grey = grey @ np.float32([0.299, 0.587, 0.114])  # as Pillow weighs the colours
    if not (grey.min() >= 0 and grey.max() <= 1.001):  # so written that NaN fails, too
        raise HandwritingError(
            "The array holds values outside of 0 to 1. Divide bytes by 255, and "
            "replace what is not a number."
        )
    return Image.fromarray(grey)


def _from_file(source):
    name, raw = _bytes_of(source)
    _allow_heif()
    try:
        with warnings.catch_warnings():
            # Pillow warns of what _check_header refuses, or of harmless metadata.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(raw)) as image:
                _check_header(image, name)
                image.load()
                return _to_grey(ImageOps.exif_transpose(image))
    except HandwritingError:
        raise
    except Image.DecompressionBombError:
        raise _too_large() from None
    except Image.UnidentifiedImageError:
        raise _not_an_image(name, raw) from None
    except MemoryError:
        raise _too_large() from None
    # A damaged picture makes Pillow's decoders raise a dozen kinds of errors.
    except Exception as error:
        raise HandwritingError(
            f"{name} is damaged or cut off: {error}. Copy it again from where it "
            "came, whole."
        ) from error


def _bytes_of(source):
    """Return a name for the messages, and the bytes of a picture."""
    try:
        if isinstance(source, (bytes, bytearray, memoryview)):
            name, raw = "The picture", bytes(source)
        elif hasattr(source, "read"):
            name, raw = str(getattr(source, "name", "The picture")), source.read()
        else:
            name = str(source)
            raw = Path(os.path.expanduser(source)).read_bytes()
    except FileNotFoundError:
        raise HandwritingError(
            f"There is no file {name}. A relative path is meant from {Path.cwd()}."
        ) from None
    except (OSError, TypeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise HandwritingError(f"{source!r} cannot be opened: {why}.") from error
    if not isinstance(raw, bytes):
        raise HandwritingError(f"{name} was opened as text: open it in mode 'rb'.")
    if not raw:
        raise HandwritingError(f"{name} is empty: 0 bytes. Copy it again.")
    return name, raw


def _allow_heif():
    """Let Pillow read HEIC, the iPhone's format, if the library for it is there."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return
    register_heif_opener()


def _check_header(image, name):
    """Refuse by the header alone what should not be decoded."""
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(image.width, image.height)
    # MPO is what phones write who add a depth map to a JPEG: the photo comes first.
    # HEIC: bursts and thumbnails; Pillow opens the one marked as the photo.
    n_frames = 1 if image.format in ("MPO", "HEIF") else getattr(image, "n_frames", 1)
    if n_frames > 1:
        raise HandwritingError(
            f"{name} is a {image.format} of {n_frames} pictures: an animation or a "
            "document of several pages. Save the page that you mean as PNG or JPEG."
        )


def _too_large(width=None, height=None):
    size = f" ({width:,}×{height:,} pixels)" if width else ""
    return HandwritingError(
        f"The picture is far too large{size}: at most {MOST_PIXELS // 10**6} million "
        "pixels are read. Reduce it, or cut out the part with the digits."
    )


def _not_an_image(name, raw):
    if raw[4:8] == b"ftyp" and raw[8:12] in HEIF_BRANDS:
        return HandwritingError(
            f"{name} is a HEIC picture, for which a library is needed: pip install "
            "pillow-heif. Or export it as JPEG."
        )
    if raw[:5] == b"%PDF-":
        return HandwritingError(
            f"{name} is a PDF document. Export its page as PNG or JPEG first."
        )
    return HandwritingError(
        f"{name} is not a picture, or of a kind that is not known here. Save it as PNG "
        "or JPEG."
    )


def _to_grey(image):
    """Return a picture of any mode as grey, mode F, 0 = black, 1 = white."""
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits, of an unknown range
        values = np.asarray(image, np.float32)
        values = np.nan_to_num(values - np.nanmin(values))
        top = 65535.0 if image.mode.startswith("I;16") else values.max()
        return Image.fromarray((values / (top or 1)).clip(0, 1))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        # Ink on nothing, as drawing programs export it: lay it on what it shows on.
        grey, alpha = (np.asarray(image.convert(mode)) for mode in ("L", "RGBA"))
        seen = alpha[..., 3] > 127
        paper = 0 if seen.any() and grey[seen].mean() > 127 else 255
        ground = Image.new("RGBA", image.size, (paper,) * 3 + (255,))
        image = Image.alpha_composite(ground, image)
    return Image.fromarray(np.asarray(image.convert("L"), np.float32) / 255)


# --- ink -----------------------------------------------------------------------------


def find_ink(photo):
    """Tell ink from paper, whatever the light: the share of light that is swallowed.

    The paper's brightness around each pixel is a grey closing: the smallest of the
    largest values, which fills whatever is dark and thin, and follows a shadow's edge.
    It is a local threshold's better half: what is left is even everywhere.

    Args:
        photo: grey levels, shape (height, width), float32 in [0, 1].

    Returns:
        np.ndarray, same shape, float32 in [0, 1], 0 = paper.

    Raises:
        HandwritingError: the page is empty, or as much ink as paper.
    """
    if np.ptp(photo) < FAINTEST:
        raise _empty()
    shorter = min(photo.shape)
    if shorter >= SMALLEST_PAGE:  # the camera's noise; MNIST's own digits have none
        photo = ndimage.gaussian_filter(photo, min(1.0, shorter / 200))
    window = max(9, round(0.2 * shorter) | 1)
    if _is_light_on_dark(photo):
        photo = 1.0 - photo
    paper = ndimage.grey_closing(photo, (window, window), mode="nearest")
    ink = (1 - photo / np.maximum(paper, 0.02)).clip(0, 1)
    paper_level = np.median(ink)
    noise = 1.4826 * np.median(np.abs(ink - paper_level))
    ink = ink - paper_level
    ink[ink < max(FAINTEST, NOISE_LEVELS * noise)] = 0
    if not ink.any():
        raise _empty() if noise < FAINTEST else _nothing_like_ink()
    return ink.astype(np.float32)


def _is_light_on_dark(photo):
    """Tell by the third moment about the surroundings: ink is rarer than paper.

    Against surroundings of several sizes, because a shadow disturbs the large ones and
    a digit that fills its picture the small ones.
    """
    step = max(1, min(photo.shape) // 120)
    rows, columns = (side // step * step for side in photo.shape)
    blocks = photo[:rows, :columns].reshape(rows // step, step, columns // step, step)
    small = blocks.mean(axis=(1, 3))
    skewness = 0.0
    for share in (0.03, 0.06, 0.12, 0.25):
        around = ndimage.gaussian_filter(small, share * min(small.shape))
        deviation = small - around
        spread = (deviation**2).mean()
        skewness += (deviation**3).mean() / (spread**1.5 + 1e-12)
    return skewness > 0


def _empty():
    return HandwritingError(
        "The page is empty: nothing on it is darker or lighter than the paper around "
        "it. Write with a darker pen, or take the photo in better light."
    )


def remove_lines(ink):
    """Remove the printed lines of a ruled or squared page.

    A line is thin, straight, and reaches over most of the page. Where a digit's stroke
    crosses it, ink continues above and below and is left standing.

    Args:
        ink: shape (height, width), float32 in [0, 1].

    Returns:
        np.ndarray, same shape and dtype.
    """
    if min(ink.shape) < SMALLEST_PAGE:
        return ink  # one pixel is too thick for a line
    across = _without_lines(ink)
    return np.ascontiguousarray(_without_lines(across.T).T)


def _without_lines(ink):
    height, width = ink.shape
    y, x = np.nonzero(ink)
    if len(y) == 0:
        return ink
    slopes = np.tan(np.radians(np.arange(-STEEPEST_LINES, STEEPEST_LINES + 0.1, 0.25)))
    margin = int(np.ceil(np.abs(slopes).max() * width))
    profiles = [
        np.bincount((y - s * x + margin).astype(int), minlength=height + 2 * margin + 1)
        for s in slopes
    ]
    # A sharp profile belongs to the lines' own direction.
    best = int(np.argmax([(np.float64(p) ** 2).sum() for p in profiles]))
    slope, profile = slopes[best], profiles[best].astype(float)
    length = _length_within(height, width, slope, margin, len(profile))
    full = profile > 0.5 * np.maximum(length, 0.5 * width)
    bands, n_bands = ndimage.label(full)
    thickest = max(3, 0.025 * min(height, width))
    result = ink.copy()
    for k in range(1, n_bands + 1):
        rows = np.flatnonzero(bands == k)
        if len(rows) > thickest:
            continue
        _remove_band(result, ink, slope, rows[0] - margin, rows[-1] - margin)
    return result


def _length_within(height, width, slope, margin, n):
    """Return how many columns of the page each slanted row crosses, shape (n,)."""
    columns = np.arange(width)
    starts = np.arange(n)[:, None] - margin
    rows = starts + slope * columns[None, :: max(1, width // 100)]
    return width * ((rows >= 0) & (rows < height)).mean(axis=1)


def _remove_band(result, ink, slope, first, last):
    """Erase one slanted line in place, except where a stroke crosses it."""
    height, width = ink.shape
    columns = np.arange(width)
    thickness = last - first + 1
    around = max(2, thickness // 2 + 1)
    top = np.floor(first + slope * columns).astype(int) - around
    rows = top[None, :] + np.arange(thickness + 2 * around)[:, None]
    inside = (rows >= 0) & (rows < height)
    index = (rows.clip(0, height - 1), np.broadcast_to(columns, rows.shape))
    values = np.where(inside, ink[index], 0)
    peaks = values.max(axis=0)
    level = np.median(peaks[peaks > 0]) if (peaks > 0).any() else 0
    # A pen is darker than print; and a stroke goes on above and below the line.
    darker = ndimage.maximum_filter1d(peaks, 3) > 1.5 * level
    reach = 2 * around + 1
    above = ndimage.maximum_filter1d(values[0], reach)
    below = ndimage.maximum_filter1d(values[-1], reach)
    crossed = (above > 0) & (below > 0)
    erase = inside & ~(crossed | darker)[None, :]
    result[index[0][erase], index[1][erase]] = 0


# --- strokes and digits --------------------------------------------------------------


def to_strokes(ink):
    """Cut ink at half its strength: 0 outside of the strokes, 1 inside, soft edges.

    Args:
        ink: shape (height, width), float32 in [0, 1].

    Returns:
        np.ndarray, same shape and dtype.

    Raises:
        HandwritingError: nothing is left.
    """
    some = ink[ink > 0]
    if some.size == 0:
        raise _nothing_like_ink()
    strong = np.percentile(some, 90)
    strokes = (ink / strong).clip(0, 1)
    body = ndimage.binary_dilation(strokes > 0.5, np.ones((3, 3)))
    return np.where(body, strokes, 0).astype(np.float32)


def find_digits(strokes):
    """Find the digits on a page, in the order of reading.

    Args:
        strokes: shape (height, width), float32 in [0, 1].

    Returns:
        (labels, found): labels of the same shape, int64, 0 = no digit; found is a list
        of (label, (top, bottom, left, right)) in the order of reading.

    Raises:
        HandwritingError: there is nothing like ink.
    """
    mask = strokes > 0.5
    width = _stroke_width(mask)
    if mask.mean() > 0.6 or width > 0.35 * min(mask.shape):
        raise _nothing_like_ink()
    # A pen skips: pieces nearer than the pen is wide are one piece.
    reach = max(1, round(0.6 * width))
    near = ndimage.distance_transform_edt(~mask) <= reach
    pieces, n = ndimage.label(near, np.ones((3, 3)))
    inside = np.where(strokes > 0, pieces, 0)
    boxes = {
        k: [s[0].start, s[0].stop, s[1].start, s[1].stop]
        for k, s in enumerate(ndimage.find_objects(inside), start=1)
        if s is not None
    }
    areas = np.bincount(inside[mask], minlength=n + 1)
    boxes = _without_specks(boxes, areas, mask.shape)
    if not boxes:
        raise _nothing_like_ink()
    labels = inside
    for k, other in _joined(boxes):
        labels = np.where(labels == other, k, labels)
    return labels, [(k, tuple(boxes[k])) for k in _reading_order(boxes)]


def _stroke_width(mask):
    """Return how wide the strokes are, in pixels: twice the depth of their middles."""
    if not mask.any():
        return 0.0
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))
    ridge = (depth == ndimage.maximum_filter(depth, 3)) & (depth > 0)
    return 2 * float(np.percentile(depth[ridge], 75))


def _without_specks(boxes, areas, shape):
    """Drop dust, and what the photo's rim cuts: the edge of the page, a shadow."""

    def extent(k):
        top, bottom, left, right = boxes[k]
        return max(bottom - top, right - left)

    def at_the_rim(k):
        top, bottom, left, right = boxes[k]
        return top == 0 or left == 0 or bottom == shape[0] or right == shape[1]

    whole = [k for k in boxes if not at_the_rim(k)]
    tallest = max(map(extent, whole), default=0)
    if tallest >= max(FEWEST_PIXELS, 0.06 * min(shape)):
        boxes = {k: boxes[k] for k in whole}
    tallest = max(map(extent, boxes), default=0)
    largest = max((areas[k] for k in boxes), default=0)
    if tallest < max(8, 0.03 * min(shape)):
        return {}
    return {
        k: box
        for k, box in boxes.items()
        if extent(k) > 0.2 * tallest and areas[k] > 0.03 * largest
    }


def _joined(boxes):
    """Join what lies above one another, like a 5 and its bar; boxes is changed.

    Yields:
        (label, other): the other one now belongs to the first.
    """
    tall = max(b - t for t, b, _, _ in boxes.values())
    again = True
    while again:
        again = False
        for k in list(boxes):
            for other in list(boxes):
                if k != other and _belong_together(boxes[k], boxes[other], tall):
                    a, b = boxes[k], boxes.pop(other)
                    boxes[k] = [
                        min(a[0], b[0]),
                        max(a[1], b[1]),
                        min(a[2], b[2]),
                        max(a[3], b[3]),
                    ]
                    yield k, other
                    again = True
                    break
            if again:
                break


def _belong_together(a, b, tall):
    gap = max(a[0], b[0]) - min(a[1], b[1])
    overlap = min(a[3], b[3]) - max(a[2], b[2])
    narrower = min(a[3] - a[2], b[3] - b[2])
    together = max(a[1], b[1]) - min(a[0], b[0])
    smaller = min(a[1] - a[0], b[1] - b[0])
    small_above = gap < 0.25 * tall and smaller < 0.6 * tall and together < 1.5 * tall
    return overlap > 0.4 * narrower and small_above


def _reading_order(boxes):
    """Return the labels line by line, from left to right; lines may rise or fall."""
    lines = []
    for k in sorted(boxes, key=lambda k: boxes[k][2]):
        top, bottom = boxes[k][:2]
        best, best_share = None, 0.3
        for line in lines:
            t, b = boxes[line[-1]][:2]
            share = (min(bottom, b) - max(top, t)) / min(bottom - top, b - t)
            if share > best_share:
                best, best_share = line, share
        if best is None:
            lines.append([k])
        else:
            best.append(k)
    lines.sort(key=lambda line: np.mean([sum(boxes[k][:2]) for k in line]))
    return [k for line in lines for k in line]


def _nothing_like_ink():
    return HandwritingError(
        "There is nothing like ink on this picture: no strokes, only areas or specks. "
        "Photograph the page straight from above, the digits in the middle."
    )


# --- MNIST's form --------------------------------------------------------------------


def to_mnist(digit):
    """Bring one digit into MNIST's form: a box of 20×20, its mass centred in 28×28.

    Args:
        digit: one digit and nothing else, shape (height, width), 0 = paper, 1 = ink.

    Returns:
        np.ndarray, shape (28, 28), float32 in [0, 1].

    Raises:
        HandwritingError: there is no ink.
    """
    return centred(in_box(digit))


def squeezed(picture):
    """Shrink a whole picture to 28×28: what a network sees where nobody finds digits.

    Args:
        picture: shape (height, width), float32 in [0, 1]; a stage of a Page.

    Returns:
        np.ndarray, shape (28, 28), float32 in [0, 1].
    """
    image = Image.fromarray(np.asarray(picture, np.float32))
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX)).clip(0, 1)


def in_box(digit):
    """Scale a digit to fit 20×20 pixels, its proportions kept.

    Returns:
        np.ndarray, shape (height, width), the larger of them 20, float32 in [0, 1].
    """
    digit = np.asarray(digit, np.float32)
    rows, columns = (np.flatnonzero((digit > 0).any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        raise _nothing_like_ink()
    digit = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = BOX / max(digit.shape)
    size = [max(1, round(factor * side)) for side in digit.shape]
    if tuple(size) == digit.shape:
        return digit
    image = Image.fromarray(digit)
    # Each new pixel is the mean of what it covers, hence the greys at MNIST's edges.
    return np.asarray(image.resize(size[::-1], Image.Resampling.HAMMING)).clip(0, 1)


def centred(digit):
    """Lay a digit of at most 20×20 into 28×28, the centre of its mass in the middle.

    Moved by whole pixels, as in MNIST, so that no stroke is smeared. The middle is the
    pixel of index 14, half a pixel right of and below the image's own: that is where
    the mass of MNIST's digits lies, within half a pixel, without an exception.

    Returns:
        np.ndarray, shape (28, 28), float32.
    """
    height, width = digit.shape
    row, column = ndimage.center_of_mass(digit)
    top = int(np.clip(round(SIZE / 2 - row), 0, SIZE - height))
    left = int(np.clip(round(SIZE / 2 - column), 0, SIZE - width))
    image = np.zeros((SIZE, SIZE), np.float32)
    image[top : top + height, left : left + width] = digit
    return image
