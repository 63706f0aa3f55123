"""The tables of results, and that the README's is current."""

import errno
import io
import os
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tools import report
from utils import data, runs
from utils.files import MarkerError, with_part

BEGIN, END = "<!-- results -->", "<!-- /results -->"


def save(name, folder, monkeypatch, seed=0, wrong=10, n=1000):
    """Save a run of which so many of n answers are wrong."""
    monkeypatch.setenv("RUNS_DIR", str(folder))
    x = np.zeros((n, 28, 28), np.uint8)
    y = np.arange(n).astype(np.uint8) % 10
    digits = SimpleNamespace(
        x_train=x,
        y_train=y,
        x_test=x,
        y_test=y,
        provenance=lambda: ("full MNIST", data.fingerprint(x, y)),
    )
    answers = y.copy()
    answers[:wrong] = (answers[:wrong] + 1) % 10
    model = SimpleNamespace(
        save=lambda path: path.write_bytes(b"0" * 123_456), count_params=lambda: 61_762
    )
    return runs.save_run(
        name,
        model_name=name[:3].upper(),
        model=model,
        history={"loss": [1.0, 0.5]},
        seconds=[10.0, 12.0 + seed],
        y_true=y,
        y_prob=0.5 * np.eye(10)[answers] + 0.05,
        seed=seed,
        digits=digits,
    )


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Reference runs: three seeds of the ANN, one of the CNN."""
    folder = tmp_path / "reference"
    for seed, name in enumerate(("ann", "ann-seed1", "ann-seed2")):
        save(name, folder, monkeypatch, seed, wrong=10 + 10 * seed)
    save("cnn", folder, monkeypatch, wrong=5)
    monkeypatch.setattr(runs, "REFERENCE_DIR", folder)
    return folder


def test_facts_of_a_run(tmp_path, monkeypatch):
    run = save("ann", tmp_path, monkeypatch, wrong=10)
    # Wilson: (0.99 + z²/2n ± z √(0.99·0.01/n + z²/4n²)) / (1 + z²/n)
    assert report.accuracy_of(run).short == "99.00% (98.17% to 99.46%)"
    assert run.facts() == {
        "test loss": f"{run.info['test_loss']:.4f}",
        "parameters": "61,762",
        "epochs": "2",
        "training": "22.0 s",
        "model file": "0.12 MB",
        "data": "full MNIST",
    }


def test_the_terminal_shows_the_runs_that_are_there(tmp_path, monkeypatch, capsys):
    save("cnn", tmp_path / "runs", monkeypatch, wrong=5)
    save("ann", tmp_path / "runs", monkeypatch, wrong=10)
    assert report.main([]) == 0
    heading, ann, cnn = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["run", "model"]
    assert ann.split()[:2] == ["ann", "ANN"] and "99.00% (98.17% to 99.46%)" in ann
    assert "61,762" in cnn and "22.0 s" in cnn and "full MNIST" in cnn


def test_without_runs_the_terminal_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "nothing"))
    assert report.main([]) == 1
    assert "ANN_Model.ipynb" in capsys.readouterr().err


def test_a_damaged_run_is_named(tmp_path, monkeypatch, capsys):
    run = save("ann", tmp_path, monkeypatch)
    (run.folder / "history.json").write_text("{")
    assert report.main([]) == 1
    error = capsys.readouterr().err
    assert "history.json is damaged" in error and "Traceback" not in error


def test_the_table_of_the_readme(shipped):
    heading, rule, ann, cnn = report.readme_table().splitlines()
    assert heading.count("|") == rule.count("|") == ann.count("|") == cnn.count("|")
    # 99, 98 and 97 per cent: mean 98, standard deviation 1.
    assert "| ANN | 98.00 ± 1.00 % (3 seeds, full MNIST) |" in ann
    assert "99.00% (98.17% to 99.46%)" in ann and "| 61,762 | 23 s |" in ann
    assert "| CNN | 99.50 % (1 seed, full MNIST) |" in cnn


def test_the_readme_is_renewed_between_its_markers(shipped, tmp_path):
    readme = tmp_path / "README.md"
    before, after = (
        f"# A\n\n{BEGIN}\n",
        f"\n{END}\n\nThe rest, – and ü.\n",
    )
    readme.write_text(f"{before}old{after}", encoding="utf-8")
    for _ in range(2):  # the second time changes nothing
        report.renew_readme(readme)
        expected = f"{before}{report.readme_table()}{after}"
        assert readme.read_text(encoding="utf-8") == expected
    assert [p.name for p in tmp_path.glob("*README*")] == ["README.md"]


@pytest.mark.parametrize(
    "text",
    [
        "# no markers",
        f"{BEGIN}",
        f"{END}\n{BEGIN}",
        f"{BEGIN}\n{END}\n{BEGIN}\n{END}",
    ],
)
def test_a_readme_without_its_markers_stays_as_it_is(shipped, tmp_path, text):
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(MarkerError, match="needs the line"):
        report.renew_readme(readme)
    assert readme.read_text() == text


def test_a_table_that_cannot_be_read_or_shown_ends_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setenv("RUNS_DIR", "a" * 300)
    assert report.main([]) == 1
    monkeypatch.setenv("RUNS_DIR", str(runs.REFERENCE_DIR))

    class FullDisk(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys, "stdout", FullDisk())
    assert report.main([]) == 1
    assert os.strerror(errno.ENOSPC) in capsys.readouterr().err


def test_without_readme_or_reference_there_is_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(MarkerError, match="There is no"):
        report.renew_readme(tmp_path / "README.md")
    monkeypatch.setattr(runs, "REFERENCE_DIR", tmp_path / "nothing")
    with pytest.raises(report.ReportError, match=r"tools\.reference train"):
        report.readme_table()


@pytest.mark.committed
def test_the_numbers_for_the_pocket_are_current():
    text = report.ANSWERS.read_text(encoding="utf-8")
    current = with_part(text, "numbers", report.pocket_table())
    assert text == current, "run `python3 course.py results`"


@pytest.mark.committed
def test_the_readme_of_the_course_is_current():
    assert report.README.exists(), "The course has no README.md."
    text = report.README.read_text(encoding="utf-8")
    current = with_part(text, report.MARKER, report.readme_table())
    assert text == current, "Run python3 course.py results: README.md is out of date."


@pytest.mark.committed
@pytest.mark.slow
@pytest.mark.maintainers
def test_renewing_the_readme_writes_the_committed_table_and_picture(
    tmp_path, monkeypatch, capsys
):
    """The command as it is, on copies: the shipped runs give what is committed."""
    names = ("README", "PICTURE", "ANSWERS")
    committed = {name: getattr(report, name) for name in names}
    for name, path in committed.items():
        monkeypatch.setattr(report, name, tmp_path / path.name)
    text = committed["README"].read_text(encoding="utf-8")
    stale = with_part(text, report.MARKER, "an older table")
    (tmp_path / "README.md").write_text(stale, encoding="utf-8")
    shutil.copy(committed["ANSWERS"], tmp_path)
    assert report.main(["--readme"]) == 0
    assert "README.md, result.png and answers.md" in capsys.readouterr().out
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == text
    new, old = (
        np.asarray(Image.open(path).convert("RGB"), float)
        for path in (tmp_path / "result.png", committed["PICTURE"])
    )
    assert new.shape == old.shape
    # Other processors round other digits, which moves a line by a pixel at most.
    assert np.mean(np.abs(new - old).max(axis=-1) > 64) < 0.01
