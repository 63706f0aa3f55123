"""What makes the difference: pairs of networks in which one thing was changed.

labs/What_Makes_the_Difference.ipynb trains the controls; the course ships three seeds
of each (runs.load_controls). Here they are put side by side, two and two.
"""

import numpy as np

from utils.run_files import RunError
from utils.verdict import NAMES
from utils.wording import Text

AS_IS = "as in the notebooks"
PAIRS = {  # what the two have in common, or what was changed: the ANN's run, the CNN's
    AS_IS: ("ann-plain", "cnn-plain"),
    "both with the ANN's recipe": ("ann-plain", "cnn-swapped"),
    "both with the CNN's recipe": ("ann-swapped", "cnn-plain"),
    "ANN as small as the CNN": ("ann-small", "cnn-plain"),
    "CNN without sharing": ("ann-plain", "cnn-unshared"),
    "pixels shuffled": ("ann-shuffled", "cnn-shuffled"),
    "labels smoothed": ("ann-smoothed", "cnn-smoothed"),
}
TESTS = {  # in words: the name of the hits in a run's stress test
    "test digits": None,
    "shifted": "shift",
    "noisy": "noise",
    "blurred": "blur",
    "from Istanbul": "uci",
}


def accuracies(controls):
    """Measure every pair on the test digits and on harder ones.

    Args:
        controls: what runs.load_controls() returned.

    Returns:
        dict from the test (as in TESTS) to a dictionary from the pair (as in PAIRS) to
        a dictionary from "ANN" and "CNN" to accuracies, fractions, one per training. On
        damaged digits an accuracy is the mean over the severities, without the harmless
        first one.

    Raises:
        RunError: a control is not there.
    """
    if missing := {name for names in PAIRS.values() for name in names} - set(controls):
        raise RunError(
            f"The controls {', '.join(sorted(missing))} are not in reference/controls. "
            "Download the course anew, with all of its folders."
        )
    measured = {
        name: {test: [_accuracy(run, test) for run in trainings] for test in TESTS}
        for name, trainings in controls.items()
    }
    return {
        test: {
            pair: {
                model: np.array(measured[name][test])
                for model, name in zip(NAMES, names, strict=True)
            }
            for pair, names in PAIRS.items()
        }
        for test in TESTS
    }


def _accuracy(run, test):
    kind = TESTS[test]
    if kind is None:
        return run.info["test_accuracy"]
    hits = run.load_stress()[kind]
    return float(hits.mean() if kind == "uci" else hits[1:].mean())


def table(measured):
    """Return the CNN's lead in points: its mean, and its range over all pairs.

    Args:
        measured: what accuracies() returned.

    Returns:
        pandas.DataFrame of texts: a row for each pair, a column for each test.
    """
    import pandas as pd

    return pd.DataFrame(
        {
            test: {
                pair: "{:+z.{d}f} ({:+z.{d}f} to {:+z.{d}f})".format(
                    *_lead(accuracies), d=2 if test == "test digits" else 0
                )
                for pair, accuracies in pairs.items()
            }
            for test, pairs in measured.items()
        }
    )


def describe(measured):
    """Say in sentences what is left of the CNN's lead when one thing is changed.

    Args:
        measured: what accuracies() returned.
    """

    def standing(test, pair):
        mean, low, high = _lead(measured[test][pair])
        if low <= 0 == high:
            return "ahead in no pair of trainings"
        if low <= 0 <= high:
            return "ahead in some pairs of trainings, not ahead in others"
        digits = 2 if test == "test digits" else 0
        return f"{'ahead' if mean > 0 else 'behind'} by {abs(mean):.{digits}f} points"

    def changed(test, pairs):
        return ", ".join(f"*{pair}*: {standing(test, pair)}" for pair in pairs)

    own, both_ann, both_cnn, small, unshared, shuffled, _ = PAIRS
    changes = (both_ann, both_cnn, small, unshared, shuffled)
    return Text(
        f"On the test digits the CNN is {standing('test digits', own)}; "
        f"{changed('test digits', changes)}.\n\n"
        f"On shifted digits it is {standing('shifted', own)}; "
        f"{changed('shifted', (both_ann, both_cnn, unshared, shuffled))}.\n\n"
        f"On noisy digits it is {standing('noisy', own)}; "
        f"{changed('noisy', (both_ann, both_cnn))}."
    )


def _lead(accuracies):
    """Return the CNN's lead in points: mean, lowest and highest of all pairs."""
    a, b = (100 * accuracies[name] for name in NAMES)
    gaps = b[None, :] - a[:, None]
    return gaps.mean(), gaps.min(), gaps.max()
