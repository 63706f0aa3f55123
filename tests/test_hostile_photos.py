"""Pictures from strangers: read right, or refused in a sentence, and soon.

A new case is one line in a table.
"""

import io
import math
import os
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from contextlib import chdir

import numpy as np
import pytest
from PIL import Image
from test_handwriting import as_file, drawn

from utils.handwriting import HandwritingError, read_page
from utils.places import COURSE_DIR

PAGE = drawn(3, 5)


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def of_mode(mode, kind="PNG", **options):
    return lambda: saved(Image.fromarray(PAGE).convert(mode), kind, **options)


def sixteen(kind="PNG", dtype="<u2"):
    return lambda: saved(Image.fromarray(PAGE.astype(dtype) * 257), kind)


def floats(scale=1.0, hole=0.0):
    def make():
        values = PAGE.astype(np.float32) * scale
        values[:5, :5] = hole
        return saved(Image.fromarray(values), "TIFF")

    return make


def ink_on_nothing(mode):
    """Black ink, and paper that is transparent and black, too."""

    def make():
        alpha = Image.fromarray(255 - PAGE)
        layers = [Image.new("L", alpha.size, 0)] * (len(mode) - 1)
        return saved(Image.merge(mode, [*layers, alpha]))

    return make


def with_exif(tag, value):
    def make():
        exif = Image.Exif()
        exif[tag] = value
        return saved(Image.fromarray(PAGE), "JPEG", exif=exif)

    return make


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(PAGE.astype("<u2") * 257)
    return saved(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)


def chunk(kind, content):
    crc = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + crc


def with_chunk(kind, content):
    """Put a chunk of one's own into a PNG, right behind its header."""

    def make():
        raw = as_file(PAGE)
        return raw[:33] + chunk(kind, content) + raw[33:]

    return make


READ = {
    "grey": of_mode("L"),
    "black and white": of_mode("1"),
    "palette": of_mode("P"),
    "palette GIF": of_mode("P", "GIF"),
    "CMYK": of_mode("CMYK", "JPEG"),
    "CMYK TIFF": of_mode("CMYK", "TIFF"),
    "YCbCr TIFF": of_mode("YCbCr", "TIFF"),
    "LAB TIFF": of_mode("LAB", "TIFF"),
    "grey and alpha": of_mode("LA"),
    "colour and alpha": of_mode("RGBA"),
    "ink on nothing": ink_on_nothing("LA"),
    "coloured ink on nothing": ink_on_nothing("RGBA"),
    "16 bits": sixteen(),
    "16 bits TIFF": sixteen("TIFF"),
    "32 bits": lambda: saved(Image.fromarray(PAGE.astype("<i4")), "TIFF"),
    "floats": floats(1 / 255),
    "large floats": floats(1e30),
    "not everywhere a number": floats(1 / 255, hole=np.nan),
    "progressive": of_mode("RGB", "JPEG", progressive=True),
    "16 bits, turned": turned,
    "orientation 99": with_exif(0x0112, 99),
    "long EXIF": with_exif(0x9286, b"x" * 60_000),
    "broken EXIF": with_chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + bytes(50)),
    "no profile": with_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"no profile")),
    "a bomb of text": with_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7))),
}


@pytest.mark.parametrize("case", READ)
def test_pictures_of_all_kinds_are_read(case):
    try:
        found = read_page(READ[case]())
    except HandwritingError as error:
        # Pillow itself refuses text that unpacks to megabytes.
        assert case == "a bomb of text" and "damaged" in str(error)
        return
    assert len(found.images) == 2


def moving(kind):
    def make():
        frames = [Image.fromarray(np.roll(PAGE, k, axis=1)) for k in (0, 9, 18)]
        options = {"save_all": True, "append_images": frames[1:]}
        return saved(frames[0], kind, **options)

    return make


def blank(width, height):
    return lambda: saved(Image.new("L", (width, height), 255))


def bmp(width, height, packed=0):
    head = b"BM" + struct.pack("<IHHI", 100, 0, 0, 54 + 1024 * packed)
    size = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, packed, *[0] * 5)
    return head + size + 256 * b"\xff\xff\xff\0" * packed


def many_scans(image, n_scans):
    """A progressive JPEG that refines its pixels again and again."""
    raw = saved(image, "JPEG", progressive=True)
    last = raw.rindex(b"\xff\xda")
    return raw[:last] + n_scans * raw[last:-2] + raw[-2:]


def pages(n):
    """A TIFF of so many pages, all of one picture of 16×16."""

    def directory(at, is_last):
        tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 16}
        tags[279] = 256
        body = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in tags)
        following = 0 if is_last else at + 2 + len(body) + 4
        return struct.pack("<H", len(tags)) + body + struct.pack("<I", following)

    size, start = len(directory(0, True)), 8 + 256
    places = range(start, start + n * size, size)
    body = b"".join(directory(at, at == places[-1]) for at in places)
    return b"II*\0" + struct.pack("<I", start) + bytes(256) + body


def in_tiles(width, height, tile_width, tile_height):
    """A TIFF in tiles, all of one piece of the file, which begins to unpack."""
    n = math.ceil(width / tile_width) * math.ceil(height / tile_height)
    packed = zlib.compress(bytes(min(tile_width * tile_height, 10**6)))
    values = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1}
    values |= {322: tile_width, 323: tile_height}
    lists = 8 + 2 + 12 * (len(values) + 2) + 4
    tags = [(tag, 1, value) for tag, value in values.items()]
    tags += [(324, n, lists), (325, n, lists + 4 * n)]
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    body = b"".join(struct.pack("<HHII", tag, 4, k, value) for tag, k, value in tags)
    places = n * struct.pack("<I", lists + 8 * n)
    return head + body + bytes(4) + places + n * struct.pack("<I", len(packed)) + packed


def exif_in_pieces(n):
    raw = saved(Image.fromarray(PAGE), "JPEG")
    piece = b"Exif\0\0" + bytes(65_000)
    return (
        raw[:2]
        + n * (b"\xff\xe1" + struct.pack(">H", 2 + len(piece)) + piece)
        + raw[2:]
    )


REFUSED = {
    "a TIFF in one huge tile": lambda: in_tiles(100, 100, 40_000, 40_000),
    "a TIFF in tall tiles": lambda: in_tiles(3200, 16, 16, 16_000_000),
    "GIF that moves": moving("GIF"),
    "WebP that moves": moving("WEBP"),
    "PNG that moves": moving("PNG"),
    "pages": moving("TIFF"),
    "20,000 pages": lambda: pages(20_000),
    "numbers written out": lambda: b"P3 4000 3000 255\n" + b"9 " * 36_000_000,
    "bits written out": lambda: b"P1 8000 5000\n" + b"0" * 40_000_000,
    "grey of 100": lambda: b"P5 6000 6000 100\n" + bytes(36_000_000),
    "runs of one": lambda: bmp(6000, 6000, packed=1) + b"\1\xff" * 36_000_000,
    "a strip": blank(100_000, 1),
    "a thin strip": blank(1, 100_000),
    "one pixel": blank(1, 1),
    "a long strip": blank(100_000, 20),
    "no pixels": lambda: (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", bytes(8) + bytes([8, 0, 0, 0, 0]))
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    ),
    "negative": lambda: bmp(-100, 100),
    "large BMP": lambda: bmp(60_000, 60_000),
    "large PPM": lambda: b"P5 99999 99999 255\n" + bytes(100),
    "digits without end": lambda: b"P5 " + b"9" * 100_000,
    "large GIF": lambda: b"GIF89a\xff\xff\xff\xff\0\0\0," + bytes(100),
    "large WebP": lambda: (
        b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/\xff\xff\xff\x0f" + bytes(9)
    ),
    "scans": lambda: many_scans(Image.new("L", (6000, 6000), 255), 2000),
    "Exif in pieces": lambda: exif_in_pieces(2900),
    "JPEG that never begins": lambda: b"\xff\xd8" + b"\xff" * 50_000_000,
    "a JPEG of comments": lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 4_000_000,
    "a PNG of empty parts": lambda: (
        b"\x89PNG\r\n\x1a\n" + 2_000_000 * chunk(b"abCd", b"")
    ),
    "a PGM of comments": lambda: b"P5 #" + b"a" * 50_000_000 + b"\n20 20 255\n",
    "a large picture with transparency": lambda: saved(
        Image.new("RGBA", (8000, 6000)), "PNG", compress_level=1
    ),
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><text>5</text></svg>",
    "FITS": lambda: b"SIMPLE  =                    T" + b" " * 2850,
    "PSD": lambda: b"8BPS\0\1" + bytes(100),
    "ICO": of_mode("RGBA", "ICO"),
    "JPEG 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
    "words": lambda: "a text file, é".encode() * 100,
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_page_is_refused_in_a_sentence(case):
    raw = REFUSED[case]()
    begin = time.process_time()
    with pytest.raises(HandwritingError) as error:
        read_page(raw)
    assert time.process_time() - begin < 3
    assert 20 < len(str(error.value)) < 700 and "\0" not in str(error.value)


@pytest.mark.parametrize("case", ["a TIFF in one huge tile", "a TIFF in tall tiles"])
def test_what_is_decoded_counts_and_not_what_is_shown(case):
    with pytest.raises(HandwritingError, match="far too large"):
        read_page(REFUSED[case]())


@pytest.mark.parametrize("side", [16, 256])
def test_a_page_in_tiles_is_read(side):
    """Its last tiles are not full."""
    height, width = PAGE.shape
    tiles = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            tile = np.full((side, side), 255, np.uint8)
            part = PAGE[top : top + side, left : left + side]
            tile[: part.shape[0], : part.shape[1]] = part
            tiles.append(tile)
    raw = bytearray(in_tiles(width, height, side, side))
    lists = raw.rindex(struct.pack("<HHI", 324, 4, len(tiles))) + 24 + 4
    packed = [zlib.compress(tile.tobytes()) for tile in tiles]
    lengths = [len(part) for part in packed]
    start = lists + 8 * len(tiles)
    places = [start + sum(lengths[:k]) for k in range(len(tiles))]
    raw = raw[:lists] + struct.pack(f"<{2 * len(tiles)}I", *places, *lengths)
    assert len(read_page(bytes(raw) + b"".join(packed)).images) == 2


@pytest.mark.parametrize("case", ["GIF", "PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_pictures_cut_or_spoiled_anywhere_never_crash(case):
    raw = as_file(PAGE, case)
    rng = np.random.default_rng(0)
    for _ in range(25):
        spoiled = bytearray(raw[: rng.integers(1, len(raw))])
        for place in rng.integers(0, len(spoiled), 3):
            spoiled[place] = rng.integers(256)
        try:
            read_page(bytes(spoiled))
        except HandwritingError as error:
            assert str(error)


class Breaks:
    """A file that cannot be read."""

    def __init__(self, error):
        self._error = error

    def read(self, _):
        raise self._error


NO_PICTURES = {
    "complex": PAGE.astype(complex) / 255,
    "objects": np.full((50, 50), None),
    "texts": np.full((50, 50), "a"),
    "bytes": np.full((50, 50), b"a"),
    "dates": np.zeros((50, 50), "M8[s]"),
    "spans": np.zeros((50, 50), "m8[s]"),
    "void": np.zeros((50, 50), "V4"),
    "records": np.zeros((50, 50), [("a", "f4")]),
    "truth": np.zeros((50, 50), bool),
    "signed": np.zeros((50, 50), np.int8),
    "a data URL": "data:image/png;base64," + "A" * 5_000_000,
    "a long list": [1] * 10**6,
    "a broken file": Breaks(RuntimeError("x")),
    "a file without memory": Breaks(MemoryError()),
    "a closed file": Breaks(ValueError("x" * 10**6)),
    "too many bytes": bytearray(200_000_001),
    "no letters": "r\udcfc.png",
}


@pytest.mark.parametrize("case", NO_PICTURES)
def test_objects_that_are_no_picture_are_refused_in_a_sentence(case):
    tracemalloc.start()
    with pytest.raises(HandwritingError) as error:
        read_page(NO_PICTURES[case])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 250e6
    assert 20 < len(str(error.value).encode()) < 700  # encode: it can be printed


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no current folder that is gone"
)
def test_a_file_is_missed_where_the_current_folder_is_gone(tmp_path):
    (tmp_path / "gone").mkdir()
    with chdir(tmp_path):
        os.chdir("gone")
        os.rmdir(tmp_path / "gone")
        with pytest.raises(HandwritingError, match=r"no file a\.png.*deleted"):
            read_page("a.png")


SIXTEEN_BITS = """
import re, sys
from utils.handwriting import read_page

print(len(read_page(sys.argv[1]).images))
print(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells this memory")
@pytest.mark.slow
def test_79_megapixels_of_16_bits_take_no_more_than_a_gigabyte(tmp_path):
    page = np.full((7700, 10_260), 65535, np.uint16)
    digits = drawn(3, 5, size=2000).astype(np.uint16) * 257
    page[1000 : 1000 + len(digits), 1000 : 1000 + digits.shape[1]] = digits
    Image.fromarray(page).save(tmp_path / "large.png", compress_level=1)
    done = subprocess.run(
        [sys.executable, "-c", SIXTEEN_BITS, str(tmp_path / "large.png")],
        cwd=COURSE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    n_digits, kilobytes = map(int, done.stdout.split())
    assert n_digits == 2
    assert kilobytes * 1024 < 1e9


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tag", [273, 279, 324, 325])
def test_a_tiff_of_countless_strips_is_refused_before_they_are_read(order, big, tag):
    head = (b"II" if order == "<" else b"MM") + struct.pack(
        order + ("HHHQ" if big else "HL"), *((43, 8, 0, 16) if big else (42, 8))
    )
    number, entry = ("Q", "HHQQ") if big else ("H", "HHLL")
    tags = struct.pack(order + number, 2) + struct.pack(order + entry, 256, 4, 1, 8000)
    tags += struct.pack(order + entry, tag, 4, 4_000_000, 300)
    began = time.process_time()
    with pytest.raises(HandwritingError, match="has more parts before its pixels"):
        read_page(head + tags + bytes(16_000_000))
    assert time.process_time() - began < 1


def test_names_cannot_speak_to_the_terminal(tmp_path):
    name = "x\x1b[2J\x07\x9b31m\u202e.png"
    with pytest.raises(HandwritingError) as error:
        read_page(tmp_path / name)
    assert not [c for c in str(error.value) if ord(c) < 32 or 127 <= ord(c) < 160]
    assert r"x\x1b[2J\x07\x9b31m\u202e.png" in str(error.value)
