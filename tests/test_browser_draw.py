"""The page to draw in, opened from the disk in a real browser: does it see and answer
what Keras does? It needs Chromium and what requirements-dev.txt lists.
"""

import base64
import functools
import http.server
import json
import os
import shutil
import threading
from contextlib import contextmanager
from typing import ClassVar

import hands
import numpy as np
import pytest

from tools import browser, draw_page
from tools.draw_page.networks import KNOWN, for_the_page
from utils import corruptions
from utils.canvas import MAPS_SHOWN, SIDE, Reader, strokes
from utils.data import load_mnist
from utils.handwriting import to_mnist
from utils.runs import REFERENCE_DIR, load_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.maintainers,
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
        browser.wait_for_answer(page)
        yield page


@pytest.fixture
def page(opened):
    """The page as it is after a reload: nothing drawn, nothing harder."""
    opened.get_by_role("button", name="Clear").click()
    opened.get_by_role("button", name="Reset").click()
    opened.get_by_role("button", name="Uncover").click()
    opened.evaluate("page.pad.setPen(12)")
    return opened


@contextmanager
def another(opened, **options):
    """Open the same file once more, as another browser would."""
    page = opened.context.browser.new_page(**options)
    try:
        page.goto(opened.url)
        yield page
    finally:
        page.close()


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
    """Draw in the page; return what it reads, (n, 140, 140), and sees, (n, 28, 28).

    What is shown is drawn by the same lines as what a mouse draws: the same pixels.
    """
    texts = page.evaluate(DRAW, drawings)
    raw = [[base64.b64decode(text) for text in pair] for pair in texts]
    bitmaps = np.array([np.frombuffer(bitmap, np.uint8) for bitmap, _ in raw])
    images = np.array([np.frombuffer(image, np.float32) for _, image in raw])
    return bitmaps.reshape(-1, SIDE, SIDE), images.reshape(-1, 28, 28)


def probabilities(models, images):
    """Return Keras' answers, shape (n, networks, 10)."""
    x = np.asarray(images, np.float32)
    answers = [
        model.predict(x.reshape(-1, *model.input_shape[1:]), verbose=0)
        for model in models.values()
    ]
    return np.moveaxis(answers, 0, 1)


def written():
    """Return 200 drawings, in four sizes, of a program's hands or of real ones."""
    sizes = (0.15, 0.4, 0.8, 1.0)
    if os.environ.get("PENDIGITS"):
        return hands.recorded(os.environ["PENDIGITS"], 50, sizes)
    made = [hands.drawings(50, seed=int(100 * s), size=s) for s in sizes]
    return [drawing for some in made for drawing in some]


def test_two_hundred_drawings_are_seen_and_read_as_in_python(page, models):
    rng = np.random.default_rng(0)
    drawings = [
        {"strokes": strokes, "pen": int(rng.integers(1, 31))}
        for _, strokes in written()
    ]
    bitmaps, seen = drawn(page, drawings)
    expected = np.array([to_mnist(bitmap / 255) for bitmap in bitmaps])
    assert len(seen) == 200 and (seen.max(axis=(1, 2)) > 0.5).all()
    np.testing.assert_allclose(seen, expected, atol=PIXEL)
    np.testing.assert_allclose(
        answers(page, seen), probabilities(models, expected), atol=PROBABILITY
    )


@pytest.mark.parametrize("digit", [4, 8])
def test_what_is_shown_is_what_a_mouse_draws(page, digit):
    """Stroke by stroke, from point to point of a hand: the same pixels, one by one."""
    canvas = page.locator(".dc-paper")
    box = canvas.bounding_box()
    _, strokes = hands.drawings(10, seed=5)[digit]
    corner, side = np.array([box["x"], box["y"]]), box["width"]
    places = [np.round(np.array(stroke) * side + corner) for stroke in strokes]
    for stroke in places:
        page.mouse.move(*stroke[0])
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*point)
        page.mouse.up()
    assert f"CNN reads {digit} " in status(page)
    by_mouse = page.evaluate("Array.from(page.pad.bytes())")
    shown = [((stroke - corner) / side).tolist() for stroke in places]
    page.evaluate("strokes => page.pad.show(strokes)", shown)
    assert page.evaluate("Array.from(page.pad.bytes())") == by_mouse


def test_lines_squares_and_dots_are_seen_as_in_python(page):
    """Their middle lies between two pixels: errors of rounding must not choose."""
    rng = np.random.default_rng(1)
    drawings = []
    for k in range(60):
        a, b, c = rng.integers(4, 137, 3) / SIDE
        line, square = [[a, b], [a, c]], [[b, b], [c, b], [c, c], [b, c], [b, b]]
        shape = [line, [point[::-1] for point in line], square, [[a, b]]][k % 4]
        drawings.append({"strokes": [shape], "pen": int(rng.integers(1, 31))})
    bitmaps, seen = drawn(page, drawings)
    expected = np.array([to_mnist(bitmap / 255) for bitmap in bitmaps])
    np.testing.assert_allclose(seen, expected, atol=PIXEL)


def test_a_thousand_test_digits_are_read_as_by_keras(page, models):
    x = load_mnist("sample").x_test[:1000].astype(np.float32) / 255
    assert len(x) == 1000
    np.testing.assert_allclose(
        answers(page, x), probabilities(models, x), atol=PROBABILITY
    )


def test_the_feature_maps_are_those_of_the_notebooks_canvas(page, models):
    page.get_by_role("button", name="Draw a 5 for me").click()
    image = np.array(page.evaluate("Array.from(page.look())")).reshape(28, 28)
    maps = Reader(models).feature_maps(image)
    assert len(maps) == page.locator(".dc-layer").count() >= 2
    for row, values in zip(page.locator(".dc-layer").all(), maps.values(), strict=True):
        shown = row.locator("canvas").evaluate_all(
            """all => all.map(c => Array.from(c.getContext("2d").getImageData(
                0, 0, c.width, c.height).data.filter((_, k) => k % 4 === 0)))"""
        )
        assert len(shown) == MAPS_SHOWN
        ink = 255 - np.reshape(shown, (MAPS_SHOWN, *values.shape[:2]))
        expected = 255 * np.moveaxis(values, -1, 0)[:MAPS_SHOWN] / values.max()
        np.testing.assert_allclose(ink, expected, atol=1)


def test_what_makes_it_harder_is_what_corruptions_do(page):
    """Shift, turn and noise of the page are those of utils.corruptions."""
    image = to_mnist(strokes.draw(strokes.DIGITS[5], SIDE))[None]
    damage = """([image, settings]) =>
        Array.from(damaged(Float32Array.from(image), settings))"""

    def damaged(**settings):
        values = page.evaluate(damage, [image.ravel().tolist(), settings])
        return np.array(values).reshape(1, 28, 28)

    for degrees in (5, 45, 90):  # some seeds turn to the left, some to the right
        ways = [corruptions.rotate(image, degrees, seed=seed) for seed in range(8)]
        for turn in (degrees, -degrees):
            apart = [np.abs(damaged(turn=turn) - way).max() for way in ways]
            assert 1e-5 > min(apart) < max(apart)
    assert damaged(turn=45)[0, :14, 14:].sum() != damaged(turn=-45)[0, :14, 14:].sum()
    expected = np.pad(image, ((0, 0), (0, 3), (2, 0)))[:, 3:, :28]
    np.testing.assert_allclose(damaged(right=2, down=-3), expected, atol=1e-6)
    expected = corruptions.noise(image, 0.4)
    np.testing.assert_allclose(damaged(noise=0.4), expected, atol=1e-5)


def status(page):
    return page.locator(".dc-status").inner_text()


def test_digits_drawn_with_the_mouse_are_read_while_they_are_drawn(page):
    canvas = page.locator(".digit-canvas")
    right = []
    for digit, drawing in enumerate(strokes.DIGITS):
        before = int(canvas.get_attribute("data-answers"))
        browser.draw(page, canvas, drawing, wait=False)
        assert int(canvas.get_attribute("data-answers")) > before + 2
        right.append(f"CNN reads {digit} " in status(page))
        page.get_by_role("button", name="Clear").click()
        assert status(page) == "Nothing drawn yet."
    assert sum(right) >= 9, right


def test_both_answers_move_along_with_every_slider(page):
    page.get_by_role("button", name="Draw a 7 for me").click()

    def bars():
        return page.locator(".dc-fill").evaluate_all(
            "all => all.map(b => b.style.width)"
        )

    for name in ("Pen", "Shift right", "Shift down", "Turn", "Noise"):
        page.get_by_role("button", name="Reset").click()
        before = bars()
        page.get_by_role("slider", name=name).press("End")
        after = bars()
        assert len(after) == 20
        assert before[:10] != after[:10] and before[10:] != after[10:], name


def test_what_is_covered_is_paper_for_the_networks(page):
    page.get_by_role("button", name="Draw a 7 for me").click()
    whole = page.evaluate("page.look().reduce((a, b) => a + b)")
    box = page.locator(".dc-small").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 140)
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 140)  # at once: no gaps
    page.mouse.up()
    image = np.array(page.evaluate("Array.from(page.look())")).reshape(28, 28)
    assert image.sum() < whole and (image[12:15, 6:22] == 0).all()
    page.get_by_role("button", name="Uncover").click()
    assert page.evaluate("page.look().reduce((a, b) => a + b)") == whole


def test_the_keys_are_enough(page):
    browser.draw_a_one_with_keys(page, page.locator(".dc-paper"))
    assert "CNN reads 1 " in status(page)
    page.keyboard.press("Space")
    assert page.locator(".dc-said").inner_text() == "Pen up."
    page.keyboard.press("ArrowRight")  # moves, and draws no more
    assert "CNN reads 1 " in status(page)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.ariaLabel ?? ''").split(":")[0]
        )
    assert {
        "Undo",
        "Clear the canvas",
        "Uncover",
        "Reset",
        "Draw a 9 for me",
    } <= reached
    page.locator(".dc-small").focus()
    page.keyboard.press("Space")
    assert page.evaluate("page.covered.reduce((a, b) => a + b)") == 9
    page.keyboard.press("Backspace")
    assert page.evaluate("page.covered.reduce((a, b) => a + b)") == 0
    page.locator(".dc-paper").press("Control+z")
    assert status(page) == "Nothing drawn yet."
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Shift+Tab")  # the focus on the paper shows
    page.keyboard.press("Space")
    page.get_by_role("button", name="Clear").click()  # it has not moved meanwhile
    assert status(page) == "Nothing drawn yet."


def test_a_hair_line_in_a_corner_is_read_as_well_as_a_thick_one_in_the_middle(
    page, models
):
    right = {}
    for name, pen, options in (
        ("thick", 12, {"size": 0.8}),
        ("hair line", 1, {"size": 0.3, "place": (0.25, 0.25)}),
    ):
        made = hands.drawings(100, seed=3, **options)
        drawings = [{"strokes": drawing, "pen": pen} for _, drawing in made]
        _, seen = drawn(page, drawings)
        digits = np.array([digit for digit, _ in made])
        read = probabilities(models, seen).argmax(axis=-1)
        right[name] = (read == digits[:, None]).sum(axis=0)
    assert (right["thick"] >= 90).all(), right
    assert (right["hair line"] >= right["thick"] - 3).all(), right


@pytest.mark.parametrize("width", [320, 390])
def test_a_finger_draws_on_a_telephone_and_the_page_stays_where_it_is(opened, width):
    telephone = {"viewport": {"width": width, "height": 568}, "has_touch": True}
    with another(opened, **telephone) as page:
        browser.wait_for_answer(page)
        box = page.locator(".dc-paper").bounding_box()
        finger = page.context.new_cdp_session(page)

        def touch(kind, *points):
            points = [{"x": float(x), "y": float(y)} for x, y in points]
            event = {"type": kind, "touchPoints": points}
            finger.send("Input.dispatchTouchEvent", event)

        path = strokes.path(strokes.DIGITS[2][0], steps=5) * box["width"]
        path += (box["x"], box["y"])
        touch("touchStart", path[0])
        for point in path[1:]:
            touch("touchMove", point)
        touch("touchEnd")
        assert "CNN reads 2 " in status(page)
        assert page.evaluate("[scrollX, scrollY]") == [0, 0]
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["width"] == box["height"] >= 240
        for one in page.get_by_role("button").all():  # each has room for a finger
            size = one.bounding_box()
            assert min(size["width"], size["height"]) >= 24, one.inner_text()

        def tap(one, share=0.5):
            """Tap an element, from its left by a share of its width."""
            one.scroll_into_view_if_needed()
            size = one.bounding_box()
            one.tap(position={"x": share * size["width"], "y": size["height"] / 2})

        # So fast a stroke is a fling to the browser, and the next tap only ends it.
        page.reload()
        browser.wait_for_answer(page)
        said = page.locator(".dc-status")
        tap(page.get_by_role("button", name="Draw a 9 for me"))
        said.filter(has_text="CNN reads 9 ").wait_for()
        tap(page.get_by_role("button", name="Clear"))
        said.filter(has_text="Nothing drawn yet.").wait_for()
        tap(page.get_by_role("button", name="Draw a 9 for me"))
        said.filter(has_text="CNN reads 9 ").wait_for()
        before = status(page)
        tap(page.get_by_role("slider", name="Turn"), share=0.95)
        page.wait_for_function("page.settings.turn !== 0")
        assert status(page) != before


TOUCH = """events => {
    const paper = document.querySelector(".dc-paper");
    const box = paper.getBoundingClientRect();
    paper.setPointerCapture = () => {};  // it wants real pointers
    for (const [name, pointerId, pointerType, x, y] of events) {
        paper.dispatchEvent(new PointerEvent(name, {
            pointerId, pointerType, bubbles: true,
            clientX: box.left + x * box.width, clientY: box.top + y * box.height,
        }));
    }
    delete paper.setPointerCapture;
}"""


def test_a_hand_that_lies_on_the_paper_draws_nothing(page):
    """The system takes its stroke back; where it does not, the pen comes first."""

    def touched(*events):
        page.evaluate(TOUCH, events)
        return page.evaluate("page.pad.bytes().reduce((a, b) => a + b)")

    palm = ("pointerdown", 1, "touch", 0.9, 0.9)
    assert touched(palm) > 0
    assert touched(("pointercancel", 1, "touch", 0.9, 0.9)) == 0
    line = [("pointermove", 2, "pen", 0.5, y / 10) for y in range(1, 10)]
    pen = [
        ("pointerdown", 2, "pen", 0.5, 0.1),
        *line,
        ("pointerup", 2, "pen", 0.5, 0.9),
    ]
    alone = touched(*pen)
    page.get_by_role("button", name="Clear").click()
    ink = touched(palm, *pen, ("pointerup", 1, "touch", 0.9, 0.9))
    assert ink == alone > 0
    assert "CNN reads 1 " in status(page)
    page.get_by_role("button", name="Undo").click()
    assert status(page) == "Nothing drawn yet."
    finger = ("pointerdown", 3, "touch", 0.1, 0.1)
    assert touched(palm, finger) == touched()  # a second finger is still none


def test_what_lifts_the_keyboards_pen_is_said(page):
    said = page.locator(".dc-said")
    paper = page.locator(".dc-paper")
    for how in ("Backspace", "Delete", "Tab"):
        paper.focus()
        page.keyboard.press("Space")
        assert said.inner_text() == "Pen down."
        page.keyboard.press(how)
        assert said.inner_text() == "Pen up.", how


def test_undo_does_not_mind_caps_lock(page):
    page.get_by_role("button", name="Draw a 7 for me").click()
    page.locator(".dc-paper").dispatch_event("keydown", {"key": "Z", "ctrlKey": True})
    assert status(page) == "Nothing drawn yet."


def test_sliders_are_where_the_networks_have_them_on_the_way_back(opened):
    with another(opened) as page:
        for name in ("Pen", "Turn", "Noise"):
            page.get_by_role("slider", name=name).press("End")
        page.goto("data:text/html,elsewhere")
        page.go_back()
        browser.wait_for_answer(page)
        places = "[...document.querySelectorAll('input')].map(i => Number(i.value))"
        assert page.evaluate(places) == [12, 0, 0, 0, 0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_system_is(opened, scheme):
    with another(opened, color_scheme=scheme) as page:
        ink, paper = page.evaluate(
            """["color", "backgroundColor"].map(which => Number(getComputedStyle(
                document.querySelector(".dc-status"))[which].match(/\\d+/)[0]))"""
        )
    assert (ink < 100 < 200 < paper) if scheme == "light" else (paper < 60 < 200 < ink)


def test_no_errors_and_no_request_but_for_its_own_files(opened):
    assert opened.errors == []
    assert opened.elsewhere == []


class ServesAsUtf8(http.server.SimpleHTTPRequestHandler):
    """A server that says of all that it sends that it is UTF-8, as many do."""

    extensions_map: ClassVar = {
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
    }

    def log_message(self, *_):
        pass


def test_a_server_that_takes_the_weights_for_utf_8_does_no_harm(opened, folder):
    handler = functools.partial(ServesAsUtf8, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/draw/index.html"
    image = load_mnist("sample").x_test[:1].astype(np.float32) / 255
    try:
        served = opened.context.browser.new_page()
        served.goto(address)
        browser.wait_for_answer(served)
        assert np.array_equal(answers(served, image), answers(opened, image))
    finally:
        server.shutdown()
        server.server_close()


# --- how it is made ------------------------------------------------------------------


def test_a_runtime_that_was_changed_is_not_shipped(tmp_path, monkeypatch):
    here = tmp_path / "draw_page"
    shutil.copytree(draw_page.HERE, here)
    with (here / "runtime" / draw_page.RUNTIME).open("a") as file:
        file.write(" ")
    monkeypatch.setattr(draw_page, "HERE", here)
    with pytest.raises(RuntimeError, match="git checkout"):
        draw_page.write(tmp_path / "book")


def test_every_known_layer_computes_what_keras_computes(page):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(6, (5, 3), strides=2, activation="relu"),
            layers.BatchNormalization(epsilon=0.01),
            layers.AveragePooling2D((2, 3), strides=1, padding="same"),
            layers.Conv2D(4, 3, padding="same", dilation_rate=2, use_bias=False),
            layers.ReLU(),
            layers.MaxPooling2D(2, strides=(1, 2), padding="valid"),
            layers.Flatten(),
            layers.Dense(64, use_bias=False),
            layers.Activation("relu"),
            layers.Reshape((4, 4, 4)),
            layers.Conv2D(20, 2, padding="valid"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert {type(layer).__name__ for layer in model.layers} == KNOWN.keys()
    rng = np.random.default_rng(0)
    for variable in model.variables:  # biases, means and variances are all 0 or 1 yet
        if len(variable.shape) == 1 and variable.dtype.startswith("float"):
            variable.assign(variable + rng.uniform(0.1, 0.6, variable.shape))
    strength = np.float32([[[0]], [[1]], [[3]], [[9]]])
    images = strength * rng.random((4, 28, 28), dtype=np.float32)
    read = """([network, images]) => images.map(image =>
        loaded(network)(Float32Array.from(image)).probabilities)"""
    network = json.loads(json.dumps(for_the_page(model)))
    answers = page.evaluate(read, [network, images.reshape(4, -1).tolist()])
    expected = model.predict(images, verbose=0)
    assert np.ptp(expected, axis=0).max() > 0.05, expected
    np.testing.assert_allclose(answers, expected, atol=PROBABILITY)


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        (("LSTM", 4), "odd is a LSTM"),
        (("Dense", 4, "tanh"), "odd has activation='tanh'"),
        (("ReLU", 6), "odd has max_value=6"),
    ],
)
def test_a_layer_that_the_page_cannot_compute_is_named(layer, complaint):
    import keras

    kind, *options = layer
    odd = getattr(keras.layers, kind)(*options, name="odd")
    with pytest.raises(ValueError, match=complaint):
        for_the_page(keras.Sequential([keras.Input((28, 28)), odd]))
