"""Whether the lesson makes sense with somebody's own digits, told before training."""

import numpy as np

from utils.data_files import DataError

FEWEST = {"train": 100, "test": 10}  # a tenth of the former is set aside
DARK = 128  # where ink begins, of 255
RARE = 0.01  # of the digits may be twins by chance, such as blank ones


def check_sense(arrays, where):
    """Refuse digits with which the notebooks cannot work.

    Args:
        arrays: x_train, y_train, x_test and y_test, of the right shapes and types.
        where: what to name in the message.

    Raises:
        DataError: the images are blank, inverted or not from 0 to 255; or there are too
            few digits or classes.
    """
    for part, fewest in FEWEST.items():
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if len(x) < fewest:
            raise DataError(
                f"{where}: there are only {len(x)} {part} digits. Expected {fewest} or "
                "more: with fewer, the notebooks cannot split and test."
            )
        if x.min() == x.max():
            raise DataError(
                f"{where}: all {part} images are blank, every pixel is {x.max()}. Were "
                "they read or saved wrongly?"
            )
        if x.max() <= 1:
            raise DataError(
                f"{where}: the {part} images hold 0 and 1 only. Expected grey values "
                "from 0 (paper) to 255 (ink): multiply them by 255 and save again."
            )
        if np.median(_border(x)) >= DARK:
            raise DataError(
                f"{where}: the {part} images are dark on the edge, as if ink and paper "
                "were exchanged. MNIST has 0 for paper: save 255 - x instead."
            )
        counts = np.bincount(y, minlength=10)
        if (counts > 0).sum() < 2:
            raise DataError(
                f"{where}: all {part} digits are of the class {y[0]}. Expected two "
                "classes or more: there is nothing to tell apart."
            )
        if part == "train" and (counts == 1).any():
            raise DataError(
                f"{where}: the digit {counts.tolist().index(1)} is there once for "
                "training. Expected two or more: one of them is set aside."
            )


def oddities(arrays):
    """Return sentences about what makes results on these digits other than MNIST's."""
    remarks = []
    for part in FEWEST:
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if missing := sorted({*range(10)} - set(y.tolist())):
            digits = ", ".join(map(str, missing))
            remarks.append(f"No {part} digit is of the class {digits}.")
        if x.max() < DARK:
            remarks.append(f"The darkest ink of the {part} images is {x.max()} of 255.")
        if n_blank := int((x.min(axis=(1, 2)) == x.max(axis=(1, 2))).sum()):
            remarks.append(f"{n_blank:,} of the {part} images are blank.")
    known = {hash(image.tobytes()) for image in arrays["x_train"]}
    n_known = sum(hash(image.tobytes()) in known for image in arrays["x_test"])
    if n_known:
        remarks.append(
            f"{n_known:,} of the {len(arrays['x_test']):,} test digits are among the "
            "training digits, too: the accuracy will look better than it is."
        )
    n_copies = len(arrays["x_train"]) - len(known)
    if n_copies > RARE * len(arrays["x_train"]):
        remarks.append(
            f"{n_copies:,} of the {len(arrays['x_train']):,} training digits are "
            "copies of others. Their twins will be set aside for validation: that "
            "accuracy will look better than it is."
        )
    if len(arrays["x_test"]) > len(arrays["x_train"]):
        remarks.append("There are more test digits than training digits: exchanged?")
    accuracy, guessed = _nearest_mean_accuracy(arrays)
    if len(arrays["x_test"]) >= 50 and accuracy < 1.5 * guessed:
        remarks.append(
            f"The nearest mean image names {accuracy:.0%} of the test digits, guessing "
            f"{guessed:.0%} (of MNIST, 80 %): do the labels belong to these images?"
        )
    return remarks


def _border(x):
    return np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]])


def _nearest_mean_accuracy(arrays):
    """Return how often the class with the nearest mean image is right, and guessing."""
    rng = np.random.default_rng(0)
    drawn = {}
    for part, n in (("train", 2000), ("test", 1000)):
        chosen = rng.permutation(len(arrays[f"y_{part}"]))[:n]
        x = arrays[f"x_{part}"][chosen].reshape(len(chosen), -1).astype(np.float32)
        drawn[part] = x, arrays[f"y_{part}"][chosen]
    (x_train, y_train), (x_test, y_test) = drawn.values()
    classes = np.unique(y_train)
    means = np.stack([x_train[y_train == c].mean(axis=0) for c in classes])
    # The squared distance to a mean, but for what is the same for all means.
    distances = (means**2).sum(axis=1) - 2 * x_test @ means.T
    accuracy = np.mean(classes[distances.argmin(axis=1)] == y_test)
    return accuracy, np.bincount(y_test).max() / len(y_test)
