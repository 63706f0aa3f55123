"""The book, built once and read as files: its pages, links, figures, words, sizes."""

import base64
import io
import json
import re
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, ImageChops, ImageStat

from tools import slides
from tools.book import __main__ as book
from tools.book import glossary
from tools.book.contents import ALL_NOTEBOOKS, TEXTS, BookError, readme_page, relinked
from tools.book.notebook import ways_to, with_files
from utils.bounded import BadFile
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

PAGES = [
    str(Path(name).with_suffix(".html")).replace("\\", "/")
    for name in ("index", "results", "cite", "search", "draw", *TEXTS, *ALL_NOTEBOOKS)
] + ["draw/index.html", "installing.html", "slides.html", "slides/Lesson_90.html"]
MB = 1e6


def each_page(test):
    return pytest.mark.slow(pytest.mark.parametrize("page", PAGES)(test))


def each_notebook(test):
    return pytest.mark.slow(pytest.mark.parametrize("name", ALL_NOTEBOOKS)(test))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The book, with the longest deck. It takes too long to make for --quick."""
    home = tmp_path_factory.mktemp("book")
    slides.make(["90"], home / "slides")
    start = book.make(home / "book", slides=home / "slides")
    assert start.read_bytes()
    return start.parent


@cache
def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def committed(name):
    return nbformat.read(COURSE_DIR / name, as_version=4).cells


def figures_of(name):
    """Yield the figures among a notebook's outputs: bytes, and what is said of them."""
    for cell in committed(name):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                about = output.metadata["image/png"]
                yield base64.b64decode(output.data["image/png"]), about


# Pages and links.


def links(path):
    """Yield what a page leads to or loads, each as (kind, address)."""
    for tag in soup(path).find_all(True):
        for kind in ("href", "src", "data", "poster"):
            if tag.get(kind):
                yield ("link" if tag.name == "a" else "load"), tag[kind]


@cache
def anchors(path):
    """Return the places of a page that a link can lead to."""
    if path.suffix != ".html":
        return set()
    return {tag["id"] for tag in soup(path).find_all(id=True)}


def broken_links(path):
    """Yield the links of a page to files and places that are not there."""
    for _, address in links(path):
        place, anchor = urldefrag(address)
        if re.match(r"[a-z]+:", address):
            continue
        target = path.parent / unquote(place.split("?")[0]) if place else path
        target = target.resolve()  # read once, whatever way leads there
        if not target.is_file() or unquote(anchor) not in {"", *anchors(target)}:
            yield address


@each_page
def test_every_link_leads_somewhere(folder, page):
    assert list(broken_links(folder / page)) == []


def test_broken_links_are_found(tmp_path):
    (tmp_path / "b.html").write_text("<p id='here'>")
    page = tmp_path / "a.html"
    page.write_text(
        "<a href='b.html#here'></a><a href='b.html#there'></a><img src='c.png'>"
        "<a href='#top'></a><a href='https://example.org/d'></a>"
    )
    assert list(broken_links(page)) == ["b.html#there", "c.png", "#top"]


@each_page
def test_a_page_loads_nothing_from_elsewhere(folder, page):
    loads = [address for kind, address in links(folder / page) if kind == "load"]
    assert loads
    assert not [a for a in loads if re.match(r"([a-z]+:)?//", a)]
    for address in loads:
        file = (folder / page).parent / address.split("?")[0]
        if file.suffix in (".css", ".js"):
            is_utf_16 = file.read_bytes()[:2] == b"\xff\xfe"  # so says the standard
            text = file.read_text(encoding="utf-16" if is_utf_16 else "utf-8")
            assert not re.search(r"(url\(|import |src\s*=)\s*['\"]?(https?:)?//", text)


@pytest.mark.slow
def test_the_pages_are_those_of_the_course_in_its_order(folder):
    tree = soup(folder / "index.html").select(".sidebar-tree a.reference")
    order = [a["href"] for a in tree]
    expected = [Path(name).with_suffix(".html").as_posix() for name in NOTEBOOKS]
    assert order[: len(NOTEBOOKS)] == expected
    assert {Path(name).with_suffix(".html").as_posix() for name in LABS} <= set(order)
    assert order[len(NOTEBOOKS)] == "draw/index.html"
    assert "docs/glossary.html" in order and "slides.html" in order
    assert len(order) == len(set(order))


@pytest.mark.slow
def test_the_answers_stay_out_of_the_students_way(folder):
    answers = (COURSE_DIR / "docs" / "answers.md").read_text(encoding="utf-8")
    lines = [line for line in answers.splitlines() if len(line) > 60]
    assert len(lines) > 20
    text = "".join(p.read_text(encoding="utf-8") for p in folder.rglob("*.html"))
    text += "".join(p.read_text(encoding="utf-8") for p in folder.rglob("*.ipynb"))
    assert not [line for line in lines if line in text]
    assert not [path for path in folder.rglob("*") if "answers" in path.name]


@pytest.mark.slow
def test_next_leads_through_the_three_notebooks(folder):
    for name, following in pairwise(NOTEBOOKS):
        page = soup(folder / Path(name).with_suffix(".html"))
        assert page.select_one("a.next-page")["href"] == f"{Path(following).stem}.html"
        back = soup(folder / Path(following).with_suffix(".html"))
        assert back.select_one("a.prev-page")["href"] == f"{Path(name).stem}.html"


# What a notebook's page shows.


@each_notebook
def test_a_page_has_the_code_and_the_outputs_of_its_notebook(folder, name):
    page = soup(folder / Path(name).with_suffix(".html"))
    text = " ".join(page.article.get_text().split())
    for cell in committed(name):
        if cell.cell_type == "code":
            assert " ".join(cell.source.split()) in text
            for output in cell.outputs:
                assert " ".join(output.get("text", "").split()) in text


@each_notebook
def test_figures_are_the_notebooks_and_described(folder, name):
    """Pixel by pixel; a photo is a little off, and only a lab has photos."""
    path = folder / Path(name).with_suffix(".html")
    images = soup(path).article.select(".cell_output img")
    figures = list(figures_of(name))
    assert [image["alt"] for image in images] == [about["alt"] for _, about in figures]
    for image, (png, about) in zip(images, figures, strict=True):
        assert len(about["alt"]) > 5
        shown = Image.open(path.parent / image["src"])
        drawn = Image.open(io.BytesIO(png)).convert("RGB")
        assert shown.format == "WEBP"
        width = about.get("width", drawn.width)
        assert int(image["width"]) == width
        assert int(image["height"]) == round(width / drawn.width * drawn.height)
        off = ImageStat.Stat(ImageChops.difference(shown.convert("RGB"), drawn))
        is_photo = b"VP8L" not in (path.parent / image["src"]).read_bytes()[:32]
        assert max(off.mean) <= 3 * is_photo
        assert not is_photo or name == "labs/Your_Handwriting.ipynb"


@pytest.mark.committed
@pytest.mark.parametrize("name", NOTEBOOKS + LABS)
def test_a_figure_says_more_than_its_title(name):
    told = re.compile(r"(pictures?\b|[Aa] (drawing|table)\b|: ).*[.?]$")
    titles_only = [
        about["alt"] for _, about in figures_of(name) if not told.search(about["alt"])
    ]
    assert titles_only == []


@each_page
def test_every_picture_says_what_it_shows(folder, page):
    for image in soup(folder / page).select("img"):
        assert len(image["alt"].split()) >= 1 and len(image["alt"]) > 5, image


@each_notebook
def test_questions_and_hints_fold(folder, name):
    page = soup(folder / Path(name).with_suffix(".html")).article
    count = sum(
        c.source.count("<details>") for c in committed(name) if c.cell_type != "code"
    )
    folded = page.select("details:not(.hide)")
    assert len(folded) == count
    assert not [tag for tag in folded if tag.has_attr("open")]
    assert all(len(tag.summary.get_text(strip=True)) > 3 for tag in folded)


@each_notebook
def test_a_page_leads_to_its_notebook(folder, name):
    path = folder / Path(name).with_suffix(".html")
    link = soup(path).article.find("a", attrs={"download": True})
    assert (path.parent / link["href"]).read_bytes() == (COURSE_DIR / name).read_bytes()
    assert "colab" not in path.read_text(encoding="utf-8").lower().split("<article")[0]


@pytest.mark.slow
def test_formulas_are_drawn_without_a_script(folder):
    names = ("Comparison.ipynb", *(n for n in ALL_NOTEBOOKS if "Exercises" in n))
    for name in names:
        sources = [c.source for c in committed(name) if c.cell_type == "markdown"]
        page = soup(folder / Path(name).with_suffix(".html")).article
        formulas = sum(source.count("$$") for source in sources) // 2
        assert len(page.find_all("math", attrs={"display": "block"})) == formulas
        prose = "".join(p.get_text() for p in page.find_all("p"))
        assert "$" not in prose and "\\frac" not in prose
    assert soup(folder / "Comparison.html").article.math.mfrac


# The glossary.


@pytest.mark.slow
def test_each_term_is_linked_from_a_notebook_and_leads_back(folder):
    page = soup(folder / "docs" / "glossary.html")
    linked = {
        urldefrag(a["href"])[1]
        for name in NOTEBOOKS
        for a in soup(folder / Path(name).with_suffix(".html")).article.select("a")
        if a.select_one(".term-of-glossary")
    }
    terms = page.select("dl.glossary > dt")
    assert len(glossary.entries()) > 60
    assert len(terms) == sum(1 + len(e.forms) for e in glossary.entries())
    for entry in glossary.entries():
        forms = {entry.term.lower(), *(form.lower() for form in entry.forms)}
        named = [dt for dt in terms if dt.contents[0].strip().lower() in forms]
        assert {dt["id"] for dt in named} & linked, entry.term
        assert named[-1].find_next_sibling("dd").find("a")["href"].startswith("../")


@pytest.mark.slow
def test_a_term_is_linked_once_a_page_where_it_is_explained(folder):
    page = soup(folder / "ANN_Model.html")
    links = page.article.select("a:has(.term-of-glossary)")
    targets = [a["href"] for a in links]
    assert len(targets) == len(set(targets)) > 30
    epoch = next(a for a in links if a["href"].endswith("#term-epoch"))
    assert epoch.parent.name == "strong"
    assert epoch["title"] == "One pass of the training over all training digits."


# Sizes.


def loaded(path, seen=()):
    """Return the files that a page loads, itself and what its styles load included."""
    if path.suffix == ".html":
        found = [address for kind, address in links(path) if kind == "load"]
    elif path.suffix == ".css":
        found = re.findall(r"url\(['\"]?([^'\")]+)", path.read_text(encoding="utf-8"))
    else:
        found = []
    files = {
        (path.parent / unquote(re.split("[?#]", address)[0])).resolve()
        for address in found
        if not address.startswith(("data:", "#"))
    }
    files = {f for f in files if f.is_file() and f.suffix != ".html"} - {*seen}
    return {path}.union(*(loaded(file, {*seen, path}) for file in files))


@each_page
def test_a_page_is_light(folder, page):
    files = loaded((folder / page).resolve())
    assert sum(file.stat().st_size for file in files) <= 1.5 * MB


@pytest.mark.slow
def test_what_a_deck_loads_is_weighed(folder):
    kinds = {file.suffix for file in loaded(folder / "slides" / "Lesson_90.html")}
    assert kinds == {".html", ".css", ".js", ".webp", ".woff"}


@pytest.mark.slow
def test_nothing_is_left_beside_the_book(folder):
    assert {path.name for path in folder.parent.iterdir()} == {"book", "slides"}


@pytest.mark.slow
def test_no_page_escapes_these_tests(folder):
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}
    assert made == set(PAGES)


@pytest.mark.slow
def test_the_book_fits_on_any_stick(folder):
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert sum(sizes) <= 25 * MB


def test_pictures_of_decks_are_files_once_for_all(tmp_path):
    png = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(png, "PNG")
    tag = (
        f'<img src="data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}">'
    )
    html = with_files(f"<p>{tag}{tag}</p>", tmp_path)
    assert with_files(tag, tmp_path) in html and "base64" not in html
    (file,) = (tmp_path / "figures").iterdir()
    assert html.count(f'src="figures/{file.name}"') == 2
    assert Image.open(file).convert("RGB").getpixel((2, 1)) == (255, 0, 0)


# Links of the texts, the address, and what goes wrong.


def test_links_lead_to_pages_or_are_words_or_lead_to_the_repository():
    text = (
        "[a](../ANN_Model.ipynb#1.-Look), [b](../utils/checks.py), [c](../exercises) "
        "[d](https://example.org), ![e](result.png)\n```\n[f](g)\n```\n"
    )
    here = "docs/instructor-guide.md"
    assert relinked(text, here) == text.replace("[b](../utils/checks.py)", "b").replace(
        "(../exercises)", "(../exercises/README.md)"
    )
    there = relinked(text, here, "https://example.org/us/course")
    assert "[b](https://example.org/us/course/blob/main/utils/checks.py)" in there
    with pytest.raises(BookError, match=r"guide\.md links to \.\./nothing\.py"):
        relinked("[x](../nothing.py)", here)


def test_only_a_course_with_an_address_can_be_opened_elsewhere():
    assert "colab" not in ways_to("labs/Transfer.ipynb", "../", "")
    elsewhere = ways_to("labs/Transfer.ipynb", "../", "https://github.com/us/course")
    place = "us/course/blob/main/labs/Transfer.ipynb"
    assert f"(https://colab.research.google.com/github/{place})" in elsewhere
    binder = "(https://mybinder.org/v2/gh/us/course/main?labpath=labs/Transfer.ipynb)"
    assert binder in elsewhere


def test_a_lost_section_of_the_readme_is_named():
    with pytest.raises(BookError, match="no section 'Results'"):
        readme_page("# The course\n\n## The map\n", "results.md")


@pytest.fixture
def without_pictures(monkeypatch):
    """To encode them takes most of the time, and the book above has them."""
    monkeypatch.setattr("tools.book.notebook.webp", lambda picture: b"")


@pytest.mark.slow
@pytest.mark.usefixtures("without_pictures")
def test_a_failure_leaves_the_older_book(tmp_path, monkeypatch):
    old = tmp_path / "book" / "index.html"
    old.parent.mkdir()
    old.write_text("the older book")
    monkeypatch.setattr(book, "readme_page", lambda *_: readme_page("", "cite.md"))
    with pytest.raises(BookError):
        book.make(old.parent, slides=tmp_path)
    assert old.read_text() == "the older book"
    assert [path.name for path in tmp_path.iterdir()] == ["book"]


@pytest.mark.slow
@pytest.mark.usefixtures("without_pictures")
def test_a_book_of_mine_shows_what_i_have_executed(tmp_path, monkeypatch, capsys):
    mine = new_code_cell("1 + 1", outputs=[new_output("stream", text="my own output")])
    cells = [new_markdown_cell("# Mine"), mine]
    (tmp_path / "build").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "build" / "ANN_Model.ipynb")
    book.gather(tmp_path / "a", tmp_path / "b", tmp_path / "build", tmp_path / "none")
    for place in ("a/ANN_Model.ipynb", "b/notebooks/ANN_Model.ipynb"):
        assert "my own output" in (tmp_path / place).read_text(encoding="utf-8")
    page = (tmp_path / "a" / "CNN_Model.ipynb").read_text(encoding="utf-8")
    assert "my own output" not in page
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"`python3 course\.py run` first"):
        book.main("mine")
    with pytest.raises(SystemExit, match="yours is no kind of book"):
        book.main("yours")
    with pytest.raises(SystemExit, match="mine twice is no kind of book"):
        book.main("mine", "twice")
    assert "tools.book" in sys.modules


def spoiled(change):
    notebook = nbformat.v4.new_notebook()
    output = nbformat.v4.new_output(
        "display_data",
        {"image/png": base64.b64encode(as_png(Image.new("RGB", (4, 4)))).decode()},
        metadata={"image/png": {"alt": "x", "width": 4}},
    )
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# A title"),
        nbformat.v4.new_code_cell("x", outputs=[output]),
    ]
    change(notebook, output)
    return notebook


def as_png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


LARGE = base64.b64encode(as_png(Image.new("1", (8000, 8000)))).decode()
SPOILS = {
    "no picture": lambda nb, out: out.data.update({"image/png": "AAAA"}),
    "a list": lambda nb, out: out.data.update({"image/png": [1]}),
    "far too large": lambda nb, out: out.data.update({"image/png": LARGE}),
    "a width in words": lambda nb, out: out.metadata["image/png"].update(width="4"),
    "an endless width": lambda nb, out: out.metadata["image/png"].update(width=10**400),
    "words in a list": lambda nb, out: out.metadata["image/png"].update(alt=["x"]),
    "no cells": lambda nb, out: nb.cells.clear(),
    "a label in words": lambda nb, out: nb.cells[1].metadata.update(nbgrader="x"),
}


@pytest.mark.parametrize("case", SPOILS)
def test_a_notebook_that_no_page_can_show_is_named(case, tmp_path):
    path = tmp_path / "ANN_Model.ipynb"
    path.write_text(json.dumps(spoiled(SPOILS[case])), encoding="utf-8")
    (tmp_path / "extra" / book.FIGURES).mkdir(parents=True)
    with pytest.raises(BadFile, match=r"ANN_Model.ipynb (holds what no|is damaged)"):
        book.gather_notebook(
            tmp_path / "source", tmp_path / "extra", "ANN_Model.ipynb", tmp_path, ""
        )
