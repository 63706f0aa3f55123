"""The notebooks as slides: their metadata, the files of the decks, the commands."""

import re
import string
import subprocess
import sys
from urllib.parse import unquote
from xml.etree import ElementTree

import nbformat
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import formulas, slides
from utils.bounded import BadFile
from utils.places import COURSE_DIR, NOTEBOOKS

PATHS = [COURSE_DIR / name for name in NOTEBOOKS]
SLIDE_TYPES = ("slide", "subslide", "fragment", "notes", "skip")
MATHML = "{http://www.w3.org/1998/Math/MathML}"
each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)


def slide_types(path):
    cells = nbformat.read(path, as_version=4).cells
    return [(c, c.metadata.get("slideshow", {}).get("slide_type")) for c in cells]


def write_notebook(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


# The metadata.


@each
def test_every_cell_has_a_place_on_the_slides(path):
    for cell, slide_type in slide_types(path):
        assert slide_type in SLIDE_TYPES, cell.source


@each
def test_each_section_begins_a_slide_and_nothing_else_does(path):
    for k, (cell, slide_type) in enumerate(slide_types(path)):
        heading = cell.cell_type == "markdown" and cell.source.startswith("## ")
        assert (slide_type == "slide") == (k == 0 or heading), cell.source


@each
def test_all_code_is_shown_but_the_cell_that_finds_the_course(path):
    code = [pair for pair in slide_types(path) if pair[0].cell_type == "code"]
    assert code[0][1] == "skip"
    for cell, slide_type in code[1:]:
        assert slide_type in ("subslide", "fragment"), cell.source


@each
def test_a_slide_does_not_end_with_its_heading(path):
    kinds = [slide_type for _, slide_type in slide_types(path)]
    assert kinds.count("fragment") > len(kinds) / 4  # code appears below its question


# The decks.


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """The decks of the three notebooks, by the notebook's name."""
    made = slides.make(PATHS, tmp_path_factory.mktemp("decks") / "slides")
    return {path.stem: path for path in made}


@pytest.fixture(params=[path.stem for path in PATHS])
def deck(request, decks):
    return decks[request.param]


def read(deck):
    return BeautifulSoup(deck.read_text(encoding="utf-8"), "html.parser")


def addresses(text):
    """What a page or a style sheet loads."""
    found = re.findall(r"""url\(\s*['"]?([^'")]+)""", text)
    found += re.findall(r"""(?:\bfrom|\bimport)\s+['"]([^'"]+)""", text)
    if text.lstrip().startswith("<"):
        for tag in BeautifulSoup(text, "html.parser").find_all(True):
            loads = tag.name not in ("a", "area")  # a link loads nothing by itself
            found += [tag[k] for k in ("src", "href", "data") if loads and tag.get(k)]
    return [address for address in found if not address.startswith(("data:", "#"))]


@pytest.mark.slow
def test_decks_load_nothing_but_their_neighbours(deck):
    loaded = addresses(deck.read_text(encoding="utf-8"))
    assert any(address.endswith("reveal.js") for address in loaded)
    todo = {deck.parent / unquote(address) for address in loaded}
    for path in todo:
        assert path.is_file(), path
        if path.suffix == ".css":
            for address in addresses(path.read_text(encoding="utf-8")):
                assert (path.parent / address.split("?")[0]).is_file(), address


@pytest.mark.slow
def test_a_deck_brings_the_letters_that_it_needs_and_no_more(tmp_path):
    cell = new_markdown_cell("# Größe α → ∞")  # the font has no arrow
    deck = slides.make([write_notebook(tmp_path / "n.ipynb", cell)], tmp_path / "s")[0]
    fonts = sorted(deck.parent.rglob("*.woff"))
    assert len(fonts) == 4 and not [*deck.parent.rglob("*.ttf")]
    for path in fonts:
        letters = {chr(code) for code in TTFont(path).getBestCmap()}
        assert letters >= {*"Größe", *string.ascii_letters, *string.digits, "/"}
        assert len(letters) < 110 and path.stat().st_size < 30_000
    css = next(deck.parent.rglob("source-sans-pro.css")).read_text(encoding="utf-8")
    assert len(addresses(css)) == 4


def test_what_a_deck_loads_is_found_by_this_test():
    page = """<p><script src="https://cdn.example/a.js"></script><img src="b.png">
    <style>i { background: url('https://c') }</style><script>import d from "http://d";
    </script><a href="https://link">no</a><img src="data:,"></p>"""
    found = {"https://cdn.example/a.js", "b.png", "https://c", "http://d"}
    assert set(addresses(page)) == found


@pytest.mark.slow
def test_decks_show_all_cells_in_order(decks):
    for path in PATHS:
        page = read(decks[path.stem])
        shown = [tag.get("id") for tag in page.select(".slides .jp-Cell")]
        shown = [name for name in shown if not name.startswith("cell-id=guide-")]
        cells = [(c, kind) for c, kind in slide_types(path) if kind != "skip"]
        assert shown == [f"cell-id={cell.id}" for cell, _ in cells]
        tops = page.select(".slides > section")
        assert len(tops) == sum(kind == "slide" for _, kind in cells)


@pytest.mark.slow
def test_figures_keep_their_descriptions(deck):
    page = read(deck)
    alts = [image["alt"] for image in page.select(".jp-OutputArea img")]
    assert len(alts) > 5
    assert not [alt for alt in alts if "No description" in alt or len(alt) < 5]


def test_notes_go_to_the_speaker_and_skipped_cells_nowhere(tmp_path):
    cells = [new_markdown_cell(text) for text in ("first", "for me", "not at all")]
    for cell, kind in zip(cells, ("slide", "notes", "skip"), strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind}
    html = slides.deck(write_notebook(tmp_path / "n.ipynb", *cells))
    page = BeautifulSoup(html, "html.parser")
    assert page.select_one("aside.notes").get_text(strip=True) == "for me"
    assert "not at all" not in html


# Formulas.


def test_formulas_become_mathml(tmp_path):
    source = r"inline $\frac{a}{b}$, code `$HOME`, and" + "\n\n$$\\sum_{i=1}^n x_i^2$$"
    html = slides.deck(write_notebook(tmp_path / "n.ipynb", new_markdown_cell(source)))
    page = BeautifulSoup(html, "html.parser")
    inline, block = page.find_all("math")
    assert [tag.get_text(strip=True) for tag in inline.mfrac.find_all("mi")] == [
        "a",
        "b",
    ]
    assert inline["display"] == "inline" and block["display"] == "block"
    assert "∑" in block.get_text() and block.msubsup
    assert "$HOME" in page.get_text() and "$$" not in html


def test_mathml_is_well_formed():
    tree = ElementTree.fromstring(formulas.mathml(r"\sqrt{x} \le \mathrm{e}^{-x}"))
    assert tree.tag == MATHML + "math"
    assert tree.find(f".//{MATHML}msqrt//{MATHML}mi").text == "x"


def test_a_formula_that_cannot_be_shown_is_refused():
    with pytest.raises(formulas.FormulaError, match=r"\\notacommand"):
        formulas.mathml(r"a + \notacommand{b}")


@pytest.mark.parametrize("latex", [r"\frac{", "a^b^c", r"\sqrt[3]"])
def test_a_formula_that_is_not_whole_is_quoted(latex):
    with pytest.raises(formulas.FormulaError, match=re.escape(latex)):
        formulas.mathml(latex)


def test_a_formula_does_not_speak_to_the_terminal():
    with pytest.raises(formulas.FormulaError) as caught:
        formulas.mathml("\\notacommand\x1b[2J")
    assert "\x1b" not in str(caught.value)


PIXEL = "iVBORw0KGgo="  # of which no slide looks at more than that it is there


def test_a_picture_that_was_pasted_into_a_text_is_shown(tmp_path):
    cell = new_markdown_cell("![a digit](attachment:a.png)")
    cell.attachments = {"a.png": {"image/png": PIXEL}}
    path = write_notebook(tmp_path / "n.ipynb", cell)
    assert f"data:image/png;base64,{PIXEL}" in slides.deck(path)


def test_what_no_slide_can_show_is_named_with_its_notebook(tmp_path):
    figure = new_output("display_data", {"image/png": PIXEL})
    figure.metadata = {"image/png": {"alt": 5}}
    cells = {
        "lost": new_markdown_cell("![a digit](attachment:lost.png)"),
        "number": new_code_cell("1", outputs=[figure]),
        "styles": new_markdown_cell(f"<style>{'(' * 99}</style>"),
        "formula": new_markdown_cell("$a^b^c$"),
    }
    for name, cell in cells.items():
        path = write_notebook(tmp_path / f"{name}.ipynb", cell)
        kinds = (BadFile, formulas.FormulaError)
        with pytest.raises(kinds, match=rf"{name}\.ipynb"):
            slides.deck(path)


# Whole or not at all.


@pytest.mark.slow
def test_failing_leaves_the_older_slides(tmp_path, monkeypatch):
    monkeypatch.setattr(slides, "copy_fonts", lambda *_: None)  # half a second each
    good = write_notebook(tmp_path / "good.ipynb", new_markdown_cell("$a$"))
    bad = write_notebook(tmp_path / "bad.ipynb", new_markdown_cell(r"$\notacommand$"))
    folder = tmp_path / "slides"
    slides.make([good], folder)
    before = (folder / "good.html").read_bytes()
    with pytest.raises(formulas.FormulaError):
        slides.make([good, bad], folder)
    assert (folder / "good.html").read_bytes() == before
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"good.ipynb", "bad.ipynb", "slides"}
    slides.make([good], folder)  # and the next time all is well


@pytest.mark.slow
def test_the_module_says_where_the_decks_are(tmp_path, monkeypatch):
    figure = new_output("display_data", {"text/plain": "a figure"})
    write_notebook(tmp_path / "n.ipynb", new_code_cell("1 + 1", outputs=[figure]))
    done = subprocess.run(
        [sys.executable, "-m", "tools.slides", "n.ipynb"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(COURSE_DIR), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "build/slides/n.html" in done.stdout
    assert (tmp_path / "build" / "slides" / "n.html").is_file()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:  # with a sentence, hence with a 1
        slides.main("m.ipynb")
    sentence = "There is no notebook m.ipynb in the course's folder."
    assert stopped.value.code == sentence
    slides.main("comparison")  # in short, as course.py present takes it
    assert (tmp_path / "build" / "slides" / "Comparison.html").is_file()
