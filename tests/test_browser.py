"""The lab in a real JupyterLab and browser: draw with the mouse, read the page.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

import os
import textwrap

import pytest

from benchmarks import canvas as bench
from tools import browser
from utils.canvas import strokes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.maintainers,
    pytest.mark.skipif(browser.why_not() is not None, reason=str(browser.why_not())),
]


@pytest.fixture(scope="module")
def server():
    with browser.jupyter() as url:
        yield url


@pytest.fixture(scope="module")
def lab(server):
    """The lab, executed as far as its canvas: (page, canvas)."""
    with browser.page_of(server, f"lab/tree/{browser.LAB}") as page:
        yield page, browser.run_to_canvas(page)


@pytest.fixture
def empty(lab):
    """The same with an empty canvas."""
    page, canvas = lab
    browser.show_canvas(page)
    canvas.locator(".dc-clear").click()
    browser.wait_for_answer(page)
    return page, canvas


def dark_pixels(canvas):
    return canvas.locator(".dc-paper").evaluate(
        """paper => paper.getContext("2d").getImageData(0, 0, paper.width, paper.height)
            .data.reduce((n, value, k) => n + (k % 4 === 0 && value < 128), 0)"""
    )


def test_digits_drawn_with_the_mouse_are_read(empty):
    page, canvas = empty
    right = []
    for digit, drawing in enumerate(strokes.DIGITS):
        browser.draw(page, canvas, drawing)
        status = canvas.locator(".dc-status").inner_text()
        right.append(f"CNN reads {digit} " in status)
        best = canvas.locator(".dc-model", has_text="CNN").locator(".dc-best .dc-digit")
        assert (best.inner_text() == str(digit)) == right[-1]
        canvas.locator(".dc-clear").click()
        browser.wait_for_answer(page)
    assert sum(right) >= 8, right


def test_the_small_image_and_ten_bars_of_both_are_shown(empty):
    page, canvas = empty
    browser.draw(page, canvas, strokes.DIGITS[3])
    small = canvas.locator(".dc-small")
    assert small.evaluate("c => [c.width, c.height]") == [28, 28]
    for name in ("ANN", "CNN"):
        shares = canvas.locator(".dc-model", has_text=name).locator(".dc-share")
        values = [float(text.removesuffix(" %")) for text in shares.all_inner_texts()]
        assert len(values) == 10 and sum(values) == pytest.approx(100, abs=0.6)


def test_clear_works_by_mouse_and_by_key(empty):
    page, canvas = empty
    for press in ("mouse", "Enter", "Space"):
        browser.draw(page, canvas, strokes.DIGITS[8])
        assert dark_pixels(canvas) > 1000
        clear = canvas.locator(".dc-clear")
        if press == "mouse":
            clear.click()
        else:
            clear.focus()
            page.keyboard.press(press)
        browser.wait_for_answer(page)
        assert dark_pixels(canvas) == 0
        assert canvas.locator(".dc-status").inner_text() == "Nothing drawn yet."
        assert canvas.locator(".dc-best").count() == 0


def test_everything_has_a_name_for_who_cannot_see_it(empty):
    _, canvas = empty
    assert canvas.get_by_role("button", name="Clear the canvas").count() == 1
    assert canvas.get_by_role("button", name="Undo").count() == 1
    assert canvas.get_by_role("application", name="Canvas: draw one digit").count() == 1
    assert canvas.get_by_role("slider", name="Pen").count() == 1
    assert canvas.get_by_role("status").count() == 1
    assert canvas.get_by_role("checkbox", name="feature maps of the CNN").count() == 1


def test_feature_maps_come_and_go(empty):
    page, canvas = empty
    browser.draw(page, canvas, strokes.DIGITS[5])
    wish = canvas.get_by_role("checkbox")
    wish.check()
    canvas.locator(".dc-map").first.wait_for()
    assert canvas.locator(".dc-layer").count() >= 2
    wish.uncheck()
    browser.wait_for_answer(page)
    assert canvas.locator(".dc-map").count() == 0


def test_a_finger_and_a_pen_draw_too(empty):
    page, canvas = empty
    for kind in ("touch", "pen"):
        canvas.locator(".dc-paper").evaluate(
            """(paper, kind) => {
                const box = paper.getBoundingClientRect();
                paper.setPointerCapture = () => {};  // it wants real pointers
                const send = (name, y) => paper.dispatchEvent(new PointerEvent(name, {
                    pointerId: 77, pointerType: kind, isPrimary: true, bubbles: true,
                    clientX: box.left + box.width / 2,
                    clientY: box.top + y * box.height,
                }));
                send("pointerdown", 0.1);
                for (let y = 0.1; y < 0.9; y += 0.05) send("pointermove", y);
                send("pointerup", 0.9);
                delete paper.setPointerCapture;
            }""",
            kind,
        )
        browser.wait_for_answer(page)
        assert "CNN reads 1 " in canvas.locator(".dc-status").inner_text()
        canvas.locator(".dc-clear").click()
        browser.wait_for_answer(page)


def test_the_benchmark_measures_latency_and_memory(empty):
    page, canvas = empty
    latencies = bench.draw_strokes(page, canvas, 11, seed=0)
    assert len(latencies) == 11 and all(0 < ms < 300_000 for ms in latencies)
    assert dark_pixels(canvas) > 0  # cleared after the tenth, drawn on after that
    heap = bench.page_memory(page.context.new_cdp_session(page))
    assert 1e6 < heap < 1e9
    assert 5e7 < bench.kernel_memory() < 1e10


def test_undo_takes_one_stroke_after_the_other_back(empty):
    page, canvas = empty
    four = strokes.DIGITS[4]
    browser.draw(page, canvas, four[:1])
    one_stroke = dark_pixels(canvas)
    browser.draw(page, canvas, four[1:])
    both_strokes = dark_pixels(canvas)
    undo = canvas.get_by_role("button", name="Undo")
    undo.click()
    assert dark_pixels(canvas) == one_stroke > 0
    page.keyboard.press("Control+z")  # the button has the focus, the pad listens
    assert dark_pixels(canvas) == 0
    browser.draw(page, canvas, four)
    canvas.locator(".dc-clear").click()
    undo.click()  # what was cleared by mistake is there again
    browser.wait_for_answer(page)
    assert dark_pixels(canvas) == both_strokes
    assert "CNN reads 4 " in canvas.locator(".dc-status").inner_text()


def test_the_keys_draw_and_the_notebook_does_not_take_them(empty):
    page, canvas = empty
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    browser.draw_a_one_with_keys(page, canvas.locator(".dc-paper"))
    page.keyboard.press("Space")
    browser.wait_for_answer(page)
    assert "CNN reads 1 " in canvas.locator(".dc-status").inner_text()
    page.keyboard.press("ArrowLeft")  # the pen is up: nothing is drawn
    page.keyboard.press("Backspace")
    assert dark_pixels(canvas) == 0
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells


def execute(page, code):
    """Run code in the notebook's kernel as a cell that nobody waits for."""
    page.evaluate(
        """code => void jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({code})""",
        textwrap.dedent(code),
    )


def test_a_drawing_is_answered_while_another_cell_runs(empty, tmp_path):
    """JupyterLab sends it to a thread of its own in the kernel."""
    page, canvas = empty
    done = tmp_path / "done"
    code = f"""
        import pathlib, time
        while not pathlib.Path({str(done)!r}).exists():
            time.sleep(0.1)
    """
    execute(page, code)
    browser.draw(page, canvas, strokes.DIGITS[3])
    assert "CNN reads 3 " in canvas.locator(".dc-status").inner_text()
    done.touch()


def test_a_busy_kernel_is_said_to_be_busy_and_answers_when_it_is_done(empty, tmp_path):
    page, canvas = empty
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "pipe", "r+b", buffering=0) as pipe:
        # What keeps Python's lock to itself, as long computations in C do.
        code = f"""
            import ctypes
            pipe = open({str(tmp_path / "pipe")!r}, "rb", buffering=0)
            ctypes.PyDLL(None).read(pipe.fileno(), ctypes.create_string_buffer(1), 1)
        """
        execute(page, code)
        browser.draw(page, canvas, strokes.DIGITS[3], wait=False)
        canvas.locator(".dc-status", has_text="The kernel is busy.").wait_for()
        pipe.write(b"!")
    canvas.locator(".dc-status", has_text="CNN reads 3 ").wait_for()


# These two come last: one looks back at what the others did, one restarts the kernel.


def test_no_errors_on_the_console_and_no_request_leaves_the_machine(lab):
    page, _ = lab
    assert page.errors == []
    assert page.elsewhere == []


def test_a_kernel_restart_while_drawing_leaves_a_usable_page(empty):
    page, canvas = empty
    box = canvas.locator(".dc-paper").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 90, steps=5)
    browser.restart(page)
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=20)
    page.mouse.up()
    assert dark_pixels(canvas) > 1000  # the stroke was drawn to its end
    canvas.locator(".dc-status", has_text="The kernel was restarted").wait_for()
    canvas.locator(".dc-clear").click()
    assert dark_pixels(canvas) == 0
    browser.draw(page, canvas, strokes.DIGITS[1], wait=False)
    assert dark_pixels(canvas) > 1000
    canvas = browser.run_to_canvas(page)
    browser.draw(page, canvas, strokes.DIGITS[2])
    assert "CNN reads 2 " in canvas.locator(".dc-status").inner_text()
    assert page.elsewhere == []
