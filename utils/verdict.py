"""Who is better, in words that follow from the numbers.

Two models, a and b, are judged row by row. A row names a winner only where chance is an
unlikely explanation; else its mark is "no difference shown", which is not the same as
"no difference". No function here knows which model is expected to win.
"""

from dataclasses import dataclass, replace

import numpy as np

from utils.calibration import calibration_interval, expected_calibration_error
from utils.evaluation import LEVEL, difference_interval, mcnemar_test, mean_interval
from utils.wording import Text, chance, listed, p_text, ratio, rounded

NAMES = ("ANN", "CNN")
NO_DIFFERENCE = "no difference shown"
SINGLE_MARGIN = 1.2  # of what was measured once, less than 20 % apart proves nothing


@dataclass(frozen=True)
class Row:
    """One line of the verdict.

    Attributes:
        question: what is compared.
        a, b: the two models' results, as texts.
        better: the better model's name, or None where no difference is shown.
        evidence: why.
    """

    question: str
    a: str
    b: str
    better: str | None
    evidence: str

    @property
    def mark(self):
        return self.better or NO_DIFFERENCE


# --- the rows ------------------------------------------------------------------------


def judge_accuracy(question, accuracies, test, difference, names=NAMES):
    """Judge two accuracies on the same digits: McNemar's test and the interval agree.

    Args:
        question: what is compared.
        accuracies: the accuracy of a and of b, fractions.
        test: evaluation.McNemar of a and b.
        difference: evaluation.DifferenceInterval of b minus a.
        names: of a and b.
    """
    better = _outside_zero(difference, names) if test.p_value < LEVEL else None
    evidence = f"{difference}; McNemar p {p_text(test.p_value)}"
    return Row(question, *(f"{a:.2%}" for a in accuracies), better, evidence)


def judge_interval(
    question, texts, difference, *, larger_is_better=True, unit="points", names=NAMES
):
    """Judge by whether the interval of b minus a contains 0.

    Args:
        question: what is compared.
        texts: the result of a and of b, as they are to be read.
        difference: DifferenceInterval of b minus a.
        larger_is_better: accuracy yes, loss no.
        unit: "points" shows the interval in percentage points; any other is named.
        names: of a and b.
    """
    ordered = names if larger_is_better else names[::-1]
    better = _outside_zero(difference, ordered)
    if unit == "points":
        return Row(question, *texts, better, str(difference))
    evidence = (
        f"{difference.difference:+.4f} {unit} ({100 * difference.confidence:g} % "
        f"interval {difference.low:+.4f} to {difference.high:+.4f})"
    )
    return Row(question, *texts, better, evidence)


def judge_count(question, amounts, names=NAMES):
    """Judge amounts (of a, of b) that were counted exactly; less is better."""
    return Row(
        question,
        *(f"{amount:,}" for amount in amounts),
        _smaller(*amounts, names),
        f"counted; {names[1]} / {names[0]} = {ratio(amounts)}",
    )


def judge_single(question, seconds, names=NAMES):
    """Judge what was measured once, in seconds, and of which less is better."""
    apart = max(seconds) >= SINGLE_MARGIN * min(seconds)
    return Row(
        question,
        *(f"{s:,.1f} s" for s in seconds),
        _smaller(*seconds, names) if apart else None,
        f"measured once each; {names[1]} / {names[0]} = {ratio(seconds)}",
    )


def judge_timings(question, timings, unit=1e-3, unit_name="ms", names=NAMES):
    """Judge repeated timings of which less is better: by quartiles that do not overlap.

    Args:
        question: what is compared.
        timings: costs.Timing of a and of b, in seconds.
        unit: how many seconds the unit of the table has.
        unit_name: its name.
        names: of a and b.
    """
    a, b = timings
    apart = a.high < b.low or b.high < a.low
    medians = (a.median, b.median)
    return Row(
        question,
        *(f"{rounded(median / unit, 3)} {unit_name}" for median in medians),
        _smaller(*medians, names) if apart else None,
        f"quartiles {'apart' if apart else 'overlap'}; "
        f"{names[1]} / {names[0]} = {ratio(medians)}",
    )


def judge_seeds(question, accuracies_a, accuracies_b, names=NAMES):
    """Judge the accuracies of several seeds: the exact test of Mann and Whitney.

    Args:
        question: what is compared.
        accuracies_a, accuracies_b: shapes (m,) and (n,), fractions.
        names: of a and b.

    Source: H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables
    is stochastically larger than the other", Annals of Mathematical Statistics 18,
    1947.
    """
    from scipy.stats import mannwhitneyu  # half a second, as utils.evaluation says

    a, b = np.asarray(accuracies_a, float), np.asarray(accuracies_b, float)
    p_value = float(mannwhitneyu(a, b, method="exact").pvalue)
    better = None
    if p_value < LEVEL:
        better = names[1] if b.mean() > a.mean() else names[0]
    spreads = (f" ± {v.std(ddof=1):.2%}" if len(v) > 1 else "" for v in (a, b))
    texts = (f"{v.mean():.2%}{s}" for v, s in zip((a, b), spreads, strict=True))
    evidence = (
        f"mean ± sd of {len(a)} and {len(b)} trainings; "
        f"Mann–Whitney p {p_text(p_value)}"
    )
    return Row(question, *texts, better, evidence)


def remaining_rows(runs, seed_runs, hits, uci, costs, timings, shipped, seed=0):
    """Judge everything but the accuracy and the loss, by the same rules.

    Args:
        runs: dictionary from the model's name to its runs.Run; two models, a then b.
        seed_runs: dictionary from the name to the reference runs of that model.
        hits: dictionary from the name to its hits, corruptions.stress_test().
        uci: labels of the UCI digits, and a dictionary from the name to its answers.
        costs: dictionary from what was counted to (of a, of b).
        timings: dictionary from what was timed to (costs.Timing of a, of b).
        shipped: dictionary from the name to those shipped runs of that model that
            were tested on damaged digits, too; the run itself may be among them.
        seed: of the bootstrap.

    Returns:
        list of Row.
    """
    rows = [
        _seeds_row(runs, seed_runs),
        _calibration_row(runs, seed_runs, seed),
        *_damage_rows(hits, shipped, seed),
        _uci_row(uci, shipped, seed),
    ]
    rows += [judge_count(question, amounts) for question, amounts in costs.items()]
    rows.append(
        judge_single("training time", [r.info["train_seconds"] for r in runs.values()])
    )
    return rows + [judge_timings(what, pair) for what, pair in timings.items()]


def _seeds_row(runs, seed_runs):
    a, b = ([run.info["test_accuracy"] for run in seed_runs[name]] for name in NAMES)
    tested = {
        run.info["data"]["test_fingerprint"]
        for run in (
            *runs.values(),
            *(run for each in seed_runs.values() for run in each),
        )
    }
    others = "" if len(tested) == 1 else " (on other digits)"
    return judge_seeds(f"accuracy of the reference runs{others}", a, b)


def _calibration_row(runs, seed_runs, seed):
    y_true, probs = runs[NAMES[0]].y_true, [runs[name].y_prob for name in NAMES]
    gap = calibration_interval(y_true, *probs, seed=seed)
    texts = [f"{expected_calibration_error(y_true, p):.4f}" for p in probs]
    row = judge_interval(
        "calibration error", texts, gap, larger_is_better=False, unit="ECE"
    )
    a, b = (
        [-expected_calibration_error(run.y_true, run.y_prob) for run in seed_runs[name]]
        for name in NAMES
    )
    return _with_pairs(row, a, b)


def _damage_rows(hits, shipped, seed):
    def means(run):
        stress = run.load_stress()
        return {kind: stress[kind][1:].mean() for kind in hits[NAMES[0]]}

    others = {name: [means(run) for run in shipped[name]] for name in NAMES}
    for kind in hits[NAMES[0]]:
        # Of each digit the share of severities, without the harmless first one: so it
        # enters once, and the interval stays honest.
        shares = [hits[name][kind][1:].mean(axis=0) for name in NAMES]
        gap = mean_interval(shares[1] - shares[0], seed=seed)
        texts = [f"{share.mean():.1%}" for share in shares]
        row = judge_interval(f"damaged digits ({kind})", texts, gap)
        yield _with_pairs(row, *([each[kind] for each in others[n]] for n in NAMES))


def _uci_row(uci, shipped, seed):
    y_true, answers = uci
    pair = [answers[name] for name in NAMES]
    row = judge_accuracy(
        "accuracy on UCI digits",
        [np.mean(y_pred == y_true) for y_pred in pair],
        mcnemar_test(y_true, *pair),
        difference_interval(y_true, *pair, seed=seed),
    )
    a, b = ([r.load_stress()["uci"].mean() for r in shipped[name]] for name in NAMES)
    return _with_pairs(row, a, b)


def _with_pairs(row, a, b):
    """Add who is ahead in pairs of shipped trainings; of a and b more is better."""
    gaps = np.subtract.outer(b, a)
    name, won = (NAMES[1], gaps > 0) if gaps.mean() > 0 else (NAMES[0], gaps < 0)
    said = f"the {name} is better in {won.sum()}" if gaps.any() else "all are level"
    evidence = f"{row.evidence}; one training each. Of {gaps.size} pairs of shipped"
    return replace(row, evidence=f"{evidence} trainings {said}")


def table(rows, names=NAMES):
    """Return the rows as a pandas.DataFrame: two results, the mark and the evidence."""
    import pandas as pd

    return pd.DataFrame(
        {
            names[0]: [row.a for row in rows],
            names[1]: [row.b for row in rows],
            "better": [row.mark for row in rows],
            "evidence": [row.evidence for row in rows],
        },
        index=[row.question for row in rows],
    )


# --- the sentences -------------------------------------------------------------------


def describe_contingency(contingency, names=NAMES):
    """Say in a sentence on how many digits two models agree and differ."""
    a, b = names
    both, only_a, only_b, neither = contingency
    return Text(
        f"Of {sum(contingency):,} test digits both read {both:,} correctly and "
        f"{neither:,} wrongly. They differ on {only_a + only_b:,}: {only_a:,} only the "
        f"{a} reads correctly, {only_b:,} only the {b}."
    )


def describe_test(test, names=NAMES):
    """Say what McNemar's test says, without Greek letters."""
    a, b = test.contingency.only_a, test.contingency.only_b
    if a + b == 0:
        return Text("They never differ: there is nothing to toss a coin for.")
    odds = (
        f"Luck alone splits {a + b:,} digits at least as unevenly as {a:,} to {b:,} "
        f"{chance(test.p_value)} (p {p_text(test.p_value)})."
    )
    if test.p_value >= LEVEL:
        return Text(f"{odds} That can well be luck: no difference is shown.")
    name, other = (names[1], names[0]) if b > a else names
    return Text(
        f"{odds} So the {name} reads better than the {other}, and luck with the test "
        "digits is a poor explanation."
    )


def describe_pairs(accuracies_a, accuracies_b, names=NAMES):
    """Say in how many pairs of trainings, one of a and one of b, each comes out ahead.

    Args:
        accuracies_a, accuracies_b: shapes (m,) and (n,), fractions.
        names: of a and b.
    """
    gaps = 100 * np.subtract.outer(accuracies_b, accuracies_a)
    return Text(
        f"Of {gaps.size} pairs of trainings the {names[1]} is ahead in "
        f"{(gaps > 0).sum()}, the {names[0]} in {(gaps < 0).sum()}; {names[1]} minus "
        f"{names[0]} lies between {gaps.min():+.2f} and {gaps.max():+.2f} points."
    )


def describe_rows(rows, names=NAMES):
    """Say in how many rows each model is better, and in which.

    Returns:
        list of str, one sentence each.
    """
    sentences = []
    for name in names:
        won = [row.question for row in rows if row.better == name]
        if won:
            sentences.append(f"Better for the {name}: {listed(won)}.")
        else:
            sentences.append(f"Better for the {name}: nothing that was compared.")
    open_ = [row.question for row in rows if row.better is None]
    if open_:
        sentences.append(f"No difference shown: {listed(open_)}.")
    return sentences


def headline(accuracy, contingency, costs, names=NAMES):
    """Say in two sentences who reads better, and what the other costs or saves.

    Args:
        accuracy: the Row of judge_accuracy().
        contingency: the evaluation.Contingency behind it.
        costs: dictionary from what it costs ("parameters") to (cost of a, cost of b).
        names: of a and b.
    """
    n = sum(contingency)
    if accuracy.better is None:
        first = (
            f"On these {n:,} test digits no difference in accuracy is shown between "
            f"the {names[0]} and the {names[1]} ({accuracy.evidence}). Then the cost "
            "may decide."
        )
        loser, winner = names
    else:
        winner = accuracy.better
        loser = names[0] if winner == names[1] else names[1]
        saved = abs(contingency.only_b - contingency.only_a) / n * 1000
        first = (
            f"The {winner} reads these {n:,} test digits better than the {loser} "
            f"({accuracy.evidence}): of every 1,000 it misreads {saved:.1f} fewer."
        )
    step = 1 if winner == names[1] else -1
    costs = {k: v[::step] for k, v in costs.items()}
    return f"{first} {_price(winner, loser, costs, accuracy.better is not None)}"


def _price(winner, loser, costs, is_winner):
    """Say what the winner, if any, takes more and less of: (loser's, winner's)."""
    more = [f"{ratio(v)} times the {k}" for k, v in costs.items() if v[1] > v[0]]
    less = [f"{100 * b / a:.3g} % of the {k}" for k, (a, b) in costs.items() if b < a]
    sentences = []
    if more:
        who = f"Its price: the {winner}" if is_winner else f"The {winner}"
        sentences.append(f"{who} takes {listed(more)} that the {loser} takes.")
    if less:
        who = "It" if is_winner or more else f"The {winner}"
        sentences.append(f"{who} makes do with {listed(less)} that the {loser} takes.")
    return " ".join(sentences) or f"The {winner} costs what the {loser} costs."


def conclude(rows, contingency, costs, names=NAMES):
    """Say the whole verdict: the headline, then who is better in which rows.

    Args:
        rows: Rows, that of judge_accuracy() first.
        contingency, costs, names: as for headline(). A cost with the name of a row
            in which no difference was shown is not held against anyone.
    """
    open_ = {row.question for row in rows if row.better is None}
    shown = {what: pair for what, pair in costs.items() if what not in open_}
    first = headline(rows[0], contingency, shown, names)
    return Text("\n\n".join([first, *describe_rows(rows, names)]))


# --- parts of sentences --------------------------------------------------------------


def _outside_zero(difference, names):
    if difference.low > 0:
        return names[1]
    return names[0] if difference.high < 0 else None


def _smaller(a, b, names):
    return None if a == b else names[int(b < a)]
