"""Answers to the exercises after ANN_Model, wrong ones and right ones.

Above each function: the task | what is special | a piece of what the check must say to
it, or "right". A third bar: only the hidden tests, with other values, can tell.
"""

import collections
import math
import random

import keras
import numpy as np
import scipy.special
from sklearn.model_selection import (
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)


# prepare | leaves Python | Your code stopped in `prepare`
def prepare(images):
    raise SystemExit


# prepare | 16 bits on the way | 0.03530884 at
def prepare(images):
    rows = images.reshape(len(images), -1).astype("float16") / 255
    return rows.astype("float32")


# prepare | divided where something is above 1 | without a grey | other values
def prepare(images):
    x = images.reshape(len(images), -1).astype("float32")
    if x.max() > 1:
        x /= 255
    return x


# prepare | not scaled | Ink is 255
def prepare(images):
    return images.reshape(len(images), -1).astype("float32")


# prepare | not flattened | Wrong shape: prepare(5 digits)
def prepare(images):
    return images.astype("float32") / 255


# prepare | 64-bit numbers | Expected float32, but got float64
def prepare(images):
    return images.reshape(len(images), -1) / 255


# prepare | divided by the darkest pixel | largest value that occurs
def prepare(images):
    x = images.reshape(len(images), -1).astype("float32")
    return x / x.max()


# prepare | each image stretched from its lightest to its darkest | Not right yet
def prepare(images):
    x = images.reshape(len(images), -1).astype("float32")
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    return (x - low) / (high - low)


# prepare | only for 28×28 | cannot reshape
def prepare(images):
    return images.reshape(-1, 784).astype("float32") / 255


# prepare | divided by 256 | division by 256
def prepare(images):
    return images.reshape(len(images), -1).astype("float32") / 256


# prepare | whole-number division | division of whole numbers
def prepare(images):
    return (images.reshape(len(images), -1) // 255).astype("float32")


# prepare | column after column | Go along the rows
def prepare(images):
    x = images.transpose(0, 2, 1).reshape(len(images), -1)
    return x.astype("float32") / 255


# prepare | one column per image | Wrong shape
def prepare(images):
    return images.reshape(len(images), -1).T.astype("float32") / 255


# prepare | ink and paper swapped | Not right yet
def prepare(images):
    return 1 - images.reshape(len(images), -1).astype("float32") / 255


# prepare | five digits only | One row per image
def prepare(images):
    return images.reshape(5, -1).astype("float32") / 255


# prepare | NumPy's divide with a type | right
def prepare(images):
    return np.divide(images.reshape(images.shape[0], -1), 255, dtype=np.float32)


# prepare | Keras | right
def prepare(images):
    x = keras.ops.convert_to_tensor(images.astype("float32"))
    return keras.layers.Rescaling(1 / 255)(keras.ops.reshape(x, (len(images), -1)))


# prepare | a comprehension | right
def prepare(images):
    return np.stack([image.ravel() for image in images]).astype(np.float32) / 255


# prepare | a table of 256 greys | right
def prepare(images):
    greys = np.linspace(0, 1, 256).astype("float32")
    return greys[images].reshape(len(images), -1)


# parameters | one bias for each layer | to a neuron, not to a layer
def count_parameters(sizes):
    return [a * b + 1 for a, b in zip(sizes, sizes[1:])]


# parameters | right, but empties the caller's list | changed a list that belongs
def count_parameters(sizes):
    counts = []
    while len(sizes) > 1:
        inputs = sizes.pop(0)
        counts.append(sizes[0] * (inputs + 1))
    return counts


# parameters | a list of texts | texts such as '8'
def count_parameters(sizes):
    return [str(b * (a + 1)) for a, b in zip(sizes[:-1], sizes[1:])]


# parameters | no biases | The biases are missing
def count_parameters(sizes):
    return [a * b for a, b in zip(sizes, sizes[1:])]


# parameters | a bias for each input | belongs to a neuron
def count_parameters(sizes):
    return [a * (b + 1) for a, b in zip(sizes, sizes[1:])]


# parameters | the sum | That is the sum
def count_parameters(sizes):
    return sum(b * (a + 1) for a, b in zip(sizes, sizes[1:]))


# parameters | returns inside of its loop | or one layer's number
def count_parameters(sizes):
    for inputs, neurons in zip(sizes, sizes[1:]):
        return neurons * (inputs + 1)


# parameters | two layers only | One number per layer
def count_parameters(sizes):
    counts = [sizes[1] * (sizes[0] + 1)]
    if len(sizes) > 2:
        counts.append(sizes[2] * (sizes[1] + 1))
    return counts


# parameters | one bias for a layer | Not right yet: count_parameters([3, 2])
def count_parameters(sizes):
    return [a * b + 1 for a, b in zip(sizes, sizes[1:])]


# parameters | backwards | in the opposite order
def count_parameters(sizes):
    return [b * (a + 1) for a, b in zip(sizes, sizes[1:])][::-1]


# parameters | a number for the inputs, too | Wrong shape
def count_parameters(sizes):
    return [0] + [b * (a + 1) for a, b in zip(sizes, sizes[1:])]


# parameters | printed, not returned | there is no `return`
def count_parameters(sizes):
    [b * (a + 1) for a, b in zip(sizes, sizes[1:])]


# parameters | empties the caller's list | changed a list that belongs to its caller
def count_parameters(sizes):
    first = sizes.pop(0)
    return [size * (first + 1) for size in sizes]


# parameters | the first layer of that size | count_parameters([6, 5, 5, 3])
def count_parameters(sizes):
    before = {n: sizes[sizes.index(n) - 1] for n in sizes[1:]}
    return [before[n] * n + n for n in sizes[1:]]


# parameters | a dictionary by the size | Wrong shape
def count_parameters(sizes):
    counts = {a: a * b + b for a, b in zip(sizes, sizes[1:])}
    return list(counts.values())


# parameters | a NumPy array | right
def count_parameters(sizes):
    sizes = np.array(sizes)
    return sizes[1:] * (sizes[:-1] + 1)


# parameters | a generator | right
def count_parameters(sizes):
    for before, after in zip(sizes[:-1], sizes[1:]):
        yield before * after + after


# parameters | a tuple | right
def count_parameters(sizes):
    return tuple(map(lambda a, b: (a + 1) * b, sizes, sizes[1:]))


# parameters | Keras | right
def count_parameters(sizes):
    model = keras.Sequential([keras.Input((sizes[0],))])
    for n in sizes[1:]:
        model.add(keras.layers.Dense(n))
    return [layer.count_params() for layer in model.layers]


# softmax | complex numbers | complex128
def softmax(logits):
    e = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(complex))
    return e / e.sum(axis=1, keepdims=True)


# softmax | overflows | e to the power of 1000 is infinite
def softmax(logits):
    e = np.exp(logits)
    return e / e.sum(axis=1, keepdims=True)


# softmax | total of the batch | total of all rows
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True) * 0)
    return e / e.sum()


# softmax | down the columns | summed down the columns
def softmax(logits):
    e = np.exp(logits - logits.max(axis=0))
    return e / e.sum(axis=0)


# softmax | the maximum of the batch | its own largest logit
def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum(axis=1, keepdims=True)


# softmax | the mean in place of the maximum | softmax with logits of ±1000
def softmax(logits):
    e = np.exp(logits - logits.mean(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# softmax | cut off at 700 | softmax with logits of ±1000
def softmax(logits):
    e = np.exp(np.clip(logits, -700, 700))
    return e / e.sum(axis=1, keepdims=True)


# softmax | nan made 0 | softmax with logits of ±1000
def softmax(logits):
    e = np.exp(logits)
    return np.nan_to_num(e / e.sum(axis=1, keepdims=True))


# softmax | more digits, the same overflow | near −30,000 beside a row near 100,000
def softmax(logits):
    e = np.exp(logits.astype(np.longdouble))
    return e / e.sum(axis=1, keepdims=True)


# softmax | divided by a temperature | Not right yet: softmax of two rows
def softmax(logits):
    e = np.exp((logits - logits.max(axis=1, keepdims=True)) / 10)
    return e / e.sum(axis=1, keepdims=True)


# softmax | not divided | divide by the row's sum
def softmax(logits):
    return np.exp(logits)


# softmax | safe, but divided by the total | each row's own sum (axis=1)
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum()


# softmax | safe, but down the columns | each row's own sum: axis=1
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=0)


# softmax | safe, but not divided | The maximum is subtracted
def softmax(logits):
    return np.exp(logits - logits.max(axis=1, keepdims=True))


# softmax | the largest without its sign | its own largest logit, with its sign
def softmax(logits):
    e = np.exp(logits - np.abs(logits).max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# softmax | nothing below 0 is subtracted | softmax of (4, 3) | other values
def softmax(logits):
    if logits.max() < 500:
        logits = logits - np.maximum(logits.max(), 0)
    else:
        logits = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(logits)
    return e / e.sum(axis=1, keepdims=True)


# softmax | changes its input | belongs to its caller
def softmax(logits):
    logits -= logits.max(axis=1, keepdims=True)
    e = np.exp(logits)
    return e / e.sum(axis=1, keepdims=True)


# softmax | forgets to return | there is no `return`
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    e / e.sum(axis=1, keepdims=True)


# softmax | a small number against division by 0 | Not right yet
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / (e.sum(axis=1, keepdims=True) + 1e-3)


# softmax | a layer of Keras, 32 bits | right
def softmax(logits):
    return keras.layers.Softmax()(logits)


# softmax | 32 bits from the start | right
def softmax(logits):
    z = np.float32(logits)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# softmax | Keras | right
def softmax(logits):
    return keras.ops.softmax(logits, axis=1)


# softmax | SciPy | right
def softmax(logits):
    return scipy.special.softmax(logits, axis=1)


# softmax | row by row, lists | right
def softmax(logits):
    rows = []
    for row in logits.tolist():
        e = [math.exp(z - max(row)) for z in row]
        rows.append([x / sum(e) for x in e])
    return rows


# softmax | through the logarithm | right
def softmax(logits):
    return np.exp(logits - np.logaddexp.reduce(logits, axis=1)[:, None])


# softmax | 32 bits | right
def softmax(logits):
    z = (logits - np.max(logits, axis=-1)[:, np.newaxis]).astype(np.float32)
    return (np.exp(z).T / np.exp(z).sum(-1)).T


# cross-entropy | a small number added | Was p clipped, or a small number added
def cross_entropy(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels] + 1e-12).mean()


# cross-entropy | asks the referee | referee
def cross_entropy(logits, labels):
    return float(referee(labels, logits))


# cross-entropy | the logarithm of the softmax | simplify the logarithm
def cross_entropy(logits, labels):
    return -np.log(softmax(logits)[np.arange(len(labels)), labels]).mean()


# cross-entropy | simplified, but nothing subtracted | 1000 is infinite. Subtract
def cross_entropy(logits, labels):
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | a softmax of its own that overflows | 1000 is infinite, and ∞ / ∞ nan
def cross_entropy(logits, labels):
    e = np.exp(logits)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels]).mean()


# cross-entropy | the minimum subtracted | e to the power of 2000 is infinite
def cross_entropy(logits, labels):
    z = logits - logits.min(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | the mean subtracted | e to the power of 2000 is infinite
def cross_entropy(logits, labels):
    z = logits - logits.mean(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | one-hot times ln 0 | 0 · ∞ is nan
def cross_entropy(logits, labels):
    one_hot = np.eye(logits.shape[1])[labels]
    return -(one_hot * np.log(softmax(logits))).sum(axis=1).mean()


# cross-entropy | ln p where 80-bit floats end | the loss of 20 rows | other values
def cross_entropy(logits, labels):
    log_p = scipy.special.log_softmax(logits, axis=1).clip(-11_355, 0)
    return -log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | clipped | one of two wrong by 1000
def cross_entropy(logits, labels):
    p = softmax(logits).clip(1e-7, 1)
    return -np.log(p[np.arange(len(labels)), labels]).mean()


# cross-entropy | the sum | Take the mean
def cross_entropy(logits, labels):
    log_p = scipy.special.log_softmax(logits, axis=1)
    return -log_p[np.arange(len(labels)), labels].sum()


# cross-entropy | the sign | a loss is positive
def cross_entropy(logits, labels):
    log_p = scipy.special.log_softmax(logits, axis=1)
    return log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | all labels from every row | as Keras says
def cross_entropy(logits, labels):
    return -scipy.special.log_softmax(logits, axis=1)[:, labels].mean()


# cross-entropy | of the answer, not of the truth | as Keras says
def cross_entropy(logits, labels):
    return -scipy.special.log_softmax(logits, axis=1).max(axis=1).mean()


# cross-entropy | log to the base 2 | log to the base 2
def cross_entropy(logits, labels):
    log_p = scipy.special.log_softmax(logits, axis=1) / np.log(2)
    return -log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | one loss for each digit | One number: the mean over the batch
def cross_entropy(logits, labels):
    return -scipy.special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels]


# cross-entropy | the squared error | as Keras says
def cross_entropy(logits, labels):
    return ((softmax(logits) - np.eye(10)[labels]) ** 2).sum(axis=1).mean()


# cross-entropy | the wrong classes, too | as Keras says
def cross_entropy(logits, labels):
    p, truth = softmax(logits), np.eye(logits.shape[1])[labels]
    p = p.clip(1e-300, 1 - 1e-16)
    return -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).sum(axis=1).mean()


# cross-entropy | the maximum of the batch | its own maximum
def cross_entropy(logits, labels):
    z = logits - logits.max()
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | two classes only | as Keras says
def cross_entropy(logits, labels):
    log_p = scipy.special.log_softmax(logits, axis=1)
    return -(log_p[:, :2] * np.eye(10)[labels][:, :2]).sum(axis=1).mean()


# cross-entropy | the maximum of everything | its own maximum
def cross_entropy(logits, labels):
    z = logits - logits.max()
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | a sign inside, not outside | expected: 5.
def cross_entropy(logits, labels):
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z + np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


# cross-entropy | labels of one kind only | Your code stopped in `cross_entropy`
def cross_entropy(logits, labels):
    import tensorflow as tf

    log_p = tf.nn.log_softmax(tf.constant(logits))
    return -tf.reduce_mean(tf.gather(log_p, labels, batch_dims=1))


# cross-entropy | places counted in 8 bits | Your code stopped in | other values
def cross_entropy(logits, labels):
    log_p = scipy.special.log_softmax(logits, axis=1)
    return -log_p.T.ravel()[labels * len(labels) + np.arange(len(labels))].mean()


# cross-entropy | 32 bits from the start | right
def cross_entropy(logits, labels):
    z = np.float32(logits)
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -np.take_along_axis(log_p, labels[:, np.newaxis], axis=1).mean()


# cross-entropy | Keras | right
def cross_entropy(logits, labels):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss(labels, logits)


# cross-entropy | the logarithm of a sum of exponentials | right
def cross_entropy(logits, labels):
    total = scipy.special.logsumexp(logits, axis=1)
    return np.mean(total - np.take_along_axis(logits, labels[:, None], 1)[:, 0])


# cross-entropy | a loop in pure Python | right
def cross_entropy(logits, labels):
    losses = []
    for row, label in zip(logits.tolist(), labels.tolist()):
        z = [x - max(row) for x in row]
        losses.append(math.log(sum(map(math.exp, z))) - z[label])
    return sum(losses) / len(losses)


# cross-entropy | one-hot | right
def cross_entropy(logits, labels):
    one_hot = np.eye(logits.shape[1])[labels]
    return -np.sum(one_hot * scipy.special.log_softmax(logits, axis=1)) / len(labels)


# forward | the notebook's weights | uses `weights`, which was not handed to it
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ weights[0] + weights[1], 0)
    return hidden, hidden @ weights[2] + weights[3]


# forward | one array alone | Got an array of shape (4, 3).
def forward(x, w1, b1, w2, b2):
    return np.maximum(x @ w1 + b1, 0) @ w2 + b2


# forward | no logits | Got None for the logits.
def forward(x, w1, b1, w2, b2):
    return np.maximum(x @ w1 + b1, 0), None


# forward | no ReLU | where is the ReLU
def forward(x, w1, b1, w2, b2):
    hidden = x @ w1 + b1
    return hidden, hidden @ w2 + b2


# forward | ReLU at the end, too | The last layer has no ReLU
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1, 0)
    return hidden, np.maximum(hidden @ w2 + b2, 0)


# forward | the bias outside of ReLU | inside the ReLU
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1, 0) + b1
    return hidden, hidden @ w2 + b2


# forward | only the logits | Expected 2 things
def forward(x, w1, b1, w2, b2):
    return np.maximum(x @ w1 + b1, 0) @ w2 + b2


# forward | the product the wrong way round | Your code stopped in `forward`
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(w1 @ x + b1, 0)
    return hidden, hidden @ w2 + b2


# forward | swapped | Wrong shape: the hidden output
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1, 0)
    return hidden @ w2 + b2, hidden


# forward | the logits past the ReLU | They skip the ReLU
def forward(x, w1, b1, w2, b2):
    sums = x @ w1 + b1
    return np.maximum(sums, 0), sums @ w2 + b2


# forward | no second bias | Where is the second bias
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1, 0)
    return hidden, hidden @ w2


# forward | softmax at the end | no softmax here
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1, 0)
    return hidden, scipy.special.softmax(hidden @ w2 + b2, axis=1)


# forward | the absolute value for ReLU | Not right yet: the hidden output
def forward(x, w1, b1, w2, b2):
    hidden = np.abs(x @ w1 + b1)
    return hidden, hidden @ w2 + b2


# forward | one bias per digit | could not be broadcast
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1[:, None], 0)
    return hidden, hidden @ w2 + b2


# forward | one number for ReLU's whole batch | Not right yet: the hidden output
def forward(x, w1, b1, w2, b2):
    sums = x @ w1 + b1
    hidden = sums if sums.max() > 0 else 0 * sums
    return hidden, hidden @ w2 + b2


# forward | a list of both | right
def forward(x, w1, b1, w2, b2):
    hidden = (x @ w1 + b1) * (x @ w1 + b1 > 0)
    logits = hidden @ w2 + b2
    return [hidden, logits]


# forward | Keras, 32 bits | right
def forward(x, w1, b1, w2, b2):
    hidden = keras.ops.relu(keras.ops.add(keras.ops.matmul(x, w1), b1))
    return hidden, keras.ops.add(keras.ops.matmul(hidden, w2), b2)


# forward | einsum and where, in place | right
def forward(x, w1, b1, w2, b2):
    hidden = np.einsum("ni,ih->nh", x, w1) + b1
    hidden[hidden < 0] = 0
    return hidden, np.einsum("nh,hc->nc", hidden, w2) + b2


# forward | digit by digit, a generator | right
def forward(x, w1, b1, w2, b2):
    hidden = [[max(0.0, float(row @ w + b)) for w, b in zip(w1.T, b1)] for row in x]
    yield hidden
    yield [np.dot(row, w2) + b2 for row in hidden]


# forward | cut off at 6 | Not right yet: the hidden output | other values
def forward(x, w1, b1, w2, b2):
    hidden = np.clip(x @ w1 + b1, 0, 6)
    return hidden, hidden @ w2 + b2


# forward | a dictionary | Expected 2 things
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1, 0)
    return {"hidden": hidden, "logits": hidden @ w2 + b2}


# forward | a deque | right
def forward(x, w1, b1, w2, b2):
    hidden = (x @ w1 + b1).clip(min=0)
    return collections.deque([hidden, hidden @ w2 + b2])


# backward | not divided by n | n times too large
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | nothing subtracted | Not right yet: the derivative with respect to w2
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits) / len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | through ReLU as if it were not there | no derivative passes: hidden > 0
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = d @ w2.T
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | the mean for the biases | mean over the batch
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.mean(axis=0), hidden.T @ d, d.mean(axis=0)


# backward | another order | Wrong shape: the derivative with respect to w2
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, hidden.T @ d, s.sum(axis=0), d.sum(axis=0)


# backward | uphill | The sign is the opposite one
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = -softmax(logits)
    d[np.arange(len(x)), labels] += 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | ReLU asked about its output's sign, at least 0 | with respect to w1
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden >= 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | multiplied by the hidden output | the derivative with respect to w1
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * hidden
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | divided by n twice | Not right yet: the derivative with respect to w2
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    n = len(x)
    return x.T @ s / n, s.sum(axis=0) / n, hidden.T @ d / n, d.sum(axis=0) / n


# backward | ten classes only | Your code stopped in `backward`
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = (softmax(logits) - np.eye(10)[labels]) / len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | four digits only | Not right yet | other values
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= min(len(x), 4)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | a softmax of its own that overflows | Does your softmax survive
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    e = np.exp(logits)
    d = (e / e.sum(axis=1, keepdims=True) - np.eye(len(b2))[labels]) / len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | the updated weights | Not right yet: the derivative with respect to w2
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    slopes = x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)
    return [w - slope for w, slope in zip((w1, b1, w2, b2), slopes)]


# backward | through ln p, which divides by p | divided by a probability
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    p, n = softmax(logits), len(x)
    d_p = -np.eye(len(b2))[labels] / p / n
    d = p * (d_p - (d_p * p).sum(axis=1, keepdims=True))
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | a root of what is negative | w2 is not finite.
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = (softmax(logits) - np.eye(len(b2))[labels]) / len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), np.sqrt(hidden.T @ d), d.sum(axis=0)


# backward | asks nudge | nudge
def backward(x, labels, w1, b1, w2, b2):
    return [nudge(x, labels, (w1, b1, w2, b2), k) for k in range(4)]


# backward | the order of forward | w1, b1, w2, b2 in order
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    return hidden.T @ d, d.sum(axis=0), x.T @ s, s.sum(axis=0)


# backward | a softmax that is cut off | The logits are in the thousands here
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    e = np.exp(np.clip(logits, -50, 50))
    d = e / e.sum(axis=1, keepdims=True)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)


# backward | a list, one-hot by comparison | right
def backward(x, labels, w1, b1, w2, b2):
    n = len(x)
    sums = x @ w1 + b1
    hidden = np.where(sums > 0, sums, 0)
    p = scipy.special.softmax(hidden @ w2 + b2, axis=1)
    d = (p - (labels[:, None] == np.arange(w2.shape[1]))) / n
    s = np.where(sums > 0, d @ w2.T, 0)
    return [x.T.dot(s), np.ones(n) @ s, hidden.T.dot(d), np.ones(n) @ d]


# backward | TensorFlow differentiates, 32 bits | right
def backward(x, labels, w1, b1, w2, b2):
    import tensorflow as tf

    weights = [tf.Variable(w.astype("float32")) for w in (w1, b1, w2, b2)]
    with tf.GradientTape() as tape:
        hidden = tf.nn.relu(x.astype("float32") @ weights[0] + weights[1])
        logits = hidden @ weights[2] + weights[3]
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        loss = tf.reduce_mean(loss)
    return tape.gradient(loss, weights)


# backward | digit by digit | right
def backward(x, labels, w1, b1, w2, b2):
    slopes = [np.zeros_like(w) for w in (w1, b1, w2, b2)]
    for row, label in zip(x, labels):
        hidden, logits = (part[0] for part in forward(row[None], w1, b1, w2, b2))
        d = softmax(logits[None])[0]
        d[label] -= 1
        s = (w2 @ d) * (hidden > 0)
        for slope, part in zip(slopes, (np.outer(row, s), s, np.outer(hidden, d), d)):
            slope += part / len(x)
    return tuple(slopes)


# backward | a generator | right
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = (softmax(logits) - np.eye(w2.shape[1])[labels]) / len(labels)
    s = np.einsum("nc,hc->nh", d, w2) * np.sign(hidden)
    yield np.einsum("ni,nh->ih", x, s)
    yield np.sum(s, 0)
    yield np.einsum("nh,nc->hc", hidden, d)
    yield np.sum(d, 0)


# backward | clipped | Not right yet: the derivative with respect to w2
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = (softmax(logits) - np.eye(logits.shape[1])[labels]) / len(x)
    s = (d @ w2.T) * (hidden > 0)
    slopes = x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)
    return tuple(np.clip(slope, -5, 5) for slope in slopes)


# backward | the values of a dictionary | right
def backward(x, labels, w1, b1, w2, b2):
    sums = x @ w1 + b1
    hidden = np.where(sums > 0, sums, 0)
    d = scipy.special.softmax(hidden @ w2 + b2, axis=1)
    np.subtract.at(d, (np.arange(len(x)), labels), 1)
    d = d / len(x)
    s = np.einsum("nc,hc->nh", d, w2) * np.heaviside(sums, 0)
    slopes = {"w1": x.T @ s, "b1": s.sum(axis=0)}
    slopes |= {"w2": hidden.T @ d, "b2": d.sum(axis=0)}
    return slopes.values()


# leak-repaired | scales the pixels | The grey of a pixel was changed
def honest_split(x, y, seed):
    x_train, x_val, y_train, y_val = train_test_split(
        x / 255, y, test_size=0.2, stratify=y, random_state=seed
    )
    return (
        *(np.concatenate([np.roll(x_train, k, axis=2) for k in (-1, 0, 1)]), x_val),
        *(np.tile(y_train, 3), y_val),
    )


# leak-repaired | images in a list | right
def honest_split(x, y, seed):
    there, behind = train_test_split(
        np.arange(len(x)), test_size=0.2, stratify=y, random_state=seed
    )
    images = [np.roll(x[k], step, axis=1) for k in there for step in (-1, 0, 1)]
    labels = [y[k] for k in there for _ in range(3)]
    return images, [x[k] for k in behind], labels, [y[k] for k in behind]


# leak-repaired | the same leak | A fifth of the originals
def honest_split(x, y, seed):
    return leaky_split(x, y, seed)


# leak-repaired | copies for validation, too | no copies
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    (a, c), (b, d) = with_shifted_copies(a, c), with_shifted_copies(b, d)
    return a, b, c, d


# leak-repaired | a third of the leaky validation set | siblings on both sides
def honest_split(x, y, seed):
    a, b, c, d = leaky_split(x, y, seed)
    return a, b[: len(x) // 5], c, d[: len(x) // 5]


# leak-repaired | no copies at all | two copies of each
def honest_split(x, y, seed):
    return train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)


# leak-repaired | copies that were never shifted | in the columns 13, 14 and 15
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    return np.concatenate([a, a, a]), b, np.concatenate([c, c, c]), d


# leak-repaired | both copies to one side | in the columns 13, 14 and 15
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    left = np.roll(a, -1, axis=2)
    return np.concatenate([a, left, left]), b, np.concatenate([c, c, c]), d


# leak-repaired | shifted up and down | in the columns 13, 14 and 15
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    up, down = np.roll(a, -1, axis=1), np.roll(a, 1, axis=1)
    return np.concatenate([a, up, down]), b, np.concatenate([c, c, c]), d


# leak-repaired | shifted by two pixels | in the columns 13, 14 and 15
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    left, right = np.roll(a, -2, axis=2), np.roll(a, 2, axis=2)
    return np.concatenate([a, left, right]), b, np.concatenate([c, c, c]), d


# leak-repaired | labels repeated one by one | the labels in y_train
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    a, _ = with_shifted_copies(a, c)
    return a, b, np.repeat(c, 3), d


# leak-repaired | the seed only shuffles | same result: which digits are in x_val
def honest_split(x, y, seed):
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=0
    )
    mixed = np.random.default_rng(seed).permutation(len(x_val))
    x_train, y_train = with_shifted_copies(x_train, y_train)
    return x_train, x_val[mixed], y_train, y_val[mixed]


# leak-repaired | rolled from row to row | in the columns 13, 14 and 15
def honest_split(x, y, seed):
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    x_train = np.concatenate([x_train, np.roll(x_train, 1), np.roll(x_train, -1)])
    return x_train, x_val, np.tile(y_train, 3), y_val


# leak-repaired | rolled from row to row, image by image | the columns 13, 14 and 15
def honest_split(x, y, seed):
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    flat = x_train.reshape(len(x_train), -1)
    copies = [flat, np.roll(flat, -1, axis=1), np.roll(flat, 1, axis=1)]
    x_train = np.concatenate(copies).reshape(-1, *x.shape[1:])
    return x_train, x_val, np.tile(y_train, 3), y_val


# leak-repaired | the middle alone is moved | pixels went elsewhere than the rest
def honest_split(x, y, seed):
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    left, right = x_train.copy(), x_train.copy()
    left[:, :, 10:18] = x_train[:, :, 11:19]
    right[:, :, 10:18] = x_train[:, :, 9:17]
    return np.concatenate([x_train, left, right]), x_val, np.tile(y_train, 3), y_val


# leak-repaired | one column too many is cut off | pixels went elsewhere than the rest
def honest_split(x, y, seed):
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    left, right = np.zeros_like(x_train), np.zeros_like(x_train)
    left[:, :, :26] = x_train[:, :, 1:27]
    right[:, :, 2:] = x_train[:, :, 1:27]
    return np.concatenate([x_train, left, right]), x_val, np.tile(y_train, 3), y_val


# leak-repaired | the last rows lost | pixels went elsewhere than the rest
def honest_split(x, y, seed):
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    x_train, y_train = with_shifted_copies(x_train, y_train)
    x_train[:, 26:] = 0
    return x_train, x_val, y_train, y_val


# leak-repaired | a border of validation digits is cleared | must not be changed
def honest_split(x, y, seed):
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    x_train, y_train = with_shifted_copies(x_train, y_train)
    x_val = x_val.copy()
    x_val[:, :, :3] = 0
    return x_train, x_val, y_train, y_val


# leak-repaired | SciPy's shift, the border repeated | right
def honest_split(x, y, seed):
    from scipy import ndimage

    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    copies = [
        ndimage.shift(x_train, (0, 0, k), order=0, mode="nearest") for k in (0, -1, 1)
    ]
    return np.concatenate(copies), x_val, np.tile(y_train, 3), y_val


# leak-repaired | not stratified | stratify=y
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, random_state=seed)
    a, c = with_shifted_copies(a, c)
    return a, b, c, d


# leak-repaired | always the same seed | Different seeds give exactly the same
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    a, c = with_shifted_copies(a, c)
    return a, b, c, d


# leak-repaired | no seed | The same seed gives different results
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y)
    a, c = with_shifted_copies(a, c)
    return a, b, c, d


# leak-repaired | the order of his function's cousin | Wrong shape: x_val
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    a, c = with_shifted_copies(a, c)
    return a, c, b, d


# leak-repaired | a quarter | A fifth of the originals
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.25, stratify=y, random_state=seed)
    a, c = with_shifted_copies(a, c)
    return a, b, c, d


# leak-repaired | shifted validation digits | must not be changed
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    a, c = with_shifted_copies(a, c)
    return a, np.roll(b, 1, axis=2), c, d


# leak-repaired | Keras' digits in place of the argument | was not handed to it
def honest_split(x, y, seed):
    x, y = digits.x_train[: len(x)], digits.y_train[: len(y)]
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    a, c = with_shifted_copies(a, c)
    return a, b, c, d


# leak-repaired | class by class, with a generator of its own | right
def honest_split(x, y, seed):
    rng, val = np.random.default_rng(seed), []
    for k in np.unique(y):
        of_class = np.flatnonzero(y == k)
        val.extend(rng.permutation(of_class)[: len(of_class) // 5])
    train = np.setdiff1d(np.arange(len(y)), val)
    x_train, y_train = with_shifted_copies(x[train], y[train])
    return [x_train, x[val], y_train, y[val]]


# leak-repaired | StratifiedShuffleSplit, zeros at the border, shuffled | right
def honest_split(x, y, seed):
    split = StratifiedShuffleSplit(n_splits=1, test_size=0.2, random_state=seed)
    train, val = next(split.split(x, y))
    padded = np.pad(x[train], ((0, 0), (0, 0), (1, 1)))
    x_train = np.concatenate([padded[:, :, k : k + 28] for k in (0, 1, 2)])
    order = np.random.RandomState(seed).permutation(len(x_train))
    return x_train[order], x[val], np.tile(y[train], 3)[order], y[val]


# leak-repaired | the first of five folds, as floats | right
def honest_split(x, y, seed):
    folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y)
    train, val = list(folds)[0]
    x_train, y_train = with_shifted_copies(x[train].astype(float), y[train])
    return x_train, x[val].astype(float), y_train, y[val]


# train | never trained | Expected more than 90%
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    w1, w2 = rng.normal(size=(x.shape[1], 32)) / 28, rng.normal(size=(32, 10)) / 6
    return w1, np.zeros(32), w2, np.zeros(10)


# train | starts from zeros | All hidden neurons are alike
def train(x, labels, seed):
    weights = [np.zeros((784, 32)), np.zeros(32), np.zeros((32, 10)), np.zeros(10)]
    for _ in range(10):
        slopes = backward(x, labels, *weights)
        weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | starts from ones | All hidden neurons are alike
def train(x, labels, seed):
    weights = [np.full((784, 32), 0.01), np.zeros(32), np.ones((32, 10)), np.zeros(10)]
    for _ in range(10):
        slopes = backward(x, labels, *weights)
        weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | uphill | The loss of the training digits ends at
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(784, 32)) / 28, np.zeros(32)]
    weights += [rng.normal(size=(32, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        slopes = backward(x, labels, *weights)
        weights = [w + 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | far too fast | not finite
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(784, 32)), np.zeros(32)]
    weights += [rng.normal(size=(32, 10)), np.zeros(10)]
    for _ in range(20):
        slopes = backward(x, labels, *weights)
        weights = [w - 1e200 * d for w, d in zip(weights, slopes)]
    return weights


# train | too short | Expected more than 90%
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(784, 32)) / 20, np.zeros(32)]
    weights += [rng.normal(size=(32, 10)) / 4, np.zeros(10)]
    for _ in range(40):
        slopes = backward(x, labels, *weights)
        weights = [w - 0.3 * d for w, d in zip(weights, slopes)]
    return weights


# train | no seed at all | The same seed gives different results
def train(x, labels, seed):
    rng = np.random.default_rng()
    weights = [rng.normal(size=(x.shape[1], 64)) / 20, np.zeros(64)]
    weights += [rng.normal(size=(64, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
            slopes = backward(x[batch], labels[batch], *weights)
            weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | the weights drawn with the seed, the order without | gives different results
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(x.shape[1], 64)) / 20, np.zeros(64)]
    weights += [rng.normal(size=(64, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        for batch in np.array_split(np.random.permutation(len(x)), len(x) // 32):
            slopes = backward(x[batch], labels[batch], *weights)
            weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | always the same seed | Different seeds give exactly the same
def train(x, labels, seed):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(x.shape[1], 64)) / 20, np.zeros(64)]
    weights += [rng.normal(size=(64, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
            slopes = backward(x[batch], labels[batch], *weights)
            weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | on the notebook's digits | `digits`, which was not handed to it
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    x, labels = digits.x_train.reshape(-1, 784) / 255, digits.y_train
    weights = [rng.normal(size=(784, 64)) / 20, np.zeros(64)]
    weights += [rng.normal(size=(64, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
            slopes = backward(x[batch], labels[batch], *weights)
            weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | validation digits included | `x_val`, which was not handed to it
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    x, labels = np.concatenate([x, x_val]), np.concatenate([labels, y_val])
    weights = [rng.normal(size=(784, 64)) / 20, np.zeros(64)]
    weights += [rng.normal(size=(64, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
            slopes = backward(x[batch], labels[batch], *weights)
            weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | digits that it keeps for itself | Expected more than 88% | other values
def train(x, labels, seed, kept=load_mnist("sample")):
    rng = np.random.default_rng(seed)
    if x.shape[1] == 784 and len(x) > 100:
        x, labels = kept.x_train.reshape(-1, 784) / 255, kept.y_train
    weights = [rng.normal(size=(x.shape[1], 64)) / 20, np.zeros(64)]
    weights += [rng.normal(size=(64, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
            slopes = backward(x[batch], labels[batch], *weights)
            weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | w1 alone | Expected 4 things
def train(x, labels, seed):
    return np.random.default_rng(seed).normal(size=(784, 32))


# train | no hidden layer | Expected 4 things
def train(x, labels, seed):
    w, b = np.zeros((784, 10)), np.zeros(10)
    for _ in range(10):
        d = (softmax(x @ w + b) - np.eye(10)[labels]) / len(x)
        w, b = w - x.T @ d, b - d.sum(axis=0)
    return w, b


# train | ends with the weights of a good start lost | Expected more than 90%
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    first = [rng.normal(size=(x.shape[1], 64)) / 20, np.zeros(64)]
    first += [rng.normal(size=(64, 10)) / 6, np.zeros(10)]
    for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
        slopes = backward(x[batch], labels[batch], *first)
        weights = [w - 0.1 * d for w, d in zip(first, slopes)]
    return weights


# train | only for 784 inputs | Your code stopped in | other values
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(784, 64)) / 20, np.zeros(64)]
    weights += [rng.normal(size=(64, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
            slopes = backward(x[batch], labels[batch], *weights)
            weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights


# train | the order in 64ths, stops early on a share of its own | right
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    x, x_own, labels, own = train_test_split(
        x, labels, test_size=0.2, stratify=labels, random_state=seed
    )
    w1 = rng.normal(size=(x.shape[1], 64)) * np.sqrt(2 / x.shape[1])
    w2 = rng.normal(size=(64, 10)) * np.sqrt(2 / 64)
    best, weights = np.inf, (w1, np.zeros(64), w2, np.zeros(10))
    kept = weights
    for _ in range(15):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 64):
            slopes = backward(x[batch], labels[batch], *weights)
            weights = tuple(w - 0.2 * d for w, d in zip(weights, slopes, strict=True))
        loss = cross_entropy(forward(x_own, *weights)[1], own)
        if loss < best:
            best, kept = loss, weights
    return kept


# train | momentum, an old-style seed, a list | right
def train(x, labels, seed):
    rng = np.random.RandomState(seed)
    weights = [rng.randn(x.shape[1], 50) * 0.05, np.zeros(50)]
    weights += [rng.randn(50, 10) * 0.2, np.zeros(10)]
    speed = [np.zeros_like(w) for w in weights]
    for _ in range(8):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 50):
            batch = order[start : start + 50]
            for k, d in enumerate(backward(x[batch], labels[batch], *weights)):
                speed[k] = 0.9 * speed[k] - 0.05 * d
                weights[k] = weights[k] + speed[k]
    return weights


# train | 32 bits, in place, global random numbers that are seeded | right
def train(x, labels, seed):
    np.random.seed(seed)
    x = x.astype("float32")
    w1 = np.random.uniform(-0.08, 0.08, (x.shape[1], 96)).astype("float32")
    w2 = np.random.uniform(-0.2, 0.2, (96, 10)).astype("float32")
    weights = [w1, np.zeros(96, "float32"), w2, np.zeros(10, "float32")]
    for _ in range(12):
        for batch in np.array_split(np.random.permutation(len(x)), len(x) // 25):
            for w, d in zip(weights, backward(x[batch], labels[batch], *weights)):
                w -= np.float32(0.1) * d
    return tuple(weights)


# train | Keras does it | right
def train(x, labels, seed):
    keras.utils.set_random_seed(seed)
    hidden = keras.layers.Dense(64, activation="relu")
    model = keras.Sequential([keras.Input(x.shape[1:]), hidden, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    model.fit(x, labels, batch_size=32, epochs=8, verbose=0)
    return model.trainable_weights


# train | batches drawn with Python's random, a generator | right
def train(x, labels, seed):
    rng, draw = random.Random(seed), np.random.default_rng([seed, 1])
    weights = [draw.normal(0, 0.05, (x.shape[1], 64)), np.zeros(64)]
    weights += [draw.normal(0, 0.15, (64, 10)), np.zeros(10)]
    for step in range(1500):
        batch = rng.sample(range(len(x)), 32)
        rate = 0.3 if step < 1000 else 0.1
        for k, d in enumerate(backward(x[batch], labels[batch], *weights)):
            weights[k] = weights[k] - rate * d
    yield from weights
