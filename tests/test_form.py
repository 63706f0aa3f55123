"""A page to print, filled in and photographed: labels from the page, truth known."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from utils import handwriting
from utils.data import load_mnist
from utils.handwriting import HandwritingError, filled_pages, form, no_digits, photos
from utils.runs import REFERENCE_DIR, load_run

SCALE = 8  # pixels per millimetre of the page that is filled in
EMPTY = range(0, 100, 17)  # boxes in which nobody wrote
SLOW = pytest.mark.slow
LYING = {
    "plain": (photos.PLAIN, {}),
    "moderate": (replace(photos.MODERATE, rotation=10), {}),
    "sideways": (replace(photos.PLAIN, turns=1, rotation=5), {}),
    "upside down": (replace(photos.PLAIN, turns=2, rotation=5), {}),
    "leaning": (replace(photos.PLAIN, rotation=30), {"lean": 0.15}),
    "bent up": (photos.PLAIN, {"bend": 0.02}),
    "bent down": (photos.PLAIN, {"bend": -0.02}),
    "from afar": (replace(photos.PLAIN, rotation=5), {"side": 1000}),
}


@pytest.fixture(scope="session")
def empty_page(tmp_path_factory):
    """The printed page and its boxes, in pixels."""
    path = form.save_form(tmp_path_factory.mktemp("form") / "page.png")
    with Image.open(path) as image:
        size = 210 * SCALE, 297 * SCALE
        page = np.asarray(image.convert("L").resize(size, Image.Resampling.BOX))
    margin = [(297 - form.HEIGHT) / 2] * 2 + [(210 - form.WIDTH) / 2] * 2
    return page, np.round(SCALE * (form.form_boxes() + margin)).astype(int)


@pytest.fixture(scope="session")
def cnn():
    return load_run("cnn", False, REFERENCE_DIR).load_model()


def read_by(model, images):
    x = np.asarray(images, np.float32).reshape(-1, 28, 28, 1) / 255
    return model.predict(x, verbose=0).argmax(axis=1)


@pytest.fixture(scope="session")
def written(empty_page, cnn):
    """A filled page, what was meant in each box, and the digits."""
    sample = load_mnist("sample")
    images, labels = sample.x_test, sample.y_test
    # One that the CNN itself misreads would tell nothing about the page.
    easy = read_by(cnn, images) == labels
    chosen = [np.flatnonzero(easy & (labels == k))[:10] for k in range(10)]
    digits = list(images[np.concatenate(chosen)])
    for k in EMPTY:
        digits[k] = None
    page, boxes = empty_page
    truth = [k // 10 for k in range(100) if k not in EMPTY]
    return filled_pages.fill(page, boxes, digits, seed=1), truth, digits


@pytest.mark.parametrize(
    "lying",
    [name if name == "plain" else pytest.param(name, marks=SLOW) for name in LYING],
)
def test_labels_come_from_the_page_however_it_lies(lying, written, cnn):
    page, truth, _ = written
    conditions, options = LYING[lying]
    raw = filled_pages.photograph_page(page, conditions, seed=3, **options)
    found = form.read_form(raw)
    assert found.labels.tolist() == truth
    assert found.images.shape == (len(truth), 28, 28)
    assert found.images.dtype == np.uint8
    # A box mistaken for its neighbour below would be wrong in all of a row.
    assert (read_by(cnn, found.images) == truth).mean() >= 0.92


def test_the_page_is_returned_as_if_scanned(written):
    raw = filled_pages.photograph_page(written[0], photos.PLAIN, seed=5)
    found = form.read_form(raw)
    assert found.page.shape == (form.SCALE * form.HEIGHT, form.SCALE * form.WIDTH)
    for (x, y), (top, bottom, left, right) in zip(
        form.MARKS, found.boxes, strict=False
    ):
        column, row = form.SCALE * x, form.SCALE * y
        assert found.page[row, column] < 0.4  # a mark's middle is black
        assert 0 < top < bottom < found.page.shape[0]
        assert 0 < left < right < found.page.shape[1]


def test_an_empty_page_and_one_without_its_marks_are_refused(empty_page, written):
    raw = filled_pages.photograph_page(empty_page[0], photos.PLAIN, seed=1)
    with pytest.raises(HandwritingError, match="All boxes of the page are empty"):
        form.read_form(raw)
    covered = np.array(written[0])
    covered[-60 * SCALE :, -40 * SCALE :] = 255  # a thumb on a corner
    raw = filled_pages.photograph_page(covered, photos.PLAIN, seed=1)
    with pytest.raises(HandwritingError, match="4 of the page's five ring marks"):
        form.read_form(raw)


def test_other_pictures_are_no_page(written):
    raw = photos.photograph(np.stack(written[2][1:7]), seed=0)
    with pytest.raises(HandwritingError, match="ring marks"):
        form.read_form(raw)


def test_a_stroke_over_the_line_stays_with_its_digit(empty_page):
    page, boxes = (np.array(part) for part in empty_page)
    canvas = Image.fromarray(page)
    pen = ImageDraw.Draw(canvas)
    (top, bottom, left, right), (_, _, other, end) = boxes[40], boxes[41]
    middle = (top + bottom) // 2
    # Box 40: a bar that reaches 2 mm over its right line. Box 41: a stroke down.
    pen.line([(left + 40, middle), (right + 2 * SCALE, middle)], 30, 10)
    pen.line(
        [((other + end) // 2, top + 20), ((other + end) // 2, bottom - 20)], 30, 10
    )
    raw = filled_pages.photograph_page(np.asarray(canvas), photos.SCAN, seed=2)
    found = form.read_form(raw)
    assert found.labels.tolist() == [4, 4]
    across, down = found.images > 128
    assert np.ptp(np.flatnonzero(across.any(axis=0))) > 15
    assert np.ptp(np.flatnonzero(across.any(axis=1))) < 6
    assert np.ptp(np.flatnonzero(down.any(axis=0))) < 6


@pytest.mark.parametrize("paper", form.PAPERS)
def test_the_page_is_printed_as_pdf_and_png(paper, tmp_path):
    pdf = form.save_form(tmp_path / "page.pdf", paper)
    assert pdf.read_bytes()[:5] == b"%PDF-" and pdf.stat().st_size < 100_000
    with Image.open(form.save_form(tmp_path / "page.png", paper)) as image:
        width, height = (round(side / 300 * 25.4) for side in image.size)
    assert (width, height) == form.PAPERS[paper]
    assert width >= form.WIDTH and height >= form.HEIGHT


def test_generators_and_reader_share_no_code():
    generators = {"photos", "filled_pages", "no_digits"}
    folder = Path(handwriting.__file__).parent
    for file in folder.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {
            node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
        }
        own = {name.rpartition(".")[2] for name in imported if "utils" in name}
        if file.stem in generators:
            assert own <= generators, file
        else:
            assert not own & generators, file


def test_what_is_no_digit_is_drawn_in_three_kinds():
    drawn = no_digits.no_digits(6, seed=1)
    assert drawn.shape == (6, 112, 112) and drawn.dtype == np.uint8
    assert (drawn.reshape(6, -1).max(axis=1) == 255).all()
    assert (drawn == no_digits.no_digits(6, seed=1)).all()
    shares = (drawn > 128).mean(axis=(1, 2))
    assert (shares > 0.01).all() and (shares < 0.4).all()


def test_the_page_looks_the_same_in_a_dark_style(empty_page, tmp_path):
    import matplotlib.pyplot as plt

    with plt.style.context("dark_background"):
        form.save_form(tmp_path / "dark.png")
    form.save_form(tmp_path / "light.png")
    dark, light = (Image.open(tmp_path / f"{k}.png") for k in ("dark", "light"))
    np.testing.assert_array_equal(np.asarray(dark), np.asarray(light))


def test_another_kind_of_file_or_paper_is_named(tmp_path, monkeypatch):
    for name in ("digits", "digits.docx"):
        with pytest.raises(ValueError, match=r"must end in \.pdf or \.png"):
            form.save_form(tmp_path / name)
    with pytest.raises(ValueError, match=r"paper is 'A3'.*A4 or letter"):
        form.save_form(tmp_path / "digits.png", "A3")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    saved = form.save_form("~/mine.PDF", "Letter")
    assert saved == tmp_path / "mine.PDF" and saved.exists()
    assert list(tmp_path.iterdir()) == [saved]


def test_rings_that_lie_elsewhere_are_not_counted_as_missing(written):
    mirrored = np.asarray(written[0])[:, ::-1]
    raw = filled_pages.photograph_page(mirrored, photos.PLAIN, seed=1)
    with pytest.raises(HandwritingError, match=r"not where the page has its five"):
        form.read_form(raw)
