"""Plans of a lesson, the notebook made of one, the kernel of its show, the copies."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from local_server import send, serving
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import commands, copies, lesson, plans, present, slides, stage
from tools.book.contents import LINK
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

PLANS = ("45", "90")
each_plan = pytest.mark.parametrize("name", PLANS)


def slide_type(cell):
    return cell.metadata["slideshow"]["slide_type"]


# Plans.


@each_plan
def test_a_plan_of_the_guide_fills_its_minutes_from_greeting_to_closing(name):
    plan = plans.read_plan(name)
    assert sum(step.minutes for step in plan) == int(name)
    assert plan[0].notebook is plan[-1].notebook is plan[-2].notebook is None
    assert plan[1].notebook == "ANN" and 1 in plan[1].sections  # the data are seen


def test_a_plan_of_ones_own_is_read(tmp_path):
    text = """# mine
    | Minutes | where | what |
    |---|:--|---|
    | 2 | - | Hello |
    4.5 | ANN 10 question | guess | then wait
    8|CNN 3,4 short|by hand

    1\tANN 3, 3\twith tabs, and twice the same
    2,5 | cnn_model.ipynb 4
    3 | Transfer 2 | other digits
    8 min | ann 6-8, 10 Question | words in capitals
    5' | CNN 3 and 9–10 SHORT | a longer dash
    """
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8-sig")
    assert plans.read_plan(str(tmp_path / "mine.txt")) == [
        plans.Step(2, None, (), "", "Hello"),
        plans.Step(4.5, "ANN", (10,), "question", "guess | then wait"),
        plans.Step(8, "CNN", (3, 4), "short", "by hand"),
        plans.Step(1, "ANN", (3,), "", "with tabs, and twice the same"),
        plans.Step(2.5, "CNN", (4,), "", ""),
        plans.Step(3, "Transfer", (2,), "", "other digits"),
        plans.Step(8, "ANN", (6, 7, 8, 10), "question", "words in capitals"),
        plans.Step(5, "CNN", (3, 9, 10), "short", "a longer dash"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty. A plan is a text file with lines like"),
        ("#" * 200_000, "is too large"),
        ("# only a comment", "has no line"),
        ("8", "three parts"),
        ("8 | -", "three parts"),
        ("soon | ANN 6 | build", "begins with minutes"),
        ("0 | ANN 6 | build", "begins with minutes"),
        ("nan | ANN 6 | build", "begins with minutes"),
        ("8 | ANN six | build", "a notebook and its sections"),
        ("8 | ANN | build", "a notebook and its sections"),
        ("8 | RNN 6 | build", "no notebook RNN; there are ANN"),
        ("| ANN 6 | build", "begins with minutes"),
        ("8; ANN 6; build", "three parts, with | between"),
        ("8, ANN 6, build", "three parts, with | between"),
        ("8:30 | ANN 6 | build", "begins with minutes"),
        ("1e2 | ANN 6 | build", "begins with minutes"),
        ("8.5.1 | ANN 6 | build", "begins with minutes"),
        ("8 | ANN 8-6 | build", "8-6 run backwards"),
        ("8 | ANN 7, 9-8 | build", "7, 9-8 run backwards"),
        ("8 | ANN 7 QUESTİON | build", "The second part is"),
        ("8 | ANN 6- | build", "a notebook and its sections"),
        ("8 | ANN 1-999999999 | build", "a notebook and its sections"),
        ("8 | ANN 6 brief | build", "a notebook and its sections"),
    ],
)
def test_a_plan_that_cannot_be_followed_names_the_line(tmp_path, text, message):
    (tmp_path / "mine.txt").write_text(text)
    with pytest.raises(plans.PlanError, match=message) as caught:
        plans.read_plan(str(tmp_path / "mine.txt"))
    assert "mine.txt" in str(caught.value)


@pytest.mark.parametrize("name", ["", "60", "--no-browser", "ann.ipynb"])
def test_a_plan_that_the_guide_lacks_is_refused(name):
    with pytest.raises(plans.PlanError, match="It has: 45, 90"):
        plans.read_plan(name)


def test_where_no_plan_is_named_those_that_there_are_are():
    with pytest.raises(plans.PlanError, match=r"more than one plan. It has: 45, 90"):
        plans.read_plan("")


@pytest.mark.parametrize("name", ["PLAN.TXT", "Plan.Md"])
def test_a_plan_may_have_its_ending_in_capitals(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("8 | ANN 6 | build")
    (step,) = plans.read_plan(commands.from_here(name))
    assert step.what == "build"
    assert os.path.isabs(commands.from_here(name))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
def test_a_plan_that_is_no_file_is_never_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    with open(tmp_path / "film.txt", "wb") as file:
        file.truncate(6 * 10**9)
    for name, words in (("pipe", "is a pipe"), ("film", "is too large: 6,000 MB")):
        with pytest.raises(plans.PlanError, match=rf"{name}\.txt {words}"):
            plans.read_plan(str(tmp_path / f"{name}.txt"))


def test_a_plan_in_another_encoding_says_which_one_is_wanted(tmp_path):
    (tmp_path / "mine.txt").write_text("8 | ANN 6 | build", encoding="utf-16")
    with pytest.raises(plans.PlanError, match=r"mine\.txt is no text in UTF-8: save"):
        plans.read_plan(str(tmp_path / "mine.txt"))


def test_a_plan_is_looked_for_where_the_reader_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands.from_here("my plan.txt") == str(tmp_path / "my plan.txt")
    assert [commands.from_here(name) for name in ("45", "ANN")] == ["45", "ANN"]


def test_a_plan_file_that_is_not_there_is_named():
    with pytest.raises(plans.PlanError, match=r"nowhere\.txt cannot be read"):
        plans.read_plan("nowhere.txt")


def test_a_section_that_a_notebook_lacks_is_refused():
    step = plans.Step(5, "ANN", (99,), "", "too far")
    with pytest.raises(plans.PlanError, match=r"no section 99, .*too far.*has 0, 1"):
        lesson.lesson([step])


# The lesson.


@each_plan
def test_a_lesson_has_the_plans_sections_in_order_and_no_outputs(name):
    plan = plans.read_plan(name)
    made = lesson.lesson(plan)
    nbformat.validate(made)  # ids are unique, among others
    headings = [
        (cell.id.split("-")[0], int(re.match(r"## (\d+)", cell.source)[1]))
        for cell in made.cells
        if cell.source.startswith("## ") and slide_type(cell) == "slide"
    ]
    assert headings == [(s.notebook, n) for s in plan for n in s.sections]
    assert not any(cell.get("outputs") for cell in made.cells)
    notes = "".join(cell.source for cell in made.cells if slide_type(cell) == "notes")
    assert "**Minute 0 to 2**" in notes and "**Ask**" in notes


def test_the_slides_of_a_lesson_keep_the_outputs():
    made = lesson.lesson(plans.read_plan("45"), outputs=True)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert sum(bool(cell.outputs) for cell in code) > len(code) / 2


def test_a_section_that_is_asked_first_is_answered_later():
    ask = plans.Step(3, "ANN", (11,), "question", "guess")
    answer = plans.Step(3, "ANN", (11,), "", "run")
    asked, answered, whole = (
        [cell.source for cell in lesson.lesson(plan).cells if cell.cell_type == "code"]
        for plan in ([ask], [ask, answer], [answer])
    )
    assert not any("model.predict" in source for source in asked)
    assert any("model.predict" in source for source in answered)
    assert sorted(answered) == sorted(whole)  # each once


def code(source, *outputs, slide_type="fragment", tags=()):
    """A code cell whose outputs are texts, or data by their type."""
    made = [
        new_output("display_data", o)
        if isinstance(o, dict)
        else new_output("stream", text=o)
        for o in outputs
    ]
    metadata = {"slideshow": {"slide_type": slide_type}, "tags": list(tags)}
    return new_code_cell(source, outputs=made, metadata=metadata)


def prose(source, slide_type="subslide", tags=()):
    metadata = {"slideshow": {"slide_type": slide_type}, "tags": list(tags)}
    return new_markdown_cell(source, metadata=metadata)


PICTURE, TABLE = {"image/png": "…"}, {"text/html": "<table>"}


def test_a_short_section_shows_questions_training_figures_and_tables():
    part = [
        prose("## 7. Build", "slide"),
        code("model = build()", "its shapes"),
        prose("The figure."),
        code("plot()", PICTURE),
        prose("What it means.", "fragment"),
        prose("A check."),
        code("check()", "passed"),
        code("table()", TABLE),
        prose("**Question 1**", tags=["question"]),
        code("answer()", "42"),
        prose("How to compile."),
        code("compile()"),
        prose("Now."),
        code("fit()", {"text/markdown": "…"}, tags=["train"]),
        prose("No time?"),
        code("stand_in()"),
        prose("A last word."),
    ]
    made = lesson.shortened(part)
    seen = [cell.source for cell in made if slide_type(cell) != "skip"]
    hidden = [c.source for c in made if stage.UNSEEN in c.metadata.get("tags", [])]
    assert hidden == ["check()", "compile()"]
    assert seen == [
        "## 7. Build",
        "model = build()",
        "The figure.",
        "plot()",
        "What it means.",
        "table()",
        "**Question 1**",
        "answer()",
        "Now.",
        "fit()",
        "No time?",
        "stand_in()",
    ]
    (table,) = [cell for cell in made if cell.source == "table()"]
    assert slide_type(table) == "subslide"  # it stood below what is unseen now
    assert slide_type(part[7]) == "fragment"  # and still does in the notebook


def test_code_that_only_prepares_is_unseen_right_below_a_heading_too():
    part = [prose("## 6. Test", "slide"), code("load()"), code("plot()", PICTURE)]
    assert [slide_type(cell) for cell in lesson.shortened(part)] == [
        "slide",
        "skip",
        "subslide",
    ]


@each_plan
def test_a_plan_leaves_time_for_each_step(name):
    """A room needs a quarter of a minute for what comes new, code or words."""
    plan = plans.read_plan(name)
    cells = lesson.lesson(plan).cells
    for number, step in enumerate(plan):
        prefix = f"{step.notebook}-{number}_"
        mine = [cell for cell in cells if cell.id.startswith(prefix)]
        seen = [cell for cell in mine if slide_type(cell) not in ("notes", "skip")]
        assert 60 * step.minutes >= 15 * len(seen), step


def test_the_wall_of_45_minutes_holds_what_a_room_can_read():
    words = 0
    for cell in lesson.lesson(plans.read_plan("45")).cells:
        if cell.cell_type == "markdown" and slide_type(cell) not in ("notes", "skip"):
            unfolded = re.sub(r"(?s)<details>.*?</details>", "", cell.source)
            words += len(unfolded.split())
    assert (
        300 < words < 1000
    )  # 2,115 before prose was cut, and plans had short sections


@pytest.mark.parametrize(
    ("source", "wall"),
    [
        ("One. Two. Three.", "One."),
        ("One.\nTwo.\n\nThree. Four.", "One.\n\nThree."),
        ("One. Really? Two.", "One. Really?"),
        ("One. **Predict** it. Two.", "One. **Predict** it."),
        ("- one. More.\n- two. More.", "- one.\n- two."),
        ("## 1. Heading\n\nOne. Two.", "## 1. Heading\n\nOne."),
        ("| a. B. | c |\n|---|---|", "| a. B. | c |\n|---|---|"),
        ("$$a. B$$", "$$a. B$$"),
        ("**Question 1.** So. What?", "**Question 1.** So. What?"),
        ("**One.** Two. Three.", "**One.**"),
        ('He said "one." Two.', 'He said "one."'),
        (
            "A value of 0.5 (see Fig. 2) is one. Two.",
            "A value of 0.5 (see Fig. 2) is one.",
        ),
        ("<details>A. B. C.</details>", "<details>A. B. C.</details>"),
    ],
)
def test_prose_is_cut_to_what_is_read_from_the_last_row(source, wall):
    assert lesson.for_the_wall(source) == wall


def test_nothing_is_lost_what_is_cut_is_the_speakers():
    cell = new_markdown_cell("One. Two.", metadata={"slideshow": {"slide_type": "x"}})
    short, whole = lesson.on_the_wall(cell, outputs=False, prefix="ANN-1")
    assert (short.source, whole.source) == ("One.", "One. Two.")
    assert slide_type(whole) == "notes"


def test_the_guides_words_reach_the_speakers_window():
    html = slides.deck(COURSE_DIR / "ANN_Model.ipynb")
    said = plans.remarks()["ANN", 3]
    assert said["say"] in html and set(said) == {"say", "ask", "expect"}


# The kernel of a show.


class Kernel:
    """A kernel in which a stage is open; run() runs a cell as JupyterLab does."""

    def __init__(self):
        from IPython.core.interactiveshell import InteractiveShell

        self.shell = InteractiveShell()
        self.stage = stage.Stage(self.shell)

    def run(self, code, cell_id=None):
        result = self.shell.run_cell(code, cell_id=cell_id, silent=False)
        result.raise_error()
        return result.result


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A shell with a history of its own: many of them wait for one file's lock."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(COURSE_DIR)  # its cells go elsewhere: come back afterwards
    return Kernel()


def write(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def test_each_notebook_has_a_namespace_of_its_own(kernel, tmp_path):
    for name, value in (("A", 1), ("B", 2)):
        heading = new_markdown_cell("## 1. Look")
        path = write(tmp_path / f"{name}.ipynb", heading, new_code_cell(f"x = {value}"))
        kernel.stage.prepare(name, str(path), 1)
    assert kernel.run("x", "A-7-abc") == 1
    assert kernel.run("x", "B-8-abc") == 2
    kernel.run("x = 5; y = 6", "A-7-def")
    assert kernel.run("(x, y)", "added-by-the-teacher") == (5, 6)  # stays with A
    assert kernel.run("x", "B-8-abc") == 2
    with pytest.raises(NameError):
        kernel.run("y", "B-9-abc")
    with pytest.raises(NameError):
        kernel.run("x")  # what no cell sent runs in neither


def test_only_what_is_needed_is_prepared(kernel, tmp_path):
    path = write(
        tmp_path / "n.ipynb",
        new_code_cell("done = [0]"),
        new_markdown_cell("## 1. Look"),
        new_code_cell("done.append(1)"),
        new_markdown_cell("## 2. More"),
        new_code_cell("raise SystemError('not needed')"),
    )
    kernel.stage.prepare("A", str(path), 1)
    assert kernel.run("done", "A-1") == [0, 1]


TRAIN = new_code_cell("trained = True", metadata={"tags": ["train"]})


@pytest.mark.parametrize("saved", [True, False])
def test_the_training_is_left_out_where_a_saved_run_stands_in(kernel, tmp_path, saved):
    take = f"if not globals().get('trained'):\n    assert {saved}, 'no run'\nmore = 1"
    path = write(
        tmp_path / "n.ipynb",
        new_code_cell("trained = False"),
        TRAIN,
        new_code_cell(take),
    )
    kernel.stage.prepare("A", str(path), 1)
    assert kernel.run("(trained, more)", "A-1") == (not saved, 1)


def lesson_of(tmp_path, text):
    """The notebook of a plan, as a file."""
    (tmp_path / "mine.txt").write_text(text)
    path, _ = present.make_show(str(tmp_path / "mine.txt"), tmp_path)
    return path, nbformat.read(path, as_version=4).cells


def test_what_is_left_out_runs_with_the_next_cell_that_is_seen(kernel, tmp_path):
    path, cells = lesson_of(tmp_path, "9 | ANN 7, 8 short | train\n9 | ANN 9 | test")
    (train,) = [c for c in cells if stage.TRAIN in c.metadata.get("tags", [])]
    kernel.stage.follow(str(path))
    assert "AdamW" in kernel.stage.unseen[train.id][-1]

    kernel.stage.add("ANN")
    kernel.stage.unseen[train.id] = ["compiled = True; print('unseen')"]
    assert kernel.run("compiled", train.id) is True


def test_a_name_that_another_section_used_is_made_again(kernel, tmp_path):
    """Comparison calls both the rows of a figure and those of its verdict "rows"."""
    path, cells = lesson_of(tmp_path, "9 | Comparison 6, 9 short | robust; the verdict")
    (table,) = [cell for cell in cells if cell.source == "verdict.table(rows)"]
    kernel.stage.follow(str(path))
    assert any("rows" in source for source in kernel.stage.unseen[table.id])


def test_what_stands_between_other_sections_does_not_run(kernel, tmp_path):
    path, cells = lesson_of(tmp_path, "9 | ANN 8 short | train\n9 | ANN 11 | run it")
    kernel.stage.follow(str(path))
    (answer,) = [cell for cell in cells if "enumerate(shifted)" in cell.source]
    assert "straighten" in "".join(c.source for c in cells)  # a training of its own
    assert answer.id not in kernel.stage.unseen


def test_a_cell_that_fails_is_named(kernel, tmp_path):
    path = write(tmp_path / "n.ipynb", new_code_cell("a = 1 / 0\nb = 2"))
    with pytest.raises(RuntimeError, match=r"n\.ipynb, a = 1 / 0: division by zero"):
        kernel.stage.prepare("A", str(path), 1)


# The show's files.


def test_a_show_is_a_copy_without_outputs(tmp_path):
    path, needed = present.make_show("ANN", tmp_path)
    assert needed == {} and path.parent == tmp_path
    cells = nbformat.read(path, as_version=4).cells
    original = nbformat.read(COURSE_DIR / "ANN_Model.ipynb", as_version=4).cells
    assert [c.source for c in cells] == [c.source for c in original]
    assert not any(c.get("outputs") for c in cells)


def test_a_lesson_prepares_each_notebook_up_to_its_last_section(tmp_path):
    plan = tmp_path / "mine.txt"
    plan.write_text("5 | ANN 3, 1 | a\n5 | - | b\n5 | ANN 2 | c\n5 | CNN 4 | d")
    path, needed = present.make_show(str(plan), tmp_path)
    assert path.name == "Lesson_mine.ipynb" and needed == {"ANN": 3, "CNN": 4}


@pytest.mark.parametrize("name", ["", "60", "rnn.ipynb"])
def test_a_show_of_something_else_is_refused(name, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(present, "FOLDER", tmp_path / "present")
    assert present.main(name) == 1
    told = "The guide has no plan" if name else "The guide has more than one plan"
    assert told in capsys.readouterr().err


def test_a_show_of_a_damaged_notebook_is_refused(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(present, "FOLDER", tmp_path / "present")
    (tmp_path / "ANN_Model.ipynb").write_text("<<<<<<< HEAD")
    damaged = {"ANN": tmp_path / "ANN_Model.ipynb"}
    monkeypatch.setattr(present, "notebooks", lambda: damaged)
    assert present.main("ANN") == 1
    assert "ANN_Model.ipynb is damaged, or no notebook" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["45", "ANN", "Your_Handwriting"])
def test_links_of_a_show_lead_to_the_course(name, tmp_path):
    path, _ = present.make_show(name, tmp_path)
    present.lead_home(path)
    targets = [
        target.partition("#")[0]
        for cell in nbformat.read(path, as_version=4).cells
        for _, target in LINK.findall(cell.source)
    ]
    assert targets
    assert [t for t in targets if not (tmp_path / t).resolve().exists()] == []


def test_a_show_that_is_on_is_left_alone(capsys, monkeypatch, tmp_path):
    """Its page loads its notebook afresh; and a name may be mistyped beside it."""
    monkeypatch.setattr(present, "FOLDER", tmp_path / "present")
    monkeypatch.setattr(present, "open_show", lambda show, *_: show.name)
    assert present.main("ANN") == "ANN_Model.ipynb"
    with serving(lambda handler: send(handler, b"{}")) as (url, asked):
        present.note_running({"url": f"{url}/", "token": "x", "pid": 1})
        for name in ("CNN", "rnn"):
            assert present.main(name) == 1
            assert f"A show is on already, at {url}/" in capsys.readouterr().err
    assert asked == ["GET", "GET"]
    assert [path.name for path in present.FOLDER.glob("*.ipynb")] == ["ANN_Model.ipynb"]
    assert present.main("CNN") == "CNN_Model.ipynb"  # nobody answers any more
    assert [path.name for path in present.FOLDER.glob("*.ipynb")] == ["CNN_Model.ipynb"]


def test_a_kernel_that_misses_a_heartbeat_is_asked_again(monkeypatch):
    answers = [RuntimeError("Kernel died before replying to kernel_info"), None]
    asked = []

    class Client:
        def wait_for_ready(self, timeout):
            asked.append(timeout)
            answer = answers.pop(0)
            if answer:
                raise answer

    present.wait_for_kernel(Client())
    assert len(asked) == 2
    answers.append(RuntimeError("no answer"))
    monkeypatch.setattr(present, "SECONDS_TO_START", -1)
    with pytest.raises(present.PresentError, match="no answer"):
        present.wait_for_kernel(Client())


@pytest.fixture
def starting(tmp_path, monkeypatch):
    """A program that stands for JupyterLab until its input ends, and its folder."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    command = (sys.executable, "-c", "input()")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    yield process, tmp_path
    process.communicate()


def test_a_server_is_found_whichever_process_it_is_and_whatever_the_proxy(
    starting, monkeypatch
):
    """On Windows .venv's Python is a program that starts the real one."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    process, folder = starting
    with serving(lambda handler: send(handler, b"{}")) as (url, asked):
        info = {"url": f"{url}/", "token": "x", "pid": process.pid + 1}
        (folder / f"jpserver-{info['pid']}.json").write_text(json.dumps(info))
        assert present.wait_for_server(process) == info
    assert asked == ["GET"]


def test_a_server_that_ends_and_one_that_is_silent_are_told_apart(
    starting, monkeypatch
):
    process, _ = starting
    monkeypatch.setattr(present, "SECONDS_TO_START", 0)
    with pytest.raises(present.PresentError, match="does not answer after 0 seconds"):
        present.wait_for_server(process)
    process.communicate()
    with pytest.raises(present.PresentError, match="the last line above says why"):
        present.wait_for_server(process)


# The working copies.


@pytest.fixture
def originals(tmp_path, monkeypatch):
    """A course of one notebook and one page, and the place of their copies."""
    root = tmp_path / "course"
    root.mkdir()
    cell = new_code_cell("1 + 1", execution_count=3)
    cell.outputs = [nbformat.v4.new_output("stream", text="the answer")]
    why = new_markdown_cell("Because of *that*.")
    why.metadata["slideshow"] = {"slide_type": "notes"}
    write(root / "n.ipynb", cell, why)
    write(root / "Untitled.ipynb", new_code_cell("a student's own"))
    (root / "README.md").write_text("Read me.")
    monkeypatch.setattr(copies, "PATTERNS", ("n.ipynb", "*.md"))
    monkeypatch.setattr(copies, "COURSE_DIR", root)
    return root


def test_copies_show_no_answer_and_stay_what_the_student_made_them(originals):
    work = originals / "work"
    assert copies.make_copies(work) == []
    assert not (work / "Untitled.ipynb").exists()
    copy = nbformat.read(work / "n.ipynb", as_version=4)
    assert copy.cells[0].outputs == [] and copy.cells[0].execution_count is None
    folded = markdown2html(copy.cells[1].source)
    assert re.search(
        r"(?s)<details><summary>.+</summary>.*<p>Because of <em>that</em>\.</p>\s*"
        r"</details>",
        folded,
    )
    copy.cells[0].source = "2 + 2"
    nbformat.write(copy, work / "n.ipynb")
    mine = (work / "n.ipynb").read_bytes()
    assert copies.make_copies(work) == []
    assert (work / "n.ipynb").read_bytes() == mine


def test_a_newer_version_comes_beside_what_was_changed_and_is_said_once(originals):
    work = originals / "work"
    copies.make_copies(work)
    write(work / "n.ipynb", new_code_cell("my own"))
    write(originals / "n.ipynb", new_code_cell("newer"))
    (said,) = copies.make_copies(work)
    assert "n.new.ipynb" in said and "stays" in said
    assert "my own" in (work / "n.ipynb").read_text()
    assert "newer" in (work / "n.new.ipynb").read_text()
    assert copies.make_copies(work) == []


def changed(path, **values):
    """Change the first cell of a copy, as an editor does."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].update(values)
    nbformat.write(notebook, path)


def test_a_newer_version_replaces_what_was_not_touched(originals):
    copies.make_copies(originals / "work")
    write(originals / "n.ipynb", new_code_cell("newer"))
    assert copies.make_copies(originals / "work") == []
    assert "newer" in (originals / "work" / "n.ipynb").read_text()
    assert len(list(originals.glob("work/n*"))) == 1


def test_a_newer_version_takes_the_place_of_what_was_only_run(originals):
    work = originals / "work"
    copies.make_copies(work)
    for version, old in (("newer", "n.old.ipynb"), ("newest", "n.old2.ipynb")):
        outputs = [new_output("stream", text=f"three hours before {version}")]
        changed(work / "n.ipynb", outputs=outputs, execution_count=9)
        write(originals / "n.ipynb", new_code_cell(version))
        (said,) = copies.make_copies(work)
        assert old in said
        assert "three hours" in (work / old).read_text()
        assert version in (work / "n.ipynb").read_text()
    assert "before newer" in (work / "n.old.ipynb").read_text()


PASTED = {"a.png": {"image/png": "AAAA"}}


@pytest.mark.parametrize(
    "work_of_mine", [{"source": "my work"}, {"attachments": PASTED}]
)
def test_what_a_student_writes_stays_through_any_number_of_updates(
    originals, work_of_mine
):
    """Whether it is written in the copy or in a newer version beside it."""
    work, mine = originals / "work", {}
    copies.make_copies(work)
    for k, name in enumerate(("n.ipynb", "n.new.ipynb", "n.new2.ipynb")):
        changed(work / name, **work_of_mine)
        mine[name] = (work / name).read_bytes()
        write(originals / "n.ipynb", new_markdown_cell(f"version {k}"))
        (said,) = copies.make_copies(work)
        assert f"n.new{k + 1 if k else ''}.ipynb" in said
    assert mine == {name: (work / name).read_bytes() for name in mine}
    write(originals / "n.ipynb", new_markdown_cell("the last version"))
    (said,) = copies.make_copies(work)
    assert "the last version" in (work / "n.new3.ipynb").read_text()
    assert len(list(work.glob("n*"))) == 4  # what was not touched was renewed


STAMPS = {
    "a list": lambda path: path.write_text("[]"),
    "null": lambda path: path.write_text("null"),
    "a number": lambda path: path.write_text("7"),
    "lists in it": lambda path: path.write_text('{"n.ipynb": [], "README.md": 7}'),
    "deep": lambda path: path.write_text("[" * 100_000),
    "cut off": lambda path: path.write_text('{"n.ipynb": {'),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "killed before": lambda path: path.unlink(),
}


@pytest.mark.parametrize("case", STAMPS)
def test_without_stamps_what_is_up_to_date_is_known_by_what_it_holds(originals, case):
    if case == "a pipe" and os.name == "nt":
        return
    work = originals / "work"
    copies.make_copies(work)
    changed(work / "n.ipynb", execution_count=9)
    STAMPS[case](work / ".origin.json")
    assert copies.make_copies(work) == []
    assert sorted(os.listdir(work)) == [".origin.json", "README.md", "n.ipynb"]
    write(originals / "n.ipynb", new_code_cell("newer"))
    (said,) = copies.make_copies(work)
    assert "n.old.ipynb" in said


STRANGE = {
    "a pipe": lambda path, elsewhere: os.mkfifo(path),
    "a folder": lambda path, elsewhere: path.mkdir(),
    "a link to nothing": lambda path, elsewhere: path.symlink_to("nothing"),
    "a link": lambda path, elsewhere: path.symlink_to(elsewhere),
}


@pytest.mark.skipif(
    os.name == "nt", reason="Windows has no pipes in folders, and links for few"
)
@pytest.mark.parametrize("case", STRANGE)
def test_what_a_student_has_put_in_the_place_of_a_copy_stays(originals, case, tmp_path):
    work, elsewhere = originals / "work", tmp_path / "elsewhere.ipynb"
    elsewhere.write_text("mine")
    work.mkdir()
    STRANGE[case](work / "n.ipynb", elsewhere)
    kind = (work / "n.ipynb").lstat().st_mode
    (said,) = copies.make_copies(work)
    assert "n.new.ipynb" in said and copies.make_copies(work) == []
    assert (work / "n.ipynb").lstat().st_mode == kind
    assert elsewhere.read_text() == "mine"


def test_what_is_in_the_way_of_all_copies_is_named(originals, monkeypatch, capsys):
    monkeypatch.setattr(copies, "WORK", originals / "work")
    (originals / "work").write_text("my plans for the week")
    assert copies.main() == 1
    told = capsys.readouterr().err
    assert f"They lie in {originals / 'work'}, which must be a folder" in told
    assert (originals / "work").read_text() == "my plans for the week"


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff", b"[]", b'{"cells": 3}', b"[" * 10**6]
)
def test_a_damaged_copy_is_kept_and_a_whole_one_comes_beside_it(originals, damage):
    work = originals / "work"
    copies.make_copies(work)
    (work / "n.ipynb").write_bytes(damage)
    write(originals / "n.ipynb", new_code_cell("newer"))
    assert len(copies.make_copies(work)) == 1
    assert (work / "n.ipynb").read_bytes() == damage


def words_of(path):
    """The Markdown of a page or of a notebook's cells."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_every_link_of_the_working_copies_leads_somewhere():
    originals = copies.originals()
    places = {Path(place) for place in originals}
    known = places | {folder for place in places for folder in place.parents}
    assert {Path(name) for name in (*NOTEBOOKS, *LABS)} <= known
    # Maintainers and instructors read these where the code is, too.
    elsewhere = {"CONTRIBUTING.md", "CHANGELOG.md", "exercises/README.md"}
    n_links = 0
    for page in places - {Path(name) for name in elsewhere}:
        if page.suffix not in (".md", ".ipynb"):
            continue
        for link in re.findall(r"\]\(([^)#:\s]+)[)#]", words_of(COURSE_DIR / page)):
            place = Path(os.path.normpath(page.parent / link))
            assert place in known or place.parts[0] == "reference", (page, link)
            n_links += 1
    assert n_links > 50


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_each_notebook_leads_to_the_others_its_exercises_labs_and_glossary(name):
    text = words_of(COURSE_DIR / name)
    exercises = f"exercises/release/{Path(name).stem.removesuffix('_Model').lower()}/"
    others = [other for other in NOTEBOOKS if other != name]
    for target in (exercises, "docs/glossary.md", "labs", others[-1]):
        assert f"]({target}" in text, target


@pytest.mark.parametrize("name", ["ANN_Model.ipynb", "CNN_Model.ipynb"])
def test_the_cell_that_trains_says_so_and_the_next_one_can_stand_in(name):
    code = list(stage.code_until(COURSE_DIR / name, 99))
    (k,) = [k for k, c in enumerate(code) if stage.TRAIN in c.metadata.get("tags", [])]
    assert "model.fit(" in code[k].source
    assert "saved_training(" in code[k + 1].source


def test_a_lab_is_a_show_of_slides_whose_prose_is_cut(tmp_path):
    """Labs hold no slide types: without them a whole lab would be one slide."""
    show, needed = present.make_show("Overfitting", tmp_path)
    cells = nbformat.read(show, as_version=4).cells
    kinds = [slide_type(cell) for cell in cells]
    lab = nbformat.read(COURSE_DIR / "labs" / "Overfitting.ipynb", as_version=4)
    prose = [cell.source for cell in lab.cells if cell.cell_type == "markdown"]
    headings = [text for text in prose if text.startswith("#")]
    assert needed == {} and kinds.count("slide") == len(headings)
    assert kinds.count("skip") == 1 and "set_up()" in cells[kinds.index("skip")].source
    assert kinds.count("subslide") > 10 and kinds.count("fragment") > 5
    wall = [kind for kind in kinds if kind not in ("notes", "skip")]
    assert ("fragment", "fragment") not in pairwise(wall)
    assert not any(cell.get("outputs") for cell in cells)
    assert len([cell for cell in cells if cell.id.endswith("-all")]) > 5  # was cut


def test_a_plan_may_show_a_part_of_a_lab(tmp_path):
    (tmp_path / "mine.txt").write_text("9 | Your_Handwriting 2 | draw")
    show, needed = present.make_show(str(tmp_path / "mine.txt"), tmp_path)
    kinds = [slide_type(c) for c in nbformat.read(show, as_version=4).cells]
    assert needed == {"Your_Handwriting": 2}
    assert kinds.count("slide") == 1 and len(kinds) - kinds.count("notes") > 3
