"""How sure a model is: calibration against a plain loop, and against scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score

from utils import calibration


@pytest.fixture
def probabilities():
    """Labels of 3,000 digits and the probabilities of a model that is often wrong."""
    rng = np.random.default_rng(2)
    y_true = rng.integers(10, size=3000)
    logits = rng.normal(size=(3000, 10)) + 2.5 * np.eye(10)[y_true]
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y_true, y_prob.astype(np.float32)


def bins_by_a_loop(y_true, y_prob, n_bins):
    """Return (mean confidence, accuracy, count) of each bin, as Guo et al. write it."""
    bins = []
    for m in range(1, n_bins + 1):
        inside = [
            (max(row), int(np.argmax(row)) == true)
            for true, row in zip(y_true, y_prob.astype(float), strict=True)
            if (m - 1) / n_bins < max(row) <= m / n_bins
        ]
        columns = zip(*inside, strict=True) if inside else ([np.nan], [np.nan])
        confidence, right = columns
        bins.append((np.mean(confidence), np.mean(right), len(inside)))
    return bins


@pytest.mark.parametrize("n_bins", [1, 10, 15])
def test_calibration_is_that_of_a_plain_loop(probabilities, n_bins):
    y_true, y_prob = probabilities
    bins = bins_by_a_loop(y_true, y_prob, n_bins)
    found = calibration.reliability(y_true, y_prob, n_bins)
    np.testing.assert_allclose(np.transpose(found[:3]), bins)
    n = len(y_true)
    expected = sum(k / n * abs(acc - conf) for conf, acc, k in bins if k)
    error = calibration.expected_calibration_error(y_true, y_prob, n_bins)
    assert error == pytest.approx(expected)
    assert error > 0.01


def test_reliability_agrees_with_scikit_learn(probabilities):
    y_true, y_prob = probabilities
    right = y_prob.argmax(axis=1) == y_true
    confidence = y_prob.max(axis=1).astype(float)
    accuracies, confidences = calibration_curve(right, confidence, n_bins=15)
    found = calibration.reliability(y_true, y_prob)
    filled = found.count > 0
    np.testing.assert_allclose(found.accuracy[filled], accuracies)
    np.testing.assert_allclose(found.confidence[filled], confidences)
    assert np.isnan(found.accuracy[~filled]).all()
    assert not filled.all()  # ten classes leave confidences below 1/10 empty
    assert found.count.sum() == len(y_true)
    fullest = int(found.count.argmax())
    n = int(found.count[fullest])
    n_right = round(found.accuracy[fullest] * n)
    wilson = stats.binomtest(n_right, n).proportion_ci(method="wilson")
    interval = found.low[fullest], found.high[fullest]
    assert interval == pytest.approx((wilson.low, wilson.high))


def test_confidence_on_the_edge_belongs_to_the_lower_bin():
    y_prob = np.zeros((2, 10))
    y_prob[0, :2], y_prob[1, 0] = 0.5, 1.0
    assert calibration.reliability([0, 0], y_prob, 2).count.tolist() == [1, 1]


def test_calibration_error_by_hand():
    y_prob = np.zeros((4, 10))
    y_prob[:, :2] = [0.8, 0.2]
    # Says 80 %, is right on 50 %.
    assert calibration.expected_calibration_error(
        [0, 0, 1, 1], y_prob
    ) == pytest.approx(0.3)
    # Says 100 % and is right.
    assert calibration.expected_calibration_error([0, 1], np.eye(10)[:2]) == 0


def test_coverage_curve_is_that_of_a_plain_loop(probabilities):
    y_true, y_prob = probabilities
    y_prob = y_prob.round(2)  # so that many confidences are equal
    y_prob[:, 0] += 1 - y_prob.sum(axis=1)
    y_true, y_prob = y_true[y_prob[:, 0] >= 0], y_prob[y_prob[:, 0] >= 0]
    confidence = y_prob.astype(float).max(axis=1)
    coverage, accuracy, threshold = calibration.coverage_curve(y_true, y_prob)
    assert threshold.tolist() == sorted(set(confidence), reverse=True)
    for i in range(0, len(threshold), 7):
        answered = confidence >= threshold[i]
        expected = accuracy_score(y_true[answered], y_prob[answered].argmax(axis=1))
        assert coverage[i] == pytest.approx(answered.mean())
        assert accuracy[i] == pytest.approx(expected)
    assert coverage[-1] == 1


def test_who_abstains_when_unsure_is_right_more_often(probabilities):
    coverage, accuracy, _ = calibration.coverage_curve(*probabilities)
    half = np.searchsorted(coverage, 0.5)
    assert accuracy[half] > accuracy[-1] + 0.05


# --- by chance, and between two models -----------------------------------------------


def random_model(rng, y_true, sharpness):
    logits = rng.normal(size=(len(y_true), 10)) + 2 * np.eye(10)[y_true]
    e = np.exp(sharpness * logits)
    return (e / e.sum(axis=1, keepdims=True)).astype(np.float32)


def test_calibration_interval_is_about_the_difference_of_the_errors():
    rng = np.random.default_rng(4)
    y_true = rng.integers(10, size=2000)
    a, b = (random_model(rng, y_true, sharpness) for sharpness in (2.0, 8.0))
    errors = [calibration.expected_calibration_error(y_true, p) for p in (a, b)]
    found = calibration.calibration_interval(y_true, a, b, n_resamples=200)
    assert found.difference == pytest.approx(errors[1] - errors[0], abs=1e-9)
    assert 0 < found.low < found.difference < found.high  # b is overconfident
    swapped = calibration.calibration_interval(y_true, b, a, n_resamples=200)
    assert swapped.low == pytest.approx(-found.high)
    same = calibration.calibration_interval(y_true, a, a, n_resamples=20)
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_a_perfectly_calibrated_model_shows_the_error_that_is_expected_by_chance():
    # Labels drawn with the model's own probabilities: nothing is better calibrated.
    rng = np.random.default_rng(5)
    y_prob = random_model(rng, rng.integers(10, size=2000), 1.0)
    found = []
    for _ in range(100):
        drawn = (rng.random((2000, 1)) > y_prob.cumsum(axis=1)).sum(axis=1).clip(0, 9)
        found.append(calibration.expected_calibration_error(drawn, y_prob))
    by_chance = calibration.error_by_chance(y_prob)
    assert by_chance.mean() == pytest.approx(np.mean(found), rel=0.1)
    assert by_chance.std() == pytest.approx(np.std(found), rel=0.35)
    assert by_chance.min() > 0


def test_an_overconfident_model_shows_more_than_chance():
    rng = np.random.default_rng(6)
    y_true = rng.integers(10, size=2000)
    y_prob = random_model(rng, y_true, 8.0)
    error = calibration.expected_calibration_error(y_true, y_prob)
    assert error > 2 * calibration.error_by_chance(y_prob).max()


def test_more_digits_leave_less_to_chance_and_a_sure_model_nothing():
    rng = np.random.default_rng(7)
    y_prob = random_model(rng, rng.integers(10, size=4000), 1.0)
    few, many = (calibration.error_by_chance(p).mean() for p in (y_prob[:400], y_prob))
    assert few > 2 * many  # about √10 times as much
    assert (calibration.error_by_chance(np.eye(10)) == 0).all()


def test_probabilities_of_16_bits_are_probabilities_and_logits_are_none():
    import keras

    y_prob = np.random.default_rng(0).dirichlet(np.ones(10), size=50)
    short = keras.ops.convert_to_numpy(keras.ops.cast(y_prob, "bfloat16"))
    y_true = y_prob.argmax(axis=1)
    errors = [
        calibration.expected_calibration_error(y_true, p) for p in (y_prob, short)
    ]
    assert errors[0] == pytest.approx(errors[1], abs=0.01)
    with pytest.raises(ValueError, match="apply softmax to logits first"):
        calibration.error_by_chance(10 * y_prob)
