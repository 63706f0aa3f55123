"""The kernel's side of the canvas: its answers, and what it shows without a page."""

import gc
import json
import tracemalloc

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from utils.canvas import SIDE, STILL, Canvas, Reader, strokes
from utils.handwriting import to_mnist
from utils.runs import REFERENCE_DIR, load_run

WIDGET = "application/vnd.jupyter.widget-view+json"
SEVEN = strokes.draw(strokes.DIGITS[7], SIDE)
SEVEN_BYTES = np.round(255 * to_mnist(SEVEN)).astype(np.uint8)


@pytest.fixture(scope="module")
def reader():
    names = {"ANN": "ann", "CNN": "cnn"}
    shipped = {"announce": False, "folder": REFERENCE_DIR}
    return Reader({k: load_run(n, **shipped).load_model() for k, n in names.items()})


@pytest.fixture
def canvas(reader):
    """A canvas whose messages are kept in canvas.sent."""
    canvas = Canvas(reader)
    canvas.sent = []
    canvas.send = lambda content, buffers=None: canvas.sent.append((content, buffers))
    return canvas


def ask(canvas, ink, **content):
    message = {"id": "view-1", "maps": False, **content}
    raw = np.round(255 * ink).astype(np.uint8).tobytes()
    canvas._handle_custom_msg(message, [memoryview(raw)])
    return canvas.sent[-1]


@pytest.mark.parametrize("digit", range(10))
def test_drawn_digits_are_read(reader, digit):
    image = to_mnist(strokes.draw(strokes.DIGITS[digit], SIDE, pen=0.085))
    assert reader.answers(image) == f"ANN {digit}, CNN {digit}"


def test_the_reader_is_the_models(reader):
    image = to_mnist(SEVEN)
    for name, prob in reader.read(image).items():
        run = load_run(name.lower(), announce=False, folder=REFERENCE_DIR)
        model = run.load_model()
        expected = model.predict(image.reshape(1, *model.input_shape[1:]), verbose=0)[0]
        np.testing.assert_allclose(prob, expected, atol=1e-5)


def test_a_drawing_is_answered_with_image_and_probabilities(canvas, reader):
    answer, images = ask(canvas, SEVEN)
    json.dumps(answer)
    assert answer["id"] == "view-1"
    assert list(answer["read"]) == ["ANN", "CNN"]
    for probabilities in answer["read"].values():
        assert len(probabilities) == 10 and sum(probabilities) == pytest.approx(1)
        assert np.argmax(probabilities) == 7
    (image,) = images
    assert len(image) == 28 * 28
    shown = np.frombuffer(image, np.uint8).reshape(28, 28) / 255
    np.testing.assert_allclose(shown, canvas.image, atol=0.003)


def test_feature_maps_come_when_asked_for(canvas, reader):
    answer, images = ask(canvas, SEVEN, maps=True)
    maps = reader.feature_maps(canvas.image)
    assert len(answer["maps"]) == len(maps) == len(images) - 1 >= 2
    for said, sent, (name, values) in zip(
        answer["maps"], images[1:], maps.items(), strict=True
    ):
        assert said["name"] == name and tuple(said["shape"]) == values.shape
        assert len(sent) == values.shape[0] * values.shape[1] * 16


def test_an_empty_canvas_is_said_to_be_empty(canvas):
    ask(canvas, SEVEN)
    answer, images = ask(canvas, np.zeros((SIDE, SIDE)))
    assert answer == {"id": "view-1", "empty": True} and images == []
    assert canvas.image is None


@pytest.mark.parametrize("buffers", [[], [memoryview(b"too short")]])
def test_what_cannot_be_read_is_said_on_the_page(canvas, buffers):
    canvas._handle_custom_msg({"id": "view-1"}, buffers)
    answer, images = canvas.sent[-1]
    assert answer["id"] == "view-1" and "Error" in answer["problem"] and images == []


@pytest.mark.parametrize("content", [None, [], "x", 7])
def test_what_is_no_message_is_answered_too(canvas, content):
    canvas._handle_custom_msg(content, [])
    answer, images = canvas.sent[-1]
    assert "Error" in answer["problem"] and images == []


def test_without_a_page_there_is_a_still_picture_and_a_sentence(canvas):
    data, metadata = canvas._repr_mimebundle_()
    assert set(data) == {WIDGET, "image/png", "text/plain"}
    assert data["text/plain"] == STILL
    assert metadata["image/png"]["alt"].startswith(STILL)


@pytest.mark.slow
def test_a_notebook_without_a_page_goes_on(tmp_path):
    cells = [
        "import sys; sys.path.insert(0, '.')",
        "from utils.canvas import Canvas, Reader",
        "canvas = Canvas(Reader({}))  # nobody draws: it needs no network\ncanvas",
        "print(canvas.image)",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=list(map(nbformat.v4.new_code_cell, cells))
    )
    resources = {"metadata": {"path": str(REFERENCE_DIR.parent)}}
    NotebookClient(notebook, resources=resources, kernel_name="python3").execute()
    shown = notebook.cells[2].outputs[-1].data
    assert "image/png" in shown and shown["text/plain"] == STILL
    assert notebook.cells[3].outputs[0].text == "None\n"


def test_page_and_kernel_agree_on_the_size_and_nothing_is_fetched(canvas):
    assert f"const SIDE = {SIDE};" in canvas._esm
    for source in (canvas._esm, canvas._css):
        for trace in ("http:", "https:", "//cdn", "import ", "@import", "fetch("):
            assert trace not in source


@pytest.mark.slow
def test_a_thousand_drawings_leave_nothing_behind(canvas):
    def memory_after(drawings):
        for _ in range(drawings):
            ask(canvas, SEVEN)
            canvas.sent.clear()
        gc.collect()  # it empties Python's stores of used tuples, too
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    before = memory_after(300)  # caches fill once
    grown = memory_after(1000) - before
    tracemalloc.stop()
    assert grown < 50_000  # one image a drawing would be 784,000


@pytest.mark.parametrize("image", [SEVEN_BYTES, np.zeros((20, 20)), SEVEN_BYTES[None]])
def test_what_is_no_scaled_image_is_refused(reader, image):
    for ask_it in (reader.read, reader.feature_maps):
        with pytest.raises(ValueError, match=r"from 0 = paper to 1 = ink"):
            ask_it(image)
    scaled = SEVEN_BYTES[..., None] / 255  # with a channel
    assert reader.answers(scaled) == "ANN 7, CNN 7"


def test_a_digit_in_bytes_is_not_taken_for_ink():
    with pytest.raises(ValueError, match=r"lies in \[0, 255\].*divide bytes by 255"):
        to_mnist(SEVEN_BYTES)
