"""How many parts a picture's file has: Pillow, in Python, looks at each of them."""

import itertools
import re
import struct

from utils.handwriting.errors import HandwritingError

MOST_EXIF = 100  # such pieces of a JPEG: Pillow copies all before for each; 1 is usual
# Parts before or between the pixels.
MOST_MARKERS, MOST_CHUNKS, LONGEST_PPM_HEADER = 1_000_000, 200_000, 1000
# The strips and tiles of a TIFF are listed under these tags: where, and how long.
STRIPS, MOST_STRIPS, MOST_TAGS = (273, 279, 324, 325), 100_000, 65_535
# A JPEG's markers, without those that stand among its pixels.
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xff]")
PPM_HEADER = re.compile(rb"P[1-6](?:\s+(?:#[^\r\n]*[\r\n]\s*)*\d+){2,3}\s")


def check_parts(name, raw):
    """Refuse a file of so many parts that Pillow would look at them for minutes."""
    is_too_long = False
    if raw.startswith(b"\xff\xd8"):
        markers = itertools.islice(MARKER.finditer(raw), MOST_MARKERS + 1)
        is_too_long = raw.count(b"Exif\0\0") > MOST_EXIF
        is_too_long |= sum(1 for _ in markers) > MOST_MARKERS
    elif raw.startswith(b"\x89PNG"):
        is_too_long = _n_chunks(raw) > MOST_CHUNKS
    elif raw[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        is_too_long = _n_strips(raw) > MOST_STRIPS
    elif re.match(rb"P[1-6]\s", raw):
        is_too_long = not PPM_HEADER.match(raw[:LONGEST_PPM_HEADER])
    if is_too_long:
        raise HandwritingError(
            f"{name} has more parts before its pixels, or between them, than any "
            "camera or program writes. Open it elsewhere and save it as PNG."
        )


def _n_chunks(raw):
    """Return how many chunks a PNG has, as far as they are counted."""
    at, n = 8, 0
    while at < len(raw) and n <= MOST_CHUNKS:
        at += 12 + int.from_bytes(raw[at : at + 4], "big")
        n += 1
    return n


def _n_strips(raw):
    """Return how many strips or tiles the first picture in a TIFF says it has."""
    order = "<" if raw.startswith(b"II") else ">"
    number, entry, offset, at = "H", "HHL4x", "L", 4
    if b"+" in raw[2:4]:  # a BigTIFF: its numbers are twice as long
        number, entry, offset, at = "Q", "HHQ8x", "Q", 8
    try:
        (at,) = struct.unpack_from(order + offset, raw, at)
        (n,) = struct.unpack_from(order + number, raw, at)
        at += struct.calcsize(order + number)
        end = at + min(n, MOST_TAGS) * struct.calcsize(order + entry)
        tags = struct.iter_unpack(order + entry, raw[at:end])
        return max((count for tag, _, count in tags if tag in STRIPS), default=0)
    except struct.error:  # what is damaged is said where it is opened
        return 0
