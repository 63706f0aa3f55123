"""How sure a model is, and how justified that is.

As in evaluation: y_true are labels, shape (n,), and y_prob probabilities, shape
(n, 10). The confidence of an answer is its probability, the largest of the ten.
"""

from typing import NamedTuple

import numpy as np

from utils.evaluation import (
    DifferenceInterval,
    accuracy_intervals,
    check_count,
    checked_probabilities,
    checked_rows,
    percentiles,
)

N_BINS = 15  # as in Guo et al., 2017


class Reliability(NamedTuple):
    """One value per bin of confidence; all arrays have shape (n_bins,).

    confidence and accuracy are means from 0 to 1, low and high the limits of Wilson's
    95 % interval for the accuracy, float64, NaN in an empty bin; count is the number of
    digits, int64.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray


class CoverageCurve(NamedTuple):
    """Accuracy when unsure answers are withheld; arrays of one length, float64.

    A model that answers where its confidence is at least threshold answers the
    fraction coverage of all digits, and is right on the fraction accuracy of those.
    Coverage rises to 1.
    """

    coverage: np.ndarray
    accuracy: np.ndarray
    threshold: np.ndarray


def reliability(y_true, y_prob, n_bins=N_BINS):
    """Compare confidence with accuracy, in bins of equal width.

    Bin m of M holds the confidences in ((m - 1)/M, m/M]. A calibrated model is right as
    often as it says: in each bin, accuracy equals confidence.

    Returns:
        Reliability.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern
    neural networks", ICML 2017.
    """
    confidence, right = _confidence_and_right(y_true, y_prob)
    bins = _bins(confidence, n_bins)
    count = np.bincount(bins, minlength=n_bins)
    accuracy, low, high = accuracy_intervals([right[bins == m] for m in range(n_bins)])
    with np.errstate(invalid="ignore"):  # an empty bin has no mean: 0 / 0 is its NaN
        mean_confidence = np.bincount(bins, confidence, n_bins) / count
    return Reliability(mean_confidence, accuracy, count, low, high)


def expected_calibration_error(y_true, y_prob, n_bins=N_BINS):
    """Return how far confidence is from accuracy on average, from 0 (best) to 1.

    ECE = Σ (count of bin / n) · |accuracy of bin - confidence of bin|, over the bins of
    reliability().

    Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated
    probabilities using Bayesian binning", AAAI 2015; for the most probable class: Guo
    et al., ICML 2017.
    """
    confidence, right = _confidence_and_right(y_true, y_prob)
    return _error(_bins(confidence, n_bins), right - confidence, n_bins)


def error_by_chance(y_prob, n_draws=300, seed=0, n_bins=N_BINS):
    """Return the calibration errors that a perfectly calibrated model would show.

    A model that is right exactly as often as it says is right on each digit with the
    probability that it gives; so each answer is drawn right or wrong with the odds of
    its own confidence, again and again, and the error is computed each time. It is not
    0, because a bin holds finitely many digits.

    Args:
        y_prob: probabilities, shape (n, 10).
        n_draws: how many test sets are drawn.
        seed: of the draws.
        n_bins: of the calibration error.

    Returns:
        np.ndarray, shape (n_draws,), float64: expected calibration errors.

    Source: J. Bröcker, L. A. Smith, "Increasing the reliability of reliability
    diagrams", Weather and Forecasting 22, 2007 (consistency resampling).
    """
    confidence = checked_rows(y_prob).max(axis=1)
    check_count(n_draws, "n_draws")
    bins = _bins(confidence, n_bins)
    rng = np.random.default_rng(seed)
    return np.array(
        [
            _error(bins, (rng.random(len(bins)) < confidence) - confidence, n_bins)
            for _ in range(n_draws)
        ]
    )


def calibration_interval(
    y_true, y_prob_a, y_prob_b, confidence=0.95, seed=0, n_resamples=1000, n_bins=N_BINS
):
    """Return the calibration error of b minus that of a, with a bootstrap interval.

    Both errors are computed on the same drawn digits, like the difference itself.

    Args:
        y_true: labels, shape (n,).
        y_prob_a, y_prob_b: probabilities, shape (n, 10).
        confidence: of the interval (percentile method).
        seed: of the resampling.
        n_resamples: how often n of the n digits are drawn with replacement.
        n_bins: of the calibration error.

    Returns:
        DifferenceInterval.
    """
    models = []
    for y_prob in (y_prob_a, y_prob_b):
        sure, right = _confidence_and_right(y_true, y_prob)
        models.append((_bins(sure, n_bins), right - sure))

    def difference(drawn):
        a, b = (_error(bins[drawn], gaps[drawn], n_bins) for bins, gaps in models)
        return b - a

    check_count(n_resamples, "n_resamples")
    n = len(y_true)
    rng = np.random.default_rng(seed)
    drawn = [difference(rng.integers(n, size=n)) for _ in range(n_resamples)]
    low, high = percentiles(drawn, confidence)
    observed = difference(np.arange(n))
    return DifferenceInterval(float(observed), low, high, confidence)


def coverage_curve(y_true, y_prob):
    """Return the accuracy of a model that may abstain where it is unsure.

    Returns:
        CoverageCurve: one point for each confidence that occurs, the highest first.

    Source: R. El-Yaniv, Y. Wiener, "On the foundations of noise-free selective
    classification", JMLR 11, 2010; Y. Geifman, R. El-Yaniv, "Selective classification
    for deep neural networks", NeurIPS 2017.
    """
    confidence, right = _confidence_and_right(y_true, y_prob)
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    answered = np.arange(1, len(order) + 1)
    accuracy = right[order].cumsum() / answered
    # No threshold separates answers of equal confidence: keep the last of each run.
    last = np.append(np.diff(sorted_confidence) < 0, True)
    return CoverageCurve(
        answered[last] / len(order), accuracy[last], sorted_confidence[last]
    )


def _confidence_and_right(y_true, y_prob):
    """Return the probability of each answer, and whether the answer is right."""
    y_true, y_prob = checked_probabilities(y_true, y_prob)
    return y_prob.max(axis=1), y_prob.argmax(axis=1) == y_true


def _bins(confidence, n_bins):
    """Return the number of each confidence's bin, from 0 to n_bins - 1."""
    check_count(n_bins, "n_bins")
    inner_edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    return np.digitize(confidence, inner_edges, right=True)


def _error(bins, gaps, n_bins):
    """Return the calibration error from each digit's bin and its gap, right - sure.

    count / n · |accuracy - confidence| of a bin is the sum of its gaps over n.
    """
    return float(np.abs(np.bincount(bins, gaps, n_bins)).sum() / len(gaps))
