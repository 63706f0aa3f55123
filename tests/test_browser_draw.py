"""The page to draw in, opened from the disk in a real browser: does it see and answer
what Keras does? It needs Chromium and what requirements-dev.txt lists.
"""

import base64

import numpy as np
import pytest

from tools import browser, draw_page
from utils.canvas import SIDE, strokes
from utils.data import load_mnist
from utils.handwriting import to_mnist
from utils.runs import REFERENCE_DIR, load_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.why_not() is not None, reason=str(browser.why_not())),
]
PIXEL, PROBABILITY = 2 / 255, 1e-3  # how far page and Python may be apart


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a stick") / "the course"
    draw_page.write(folder)
    return folder


@pytest.fixture(scope="module")
def opened(folder):
    with browser.page_on_disk(folder / "draw/index.html") as page:
        page.locator(".digit-canvas[data-ready]").wait_for()
        yield page


@pytest.fixture
def page(opened):
    """The page as it is after a reload: nothing drawn, nothing harder."""
    opened.get_by_role("button", name="Clear").click()
    opened.get_by_role("button", name="Reset").click()
    opened.get_by_role("button", name="Uncover").click()
    opened.evaluate("page.pad.setPen(12)")
    return opened


@pytest.fixture(scope="module")
def models():
    runs = {
        name: load_run(r, announce=False, folder=REFERENCE_DIR)
        for name, r in draw_page.NAMES.items()
    }
    return {name: run.load_model() for name, run in runs.items()}


# Images travel in base64: a browser reads long lists of numbers slowly.
ANSWER = """async text => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const values = new Float32Array(bytes.buffer);
    const networks = Object.values(await page.ready);
    return Array.from({length: values.length / 784}, (_, k) => networks.map(
        read => read(values.slice(784 * k, 784 * (k + 1))).probabilities));
}"""
DRAW = """drawings => drawings.map(({strokes, pen}) => {
    const asText = bytes => btoa(String.fromCharCode(...bytes));
    page.pad.setPen(pen);
    page.pad.show(strokes);
    const drawn = page.pad.bytes();
    const seen = toMnist(pictureOf(drawn, SIDE, SIDE));
    return [asText(drawn), asText(new Uint8Array(seen.buffer))];
})"""


def answers(page, images):
    """Return the page's answers, shape (n, networks, 10)."""
    raw = np.asarray(images, np.float32).tobytes()
    return np.array(page.evaluate(ANSWER, base64.b64encode(raw).decode()))


def drawn(page, drawings):
    """Draw in the page; return what it reads, (n, 140, 140), and sees, (n, 28, 28)."""
    texts = page.evaluate(DRAW, drawings)
    raw = [[base64.b64decode(text) for text in pair] for pair in texts]
    bitmaps = np.array([np.frombuffer(bitmap, np.uint8) for bitmap, _ in raw])
    images = np.array([np.frombuffer(image, np.float32) for _, image in raw])
    return bitmaps.reshape(-1, SIDE, SIDE), images.reshape(-1, 28, 28)


def hands(n, seed, size=0.8, place=None):
    """Make drawings as of n different hands: slanted, stretched, moved, shaky.

    Returns:
        list of (digit, drawing): the points of the strokes in [0, 1].
    """
    rng = np.random.default_rng(seed)
    made = []
    for k in range(n):
        digit = k % 10
        matrix = np.array([[rng.uniform(0.8, 1.2), rng.uniform(-0.25, 0.25)], [0, 1]])
        where = rng.uniform(-0.1, 0.1, 2) if place is None else place
        drawing = []
        for stroke in strokes.DIGITS[digit]:
            points = np.array(stroke) - 0.5
            corners = (points[1:] == points[:-1]).all(axis=1)
            points += rng.normal(0, 0.012, points.shape)
            points[1:][corners] = points[:-1][corners]
            points = strokes.path(points, steps=6) @ matrix.T * size
            drawing.append((points + 0.5 + where).clip(0, 1).tolist())
        made.append((digit, drawing))
    return made


def probabilities(models, images):
    """Return Keras' answers, shape (n, networks, 10)."""
    x = np.asarray(images, np.float32)
    answers = [
        model.predict(x.reshape(-1, *model.input_shape[1:]), verbose=0)
        for model in models.values()
    ]
    return np.moveaxis(answers, 0, 1)


def test_two_hundred_drawings_are_seen_and_read_as_in_python(page, models):
    rng = np.random.default_rng(0)
    drawings = [
        {"strokes": drawing, "pen": int(rng.integers(1, 31))}
        for size in (0.15, 0.4, 0.8, 1.0)
        for _, drawing in hands(50, seed=int(100 * size), size=size)
    ]
    bitmaps, seen = drawn(page, drawings)
    expected = np.array([to_mnist(bitmap / 255) for bitmap in bitmaps])
    assert len(seen) == 200 and (seen.max(axis=(1, 2)) > 0.5).all()
    np.testing.assert_allclose(seen, expected, atol=PIXEL)
    np.testing.assert_allclose(
        answers(page, seen), probabilities(models, expected), atol=PROBABILITY
    )


def test_a_thousand_test_digits_are_read_as_by_keras(page, models):
    x = load_mnist("sample").x_test[:1000].astype(np.float32) / 255
    assert len(x) == 1000
    np.testing.assert_allclose(
        answers(page, x), probabilities(models, x), atol=PROBABILITY
    )
