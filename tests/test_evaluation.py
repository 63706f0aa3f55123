"""Every number of utils.evaluation against something computed another way."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, log_loss, recall_score

from utils import evaluation


@pytest.fixture
def answers():
    """Labels of 2,000 digits, and the answers of a model (a) and a better one (b)."""
    rng = np.random.default_rng(1)
    y_true = rng.integers(10, size=2000)
    guesses = rng.integers(10, size=(2, 2000))
    y_pred_a = np.where(rng.random(2000) < 0.90, y_true, guesses[0])
    y_pred_b = np.where(rng.random(2000) < 0.95, y_true, guesses[1])
    return y_true, y_pred_a, y_pred_b


@pytest.fixture
def probabilities():
    """Labels of 3,000 digits and the probabilities of a model that is often wrong."""
    rng = np.random.default_rng(2)
    y_true = rng.integers(10, size=3000)
    logits = rng.normal(size=(3000, 10)) + 2.5 * np.eye(10)[y_true]
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y_true, y_prob.astype(np.float32)


def labels_with(both, only_a, only_b, neither):
    """Return y_true, y_pred_a, y_pred_b whose contingency table is the given one."""
    right_a = np.repeat([1, 1, 0, 0], [both, only_a, only_b, neither])
    right_b = np.repeat([1, 0, 1, 0], [both, only_a, only_b, neither])
    return np.ones_like(right_a), right_a, right_b


# --- how accurate --------------------------------------------------------------------


@pytest.mark.parametrize("n_right", [0, 1, 9855, 9999, 10_000])
@pytest.mark.parametrize("confidence", [0.90, 0.95])
def test_wilson_interval_is_that_of_the_formula(n_right, confidence):
    n = 10_000
    y_pred = np.repeat([1, 0], [n_right, n - n_right])
    p, z = n_right / n, stats.norm.ppf((1 + confidence) / 2)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    found = evaluation.accuracy_interval(np.ones(n, int), y_pred, confidence)
    assert found.accuracy == p
    assert found.low == pytest.approx(centre - half, abs=1e-9)
    assert found.high == pytest.approx(centre + half, abs=1e-9)


def test_intervals_print_as_a_sentence_says_them():
    y_true, y_pred = np.ones(10_000, int), np.repeat([1, 0], [9855, 145])
    interval = evaluation.accuracy_interval(y_true, y_pred)
    assert str(interval) == "98.55 % (95 % interval 98.30 to 98.77 %)"
    difference = evaluation.DifferenceInterval(0.0085, -0.0002, 0.0108, 0.9)
    assert str(difference) == "+0.85 points (90 % interval -0.02 to +1.08)"


# --- two models on the same digits ---------------------------------------------------


def test_disagreement_sorts_every_digit_into_one_group():
    y_true = np.array([0, 1, 2, 3, 4])
    y_pred_a = np.array([0, 1, 9, 9, 4])
    y_pred_b = np.array([0, 9, 2, 9, 4])
    groups = evaluation.disagreement(y_true, y_pred_a, y_pred_b)
    found = {name: where.tolist() for name, where in groups.items()}
    assert found == {"both": [0, 4], "only_a": [1], "only_b": [2], "neither": [3]}


def test_contingency_counts_what_was_put_in():
    counts = evaluation.contingency(*labels_with(9700, 60, 150, 90))
    assert counts == (9700, 60, 150, 90)
    assert (counts.only_a, counts.only_b) == (60, 150)


@pytest.mark.parametrize("table", [(90, 3, 7, 0), (9700, 60, 150, 90), (5, 0, 6, 1)])
def test_mcnemar_is_the_exact_binomial_test(table):
    _, only_a, only_b, _ = table
    p_value, counts = evaluation.mcnemar_test(*labels_with(*table))
    expected = stats.binomtest(only_a, only_a + only_b, 0.5).pvalue
    assert p_value == pytest.approx(expected, rel=1e-9)
    assert counts == table


def test_mcnemar_by_hand():
    # Ten tosses, two or fewer heads or two or fewer tails: 2 · (1 + 10 + 45) / 2¹⁰.
    p_value, _ = evaluation.mcnemar_test(*labels_with(0, 2, 8, 0))
    assert p_value == pytest.approx(112 / 1024)


def test_models_that_never_differ_give_no_evidence():
    labels = labels_with(95, 0, 0, 5)
    assert evaluation.mcnemar_test(*labels).p_value == 1
    found = evaluation.difference_interval(*labels)
    assert (found.difference, found.low, found.high) == (0, 0, 0)


def test_difference_interval_is_scipys_paired_bootstrap(answers):
    y_true, y_pred_a, y_pred_b = answers
    gains = (y_pred_b == y_true) * 1.0 - (y_pred_a == y_true)
    oracle = stats.bootstrap(
        (gains,), np.mean, method="percentile", n_resamples=20_000, batch=1000, rng=5
    ).confidence_interval
    found = evaluation.difference_interval(*answers, n_resamples=20_000)
    width = oracle.high - oracle.low
    assert found.difference == pytest.approx(gains.mean())
    # Two bootstraps differ by chance, by about one per cent of the width.
    assert found.low == pytest.approx(oracle.low, abs=0.05 * width)
    assert found.high == pytest.approx(oracle.high, abs=0.05 * width)


def test_difference_interval_follows_seed_confidence_and_order(answers):
    y_true, y_pred_a, y_pred_b = answers
    first = evaluation.difference_interval(*answers, seed=3)
    assert first == evaluation.difference_interval(*answers, seed=3)
    assert first != evaluation.difference_interval(*answers, seed=4)
    wider = evaluation.difference_interval(*answers, confidence=0.99)
    assert wider.low < first.low < first.difference < first.high < wider.high
    swapped = evaluation.difference_interval(y_true, y_pred_b, y_pred_a)
    assert swapped.difference == -first.difference < 0
    assert swapped.high < 0 < first.low


# --- where ---------------------------------------------------------------------------


def test_confusion_counts_like_a_loop(answers):
    y_true, y_pred, _ = answers
    expected = np.zeros((10, 10), int)
    for true, predicted in zip(y_true, y_pred, strict=True):
        expected[true, predicted] += 1
    np.testing.assert_array_equal(evaluation.confusion(y_true, y_pred), expected)


def test_confusion_has_ten_rows_though_digits_are_absent():
    matrix = evaluation.confusion([3, 3], [3, 5])
    assert matrix.shape == (10, 10)
    assert (matrix[3, 3], matrix[3, 5], matrix.sum()) == (1, 1, 2)


def test_per_class_accuracy_is_recall(answers):
    y_true, y_pred, _ = answers
    found = evaluation.per_class_accuracy(y_true, y_pred)
    expected = recall_score(y_true, y_pred, average=None, labels=range(10))
    np.testing.assert_allclose(found, expected)


def test_per_class_accuracy_of_an_absent_digit_is_unknown():
    found = evaluation.per_class_accuracy([0, 0, 1], [0, 9, 1])
    np.testing.assert_array_equal(found, [0.5, 1] + [np.nan] * 8)


def test_top_confusions_are_the_largest_off_the_diagonal():
    matrix = 100 * np.eye(10, dtype=int)
    matrix[4, 9], matrix[9, 4], matrix[7, 2] = 8, 5, 8
    assert evaluation.top_confusions(matrix, 2) == [(4, 9, 8), (7, 2, 8)]
    # There are three kinds of mistake, so there is no fourth to name.
    assert len(evaluation.top_confusions(matrix, 10)) == 3
    assert evaluation.top_confusions(100 * np.eye(10, dtype=int)) == []


def test_confident_mistakes_come_most_confident_first():
    y_prob = np.full((4, 10), 0.02)
    y_prob[range(4), [1, 1, 1, 1]] = 0.82
    y_prob[2] = np.eye(10)[1]
    # Right, wrong with 82 %, wrong with 100 %, wrong with 82 %.
    found = evaluation.confident_mistakes([1, 0, 0, 0], y_prob, k=3)
    assert found.tolist() == [2, 1, 3]
    assert evaluation.confident_mistakes([1, 0, 0, 0], y_prob, k=1).tolist() == [2]
    assert evaluation.confident_mistakes([1, 1, 1, 1], y_prob).tolist() == []


# --- how sure ------------------------------------------------------------------------


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
    found = evaluation.reliability(y_true, y_prob, n_bins)
    np.testing.assert_allclose(np.transpose(found), bins)
    n = len(y_true)
    expected = sum(k / n * abs(acc - conf) for conf, acc, k in bins if k)
    error = evaluation.expected_calibration_error(y_true, y_prob, n_bins)
    assert error == pytest.approx(expected)
    assert error > 0.01


def test_reliability_agrees_with_scikit_learn(probabilities):
    y_true, y_prob = probabilities
    right = y_prob.argmax(axis=1) == y_true
    confidence = y_prob.max(axis=1).astype(float)
    accuracies, confidences = calibration_curve(right, confidence, n_bins=15)
    found = evaluation.reliability(y_true, y_prob)
    filled = found.count > 0
    np.testing.assert_allclose(found.accuracy[filled], accuracies)
    np.testing.assert_allclose(found.confidence[filled], confidences)
    assert np.isnan(found.accuracy[~filled]).all()
    assert not filled.all()  # ten classes leave confidences below 1/10 empty
    assert found.count.sum() == len(y_true)


def test_confidence_on_the_edge_belongs_to_the_lower_bin():
    y_prob = np.zeros((2, 10))
    y_prob[0, :2], y_prob[1, 0] = 0.5, 1.0
    assert evaluation.reliability([0, 0], y_prob, 2).count.tolist() == [1, 1]


def test_calibration_error_by_hand():
    y_prob = np.zeros((4, 10))
    y_prob[:, :2] = [0.8, 0.2]
    # Says 80 %, is right on 50 %.
    assert evaluation.expected_calibration_error([0, 0, 1, 1], y_prob) == pytest.approx(
        0.3
    )
    # Says 100 % and is right.
    assert evaluation.expected_calibration_error([0, 1], np.eye(10)[:2]) == 0


def test_coverage_curve_is_that_of_a_plain_loop(probabilities):
    y_true, y_prob = probabilities
    y_prob = y_prob.round(2)  # so that many confidences are equal
    y_prob[:, 0] += 1 - y_prob.sum(axis=1)
    y_true, y_prob = y_true[y_prob[:, 0] >= 0], y_prob[y_prob[:, 0] >= 0]
    confidence = y_prob.astype(float).max(axis=1)
    coverage, accuracy, threshold = evaluation.coverage_curve(y_true, y_prob)
    assert threshold.tolist() == sorted(set(confidence), reverse=True)
    for i in range(0, len(threshold), 7):
        answered = confidence >= threshold[i]
        expected = accuracy_score(y_true[answered], y_prob[answered].argmax(axis=1))
        assert coverage[i] == pytest.approx(answered.mean())
        assert accuracy[i] == pytest.approx(expected)
    assert coverage[-1] == 1


def test_who_abstains_when_unsure_is_right_more_often(probabilities):
    coverage, accuracy, _ = evaluation.coverage_curve(*probabilities)
    half = np.searchsorted(coverage, 0.5)
    assert accuracy[half] > accuracy[-1] + 0.05


def test_negative_log_likelihood_is_scikit_learns(probabilities):
    y_true, y_prob = probabilities
    y_prob = y_prob / y_prob.sum(axis=1, keepdims=True, dtype=float)
    expected = log_loss(y_true, y_prob, labels=range(10))
    found = evaluation.negative_log_likelihood(y_true, y_prob)
    assert found == pytest.approx(expected, rel=1e-6)


def test_negative_log_likelihood_of_guessing_and_of_certainty():
    guess = np.full((5, 10), 0.1)
    found = evaluation.negative_log_likelihood(range(5), guess)
    assert found == pytest.approx(math.log(10))
    assert evaluation.negative_log_likelihood([0], np.eye(10)[:1]) == 0
    # Certain and wrong is as bad as Keras lets it be, not infinite.
    found = evaluation.negative_log_likelihood([1], np.eye(10)[:1])
    assert found == pytest.approx(7 * math.log(10))


# --- bad input -----------------------------------------------------------------------

UNIFORM = np.full((3, 10), 0.1)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "complaint"),
    [
        ([1, 2, 3], [1, 2], "y_true has 3 labels, y_pred has 2"),
        ([1, 2, 10], [1, 2, 3], "y_true holds labels from 1 to 10"),
        ([1, 2, 3], [-1, 2, 3], "y_pred holds labels from -1 to 3"),
        ([1, 2, 3], [1.0, 2.0, 3.0], "y_pred has shape (3,) and is float64"),
        ([1, 2, 3], UNIFORM, "argmax"),
        ([], [], "y_true has shape (0,)"),
        (1, [1], "y_true has shape ()"),
    ],
)
def test_labels_that_are_none_are_refused(y_true, y_pred, complaint):
    with pytest.raises(ValueError) as error:
        evaluation.accuracy_interval(y_true, y_pred)
    assert complaint in str(error.value)


def test_the_second_model_is_checked_too():
    with pytest.raises(ValueError, match="y_pred_b has 2"):
        evaluation.contingency([1, 2, 3], [1, 2, 3], [1, 2])


@pytest.mark.parametrize(
    ("y_prob", "complaint"),
    [
        (UNIFORM[:2], "y_prob has shape (2, 10)"),
        (UNIFORM[:, :9], "y_prob has shape (3, 9)"),
        (UNIFORM.argmax(axis=1), "y_prob has shape (3,)"),
        (UNIFORM * np.nan, "no probabilities"),
        (UNIFORM * 7, "softmax"),
        (UNIFORM + 0.5 * (np.eye(10)[:3] - np.eye(10)[3:6]), "no probabilities"),
    ],
)
@pytest.mark.parametrize(
    "function",
    [
        evaluation.confident_mistakes,
        evaluation.coverage_curve,
        evaluation.expected_calibration_error,
        evaluation.negative_log_likelihood,
        evaluation.reliability,
    ],
)
def test_probabilities_that_are_none_are_refused(function, y_prob, complaint):
    with pytest.raises(ValueError) as error:
        function([1, 2, 3], y_prob)
    assert complaint in str(error.value)


@pytest.mark.parametrize("confidence", [0, 1, 95, math.nan])
def test_a_confidence_is_between_0_and_1(confidence):
    with pytest.raises(ValueError, match=r"0\.95 for 95 %"):
        evaluation.accuracy_interval([1], [1], confidence)
    with pytest.raises(ValueError, match=r"0\.95 for 95 %"):
        evaluation.difference_interval([1], [1], [1], confidence)


@pytest.mark.parametrize("count", [0, -1, 2.5, "5"])
def test_counts_are_whole_numbers(count):
    for call in (
        lambda: evaluation.reliability([1, 2, 3], UNIFORM, count),
        lambda: evaluation.confident_mistakes([1, 2, 3], UNIFORM, count),
        lambda: evaluation.top_confusions(np.eye(10), count),
    ):
        with pytest.raises(ValueError, match="whole number of at least 1"):
            call()


def test_a_confusion_matrix_is_10_by_10():
    with pytest.raises(ValueError, match=r"shape \(3, 3\)"):
        evaluation.top_confusions(np.eye(3))
