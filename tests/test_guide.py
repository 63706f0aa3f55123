"""The generator of the computing times in the instructor's guide."""

from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

import nbformat
import numpy as np
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import guide
from utils import data
from utils.places import NOTEBOOKS

NAMES = [Path(name).stem for name in NOTEBOOKS]

TABLE = """
| section | minutes | computer | say |
|---|---|---|---|
| [1. Look](../A.ipynb#1.-Look) | 5 | ? | one |
| [2. Train](../A.ipynb#2.-Train) | 6 | ? | two |
"""
TEXT = "Before.\n" + "".join(
    f"<!-- {name} -->{TABLE}<!-- /{name} -->\nBetween.\n"
    for name in (*NAMES, "machine")
)


def timed(source, seconds, text="Loaded full MNIST: 60,000 training digits"):
    """A cell that was executed in so many seconds, and says what data it used."""
    began = datetime(2026, 1, 1, 23, 59, 59)
    ended = began + timedelta(seconds=seconds)
    times = {"busy": began.isoformat() + "Z", "idle": ended.isoformat() + "Z"}
    metadata = {"execution": {f"iopub.status.{k}": v for k, v in times.items()}}
    output = new_output("stream", text=text)
    return new_code_cell(source, metadata=metadata, outputs=[output])


def executed(**options):
    heading = new_markdown_cell
    return new_notebook(
        cells=[
            heading("# A title"),
            timed("imports", 3),
            heading("## 1. Look\n\nText."),
            timed("look", 0.25),
            timed("look again", 0.25),
            heading("## 2. Train"),
            heading("### A detail"),
            timed("fit", 70, **options),
            timed("evaluate", 2.6, **options),
            heading("## Summary"),
        ]
    )


def put(folder, notebook):
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / "guide.md").write_text(TEXT)
    return folder / "guide.md", folder


def test_the_seconds_of_a_section_are_those_of_its_cells():
    found = guide.section_seconds(executed())
    assert found == {"1. Look": 0.5, "2. Train": pytest.approx(72.6)}
    assert list(map(guide.duration, (0.5, 72.6))) == ["< 1 s", "73 s"]


def test_only_the_column_of_the_computer_changes(tmp_path):
    path, build = put(tmp_path, executed())
    guide.renew(path, build)
    text = path.read_text()
    for name in NAMES:
        part = text.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
        assert part.strip() == TABLE.strip().replace("5 | ?", "5 | < 1 s").replace(
            "6 | ?", "6 | 73 s"
        )
    assert text.startswith("Before.\n") and text.count("Between.\n") == 4
    assert "full MNIST" in text.split("<!-- machine -->")[1]
    guide.renew(path, build)
    assert path.read_text() == text


def test_papermill_notes_the_times_that_are_read(tmp_path):
    cells = [new_markdown_cell("## 1. Look"), new_code_cell("sum(range(10))")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "in.ipynb")
    done = papermill.execute_notebook(
        tmp_path / "in.ipynb",
        tmp_path / "out.ipynb",
        kernel_name="python3",
        progress_bar=False,
    )
    seconds = guide.section_seconds(done)
    assert seconds["1. Look"] > 0


@pytest.mark.parametrize("choice", ["sample", "auto", "file"])
def test_other_data_are_refused(tmp_path, monkeypatch, capsys, choice):
    """The sample that is taken offline names the full MNIST, too."""
    offline = mock.Mock(side_effect=data.UnreachableError("offline"))
    monkeypatch.setattr(data, "fetch", offline)
    if choice == "file":
        x, y = np.eye(28, dtype=np.uint8)[None].repeat(120, 0), np.arange(120) % 10
        x *= np.arange(1, 121, dtype=np.uint8)[:, None, None]
        choice = tmp_path / "digits.npz"
        np.savez(choice, x_train=x, y_train=y, x_test=x, y_test=y)
    data.load_mnist(choice)
    text = capsys.readouterr().out
    notebook = executed()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs[0].text = text
    path, build = put(tmp_path, notebook)
    with pytest.raises(guide.GuideError, match="MNIST_DATA=full"):
        guide.renew(path, build)
    assert path.read_text() == TEXT


def test_a_section_that_the_guide_lacks_is_named(tmp_path):
    notebook = executed()
    notebook.cells.append(new_markdown_cell("## 3. Test"))
    path, build = put(tmp_path, notebook)
    with pytest.raises(guide.GuideError, match=r"3\. Test"):
        guide.renew(path, build)
    assert path.read_text() == TEXT


def test_a_cell_without_a_time_is_named(tmp_path):
    notebook = executed()
    notebook.cells[-2].metadata.clear()
    path, build = put(tmp_path, notebook)
    with pytest.raises(guide.GuideError, match="evaluate"):
        guide.renew(path, build)


def test_a_notebook_that_was_not_executed_is_named(tmp_path):
    path, build = put(tmp_path, executed())
    (build / "CNN_Model.ipynb").unlink()
    with pytest.raises(guide.GuideError, match="CNN_Model"):
        guide.renew(path, build)


def test_a_notebook_that_was_cut_off_is_named(tmp_path, capsys):
    path, build = put(tmp_path, executed())
    whole = (build / "CNN_Model.ipynb").read_text()
    (build / "CNN_Model.ipynb").write_text(whole[:300])
    with pytest.raises(
        guide.GuideError, match=r"CNN_Model.* is damaged.*course\.py run"
    ):
        guide.renew(path, build)
    assert path.read_text() == TEXT


def test_a_table_without_the_column_is_refused():
    with pytest.raises(guide.GuideError, match="column"):
        guide.with_times(TABLE.replace("computer", "machine"), {})
