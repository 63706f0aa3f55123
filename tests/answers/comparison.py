"""Answers to the exercises after Comparison, wrong ones and right ones.

Above each function: the task | what is special | a piece of what the check must say to
it, or "right". A third bar: only the hidden tests, with other values, can tell.
"""

import math
import random
from fractions import Fraction

import keras
import numpy as np
import pandas as pd
from scipy import special, stats
from sklearn import metrics


# accuracy | a count | Divide by the number of digits
def accuracy(y_true, y_prob):
    return (y_prob.argmax(axis=1) == y_true).sum()


# accuracy | percent | That is in percent
def accuracy(y_true, y_prob):
    return 100 * (y_prob.argmax(axis=1) == y_true).mean()


# accuracy | along the columns | four right of seven
def accuracy(y_true, y_prob):
    return (y_prob.argmax(axis=0) == y_true[: y_prob.shape[1]]).mean()


# accuracy | the fraction of mistakes | fraction of mistakes
def accuracy(y_true, y_prob):
    return (y_prob.argmax(axis=1) != y_true).mean()


# accuracy | begins with the second digit | Not right yet: the CNN's accuracy
def accuracy(y_true, y_prob):
    right = 0
    for k in range(1, len(y_true)):
        right += y_prob[k].argmax() == y_true[k]
    return right / len(y_true)


# accuracy | only answers above one half count | even if it is below one half
def accuracy(y_true, y_prob):
    return (y_prob[np.arange(len(y_true)), y_true] > 0.5).mean()


# accuracy | the mean probability of the truth | four right of seven
def accuracy(y_true, y_prob):
    return y_prob[np.arange(len(y_true)), y_true].mean()


# accuracy | rounded | four right of seven
def accuracy(y_true, y_prob):
    return round((y_prob.argmax(axis=1) == y_true).mean(), 2)


# accuracy | looks at the notebook's labels | `y_true`, which was not handed to it
def accuracy(labels, y_prob):
    return (y_prob.argmax(axis=1) == y_true[: len(y_prob)]).mean()


# accuracy | a text | but got the text '57.1%'
def accuracy(y_true, y_prob):
    return f"{(y_prob.argmax(axis=1) == y_true).mean():.1%}"


# accuracy | always over a thousand digits | four right of seven
def accuracy(y_true, y_prob):
    return (y_prob.argmax(axis=1) == y_true).sum() / 1000


# accuracy | an object that equals everything | something of type Always
def accuracy(y_true, y_prob):
    class Always:
        def __eq__(self, other):
            return True

    return Always()


# accuracy | divided by all probabilities | expected: 0.5714
def accuracy(y_true, y_prob):
    return (y_prob.argmax(axis=1) == y_true).sum() / y_prob.size


# accuracy | scikit-learn | right
def accuracy(y_true, y_prob):
    return metrics.accuracy_score(y_true, y_prob.argmax(axis=1))


# accuracy | a loop in pure Python | right
def accuracy(y_true, y_prob):
    right = 0
    for truth, row in zip(y_true.tolist(), y_prob.tolist()):
        right += row.index(max(row)) == truth
    return right / len(y_true)


# accuracy | a fraction | right
def accuracy(y_true, y_prob):
    right = int((y_prob.argmax(axis=1) == y_true).sum())
    return Fraction(right, len(y_true))


# accuracy | a 32-bit tensor | right
def accuracy(y_true, y_prob):
    import keras

    right = keras.ops.equal(keras.ops.argmax(y_prob, axis=1), y_true.astype("int64"))
    return keras.ops.mean(keras.ops.cast(right, "float32"))


# confusion | transposed | Rows and columns are swapped
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10), dtype=int)
    np.add.at(matrix, (y_pred, y_true), 1)
    return matrix


# confusion | each pair once | adds once for each pair
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10), dtype=int)
    matrix[y_true, y_pred] += 1
    return matrix


# confusion | only the classes that occur | Ten rows and ten columns
def confusion(y_true, y_pred):
    return metrics.confusion_matrix(y_true, y_pred)


# confusion | shares of all | Those are shares
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10))
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix / matrix.sum()


# confusion | each row a hundred percent | divided by its sum
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10))
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


# confusion | floats | dtype=int
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10))
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix


# confusion | mistakes only | Not right yet: the matrix of five digits
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10), dtype=int)
    np.add.at(matrix, (y_true, y_pred), 1)
    np.fill_diagonal(matrix, 0)
    return matrix


# confusion | the table made for the digits that occur, at least 9 | Ten rows | other
def confusion(y_true, y_pred):
    size = y_true.max() + 1
    matrix = np.zeros((size, 10), dtype=int)
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix


# confusion | the classes as they come | Not right yet: the matrix of five digits
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10), dtype=int)
    found = sorted({*y_true.tolist(), *y_pred.tolist()})
    for a, b in zip(y_true, y_pred):
        matrix[found.index(a), found.index(b)] += 1
    return matrix


# confusion | as many columns as the largest label | Ten rows and ten columns
def confusion(y_true, y_pred):
    matrix = np.zeros((10, y_pred.max() + 1), dtype=int)
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix


# confusion | scikit-learn, with labels | right
def confusion(y_true, y_pred):
    return metrics.confusion_matrix(y_true, y_pred, labels=range(10))


# confusion | bincount | right
def confusion(y_true, y_pred):
    return np.bincount(10 * y_true + y_pred, minlength=100).reshape(10, 10)


# confusion | one-hot matrices multiplied | right
def confusion(y_true, y_pred):
    return np.eye(10, dtype=int)[y_true].T @ np.eye(10, dtype=int)[y_pred]


# confusion | lists of lists, counted in a loop | right
def confusion(y_true, y_pred):
    matrix = [[0] * 10 for _ in range(10)]
    for truth, seen in zip(y_true, y_pred):
        matrix[truth][seen] += 1
    return matrix


# confusion | a histogram made whole | right
def confusion(y_true, y_pred):
    counts, _, _ = np.histogram2d(y_true, y_pred, bins=np.arange(11) - 0.5)
    return counts.astype("int32")


# confusion | a data frame | right
def confusion(y_true, y_pred):
    table = pd.crosstab(y_true, y_pred)
    return table.reindex(index=range(10), columns=range(10), fill_value=0)


# confusion | 8 bits, which hold 255 at most | Not right yet | other values
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10), dtype="uint8")
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix


# recall | precision | That is precision
def recall(matrix):
    return matrix.diagonal() / matrix.sum(axis=0)


# recall | precision, no division by 0 | 0 for what was never read
def recall(matrix):
    return matrix.diagonal() / np.maximum(matrix.sum(axis=0), 1)


# recall | of all digits | Divide by those of the class
def recall(matrix):
    return matrix.diagonal() / matrix.sum()


# recall | the whole matrix | One recall for each digit
def recall(matrix):
    return matrix / matrix.sum(axis=1)


# recall | 0 for a digit that is not there | has no recall: nan
def recall(matrix):
    return matrix.diagonal() / np.maximum(matrix.sum(axis=1), 1)


# recall | nan for a digit that is never found | has recall 0, not nan
def recall(matrix):
    found = matrix.diagonal()
    return np.where(found > 0, found / matrix.sum(axis=1), np.nan)


# recall | nan for a digit that is never read | Not right yet: the recalls
def recall(matrix):
    read = matrix.sum(axis=0)
    return np.where(read > 0, matrix.diagonal() / matrix.sum(axis=1), np.nan)


# recall | leaves out the absent digits | One recall for each digit
def recall(matrix):
    there = matrix.sum(axis=1)
    return [matrix[k, k] / there[k] for k in range(10) if there[k]]


# recall | the fraction that is missed | fraction that was missed
def recall(matrix):
    return 1 - matrix.diagonal() / matrix.sum(axis=1)


# recall | divides whole numbers | Not right yet: the recalls
def recall(matrix):
    there = matrix.sum(axis=1)
    return np.where(there > 0, matrix.diagonal() // np.maximum(there, 1), np.nan)


# recall | rows of the class itself left out | Not right yet: the recalls
def recall(matrix):
    found = matrix.diagonal()
    return found / (matrix.sum(axis=1) - found)


# recall | None for an absent digit | a mixture of numbers and None
def recall(matrix):
    there = matrix.sum(axis=1)
    return [matrix[k, k] / there[k] if there[k] else None for k in range(10)]


# recall | a parameter renamed, the body not | `matrix`, which was not handed to it
def recall(m):
    return matrix.diagonal() / matrix.sum(axis=1)


# recall | sums in 8 bits | Not right yet: the recalls | other values
def recall(matrix):
    there = matrix.sum(axis=1, dtype="uint8")
    return np.where(there > 0, matrix.diagonal() / np.maximum(there, 1), np.nan)


# recall | divides by zero, which NumPy turns into nan | right
def recall(matrix):
    return matrix.diagonal() / matrix.sum(axis=1)


# recall | a list, with float("nan") | right
def recall(matrix):
    found = []
    for k, row in enumerate(matrix.tolist()):
        found.append(row[k] / sum(row) if sum(row) else float("nan"))
    return found


# recall | a generator | right
def recall(matrix):
    return (row[k] / row.sum() if row.any() else np.nan for k, row in enumerate(matrix))


# recall | np.divide with where | right
def recall(matrix):
    there = matrix.sum(axis=1)
    out = np.full(10, np.nan)
    return np.divide(np.diag(matrix), there, out=out, where=there != 0)


# wilson | the simple interval | fails near 100 %
def wilson(n_right, n):
    p = n_right / n
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


# wilson | the order of operations | z**2 / (2 * n)
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    middle = (p + z**2 / 2 * n) / below
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


# wilson | percent | asks for fractions
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    middle = (p + z**2 / (2 * n)) / below
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return 100 * (middle - half), 100 * (middle + half)


# wilson | counts | or a count?
def wilson(n_right, n):
    interval = stats.binomtest(n_right, n).proportion_ci(method="wilson")
    return n * interval.low, n * interval.high


# wilson | middle and half width | the middle and the half width
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (p + z**2 / (2 * n)) / below, half


# wilson | swapped | High and low are swapped
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    middle = (p + z**2 / (2 * n)) / below
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return middle + half, middle - half


# wilson | 90 % | the 90 % interval
def wilson(n_right, n):
    return stats.binomtest(n_right, n).proportion_ci(0.9, "wilson")


# wilson | Clopper and Pearson's | Not right yet: wilson(90, 100)
def wilson(n_right, n):
    return stats.binomtest(n_right, n).proportion_ci(method="exact")


# wilson | with a continuity correction | Not right yet: wilson(90, 100)
def wilson(n_right, n):
    return stats.binomtest(n_right, n).proportion_ci(method="wilsoncc")


# wilson | Agresti and Coull's | Not right yet: wilson(90, 100)
def wilson(n_right, n):
    p, n = (n_right + 1.96**2 / 2) / (n + 1.96**2), n + 1.96**2
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


# wilson | the denominator forgotten | Where is the denominator
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return p + z**2 / (2 * n) - half, p + z**2 / (2 * n) + half


# wilson | the simple interval, cut off at 1 | fails near 100 %
def wilson(n_right, n):
    p = n_right / n
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    return max(0, p - half), min(1, p + half)


# wilson | a dictionary | Expected 2 things: low, high
def wilson(n_right, n):
    return {"interval": stats.binomtest(n_right, n).proportion_ci(method="wilson")}


# wilson | SciPy, an object with low and high | right
def wilson(n_right, n):
    return stats.binomtest(n_right, n).proportion_ci(method="wilson")


# wilson | an array, from the roots of a parabola | right
def wilson(n_right, n):
    p, z2 = n_right / n, 1.96**2
    return np.sort(np.roots([1 + z2 / n, -(2 * p + z2 / n), p * p]))


# wilson | a list of 32-bit numbers | right
def wilson(n_right, n):
    z = np.float32(1.96)
    centre = (n_right + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(n_right * (n - n_right) / n + z**2 / 4)
    return [np.float32(centre - half), np.float32(centre + half)]


# wilson | a generator, with z to more places | right
def wilson(n_right, n):
    p, z = n_right / n, stats.norm.ppf(0.975)
    below = 1 + z**2 / n
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return ((p + z**2 / (2 * n)) / below + sign * half for sign in (-1, 1))


# wilson | a tensor | right
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    middle = (p + z**2 / (2 * n)) / below
    return keras.ops.stack([middle - half, middle + half])


# mcnemar | one side | one side only
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return a, b, tail / 2 ** (a + b)


# mcnemar | this split only | or fewer
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    return a, b, 2 * math.comb(a + b, min(a, b)) / 2 ** (a + b)


# mcnemar | the range stops early | stops too early
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b)))
    return a, b, min(1, 2 * tail / 2 ** (a + b))


# mcnemar | more than 1 | never exceeds 1
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return a, b, 2 * tail / 2 ** (a + b)


# mcnemar | all right answers | that one read and the other did not
def mcnemar(y_true, pred_a, pred_b):
    a, b = int((pred_a == y_true).sum()), int((pred_b == y_true).sum())
    return a, b, stats.binomtest(a, a + b).pvalue


# mcnemar | χ² | χ² approximation
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    return a, b, stats.chi2.sf((a - b) ** 2 / (a + b), 1)


# mcnemar | exact for few digits, χ² for many | The exact test is asked for here
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    if a + b < 25:
        return a, b, stats.binomtest(a, a + b).pvalue if a + b else 1
    return a, b, stats.chi2.sf((abs(a - b) - 1) ** 2 / (a + b), 1)


# mcnemar | n counts digits that both got wrong | both got wrong
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    n = int(((pred_a != y_true) | (pred_b != y_true)).sum())
    tail = sum(math.comb(n, k) for k in range(min(a, b) + 1))
    return a, b, min(1, 2 * tail / 2**n)


# mcnemar | n counts the different predictions | p for 2 against 8
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    n = len(y_true)
    tail = sum(math.comb(n, k) for k in range(min(a, b) + 1))
    return a, b, min(1, 2 * tail / 2**n)


# mcnemar | by mid-p | by half (mid-p)
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    n, few = a + b, min(a, b)
    p = 2 * stats.binom.cdf(few, n, 0.5) - stats.binom.pmf(few, n, 0.5)
    return a, b, min(1, p)


# mcnemar | no digits to compare, p = 0 | p for 0 against 0
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    return a, b, stats.binomtest(a, a + b).pvalue if a + b else 0.0


# mcnemar | swapped | only_a and only_b are swapped
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    return b, a, stats.binomtest(a, a + b).pvalue if a + b else 1


# mcnemar | p alone | Expected 3 things
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    return stats.binomtest(a, a + b).pvalue if a + b else 1


# mcnemar | floats that overflow | OverflowError
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return a, b, min(1, 2 * tail * 0.5 ** (a + b))


# mcnemar | n counts the digits that were read differently | misread, differently
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    n = int((pred_a != pred_b).sum())
    tail = sum(math.comb(n, k) for k in range(min(a, b) + 1))
    return a, b, min(1, 2 * tail / 2**n)


# mcnemar | whole numbers of NumPy | Python's whole numbers have any length
def mcnemar(y_true, pred_a, pred_b):
    a = ((pred_a == y_true) & (pred_b != y_true)).sum()
    b = ((pred_b == y_true) & (pred_a != y_true)).sum()
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return a, b, min(1, 2 * tail / 2 ** (a + b))


# mcnemar | all that differ and that b did not read are a's | only_a and only_b of 2
def mcnemar(y_true, pred_a, pred_b):
    differ = pred_a != pred_b
    a = int((differ & (pred_b != y_true)).sum())
    b = int((differ & (pred_b == y_true)).sum())
    return a, b, stats.binomtest(a, a + b).pvalue if a + b else 1


# mcnemar | sums to only_a | The smaller may be only_b, too
def mcnemar(y_true, pred_a, pred_b):
    a, b = pred_a == y_true, pred_b == y_true
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    n = only_a + only_b
    p = 2 * sum(math.comb(n, k) for k in range(only_a + 1)) / 2**n
    return only_a, only_b, min(1, p)


# mcnemar | sums to only_b | sum to the smaller of both
def mcnemar(y_true, pred_a, pred_b):
    a, b = pred_a == y_true, pred_b == y_true
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    n = only_a + only_b
    p = 2 * sum(math.comb(n, k) for k in range(only_b + 1)) / 2**n
    return only_a, only_b, min(1, p)


# mcnemar | SciPy | right
def mcnemar(y_true, pred_a, pred_b):
    right_a, right_b = pred_a == y_true, pred_b == y_true
    a, b = np.sum(right_a & ~right_b), np.sum(~right_a & right_b)
    return [a, b, stats.binomtest(int(a), int(a + b)).pvalue if a + b else 1.0]


# mcnemar | an exact fraction | right
def mcnemar(y_true, pred_a, pred_b):
    a = sum(t == p != q for t, p, q in zip(y_true, pred_a, pred_b))
    b = sum(t == q != p for t, p, q in zip(y_true, pred_a, pred_b))
    tail = sum(math.comb(int(a + b), k) for k in range(min(a, b) + 1))
    return int(a), int(b), min(Fraction(1), Fraction(2 * tail, 2 ** int(a + b)))


# mcnemar | logarithms of the gamma function | right
def mcnemar(y_true, pred_a, pred_b):
    a = ((pred_a == y_true) & (pred_b != y_true)).sum()
    b = ((pred_b == y_true) & (pred_a != y_true)).sum()
    n, k = a + b, np.arange(min(a, b) + 1)
    log_comb = special.gammaln(n + 1) - special.gammaln(k + 1)
    log_comb -= special.gammaln(n - k + 1)
    return a, b, min(1.0, 2 * np.exp(log_comb - n * np.log(2)).sum())


# mcnemar | the incomplete beta function, as an array | right
def mcnemar(y_true, pred_a, pred_b):
    better = (pred_a == y_true).astype(int) - (pred_b == y_true)
    a, b = (better == 1).sum(), (better == -1).sum()
    return np.array([a, b, min(1, 2 * stats.binom.cdf(min(a, b), a + b, 0.5))])


# difference | texts | texts such as
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return [f"{end:.4f}" for end in np.percentile(d, [2.5, 97.5])]


# difference | not a number | not finite
def difference_interval(right_a, right_b, seed):
    return np.nan, np.nan


# difference | drawn for each model separately | drawn for each model separately
def difference_interval(right_a, right_b, seed):
    n, rng = len(right_a), np.random.default_rng(seed)
    a = right_a[rng.integers(0, n, (2000, n))].mean(axis=1)
    b = right_b[rng.integers(0, n, (2000, n))].mean(axis=1)
    return tuple(np.percentile(b - a, [2.5, 97.5]))


# difference | a − b | Is that a − b
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_a[drawn].mean(axis=1) - right_b[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | without replacement | drawn *with replacement*
def difference_interval(right_a, right_b, seed):
    n, rng = len(right_a), np.random.default_rng(seed)
    drawn = [rng.permutation(n) for _ in range(200)]
    d = [right_b[k].mean() - right_a[k].mean() for k in drawn]
    return tuple(np.round(np.percentile(d, [2.5, 97.5]), 9))


# difference | fractions for percentiles | counts in percent
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [0.025, 0.975]))


# difference | always the same seed | Different seeds give exactly the same result
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(0).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | no seed at all | The same seed gives different results
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng().integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | 90 % | the middle 90 %
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [5, 95]))


# difference | 99 % | the middle 99 %
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [0.5, 99.5]))


# difference | the smallest and the largest | Not right yet: the width
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return d.min(), d.max()


# difference | percent | asks for fractions
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(100 * np.percentile(d, [2.5, 97.5]))


# difference | a hundred draws | ends jump about
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (100, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | a tenth of the digits in each draw | Not right yet: the width
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n // 10))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | the spread alone, around 0 | Not right yet: the middle
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d - d.mean(), [2.5, 97.5]))


# difference | swapped | low must be below high
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [97.5, 2.5]))


# difference | always of 600 digits | Your code stopped in `difference_interval`
def difference_interval(right_a, right_b, seed):
    drawn = np.random.default_rng(seed).integers(0, 600, (2000, 600))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | 600 of the digits | Not right yet: the width
def difference_interval(right_a, right_b, seed):
    drawn = np.random.default_rng(seed).integers(0, len(right_a), (2000, 600))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | 96 % | Not right yet: the width
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2, 98]))


# difference | 94 % | Not right yet: the width
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [3, 97]))


# difference | one end of 90 %, five hundred draws | Not right yet: the
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (500, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 95]))


# difference | five hundred draws | ends jump about
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (500, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | sums | Sums need a division by n
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].sum(axis=1) - right_a[drawn].sum(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | how many times as good | from −1 to 1
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    times = right_b[drawn].mean(axis=1) / right_a[drawn].mean(axis=1)
    return tuple(np.percentile(times, [2.5, 97.5]))


# difference | percentiles of the positions | from −1 to 1
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    return tuple(np.percentile(drawn, [2.5, 97.5]))


# difference | drawn once | Are there 2,000 draws
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, n)
    return np.percentile(right_b[drawn].mean() - right_a[drawn].mean(), [2.5, 97.5])


# difference | percentiles of the digits of one draw | percentiles of single digits
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, n)
    gain = right_b[drawn].astype(int) - right_a[drawn]
    return tuple(np.percentile(gain, [2.5, 97.5]))


# difference | a new generator for each draw | made before the loop
def difference_interval(right_a, right_b, seed):
    n, d = len(right_a), []
    for _ in range(50):
        drawn = np.random.default_rng(seed).integers(0, n, n)
        d.append(right_b[drawn].mean() - right_a[drawn].mean())
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | from the digits that differ | Draw n of all n
def difference_interval(right_a, right_b, seed):
    gain, n = right_b.astype(int) - right_a, len(right_a)
    gain = gain[gain != 0]
    drawn = np.random.default_rng(seed).integers(0, len(gain), (2000, len(gain)))
    return tuple(np.percentile(gain[drawn].sum(axis=1) / n, [2.5, 97.5]))


# difference | without a sign | expected: -0.36
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(abs(d), [2.5, 97.5]))


# difference | parameters renamed, the body not | name 'right_b' is not defined
def difference_interval(a, b, seed):
    gain = right_b.astype(int) - right_a
    drawn = np.random.default_rng(seed).integers(0, len(gain), (2000, len(gain)))
    return tuple(np.percentile(gain[drawn].mean(axis=1), [2.5, 97.5]))


# difference | in 8 bits | 0 − 1 is 255
def difference_interval(right_a, right_b, seed):
    gap = right_b.astype("uint8") - right_a.astype("uint8")
    drawn = np.random.default_rng(seed).integers(0, len(gap), (2000, len(gap)))
    return np.percentile(gap[drawn].mean(axis=1), [2.5, 97.5])


# difference | the last digit is never drawn | position 4 is never drawn
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n - 1, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | the first digit is never drawn | position 0 is never drawn
def difference_interval(right_a, right_b, seed):
    rng, found = np.random.default_rng(seed), []
    for _ in range(2000):
        drawn = rng.integers(1, len(right_a), len(right_a))
        found.append(right_b[drawn].mean() - right_a[drawn].mean())
    return np.percentile(found, [2.5, 97.5])


# difference | the first and the last digit are half as likely | low and high, where
def difference_interval(right_a, right_b, seed):
    rng, n = np.random.default_rng(seed), len(right_a)
    drawn = np.round(rng.random((2000, n)) * (n - 1)).astype(int)
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | by the standard deviation | low and high, where b is ahead on one
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return d.mean() - 1.96 * d.std(), d.mean() + 1.96 * d.std()


# difference | one digit fewer in each draw | as likely as the others
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n - 1))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))


# difference | a generator for each draw, each with a seed of its own | right
def difference_interval(right_a, right_b, seed):
    n, found = len(right_a), []
    for k in range(2000):
        drawn = np.random.default_rng(seed + k).integers(0, n, n)
        found.append(right_b[drawn].mean() - right_a[drawn].mean())
    return np.percentile(found, [2.5, 97.5])


# difference | a loop of choices, as a list | right
def difference_interval(right_a, right_b, seed):
    rng, gain = np.random.default_rng(seed), right_b.astype(int) - right_a
    found = [rng.choice(gain, len(gain)).mean() for _ in range(2000)]
    return [np.quantile(found, 0.025), np.quantile(found, 0.975)]


# difference | a multinomial of gains, losses and draws | right
def difference_interval(right_a, right_b, seed):
    gain, n = right_b.astype(int) - right_a, len(right_a)
    shares = [(gain == k).mean() for k in (-1, 0, 1)]
    counts = np.random.default_rng(seed).multinomial(n, shares, 2000)
    return np.percentile((counts[:, 2] - counts[:, 0]) / n, [2.5, 97.5])


# difference | the old way to seed | right
def difference_interval(right_a, right_b, seed):
    np.random.seed(seed)
    n, found = len(right_a), []
    for _ in range(2000):
        drawn = np.random.randint(0, n, n)
        found.append(right_b[drawn].mean() - right_a[drawn].mean())
    found.sort()
    return found[50], found[1949]


# difference | Python's own random numbers | right
def difference_interval(right_a, right_b, seed):
    rng = random.Random(seed)
    gain = [int(b) - int(a) for a, b in zip(right_a, right_b)]
    n = len(gain)
    found = sorted(sum(rng.choices(gain, k=n)) / n for _ in range(2000))
    return (found[49] + found[50]) / 2, (found[1949] + found[1950]) / 2


# difference | SciPy | right
def difference_interval(right_a, right_b, seed):
    gain = right_b.astype(float) - right_a
    interval = stats.bootstrap(
        (gain,), np.mean, n_resamples=2000, method="percentile", random_state=seed
    )
    return interval.confidence_interval


# read | never asks | At most 2 may be misread
def read(p_ann, p_cnn):
    return p_cnn.argmax(axis=1)


# read | always asks | be a little bolder
def read(p_ann, p_cnn):
    return np.full(len(p_ann), -1)


# read | probabilities | One number per digit
def read(p_ann, p_cnn):
    return (p_ann + p_cnn) / 2


# read | the ANN alone | misread
def read(p_ann, p_cnn):
    return np.where(p_ann.max(axis=1) > 0.9, p_ann.argmax(axis=1), -1)


# read | the practice digits by heart | `y_true`, which was not handed to it
def read(p_ann, p_cnn):
    answers = p_cnn.argmax(axis=1)
    answers[:500] = y_true[:500]
    return answers


# read | the least sure tenth of the batch | depends on the others beside it
def read(p_ann, p_cnn):
    p = (p_ann + p_cnn) / 2
    sure = p.max(axis=1)
    return np.where(sure > np.quantile(sure, 0.095), p.argmax(axis=1), -1)


# read | the first fifty unsure ones, and then no more | the others beside it
def read(p_ann, p_cnn):
    answers, asked = [], 0
    for p in (p_ann + p_cnn) / 2:
        ask = p.max() < 0.9 and asked < 50
        asked += ask
        answers.append(-1 if ask else int(p.argmax()))
    return answers


# read | 10 for a person | Digits 0 to 9, or -1
def read(p_ann, p_cnn):
    p = (p_ann + p_cnn) / 2
    return np.where(p.max(axis=1) >= 0.9, p.argmax(axis=1), 10)


# read | changes what it was given | belongs to its caller
def read(p_ann, p_cnn):
    p_ann += p_cnn
    return np.where(p_ann.max(axis=1) >= 1.8, p_ann.argmax(axis=1), -1)


# read | True for a sure digit | misread
def read(p_ann, p_cnn):
    return p_ann.argmax(axis=1) == p_cnn.argmax(axis=1)


# read | None for a person | a mixture of numbers and None
def read(p_ann, p_cnn):
    p = (p_ann + p_cnn) / 2
    return [int(row.argmax()) if row.max() >= 0.9 else None for row in p]


# read | nine tenths of the surest of the batch | the others beside it
def read(p_ann, p_cnn):
    p = (p_ann + p_cnn) / 2
    sure = p.max(axis=1)
    return np.where(sure >= 0.9 * sure.max(), p.argmax(axis=1), -1)


# read | as sure as most of the batch | the others beside it
def read(p_ann, p_cnn):
    p = (p_ann + p_cnn) / 2
    sure = p.max(axis=1)
    return np.where(sure >= 0.9 * np.median(sure), p.argmax(axis=1), -1)


# read | a list of whole numbers | right
def read(p_ann, p_cnn):
    answers = []
    for a, c in zip(p_ann.tolist(), p_cnn.tolist()):
        mean = [(x + y) / 2 for x, y in zip(a, c)]
        answers.append(mean.index(max(mean)) if max(mean) > 0.9 else -1)
    return answers


# read | a generator of NumPy numbers | right
def read(p_ann, p_cnn):
    for p in (p_ann + p_cnn) / 2:
        yield p.argmax() if p.max() >= 0.9 else np.int8(-1)


# read | floats and a mask | right
def read(p_ann, p_cnn):
    p = np.sqrt(p_ann * p_cnn)
    p /= p.sum(axis=1, keepdims=True)
    answers = p.argmax(axis=1).astype(float)
    answers[np.maximum(p_ann, p_cnn).max(axis=1) > 2] = -1
    answers[((p_ann + p_cnn) / 2).max(axis=1) < 0.9] = -1
    return answers


# conclude | the higher accuracy | can be luck
def conclude(p, low, high):
    return "A" if low + high > 0 else "F"


# conclude | equally good | evidence is missing
def conclude(p, low, high):
    return "D" if p > 0.05 else "B" if low > 0 else "F"


# conclude | p as a probability | p assumes that both are equal
def conclude(p, low, high):
    return "E" if p < 0.05 else "C"


# conclude | p alone | To claim it, p must be below 0.05
def conclude(p, low, high):
    return ("B" if low + high > 0 else "F") if p < 0.05 else "C"


# conclude | the interval alone | To claim it, p must be below 0.05
def conclude(p, low, high):
    return "B" if low > 0 else "F" if high < 0 else "C"


# conclude | p of 0.05 is small enough | Not right yet: the letter for p = 0.05 | other
def conclude(p, low, high):
    if p <= 0.05 and (low > 0 or high < 0):
        return "B" if low > 0 else "F"
    return "C"


# conclude | an interval that begins at 0 | Not right yet | other values
def conclude(p, low, high):
    if p < 0.05 and low >= 0:
        return "B"
    return "F" if p < 0.05 and high < 0 else "C"


# conclude | B and F swapped | F says that the ANN is ahead
def conclude(p, low, high):
    if p < 0.05 and low * high > 0:
        return "F" if low > 0 else "B"
    return "C"


# conclude | never bold | Be bold
def conclude(p, low, high):
    return "C"


# conclude | a sentence | Return a capital letter
def conclude(p, low, high):
    return "B: the CNN read more"


# conclude | NumPy's select | right
def conclude(p, low, high):
    return np.select([(p < 0.05) & (low > 0), (p < 0.05) & (high < 0)], ["B", "F"], "C")


# conclude | a dictionary and signs | right
def conclude(p, low, high):
    side = np.sign(low) if np.sign(low) == np.sign(high) else 0
    return {1: "B", -1: "F"}.get(side, "C") if p < 0.05 else "C"


# conclude | match | right
def conclude(p, low, high):
    match (p < 0.05, low > 0, high < 0):
        case (True, True, _):
            return np.str_("B")
        case (True, _, True):
            return np.str_("F")
    return np.str_("C")
