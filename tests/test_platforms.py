"""The course on other people's machines, imitated one mechanism at a time."""

import json
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from tools import first_cell
from utils import environment
from utils.places import COURSE_DIR

NO_CLONE = pytest.mark.skipif(
    not (shutil.which("git") and (COURSE_DIR / ".git").exists()),
    reason="no git, or the course was downloaded without its history",
)


def python(folder, code, **variables):
    """Run code in a folder as a student's script would: (exit code, stdout, stderr)."""
    variables = os.environ | {"PYTHONPATH": None, "RUNS_DIR": None} | variables
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


# --- Git for Windows -----------------------------------------------------------------


@pytest.fixture(scope="module")
def windows_clone(tmp_path_factory):
    """A clone as Git for Windows makes it unless its user chose otherwise."""
    folder = tmp_path_factory.mktemp("windows") / "course"
    clone = (
        "git",
        "clone",
        "-q",
        "-c",
        "core.autocrlf=true",
        str(COURSE_DIR),
        str(folder),
    )
    subprocess.run(clone, check=True, capture_output=True)
    return folder


@NO_CLONE
def test_a_clone_by_git_for_windows_loads_every_shipped_run(windows_clone):
    code = (
        "from utils import data, runs\n"
        "for name in runs.list_runs(runs.REFERENCE_DIR):\n"
        "    print(runs.load_run(name, announce=False).origin)\n"
        "assert data._read_shipped_digits()[2]\n"
    )
    code, out, err = python(windows_clone, code)
    assert (code, err) == (0, "")
    shipped = list(COURSE_DIR.glob("reference/*/run.json"))
    assert out.splitlines() == ["reference run"] * len(shipped) and len(shipped) >= 10


@NO_CLONE
def test_a_clone_by_git_for_windows_is_the_course_byte_for_byte(windows_clone):
    listed = subprocess.run(
        ["git", "ls-files", "--eol"], cwd=windows_clone, capture_output=True, text=True
    )
    assert len(listed.stdout.splitlines()) > 100
    assert "w/crlf" not in listed.stdout and "w/mixed" not in listed.stdout
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=windows_clone, capture_output=True
    )
    assert status.stdout == b""


@NO_CLONE
def test_every_system_can_have_the_courses_files():
    """No links, no names that Windows forbids or takes for one and the same."""
    listed = subprocess.run(
        ["git", "ls-files", "-s", "-z"], cwd=COURSE_DIR, capture_output=True, text=True
    ).stdout
    modes, names = zip(*(e.split("\t") for e in listed.split("\0") if e), strict=True)
    assert not any(mode.startswith("120000") for mode in modes)
    assert len({name.lower() for name in names}) == len(names) > 100
    forbidden = r'[:*?"<>|\\]|(^|/)(aux|con|nul|prn|com\d|lpt\d)(\.|/|$)|[ .](/|$)'
    assert not [name for name in names if re.search(forbidden, name.lower())]
    assert max(map(len, names)) < 100  # far from 260, below any folder


# --- the first cell, wherever its notebook runs ---------------------------------------

WHERE = "import utils.data; print(utils.data.__file__); print(os.getcwd())"


def from_first_cell(folder, then, **variables):
    """Run the first cell in a folder, then code: (exit code, stdout, stderr)."""
    return python(folder, f"{first_cell.source()}\n{then}\n", **variables)


@pytest.mark.parametrize("place", [".", "labs", "exercises/release/ann"])
def test_a_notebook_finds_the_course_and_stays_where_it_is(place):
    folder = COURSE_DIR / place
    code, out, err = from_first_cell(folder, WHERE)
    assert (code, err) == (0, "")
    assert out.splitlines() == [str(COURSE_DIR / "utils" / "data.py"), str(folder)]


def test_vs_code_with_another_root_finds_the_course(tmp_path):
    file = COURSE_DIR / "labs" / "Transfer.ipynb"
    code = f"__vsc_ipynb_file__ = {str(file)!r}\n{first_cell.source()}\n{WHERE}"
    code, out, err = python(tmp_path, code)
    assert (code, err) == (0, "")
    assert out.splitlines()[1] == str(COURSE_DIR)


EXERCISES = COURSE_DIR.glob("exercises/release/*/*.ipynb")


@pytest.mark.parametrize(
    "path",
    [p for p in EXERCISES if len([*p.parent.iterdir()]) > 1],
    ids=lambda p: p.stem,
)
def test_an_exercise_finds_its_files_from_any_folder(tmp_path, path):
    """VS Code's kernel may work in its root, Colab's in a folder of its own."""
    cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    first = next(k for k, c in enumerate(cells) if "NotImplementedError" in c.source)
    code = f"__vsc_ipynb_file__ = {str(path)!r}\n"
    code += "\n".join(cell.source for cell in cells[:first])
    code, _, err = python(tmp_path, code, MNIST_DATA="sample")
    assert code == 0, err


ADDRESS = "https://github.com/somebody/some-course"


def test_one_address_reaches_the_cells_and_the_readme(tmp_path, monkeypatch):
    for name in ("README.md", "pyproject.toml", "ANN_Model.ipynb"):
        shutil.copy(COURSE_DIR / name, tmp_path)
    monkeypatch.setattr(first_cell, "COURSE_DIR", tmp_path)
    ours = tmp_path / "ANN_Model.ipynb"
    monkeypatch.setattr(first_cell, "notebooks", lambda: [ours])
    before = {path: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert first_cell.main(ADDRESS) == 0
    assert ADDRESS in ours.read_text(encoding="utf-8")
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    colab = "(https://colab.research.google.com/github/somebody/some-course/blob/main/"
    kaggle = f"kernels/welcome?src={ADDRESS}/blob/main/"
    binder = "(https://mybinder.org/v2/gh/somebody/some-course/main?labpath="
    for host in (colab, kaggle, binder):
        for name in ("ANN_Model", "CNN_Model", "Comparison"):
            assert f"{host}{name}.ipynb)" in readme
    assert first_cell.main("") == 0  # what was given is taken back
    assert {p: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()} == before
    assert first_cell.main("not an address") == 1


def test_the_readme_has_the_links_of_the_address():
    text = (COURSE_DIR / "README.md").read_text(encoding="utf-8")
    part = f"<!-- hosts -->\n{first_cell.links(first_cell.address())}\n<!-- /hosts -->"
    assert part in text


def test_away_from_the_course_a_sentence_says_so(tmp_path):
    code, _, err = from_first_cell(tmp_path, "")
    assert code == 1
    assert f"folder, not in {tmp_path}" in err.splitlines()[-1]


@NO_CLONE
@pytest.mark.parametrize("host", ["COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"])
@pytest.mark.slow
def test_a_host_fetches_the_course_once_and_finds_it_after_a_restart(tmp_path, host):
    there = {host: "1", "COURSE_ADDRESS": COURSE_DIR.as_uri()}
    fetched = tmp_path / "ann-vs-cnn-on-mnist"
    for _ in range(2):  # the second time after a restart: in the old folder again
        code, out, err = from_first_cell(tmp_path, WHERE, **there)
        assert code == 0, err
        assert out.splitlines()[-1] == str(fetched)
        there["COURSE_ADDRESS"] = "https://localhost:1/gone"
    assert not (fetched / fetched.name).exists()


@pytest.mark.skipif(
    not shutil.which("git"),
    reason="no git, or the course was downloaded without its history",
)
@pytest.mark.parametrize("address", ["", "/no/such/course"])
def test_a_host_that_cannot_fetch_the_course_says_so(tmp_path, address):
    there = {"KAGGLE_KERNEL_RUN_TYPE": "1", "COURSE_ADDRESS": address}
    code, _, err = from_first_cell(tmp_path, "", **there)
    assert code == 1
    last = err.splitlines()[-1]
    assert f"No course at '{address}'. Switch the Internet on" in last
    assert last.endswith(f"as {tmp_path}/ann-vs-cnn-on-mnist.")


@pytest.mark.parametrize("name", ["secrets", "pandas", "utils", "numpy"])
def test_a_file_of_the_students_takes_no_librarys_place(tmp_path, name):
    folder = tmp_path / "labs"
    shutil.copytree(
        COURSE_DIR / "utils", tmp_path / "utils", ignore=lambda *_: ["__pycache__"]
    )
    folder.mkdir()
    for place in (folder, tmp_path):
        if name != "utils" or place == folder:
            (place / f"{name}.py").write_text(
                "raise SystemExit('a student wrote me')\n"
            )
    then = "import pandas, numpy.random, utils.data; print('fine')"
    code, out, err = from_first_cell(folder, then)
    assert (code, out, err) == (0, "fine\n", "")


def test_another_utils_on_pythonpath_is_not_taken(tmp_path):
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "__init__.py").write_text("raise SystemExit('not me')\n")
    code, out, err = from_first_cell(COURSE_DIR, WHERE, PYTHONPATH=str(tmp_path))
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == str(COURSE_DIR / "utils" / "data.py")


# --- settings from outside -----------------------------------------------------------

REPORT = (
    "import keras; c = keras.config\n"
    "print(c.backend(), c.floatx(), c.image_data_format(), c.epsilon())\n"
    "print(c.dtype_policy().name)"
)
LEFT_ON = """print('now')
os.remove(os.path.join(os.environ["KERAS_HOME"], "keras.json"))
del os.environ["KERAS_BACKEND"]
keras.config.set_dtype_policy('mixed_float16')
"""
AS_SHIPPED = ["tensorflow float32 channels_last 1e-07", "float32"]


@pytest.mark.slow
def test_settings_from_outside_are_put_right_and_said(tmp_path):
    """Those of keras.json, and a policy left on before the first cell is run again."""
    settings = {
        "backend": "jax",
        "floatx": "float16",
        "image_data_format": "channels_first",
        "epsilon": 0.001,
    }
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    again = f"{REPORT}\n{LEFT_ON}\n{first_cell.source()}\n{REPORT}"
    code, out, err = from_first_cell(
        COURSE_DIR, again, KERAS_HOME=str(tmp_path), KERAS_BACKEND=None
    )
    assert code == 0, err
    of_file, of_policy = (part.splitlines() for part in out.split("now\n"))
    said = {
        "backend": "asks for {}; the course uses tensorflow",
        "floatx": "floatx was set to {}",
        "image_data_format": "set to {}",
        "epsilon": "epsilon was set to {}",
    }
    for name, value in settings.items():
        assert said[name].format(value) in "\n".join(of_file)
    assert len(of_policy) == 3
    assert "dtype policy was set to mixed_float16" in of_policy[0]
    assert of_file[-2:] == of_policy[-2:] == AS_SHIPPED


NO_SETTINGS = {
    "pipe": os.mkfifo if hasattr(os, "mkfifo") else os.mkdir,
    "folder": os.mkdir,
    "film": lambda path: path.touch() or os.truncate(path, 6_000_000_000),
    "deep": lambda path: path.write_text("[" * 90_000),
    "list": lambda path: path.write_text("[]"),
    "brain float": lambda path: path.write_text('{"floatx": "bfloat16"}'),
    "number": lambda path: path.write_text('{"floatx": 7}'),
    "channels": lambda path: path.write_text('{"image_data_format": "channels"}'),
    "text": lambda path: path.write_text('{"epsilon": "1e-7"}'),
}


@pytest.mark.parametrize("case", NO_SETTINGS)
def test_a_keras_file_that_is_none_is_named(tmp_path, case):
    NO_SETTINGS[case](tmp_path / "keras.json")
    code, _, err = from_first_cell(COURSE_DIR, REPORT, KERAS_HOME=str(tmp_path))
    said = err.strip().splitlines()[-1]
    assert code == 1 and said.startswith("RuntimeError: Keras cannot start")
    assert str(tmp_path / "keras.json") in said and "move this file" in said


@pytest.mark.parametrize("text", ["", "{", "\xff"])
def test_a_keras_file_that_keras_overlooks_is_overlooked(tmp_path, text):
    (tmp_path / "keras.json").write_text(text, encoding="latin-1")
    then = "print('keras' in sys.modules)"
    done = from_first_cell(
        COURSE_DIR, then, KERAS_HOME=str(tmp_path), KERAS_BACKEND=None
    )
    assert done == (0, "False\n", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no folder that is gone")
def test_a_kernel_whose_folder_is_gone_works_in_the_course(tmp_path):
    gone = f"import os\nos.chdir({str(tmp_path)!r})\nos.rmdir({str(tmp_path)!r})\n"
    then = "from utils.environment import set_up\nset_up()\nprint(os.getcwd())"
    code, out, err = python(
        COURSE_DIR, f"import sys\nsys.path.insert(0, {str(COURSE_DIR)!r})\n{gone}{then}"
    )
    assert (code, out) == (0, f"{COURSE_DIR}\n"), err


MATPLOTLIBRC = """
image.origin: lower
image.cmap: jet
text.usetex: True
font.size: 30
figure.facecolor: black
axes.facecolor: black
text.color: white
lines.linewidth: 9
"""
FIGURES = """
import hashlib, matplotlib, numpy as np
from utils import plots
image = np.arange(784, dtype=np.uint8).reshape(28, 28)
half = plots.learning_rate(lambda step: 1 / (1 + step), 100, 10)
for figure in (plots.images(image[None], ["seven"]), half):
    data = figure._repr_mimebundle_()[0]["image/png"]
    print(hashlib.sha256(data.encode()).hexdigest())
print(matplotlib.rcParams["text.color"], matplotlib.get_backend().lower())
"""
STYLES = """
import matplotlib.pyplot as plt, seaborn
seaborn.set_theme("poster", palette="pastel")
plt.style.use("dark_background")
"""


def test_figures_look_as_they_should_whatever_matplotlib_is_told(tmp_path):
    (tmp_path / "matplotlibrc").write_text(MATPLOTLIBRC)
    here = {"MPLBACKEND": "svg"}  # as Jupyter chooses its own
    plain = from_first_cell(COURSE_DIR, FIGURES, **here, MATPLOTLIBRC=None)
    told = from_first_cell(COURSE_DIR, FIGURES, **here, MATPLOTLIBRC=str(tmp_path))
    assert plain[0] == 0, plain[2]
    assert (told[0], told[2]) == (0, "")
    *ours, theirs = zip(plain[1].splitlines(), told[1].splitlines(), strict=True)
    assert len(ours) == 2 and all(as_is == same for as_is, same in ours)
    assert theirs == ("black svg", "white svg")  # other figures are none of ours


def test_a_style_chosen_in_the_notebook_is_for_its_own_figures():
    plain = from_first_cell(COURSE_DIR, FIGURES, MPLBACKEND="svg")
    styled = from_first_cell(COURSE_DIR, STYLES + FIGURES, MPLBACKEND="svg")
    assert plain[0] == styled[0] == 0, styled[2]
    *ours, theirs = zip(plain[1].splitlines(), styled[1].splitlines(), strict=True)
    assert len(ours) == 2 and all(as_is == same for as_is, same in ours)
    assert theirs == ("black svg", "white svg")


def test_nothing_is_said_and_no_keras_imported_where_all_is_well(tmp_path):
    then = "print('keras' in sys.modules)"
    code, out, err = from_first_cell(
        COURSE_DIR, then, KERAS_HOME=str(tmp_path), KERAS_BACKEND=None
    )
    assert (code, out, err) == (0, "False\n", "")


@pytest.mark.parametrize("name", ["tensorflow", "filelock"])
def test_a_package_that_is_absent_is_named_by_the_first_cell(monkeypatch, name):
    there = environment.find_spec
    absent = {name, "jax", "torch"}
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(
        environment, "find_spec", lambda n: n not in absent and there(n)
    )
    with pytest.raises(RuntimeError, match=rf"lacks {name}\. .*pip install -r") as said:
        environment._check_packages()
    assert "KERAS_BACKEND" not in str(said.value)


def test_another_engine_that_is_there_is_offered(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(environment, "find_spec", lambda name: name != "tensorflow")
    with pytest.raises(RuntimeError, match=r"lacks tensorflow.* set KERAS_BACKEND=jax"):
        environment._check_packages()


@pytest.mark.parametrize("backend", ["theano", "openvino", "Torch"])
def test_a_backend_that_cannot_train_is_refused(backend):
    code, _, err = from_first_cell(COURSE_DIR, "", KERAS_BACKEND=backend)
    assert code == 1
    assert f"KERAS_BACKEND is {backend!r}" in err.splitlines()[-1]


def test_a_training_is_not_cut_short_by_a_setting():
    then = "print('KERAS_MAX_EPOCHS' in os.environ)"
    code, out, _ = from_first_cell(COURSE_DIR, then, KERAS_MAX_EPOCHS="1")
    assert code == 0
    assert "KERAS_MAX_EPOCHS is set" in out and out.splitlines()[-1] == "False"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such streams")
def test_stderr_may_be_closed():
    code = "import os; os.close(2)\nfrom utils.environment import quiet_stderr\n"
    code += "with quiet_stderr(): print('fine')"
    assert python(COURSE_DIR, code)[:2] == (0, "fine\n")


PREDICTS = """
import keras, numpy as np
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
model.compile("sgd", "mse", steps_per_execution=8)
x = np.zeros((8, 2))
model.fit(x, x, verbose=0)
print("trained", flush=True)
for n in range(1, 9):
    model.predict(x[:n], batch_size=1, verbose=0)
"""


@pytest.mark.slow
def test_a_network_that_predicts_many_numbers_of_batches_says_nothing_of_it():
    """With several steps in a call, TensorFlow makes a function for each number."""
    start = "from utils.environment import check_environment\ncheck_environment()"
    code, out, error = python(COURSE_DIR, start + PREDICTS)
    said = (out + error).partition("trained")[2].strip()
    assert (code, said) == (0, "")


@pytest.mark.slow
def test_a_notebook_that_prints_no_versions_says_nothing_of_it_either():
    """The first cell is all that every notebook has; TensorFlow comes after it."""
    start = "from utils.environment import set_up\nset_up()"
    code, out, error = python(COURSE_DIR, start + PREDICTS)
    assert code == 0 and "retracing" not in out + error


@pytest.mark.parametrize("version", ["3.7.1", "2.15.0rc1"])
def test_a_package_that_is_too_old_is_named(monkeypatch, version):
    import keras

    monkeypatch.setattr(keras, "__version__", version)
    with pytest.raises(RuntimeError, match=f"keras is {version}; the course needs 3"):
        environment.check_environment()


def installed(folder, package, version):
    """Note a package as an installer does; what it noted elsewhere counts no longer."""
    notes = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    notes.mkdir()
    text = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
    (notes / "METADATA").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("package", ["keras", "tensorflow", "numpy", "scikit-learn"])
def test_the_first_cell_names_a_package_that_is_too_old(tmp_path, package):
    installed(tmp_path, package, "1.2")
    code, _, err = from_first_cell(COURSE_DIR, "", PYTHONPATH=str(tmp_path))
    assert code == 1
    assert f"RuntimeError: {package} is 1.2; the course needs" in err


@pytest.mark.parametrize("notes", ["", "Version: none of yours\n"], ids=len)
def test_a_package_that_is_there_in_part_is_named(tmp_path, notes):
    installed(tmp_path, "keras", "3.9")
    (metadata,) = tmp_path.glob("*/METADATA")
    metadata.write_text(f"Metadata-Version: 2.1\nName: keras\n{notes}")
    code, _, err = from_first_cell(COURSE_DIR, "", PYTHONPATH=str(tmp_path))
    assert code == 1
    assert err.splitlines()[-1].startswith("RuntimeError: keras is installed only in")


def test_an_engine_that_is_not_used_may_be_old(tmp_path):
    installed(tmp_path, "tensorflow", "1.2")
    (tmp_path / "torch.py").touch()
    code, out, err = from_first_cell(
        COURSE_DIR, "", PYTHONPATH=str(tmp_path), KERAS_BACKEND="torch"
    )
    assert (code, err) == (0, "") and "computes with torch" in out


def test_a_pre_release_is_a_version(monkeypatch, capsys):
    import keras

    monkeypatch.setattr(keras, "__version__", "4.0.0rc1")
    environment.check_environment()
    assert "keras 4.0.0rc1" in capsys.readouterr().out


def test_keras_folder_is_found_without_a_home(monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as without a home
    assert environment.keras_home().name == ".keras"


def test_keras_folder_is_where_keras_itself_looks(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", os.path.join("~", "k"))
    assert environment.keras_home() == tmp_path / "k"
