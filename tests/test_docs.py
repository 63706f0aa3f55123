"""The glossary and the instructor's guide say about the notebooks what is so."""

import re
import tomllib
from functools import cache
from pathlib import Path

import nbformat
import pytest

from tools import commands
from tools.guide import SECTION
from tools.plans import read_plan
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

NAMES = [Path(name).stem for name in NOTEBOOKS]
GLOSSARY = COURSE_DIR / "docs" / "glossary.md"
GUIDE = COURSE_DIR / "docs" / "instructor-guide.md"
ROW = re.compile(r"\| \*\*(.+?)\*\*(?: \((.+)\))? \| (.+) \| \[(.+)\]\(\.\./(.+)\) \|")

# A bold text in a notebook is a term, unless it ends like a sentence or a heading
# (**Split.** **Predict:** **How long to train?**) or is one of these.
CUES = {
    "ask yourself",
    "before you start",
    "compare",
    "count by hand",
    "count the parameters",
    "predict",
    "three ways through",
    "time",
    "try it yourself",
    "two checks before the training",
    "we look for",
    "what you will be able to do",
}


def markdown_cells(name):
    cells = nbformat.read(COURSE_DIR / f"{name}.ipynb", as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


@cache
def sections(name):
    """Return {heading: text} of a notebook, without its list of objectives."""
    first, *others = markdown_cells(name)
    found = {}
    for source in (re.sub(r"(?m)^- .*$", "", first), *others):
        heading = re.match(r"#+ (.+)", source)
        if heading:
            title = heading[1]
            found[title] = ""
        found[title] += f" {source}"
    return found


def bold_terms(name):
    """Return the terms in bold of a notebook, in small letters and without "the"."""
    bold = re.findall(r"\*\*(.+?)\*\*", "\n\n".join(markdown_cells(name)), re.DOTALL)
    texts = [" ".join(text.lower().split()).removeprefix("the ") for text in bold]
    return [text for text in texts if text[-1] not in ".:?" and text not in CUES]


def entries():
    """Return the rows of the glossary: (term, other forms, sentence, place, link)."""
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| **")]
    found = [ROW.fullmatch(row) for row in rows]
    assert all(found), [r for r, f in zip(rows, found, strict=True) if not f]
    return [
        (
            f[1],
            [form.strip("* ") for form in (f[2] or "").split(",") if form],
            *f.group(3, 4, 5),
        )
        for f in found
    ]


def occurs(form, text):
    """Say whether a term stands in a text, alone or with the s of a plural."""
    words = " ".join(re.sub(r"<[^>]+>|[*`]", "", text).split())
    case = 0 if form.isupper() else re.IGNORECASE
    return bool(re.search(rf"(?<!\w){re.escape(form)}s?(?!\w)", words, case))


each_entry = pytest.mark.parametrize(
    "term, forms, sentence, place, link", entries(), ids=lambda value: str(value)[:20]
)


@pytest.mark.parametrize("name", NAMES)
def test_every_term_in_bold_is_in_the_glossary(name):
    known = {f.lower() for term, forms, *_ in entries() for f in (term, *forms)}
    terms = bold_terms(name)
    assert len(terms) >= 5
    assert [t for t in terms if not {t, t.removesuffix("s")} & known] == []


def test_the_glossary_is_in_alphabetical_order_and_names_nothing_twice():
    terms = [term.lower() for term, *_ in entries()]
    assert terms == sorted(set(terms))


@each_entry
def test_an_entry_is_one_plain_sentence(term, forms, sentence, place, link):
    assert sentence.endswith(".") and ". " not in sentence
    assert 3 <= len(sentence.split()) <= 40


@each_entry
def test_a_term_first_appears_where_the_glossary_says(
    term, forms, sentence, place, link
):
    found = [
        (name, title)
        for name in NAMES
        for title, text in sections(name).items()
        if any(occurs(form, text) for form in (term, *forms))
    ]
    assert found, "no notebook uses it"
    name, title = found[0]
    number = re.match(r"(\d+)\. ", title)
    assert link == f"{name}.ipynb#{title.replace(' ', '-')}"
    top = title == next(iter(sections(name)))
    where = "top" if top else number[1] if number else title
    assert place == f"{name.split('_')[0]} {where}"


# Each word before it is used.

# What a code cell writes, and the term that must have been explained by then.
WRITTEN = {
    "batch_size": "batch",
    "epochs": "epoch",
    "learning_rate": "learning rate",
    "optimizers.": "optimizer",
    "optimizers.SGD": "stochastic gradient descent",
    '"adam"': "Adam",
    "optimizers.Adam": "Adam",
    "optimizers.AdamW": "AdamW",
    "weight_decay": "weight decay",
    "sparse_": "sparse",
    "one_hot": "one-hot",
    ".compile(": "compile",
    "metrics=": "accuracy",
    "validation_data": "validation set",
    "stratify=": "stratify",
    "gradient(": "gradient",
    "softmax": "softmax",
    "cross_entropy": "cross-entropy",
    "relu": "ReLU",
    "layers.Dense": "dense layer",
    "layers.Flatten": "flatten",
    "layers.Dropout": "dropout",
    "layers.Conv2D": "Conv2D",
    "BatchNormalization": "batch normalisation",
    "MaxPooling2D": "max pooling",
    "padding=": "padding",
    "strides=": "stride",
}


def cells_of(name):
    """Yield the cells of a notebook; Markdown without headings and objectives."""
    cells = nbformat.read(COURSE_DIR / f"{name}.ipynb", as_version=4).cells
    for k, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            left_out = (
                r"(?m)^(#+|-|.*Before you start.*) .*$" if k == 0 else r"(?m)^#+ .*$"
            )
            yield "markdown", re.sub(left_out, "", cell.source)
        else:
            yield "code", cell.source


def emphasised(source):
    """Return what stands in bold or italics, which is how a term is introduced."""
    return [t for t in re.findall(r"\*{1,2}([^*]+?)\*{1,2}", source) if t.strip()]


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_reader_in_order_meets_no_unexplained_word(name):
    """A term of the glossary is in bold or italics in the first cell that uses it."""
    missing = []
    for term, forms, *_ in entries():
        for kind, source in cells_of(name):
            if kind == "markdown" and any(occurs(f, source) for f in (term, *forms)):
                words = emphasised(source)
                if not any(occurs(f, w) for f in (term, *forms) for w in words):
                    missing.append((term, source[:80]))
                break
    assert not missing


@pytest.mark.parametrize("name", NAMES[:2])
def test_no_cell_writes_what_has_not_been_explained(name):
    forms = {term: (term, *others) for term, others, *_ in entries()}
    assert set(WRITTEN.values()) <= set(forms)
    known, missing, written = set(), [], set()
    for kind, source in cells_of(name):
        if kind == "markdown":
            words = emphasised(source)
            known |= {t for t in forms for w in words for f in forms[t] if occurs(f, w)}
        else:
            source = re.sub(r"(?m)^(import|from) .*$", "", source)
            used = {term for word, term in WRITTEN.items() if word in source}
            written |= used
            missing += [(term, source[:80]) for term in used - known]
    assert not missing
    assert len(written) > 12


# The instructor's guide.


def guide_rows(name):
    """Return the rows of a notebook's table in the guide, as lists of texts."""
    text = GUIDE.read_text(encoding="utf-8")
    table = text.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.strip().splitlines()[2:]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_guide_has_a_full_row_for_every_section(name):
    headings = [SECTION.match(source) for source in markdown_cells(name)]
    titles = [heading[1] for heading in headings if heading]
    links = [f"[{t}](../{name}.ipynb#{t.replace(' ', '-')})" for t in titles]
    rows = guide_rows(name)
    assert [row[0] for row in rows] == links
    for section, minutes, computer, way, *texts in rows:
        assert 1 <= int(minutes) <= 20, section
        assert re.fullmatch(r"< 1 s|\d+ s", computer), f"{section}: course.py guide"
        assert re.match(r"demo|exercise|skip", way), section
        assert len(texts) == 3 and all(texts), section


@pytest.mark.parametrize("name", NAMES)
def test_the_guide_names_each_question_in_its_section(name):
    asked, section = {}, None
    for source in markdown_cells(name):
        heading = SECTION.match(source)
        section = heading[1].split(".")[0] if heading else section
        for number in re.findall(r"\*\*Question (\d)\.\*\*", source):
            asked.setdefault(section, []).append(number)
    named = {}
    for link, _, _, _, _, ask, _ in guide_rows(name):
        if ask.startswith("Question"):
            named[re.match(r"\[(\d+)", link)[1]] = re.findall(r"\d", ask)
    assert named == asked


@pytest.mark.parametrize("name", [*NOTEBOOKS, *LABS])
def test_the_readme_gives_a_notebook_the_time_that_it_gives_itself(name):
    text = (COURSE_DIR / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| \[`{name}`\].*", text, flags=re.MULTILINE)
    minutes = re.search(r"\| (\d+) min \|", row)[1]
    first = nbformat.read(COURSE_DIR / name, as_version=4).cells[0].source
    assert f"**Time** about {minutes} minutes" in first


@pytest.mark.parametrize("minutes", ["45", "90"])
def test_a_plan_names_sections_that_the_guide_speaks_of(minutes):
    for step in read_plan(minutes):
        if step.notebook:
            (full,) = [name for name in NAMES if name.startswith(step.notebook)]
            known = [re.match(r"\[(\d+)", row[0])[1] for row in guide_rows(full)]
            assert {str(number) for number in step.sections} <= set(known)


# The answers for instructors.

ANSWERS = (COURSE_DIR / "docs" / "answers.md").read_text(encoding="utf-8")


def answered(heading):
    """Return what is in bold at the beginning of a line below a heading."""
    text = ANSWERS.split(f"\n{heading}\n")[1].split("\n#")[0]
    bold = re.findall(r"(?ms)^\*\*(.+?)\*\*", text)
    return [" ".join(found.split()) for found in bold]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_guide_asks_is_answered_in_its_order(name):
    asked = [row[5] for row in guide_rows(name)]
    expected = [text for text in asked if not text.startswith("Question")]
    assert answered(f"### {name}") == expected


def test_each_try_it_yourself_has_an_answer_and_no_other_has():
    tasks = []
    for name in NAMES:
        (text,) = [s for s in markdown_cells(name) if "**Try it yourself**" in s]
        numbers = re.findall(r"(?m)^(\d)\. ", text.split("**Try it yourself**")[1])
        tasks += [f"{name} {number}" for number in numbers]
    assert [text.split(",")[0] for text in answered("## Try it yourself")] == tasks


def test_the_open_questions_of_each_lab_have_a_row():
    table = ANSWERS.split("## The labs' open questions")[1].split("\n## ")[0]
    rows = re.findall(r"(?m)^\| (\w+) \|", table)[1:]
    assert sorted(rows) == sorted(Path(lab).stem for lab in LABS)


@pytest.mark.parametrize("path", LABS)
def test_each_lab_leads_to_the_glossary_and_to_another_notebook(path):
    path = COURSE_DIR / path
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)\s#]+\.(?:md|ipynb))[^)\s]*\)", text)
    found = {(path.parent / target).resolve() for target in targets}
    assert GLOSSARY in found
    assert {f for f in found if f.suffix == ".ipynb" and f.is_file()} - {path}


def test_commands_that_are_named_exist():
    others = ("README.md", "CONTRIBUTING.md", "exercises/README.md")
    for path in (GUIDE, *(COURSE_DIR / name for name in others)):
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"course\.py ([a-z]+)", text))
        assert named and named <= set(commands.COMMANDS), path


@pytest.mark.parametrize("path", [GUIDE, GLOSSARY], ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file = target.split("#")[0]
        assert target.startswith("http") or (path.parent / file).exists(), target


def test_the_version_is_the_same_wherever_it_is_written():
    def text(name):
        return (COURSE_DIR / name).read_text(encoding="utf-8")

    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert f"\nversion: {version}\n" in text("CITATION.cff")
    (date,) = re.findall(r"(?m)^date-released: (.+)$", text("CITATION.cff"))
    assert f"\n## {version} ({date})\n" in text("CHANGELOG.md")
    assert f"version {version.rpartition('.')[0]}," in text("README.md")


def test_contributing_names_rooms_that_exist():
    text = (COURSE_DIR / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./]+(?:/|\.ipynb|\.md|\.py|\.toml))`", text)
    assert len(set(named)) > 12
    made = (COURSE_DIR / ".gitignore").read_text(encoding="utf-8").splitlines()
    rooms = (COURSE_DIR, COURSE_DIR / "exercises")
    made = tuple(line for line in made if line.endswith("/"))
    for name in set(named):
        made_here = name.startswith(made)  # and may not be there yet
        assert made_here or any((room / name).exists() for room in rooms), name
