"""Every number of utils.evaluation against something computed another way."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import log_loss, recall_score

from utils import calibration, evaluation


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


def test_mcnemar_is_that_of_another_library(answers):
    from mlxtend.evaluate import mcnemar, mcnemar_table

    table = mcnemar_table(*answers)
    _, p_value = mcnemar(table, exact=True)
    assert evaluation.mcnemar_test(*answers).p_value == pytest.approx(p_value)


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
    np.testing.assert_array_equal(evaluation.confusion_matrix(y_true, y_pred), expected)


def test_confusion_has_ten_rows_though_digits_are_absent():
    matrix = evaluation.confusion_matrix([3, 3], [3, 5])
    assert matrix.shape == (10, 10)
    assert (matrix[3, 3], matrix[3, 5], matrix.sum()) == (1, 1, 2)


def test_per_class_intervals_are_recall_with_wilsons_interval(answers):
    y_true, y_pred, _ = answers
    recall, low, high = evaluation.per_class_intervals(y_true, y_pred)
    expected = recall_score(y_true, y_pred, average=None, labels=range(10))
    np.testing.assert_allclose(recall, expected)
    for digit in range(10):
        n = int((y_true == digit).sum())
        n_right = int((y_pred[y_true == digit] == digit).sum())
        wilson = stats.binomtest(n_right, n).proportion_ci(method="wilson")
        assert (low[digit], high[digit]) == pytest.approx((wilson.low, wilson.high))


def test_the_recall_of_an_absent_digit_is_unknown():
    recall, low, high = evaluation.per_class_intervals([0, 0, 1], [0, 9, 1])
    np.testing.assert_array_equal(recall, [0.5, 1] + [np.nan] * 8)
    assert np.isnan(low[2:]).all() and np.isnan(high[2:]).all()


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


# --- by resampling -------------------------------------------------------------------


def test_mean_interval_is_scipys_bootstrap():
    gains = np.random.default_rng(3).normal(0.1, 1, 500)
    for values in (gains, gains.round(1), np.sign(gains)):
        oracle = stats.bootstrap(
            (values,), np.mean, method="percentile", n_resamples=5000, rng=1
        ).confidence_interval
        found = evaluation.mean_interval(values, n_resamples=5000)
        width = oracle.high - oracle.low
        assert found.difference == pytest.approx(values.mean())
        assert found.low == pytest.approx(oracle.low, abs=0.05 * width)
        assert found.high == pytest.approx(oracle.high, abs=0.05 * width)
    same = evaluation.mean_interval(np.zeros(50))
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_accuracy_intervals_are_wilsons():
    hits = np.array([[True] * 90 + [False] * 10, [True] * 50 + [False] * 50])
    found = evaluation.accuracy_intervals(hits)
    assert found.shape == (3, 2)
    assert found[0] == pytest.approx([0.9, 0.5])
    expected = stats.binomtest(90, 100).proportion_ci(method="wilson")
    assert found[1:, 0] == pytest.approx([expected.low, expected.high])
    ragged = evaluation.accuracy_intervals(
        [np.array([True, False]), np.array([], bool)]
    )
    assert ragged[0, 0] == 0.5 and np.isnan(ragged[:, 1]).all()


def test_detection_rate_is_that_of_a_simulation_digit_by_digit():
    counts = evaluation.Contingency(9000, 100, 300, 600)
    found = evaluation.detection_rate(counts, [200, 2000], n_experiments=1000)
    rng = np.random.default_rng(9)
    kinds = np.repeat(range(4), counts)
    for size, rate in zip([200, 2000], found, strict=True):
        significant = 0
        for _ in range(300):
            drawn = np.bincount(rng.choice(kinds, size), minlength=4)
            n = drawn[1] + drawn[2]
            p = stats.binomtest(int(drawn[1]), int(n)).pvalue if n else 1.0
            significant += p < 0.05
        assert rate == pytest.approx(significant / 300, abs=0.1)
    assert found[0] < 0.9 < found[1]
    assert evaluation.detection_rate(evaluation.Contingency(90, 0, 0, 10), [50]) == [0]


@pytest.mark.parametrize(("only_a", "only_b"), [(4, 16), (16, 4), (10, 10)])
def test_detection_rate_is_the_sum_over_all_outcomes(only_a, only_b):
    """Each outcome's probability, where the exact two-sided test finds p < 0.05."""
    size, counts = 30, evaluation.Contingency(60, only_a, only_b, 20)
    shares = np.array([only_a, only_b, 80]) / 100
    exact = 0.0
    for a, b in itertools.product(range(size + 1), repeat=2):
        if 0 < a + b <= size and stats.binomtest(a, a + b).pvalue < 0.05:
            exact += stats.multinomial.pmf([a, b, size - a - b], size, shares)
    (found,) = evaluation.detection_rate(counts, [size], n_experiments=20_000)
    assert found == pytest.approx(exact, abs=0.012)  # four standard errors and more


# --- the loss, digit by digit -------------------------------------------------------


def test_the_mean_log_loss_is_scikit_learns(probabilities):
    y_true, y_prob = probabilities
    y_prob = y_prob / y_prob.sum(axis=1, keepdims=True, dtype=float)
    expected = log_loss(y_true, y_prob, labels=range(10))
    found = evaluation.log_losses(y_true, y_prob)
    assert found.shape == y_true.shape
    assert found.mean() == pytest.approx(expected, rel=1e-6)


def test_log_losses_of_guessing_and_of_certainty():
    guess = np.full((5, 10), 0.1)
    found = evaluation.log_losses(range(5), guess)
    assert found == pytest.approx(np.full(5, math.log(10)))
    assert evaluation.log_losses([0], np.eye(10)[:1]) == 0
    # Certain and wrong is as bad as Keras lets it be, not infinite.
    found = evaluation.log_losses([1], np.eye(10)[:1])
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
        (UNIFORM * np.nan, "not probabilities"),
        (UNIFORM * 7, "softmax"),
        (UNIFORM * 1.01, "softmax"),
        (UNIFORM + 0.5 * (np.eye(10)[:3] - np.eye(10)[3:6]), "not probabilities"),
    ],
)
@pytest.mark.parametrize(
    "function",
    [
        evaluation.confident_mistakes,
        calibration.coverage_curve,
        calibration.expected_calibration_error,
        evaluation.log_losses,
        calibration.reliability,
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
        lambda: calibration.reliability([1, 2, 3], UNIFORM, count),
        lambda: evaluation.confident_mistakes([1, 2, 3], UNIFORM, count),
        lambda: evaluation.top_confusions(np.eye(10), count),
    ):
        with pytest.raises(ValueError, match="whole number of at least 1"):
            call()


def test_a_confusion_matrix_is_10_by_10():
    with pytest.raises(ValueError, match=r"shape \(3, 3\)"):
        evaluation.top_confusions(np.eye(3))


@pytest.mark.parametrize("gains", [[], [0.5, np.nan], [np.inf, 1], [[1.0], [0.0]]])
def test_gains_that_are_none_are_refused(gains):
    with pytest.raises(ValueError, match="one finite number for each digit"):
        evaluation.mean_interval(gains)


def test_nothing_is_drawn_no_times():
    with pytest.raises(ValueError, match="n_resamples is 0"):
        evaluation.mean_interval([1.0, 0.0], n_resamples=0)


def test_counts_without_a_sign_are_sorted_like_others():
    matrix = np.full((10, 10), 2) + 5 * (np.arange(10)[:, None] == 3)
    expected = evaluation.top_confusions(matrix)
    assert expected[0] == (3, 0, 7)
    for kind in ("uint8", "uint64", "float32"):
        assert evaluation.top_confusions(matrix.astype(kind)) == expected
    with pytest.raises(ValueError, match="holds fractions"):
        evaluation.top_confusions(matrix / matrix.sum())


def test_one_digit_is_a_batch_of_one():
    with pytest.raises(ValueError, match=r"shape \(10,\).*y_prob\[None\]"):
        evaluation.checked_rows(np.full(10, 0.1))


def test_a_difference_is_not_drawn_no_times(answers):
    with pytest.raises(ValueError, match="n_resamples is 0"):
        evaluation.difference_interval(*answers, n_resamples=0)
