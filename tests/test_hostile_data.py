"""Data sets from a stranger: read right, refused or warned of, quickly and by name.

A new case is one line in a table.
"""

import gzip
import io
import os
import socket
import zipfile
from contextlib import chdir

import numpy as np
import pytest
from test_data import (  # noqa: F401 - fixtures, no_way_out for all tests here
    arrays,
    assert_same,
    cache,
    complaint,
    full,
    idx,
    no_way_out,
    quick_sample,
    sample,
    serving,
    write_idx,
)
from test_hostile_runs import in_time, npy, packed

from utils import data_files, download
from utils.data import IDX_NAMES, DataError, load_mnist

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")


def refused(choice, path):
    """See that data are refused in time, and a file named; return the sentence."""
    with in_time():
        message = complaint(choice)
    assert str(path) in message and len(message) < 900 and "elete" not in message
    return message


# --- what is no file -----------------------------------------------------------------


def as_socket(path):
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        os.rename("s", path.name)


def as_film(path):
    with open(path, "wb") as file:
        file.truncate(6_000_000_000)


def as_bomb(path):
    """A gzip file of 300 kB that holds 300 MB."""
    megabyte = gzip.compress(bytes(10**6))
    path.write_bytes(300 * megabyte)


NO_FILES = {
    "pipe": os.mkfifo if hasattr(os, "mkfifo") else None,
    "socket": as_socket,
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "random": lambda path: path.symlink_to("/dev/urandom"),
    "kernel": lambda path: path.symlink_to("/proc/kmsg"),
    "circle": lambda path: path.symlink_to(path),
    "film": as_film,
    "empty": lambda path: path.touch(),
    "bomb": as_bomb,
}


@posix
@pytest.mark.parametrize("end", ["", ".gz", ".npz"])
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_never_read(tmp_path, arrays, kind, end):  # noqa: F811
    if end == ".npz":
        path = choice = tmp_path / "digits.npz"
    else:
        choice = write_idx(tmp_path / "idx", arrays, end)
        path = choice / (IDX_NAMES["x_test"] + end)
        path.unlink()
    NO_FILES[kind](path)
    refused(choice, path)


@posix
@pytest.mark.parametrize("choice", ["/dev/zero", "/dev/tty", "/proc/kmsg", "/"])
def test_a_choice_that_is_no_file_is_refused(choice):
    refused(choice, choice)


def test_four_files_may_not_be_larger_together_than_one(tmp_path, arrays, monkeypatch):  # noqa: F811
    folder = write_idx(tmp_path / "idx", arrays)
    n_bytes = sum(array.size for array in arrays.values())
    monkeypatch.setattr(data_files, "LARGEST", n_bytes + 100)
    load_mnist(folder)
    monkeypatch.setattr(data_files, "LARGEST", n_bytes - 100)
    assert "is too large" in complaint(folder)


def long_name(raw):
    """A gzip file with a name of 30 million letters in its header (RFC 1952)."""
    packed = gzip.compress(raw)
    return packed[:3] + b"\x08" + packed[4:10] + 30_000_000 * b"a" + b"\0" + packed[10:]


def many_members(raw):
    return 1_000_000 * gzip.compress(b"") + gzip.compress(raw)


@pytest.mark.parametrize("make", [long_name, many_members])
def test_a_gzip_file_takes_no_time_to_be_read_or_refused(tmp_path, arrays, make):  # noqa: F811
    folder = write_idx(tmp_path / "idx", arrays, ".gz")
    path = folder / f"{IDX_NAMES['x_test']}.gz"
    path.write_bytes(make(gzip.decompress(path.read_bytes())))
    if make is many_members:
        assert "has more than 100 parts" in refused(folder, path)
    else:
        with in_time():
            assert_same(load_mnist(folder), arrays)


@pytest.mark.parametrize("n", [1, 2, 100])
def test_a_gzip_file_of_several_members_is_read_whole(tmp_path, arrays, n):  # noqa: F811
    folder = write_idx(tmp_path / "idx", arrays, ".gz")
    path = folder / f"{IDX_NAMES['x_test']}.gz"
    raw = gzip.decompress(path.read_bytes())
    parts = [raw[k * len(raw) // n : (k + 1) * len(raw) // n] for k in range(n)]
    path.write_bytes(b"".join(map(gzip.compress, parts)) + bytes(1000))
    assert_same(load_mnist(folder), arrays)


OTHER_KINDS = {
    "mnist.csv": b"label,1x1,1x2\n5,0,0\n",
    "mnist.h5": b"\x89HDF\r\n\x1a\n",
    "train.parquet": b"PAR1\x15\x04",
    "digits.png": b"\x89PNG\r\n\x1a\n",
    "mnist.tar.gz": gzip.compress(b"tar"),
    "mnist.7z": b"7z\xbc\xaf\x27\x1c",
    "mnist": b"5",
}


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_a_file_of_another_kind_is_not_called_damaged(tmp_path, name):
    (tmp_path / name).write_bytes(OTHER_KINDS[name])
    said = refused(tmp_path / name, tmp_path / name)
    assert "is no .npz archive" in said and "Convert it" in said


# --- archives ------------------------------------------------------------------------

IMAGES = (100, 28, 28)
REST = {
    "y_train__npy": npy((100,), body=bytes(100)),
    "x_test__npy": npy((20, 28, 28), body=bytes(20 * 784)),
    "y_test__npy": npy((20,), body=bytes(20)),
}
BODY = bytes(100 * 784)
BAD_IMAGES = {
    "of objects": npy(IMAGES, "|O", body=BODY),
    "huge": npy((10**15, 28, 28), body=BODY),
    "huge and empty": npy((10**15, 0, 28)),
    "negative": npy((-100, 28, 28), body=BODY),
    "negative twice": npy((-100, -28, 28), body=BODY),
    "short": npy(IMAGES, body=BODY[:-1]),
    "long": npy(IMAGES, body=BODY + b"x"),
    "records": npy(IMAGES, [("a", "|u1")], body=BODY),
    "signed": npy(IMAGES, "|i1", body=BODY),
    "wide": npy(IMAGES, ">u2", body=2 * BODY),
    "truth": npy(IMAGES, "|b1", body=BODY),
    "dates": npy(IMAGES, "<M8[s]", body=8 * BODY),
    "texts": npy(IMAGES, "<U1", body=4 * BODY),
    "no shape": npy((), body=b"x"),
    "a formula": npy("__import__('os').abort()", body=BODY),
    "brackets": npy("(" * 9000, body=BODY),
    "no header": b"\x93NUMPY\x01\x00\xff\xff",
    "no array": b"hello",
    "nothing": b"",
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_hostile_arrays_are_refused(tmp_path, case):
    path = tmp_path / "digits.npz"
    path.write_bytes(packed(x_train__npy=BAD_IMAGES[case], **REST))
    refused(path, path)


BOMB = bytes(300_000_000)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_archives_that_would_unpack_to_too_much_are_refused(tmp_path, method):
    path = tmp_path / "digits.npz"
    megabytes = 300 if method == zipfile.ZIP_DEFLATED else 20
    bomb = npy((megabytes * 10**6 // 784, 28, 28)) + BOMB[: megabytes * 10**6]
    path.write_bytes(packed(method, x_train__npy=bomb, **REST))
    refused(path, path)


def test_an_array_that_is_there_twice_is_refused(tmp_path, arrays):  # noqa: F811
    path = tmp_path / "digits.npz"
    np.savez(path, **arrays)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("y_test.npy", REST["y_test__npy"])
    assert "'y_test.npy' twice" in refused(path, path)


def test_a_directory_without_end_is_refused(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for k in range(30_000):
            archive.writestr(f"{k:05}", b"")
    (tmp_path / "digits.npz").write_bytes(raw.getvalue())
    refused(tmp_path / "digits.npz", tmp_path / "digits.npz")


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a | {"x_train": np.asfortranarray(a["x_train"])},
        lambda a: a | {"y_test": a["y_test"].astype(">i8")},
        lambda a: a | {"more": np.arange(5)},
    ],
)
def test_the_same_digits_in_another_order_are_read(tmp_path, arrays, change):  # noqa: F811
    np.savez(tmp_path / "digits.npz", **change(arrays))
    found = load_mnist(tmp_path / "digits.npz")
    for key, array in arrays.items():
        np.testing.assert_array_equal(getattr(found, key), array)


# --- folders -------------------------------------------------------------------------

STYLES = {
    "dots": "train-images.idx3-ubyte train-labels.idx1-ubyte "
    "t10k-images.idx3-ubyte t10k-labels.idx1-ubyte",
    "underscores": "train_images_idx3_ubyte train_labels_idx1_ubyte "
    "t10k_images_idx3_ubyte t10k_labels_idx1_ubyte",
    "capitals": "TRAIN-IMAGES-IDX3-UBYTE TRAIN-LABELS-IDX1-UBYTE "
    "T10K-IMAGES-IDX3-UBYTE T10K-LABELS-IDX1-UBYTE",
    "test": "train-images-idx3-ubyte train-labels-idx1-ubyte "
    "test-images-idx3-ubyte test-labels-idx1-ubyte",
    "short": "train-images.idx train-labels.idx t10k-images.idx t10k-labels.idx",
}


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("style", STYLES)
def test_names_in_other_styles_are_found(tmp_path, arrays, style, end):  # noqa: F811
    names = dict(zip(IDX_NAMES, STYLES[style].split(), strict=True))
    found = load_mnist(write_idx(tmp_path / "idx", arrays, end, names))
    np.testing.assert_array_equal(found.x_test, arrays["x_test"])


@pytest.mark.parametrize("inner", ["raw", "MNIST/raw"])
def test_torchvisions_folder_is_found(tmp_path, arrays, inner):  # noqa: F811
    folder = tmp_path / inner
    folder.mkdir(parents=True)
    for end in ("", ".gz"):  # it keeps both
        write_idx(folder, arrays, end)
    assert len(load_mnist(tmp_path).x_test) == 20


def test_kaggles_folders_are_found(tmp_path, arrays):  # noqa: F811
    write_idx(tmp_path, arrays)
    for name in IDX_NAMES.values():
        raw = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(raw)
    assert len(load_mnist(tmp_path).x_test) == 20


def test_hidden_files_of_a_system_are_no_digits(tmp_path, arrays):  # noqa: F811
    folder = write_idx(tmp_path / "idx", arrays)
    for name in IDX_NAMES.values():  # as macOS writes them on a USB stick
        (folder / f"._{name}").write_bytes(b"\x00\x05\x16\x07Mac OS X")
    np.testing.assert_array_equal(load_mnist(folder).x_test, arrays["x_test"])


@pytest.mark.parametrize("key", IDX_NAMES)
def test_two_files_of_one_name_must_agree(tmp_path, arrays, key):  # noqa: F811
    folder = write_idx(tmp_path / "idx", arrays)
    write_idx(folder, arrays, ".gz")
    load_mnist(folder)
    other = folder / f"{IDX_NAMES[key]}.gz"
    other.write_bytes(gzip.compress(idx(arrays[key][::-1])))
    assert "different digits" in refused(folder, other)


def test_of_many_copies_no_more_is_read_than_of_the_files(
    tmp_path,
    arrays,  # noqa: F811
    monkeypatch,
):
    folder = write_idx(tmp_path / "idx", arrays)
    n_bytes = sum(a.nbytes for a in arrays.values())
    monkeypatch.setattr(data_files, "LARGEST", n_bytes + 1000)
    for key, name in IDX_NAMES.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(arrays[key])))
    load_mnist(folder)  # all of them are there twice
    for k in range(100):
        os.link(folder / IDX_NAMES["x_test"], folder / f"t10k-{'-' * k}images")
    assert "102 files that can be t10k-images" in refused(folder, folder)


@pytest.mark.parametrize(("end", "change"), [("", gzip.compress), (".gz", bytes)])
def test_files_that_a_browser_packed_or_unpacked_are_read(
    tmp_path,
    arrays,  # noqa: F811
    end,
    change,
):
    folder = write_idx(tmp_path / "idx", arrays)
    for key, name in IDX_NAMES.items():
        (folder / name).unlink()
        (folder / (name + end)).write_bytes(change(idx(arrays[key])))
    assert len(load_mnist(folder).x_test) == 20


SWAPS = [("x_train", "y_train"), ("x_train", "x_test"), ("y_train", "y_test")]


@pytest.mark.parametrize("pair", SWAPS)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_swapped_files_are_refused(tmp_path, arrays, pair, end):  # noqa: F811
    folder = write_idx(tmp_path / "idx", arrays, end)
    first, second = (folder / (IDX_NAMES[key] + end) for key in pair)
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)
    refused(folder, folder)


DAMAGES = {
    "cut": lambda raw: raw[:-1],
    "one more": lambda raw: raw + b"\0",
    "line ends": lambda raw: b"\r\n" + raw,
    "little-endian": lambda raw: raw[3::-1] + raw[4:],
    "another type": lambda raw: b"\0\0\x0d" + raw[3:],
    "a web page": lambda _: b"<!DOCTYPE html><title>404</title>" + bytes(99),
    "a pointer": lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:1",
    "header only": lambda raw: raw[:8],
    "no digits": lambda raw: raw[:4] + bytes(4) + raw[8:],
}


@pytest.mark.parametrize("key", IDX_NAMES)
@pytest.mark.parametrize("case", DAMAGES)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_damaged_idx_files_are_refused(tmp_path, arrays, key, case, end):  # noqa: F811
    folder = write_idx(tmp_path / "idx", arrays, end)
    path = folder / (IDX_NAMES[key] + end)
    raw = DAMAGES[case](idx(arrays[key]))
    path.write_bytes(gzip.compress(raw) if end else raw)
    refused(folder, path)


# --- data on which the lesson makes no sense ------------------------------------------


def every(change):
    """Change the images of both parts."""
    return lambda a: {k: change(v) if k[0] == "x" else v for k, v in a.items()}


def only(*classes):
    """Keep the digits of some classes."""

    def change(a):
        keep = {p: np.isin(a[f"y_{p}"], classes) for p in ("train", "test")}
        return {k: v[keep[k[2:]]] for k, v in a.items()}

    return change


def first(n_train, n_test):
    return lambda a: {k: v[: n_test if "test" in k else n_train] for k, v in a.items()}


SENSELESS = {
    "black": (every(np.zeros_like), "blank"),
    "white": (every(lambda x: np.full_like(x, 255)), "blank"),
    "binary": (every(lambda x: (x > 127).astype(np.uint8)), "0 and 1 only"),
    "inverted": (every(lambda x: 255 - x), "exchanged"),
    "one test part inverted": (lambda a: a | {"x_test": 255 - a["x_test"]}, "exchan"),
    "one class": (only(7), "class 7"),
    "three digits": (first(3, 3), "only 3"),
    "no test digits": (first(1000, 9), "only 9"),
    "one of a class": (
        lambda a: a | {"y_train": np.where(np.arange(4000) == 5, 9, a["y_train"] % 9)},
        "digit 9 is there once",
    ),
}


@pytest.mark.parametrize("case", SENSELESS)
def test_senseless_data_are_refused(tmp_path, sample, case):  # noqa: F811
    change, words = SENSELESS[case]
    path = tmp_path / "digits.npz"
    np.savez(path, **change({key: getattr(sample, key) for key in IDX_NAMES}))
    assert words in refused(path, path)


def shuffled(a):
    rng = np.random.default_rng(0)
    return a | {k: rng.permutation(a[k]) for k in ("y_train", "y_test")}


def leaking(a):
    return a | {"x_train": np.concatenate([a["x_test"][:7], a["x_train"][7:]])}


def with_blanks(a):
    return a | {"x_test": np.where(np.arange(1000)[:, None, None] < 5, 0, a["x_test"])}


def twins(a):
    """Each training digit ten times, as a class hands it round."""
    return a | {k: np.repeat(a[k][:400], 10, axis=0) for k in ("x_train", "y_train")}


ODD = {
    "twins": (twins, "3,600 of the 4,000 training digits are copies"),
    "three classes": (only(1, 2, 3), "of the class 0, 4, 5, 6, 7, 8, 9"),
    "odd classes": (only(1, 3, 5, 7, 9), "of the class 0, 2, 4, 6, 8"),
    "leak": (leaking, "7 of the 1,000 test digits are among"),
    "test is training": (
        lambda a: a | {"x_test": a["x_train"][:1000], "y_test": a["y_train"][:1000]},
        "1,000 of the 1,000 test digits are among",
    ),
    "pale": (every(lambda x: x // 17), "is 15 of 255"),
    "shuffled labels": (shuffled, "do the labels belong"),
    "noise": (
        every(lambda x: np.random.default_rng(0).integers(0, 200, x.shape, np.uint8)),
        "do the labels belong",
    ),
    "blanks": (with_blanks, "5 of the test images are blank"),
    "exchanged": (
        lambda a: {f"{k[:2]}{'test' if 'train' in k else 'train'}": a[k] for k in a},
        "more test digits than training",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_data_are_warned_of(tmp_path, sample, case, capsys):  # noqa: F811
    change, words = ODD[case]
    path = tmp_path / "digits.npz"
    np.savez(path, **change({key: getattr(sample, key) for key in IDX_NAMES}))
    capsys.readouterr()
    load_mnist(path)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("Beware: ") and words in line for line in lines), lines


def test_mnist_itself_is_not_warned_of(tmp_path, sample, capsys):  # noqa: F811
    np.savez(tmp_path / "a.npz", **{key: getattr(sample, key) for key in IDX_NAMES})
    capsys.readouterr()
    load_mnist(tmp_path / "a.npz")
    assert capsys.readouterr().out.count("\n") == 1


# --- Keras' cache --------------------------------------------------------------------


@posix
@pytest.mark.parametrize("kind", ["pipe", "zeros", "film", "empty", "circle"])
def test_a_damaged_file_in_the_cache_is_named(cache, quick_sample, kind, capsys):  # noqa: F811
    cache.mkdir(parents=True)
    NO_FILES[kind](cache / "mnist.npz")
    with in_time():
        assert load_mnist("auto").source == "sample"
    assert f"{cache / 'mnist.npz'} is not the file" in capsys.readouterr().out


def test_a_slow_download_says_how_far_it_is(full, monkeypatch, capsys):  # noqa: F811
    def slowly(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(full)))
        handler.end_headers()
        for k in range(0, len(full), 1024):
            handler.wfile.write(full[k : k + 1024])

    monkeypatch.setattr(download, "SECONDS_BETWEEN_LINES", 0)
    with serving(monkeypatch, slowly):
        load_mnist("full")
    size = f"{len(full) / 1e6:.1f}"
    assert f"Downloading mnist.npz: {size} of {size} MB." in capsys.readouterr().out


def test_names_in_an_archive_are_shown_short_and_plain(tmp_path, monkeypatch):
    path = tmp_path / "mnist.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(15):
            archive.writestr(f"{k}\x1b[2J" + 60_000 * "x" + ".npy", b"")
    monkeypatch.setenv("MNIST_DATA", str(path))
    with pytest.raises(DataError) as error:
        load_mnist()
    assert len(str(error.value)) < 2000 and "\x1b" not in str(error.value)
