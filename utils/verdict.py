"""Who is better, in words that follow from the numbers.

Two models, a and b, are judged row by row. A row names a winner only where chance is an
unlikely explanation; else its mark is "no difference shown", which is not the same as
"no difference". No function here knows which model is expected to win.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import mannwhitneyu

from utils.evaluation import LEVEL

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


class Text(str):
    """A text that a notebook shows as prose: no quotes, lines broken between words."""

    def _repr_markdown_(self):
        return str(self)


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
    evidence = f"{difference}; McNemar p {_p_text(test.p_value)}"
    return Row(question, *(f"{a:.2%}" for a in accuracies), better, evidence)


def judge_interval(
    question, texts, difference, larger_is_better=True, unit="points", names=NAMES
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


def judge_count(question, counts, names=NAMES):
    """Judge what was counted exactly, and of which less is better."""
    return Row(
        question,
        *(f"{count:,}" for count in counts),
        _smaller(*counts, names),
        f"counted; {names[1]} / {names[0]} = {_ratio(counts)}",
    )


def judge_single(question, seconds, names=NAMES):
    """Judge what was measured once, in seconds, and of which less is better."""
    apart = max(seconds) >= SINGLE_MARGIN * min(seconds)
    return Row(
        question,
        *(f"{s:,.1f} s" for s in seconds),
        _smaller(*seconds, names) if apart else None,
        f"measured once each; {names[1]} / {names[0]} = {_ratio(seconds)}",
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
        *(f"{median / unit:,.3g} {unit_name}" for median in medians),
        _smaller(*medians, names) if apart else None,
        f"quartiles {'apart' if apart else 'overlap'}; "
        f"{names[1]} / {names[0]} = {_ratio(medians)}",
    )


def judge_seeds(question, accuracies, names=NAMES):
    """Judge the accuracies of several seeds: the exact test of Mann and Whitney.

    Args:
        question: what is compared.
        accuracies: those of a, shape (m,), and of b, shape (n,), fractions.
        names: of a and b.

    Source: H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables
    is stochastically larger than the other", Annals of Mathematical Statistics 18,
    1947.
    """
    a, b = (np.asarray(values, float) for values in accuracies)
    p_value = float(mannwhitneyu(a, b, method="exact").pvalue)
    better = None
    if p_value < LEVEL:
        better = names[1] if b.mean() > a.mean() else names[0]
    texts = (f"{v.mean():.2%} ± {v.std(ddof=1):.2%}" for v in (a, b))
    evidence = f"mean ± sd of {len(a)} and {len(b)} seeds; p {_p_text(p_value)}"
    return Row(question, *texts, better, evidence)


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


def describe_counts(counts, names=NAMES):
    """Say in a sentence on how many digits two models agree and differ."""
    a, b = names
    differ = counts.only_a + counts.only_b
    return Text(
        f"Of {sum(counts):,} test digits both read {counts.both:,} correctly and "
        f"{counts.neither:,} wrongly. They differ on {differ:,}: {counts.only_a:,} "
        f"only the {a} reads correctly, {counts.only_b:,} only the {b}."
    )


def describe_test(test, names=NAMES):
    """Say what McNemar's test says, without Greek letters."""
    a, b = test.counts.only_a, test.counts.only_b
    if a + b == 0:
        return Text("They never differ: there is nothing to toss a coin for.")
    odds = (
        f"Luck alone splits {a + b:,} digits at least as unevenly as {a:,} to {b:,} "
        f"{_chance(test.p_value)} (p {_p_text(test.p_value)})."
    )
    if test.p_value >= LEVEL:
        return Text(f"{odds} That can well be luck: no difference is shown.")
    name, other = (names[1], names[0]) if b > a else names
    return Text(
        f"{odds} So the {name} reads better than the {other}, and luck with the test "
        "digits is a poor explanation."
    )


def describe_pairs(accuracies, names=NAMES):
    """Say in how many pairs of trainings, one of a and one of b, each comes out ahead.

    Args:
        accuracies: those of a, shape (m,), and of b, shape (n,), fractions.
        names: of a and b.
    """
    a, b = (np.asarray(values, float) for values in accuracies)
    gaps = 100 * (b[None, :] - a[:, None])
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
            sentences.append(f"Better for the {name}: {_listed(won)}.")
        else:
            sentences.append(f"Better for the {name}: nothing that was compared.")
    open_ = [row.question for row in rows if row.better is None]
    if open_:
        sentences.append(f"No difference shown: {_listed(open_)}.")
    return sentences


def headline(accuracy, counts, costs, names=NAMES):
    """Say in two sentences who reads better, and what the other costs or saves.

    Args:
        accuracy: the Row of judge_accuracy().
        counts: the evaluation.Contingency behind it.
        costs: dictionary from what it costs ("parameters") to (cost of a, cost of b).
        names: of a and b.
    """
    n = sum(counts)
    if accuracy.better is None:
        first = (
            f"On these {n:,} test digits no difference in accuracy is shown between "
            f"the {names[0]} and the {names[1]} ({accuracy.evidence})."
        )
        winner, loser = names[1], names[0]
        start = "Then the cost may decide"
    else:
        winner = accuracy.better
        loser = names[0] if winner == names[1] else names[1]
        saved = abs(counts.only_b - counts.only_a) / n * 1000
        first = (
            f"The {winner} reads these {n:,} test digits better than the {loser} "
            f"({accuracy.evidence}): of every 1,000 it misreads {saved:.1f} fewer."
        )
        start = "Its price"
    order = slice(None, None, 1 if winner == names[1] else -1)
    ratios = [f"{_ratio(pair[order])} times the {what}" for what, pair in costs.items()]
    return (
        f"{first} {start}: the {winner} takes {_listed(ratios)} that the {loser} takes."
    )


def conclude(rows, counts, costs, names=NAMES):
    """Say the whole verdict: the headline, then who is better in which rows.

    Args:
        rows: Rows, that of judge_accuracy() first.
        counts, costs, names: as for headline().
    """
    first = headline(rows[0], counts, costs, names)
    return Text("\n\n".join([first, *describe_rows(rows, names)]))


# --- parts of sentences --------------------------------------------------------------


def _outside_zero(difference, names):
    if difference.low > 0:
        return names[1]
    return names[0] if difference.high < 0 else None


def _smaller(a, b, names):
    return None if a == b else names[int(b < a)]


def _ratio(pair):
    a, b = pair
    return f"{b / a:.2g}" if a else "?"


def _p_text(p_value):
    return "< 0.0001" if p_value < 1e-4 else f"= {p_value:.2g}"


def _chance(p_value):
    """Say a p-value as a frequency: "about once in 250 times"."""
    if p_value > 0.4:
        return f"in {p_value:.0%} of all cases"
    if p_value < 1e-6:
        return "less than once in a million times"
    return f"about once in {float(f'{1 / p_value:.2g}'):,.0f} times"


def _listed(words):
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
