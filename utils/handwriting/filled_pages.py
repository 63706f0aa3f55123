"""Made-up photos of a printed page that a class has filled in: the truth is known.

Like utils.handwriting.photos, it shares nothing with the reader.
"""

import io
import itertools

import numpy as np
from PIL import Image, ImageFilter

from utils.handwriting.photos import PLAIN, SHARP, cloud, light

PENS = (-2, -1, 0, 0, 1)  # pixels that a pen's edge lies out of where MNIST's is
CELLS = 24  # pieces across, in which a bent page is drawn straight


def fill(page, boxes, digits, seed=0):
    """Write digits into the boxes of a page, each with a pen and a size of its own.

    Args:
        page: the printed page, shape (height, width), uint8, 255 = white.
        boxes: where to write, shape (n, 4): top, bottom, left, right, in pixels.
        digits: n images, shape (n, 28, 28), 0 = paper; None leaves a box empty.
        seed: of sizes, places and pens.

    Returns:
        np.ndarray, uint8, a copy.
    """
    rng = np.random.default_rng(seed)
    page = np.array(page)
    for (top, bottom, left, right), digit in zip(boxes, digits, strict=True):
        if digit is None:
            continue
        height, width = bottom - top, right - left
        # The ink is 20 of the 28 pixels high: at most as high as the box is.
        side = round(rng.uniform(0.8, 1.25) * min(height, 1.2 * width))
        digit = Image.fromarray(np.uint8(255 * (digit / digit.max())))
        digit = digit.resize((side, side), Image.Resampling.BICUBIC)
        digit = digit.point(SHARP)
        pen = int(rng.choice(PENS)) * max(1, height // 100)
        if pen:
            kind = ImageFilter.MaxFilter if pen > 0 else ImageFilter.MinFilter
            digit = digit.filter(kind(2 * abs(pen) + 1))
        jitter = rng.uniform(-0.06, 0.06, 2) * height
        y = round((top + bottom - side) / 2 + jitter[0])
        x = round((left + right - side) / 2 + jitter[1])
        ink = rng.uniform(0.6, 0.9) * np.asarray(digit) / 255
        place = page[y : y + side, x : x + side]
        place[:] = np.round(place * (1 - ink))
    return page


def photograph_page(page, conditions=PLAIN, seed=0, lean=0.08, bend=0.0, side=1600):
    """Take a photo of a page that lies on a desk, seen at an angle.

    Args:
        page: shape (height, width), uint8, 255 = white.
        conditions: utils.handwriting.photos.Conditions; those of the digits and of what
            is printed do not matter here.
        seed: of all that is left to chance.
        lean: each corner is off by up to so much of the page's width.
        bend: the middle of the page is higher than its sides by so much of its width.
        side: pixels of the photo's longer side.

    Returns:
        bytes: a JPEG file.
    """
    rng = np.random.default_rng(seed)
    height, width = page.shape
    desk = round(0.6 * width)
    on_desk = np.pad(page, desk, constant_values=round(255 * rng.uniform(0.3, 0.6)))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    angle = np.radians(rng.uniform(-conditions.rotation, conditions.rotation))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = (corners + rng.uniform(-lean, lean, (4, 2)) * width) @ turn.T
    room = 0.06 * width
    seen += room - seen.min(axis=0)
    size = seen.max(axis=0) + room
    scale = side / size.max()
    matrix = _perspective(scale * seen, corners + desk)
    photo = _mesh(Image.fromarray(on_desk), matrix, scale * size, bend * width, width)

    paper = rng.uniform(*conditions.paper)
    grain = 1 + conditions.grain * cloud(photo.shape, 1.5, rng)
    bright = paper * photo / 255 * grain * light(photo.shape, conditions, rng)
    photo = Image.fromarray(
        np.uint8(255 * np.rot90(bright, conditions.turns).clip(0, 1))
    )
    photo = photo.filter(ImageFilter.GaussianBlur(rng.uniform(*conditions.blur)))
    noise = conditions.noise * rng.standard_normal(photo.size[::-1])
    photo = Image.fromarray(
        np.uint8(255 * (np.asarray(photo) / 255 + noise).clip(0, 1))
    )
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=int(rng.integers(*conditions.quality)))
    return file.getvalue()


def _perspective(points, onto):
    """Return the eight numbers that take four points onto four others."""
    rows, values = [], []
    for (x, y), (u, v) in zip(points, onto, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
        values += [u, v]
    return np.linalg.solve(rows, values)


def _mesh(image, matrix, size, bend, width):
    """Draw an image as seen through a perspective, in small pieces, for paper bends."""
    a, b, c, d, e, f, g, h = matrix
    size = np.round(size).astype(int)

    def source(x, y):
        w = g * x + h * y + 1
        u, v = (a * x + b * y + c) / w, (d * x + e * y + f) / w
        desk = (image.width - width) / 2
        across = np.clip((u - desk) / width, 0, 1)
        return u, v - bend * np.sin(np.pi * across)

    x = np.linspace(0, size[0], CELLS + 1).astype(int)
    y = np.linspace(0, size[1], CELLS + 1).astype(int)
    pieces = []
    for left, right in itertools.pairwise(x):
        for top, bottom in itertools.pairwise(y):
            corners = [(left, top), (left, bottom), (right, bottom), (right, top)]
            quad = [float(v) for corner in corners for v in source(*corner)]
            pieces.append(((int(left), int(top), int(right), int(bottom)), quad))
    drawn = image.transform(
        tuple(int(s) for s in size),
        Image.Transform.MESH,
        pieces,
        Image.Resampling.BILINEAR,
    )
    return np.asarray(drawn, float)
