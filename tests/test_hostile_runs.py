"""Runs from a stranger: each is refused quickly, in a sentence that names its file.

A new case is one line in a table.
"""

import contextlib
import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from filelock import FileLock
from test_runs import (  # noqa: F401 - home is a fixture for all tests here
    complaint,
    forge,
    home,
    posix,
    save_number,
)

from utils import model_file, runs
from utils.answers import Unusable
from utils.bounded import BadFile, parse_json
from utils.data import KNOWN_TEST_SETS
from utils.model_answers import reopened, saved
from utils.run_files import STRESS
from utils.runs import check_comparable, list_runs, load_run

SECONDS = 3


@contextlib.contextmanager
def in_time():
    begin = time.process_time()  # what waits for ever is ended by pytest
    yield
    assert time.process_time() - begin < SECONDS


def refused(path, load=lambda: load_run("ann")):
    """See that a file is refused in time and by name; return the sentence."""
    with in_time():
        message = complaint(load)
    assert str(path) in message and len(message) < 900
    assert "elete" not in message  # it may be somebody's own
    return message


# --- what is no file -----------------------------------------------------------------


def as_socket(path):
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def as_sparse(path):
    with open(path, "wb") as file:
        file.truncate(6_000_000_000)


NO_FILES = {
    "pipe": lambda path: os.mkfifo(path),
    "folder": lambda path: path.mkdir(),
    "socket": as_socket,
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "kernel": lambda path: path.symlink_to("/proc/kmsg"),
    "passwords": lambda path: path.symlink_to("/etc/passwd"),
    "circle": lambda path: path.symlink_to(path),
    "nothing": lambda path: path.symlink_to("nothing"),
    "6 GB": as_sparse,
    "empty": lambda path: path.touch(),
}


@posix
@pytest.mark.parametrize("name", ["run.json", "history.json", "predictions.npz"])
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_never_read(name, kind):
    path = save_number(1).folder / name
    path.unlink()
    NO_FILES[kind](path)
    refused(path)


@posix
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_model_file_is_never_read(kind):
    run = save_number(1)
    path = run.folder / "model.keras"
    path.unlink()
    NO_FILES[kind](path)
    refused(path)
    refused(path, run.load_model)


# --- JSON ----------------------------------------------------------------------------

BAD_JSON = {
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "large": b'{"name": "' + b"a" * 7_000_000 + b'"}',
    "a long number": b"1" * 100_000,
    "NaN": b'{"loss": [NaN], "seconds": [1]}',
    "too large": b'{"loss": [1e999], "seconds": [1]}',
    "twice": b'{"seconds": [1], "seconds": [2]}',
    "twice among many": b'{%s, "k9": 0}'
    % b", ".join(b'"k%d": 0' % k for k in range(15_000)),
    "a long name twice": b'{"%s": 1, "%s": 1}' % (2 * (b"a" * 60_000,)),
    "two": b"{}{}",
}


@pytest.mark.parametrize("name", ["run.json", "history.json"])
@pytest.mark.parametrize("case", BAD_JSON)
def test_hostile_json_is_refused(name, case):
    path = save_number(1).folder / name
    if name == "run.json":
        path.write_bytes(BAD_JSON[case])
    else:
        forge(path.parent, name, BAD_JSON[case])
    refused(path)


def test_brackets_count_where_they_are_brackets():
    words = {"a": "[" * 60 + '\\"', "b": "{" * 60}
    assert parse_json(json.dumps(words).encode(), "words.json") == words
    hidden = b'["' + b"]" * 60 + b'", ' + b"[" * 60 + b"]" * 60 + b"]"
    for raw in (hidden, b"[" * 60 + b'"]]'):
        with pytest.raises(BadFile, match="50 deep"):
            parse_json(raw, "deep.json")
    for raw in (b'"' + b'\\"' * 10**6, b'"a' * 10**6, b'"' + b"\\" * 10**6):
        with in_time(), pytest.raises(BadFile, match="not JSON"):
            parse_json(raw, "text.json")


# --- run.json against its own files --------------------------------------------------

LIES = [
    ("name", "../../etc"),
    ("model", "a\nb"),
    ("model", "\ud800"),
    ("model", ""),
    ("model", "x" * 100_000),
    ("seed", True),
    ("seed", "1"),
    ("seed", 1.0),
    ("seed", -1),
    ("epochs", 2),
    ("epochs", -1),
    ("epochs", 10**400),
    ("parameters", -5),
    ("parameters", 5.5),
    ("train_seconds", 3600),
    ("train_seconds", -0.5),
    ("test_accuracy", 0.99),
    ("test_accuracy", 1.5),
    ("test_accuracy", True),
    ("test_accuracy", "1.0"),
    ("test_loss", 0.5),
    ("test_loss", -0.0001),
    ("created", "yesterday"),
    ("created", "2026-01-01"),
    ("created", 1_700_000_000),
    ("versions", {"keras": 3}),
    ("versions", {"keras": "3\x1b[2J"}),
    ("data.n_test", 10_000),
    ("data.n_test", "8"),
    ("data.n_train", 0),
    ("data.n_train", 2**63),
    ("stopped", "no"),
    ("stopped", []),
    ("data.test_fingerprint", 1234567890123456),
    ("data.n_train", -1),
    ("data.n_val", False),
    ("data.source", 7),
    ("data.source", "<script>"),
    ("data.test_fingerprint", "no fingerprint"),
    ("data.test_fingerprint", "c3f9adf9c66efb57"),  # that of the full MNIST
    ("files", {}),
]


@pytest.mark.parametrize(("field", "value"), LIES)
def test_a_run_that_contradicts_its_files_is_refused(field, value):
    path = save_number(1).folder / "run.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    *outer, last = field.split(".")
    (info[outer[0]] if outer else info)[last] = value
    path.write_text(json.dumps(info), encoding="utf-8")
    assert "is damaged: it " in refused(path)


@pytest.mark.parametrize("fingerprint", KNOWN_TEST_SETS)
def test_a_run_that_claims_a_known_test_set_has_its_labels(fingerprint):
    run = save_number(1)
    path = run.folder / "run.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    source = KNOWN_TEST_SETS[fingerprint]
    info["data"] |= {"source": source, "test_fingerprint": fingerprint}
    path.write_text(json.dumps(info), encoding="utf-8")
    assert f"the {source}, which has other labels" in refused(path)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../../../etc/passwd", "..", "extra.txt", "run.json", "", "a\\b"],
)
@pytest.mark.parametrize("digest", ["0" * 64, 7, "0" * 63, None])
def test_files_outside_of_a_run_are_never_read(name, digest, monkeypatch):
    path = save_number(1).folder / "run.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    info["files"][name] = digest
    path.write_text(json.dumps(info), encoding="utf-8")
    opened = []
    sys.addaudithook(lambda event, a: event == "open" and opened.append(str(a[0])))
    refused(path)
    assert not [file for file in opened if file.endswith(("passwd", "extra.txt"))]


BAD_HISTORIES = [
    {"loss": [-1.0], "seconds": [0.5]},
    {"loss": ["1"], "seconds": [0.5]},
    {"loss": [None], "seconds": [0.5]},
    {"loss": [True], "seconds": [0.5]},
    {"loss": [10**400], "seconds": [0.5]},
    {"loss": [1.0], "seconds": [-0.5]},
    {"loss": [1.0], "seconds": [[0.5]]},
    {"accuracy": [1.5], "loss": [1.0], "seconds": [0.5]},
    {"val_accuracy": [-0.1], "loss": [1.0], "seconds": [0.5]},
    {"loss": [1.0, 2.0], "seconds": [0.5, 0.5]},  # two epochs, run.json says one
    {"loss": [1.0], "seconds": [700]},  # run.json says half a second
    {"lo\x1bss": [1.0], "seconds": [0.5]},
    {"loss": [1.0], "seconds": [0.5]} | {f"m{k}": [1.0] for k in range(1000)},
]


@pytest.mark.parametrize("history", BAD_HISTORIES)
def test_a_history_that_cannot_be_is_refused(history):
    folder = save_number(1).folder
    forge(folder, "history.json", json.dumps(history).encode())
    with in_time():
        assert str(folder) in complaint(load_run, "ann")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_training_that_failed_is_not_saved(value, home):  # noqa: F811
    assert "learning rate" in complaint(save_number, 1, history={"loss": [value]})
    assert not home.exists()


NO_HISTORIES = [None, [1.0], {"loss": ["x"]}, {"loss": 1.0}, {"loss": [10**400]}]


@pytest.mark.parametrize("history", NO_HISTORIES)
def test_what_is_no_history_is_not_saved(history, home):  # noqa: F811
    assert "History.history" in complaint(save_number, 1, history=history)
    assert not home.exists()


# --- arrays --------------------------------------------------------------------------

ROWS = np.full((8, 10), 0.1, np.float32)
Y = np.array([0, 0, 0, 0, 0, 0, 0, 1], np.uint8)
RIGHT = np.eye(10, dtype=np.float32)[Y]
BAD_ARRAYS = {
    "objects": {"y_true": Y, "y_prob": np.array([{}] * 8, object)},
    "texts": {"y_true": Y, "y_prob": RIGHT.astype(str)},
    "complex": {"y_true": Y, "y_prob": RIGHT + 0j},
    "a record": {"y_true": Y, "y_prob": np.zeros(8, "f4,f4")},
    "dates": {"y_true": Y.astype("M8[s]"), "y_prob": RIGHT},
    "other labels": {"y_true": Y + 1, "y_prob": RIGHT},
    "label 10": {"y_true": Y + 9, "y_prob": RIGHT},
    "wrong answers": {"y_true": Y, "y_prob": np.roll(RIGHT, 1, axis=1)},
    "unsure": {"y_true": Y, "y_prob": ROWS},
    "more digits": {"y_true": np.tile(Y, 2), "y_prob": np.tile(RIGHT, (2, 1))},
    "above 1": {"y_true": Y, "y_prob": RIGHT * 2},
    "infinite": {"y_true": Y, "y_prob": np.full((8, 10), np.inf)},
    "none": {"y_true": Y[:0], "y_prob": RIGHT[:0]},
    "a number": {"y_true": np.array(7), "y_prob": RIGHT},
}


def packed(method=zipfile.ZIP_DEFLATED, **members):
    """Return a zip archive of files given as bytes."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return raw.getvalue()


def npy(shape, dtype="|u1", fortran=False, body=b""):
    header = repr({"descr": dtype, "fortran_order": fortran, "shape": shape}) + "\n"
    length = len(header).to_bytes(2, "little")
    return b"\x93NUMPY\x01\x00" + length + header.encode() + body


def twice(archive):
    """Return a zip archive with all its files once more."""
    raw = io.BytesIO(archive)
    with (
        zipfile.ZipFile(raw, "a") as both,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        for name in both.namelist():
            both.writestr(name, both.read(name))
    return raw.getvalue()


# Made when they are asked for: the bombs take a second.
BAD_ARCHIVES = {
    "a bomb": lambda: packed(y_true__npy=bytes(200_000_000), y_prob__npy=b""),
    "a bomb beside": lambda: packed(
        y_true__npy=b"", y_prob__npy=b"", x=bytes(200_000_000)
    ),
    "bzip2": lambda: packed(
        zipfile.ZIP_BZIP2, y_true__npy=bytes(50_000_000), y_prob__npy=b""
    ),
    "huge": lambda: packed(y_true__npy=npy((10**18,)), y_prob__npy=npy((10**18, 10))),
    "negative": lambda: packed(y_true__npy=npy((-8,)), y_prob__npy=npy((8, 10))),
    "of no size": lambda: packed(
        y_true__npy=npy((10**18,), "<U0"), y_prob__npy=npy((8, 10))
    ),
    "short": lambda: packed(y_true__npy=npy((8,)), y_prob__npy=npy((8, 10))),
    "long": lambda: packed(
        y_true__npy=npy((8,), body=bytes(9)), y_prob__npy=npy((8, 10))
    ),
    "objects": lambda: packed(y_true__npy=npy((8,), "|O"), y_prob__npy=npy((8, 10))),
    "nested": lambda: packed(y_true__npy=npy("(" * 5000), y_prob__npy=b""),
    "version 9": lambda: packed(y_true__npy=b"\x93NUMPY\x09\x00", y_prob__npy=b""),
    "an array twice": lambda: twice(packed(y_true__npy=npy((8,), body=bytes(8)))),
    "no arrays": lambda: packed(y_true=b"", y_prob=b""),
    "no archive": lambda: b"PK\x03\x04" + bytes(1000),
    "a pickle": lambda: b"\x80\x04N.",
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_predictions_that_cannot_be_are_refused(case, tmp_path):
    folder = save_number(1).folder
    np.savez(tmp_path / "bad.npz", **BAD_ARRAYS[case])
    forge(folder, "predictions.npz", (tmp_path / "bad.npz").read_bytes())
    with in_time():
        assert str(folder) in complaint(load_run, "ann")


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_hostile_archives_are_refused(case):
    folder = save_number(1).folder
    forge(folder, "predictions.npz", BAD_ARCHIVES[case]())
    refused(folder / "predictions.npz")


@pytest.mark.parametrize("change", [np.asfortranarray, lambda a: a.astype(">f4")])
def test_the_same_probabilities_in_another_order_are_read(change, tmp_path):
    folder = save_number(1).folder
    np.savez(tmp_path / "other.npz", y_true=Y.astype(">i8"), y_prob=change(RIGHT))
    forge(folder, "predictions.npz", (tmp_path / "other.npz").read_bytes())
    np.testing.assert_array_equal(load_run("ann").y_prob, RIGHT)


def test_runs_that_only_claim_the_same_test_digits_are_not_compared():
    ann, cnn = save_number(1, "ann"), save_number(2, "cnn")
    assert "other labels" in complaint(check_comparable, ann, cnn)


# --- hits on damaged digits ----------------------------------------------------------

HITS = dict.fromkeys(STRESS, np.eye(2, 8, dtype=bool)) | {"uci": np.ones((1, 9), bool)}
BAD_HITS = {
    "texts": np.full((2, 8), "no"),
    "NaN": np.full((2, 8), np.nan),
    "halves": np.full((2, 8), 0.5),
    "numbers": np.ones((2, 8), int),
    "other digits": np.ones((2, 7), bool),
    "no severities": np.ones((0, 8), bool),
    "the harmless severity": np.ones((1, 8), bool),
    "a number": np.array(True),
    "a row": np.ones(8, bool),
    "uneven": [[True], [True, False]],
}
NO_HITS = [{}, [1, 2], {"shift": HITS["shift"]}, HITS | {"file": HITS["shift"]}]


@pytest.mark.parametrize("case", BAD_HITS)
@pytest.mark.parametrize("kind", ["noise", "uci"])
def test_hits_that_cannot_be_are_neither_saved_nor_loaded(case, kind, home, tmp_path):  # noqa: F811
    stress = HITS | {kind: BAD_HITS[case]}
    if kind == "uci" and case == "the harmless severity":
        return  # there, the UCI digits have no other
    message = complaint(save_number, 1, stress=stress)
    assert repr(kind) in message and "Expected True or False" in message
    assert not home.exists()
    if case == "uneven":
        return  # no array can be
    folder = save_number(1, stress=HITS).folder
    np.savez(tmp_path / "bad.npz", **stress)
    forge(folder, "stress.npz", (tmp_path / "bad.npz").read_bytes())
    refused(folder / "stress.npz", lambda: load_run("ann").load_stress())


@pytest.mark.parametrize("stress", NO_HITS)
def test_what_are_no_hits_is_not_saved(stress, home):  # noqa: F811
    assert "shift, rotate" in complaint(save_number, 1, stress=stress)
    assert not home.exists()


def test_hits_come_back_as_they_were_saved_and_never_those_of_a_newer_run():
    old = save_number(1, stress=HITS)
    for kind, hits in old.load_stress().items():
        np.testing.assert_array_equal(hits, HITS[kind])
    save_number(1, stress={kind: ~hits for kind, hits in HITS.items()})
    assert "Load the run again" in refused("stress.npz", old.load_stress)
    (old.folder / "stress.npz").unlink()
    refused("stress.npz", old.load_stress)


# --- names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["con", "NUL", "Aux", "prn", "com1", "LPT9", "com0", "ann.", "ann ", "nul.x"],
)
def test_names_that_windows_reserves_are_refused(name, home):  # noqa: F811
    assert repr(name) in complaint(save_number, 1, name)
    assert repr(name) in complaint(load_run, name)
    assert not home.exists()


@pytest.mark.parametrize("name", ["console", "com10", "nul-1", "auxiliary", "lpt"])
def test_names_that_only_look_like_these_are_not(name):
    assert save_number(1, name).name == name


def test_names_that_differ_in_capitals_only_are_refused():
    save_number(1, "mine")
    assert "'mine'" in complaint(save_number, 2, "Mine")
    assert list_runs() == ["mine"] and load_run("mine").info["seed"] == 1
    save_number(3, "mine")


# --- a save that is stopped ----------------------------------------------------------


@pytest.mark.parametrize("writable", [True, False])
def test_a_save_killed_between_its_renames_is_listed_and_loaded(
    home,  # noqa: F811
    writable,
    monkeypatch,
):
    save_number(1)
    (home / "ann").rename(home / ".ann.whole")
    if not writable:
        monkeypatch.setattr(os, "access", lambda *_: False)
    assert list_runs() == ["ann"]
    assert load_run("ann").info["seed"] == 1


@pytest.mark.parametrize("end", ["partial", "whole", "old"])
@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_lies_in_the_way_of_a_save_is_no_run(home, end, what):  # noqa: F811
    save_number(1)
    path = home / f".ann.{end}"
    if what == "folder":
        path.mkdir()
        (path / "history.json").touch()
    else:
        path.touch() if what == "file" else path.symlink_to("/")
    assert list_runs() == ["ann"] and load_run("ann").info["seed"] == 1
    save_number(2)
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


def stop_at_each_step():
    """Press stop at each step of a save; print what a reader then sees.

    Also whether the lock is free, and what lies in the folder of runs.
    """
    folder, step, at = Path(os.environ["RUNS_DIR"]), 0, None

    def count(event, arguments):
        nonlocal step
        if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"):
            if event == "open" and str(folder) not in str(arguments[0]):
                return
            step += 1
            if step == at:
                raise KeyboardInterrupt

    save_number(0)
    sys.addaudithook(count)
    stopped = True
    for attempt in range(1, 100):
        step, at, stopped = 0, attempt, False
        try:
            save_number(attempt)
        except KeyboardInterrupt:
            stopped = True
        at = None
        FileLock(folder / runs.LOCK_NAME, timeout=0).acquire()
        there = sorted(path.name for path in folder.iterdir())
        print(
            json.dumps([attempt, load_run("ann", announce=False).info["seed"], there])
        )
        if not stopped:
            break


def start(call):
    tests = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, "-c", f"import test_hostile_runs as t; t.{call}()"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([tests, str(runs.COURSE_DIR)])},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_stopped_at_any_step_leaves_no_lock_and_no_half_run():
    out, _ = start("stop_at_each_step").communicate(timeout=120)
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) > 15 and lines[-1][1] == lines[-1][0]  # the last was not stopped
    seen = 0
    for attempt, number, there in lines:
        assert number in (seen, attempt)
        assert {*there} <= {"ann", runs.LOCK_NAME}
        seen = number


def save_slowly():
    """Save a run whose model takes for ever to be written."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it

    def wait(path):
        Path(path).write_bytes(b"half")
        print("saving", flush=True)
        time.sleep(60)

    model = type(
        "Slow", (), {"count_params": lambda _: 1, "save": lambda _, p: wait(p)}
    )
    save_number(2, model=model())


@pytest.mark.slow
@posix
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_while_saving_leaves_no_lock_and_no_half_run(blow, home):  # noqa: F811
    save_number(1)
    child = start("save_slowly")
    assert child.stdout.readline() == "saving\n"
    child.send_signal(blow)
    child.wait(30)
    with in_time():
        assert list_runs() == ["ann"] and load_run("ann").info["seed"] == 1
        save_number(3)
    assert {path.name for path in home.iterdir()} <= {"ann", runs.LOCK_NAME}


# --- file systems without locks ------------------------------------------------------


@posix
@pytest.mark.parametrize(
    "problem",
    [
        NotImplementedError(),
        OSError(errno.ENOLCK, "No locks available"),
        OSError(errno.EOPNOTSUPP, "Operation not supported"),
    ],
)
def test_a_file_system_without_locks_is_said_so(problem, monkeypatch):
    save_number(1)

    def no_lock(*_):
        raise problem

    monkeypatch.setattr(FileLock, "_acquire", no_lock)
    with in_time():
        assert "RUNS_DIR" in complaint(save_number, 2)
        assert load_run("ann").info["seed"] == 1  # reading needs no lock there


# --- models --------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def made_up_predictions(monkeypatch):
    """Whether predictions are the model's own is tested in test_runs."""
    monkeypatch.setattr(runs, "contradiction", lambda *_: None)


@pytest.fixture(scope="module")
def model():
    """A small Keras model, and its file as a dictionary of bytes."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28)), *layers])


def layer_of(config, class_name):
    layers = config["config"]["layers"]
    return next(layer for layer in layers if layer["class_name"] == class_name)


def huge_units(parts):
    layer_of(parts["config.json"], "Dense")["config"]["units"] = 10**9


def between(*layers):
    """Put more layers between the first and the last of a model."""

    def change(parts):
        parts["config.json"]["config"]["layers"][-1:-1] = layers

    return change


def layer(class_name, **config):
    return {"module": "keras.layers", "class_name": class_name, "config": config}


def in_a_model(*layers):
    """A model within the model that makes one number of a digit, and one of it."""
    start = layer("InputLayer", batch_shape=[None, 28, 28, 1], name="inner_input")
    inner = layer("Sequential", name="inner", layers=[start, *layers])
    inner["module"] = "keras"
    back = [layer("RepeatVector", n=784), layer("Flatten")]
    return between(layer("Reshape", target_shape=[28, 28, 1]), inner, *back)


def renamed(class_name, module="keras.layers", registered=None):
    def change(parts):
        dense = layer_of(parts["config.json"], "Dense")
        dense |= {
            "class_name": class_name,
            "module": module,
            "registered_name": registered,
        }

    return change


def in_config(class_name, module, config):
    def change(parts):
        dense = layer_of(parts["config.json"], "Dense")
        dense["config"]["activation"] = {
            "class_name": class_name,
            "module": module,
            "config": config,
            "registered_name": None,
        }

    return change


def weights(write):
    """Replace the weights by what write(h5py.File) makes."""

    def change(parts):
        raw = io.BytesIO()
        with h5py.File(raw, "w") as file:
            write(file)
        parts["model.weights.h5"] = raw.getvalue()

    return change


def without_values(file, shape=(10**9, 1000), **options):
    """An array that states terabytes and, without values, takes hardly any room."""
    file.create_dataset("layers/dense/vars/0", shape, "f4", **options)


def in_a_circle(file):
    file["layers/a/b"] = file.create_group("layers")


CHANGES = {
    "units": huge_units,
    "Lambda": renamed("Lambda"),
    "Lambda, where Keras looks for it": renamed("layers.Lambda", "keras"),
    "a function of Keras": in_config(
        "function", "keras.visualization", "plot_image_gallery"
    ),
    "a function for a class": in_config(
        "plot_image_gallery", "keras.visualization", {}
    ),
    "minutes for a digit": between(
        layer("Reshape", target_shape=[28, 28, 1]),
        layer("Resizing", height=2000, width=2000),
        layer("AveragePooling2D", pool_size=1),
        layer("DepthwiseConv2D", kernel_size=1000, use_bias=False),
        layer("Flatten"),
    ),
    "a custom layer": renamed("Mine", "__main__", "Custom>Mine"),
    "a layer of another package": renamed("Popen", "subprocess"),
    "a saved model": renamed("TFSMLayer"),
    "a lookup": renamed("StringLookup"),
    "a lambda": in_config("__lambda__", "builtins", {"value": "4wEAAAA="}),
    "a function": in_config("function", "builtins", "eval"),
    "a shell": in_config("function", "os", "system"),
    "declared weights": weights(without_values),
    "chunked weights": weights(lambda f: without_values(f, chunks=(1000, 1000))),
    "packed weights": weights(
        lambda f: f.create_dataset("layers/a", (10**7,), "f4", compression="gzip")
    ),
    "weights elsewhere": weights(
        lambda f: f.create_dataset(
            "layers/a", (9,), "u1", external=[("/etc/passwd", 0, 9)]
        )
    ),
    "a link": weights(lambda f: f.update({"layers": h5py.ExternalLink("a.h5", "/")})),
    "a soft link": weights(lambda f: f.update({"layers": h5py.SoftLink("/x")})),
    "a circle": weights(in_a_circle),
    "texts": weights(lambda f: f.create_dataset("layers/a", data=["x"])),
    "no weights": weights(lambda f: None),
    "no HDF5": lambda parts: parts.update({"model.weights.h5": b"\x89HDF no"}),
    "a bomb": lambda parts: parts.update({"model.weights.h5": bytes(260_000_000)}),
    "a second file": lambda parts: parts.update({"../../evil.py": b"print()"}),
    "an asset": lambda parts: parts.update({"assets/a.txt": b"x"}),
    "no config": lambda parts: parts.pop("config.json"),
    "deep": lambda parts: parts.update({"config.json": b"[" * 100_000}),
    "long": lambda parts: parts.update({"config.json": b" " * 60_000_000}),
    "a list": lambda parts: parts.update({"config.json": b"[]"}),
    "no model": lambda parts: parts.update({"config.json": b"{}"}),
    "10,000 layers": between(*[layer("ReLU")] * 10_000),
    "a huge layer": between(
        layer("Reshape", target_shape=[28, 28, 1]),
        layer("Resizing", height=60000, width=60000),
        layer("GlobalAveragePooling2D"),
        layer("RepeatVector", n=784),
        layer("Flatten"),
    ),
    "a huge layer in a model": in_a_model(
        layer("Resizing", height=60000, width=60000), layer("GlobalAveragePooling2D")
    ),
    "a text of gigabytes": in_config(
        "__numpy__", "keras", {"value": ["a", "b"], "dtype": "S1900000000"}
    ),
    "an array of gigabytes": in_config(
        "__numpy__", "keras", {"value": [1], "dtype": "(500000000,)f8"}
    ),
    "an array in a slice": in_config(
        "__slice__",
        "keras",
        {
            "start": 0,
            "step": 1,
            "stop": {
                "class_name": "__numpy__",
                "config": {"value": ["a"], "dtype": "S1900000000"},
            },
        },
    ),
    "a metric of a billion thresholds": in_config(
        "AUC", "keras.metrics", {"num_thresholds": 10**9}
    ),
    "a number of 4,000 digits": in_config(
        "AUC", "keras.metrics", {"num_thresholds": 10**4000}
    ),
    "a metric of many classes": in_config(
        "MeanIoU", "keras.metrics", {"num_classes": 30_000}
    ),
    "a linear end": lambda parts: layer_of(parts["config.json"], "Dense")[
        "config"
    ].update(activation="linear"),
}


@pytest.fixture
def saved_model(model):
    """A run of the model."""
    return save_number(1, model=model)


def change_model(run, change):
    path = run.folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = json.loads(parts["config.json"])
    change(parts)
    if isinstance(parts.get("config.json"), dict):
        parts["config.json"] = json.dumps(parts["config.json"]).encode()
    forge(run.folder, "model.keras", packed(**parts))
    return path


@pytest.mark.parametrize("case", CHANGES)
def test_hostile_models_are_refused(saved_model, case):
    path = change_model(saved_model, CHANGES[case])
    refused(path.parent, lambda: load_run("ann").load_model())


def test_a_model_whose_layers_keras_would_put_together_for_ever_is_refused(
    saved_model, monkeypatch
):
    monkeypatch.setattr(model_file, "MOST_CALLS", 200)  # lest the test take as long
    change_model(saved_model, between(*[layer("ReLU")] * 10))
    assert len(load_run("ann").load_model().layers) == 12
    path = change_model(saved_model, between(*[layer("ReLU")] * 300))
    message = refused(path, lambda: load_run("ann").load_model())
    assert "more layers than Keras" in message


def test_a_model_whose_weights_are_no_numbers_is_refused(model):
    kept = model.get_weights()
    model.set_weights([kept[0] * np.nan, kept[1]])
    try:
        run = save_number(1, model=model)
    finally:
        model.set_weights(kept)
    assert "ten probabilities" in refused(run.model_file, run.load_model)


def test_a_model_that_was_not_built_is_not_saved(home):  # noqa: F811
    import keras

    unbuilt = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    message = complaint(save_number, 1, model=unbuilt)
    assert "Pass the model" in message and not home.exists()


def test_a_model_of_other_size_than_the_run_says_is_refused(saved_model):
    assert load_run("ann").load_model().count_params() == 7850
    path = saved_model.folder / "run.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("7850", "785"), encoding="utf-8")
    assert "parameters" in refused(path)


def test_a_refused_model_leaves_keras_as_it_was(saved_model):
    import keras

    before = keras.layers.Layer.add_weight
    path = change_model(saved_model, huge_units)
    refused(path, lambda: load_run("ann").load_model())
    assert keras.layers.Layer.add_weight is before


def models_of_many_kinds():
    """Yield models with all that could make the count of their weights hard."""
    import keras
    from keras import layers

    def model(shape, *parts):
        head = [layers.Flatten(), layers.Dense(10, activation="softmax")]
        return keras.Sequential([keras.Input(shape), *parts, *head])

    image, row = (28, 28, 1), (28, 28)
    yield model(image, layers.Dropout(0.5), layers.RandomRotation(0.1))
    norm = layers.Normalization()
    norm.adapt(np.ones((4, *image)))
    yield model(image, norm, layers.BatchNormalization(), layers.GroupNormalization(1))
    yield model(image, layers.SeparableConv2D(4, 3), layers.PReLU())
    yield model(row, layers.LSTM(3, return_sequences=True))
    yield model(row, layers.Bidirectional(layers.GRU(3)))
    yield model(row, layers.TimeDistributed(layers.Dense(3)))
    yield model(image, layers.SpectralNormalization(layers.Conv2D(3, 3)))
    yield model(image, layers.Dense(4, dtype="mixed_bfloat16"))
    inputs = keras.Input(row)
    shared = layers.Dense(4)
    both = layers.Concatenate()([shared(inputs), shared(inputs * 2.0)])
    attended = layers.MultiHeadAttention(2, 4)(both, both)
    inner = keras.Model(inputs, layers.GlobalAveragePooling1D()(attended))
    inner.compile("adam", "mse")
    inner.optimizer.build(inner.trainable_variables)
    again = keras.Input(row)
    yield keras.Model(again, layers.Dense(10, activation="softmax")(inner(again)))


@pytest.mark.slow
def test_models_of_many_kinds_are_saved_and_loaded():
    settings = {"metrics": ["accuracy"], "run_eagerly": True}  # one step: no graph
    for model in models_of_many_kinds():
        model.compile("adam", "sparse_categorical_crossentropy", **settings)
        x = np.zeros((2, *model.input_shape[1:]))
        model.fit(x, np.zeros(2), verbose=0)
        loaded = save_number(1, model=model).load_model()
        assert loaded.count_params() == model.count_params()


def with_lora():
    """Yield models of which Keras folds a part into another when it saves them."""
    import keras
    from keras import layers

    for layer in (layers.Dense(16), layers.Dense(4), layers.Conv2D(8, 3)):
        shape = (28, 28, 1) if isinstance(layer, layers.Conv2D) else (784,)
        head = [layers.Flatten(), layers.Dense(10, activation="softmax")]
        model = keras.Sequential([keras.Input(shape), layer, *head])
        layer.enable_lora(64)  # more than some of the layers have themselves
        yield model


def test_layers_adapted_by_lora_are_saved_and_loaded():
    for model in with_lora():
        loaded = save_number(1, model=model).load_model()
        assert loaded.count_params() == model.count_params()
        x = np.random.default_rng(0).random((4, *model.input_shape[1:]))
        want, found = (m.predict(x, verbose=0) for m in (model, loaded))
        np.testing.assert_allclose(found, want, atol=1e-5)


def test_weights_that_no_factor_of_lora_needs_are_not_made(model):
    model.layers[-1].enable_lora(4)
    try:
        run = save_number(1, model=model)
    finally:
        model.layers[-1]._lora_config = None

    def rank(parts):
        layer_of(parts["config.json"], "Dense")["config"]["lora_rank"] = 10**9

    path = change_model(run, rank)
    assert "more weights than it holds" in refused(
        path, lambda: load_run("ann").load_model()
    )


def test_a_loss_and_a_metric_of_ones_own_do_not_keep_a_model_from_loading(model):
    import keras

    def mine(y_true, y_pred):
        return keras.ops.mean(y_pred)

    model.compile(
        "adam", loss=lambda y_true, y_pred: mine(y_true, y_pred), metrics=[mine]
    )
    loaded = save_number(1, model=model).load_model()
    assert loaded.count_params() == model.count_params()


def models_that_cannot_be_loaded():
    """Yield models that Keras saves without a word, and what is wrong with each."""
    import keras
    from keras import layers

    class Mine(layers.Layer):
        def call(self, x):
            return 2 * x

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(10, activation="softmax")

        def call(self, x):
            return self.dense(keras.ops.reshape(x, (-1, 784)))

    def with_layer(layer):
        head = [layers.Flatten(), layers.Dense(10, activation="softmax")]
        return keras.Sequential([keras.Input((28, 28)), layer, *head])

    own = Model()
    own(np.zeros((1, 28, 28)))
    yield own, "needs 'Model', which is not a part of Keras"
    yield with_layer(Mine()), "needs 'Mine', which is not a part of Keras"
    yield with_layer(layers.Lambda(lambda x: 2 * x)), "has 'Lambda'"
    yield with_layer(layers.Dense(4, activation=lambda x: 2 * x)), "cannot be loaded"


def test_models_that_could_not_be_loaded_are_not_saved(home):  # noqa: F811
    save_number(1)
    for model, words in models_that_cannot_be_loaded():
        message = complaint(save_number, 2, model=model)
        assert words in message and "Nothing was saved" in message
        assert load_run("ann").info["seed"] == 1
        assert {path.name for path in home.iterdir()} == {"ann", runs.LOCK_NAME}


def test_a_layer_that_this_program_has_registered_is_its_own(home):  # noqa: F811
    import keras
    from keras import layers

    @keras.saving.register_keras_serializable("Own")
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    head = [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28)), Twice(), *head])
    x = np.random.default_rng(0).random((5, 28, 28))
    again = save_number(1, model=model).load_model().predict(x, verbose=0)
    np.testing.assert_allclose(again, model.predict(x, verbose=0), atol=1e-6)
    # Elsewhere nobody knows the layer, and no file may bring it along.
    del keras.saving.get_custom_objects()["Own>Twice"]
    message = complaint(load_run("ann").load_model)
    assert "needs 'Twice', which is not a part of Keras" in message


def test_a_submitted_model_comes_compiled_and_is_no_more_trusted(model, tmp_path):
    import keras

    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.save(tmp_path / "model.keras")
    raw = (tmp_path / "model.keras").read_bytes()
    came = reopened(raw)
    assert isinstance(came.optimizer, keras.optimizers.Adam)
    assert came.loss == "sparse_categorical_crossentropy"
    run = save_number(1, model=model)
    for case in ("Lambda", "units", "a lookup", "a second file"):
        path = change_model(run, CHANGES[case])
        with pytest.raises(Unusable, match="saved and loaded again"), in_time():
            reopened(path.read_bytes())
        run = save_number(1, model=model)
    model.compile("adam", loss=lambda y_true, y_pred: y_pred)
    model.save(tmp_path / "model.keras")
    with pytest.raises(Unusable, match="can run code"):
        reopened((tmp_path / "model.keras").read_bytes())
    losses, metrics = keras.losses, keras.metrics
    model.compile(
        "adam", losses.mean_squared_error, metrics=[metrics.sparse_categorical_accuracy]
    )
    assert reopened(saved(model)).loss is losses.mean_squared_error


def costly_models():
    """Yield layers that cost much, which neither a weight nor their output shows."""
    from keras import layers, ops

    large = layers.Resizing(3000, 3000)

    def steps(n, x):
        return layers.UpSampling1D(n)(layers.Reshape((784, 1))(x))

    def many(layer, x, n):
        for _ in range(n):
            x = layer(x)
        return x

    def square(x):
        return layers.Reshape((3000, 3000))(large(x))

    yield "pool", lambda x: layers.AveragePooling2D(1500, 1, "same")(large(x))
    yield "blur", lambda x: layers.RandomGaussianBlur(kernel_size=(1001, 999))(large(x))
    yield "attention", lambda x: layers.Attention()([steps(30, x)] * 2)
    yield "heads", lambda x: layers.MultiHeadAttention(1, 1)(*[steps(30, x)] * 2)
    yield "recurrent", lambda x: layers.GRU(4)(steps(2000, x))
    yield "unrolled", lambda x: layers.SimpleRNN(4, name="unrolled")(steps(10, x))
    yield "kept", lambda x: many(layers.ReLU(), large(x), 40)
    yield "products", lambda x: layers.Dot((2, 1))([square(x)] * 2)
    yield "sorted", lambda x: ops.sort(square(x))
    yield (
        "distributed",
        lambda x: layers.TimeDistributed(layers.Conv2D(1, 101, padding="same"))(
            layers.Reshape((9, 1000, 1000, 1))(large(x))
        ),
    )


def model_through(layer):
    import keras
    from keras import layers

    image = keras.Input((28, 28, 1))
    few = layers.GlobalAveragePooling1D()(layers.Reshape((-1, 1))(layer(image)))
    return keras.Model(image, layers.Dense(10, activation="softmax")(few))


@pytest.mark.slow
def test_models_that_would_take_gigabytes_or_minutes_are_refused_at_once(tmp_path):
    for name, layer in costly_models():
        path = tmp_path / f"{name}.keras"
        model = model_through(layer)
        if name == "unrolled":  # to put it together unrolled would take minutes here
            model.get_layer(name).unroll = True
        model.save(path)
        began = time.process_time()
        with pytest.raises(BadFile, match=r"gigabytes|minutes|few seconds"):
            model_file.load_checked(path)
        assert time.process_time() - began < 5, name


@pytest.mark.slow
def test_sequences_of_usual_length_are_loaded(tmp_path):
    from keras import layers

    def rows(x):
        return layers.Reshape((28, 28))(x)

    for layer in (
        lambda x: layers.LSTM(64, unroll=True)(rows(x)),
        lambda x: layers.Bidirectional(layers.GRU(64))(rows(x)),
        lambda x: layers.GRU(32)(layers.GRU(32, return_sequences=True)(rows(x))),
        lambda x: layers.LSTM(32)(layers.Reshape((784, 1))(x)),
        lambda x: layers.MultiHeadAttention(4, 16)(*[rows(x)] * 2),
        lambda x: layers.Attention()([layers.Reshape((784, 1))(x)] * 2),
        lambda x: layers.TimeDistributed(layers.Dense(16))(rows(x)),
    ):
        path = tmp_path / "model.keras"
        model = model_through(layer)
        model.save(path)
        loaded = model_file.load_checked(path)
        assert loaded.count_params() == model.count_params()


def test_a_label_of_millions_of_letters_is_not_quoted_whole():
    run = save_number(1)
    n = 7_000_000
    label = npy((1,), f"<U{n}", body=n * b"a\0\0\0")
    probabilities = npy((1, 10), "<f4", body=bytes(40))
    forge(
        run.folder,
        "predictions.npz",
        packed(y_true__npy=label, y_prob__npy=probabilities),
    )
    message = complaint(load_run, "ann")
    assert "predictions.npz have the labels" in message and len(message) < 3000
    assert message.endswith("Expected whole numbers from 0 to 9.")
