"""Hostile files are refused within 3 seconds and 600 MB, in a sentence that names them.

One child process meets them one after the other, so that its memory is its own. A new
case is one entry in a table.
"""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import zlib
from contextlib import redirect_stdout
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from test_data import IDX_NAMES, idx
from test_handwriting import drawn
from test_hostile_data import REST
from test_hostile_runs import home, npy, packed  # noqa: F401 - home for all tests here
from test_runs import forge, save_number

from utils.data import load_mnist
from utils.data_files import MOST_DIGITS
from utils.handwriting import read_page
from utils.places import COURSE_DIR
from utils.runs import load_run, runs_dir

resource = pytest.importorskip("resource", reason="Windows has no such limits")
SECONDS, MEGABYTES = 3, 600
MEGABYTES_OF_A_PHOTO = 1000  # of 79 million pixels, which is read
QUICKLY = 1  # zlib's level: a bomb need not be as small as can be


# --- what is written -----------------------------------------------------------------


def sparse(size, start=b""):
    def write(path):
        with open(path, "wb") as file:
            file.write(start)
            file.truncate(size)

    return write


def link(target):
    return lambda path: path.symlink_to(target)


def raw(content):
    return lambda path: path.write_bytes(content() if callable(content) else content)


NO_FILES = {
    "pipe": os.mkfifo,
    "zeros": link("/dev/zero"),
    "kernel": link("/proc/kmsg"),
    "film": sparse(6_000_000_000),
}
JSONS = {
    "deep": raw(b"[" * 100_000 + b"]" * 100_000),
    "400 MB": sparse(400_000_000, b'{"name": "'),
    "many": raw(b"[" + b"[]," * 66_000 + b"1]"),
}


def keras_file(weights):
    parts = {"metadata.json": b"{}", "config.json": b"{}"}
    return packed(**parts, **{"model.weights.h5": weights})


def in_hdf5(**options):
    file = io.BytesIO()
    with h5py.File(file, "w") as weights:
        weights.create_dataset("layers/a", **options)
    return file.getvalue()


MODELS = {
    "bomb": lambda: keras_file(bytes(300 * 10**6)),
    "terabyte": lambda: keras_file(
        in_hdf5(shape=(10**9, 250), dtype="f4", chunks=(10**4, 250))
    ),
    "large": lambda: keras_file(in_hdf5(data=np.zeros(60_000_000, "f4"))),
    "packed": lambda: keras_file(
        in_hdf5(data=np.zeros(10_000_000, "f4"), compression="gzip")
    ),
}
PREDICTIONS = {
    "bomb": lambda: packed(y_true__npy=bytes(300 * 10**6), y_prob__npy=b""),
    "many": lambda: packed(
        y_true__npy=npy((2_600_000,), body=bytes(2_600_000)),
        y_prob__npy=npy((2_600_000, 10), body=bytes(26_000_000)),
    ),
}


def gzip_of(n_bytes, start=b""):
    """Return a gzip file of so many bytes, nearly all of them zero."""
    packer = zlib.compressobj(QUICKLY, wbits=31)
    parts = [packer.compress(start)]
    parts += [packer.compress(bytes(10**6)) for _ in range(n_bytes // 10**6)]
    return b"".join([*parts, packer.compress(bytes(n_bytes % 10**6)), packer.flush()])


def images_header(n):
    return idx(np.zeros((0, 28, 28), np.uint8))[:4] + b"".join(
        size.to_bytes(4, "big") for size in (n, 28, 28)
    )


def idx_folder(path):
    """Write as many training digits as are allowed, and as many test digits again."""
    path.mkdir()
    labels = idx(np.zeros(MOST_DIGITS, np.uint8))
    for key, name in IDX_NAMES.items():
        content = gzip.compress(labels)
        if key[0] == "x":
            content = gzip_of(MOST_DIGITS * 784, images_header(MOST_DIGITS))
        (path / f"{name}.gz").write_bytes(content)


MANY = (400_000, 28, 28)
ZEROS = bytes(400_000 * 784)
DATA = {
    "gzip bomb": lambda path: (
        path.mkdir(),
        (path / "train-images-idx3-ubyte.gz").write_bytes(gzip_of(300 * 10**6)),
        [(path / name).touch() for name in list(IDX_NAMES.values())[1:]],
    ),
    "npz bomb": raw(lambda: packed(x_train__npy=npy(MANY, body=ZEROS), **REST)),
    "two full sets": idx_folder,
}


def png(width, height):
    """A PNG of so many white pixels, a few bytes for each row."""

    def chunk(kind, content):
        crc = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + crc

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    rows = zlib.compressobj(QUICKLY)
    row = b"\0" + bytes([255]) * width
    body = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    head = chunk(b"IHDR", size + bytes([8, 0, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


PHOTOS = {"bomb": raw(lambda: png(30_000, 30_000))}


def write_all(folder):
    """Write every hostile file; return a list of (kind, what to load, what to name)."""
    cases = []
    for file, kinds in {
        "run.json": NO_FILES | JSONS,
        "history.json": NO_FILES | JSONS,
        "predictions.npz": NO_FILES | PREDICTIONS,
        "model.keras": NO_FILES | MODELS,
    }.items():
        for kind, write in kinds.items():
            name = f"{file.split('.')[0]}-{kind.replace(' ', '-')}"
            place = save_number(1, name).folder / file
            if kind in NO_FILES or file == "run.json":
                place.unlink()
                write(place)
            elif file == "history.json":
                write(folder / "raw")
                if (folder / "raw").stat().st_size > 10**8:
                    (folder / "raw").rename(place)
                else:
                    forge(place.parent, file, (folder / "raw").read_bytes())
            else:
                forge(place.parent, file, write())
            cases.append(("model" if file == "model.keras" else "run", name, place))
    place = save_number(1, "passwords").folder / "run.json"
    info = json.loads(place.read_text(encoding="utf-8"))
    info["files"]["/etc/passwd"] = "0" * 64
    place.write_text(json.dumps(info), encoding="utf-8")
    cases.append(("run", "passwords", place))
    for what, kinds in (("data", NO_FILES | DATA), ("photo", NO_FILES | PHOTOS)):
        for kind, write in kinds.items():
            place = folder / f"{what}-{kind}"
            write(place)
            cases.append((what, str(place), place))
    return cases


# --- the child -----------------------------------------------------------------------


def load_model(name):
    load_run(name).load_model()


LOAD = {"run": load_run, "model": load_model, "data": load_mnist, "photo": read_page}


def used():
    """Return the seconds of the processor and the MB at the highest, so far."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    megabytes = mine.ru_maxrss / 1e6  # macOS counts bytes
    if sys.platform == "linux":  # where ru_maxrss is also that of who started this
        status = Path("/proc/self/status").read_text(encoding="ascii")
        (peak,) = re.findall(r"VmHWM:\s*(\d+) kB", status)
        megabytes = int(peak) * 1024 / 1e6
    return mine.ru_utime + mine.ru_stime, megabytes


def meet():
    """Load what standard input names; print what it took, and the sentence."""
    for line in sys.stdin:
        kind, choice = json.loads(line)
        before, _ = used()
        try:
            with redirect_stdout(io.StringIO()):
                found = LOAD[kind](choice)
            sentence = f"It was read: {len(getattr(found, 'images', []))} digits."
        except Exception as error:
            sentence = f"{type(error).__name__}: {error}"
        seconds, megabytes = used()
        print(json.dumps([seconds - before, megabytes, sentence]), flush=True)


def met(cases):
    """Let a child meet the cases; return its lines."""
    tests = str(COURSE_DIR / "tests")
    done = subprocess.run(
        [sys.executable, "-c", "import test_hostile_limits as t; t.meet()"],
        input="".join(json.dumps(case) + "\n" for case in cases),
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([tests, str(COURSE_DIR)]),
            "RUNS_DIR": str(runs_dir()),
        },
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_hostile_files_are_refused_in_time_memory_and_by_name(tmp_path):
    cases = write_all(tmp_path)
    lines = met([case[:2] for case in cases])
    assert len(lines) == len(cases) > 25
    problems = []
    for (kind, choice, place), line in zip(cases, lines, strict=True):
        seconds, megabytes, sentence = line
        is_right = sentence.startswith(("RunError", "DataError", "HandwritingError"))
        named = str(place) in sentence
        if seconds > SECONDS or megabytes > MEGABYTES or not (is_right and named):
            problems.append((kind, choice, *line))
    assert not problems


@pytest.mark.slow
def test_a_photo_of_79_megapixels_is_read_within_a_gigabyte(tmp_path):
    page = np.full((7700, 10_260), 255, np.uint8)
    digits = drawn(3, 5, size=2000)
    page[1000 : 1000 + len(digits), 1000 : 1000 + digits.shape[1]] = digits
    cases = []
    for kind, options in (("JPEG", {"quality": 60}), ("PNG", {"compress_level": 1})):
        path = tmp_path / f"photo.{kind.lower()}"
        Image.fromarray(page).convert("RGB").save(path, kind, **options)
        cases.append(("photo", str(path)))
    for _, megabytes, sentence in met(cases):
        assert sentence == "It was read: 2 digits."
        assert megabytes < MEGABYTES_OF_A_PHOTO
