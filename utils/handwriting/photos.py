"""Made-up photos of digits: paper, ink, shadow, a camera held askew, JPEG.

They are the independent check of utils.handwriting: since the digits are known, so
is how many of them the reading loses. Nothing is shared with the reader, not even the
library that turns and resizes (Pillow here, SciPy there).
"""

import io
import itertools
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

# A pen's edge is sharp: the new brightness of each old one, 0 to 255.
SHARP = np.clip(3 * np.arange(256) - 255, 0, 255).tolist()
# The eight neighbours of a pixel, clockwise from above.
AROUND = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))


@dataclass(frozen=True)
class Conditions:
    """How the photos are taken. Ranges are (lowest, highest), drawn evenly.

    Attributes:
        height: of MNIST's 28 pixels on the photo, in pixels of the camera.
        rotation: the page is turned by up to so many degrees, either way.
        paper: brightness of the paper, 0 to 1.
        ink: share of the light that the ink swallows.
        grain: standard deviation of the paper's texture.
        shadow: share of the light that a shadow with a soft edge takes away.
        gradient: loss of light from one end of the page to the other, a share.
        blur: standard deviation of the lens' blur, in pixels.
        noise: standard deviation of the camera's noise, 1 = white.
        quality: of the JPEG, 1 to 95.
        ruled: share of the light that printed lines swallow; 0 is a blank page.
        chalk: light on dark.
        print_: what is around the digits: "boxes", one for each, "table", a row of
            them, "dashed", the same with dashed lines, "bent", with lines that bend,
            or "by hand", boxes drawn with a pen; "" is nothing.
        room: share of a digit's 28 pixels between it and its box.
        desk: the page is a note in the middle of a dark desk.
        turns: quarter turns, against the clock, by which the camera was held.
        same_grey: red ink on paper that reflects as much light, in other colours.
        pattern: share of the light that a fine printed pattern swallows, as on cheques.
        hairline: the strokes are as wide as one pixel of the camera, or two.
        sizes: how tall the digits are, in turn, as shares of the height.
        touch: each second digit touches the one before.
        margin: free paper around the row, as a share of the height.
        slack: the same, more for each digit: long rows are turned further.
        rim: the camera sees past two edges of the page, into the dark.
    """

    height: tuple = (80, 240)
    rotation: float = 0
    paper: tuple = (0.85, 0.95)
    ink: tuple = (0.75, 0.9)
    grain: float = 0.005
    shadow: tuple = (0, 0)
    gradient: tuple = (0, 0.05)
    blur: tuple = (0.3, 0.8)
    noise: float = 0.005
    quality: tuple = (90, 95)
    ruled: tuple = (0, 0)
    chalk: bool = False
    print_: str = ""
    room: float = 0.1
    desk: bool = False
    turns: int = 0
    same_grey: bool = False
    pattern: tuple = (0, 0)
    hairline: bool = False
    sizes: tuple = (1,)
    touch: bool = False
    margin: tuple = (0.5, 1.0)
    slack: float = 0.15
    rim: bool = False


SCAN = Conditions()
MODERATE = Conditions(
    rotation=15,
    paper=(0.65, 0.95),
    ink=(0.5, 0.9),
    grain=0.015,
    shadow=(0.1, 0.4),
    gradient=(0.05, 0.3),
    blur=(0.5, 1.5),
    noise=0.015,
    quality=(60, 90),
)
HARD = Conditions(
    height=(50, 240),
    rotation=20,
    paper=(0.5, 0.9),
    ink=(0.35, 0.8),
    grain=0.03,
    shadow=(0.3, 0.6),
    gradient=(0.2, 0.5),
    blur=(1, 2.5),
    noise=0.03,
    quality=(30, 70),
)
SETTINGS = {
    "scan": SCAN,
    "moderate": MODERATE,
    "moderate, ruled page": replace(MODERATE, ruled=(0.15, 0.35)),
    "moderate, chalk": replace(MODERATE, chalk=True),
    "hard": HARD,
}
# What made reading fail on real photos, one cause at a time, where the truth is known.
PLAIN = replace(SCAN, gradient=(0, 0.2), noise=0.01, quality=(75, 90))
CAUSES = {
    "a box around each digit": replace(PLAIN, print_="boxes", rotation=3),
    "boxes drawn by hand": replace(PLAIN, print_="by hand", rotation=3),
    "a table": replace(PLAIN, print_="table", rotation=4),
    "a leaning table": replace(PLAIN, print_="table", rotation=12),
    "lines that bend": replace(PLAIN, print_="bent", rotation=2),
    "dashed lines": replace(PLAIN, print_="dashed", rotation=2),
    "dashes that touch": replace(PLAIN, print_="dashed", room=-0.06, rotation=1),
    "a hairline pen": replace(PLAIN, hairline=True, height=(140, 240)),
    "small beside tall": replace(PLAIN, sizes=(1, 0.45), rotation=3),
    "digits that touch": replace(PLAIN, touch=True, rotation=3),
    "hardly any margin": replace(PLAIN, margin=(0.04, 0.1), slack=0),
    "a dark rim": replace(PLAIN, rim=True, rotation=2),
    "a note on a dark desk": replace(PLAIN, desk=True, rotation=5),
    "held sideways": replace(PLAIN, turns=1, rotation=3),
    "upside down": replace(PLAIN, turns=2, rotation=3),
    # JPEG keeps colours at half the resolution: a poor one leaves no colour to see.
    "red on equal grey": replace(SCAN, same_grey=True, rotation=3),
    "a printed pattern": replace(PLAIN, pattern=(0.15, 0.25), print_="table"),
}


def photograph(digits, conditions=MODERATE, seed=0):
    """Take a photo of digits written in a row.

    Args:
        digits: images, shape (n, side, side), 0 = paper, their largest value = ink.
        conditions: Conditions.
        seed: of all that is left to chance.

    Returns:
        bytes: a JPEG file, in colour.
    """
    rng = np.random.default_rng(seed)
    height = round(rng.uniform(*conditions.height))
    ink, places = _row_of_digits(digits, height, conditions, rng)
    lines = _ruled_lines(ink.size, height, rng)
    if not any(conditions.ruled):  # drawn all the same: a seed keeps its numbers
        lines = Image.new("L", ink.size)
    frames = _frames(ink.size, places, height, conditions, rng)
    angle = rng.uniform(-conditions.rotation, conditions.rotation)
    layers = [_turn(layer, angle, height) for layer in (ink, lines, frames)]
    page = _page(*layers, height, conditions, rng)
    if conditions.desk:
        page = _on_a_desk(page, rng)
    if conditions.rim:
        page = _with_a_rim(page, rng)
    return _taken(np.rot90(page, conditions.turns), conditions, rng)


def _page(ink, lines, frames, height, conditions, rng):
    """Return what the page throws back: paper, printed lines in blue, ink."""
    shape = ink.shape
    blotches = cloud(shape, height / 2, rng) + cloud(shape, 1.5, rng)
    paper = rng.uniform(*conditions.paper) + conditions.grain * blotches
    colour = 1 - rng.uniform(0, 0.1) * np.array([0, 0.3, 1.0])
    page = paper[..., None] * colour
    page = _printed(page, lines, rng.uniform(*conditions.ruled), [1, 0.7, 0.3])
    tint = [1, 1, 1] if rng.random() < 0.5 else [1, 0.95, 0.75]
    page = _printed(page, frames, 0.8)
    page = _printed(page, _pattern(shape, height), rng.uniform(*conditions.pattern))
    if conditions.same_grey:
        page = _red_on_equal_grey(paper, ink)
    else:
        page = _printed(page, ink, rng.uniform(*conditions.ink), tint)
    return 1.05 - page if conditions.chalk else page


def _printed(page, layer, share, tint=(1, 1, 1)):
    """Let a layer of print or ink swallow a share of a page's light, in its tint."""
    if share == 0 or not layer.any():
        return page
    return page * (1 - share * (layer[..., None] * np.array(tint)))


def _taken(page, conditions, rng):
    """Return the JPEG file that a camera makes of a page: light, blur and noise."""
    shape = page.shape[:2]
    photo = np.clip(page * light(shape, conditions, rng)[..., None], 0, 1)
    photo = Image.fromarray(np.uint8(255 * photo))
    photo = photo.filter(ImageFilter.GaussianBlur(rng.uniform(*conditions.blur)))
    noise = conditions.noise * rng.standard_normal((*shape, 3))
    photo = np.clip(np.asarray(photo) / 255 + noise, 0, 1)
    file = io.BytesIO()
    quality = int(rng.integers(conditions.quality[0], conditions.quality[1] + 1))
    Image.fromarray(np.uint8(255 * photo)).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _row_of_digits(digits, height, conditions, rng):
    """Write digits side by side with some jitter.

    Returns:
        (page, places): an image, 255 = ink; the left edge of each digit's 28 pixels,
        and, last, their top.
    """
    # Wide margins: turning the page must not push a digit over its edge.
    free = rng.uniform(*conditions.margin) + conditions.slack * len(digits)
    margin = round(height * free)
    advance = round(1.05 * height)
    size = (advance * len(digits) + 2 * margin, height + 2 * margin)
    page = Image.new("L", size)
    for k, digit in enumerate(digits):
        side = round(height * conditions.sizes[k % len(conditions.sizes)])
        digit = _enlarged(digit, side)
        if conditions.hairline:
            digit = _thinned(digit)
        jitter = rng.integers(-height // 20, height // 20 + 1, 2)
        down = (height - side) * 3 // 4  # small digits stand lower
        place = [margin + k * advance + int(jitter[0]), margin + int(jitter[1]) + down]
        if conditions.touch and k % 2:
            place[0] = _moved_until_it_touches(page, digit, place)
        page.paste(255, tuple(place), digit)
    return page, [*(margin + k * advance for k in range(len(digits))), margin]


def _enlarged(digit, side):
    digit = np.asarray(digit, float)
    digit = Image.fromarray(np.uint8(255 * digit / digit.max()))
    digit = digit.resize((side, side), Image.Resampling.BICUBIC)
    # The half grey of the small image is where it was.
    return digit.point(SHARP)


def _thinned(image):
    """Thin strokes to lines of a pixel, and draw these with a pen of two.

    T. Zhang, C. Suen, "A fast parallel algorithm for thinning digital patterns", 1984.
    """
    ink = np.pad(np.asarray(image) > 127, 1)
    removed = True
    while removed:
        removed = False
        for first, second in (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))):
            around = np.array([np.roll(ink, shift, (0, 1)) for shift in AROUND])
            n = around.sum(axis=0)
            rises = (~around & np.roll(around, -1, axis=0)).sum(axis=0)
            edge = ~around[list(first)].all(axis=0) & ~around[list(second)].all(axis=0)
            gone = ink & (n >= 2) & (n <= 6) & (rises == 1) & edge
            ink = ink & ~gone
            removed = removed or bool(gone.any())
    line = Image.fromarray(np.uint8(255 * ink[1:-1, 1:-1]))
    return line.filter(ImageFilter.GaussianBlur(0.7)).point(
        [min(255, 2 * v) for v in range(256)]
    )


def _moved_until_it_touches(page, digit, place):
    """Return how far left a digit may stand before it lies on what is written."""
    page, digit = np.asarray(page) > 127, np.asarray(digit) > 127
    left, top = place
    for x in range(left, 0, -1):
        there = page[top : top + digit.shape[0], x : x + digit.shape[1]]
        if (there & digit).any():
            return x
    return left


def _frames(size, places, height, conditions, rng):
    """Print boxes around the digits; return an image, 255 = print."""
    page, kind = Image.new("L", size), conditions.print_
    if not kind:
        return page
    draw = ImageDraw.Draw(page)
    width = max(2, round(0.015 * height))
    *lefts, top = places
    room = round(conditions.room * height)
    top, bottom = top - room, top + height + room
    edges = [left - height // 40 for left in lefts] + [lefts[-1] + height]
    if kind in ("boxes", "by hand"):
        for left, right in itertools.pairwise(edges):
            wobble = rng.integers(-height // 40, height // 40 + 1, 4)
            gap = height // 30
            box = [left + gap, top + wobble[0], right - gap, bottom + wobble[1]]
            if kind == "boxes":
                draw.rectangle([int(v) for v in box], outline=255, width=width)
            else:
                _draw_by_hand(draw, box, 2 * width, rng)
        return page
    lines = [((edges[0], y), (edges[-1], y)) for y in (top, bottom)]
    lines += [((x, top), (x, bottom)) for x in edges]
    dash = max(4, height // 16) if kind == "dashed" else 10**6
    for (x0, y0), (x1, y1) in lines:
        length = max(x1 - x0, y1 - y0)
        if kind == "bent":
            t = np.linspace(0, 1, 40)
            bend = height * rng.uniform(0.03, 0.06) * np.sin(np.pi * t)
            x, y = x0 + t * (x1 - x0), y0 + t * (y1 - y0)
            x, y = (x, y + bend) if x1 > x0 else (x + bend / 2, y)
            draw.line(list(zip(x, y, strict=True)), 255, width)
            continue
        for at in range(0, length, 2 * dash):
            a, b = at / length, min(1, (at + dash) / length)
            ends = [x0 + a * (x1 - x0), y0 + a * (y1 - y0)]
            ends += [x0 + b * (x1 - x0), y0 + b * (y1 - y0)]
            draw.line(ends, 255, width)
    return page


def _draw_by_hand(draw, box, width, rng):
    """Draw a box with four strokes that wobble and miss the corners."""
    left, top, right, bottom = (float(v) for v in box)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    for k in range(4):
        a, b = corners[[k, (k + 1) % 4]] + rng.normal(0, 0.02 * (bottom - top), (2, 2))
        t = np.linspace(0, 1, 12)[:, None]
        stroke = a + t * (b - a) + rng.normal(0, 0.3 * width, (12, 2))
        draw.line([tuple(point) for point in stroke], 255, width, joint="curve")


def _with_a_rim(page, rng):
    """Let two neighbouring sides of a page end in the dark, not quite straight."""
    height, width = page.shape[:2]
    deep = rng.uniform(0.01, 0.04, 2) * min(height, width)
    slope = rng.uniform(-0.02, 0.02, 2)
    y, x = np.mgrid[:height, :width]
    beside = (x - deep[0] < slope[0] * y) | (height - y - deep[1] < slope[1] * x)
    page = np.array(page)
    page[beside] = rng.uniform(0.02, 0.1)
    return page


def _pattern(shape, height):
    """Return fine slanted lines, shape (height, width), 1 = print."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return ((x + y) // max(2, height // 40)) % 3 == 0


def _red_on_equal_grey(paper, ink):
    """Return red ink on green-grey paper; to an eye without colours they are one."""
    ground = paper[..., None] * np.array([0.55, 0.62, 0.6])
    grey = np.array([0.299, 0.587, 0.114])
    red = paper[..., None] * np.array([0.95, 0.4, 0.6])
    red = red * ((ground @ grey) / (red @ grey))[..., None]
    return ground * (1 - ink[..., None]) + red * ink[..., None]


def _on_a_desk(page, rng):
    """Lay the page on a dark desk that is larger by half of it each way."""
    room = [(side // 2, side // 2) for side in page.shape[:2]]
    desk = np.pad(page, [*room, (0, 0)], constant_values=rng.uniform(0.05, 0.12))
    return desk * (1 + 0.02 * cloud(desk.shape[:2], 2.0, rng)[..., None])


def _ruled_lines(size, height, rng):
    """Print lines as on a writing pad; return an image, 255 = line."""
    page = np.zeros((size[1], size[0]), np.uint8)
    distance = max(12, round(height * rng.uniform(0.4, 1.0)))
    thickness = max(1, round(height * rng.uniform(0.008, 0.02)))
    first = int(rng.integers(distance))
    for k in range(thickness):
        page[first + k :: distance] = 255
    return Image.fromarray(page)


def _turn(layer, angle, height):
    """Turn a layer of the page; return it as an array in [0, 1] without its rim."""
    side = layer.size
    if layer.getbbox():
        layer = layer.rotate(angle, Image.Resampling.BICUBIC, fillcolor=0)
    # Where the turned page leaves a corner empty, the camera does not look.
    lost = np.abs(np.sin(np.radians(angle))) / 2
    x, y = min(round(lost * side[1]), height // 2), min(round(lost * side[0]), height)
    x, y = min(x, side[0] // 4), min(y, side[1] // 5)
    layer = layer.crop((x, y, side[0] - x, side[1] - y))
    return np.asarray(layer, float) / 255


def cloud(shape, grain, rng):
    """Return smooth random blotches, shape as given, standard deviation about 1."""
    small = (max(2, int(shape[1] / grain)), max(2, int(shape[0] / grain)))
    values = rng.standard_normal((small[1], small[0])).astype(np.float32)
    cloud = Image.fromarray(values).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(cloud, float)


def light(shape, conditions, rng):
    """Return the light on each place of the page: a slope, and a shadow's edge."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = y / shape[0] - 0.5, x / shape[1] - 0.5
    direction = rng.uniform(0, 2 * np.pi)
    slope = x * np.cos(direction) + y * np.sin(direction)
    light = 1 - rng.uniform(*conditions.gradient) * (slope + 0.5)
    direction, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3)
    across = x * np.cos(direction) + y * np.sin(direction) - offset
    softness = rng.uniform(0.01, 0.05)
    shadow = 1 / (1 + np.exp(-np.clip(across / softness, -50, 50)))
    return light * (1 - rng.uniform(*conditions.shadow) * shadow)
