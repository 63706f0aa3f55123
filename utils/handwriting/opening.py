"""Opening a picture safely: whatever file it is, a page of grey or colour, or a reason.

Nothing is believed before its size is known: a file is read up to a limit, its header
is judged before a pixel is decoded, and only the decoders of picture files are asked.
"""

import io
import math
import os
import re
import reprlib
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from utils.environment import quiet_stderr
from utils.handwriting.errors import HandwritingError
from utils.handwriting.parts import check_parts

MOST_PIXELS = 80_000_000  # of a photo; decoded, it takes three bytes for each
MOST_BYTES = 200_000_000  # of a file
FEWEST_PIXELS = 16  # along the shorter side
# Of a JPEG in refining scans, each of which goes over all its pixels; ten are usual.
MOST_SCANNED = 1_500_000_000
WORKING_SIDE = 1400  # larger photos are reduced: a digit needs no more than 100 pixels
# Pillow also opens documents, films and telescope data; those start other programs or
# have no bounds of their own.
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "PPM", "HEIF", "AVIF")
TILE = 322, 323  # the tags of a TIFF with a tile's width and its height
TURNS = {  # EXIF's orientations, and how to put them upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What a file of boxes says that it is (ISO/IEC 14496-12 and 23008-12), first or further
# on: telephones write many combinations.
AVIF_BRANDS = {b"avif", b"avis", b"avio"}
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
HEIF_BRANDS |= {b"mif1", b"msf1", b"mif2", b"miaf"}


def open_photo(source):
    """Open a picture, upright, reduced to at most 1,400 pixels a side.

    Args and raises: as read_page().

    Returns:
        np.ndarray, shape (height, width), grey, or (height, width, 3), coloured;
        float32, 0 = black, 1 = white.
    """
    if isinstance(source, np.ndarray):
        photo = _from_array(source)
    else:
        photo = _from_file(source)
    height, width = photo.shape[:2]
    if min(height, width) < FEWEST_PIXELS:
        raise HandwritingError(
            f"The picture is {width}×{height} pixels. A digit needs at "
            f"least {FEWEST_PIXELS} each way: take the photo from nearer."
        )
    if max(height, width) > WORKING_SIDE:
        factor = WORKING_SIDE / max(height, width)
        size = [round(factor * side) for side in (width, height)]
        if min(size) < FEWEST_PIXELS:
            raise HandwritingError(
                f"The picture is {max(size) / max(1, min(size)):.0f} times as long as "
                "it is wide, which no page is. Cut out the part with the digits."
            )
        channels = [photo] if photo.ndim == 2 else np.moveaxis(photo, 2, 0)
        smaller = [
            Image.fromarray(np.ascontiguousarray(c)).resize(size, Image.Resampling.BOX)
            for c in channels
        ]
        photo = (
            np.stack(smaller, axis=-1) if photo.ndim == 3 else np.asarray(smaller[0])
        )
    return np.ascontiguousarray(photo, np.float32).clip(0, 1)


def _from_array(array):
    whole = array.dtype == np.uint8
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if not (fits and array.size and (whole or array.dtype.kind == "f")):
        raise HandwritingError(
            f"The array has shape {array.shape} and holds {array.dtype}. Expected "
            "(height, width) or (height, width, 3), uint8 or floats from 0 to 1."
        )
    if array.shape[0] * array.shape[1] > MOST_PIXELS:
        raise _too_large(array.shape[1], array.shape[0])
    if not whole and not (array.min() >= 0 and array.max() <= 1.001):  # fails for NaN
        raise HandwritingError(
            "The array holds values outside of 0 to 1. Divide bytes by 255, and "
            "replace what is not a number."
        )
    if whole:
        return _reduced(Image.fromarray(array))
    return array.astype(np.float32)


def _from_file(source):
    name, raw = _bytes_of(source)
    check_parts(name, raw)
    _allow_heif()
    Image.init()
    known = [kind for kind in FORMATS if kind in Image.OPEN]
    try:
        with warnings.catch_warnings(), quiet_stderr():
            # Pillow warns of what _check_header refuses, or of harmless metadata; the
            # libraries below it write what is wrong with a file straight to stderr.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(raw), formats=known) as image:
                _check_header(image, name)
                _check_scans(image, name, raw)
                # A JPEG decodes to a half or a quarter of its size for the asking.
                image.draft(None, (2 * WORKING_SIDE, 2 * WORKING_SIDE))
                image.load()
                return _upright(image)
    except HandwritingError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(name=name) from None
    except Image.UnidentifiedImageError:
        raise _not_an_image(name, raw) from None
    except MemoryError:
        raise _too_large(name=name) from None
    # A damaged picture makes Pillow's decoders raise a dozen kinds of errors.
    except Exception as error:
        raise HandwritingError(
            f"{name} is damaged or cut off: {str(error) or type(error).__name__}. Copy "
            "it again from where it came, whole."
        ) from error


def _bytes_of(source):
    """Return a name for the messages, and the bytes of a picture."""
    name = "The picture"
    try:
        if isinstance(source, (bytes, bytearray, memoryview)):
            raw = bytes(memoryview(source)[: MOST_BYTES + 1])
        elif isinstance(source, io.TextIOBase):
            name, raw = str(getattr(source, "name", name))[:200], ""
        elif hasattr(source, "read"):
            name = str(getattr(source, "name", name))[:200]
            raw = source.read(MOST_BYTES + 1)
        else:
            name = reprlib.repr(source)
            if not isinstance(source, str | os.PathLike) or not str(source):
                raise HandwritingError(
                    f"{name} is no picture. Expected its path, its bytes or pixels, or "
                    "a file opened with 'rb': one picture at a time."
                )
            if re.match(r"https?://", str(source)):
                raise HandwritingError(f"{name} is an address: download it first.")
            path = os.path.expanduser(source)
            name = str(path)[:200]
            raw = _read_file(Path(path))
    except HandwritingError:
        raise
    except FileNotFoundError:
        raise HandwritingError(
            f"There is no file {name}. A relative path is meant from "
            f"{_current_folder()}."
        ) from None
    except Exception as error:  # the caller's own object may raise whatever it likes
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise HandwritingError(f"{name} cannot be opened: {why:.200}.") from error
    if not isinstance(raw, bytes):
        raise HandwritingError(f"{name} was opened as text: open it in mode 'rb'.")
    if not raw:
        raise HandwritingError(f"{name} is empty: 0 bytes. Copy it again.")
    if len(raw) > MOST_BYTES:
        raise HandwritingError(
            f"{name} is larger than {MOST_BYTES // 10**6} million bytes, which no "
            "photo of a page is. Save it as JPEG, or cut out the part with the digits."
        )
    return name, raw


def _current_folder():
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "the current folder, which was moved or deleted"


def _read_file(path):
    """Return the bytes of a regular file, at most one more than are allowed.

    A pipe or a device is never opened: it may have no end, or block for ever. So may
    what a system makes up while it is read, and states to be empty.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if path.is_dir() else "no regular file"
        raise OSError(f"it is {kind}, not a picture")
    if status.st_size == 0:
        return b""
    with open(path, "rb") as file:
        return file.read(MOST_BYTES + 1)


def _allow_heif():
    """Let Pillow read HEIC, the iPhone's format, if the library for it is there."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return
    register_heif_opener()


def _check_header(image, name):
    """Refuse by the header alone what should not be decoded."""
    # Pillow holds those of more than a byte twice or three times, four bytes each.
    is_wide = image.format == "WEBP" or image.mode not in ("1", "L", "P", "RGB", "I;16")
    width, height = _decoded_size(image)
    if width * height > MOST_PIXELS // (2 if is_wide else 1):
        raise _too_large(width, height, name)
    # MPO is what phones write who add a depth map to a JPEG: the photo comes first.
    # HEIC: bursts and thumbnails; Pillow opens the one marked as the photo.
    is_one = image.format in ("MPO", "HEIF") or not getattr(image, "is_animated", False)
    if not is_one:  # of how many, only a look at all of them would tell
        raise HandwritingError(
            f"{name} is a {image.format} of several pictures: an animation or a "
            "document of several pages. Save the page that you mean as PNG or JPEG."
        )
    if any(tile[0] in Image.DECODERS for tile in image.tile):
        raise HandwritingError(
            f"{name} is a {image.format} of a kind that is read number by number, "
            "which can take minutes. Save it as PNG or JPEG."
        )


def _decoded_size(image):
    """Return the width and height that are decoded: whole tiles, where there are any.

    A TIFF of 100×100 pixels may lie in a tile of a billion.
    """
    width, height = image.size
    if image.format != "TIFF":
        return width, height
    wide, high = (image.tag_v2.get(tag) or 1 for tag in TILE)
    if not (type(wide) is type(high) is int and min(wide, high) > 0):
        raise ValueError("its tiles have no size")
    return math.ceil(width / wide) * wide, math.ceil(height / high) * high


def _check_scans(image, name, raw):
    if image.format not in ("JPEG", "MPO"):
        return
    n_scans = raw.count(b"\xff\xda")  # this marker, and nothing else: data are escaped
    if n_scans * image.width * image.height > MOST_SCANNED:
        raise HandwritingError(
            f"{name} is a JPEG of {n_scans:,} scans, which no camera writes and which "
            "take minutes. Open it elsewhere and save it as PNG."
        )


def _too_large(width=None, height=None, name="The picture"):
    size = f" ({width:,}×{height:,} pixels)" if width else ""
    return HandwritingError(
        f"{name} is far too large{size}: at most {MOST_PIXELS // 10**6} million "
        "pixels are read. Reduce it, or cut out the part with the digits."
    )


def _not_an_image(name, raw):
    brands = _brands(raw)
    if brands & AVIF_BRANDS:
        return HandwritingError(
            f"{name} is an AVIF picture, which this Pillow cannot read, or a damaged "
            "one. Export it as JPEG."
        )
    if brands & HEIF_BRANDS:
        return HandwritingError(
            f"{name} is a HEIC picture, for which a library is needed: pip install "
            "pillow-heif. Or export it as JPEG."
        )
    if raw[:5] == b"%PDF-":
        return HandwritingError(
            f"{name} is a PDF document. Export its page as PNG or JPEG first."
        )
    return HandwritingError(
        f"{name} cannot be read: it is not a picture, or one of an unknown kind. Save "
        "it as PNG or JPEG."
    )


def _brands(raw):
    """Return the kinds of file that the first box of a file names, if it does."""
    if raw[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(raw[:4], "big"), len(raw), 200)
    return {raw[8:12]} | {raw[k : k + 4] for k in range(16, end, 4)}


def _upright(image):
    """Return a decoded picture of any mode as floats, upright, not much too large."""
    orientation = image.getexif().get(0x0112, 1)
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits, of an unknown range
        values = _means_of_blocks(np.asarray(image), _times(image))
        values = np.nan_to_num(values - np.nanmin(values))
        top = 65535.0 if image.mode.startswith("I;16") else values.max()
        image = Image.fromarray((values / (top or 1)).clip(0, 1).astype(np.float32))
        if orientation in TURNS:
            image = image.transpose(TURNS[orientation])
        return np.asarray(image)
    transparent = image.has_transparency_data
    if transparent:
        image = _shrunk(image.convert("RGBA"))
        # Ink on nothing, as drawing programs export it: lay it on what it shows on.
        grey, alpha = np.asarray(image.convert("L")), np.asarray(image.getchannel("A"))
        seen = alpha > 127
        paper = 0 if seen.any() and grey[seen].mean() > 127 else 255
        ground = Image.new("RGBA", image.size, (paper,) * 3 + (255,))
        image = Image.alpha_composite(ground, image).convert("RGB")
    elif image.mode in ("1", "L"):
        image = _shrunk(image.convert("L"))
    else:
        image = _shrunk(image.convert("RGB"))
    if orientation in TURNS:
        image = image.transpose(TURNS[orientation])
    return _reduced(image)


def _shrunk(image):
    """Halve, third … a picture while it is still bytes: floats take four times more."""
    times = _times(image)
    return image.reduce(times) if times > 1 else image


def _times(image):
    most = min(image.size) // FEWEST_PIXELS  # what is narrow stays wide enough
    return max(1, min(max(image.size) // WORKING_SIDE, most))


def _means_of_blocks(values, times):
    """Return the means of blocks of so many pixels each way, as Image.reduce does.

    Which Pillow cannot do with more than 8 bits.
    """
    height, width = (side // times * times for side in values.shape)
    total = np.zeros((height // times, width // times), np.float32)
    for row in range(times):
        for column in range(times):
            total += values[row:height:times, column:width:times]
    return total / times**2


def _reduced(image):
    """Return a picture of bytes as floats; as grey if its colours are all the same."""
    image = _shrunk(image)
    values = np.asarray(image)
    if values.ndim == 3 and _colourfulness(values) <= 2:
        values = np.asarray(image.convert("L"))
    return values / np.float32(255)


def _colourfulness(values):
    """Return how far the three colours of a pixel lie apart at most."""
    red, green, blue = np.moveaxis(values, 2, 0)  # NumPy is slow along an axis of 3
    most = np.maximum(np.maximum(red, green), blue)
    return (most - np.minimum(np.minimum(red, green), blue)).max()
