"""Train the small network that tells a digit from what is none, for utils.handwriting.

    MNIST_DATA=full python -m tools.judge

It sees MNIST's training digits as other pens would have written them, and what photos
hold besides digits: letters and words (Matplotlib's own fonts), digits that lie on
their side or stand on their head, halves, pairs that touch, frames, corners, dashes,
blots and scribbles. All pass through `to_mnist`, as on a photo. The network is written
to utils/handwriting/judge.tflite: LiteRT runs it without TensorFlow, in milliseconds.
"""

import argparse
import os
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from utils.files import write_whole
from utils.handwriting.box import to_mnist

TARGET = Path(__file__).parent.parent / "utils" / "handwriting" / "judge.tflite"
SIDE = 72  # pixels of the drawings
NO_DIGIT = 10  # the class after the ten digits
# Letters that could be a digit in some hand are never shown as "no digit".
LETTERS = "ACEFHKLMNPRUVWXacdefhkmnprtuvwx&@#%?+=*<>ÄÜβγδλμπωΔΣΩ"
TEXT = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
FONTS = [
    "DejaVuSans",
    "DejaVuSans-Oblique",
    "DejaVuSans-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "DejaVuSansMono",
    "STIXGeneral",
    "STIXGeneralItalic",
    "STIXGeneralBol",
    "cmr10",
    "cmss10",
    "cmtt10",
    "cmti10",
]
# Turned by a quarter or by a half, these digits are no digits any more.
LYING = (2, 3, 4, 5, 6, 7, 9)
ON_ITS_HEAD = (3, 4, 7)


def digit_mask(image, rng):
    """Return an MNIST digit, enlarged, as a mask of strokes, shape (SIDE, SIDE)."""
    large = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(large) > rng.uniform(90, 160)


def other_pen(mask, rng):
    """Write a mask with a thinner or thicker pen: its outline moves in or out."""
    away = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
    deepest = -away.min()
    # Widest where the pen was wide already: a word's letters must not run together.
    reach = rng.uniform(-0.6 * deepest, min(4, 1.2 * deepest))
    return (reach + 0.5 - away).clip(0, 1).astype(np.float32)


def bent(picture, rng, turn=12, shear=0.35, wobble=2.0):
    """Turn, slant, stretch and bend a drawing."""
    angle = np.radians(rng.uniform(-turn, turn))
    a, b = rng.uniform(0.8, 1.25, 2)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turned @ np.array([[1, 0], [rng.uniform(-shear, shear), 1]])
    matrix = matrix @ np.diag([a, b])
    side = picture.shape[0]
    places = np.mgrid[:side, :side].astype(np.float32) - side / 2
    places = np.tensordot(matrix, places, 1) + side / 2
    field = ndimage.zoom(
        rng.normal(0, wobble, (2, 4, 4)), (1, side / 4, side / 4), order=1
    )
    places += field[:, :side, :side]
    return ndimage.map_coordinates(picture, places, order=1)


def write(text, rng):
    """Draw text with one of Matplotlib's fonts; return a mask."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(folder / f"{rng.choice(FONTS)}.ttf"), 40)
    left, top, right, bottom = font.getbbox(text)
    page = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(page).text((2 - left, 2 - top), text, 255, font)
    return _fitted(np.asarray(page) > 128)


def _fitted(mask):
    """Scale a mask to fit the drawing, a margin of an eighth left free."""
    image = Image.fromarray(np.uint8(255 * mask))
    image.thumbnail((3 * SIDE // 4, 3 * SIDE // 4), Image.Resampling.BILINEAR)
    if max(image.size) < 3 * SIDE // 4:
        factor = 0.75 * SIDE / max(image.size)
        size = [max(2, round(factor * s)) for s in image.size]
        image = image.resize(size, Image.Resampling.BILINEAR)
    page = Image.new("L", (SIDE, SIDE))
    page.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2))
    return np.asarray(page) > 100


def letter(_x, _y, rng):
    return write(rng.choice(list(LETTERS)), rng)


def word(_x, _y, rng):
    """Two to five letters whose strokes run into one another, or a block of their size.

    (A judge trained without the blocks read worse on real photos: 379 of 392 digits in
    place of 387.)
    """
    text = "".join(rng.choice(list(TEXT), rng.integers(2, 6)))
    mask = write(text, rng)
    return ndimage.binary_dilation(mask) if rng.integers(2) else np.ones_like(mask)


def turned(x, y, rng):
    """A digit on its side or upside down."""
    if rng.random() < 0.3:
        k = rng.choice(np.flatnonzero(np.isin(y, ON_ITS_HEAD)))
        return np.rot90(digit_mask(x[k], rng), 2)
    k = rng.choice(np.flatnonzero(np.isin(y, LYING)))
    return np.rot90(digit_mask(x[k], rng), rng.choice([1, 3]))


def half(x, _y, rng):
    """A piece of a digit that has at least two strokes left; others look like a 1."""
    mask = digit_mask(x[rng.integers(len(x))], rng)
    rows = np.flatnonzero(mask.any(axis=1))
    cut = int(rng.uniform(0.35, 0.65) * (rows[-1] - rows[0])) + rows[0]
    part = mask.copy()
    part[cut:] = 0
    return _fitted_piece(part if rng.random() < 0.5 else mask & ~part)


def _fitted_piece(mask):
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return _fitted(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def pair(x, _y, rng):
    """Two or three digits that touch."""
    parts = [
        digit_mask(x[k], rng) for k in rng.integers(len(x), size=rng.integers(2, 4))
    ]
    cut = []
    for part in parts:
        columns = np.flatnonzero(part.any(axis=0))
        cut.append(part[:, columns[0] : columns[-1] + 1])
    apart = rng.integers(-6, 2)
    width = sum(p.shape[1] for p in cut) + SIDE
    page, at = np.zeros((SIDE, width), bool), 8
    for part in cut:
        page[:, at : at + part.shape[1]] |= part
        at += part.shape[1] + apart
    return _fitted_piece(page)


def frame(_x, _y, rng):
    """A box, a corner, a cross or a comb, by ruler or by hand."""
    page = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(page)
    ratio = rng.uniform(0.4, 1.0, 2)
    high, wide = (0.75 * SIDE * ratio / ratio.max()).astype(int)
    top, left = (SIDE - high) // 2, (SIDE - wide) // 2
    corners = np.array(
        [[left, top], [left + wide, top], [left + wide, top + high], [left, top + high]]
    )
    corners = corners + rng.normal(0, rng.choice([0.3, 2.5]), (4, 2))
    kind = rng.integers(4)
    sides = 4 if kind == 0 else 2 if kind == 1 else 3
    if kind < 3:
        first = rng.integers(4)
        for k in range(first, first + sides):
            draw.line([tuple(corners[k % 4]), tuple(corners[(k + 1) % 4])], 255, 3)
    if kind == 3 or (kind == 0 and rng.random() < 0.3):
        middle = (corners[0] + corners[1]) / 2, (corners[2] + corners[3]) / 2
        draw.line([tuple(p) for p in middle], 255, 3)
        middle = (corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2
        draw.line([tuple(p) for p in middle], 255, 3)
    mask = np.asarray(page) > 0
    return mask if mask.any() else frame(_x, _y, rng)


def dash(_x, _y, rng):
    """A stroke that lies flat."""
    page = Image.new("L", (SIDE, SIDE))
    rise = rng.uniform(-0.3, 0.3) * 0.7 * SIDE / 2
    line = [0.15 * SIDE, SIDE / 2 - rise, 0.85 * SIDE, SIDE / 2 + rise]
    ImageDraw.Draw(page).line(line, 255, int(rng.integers(2, 12)))
    return np.asarray(page) > 0


def blot(_x, _y, rng):
    """A cloud cut at a level: the shapes that shadows, cloth and hair leave."""
    cloud = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), rng.uniform(1.5, 9))
    middle = np.hypot(*(np.mgrid[:SIDE, :SIDE] - SIDE / 2)) < 0.4 * SIDE
    mask = (cloud > np.quantile(cloud, rng.uniform(0.4, 0.85))) & middle
    pieces, n = ndimage.label(mask)
    if n == 0:
        return blot(_x, _y, rng)
    largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return _fitted_piece(pieces == largest)


def scribble(_x, _y, rng):
    """A pen that wanders."""
    steps = rng.normal(0, 1, (rng.integers(8, 30), 2)).cumsum(axis=0)
    smooth = ndimage.zoom(steps, (6, 1), order=3)
    smooth = (smooth - smooth.min(axis=0)) / np.ptp(smooth, axis=0).max()
    page = Image.new("L", (SIDE, SIDE))
    places = [tuple(p) for p in (0.12 + 0.75 * smooth) * SIDE]
    ImageDraw.Draw(page).line(places, 255, int(rng.integers(2, 5)))
    return _fitted_piece(np.asarray(page) > 0)


# The commoner, the more often.
KINDS = [letter] * 3 + [word] * 2 + [turned] * 3 + [half] + [pair] * 2
KINDS += [frame, dash] + [blot] * 2 + [scribble]


def digits_of_other_pens(x, y, rng):
    """Return MNIST's digits as other pens write them, shape (n, 28, 28), and labels."""
    images = []
    for image in x:
        drawn = other_pen(
            bent(digit_mask(image, rng).astype(np.float32), rng) > 0.5, rng
        )
        images.append(_boxed(drawn, image))
    return np.array(images), y


def _boxed(drawn, otherwise):
    if not (drawn > 0.5).any():
        drawn = otherwise / 255
    return np.round(255 * to_mnist(drawn)).astype(np.uint8)


def no_digits(x, y, n, rng):
    """Return n images of what is no digit, shape (n, 28, 28)."""
    images = []
    while len(images) < n:
        kind = KINDS[len(images) % len(KINDS)]
        mask = kind(x, y, rng)
        gentle = kind in (dash, frame, turned)
        drawn = bent(mask.astype(np.float32), rng, *((8, 0.1, 1.0) if gentle else ()))
        drawn = other_pen(drawn > 0.5, rng) if (drawn > 0.5).any() else drawn
        if (drawn > 0.5).any():
            images.append(_boxed(drawn, x[0]))
    return np.array(images)


def examples(x, y, seed, n_copies=1):
    """Return (images, labels): digits of other pens, MNIST's own, and no digits."""
    rng = np.random.default_rng(seed)
    images, labels = [x], [y]
    for _ in range(n_copies):
        written, written_y = digits_of_other_pens(x, y, rng)
        images.append(written)
        labels.append(written_y)
    others = no_digits(x, y, (n_copies + 1) * len(x), rng)
    images.append(others)
    labels.append(np.full(len(others), NO_DIGIT))
    return np.concatenate(images), np.concatenate(labels)


def build():
    """Return the judge: small enough for a thousand pieces a second."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dense(11, activation="softmax"),
        ]
    )


def as_input(images):
    return (images / np.float32(255))[..., None]


def main():
    """Train the judge and write it."""
    parser = argparse.ArgumentParser(prog="python -m tools.judge")
    parser.add_argument("--digits", type=int, default=60000)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    os.environ.setdefault("MNIST_DATA", "full")  # the sample makes a worse one
    import keras
    import tensorflow as tf

    from utils.data import load_mnist

    keras.utils.set_random_seed(0)
    data = load_mnist()
    x, y = data.x_train[: args.digits], data.y_train[: args.digits]
    images, labels = examples(x[:-2000], y[:-2000], seed=0)
    held_out = examples(x[-2000:], y[-2000:], seed=1)
    model = build()
    steps = args.epochs * (len(images) // 128)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        as_input(images),
        labels,
        batch_size=128,
        epochs=args.epochs,
        verbose=2,
        validation_data=(as_input(held_out[0]), held_out[1]),
    )
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    write_whole(TARGET, converter.convert())
    print(TARGET.name, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
