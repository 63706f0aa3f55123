"""What a notebook of the course looks like: the committed files, cell by cell."""

import ast
import json
import re
import statistics
from types import ModuleType

import nbconvert
import nbformat
import pytest

from tools import first_cell
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

MAIN = [COURSE_DIR / name for name in NOTEBOOKS]
WITH_LABS = [*MAIN, *(COURSE_DIR / name for name in LABS)]
TEACHING = MAIN[:2]
MACHINE_PATH = re.compile(r"/(?:home|root|work|tmp|Users|content)/\w|[A-Z]:\\\\Users")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def outputs(path):
    return [output for cell in code_cells(path) for output in cell.outputs]


def words_of(path):
    cells = read(path).cells
    return sum(len(c.source.split()) for c in cells if c.cell_type == "markdown")


def tree(path):
    return ast.parse("\n".join(cell.source for cell in code_cells(path)))


def tagged(path, tag):
    return [c for c in code_cells(path) if tag in c.metadata.get("tags", [])]


@each(WITH_LABS)
def test_is_a_valid_notebook(path):
    nbformat.validate(json.loads(path.read_text(encoding="utf-8")))


@each(WITH_LABS)
def test_what_a_notebook_imports_and_calls_by_a_modules_name_is_there(path):
    """Something that was renamed is missed before the notebook is executed."""
    names, nodes = {}, list(ast.walk(tree(path)))
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(compile(ast.Module([node], []), path.name, "exec"), names)
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = names.get(node.value.id)
            if isinstance(owner, ModuleType):
                assert hasattr(owner, node.attr), f"{node.value.id}.{node.attr}"


@pytest.mark.committed
@each(WITH_LABS)
def test_was_executed_in_order(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.committed
@each(WITH_LABS)
def test_outputs_have_no_error_and_no_stderr(path):
    for output in outputs(path):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output


@pytest.mark.committed
@each(WITH_LABS)
def test_outputs_have_no_control_characters(path):
    for output in outputs(path):
        text = str(output.get("text", "")) + str(
            output.get("data", {}).get("text/plain")
        )
        assert not CONTROL_CHARACTERS.search(text), text


@each(WITH_LABS)
def test_names_no_path_of_a_machine(path):
    found = MACHINE_PATH.search(path.read_text(encoding="utf-8"))
    assert not found, found


@each(WITH_LABS)
def test_holds_no_widgets_and_no_traces_of_a_run(path):
    notebook = read(path)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "slideshow", "editable"}, cell.metadata
    for output in outputs(path):
        assert not [mime for mime in output.get("data", {}) if "widget" in mime]


@pytest.mark.committed
@each(WITH_LABS)
def test_was_executed_on_the_full_data(path):
    text = "".join(o.get("text", "") for o in outputs(path))
    assert "full MNIST" in text
    assert "sample: 4,000" not in text


@each(WITH_LABS)
def test_cells_fit_a_projector(path):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(path)]
    assert max(lengths) <= 20
    # The first cell is the same in all of them, and no slide.
    assert 3 <= statistics.median(lengths[1:]) <= 6
    for cell in code_cells(path):
        for line in cell.source.splitlines():
            assert len(line) <= 88, line


@each(WITH_LABS)
def test_has_prose_for_its_code_but_no_lecture(path):
    assert 40 <= words_of(path) / len(code_cells(path)) <= 80


@each(WITH_LABS)
def test_states_objectives_time_and_prerequisites_first(path):
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    for needed in ("What you will be able to do", "minutes", "Before you start"):
        assert needed in first.source


@each(WITH_LABS)
def test_ends_with_a_summary_and_the_way_on(path):
    last = read(path).cells[-1].source
    assert last.startswith("## Summary")
    assert "Where next?" in last


@each(WITH_LABS)
def test_has_one_cell_of_parameters(path):
    assert len(tagged(path, "parameters")) == 1


@each(TEACHING)
def test_a_seed_epochs_and_a_name_can_be_set(path):
    (cell,) = tagged(path, "parameters")
    names = {node.targets[0].id for node in ast.parse(cell.source).body}
    assert names == {"SEED", "EPOCHS", "RUN_NAME"}


@each(TEACHING)
def test_has_ten_outputs_that_may_not_drift(path):
    checked = tagged(path, "nbval-check-output")
    assert len(checked) >= 10
    assert all(cell.outputs for cell in checked)


OTHER_MODELS = {
    "time_to_accuracy.py": "published recipes that ours are compared with",
    "judge.py": "tells digits from what is none; no notebook of the course builds it",
}


def test_the_models_are_written_in_their_notebooks_and_nowhere_else():
    for path in [
        p
        for room in ("utils", "tools", "benchmarks")
        for p in COURSE_DIR.glob(f"{room}/**/*.py")
    ]:
        source = path.read_text(encoding="utf-8")
        if path.name in OTHER_MODELS:
            continue
        for layer in ("Conv2D(", "Dense("):
            assert f"layers.{layer}" not in source, f"{path.name} builds a model"


# --- the same first cell in all of them, and a language that nbconvert knows ----------


EXERCISES = sorted((COURSE_DIR / "exercises").glob("[rs]*/*/*_Exercises.ipynb"))


@each([*WITH_LABS, *EXERCISES])
def test_begins_with_the_cell_that_finds_the_course(path):
    first, *others = [cell.source for cell in code_cells(path)]
    assert first == first_cell.source()
    assert not any("sys.path" in source for source in others)


@each([*WITH_LABS, *EXERCISES])
def test_becomes_a_script_with_the_right_name(path):
    _, resources = nbconvert.get_exporter("script")().from_filename(path)
    assert resources["output_extension"] == ".py"


# --- going back -----------------------------------------------------------------------


class _Names(ast.NodeVisitor):
    """The names that a cell makes, and those that it reads of cells before it."""

    def __init__(self, source):
        self.made, self.read = set(), set()
        self.visit(ast.parse(source))

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Store):
            self.made.add(node.id)
        elif node.id not in self.made:
            self.read.add(node.id)

    def visit_Assign(self, node):
        self.visit(node.value)  # x = x + 1 reads first
        for target in node.targets:
            self.visit(target)

    def _inner(self, node):
        """A function, or a comprehension: its own names are not the notebook's."""
        inside = [n for n in ast.walk(node) if n is not node]
        own = {n.arg for n in inside if isinstance(n, ast.arg)}
        names = [n for n in inside if isinstance(n, ast.Name)]
        own |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
        self.read |= {n.id for n in names} - own - self.made

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = _inner
    visit_GeneratorExp = _inner

    def visit_FunctionDef(self, node):
        self._inner(node)
        self.made.add(node.name)


# A model that was not trained is made again; a saved training stands for one.
MADE_TWICE = {"model", "history"}


@each(WITH_LABS)
def test_whoever_goes_back_meets_no_name_of_a_later_cell(path):
    """A name that two cells make is not read between: it would be the later one's."""
    cells = [_Names(cell.source) for cell in code_cells(path)]
    for k, first in enumerate(cells):
        for name in first.made - MADE_TWICE:
            later = [j for j in range(k + 1, len(cells)) if name in cells[j].made]
            if later:
                between = cells[k + 1 : later[0]]
                assert not any(name in cell.read for cell in between), name
