"""The verdict follows the numbers: with the models swapped, the marks are swapped."""

from types import SimpleNamespace

import numpy as np
import pytest

from utils import evaluation, verdict, wording
from utils.costs import Timing
from utils.evaluation import Contingency, DifferenceInterval, McNemar


def labels_with(both, only_a, only_b, neither):
    right_a = np.repeat([1, 1, 0, 0], [both, only_a, only_b, neither])
    right_b = np.repeat([1, 0, 1, 0], [both, only_a, only_b, neither])
    return np.ones_like(right_a), right_a, right_b


def judged(table):
    labels = labels_with(*table)
    accuracies = [(labels[0] == pred).mean() for pred in labels[1:]]
    return verdict.judge_accuracy(
        "accuracy",
        accuracies,
        evaluation.mcnemar_test(*labels),
        evaluation.difference_interval(*labels),
    )


@pytest.mark.parametrize(
    ("table", "better"),
    [
        ((9700, 40, 150, 110), "CNN"),
        ((9700, 150, 40, 110), "ANN"),
        ((9800, 50, 55, 95), None),
        ((9800, 55, 50, 95), None),
        ((9900, 0, 0, 100), None),
    ],
)
def test_accuracy_is_marked_only_where_luck_is_a_poor_explanation(table, better):
    row = judged(table)
    assert row.better == better
    assert row.mark == (better or "no difference shown")
    headline = verdict.headline(row, Contingency(*table), {"parameters": (10, 20)})
    said = verdict.describe_test(McNemar(0.5, Contingency(*table)))
    if better:
        other = "ANN" if better == "CNN" else "CNN"
        assert f"The {better} reads" in headline and f"than the {other}" in headline
        assert "11.0 fewer" in headline  # of every 1,000
        price = {
            "CNN": "the CNN takes 2 times the parameters that the ANN takes.",
            "ANN": "It makes do with 50 % of the parameters that the CNN takes.",
        }
        assert headline.endswith(price[better])
    else:
        assert "no difference in accuracy is shown" in headline
        assert "better" not in said
        assert "Its price" not in headline  # nothing was gained for it
        assert headline.endswith(
            " The CNN takes 2 times the parameters that the ANN takes."
        )
        cheap = verdict.headline(row, Contingency(*table), {"parameters": (20, 10)})
        assert cheap.endswith(
            " The CNN makes do with 50 % of the parameters that the ANN takes."
        )


def test_the_test_and_the_interval_must_agree():
    counts = Contingency(900, 10, 20, 70)
    sure = DifferenceInterval(0.01, 0.001, 0.02, 0.95)
    unsure = DifferenceInterval(0.01, -0.001, 0.02, 0.95)
    for p_value, interval, better in (
        (0.01, sure, "CNN"),
        (0.06, sure, None),
        (0.01, unsure, None),
    ):
        test = McNemar(p_value, counts)
        row = verdict.judge_accuracy("accuracy", (0.91, 0.92), test, interval)
        assert row.better == better


def test_swapping_the_models_swaps_every_mark():
    gain = DifferenceInterval(0.03, 0.01, 0.05, 0.95)
    loss = DifferenceInterval(-0.03, -0.05, -0.01, 0.95)
    fast, slow = Timing(1e-3, 0.9e-3, 1.1e-3), Timing(2e-3, 1.9e-3, 2.1e-3)
    low, high = [0.98, 0.981, 0.982, 0.983], [0.99, 0.991, 0.992, 0.993]
    texts = ("1", "2")
    for first, second, gap, better in (
        ("ANN", "CNN", gain, "CNN"),
        ("CNN", "ANN", loss, "ANN"),
    ):
        assert verdict.judge_interval("", texts, gap).better == better
        worse = "ANN" if better == "CNN" else "CNN"
        row = verdict.judge_interval("", texts, gap, larger_is_better=False)
        assert row.better == worse
        costs = {first: 1, second: 2}  # the first one is the cheaper one
        ordered = [costs["ANN"], costs["CNN"]]
        assert verdict.judge_count("", ordered).better == first
        assert verdict.judge_single("", ordered).better == first
        timings = [(fast, slow)[c - 1] for c in ordered]
        assert verdict.judge_timings("", timings).better == first
        seeds = [(low, high)[c - 1] for c in ordered]
        assert verdict.judge_seeds("", *seeds).better == second


def test_without_a_difference_there_is_no_mark():
    none = DifferenceInterval(0.0, -0.01, 0.01, 0.95)
    overlapping = Timing(1e-3, 0.9e-3, 1.3e-3), Timing(1.2e-3, 1.1e-3, 1.4e-3)
    rows = [
        verdict.judge_interval("loss", ("1", "1"), none),
        verdict.judge_count("parameters", (7, 7)),
        verdict.judge_single("training", (10.0, 11.9)),
        verdict.judge_timings("latency", overlapping),
        verdict.judge_seeds("seeds", [0.98, 0.99, 0.985], [0.981, 0.989, 0.984]),
    ]
    assert [row.better for row in rows] == [None] * len(rows)
    assert set(verdict.table(rows)["better"]) == {"no difference shown"}
    *nothing, last = verdict.describe_rows(rows)
    assert all("nothing that was compared" in sentence for sentence in nothing)
    assert last == (
        "No difference shown: loss, parameters, training, latency and seeds."
    )


def test_rows_are_counted_for_the_model_that_won_them():
    rows = [
        verdict.judge_count("parameters", (9, 7)),
        verdict.judge_count("operations", (7, 9)),
        verdict.judge_count("bytes", (7, 9)),
    ]
    assert verdict.describe_rows(rows) == [
        "Better for the ANN: operations and bytes.",
        "Better for the CNN: parameters.",
    ]


# --- numbers -------------------------------------------------------------------------


def test_seeds_are_judged_by_the_exact_rank_test():
    # Five above five: of the 252 ways to rank them, two are so extreme.
    row = verdict.judge_seeds("", [1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
    assert row.better == "CNN" and f"Mann–Whitney p = {2 / 252:.2g}" in row.evidence
    row = verdict.judge_seeds("", [1, 2, 3], [4, 5, 6])
    assert row.better is None  # 2 of 20: three seeds can never be enough


def test_seeds_are_shown_with_their_sample_standard_deviation():
    row = verdict.judge_seeds("accuracy", [0.98, 0.99], [0.97, 0.98, 0.99])
    # √(Σ (x - mean)² / (n - 1)) by hand: √(2 · 0.005²) and √(2 · 0.01² / 2)
    assert (row.a, row.b) == ("98.50% ± 0.71%", "98.00% ± 1.00%")


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.8, "in 80% of all cases"),
        (0.004, "about once in 250 times"),
        (1e-9, "less than once in a million times"),
    ],
)
def test_p_values_in_words(p_value, words):
    said = verdict.describe_test(McNemar(p_value, Contingency(90, 2, 8, 0)))
    assert words in said
    assert ("no difference is shown" in said) == (p_value > 0.05)


def test_sentences_name_the_model_that_the_counts_name():
    for counts, better, worse in (
        (Contingency(80, 2, 18, 0), "CNN", "ANN"),
        (Contingency(80, 18, 2, 0), "ANN", "CNN"),
    ):
        said = verdict.describe_test(McNemar(0.0004, counts))
        assert f"the {better} reads better than the {worse}" in said
    said = verdict.describe_contingency(Contingency(9700, 40, 150, 110))
    assert said == (
        "Of 10,000 test digits both read 9,700 correctly and 110 wrongly. They differ "
        "on 190: 40 only the ANN reads correctly, 150 only the CNN."
    )
    assert "never differ" in verdict.describe_test(McNemar(1, Contingency(9, 0, 0, 1)))


def test_pairs_of_seeds_are_counted():
    said = verdict.describe_pairs([0.98, 0.99], [0.985, 0.97])
    assert "Of 4 pairs of trainings the CNN is ahead in 1, the ANN in 3" in said
    assert "between -2.00 and +0.50 points" in said


def test_the_conclusion_is_shown_as_prose():
    counts = Contingency(9700, 40, 150, 110)
    rows = [judged(counts), verdict.judge_count("parameters", (9, 7))]
    said = verdict.conclude(rows, counts, {"parameters": (9, 7)})
    first, *others = said.split("\n\n")
    assert first == verdict.headline(rows[0], counts, {"parameters": (9, 7)})
    assert others == verdict.describe_rows(rows)
    assert said._repr_markdown_() == said


def test_a_cost_in_which_no_difference_was_shown_is_no_price():
    counts = Contingency(9700, 40, 150, 110)
    apart, overlap = [(1, 2), (3, 4)], [(1, 3), (2, 4)]
    for quartiles, is_price in ((apart, True), (overlap, False)):
        timings = [Timing((low + high) / 2, low, high) for low, high in quartiles]
        time = verdict.judge_timings("time for one image", timings)
        costs = {"MACs": (1, 5), "time for one image": (1.5, 3.5)}
        said = verdict.conclude([judged(counts), time], counts, costs)
        assert "5 times the MACs" in said
        assert ("times the time for one image" in said) == is_price
        assert ("No difference shown: time for one image" in said) != is_price


# --- the rows from runs: made up, so that who has to win is known ---------------------

N = 400
Y_TRUE = np.arange(N) % 10
RIGHT = np.arange(N) % 5 > 0  # four of five
NAMES = ("ANN", "CNN")
AMOUNTS = {"parameters": (3, 2)}
TIMES = {"time": (Timing(2e-3, 1.9e-3, 2.1e-3), Timing(1e-3, 0.9e-3, 1.1e-3))}


def answering(confidence, right=RIGHT):
    """Probabilities of a model that is right on some digits, and says so surely."""
    y_pred = np.where(right, Y_TRUE, (Y_TRUE + 1) % 10)
    return np.where(np.eye(10)[y_pred] > 0, confidence, (1 - confidence) / 9)


def made_up(confidence, accuracy, share, seconds=10.0, digits="x"):
    """A run; of the digits that are really damaged it reads a share, unlike the first.

    The first severity is harmless: where it counted, the other model would win.
    """
    read = np.arange(N) < share * N
    stress = {"noise": np.stack([~read, read, read]), "uci": read[np.newaxis]}
    return SimpleNamespace(
        y_true=Y_TRUE,
        y_prob=answering(confidence),
        info={
            "test_accuracy": accuracy,
            "train_seconds": seconds,
            "data": {"test_fingerprint": digits},
        },
        load_stress=lambda: stress,
    )


def rows_of(ann, cnn):
    """The rows by their questions; each model is (confidence, accuracy, share, s)."""
    runs = {n: made_up(*model) for n, model in zip(NAMES, (ann, cnn), strict=True)}
    shipped = {
        n: [made_up(c, a + k / 1000, share) for k in range(5)]
        for n, (c, a, share, _) in zip(NAMES, (ann, cnn), strict=True)
    }
    hits = {n: {"noise": run.load_stress()["noise"]} for n, run in runs.items()}
    answers = {
        n: np.where(run.load_stress()["uci"][0], Y_TRUE, (Y_TRUE + 1) % 10)
        for n, run in runs.items()
    }
    rows = verdict.remaining_rows(
        runs, shipped, hits, (Y_TRUE, answers), AMOUNTS, TIMES, shipped
    )
    return {row.question: row for row in rows}


WEAK, STRONG = (0.99, 0.90, 0.3, 30.0), (0.80, 0.95, 0.7, 10.0)
FROM_RUNS = [
    "accuracy of the reference runs",
    "calibration error",
    "damaged digits (noise)",
    "accuracy on UCI digits",
    "training time",
]


@pytest.mark.parametrize(("ann", "cnn"), [(WEAK, STRONG), (STRONG, WEAK)])
def test_each_row_from_runs_names_the_model_that_has_to_win(ann, cnn):
    better = "CNN" if cnn == STRONG else "ANN"
    rows = rows_of(ann, cnn)
    assert [*rows] == [*FROM_RUNS[:4], "parameters", "training time", "time"]
    assert {rows[question].better for question in FROM_RUNS} == {better}
    for question in FROM_RUNS[1:4]:
        said = f"Of 25 pairs of shipped trainings the {better} is better in 25"
        assert rows[question].evidence.endswith(said), question
    texts = {question: (row.a, row.b) for question, row in rows.items()}
    expected = {
        # Four of five are right: sure to 0.99 is off by 0.19, sure to 0.80 by nothing.
        "calibration error": ("0.1900", "0.0000"),
        "damaged digits (noise)": ("30.0%", "70.0%"),
        "accuracy on UCI digits": ("30.00%", "70.00%"),
    }
    for question, pair in expected.items():
        assert texts[question] == (pair if better == "CNN" else pair[::-1])


def test_between_level_runs_no_row_names_a_winner():
    rows = rows_of(STRONG, STRONG)
    assert {rows[question].better for question in FROM_RUNS} == {None}
    for question in FROM_RUNS[1:4]:
        assert rows[question].evidence.endswith("all are level")


@pytest.mark.parametrize(("ratio", "better"), [(1.19, None), (1.21, "ANN")])
def test_what_was_timed_once_must_differ_by_more_than_a_fifth(ratio, better):
    assert verdict.judge_single("training time", (10, 10 * ratio)).better == better


def test_reference_runs_on_other_digits_are_said_to_be():
    def one(digits):
        return {n: [made_up(*WEAK, digits)] * 3 for n in NAMES}

    runs = {n: each[0] for n, each in one("x").items()}
    assert verdict._seeds_row(runs, one("x")).question == FROM_RUNS[0]
    assert "other digits" in verdict._seeds_row(runs, one("y")).question


def test_one_training_has_no_spread_and_large_numbers_no_exponent():
    row = verdict.judge_seeds("accuracy", [0.9], [0.95])
    assert (row.a, row.b) == ("90.00%", "95.00%")
    assert wording.ratio((100, 12345)) == "120"
    assert wording.ratio((1, 1234567)) == "1,200,000"
    assert wording.ratio((3, 2)) == "0.67" and wording.ratio((0, 2)) == "?"
    assert wording.rounded(1234.5, 3) == "1,230"
    assert wording.rounded(0.98765, 3) == "0.988"
    assert "2 times" not in wording.chance(0.4)
