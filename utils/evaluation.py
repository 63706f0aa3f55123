"""What a model's answers say: intervals, tests, mistakes.

Everything takes arrays and returns arrays or numbers; for n test digits

    y_true   labels, shape (n,), integers 0 to 9
    y_pred   predicted labels, shape (n,), integers 0 to 9
    y_prob   predicted probabilities, shape (n, 10), rows that sum to 1

Functions of labels or probabilities raise a ValueError for anything else.
scikit-learn and SciPy's statistics take long to import: who opens Comparison.ipynb
waits for them where they are first needed, behind the first figure.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

N_CLASSES = 10
SHORT_BY = 0.02  # ten probabilities of 16 bits sum to 1 as nearly as that
LEVEL = 0.05  # a p-value below it counts as evidence: one false alarm in twenty


@dataclass(frozen=True)
class AccuracyInterval:
    """An accuracy with its confidence interval, all of them fractions from 0 to 1.

    Printed, it is in percent: "98.55 % (95 % interval 98.30 to 98.77 %)".
    """

    accuracy: float
    low: float
    high: float
    confidence: float

    def __str__(self):
        return (
            f"{100 * self.accuracy:.2f} % ({100 * self.confidence:g} % interval "
            f"{100 * self.low:.2f} to {100 * self.high:.2f} %)"
        )

    @property
    def short(self):
        """The interval for a table: "98.55% (98.30% to 98.77%)"."""
        return f"{self.accuracy:.2%} ({self.low:.2%} to {self.high:.2%})"


@dataclass(frozen=True)
class DifferenceInterval:
    """A measure of b minus that of a, with its interval; mostly fractions, -1 to 1.

    Printed, fractions are in percentage points: "+0.85 points (95 % interval +0.62 to
    +1.08)"; of what is no fraction, such as a loss, take the numbers.
    """

    difference: float
    low: float
    high: float
    confidence: float

    def __str__(self):
        return (
            f"{100 * self.difference:+.2f} points ({100 * self.confidence:g} % "
            f"interval {100 * self.low:+.2f} to {100 * self.high:+.2f})"
        )


class Contingency(NamedTuple):
    """How many digits both models get right, only a, only b, or neither."""

    both: int
    only_a: int
    only_b: int
    neither: int


class McNemar(NamedTuple):
    """The p-value of McNemar's test, and the table that it was computed from."""

    p_value: float
    contingency: Contingency


class Confusion(NamedTuple):
    """One cell of a confusion matrix: so many digits of one class taken for another."""

    true: int
    predicted: int
    count: int


# --- how accurate, and how surely ----------------------------------------------------


def accuracy_interval(y_true, y_pred, confidence=0.95):
    """Return the accuracy with Wilson's interval for it.

    Unlike accuracy ± 1.96 standard errors, it is not absurd near 100 %, where MNIST is.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22, 1927.
    """
    from scipy.stats import binomtest

    y_true, y_pred = _checked_labels(y_true=y_true, y_pred=y_pred)
    check_confidence(confidence)
    n_right = int((y_true == y_pred).sum())
    interval = binomtest(n_right, len(y_true)).proportion_ci(confidence, "wilson")
    return AccuracyInterval(
        n_right / len(y_true), float(interval.low), float(interval.high), confidence
    )


def accuracy_intervals(hits):
    """Return accuracies with Wilson's 95 % interval, one for each row.

    Args:
        hits: whether a digit was read correctly, m rows of bools; the rows may differ
            in length, as shape (m, n) or a list of arrays.

    Returns:
        np.ndarray, shape (3, m): accuracy, low, high; fractions, NaN for an empty row.
    """
    intervals = np.full((3, len(hits)), np.nan)
    for column, row in enumerate(hits):
        if len(row):
            interval = accuracy_interval(np.ones(len(row), int), np.asarray(row, int))
            intervals[:, column] = interval.accuracy, interval.low, interval.high
    return intervals


def disagreement(y_true, y_pred_a, y_pred_b):
    """Return which digits both models get right, only a, only b, or neither.

    Returns:
        dict with the keys "both", "only_a", "only_b" and "neither"; each value holds
        positions in y_true, int64, ascending.
    """
    y_true, y_pred_a, y_pred_b = _checked_labels(
        y_true=y_true, y_pred_a=y_pred_a, y_pred_b=y_pred_b
    )
    right_a, right_b = y_pred_a == y_true, y_pred_b == y_true
    return {
        "both": np.flatnonzero(right_a & right_b),
        "only_a": np.flatnonzero(right_a & ~right_b),
        "only_b": np.flatnonzero(~right_a & right_b),
        "neither": np.flatnonzero(~right_a & ~right_b),
    }


def contingency(y_true, y_pred_a, y_pred_b):
    """Count the digits that both models get right, only a, only b, or neither.

    Returns:
        Contingency.
    """
    groups = disagreement(y_true, y_pred_a, y_pred_b)
    return Contingency(**{name: len(where) for name, where in groups.items()})


def mcnemar_test(y_true, y_pred_a, y_pred_b):
    """Test whether two models that saw the same digits are equally accurate.

    Only the digits that one model gets right and the other wrong count. Were the
    models equally good, each such digit would be like the toss of a fair coin; the
    p-value is the chance of a split at least as uneven as the one found.

    Returns:
        McNemar: p_value and contingency.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12, 1947.
    """
    from scipy.stats import binomtest

    table = contingency(y_true, y_pred_a, y_pred_b)
    n_disputed = table.only_a + table.only_b
    if n_disputed == 0:
        return McNemar(1.0, table)  # no coin was tossed
    return McNemar(float(binomtest(table.only_a, n_disputed).pvalue), table)


def difference_interval(
    y_true, y_pred_a, y_pred_b, confidence=0.95, seed=0, n_resamples=10_000
):
    """Return accuracy of b minus accuracy of a, with a paired bootstrap interval.

    The bootstrap draws n of the n digits with replacement, again and again, and looks
    how much the difference varies (percentile method). The difference depends only on
    how many digits each cell of the contingency table receives, and n draws with
    replacement fill the four cells by a multinomial law: drawing the four counts at
    once is the same experiment, without ten thousand copies of the test set.

    Returns:
        DifferenceInterval. Its width is 0 where the models never disagree.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of
    Statistics 7, 1979.
    """
    check_confidence(confidence)
    check_count(n_resamples, "n_resamples")
    table = np.array(contingency(y_true, y_pred_a, y_pred_b))
    n = table.sum()
    draws = np.random.default_rng(seed).multinomial(n, table / n, size=n_resamples)
    _, only_a, only_b, _ = draws.T
    low, high = percentiles((only_b - only_a) / n, confidence)
    difference = (table[2] - table[1]) / n
    return DifferenceInterval(float(difference), low, high, confidence)


def mean_interval(gains, confidence=0.95, seed=0, n_resamples=2000):
    """Return the mean of paired gains (b minus a) with its bootstrap interval.

    Args:
        gains: one number per digit, shape (n,); b better is positive for accuracy.
        confidence: of the interval (percentile method).
        seed: of the resampling.
        n_resamples: how often n of the n digits are drawn with replacement.

    Returns:
        DifferenceInterval.

    Raises:
        ValueError: there are no gains, one is no number, or nothing is to be drawn.
    """
    gains = np.asarray(gains, float)
    check_count(n_resamples, "n_resamples")
    if gains.ndim != 1 or not len(gains) or not np.isfinite(gains).all():
        raise ValueError(
            f"The gains have shape {gains.shape} and a sum of {gains.sum()}. Expected "
            "one finite number for each digit, shape (n,)."
        )
    # Each value counts as often as it is drawn; few distinct values make few sums.
    values, counts = np.unique(gains, return_counts=True)
    rng = np.random.default_rng(seed)
    if len(values) <= 100:
        drawn = rng.multinomial(len(gains), counts / len(gains), size=n_resamples)
        means = drawn @ values / len(gains)
    else:
        means = np.array(
            [rng.choice(gains, len(gains)).mean() for _ in range(n_resamples)]
        )
    low, high = percentiles(means, confidence)
    return DifferenceInterval(float(gains.mean()), low, high, confidence)


def percentiles(drawn, confidence):
    """Return the two values between which the middle of all draws lies, as floats."""
    check_confidence(confidence)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def detection_rate(contingency, sizes, n_experiments=2000, seed=0):
    """Return how often McNemar's test would have found a difference on fewer digits.

    Draws so many digits with replacement from those that were tested, again and again,
    and counts how often p < 0.05. It takes the rates found for the true ones.

    Args:
        contingency: Contingency of the whole test set.
        sizes: numbers of digits to draw.
        n_experiments: draws for each size.
        seed: of the draws.

    Returns:
        np.ndarray, shape (len(sizes),), float64: fractions of the experiments.
    """
    from scipy.stats import binom

    shares = np.array(contingency) / sum(contingency)
    rng = np.random.default_rng(seed)
    rates = []
    for size in sizes:
        _, only_a, only_b, _ = rng.multinomial(size, shares, n_experiments).T
        # The exact test: twice the tail of a fair coin's tosses, at most 1.
        tails = binom.cdf(np.minimum(only_a, only_b), only_a + only_b, 0.5)
        rates.append(float(np.mean(2 * tails < LEVEL)))
    return np.array(rates)


def log_losses(y_true, y_prob):
    """Return -ln(probability given to the true digit) of each digit, in nats.

    Their mean is Keras' sparse categorical cross-entropy; like Keras it takes no
    probability for smaller than 1e-7, because a single 0 would make the mean infinite.

    Returns:
        np.ndarray, shape (n,), float64.
    """
    y_true, y_prob = checked_probabilities(y_true, y_prob)
    return -np.log(y_prob[np.arange(len(y_true)), y_true].clip(1e-7, 1))


# --- where ---------------------------------------------------------------------------


def confusion_matrix(y_true, y_pred):
    """Return the confusion matrix, (10, 10) int64: rows true, columns predicted."""
    y_true, y_pred = _checked_labels(y_true=y_true, y_pred=y_pred)
    from sklearn import metrics

    return metrics.confusion_matrix(y_true, y_pred, labels=range(N_CLASSES))


def per_class_intervals(y_true, y_pred):
    """Return the fraction of each digit's images that are recognised (its recall).

    Returns:
        np.ndarray, shape (3, 10): recall, and Wilson's 95 % interval, low and high;
        fractions, NaN for a digit that y_true does not hold.
    """
    y_true, y_pred = _checked_labels(y_true=y_true, y_pred=y_pred)
    return accuracy_intervals([y_pred[y_true == k] == k for k in range(N_CLASSES)])


def top_confusions(matrix, k=5):
    """Return the k most frequent mistakes of a confusion matrix, most frequent first.

    Args:
        matrix: shape (10, 10), counts, as scikit-learn's confusion_matrix returns.
        k: how many; fewer are returned where there are fewer kinds of mistake.

    Returns:
        list of Confusion: true digit, predicted digit, count.
    """
    counts = checked_counts(matrix)
    check_count(k, "k")
    mistakes = counts * ~np.eye(N_CLASSES, dtype=bool)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:k]
    pairs = zip(*np.unravel_index(order, counts.shape), strict=True)
    cells = [Confusion(int(t), int(p), int(mistakes[t, p])) for t, p in pairs]
    return [cell for cell in cells if cell.count > 0]


def confident_mistakes(y_true, y_prob, k=12):
    """Return where the model is wrong and most sure of it.

    Args:
        y_true: labels, shape (n,).
        y_prob: probabilities, shape (n, 10).
        k: how many; fewer are returned where there are fewer mistakes.

    Returns:
        np.ndarray of positions in y_true, int64, the most confident mistake first.
    """
    y_true, y_prob = checked_probabilities(y_true, y_prob)
    check_count(k, "k")
    confidence = y_prob.max(axis=1)
    wrong = np.flatnonzero(y_prob.argmax(axis=1) != y_true)
    return wrong[np.argsort(-confidence[wrong], kind="stable")[:k]]


# --- checks --------------------------------------------------------------------------


def _checked_labels(**named):
    named = {name: np.asarray(labels) for name, labels in named.items()}
    n = len(named["y_true"]) if named["y_true"].ndim else 0
    for name, labels in named.items():
        if labels.ndim != 1 or len(labels) == 0 or labels.dtype.kind not in "iu":
            raise ValueError(
                f"{name} has shape {labels.shape} and is {labels.dtype}. Expected "
                "labels, integers of shape (n,): use y_prob.argmax(axis=1) to turn "
                "probabilities, or one-hot labels, into labels."
            )
        if labels.min() < 0 or labels.max() >= N_CLASSES:
            raise ValueError(
                f"{name} holds labels from {labels.min()} to {labels.max()}. Expected "
                "digits from 0 to 9: check where the labels come from."
            )
        if len(labels) != n:
            raise ValueError(
                f"y_true has {n} labels, {name} has {len(labels)}. Expected one each "
                "for the same digits in the same order."
            )
    return named.values()


def in_full_precision(y_prob):
    """Return probabilities of mixed precision as float32 whose rows sum to 1 again.

    Rounded to 16 bits, they are right to three digits, or two. Others stay as they are.
    """
    short = getattr(getattr(y_prob, "dtype", None), "name", "")
    if short not in ("float16", "bfloat16"):
        return y_prob
    y_prob = np.asarray(y_prob, np.float32)
    total = y_prob.sum(axis=-1, keepdims=True)
    return y_prob / total if np.abs(total - 1).max() < SHORT_BY else y_prob


def checked_probabilities(y_true, y_prob):
    (y_true,) = _checked_labels(y_true=y_true)
    y_prob = np.asarray(in_full_precision(y_prob))
    if y_prob.shape != (len(y_true), N_CLASSES) or y_prob.dtype.kind != "f":
        raise ValueError(
            f"y_prob has shape {y_prob.shape} and is {y_prob.dtype}. Expected floats "
            f"of shape {(len(y_true), N_CLASSES)}: one row for each label in y_true."
        )
    return y_true, checked_rows(y_prob)


def checked_rows(y_prob):
    """Return probabilities as float64, or raise a ValueError: they are none."""
    # float64, lest float32 rounding puts a confidence into the wrong bin.
    y_prob = np.asarray(in_full_precision(y_prob)).astype(np.float64)
    if y_prob.ndim != 2:
        raise ValueError(
            f"y_prob has shape {y_prob.shape}. Expected (n, 10): a row for each digit; "
            "make a batch of one with y_prob[None]."
        )
    sums_to_1 = np.allclose(y_prob.sum(axis=1), 1, atol=1e-3)
    if not sums_to_1 or y_prob.min() < 0:
        raise ValueError(
            "y_prob holds rows that are not probabilities. Expected numbers from 0 to "
            "1 that sum to 1 in each row: apply softmax to logits first; where they "
            "are nan, train the model anew with a smaller learning rate."
        )
    return y_prob


def checked_counts(matrix):
    """Return a confusion matrix as int64, or raise a ValueError: it is none of counts.

    A row's position is its digit: a class that no digit of the data has would else be
    left out, and all the others move up. Differences are taken, hence the sign.
    """
    matrix = np.asarray(matrix)
    if matrix.shape != (N_CLASSES, N_CLASSES):
        raise ValueError(
            f"The confusion matrix has shape {matrix.shape}. Expected (10, 10): a row "
            "and a column for each digit, even for one that the data lack. Count "
            "with labels=range(10)."
        )
    counts = np.round(matrix).astype(np.int64)
    if not np.array_equal(counts, matrix):
        raise ValueError(
            "The confusion matrix holds fractions. Expected counts: count without "
            "normalize."
        )
    return counts


def check_confidence(confidence):
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence is {confidence}. Expected a number between 0 and 1, such as "
            "0.95 for 95 %."
        )


def check_count(value, name):
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} is {value!r}. Expected a whole number of at least 1.")
