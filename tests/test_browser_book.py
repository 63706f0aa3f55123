"""The book in a real browser: from a folder, with a keyboard, narrow, dark, printed.

It needs Chromium and what requirements-dev.txt lists; where they are missing it is
skipped, and says so.
"""

import functools
import http.server
import threading
from pathlib import Path

import nbformat
import pytest

from tools import browser
from tools.pages import page_of
from utils.places import COURSE_DIR, NOTEBOOKS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.maintainers,
    pytest.mark.skipif(browser.why_not() is not None, reason=str(browser.why_not())),
]

WIDTHS = (390, 768, 1280, 1920)
FAULTS = ("serious", "critical")  # of axe-core's four degrees, what nobody should meet


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from tools.book.__main__ import make

    home = tmp_path_factory.mktemp("book")
    return make(home / "book", slides=home / "none").parent


@pytest.fixture(scope="module")
def opened(folder):
    """A browser's page at the book's first page, from the disk."""
    with browser.page_of(f"{folder.as_uri()}/", "index.html") as page:
        yield page


@pytest.fixture
def page(opened, folder):
    """The same, as at the start."""
    opened.emulate_media(color_scheme="light", media="screen")
    opened.evaluate("localStorage.clear()")
    opened.errors.clear()  # axe asks for style sheets in a way that a file may not
    opened.elsewhere.clear()
    visit(opened, folder, "index.html", 1280)
    return opened


def visit(page, folder, name, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{folder.as_uri()}/{name}")


def pages(folder):
    """Return the names of all pages, as of the folder."""
    found = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.html")
    )
    assert len(found) > 18
    return sorted(found)


def test_no_page_asks_the_network_complains_or_is_wider_than_its_window(page, folder):
    wide = []
    for name in pages(folder):
        visit(page, folder, name, WIDTHS[0])
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append((name, width))
    assert wide == []
    assert (page.errors, page.elsewhere) == ([], [])


ONE_OF_EACH_KIND = (
    "Comparison.html",
    "docs/glossary.html",
    "draw/index.html",
    "exercises/release/comparison/Comparison_Exercises.html",
    "index.html",
    "labs/Your_Handwriting.html",
)


# Code has thousands of tokens of some twenty kinds, in the same colours on all pages:
# the first of each kind is looked at, the others become plain text; that is quicker.
ONE_TOKEN_OF_A_KIND = """() => {
    const seen = new Set();
    for (const token of document.querySelectorAll("pre span")) {
        const place = token.closest(".highlight")?.parentElement.className;
        const kind = `${token.className} ${place}`;
        if (seen.has(kind)) token.replaceWith(token.textContent);
        seen.add(kind);
    }
    return seen.size;
}"""


def faults_of(page, folder, names, width):
    """Return what is hard or impossible for some to use: (page, fault, element)."""
    faults = []
    for name in names:
        visit(page, folder, name, width)
        faults += [(name, *fault) for fault in faults_here(page)]
    return faults


def faults_here(page):
    """Return the same of the page that is open: (fault, element)."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(ONE_TOKEN_OF_A_KIND)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response
    assert len(found["passes"]) > 10
    return [
        (fault["id"], fault["nodes"][0]["html"][:200])
        for fault in found["violations"]
        if fault["impact"] in FAULTS
    ]


def test_axe_finds_no_serious_fault_on_any_page(page, folder):
    assert faults_of(page, folder, pages(folder), 1280) == []


def test_axe_finds_none_either_where_it_is_dark_and_narrow(page, folder):
    page.emulate_media(color_scheme="dark")
    assert faults_of(page, folder, ONE_OF_EACH_KIND, 390) == []


def test_axe_sees_a_fault(page):
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate("document.querySelector('article img').removeAttribute('alt')")
    found = Axe().run(page).response["violations"]
    assert "image-alt" in {fault["id"] for fault in found if fault["impact"] in FAULTS}


def test_search_finds_a_word_and_shows_it(page):
    page.locator("input[name=q]").fill("stratify")
    page.keyboard.press("Enter")
    found = page.locator("#search-results .search li a")
    found.first.wait_for()
    page.locator("#search-results a[href*='ANN_Model.html']").first.click()
    page.locator("article .highlighted", has_text="stratify").first.wait_for()
    assert (page.errors, page.elsewhere) == ([], [])


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("stratify", "ANN_Model.html"),
        ("early stopping", "Overfitting.html"),
        ("VALIDATION loss", "ANN_Model.html"),
        ("McNemar's", "Comparison.html"),
    ],
)
def test_what_is_found_is_shown_with_the_words_around_it(page, words, place):
    page.locator("input[name=q]").fill(words)
    page.keyboard.press("Enter")
    page.locator("#search-results p.search-summary:not(:empty)").wait_for()
    found = page.locator("#search-results .search li")
    assert found.count() == page.locator("#search-results li p.context").count() > 0
    texts = page.locator("#search-results .search li p.context").all_inner_texts()
    assert all(20 < len(text) < 260 for text in texts)
    piece = found.filter(has=page.locator(f"a[href*='{place}']")).locator("p.context")
    first = words.replace("'", " ").split()[0].lower()
    assert first in piece.first.inner_text().lower()
    marked = piece.first.locator(".highlighted").all_inner_texts()
    assert first in " ".join(marked).lower()
    assert (page.errors, page.elsewhere) == ([], [])


def test_a_word_that_is_in_the_name_of_an_icon_is_marked_in_the_text(page):
    names = page.locator("svg title").evaluate_all("all => all.map(t => t.textContent)")
    assert "dark" in " ".join(names).lower()
    page.locator("input[name=q]").fill("dark")
    page.keyboard.press("Enter")
    page.locator("#search-results .search li a[href]").first.click()
    page.locator("article .highlighted", has_text="dark").first.wait_for()
    assert page.errors == []


def test_a_word_that_is_nowhere_is_not_found(page, folder):
    page.locator("input[name=q]").fill("zyzzyva")
    page.keyboard.press("Enter")
    page.locator("#search-results p.search-summary:not(:empty)").wait_for()
    assert page.locator("#search-results .search li").count() == 0
    said = page.locator("#search-results p.search-summary").inner_text()
    assert "Numbers and words like “the” are not in the index" in said


def test_a_click_leads_from_a_term_to_the_glossary_and_back(page, folder):
    visit(page, folder, "ANN_Model.html", 1280)
    page.locator("article a[href$='#term-epoch']").click()
    page.wait_for_url("**/docs/glossary.html#term-epoch")
    page.locator("#term-epoch + dd a").click()
    page.wait_for_url("**/ANN_Model.html#the-workbench")
    page.locator("#the-workbench").wait_for()  # a click only begins to open a page


def test_the_keyboard_alone_suffices_on_a_narrow_page(page, folder):
    visit(page, folder, "Comparison.html", 390)
    sidebar = page.locator(".sidebar-tree a", has_text="Glossary")
    assert not sidebar.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "__navigation"
    page.keyboard.press("Space")
    sidebar.wait_for(state="visible")
    page.keyboard.press("Escape")
    sidebar.wait_for(state="hidden")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "__toc"
    page.keyboard.press("Space")
    contents = page.locator(".toc-tree li li a").first
    contents.wait_for(state="visible")
    assert page.evaluate("document.activeElement.closest('.toc-tree') !== null")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    contents.wait_for(state="hidden")
    assert "#" in page.url


def tab_to(page, selector, most=150):
    """Press Tab until the focus is on something; fail if it never comes there."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("which => document.activeElement.matches(which)", selector):
            return
    raise AssertionError(f"{most} times Tab, and not at {selector}")


def test_a_visit_without_a_mouse(page, folder):
    """From the start to a notebook, to a question, to a word, to a digit drawn."""
    tab_to(page, "a[href='ANN_Model.html']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ANN_Model.html")
    tab_to(page, "article details:not(.hide) > summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("overfitting")
    page.keyboard.press("Enter")
    page.locator("#search-results p.search-summary:not(:empty)").wait_for()
    tab_to(page, "#search-results a")
    page.keyboard.press("Enter")
    page.locator("article .highlighted").first.wait_for()
    tab_to(page, "a[href$='draw/index.html']")
    page.keyboard.press("Enter")
    browser.wait_for_answer(page)
    tab_to(page, ".dc-paper")
    for key in (*["ArrowUp"] * 12, "Space", *["ArrowDown"] * 24):
        page.keyboard.press(key)
    before = page.locator(".dc-status").inner_text()
    assert "CNN reads 1 " in before
    tab_to(page, ".dc-harm input")
    page.keyboard.press("End")
    assert page.locator(".dc-status").inner_text() != before


# How many characters each line of prose has.
CHARACTERS = """() =>
    [...document.querySelectorAll("article :is(p, li)")].flatMap(element => {
        const lines = {};
        const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        while (!element.closest("table, details") && texts.nextNode()) {
            const range = document.createRange();
            for (let k = 0; k < texts.currentNode.length; k++) {
                range.setStart(texts.currentNode, k);
                range.setEnd(texts.currentNode, k + 1);
                const { bottom, width } = range.getBoundingClientRect();
                const line = Math.round(bottom / 12);
                if (width) lines[line] = (lines[line] ?? 0) + 1;
            }
        }
        return Object.values(lines);
    })"""


@pytest.mark.parametrize("width", [1200, 1280, 1920])
def test_the_contents_of_the_page_stand_beside_it(page, folder, width):
    visit(page, folder, "CNN_Model.html", width)
    contents, text = page.locator(".toc-tree"), page.locator("article")
    left, right = contents.bounding_box(), text.bounding_box()
    assert right["x"] + right["width"] <= left["x"]
    assert left["x"] + left["width"] <= width
    assert page.locator(".sidebar-tree").is_visible()
    contents.locator("a", has_text="Look inside").click()
    current = contents.locator(".scroll-current", has_text="Look inside")
    current.wait_for()
    assert 0 <= contents.bounding_box()["y"] < 900
    lengths = sorted(page.evaluate(CHARACTERS))
    assert len(lengths) > 100
    assert lengths[-len(lengths) // 50] <= 75 and lengths[-1] <= 80  # some are all i


@pytest.mark.parametrize("width", [390, 768])
def test_the_contents_of_a_narrow_page_are_in_a_drawer(page, folder, width):
    visit(page, folder, "CNN_Model.html", width)
    contents = page.locator(".toc-tree")
    assert not contents.is_visible()
    page.locator("label[for=__toc]:visible").click()
    contents.locator("a", has_text="Look inside").click()
    contents.wait_for(state="hidden")
    assert page.url.endswith("#look-inside")


def test_a_question_unfolds_by_key_and_all_are_open_on_paper(page, folder):
    visit(page, folder, "ANN_Model.html", 1280)
    question = page.locator("article details:not(.hide)").first
    question.locator("summary").focus()
    page.keyboard.press("Enter")
    assert question.evaluate("details => details.open")
    closed = "document.querySelectorAll('article details:not([open])').length"
    before = page.evaluate(closed)
    assert before > 15
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(closed) == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(closed) == before


def test_on_paper_no_line_of_code_is_cut_off_and_the_contents_are_gone(page, folder):
    page.emulate_media(media="print")
    visit(page, folder, "exercises/release/ann/ANN_Exercises.html", 700)
    hidden = """[...document.querySelectorAll("article pre")]
        .filter(pre => pre.scrollWidth > pre.clientWidth + 1).length"""
    assert page.evaluate(hidden) == 0
    assert not page.locator(".sidebar-tree").is_visible()
    assert page.pdf()[:5] == b"%PDF-"


def test_what_scrolls_can_be_reached_by_the_tab_key(page, folder):
    visit(page, folder, "ANN_Model.html", 390)
    reachable = """[...document.querySelectorAll("article pre")]
        .filter(pre => pre.offsetParent)
        .map(pre => [pre.scrollWidth > pre.clientWidth + 1, pre.tabIndex === 0])"""
    page.wait_for_function(f"({reachable}).some(([wide, can]) => wide && can)")
    pairs = page.evaluate(reachable)
    assert all(wide == can for wide, can in pairs)
    assert {wide for wide, _ in pairs} == {True, False}


def test_dark_and_light_can_be_chosen_and_last(page, folder):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) != light  # as the system says
    toggle = page.locator(".theme-toggle-content .theme-toggle")
    for _ in range(3):
        toggle.click()
        if page.evaluate("document.body.dataset.theme") == "light":
            break
    assert page.evaluate(ground) == light
    visit(page, folder, "results.html", 1280)
    assert page.evaluate(ground) == light


def test_the_pages_of_course_py_run_ask_nobody_and_fit_a_telephone(opened, tmp_path):
    page = opened.context.browser.new_page(viewport={"width": 390, "height": 844})
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    for name in map(Path, NOTEBOOKS):
        notebook = nbformat.read(COURSE_DIR / name, as_version=4)
        path = tmp_path / name.with_suffix(".html")
        path.write_text(page_of(notebook, name.stem), encoding="utf-8")
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert faults_here(page) == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len(asked) >= len(NOTEBOOKS) and not errors


def test_a_web_server_serves_the_same_folder(opened, folder):
    handler = functools.partial(QuietHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/"
        page = opened.context.browser.new_page()
        page.goto(f"{address}labs/Transfer.html")
        page.locator("article img").first.scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('article img').naturalWidth")
        page.locator("input[name=q]").fill("frozen")
        page.keyboard.press("Enter")
        found = page.locator("#search-results a[href*='labs/Transfer.html']")
        found.first.wait_for()
    finally:
        server.shutdown()
        server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
