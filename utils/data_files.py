"""Digits from files of your own: the four IDX files of MNIST, or an .npz like Keras'.

They may be damaged, or made to harm: what is no file is not read, nothing is unpacked
beyond what MOST_DIGITS images take, and no size is believed that a file states.
"""

import math
import os
import re
from pathlib import Path

import numpy as np

from utils.bounded import (
    PICKLE,
    BadFile,
    npz_headers,
    open_regular,
    read_bytes,
    read_gzip,
    read_npz,
)
from utils.places import COURSE_DIR, leftover
from utils.wording import SaidError

IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
# The same without signs and endings, however a mirror writes them.
IDX_STEMS = {
    "trainimages": "x_train",
    "trainlabels": "y_train",
    "t10kimages": "x_test",
    "t10klabels": "y_test",
    "testimages": "x_test",
    "testlabels": "y_test",
}
IDX_FOLDERS = ("", "raw", "MNIST/raw")  # the latter two are torchvision's
IDX_MAGIC_IMAGES, IDX_MAGIC_LABELS = 2051, 2049
MOST_DIGITS = 300_000  # the largest set of this kind, EMNIST's digits, has 280,000
# Bytes of all four files, unpacked: images, and labels of 64 bits.
LARGEST = MOST_DIGITS * (28 * 28 + 8) + 10_000
LONGEST_NAME = 300  # letters of what was chosen, where it is none of all these
LARGEST_TO_LOOK_AT = 4_000_000_000  # bytes of an .npz of which only headers are read


class DataError(SaidError):
    """The data cannot be used; the message says what was found and what to do."""


def read_path(choice):
    """Read a folder with IDX files, named by itself or by one of them, or an .npz.

    Args:
        choice: the path, as a text; it may begin with "~". A relative one is meant from
            the current folder, or from the course's: a lab's kernel works in labs/.

    Returns:
        dict with the arrays x_train, y_train, x_test and y_test.

    Raises:
        DataError: they are not there, damaged, too large or no MNIST-like arrays.
    """
    path = Path(os.path.expanduser(choice))  # Path.expanduser fails on unknown users
    if not os.path.lexists(path):
        path = COURSE_DIR / os.path.expandvars(path)  # %env leaves $HOME as it is
    try:
        if path.is_dir():
            return _read_idx_folder(path)
        if any(path in paths for paths in _find_idx(path.parent).values()):
            return _read_idx_folder(path.parent)  # one of the four was named
        if os.path.lexists(path):
            return _read_npz(path)
    except BadFile as error:
        advice = "Copy or download it again, or correct MNIST_DATA."
        raise DataError(f"{error}. {advice}") from error
    except PermissionError as error:
        raise DataError(
            f"{error.filename or path} may not be read: no permission. Ask its owner, "
            "or copy the data to a folder of yours."
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{getattr(error, 'filename', None) or path!s:.{LONGEST_NAME}} cannot be "
            f"read: {reason}. Correct MNIST_DATA, or copy the data again."
        ) from error
    why = leftover(path)
    raise DataError(
        f"MNIST_DATA is {choice!r:.{LONGEST_NAME}}, which is neither auto, full or "
        "sample nor a folder or file that exists. Correct the spelling or the path"
        f"{f': {why:.{LONGEST_NAME}}' if why else ''}."
    )


# --- IDX -----------------------------------------------------------------------------


def _read_idx_folder(folder):
    candidates = next(filter(None, (_find_idx(folder / f) for f in IDX_FOLDERS)), {})
    arrays, left, left_for_copies = {}, LARGEST, LARGEST
    for key, name in IDX_NAMES.items():
        if key not in candidates:
            raise DataError(
                f"{name} (or {name}.gz) is missing in the folder {folder}, and a "
                f"folder of MNIST has four files: {', '.join(IDX_NAMES.values())}."
            )
        first, *others = candidates[key]
        arrays[key] = _read_idx(first, key.startswith("x"), left)
        left -= arrays[key].nbytes
        for other in others:
            left_for_copies -= arrays[key].nbytes
            if left_for_copies < 0:
                raise DataError(
                    f"The folder {folder} holds {len(others) + 1} files that can be "
                    f"{name}, too many to compare. Move the copies out of the folder."
                )
            array = _read_idx(other, key.startswith("x"), LARGEST)
            if not np.array_equal(array, arrays[key]):
                raise DataError(
                    f"{first} and {other} hold different digits, and nothing says "
                    "which to take. Move one of them out of the folder."
                )
    return arrays


def _find_idx(folder):
    """Return which files of a folder can be which array: key to a list of paths."""
    candidates = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith("."):
            continue  # macOS writes a file "._name" beside each one on a USB stick
        name = path.name.lower().removesuffix(".gz")
        stem = re.sub("[^a-z0-9]|idx[13]?|ubyte", "", name)
        if stem not in IDX_STEMS:
            continue
        if path.is_dir() and os.path.lexists(path / path.name):
            path /= path.name  # as Kaggle's archive is unpacked
        candidates.setdefault(IDX_STEMS[stem], []).append(path)
    for key, paths in candidates.items():
        candidates[key] = [path for path in paths if not path.is_dir()] or paths
    return candidates


def _read_idx(path, is_images, limit):
    """Read an IDX file: a header of big-endian 32-bit numbers, then bytes."""
    raw = _unpacked(path, limit)
    magic = IDX_MAGIC_IMAGES if is_images else IDX_MAGIC_LABELS
    header = 4 * (4 if is_images else 2)
    if len(raw) < header:
        raise BadFile(
            path,
            f"has {len(raw)} bytes, too few for an IDX file, whose header alone has "
            f"{header}",
        )
    number, *sizes = (int(n) for n in np.frombuffer(raw[:header], ">u4"))
    if number != magic:
        raise DataError(
            f"{path} begins with the number {number}, not with {magic} as an IDX file "
            "of this kind does. Is it another file, or are images and labels swapped?"
        )
    n_values = math.prod(sizes)  # not np.prod: a damaged header overflows 64 bits
    if len(raw) - header != n_values:
        raise BadFile(
            path,
            f"promises {n_values:,} values in its header but holds "
            f"{len(raw) - header:,}",
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(sizes)


def _unpacked(path, limit):
    """Return what a file holds; browsers pack and unpack without changing the name."""
    with open_regular(path, limit) as file:
        start = file.read(3)
    is_packed = path.suffix.lower() == ".gz" and start != b"\x00\x00\x08"
    read = read_gzip if is_packed or start.startswith(b"\x1f\x8b") else read_bytes
    return read(path, limit)


# --- npz -----------------------------------------------------------------------------


def _read_npz(path):
    if path.suffix.lower() != ".npz":
        _check_is_archive(path)
    check_kinds(npz_headers(path, list(IDX_NAMES), LARGEST_TO_LOOK_AT), path)
    return read_npz(path, list(IDX_NAMES), LARGEST)


def _check_is_archive(path):
    """Raise a DataError where a file is none that digits are read from, such as a CSV.

    An array by itself and a pickle are told apart where archives are read.
    """
    with open_regular(path, LARGEST_TO_LOOK_AT) as file:
        start = file.read(6)
    if not start.startswith((b"PK", np.lib.format.MAGIC_PREFIX, PICKLE)):
        raise DataError(
            f"{path} is no .npz archive: it begins with {bytes(start)!r}. Expected a "
            "folder with MNIST's four IDX files, one of these, or an .npz file with "
            f"the arrays {', '.join(IDX_NAMES)}. Convert it, or correct MNIST_DATA."
        )


def check_kinds(kinds, where):
    """Raise a DataError unless shapes and types are those of images and labels.

    Args:
        kinds: dictionary from an array's name to its shape and its dtype.
        where: what to name in the message.
    """
    for part in ("train", "test"):
        (x_shape, x_dtype), (y_shape, y_dtype) = kinds[f"x_{part}"], kinds[f"y_{part}"]
        if len(x_shape) != 3 or x_shape[1:] != (28, 28):
            raise DataError(
                f"{where}: the {part} images have shape {x_shape}. Expected (n, 28, "
                "28): grey images of 28 by 28 pixels."
            )
        if x_dtype != np.uint8:
            raise DataError(
                f"{where}: the {part} images are {x_dtype}. Expected uint8: whole "
                "numbers from 0 (paper) to 255 (ink)."
            )
        if len(y_shape) != 1 or y_dtype.kind not in "iu":
            raise DataError(
                f"{where}: the {part} labels have shape {y_shape} and are {y_dtype}. "
                "Expected one whole number for each image, shape (n,)."
            )
        if x_shape[0] != y_shape[0]:
            raise DataError(
                f"{where}: there are {x_shape[0]:,} {part} images but {y_shape[0]:,} "
                f"{part} labels. They must be of the same number, in the same order."
            )
        if x_shape[0] == 0:
            raise DataError(f"{where}: there are no {part} digits in these data.")
