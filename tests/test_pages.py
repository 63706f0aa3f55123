"""The pages that course.py run leaves: they stand alone, and know each other."""

import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.pages import WIDGET, page_of
from tools.styles import lightened
from utils.places import COURSE_DIR, NOTEBOOKS

NAMES = [Path(name).stem for name in NOTEBOOKS]


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def html(name):
    return page_of(nbformat.read(COURSE_DIR / f"{name}.ipynb", as_version=4), name)


@pytest.fixture(scope="module")
def page(html):
    return BeautifulSoup(html, "html.parser")


def test_a_page_loads_nothing(html, page):
    assert not page.find_all(["script", "link", "iframe"], src=True)
    assert not page.find_all("link", href=True)
    loads = [tag["src"] for tag in page.find_all(src=True)]
    assert loads and all(address.startswith("data:") for address in loads)
    styles = "".join(style.get_text() for style in page.find_all("style"))
    assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", styles)


def test_a_page_leads_to_its_sisters_and_to_its_own_sections(name, page):
    course = page.select_one("nav.course")
    others = [a["href"] for a in course.find_all("a") if "#" not in a["href"]]
    assert others == [f"{other}.html" for other in NAMES if other != name]
    ids = {tag["id"] for tag in page.find_all(id=True)}
    sections = [a["href"] for a in course.select("details a")]
    assert len(sections) > 8
    assert {unquote(address[1:]) for address in sections} <= ids


def test_links_in_the_prose_hold_from_the_folder_of_the_pages(page):
    links = [a["href"] for a in page.find_all("a", href=True)]
    files = {link.split("#")[0] for link in links if not re.match(r"https?:|#", link)}
    assert any(file.startswith("../") for file in files)
    for file in files - {f"{name}.html" for name in NAMES}:
        assert (COURSE_DIR / "build" / file).resolve().exists(), file


def test_figures_are_described(page):
    alts = [image["alt"] for image in page.select(".jp-OutputArea img")]
    assert len(alts) > 5
    assert not [alt for alt in alts if "No description" in alt or len(alt) < 5]


def test_formulas_are_mathml_and_widgets_are_pictures():
    data = {WIDGET: {"model_id": "a"}, "text/plain": "what it shows without a kernel"}
    cells = [
        new_markdown_cell(r"# Title" + "\n\n" + r"$$\frac{a}{b}$$"),
        new_code_cell("slider", outputs=[new_output("display_data", data)]),
    ]
    html = page_of(new_notebook(cells=cells), "ANN_Model")
    page = BeautifulSoup(html, "html.parser")
    assert page.math.mfrac and "$$" not in page.get_text()
    assert "what it shows without a kernel" in page.get_text()
    assert "widget-view" not in html


def test_a_page_has_colours_for_the_night(html):
    light, dark = html.split('media="screen and (prefers-color-scheme: dark)"')
    variable = re.compile(r"--jp-layout-color0: ([^;]+);")
    assert variable.findall(light)[-1] != variable.findall(dark)[-1]


# Styles.

SHEET = """
:root { --read: 1px; --unread: url("data:image/png;base64,;}a{.x"); --by-a-script: 2px }
p { margin: var(--read) !important }
.here, .gone { color: red }
.gone.here { color: green }
.here:not(.gone) { color: blue }
.here :is(.gone, b) { color: olive }
.later > i { color: gray }
@media print { .gone { color: navy } .here::after { content: "}" } }
@media (width < 9px) { .gone { color: teal } }
@font-face { font-family: "F" }
"""
PAGE = f"<style media='all'>{SHEET}</style><p class='here and'><b>b</b></p>"


def test_a_style_stays_if_an_element_may_have_it():
    html = lightened(
        PAGE, also="element.className = 'later'; a { b: var(--by-a-script)"
    )
    page = BeautifulSoup(html, "html.parser")
    assert page.style["media"] == "all" and page.p.b
    kept = re.findall(r"color: (\w+)", html)
    assert kept == ["red", "blue", "olive", "gray"]
    assert "--read: 1px" in html and "--by-a-script: 2px" in html
    assert "--unread" not in html and "navy" not in html and "width" not in html
    assert "margin: var(--read) !important" in html
    assert re.search(r'@media print \{\s*\.here::after \{ content: "}" \}\s*\}', html)
    assert '@font-face { font-family: "F" }' in html


def test_a_style_that_nobody_else_gives_goes():
    html = lightened(PAGE)
    assert ".later" not in html and "--by-a-script" not in html


def test_of_jupyterlabs_styles_a_page_keeps_its_own(html):
    styles = BeautifulSoup(html, "html.parser").find_all("style")
    assert sum(len(style.get_text()) for style in styles) < 40_000  # were 270,000
    text = "".join(style.get_text() for style in styles)
    assert ".jp-RenderedHTMLCommon table" in text and ".highlight .k" in text
