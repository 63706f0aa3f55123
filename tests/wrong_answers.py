"""Typical wrong answers to the exercises, and a piece of what the check must say.

    WRONG[notebook][task] = [(what is wrong, code, fragment of the message), …]

test_exercises.py runs each in place of the solution.
"""

ANN = {
    "prepare": [
        (
            "not scaled",
            """
def prepare(images):
    return images.reshape(len(images), -1).astype("float32")
""",
            "Ink is 255",
        ),
        (
            "not flattened",
            """
def prepare(images):
    return images.astype("float32") / 255
""",
            "came:     (5, 28, 28)",
        ),
        (
            "64-bit numbers",
            """
def prepare(images):
    return images.reshape(len(images), -1) / 255
""",
            "Expected float32",
        ),
        (
            "divided by the darkest pixel",
            """
def prepare(images):
    x = images.reshape(len(images), -1).astype("float32")
    return x / x.max()
""",
            "largest value that occurs",
        ),
        (
            "only for 28×28",
            """
def prepare(images):
    return images.reshape(-1, 784).astype("float32") / 255
""",
            "cannot reshape",
        ),
    ],
    "parameters": [
        (
            "no biases",
            """
def count_parameters(sizes):
    return [a * b for a, b in zip(sizes, sizes[1:])]
""",
            "The biases are missing",
        ),
        (
            "a bias for each input",
            """
def count_parameters(sizes):
    return [a * (b + 1) for a, b in zip(sizes, sizes[1:])]
""",
            "belongs to a neuron",
        ),
        (
            "the sum",
            """
def count_parameters(sizes):
    return sum(b * (a + 1) for a, b in zip(sizes, sizes[1:]))
""",
            "Return a list",
        ),
        (
            "two layers only",
            """
def count_parameters(sizes):
    counts = [sizes[1] * (sizes[0] + 1)]
    if len(sizes) > 2:
        counts.append(sizes[2] * (sizes[1] + 1))
    return counts
""",
            "One number a layer",
        ),
    ],
    "softmax": [
        (
            "overflows",
            """
def softmax(logits):
    e = np.exp(logits)
    return e / e.sum(axis=1, keepdims=True)
""",
            "e to the power of 1000 is infinite",
        ),
        (
            "total of the batch",
            """
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True) * 0)
    return e / e.sum()
""",
            "total of both rows",
        ),
        (
            "down the columns",
            """
def softmax(logits):
    e = np.exp(logits - logits.max(axis=0))
    return e / e.sum(axis=0)
""",
            "summed down the columns",
        ),
        (
            "the maximum of the batch",
            """
def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum(axis=1, keepdims=True)
""",
            "Subtract each row's own maximum",
        ),
        (
            "changes its input",
            """
def softmax(logits):
    logits -= logits.max(axis=1, keepdims=True)
    e = np.exp(logits)
    return e / e.sum(axis=1, keepdims=True)
""",
            "belongs to its caller",
        ),
        (
            "forgets to return",
            """
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    e / e.sum(axis=1, keepdims=True)
""",
            "there is no `return`",
        ),
    ],
    "cross-entropy": [
        (
            "the logarithm of the softmax",
            """
def cross_entropy(logits, labels):
    return -np.log(softmax(logits)[np.arange(len(labels)), labels]).mean()
""",
            "simplify before you compute",
        ),
        (
            "clipped",
            """
def cross_entropy(logits, labels):
    p = softmax(logits).clip(1e-7, 1)
    return -np.log(p[np.arange(len(labels)), labels]).mean()
""",
            "clipping gives another loss",
        ),
        (
            "the sum",
            """
def cross_entropy(logits, labels):
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].sum()
""",
            "Take the mean",
        ),
        (
            "the sign",
            """
def cross_entropy(logits, labels):
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return log_p[np.arange(len(labels)), labels].mean()
""",
            "a loss is positive",
        ),
        (
            "all labels from every row",
            """
def cross_entropy(logits, labels):
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[:, labels].mean()
""",
            "each row's own label",
        ),
    ],
    "forward": [
        (
            "no ReLU",
            """
def forward(x, w1, b1, w2, b2):
    hidden = x @ w1 + b1
    return hidden, hidden @ w2 + b2
""",
            "negative in places",
        ),
        (
            "ReLU at the end, too",
            """
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1, 0)
    return hidden, np.maximum(hidden @ w2 + b2, 0)
""",
            "The last layer has no ReLU",
        ),
        (
            "the bias outside of ReLU",
            """
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1, 0) + np.abs(b1)
    return hidden, hidden @ w2 + b2
""",
            "inside the ReLU",
        ),
        (
            "only the logits",
            """
def forward(x, w1, b1, w2, b2):
    return np.maximum(x @ w1 + b1, 0) @ w2 + b2
""",
            "Return two things",
        ),
        (
            "the product the wrong way round",
            """
def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(w1 @ x + b1, 0)
    return hidden, hidden @ w2 + b2
""",
            "Your code stopped in `forward`",
        ),
    ],
    "backward": [
        (
            "not divided by n",
            """
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)
""",
            "n times too large",
        ),
        (
            "nothing subtracted",
            """
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits) / len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)
""",
            "Is one-hot subtracted?",
        ),
        (
            "through ReLU as if it were not there",
            """
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = d @ w2.T
    return x.T @ s, s.sum(axis=0), hidden.T @ d, d.sum(axis=0)
""",
            "only where hidden > 0",
        ),
        (
            "the mean for the biases",
            """
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, s.mean(axis=0), hidden.T @ d, d.mean(axis=0)
""",
            "sum of d_logits over the batch",
        ),
        (
            "another order",
            """
def backward(x, labels, w1, b1, w2, b2):
    hidden, logits = forward(x, w1, b1, w2, b2)
    d = softmax(logits)
    d[np.arange(len(x)), labels] -= 1
    d /= len(x)
    s = (d @ w2.T) * (hidden > 0)
    return x.T @ s, hidden.T @ d, s.sum(axis=0), d.sum(axis=0)
""",
            "the derivative by w2 has the wrong shape",
        ),
    ],
    "leak-repaired": [
        (
            "the same leak",
            """
def honest_split(x, y, seed):
    return leaky_split(x, y, seed)
""",
            "A fifth of the 100 originals",
        ),
        (
            "copies for validation, too",
            """
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    (a, c), (b, d) = with_shifted_copies(a, c), with_shifted_copies(b, d)
    return a, b, c, d
""",
            "no copies",
        ),
        (
            "a third of the leaky validation set",
            """
def honest_split(x, y, seed):
    a, b, c, d = leaky_split(x, y, seed)
    return a, b[: len(x) // 5], c, d[: len(x) // 5]
""",
            "siblings on both sides",
        ),
        (
            "no copies at all",
            """
def honest_split(x, y, seed):
    return train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
""",
            "two copies of each",
        ),
        (
            "not stratified",
            """
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, random_state=seed)
    a, c = with_shifted_copies(a, c)
    return a, b, c, d
""",
            "stratify=y",
        ),
        (
            "always the same seed",
            """
def honest_split(x, y, seed):
    a, b, c, d = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    a, c = with_shifted_copies(a, c)
    return a, b, c, d
""",
            "pass the seed on",
        ),
    ],
    "train": [
        (
            "never trained",
            """
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(784, 32)), np.zeros(32), rng.normal(size=(32, 10)), 0
""",
            "That is guessing",
        ),
        (
            "starts from zeros",
            """
def train(x, labels, seed):
    weights = [np.zeros((784, 32)), np.zeros(32), np.zeros((32, 10)), np.zeros(10)]
    for _ in range(10):
        slopes = backward(x, labels, *weights)
        weights = [w - 0.1 * d for w, d in zip(weights, slopes)]
    return weights
""",
            "start from zeros",
        ),
        (
            "uphill",
            """
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(784, 32)) / 28, np.zeros(32),
               rng.normal(size=(32, 10)) / 6, np.zeros(10)]
    for _ in range(10):
        slopes = backward(x, labels, *weights)
        weights = [w + 0.1 * d for w, d in zip(weights, slopes)]
    return weights
""",
            "walk uphill",
        ),
        (
            "far too fast",
            """
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(784, 32)), np.zeros(32),
               rng.normal(size=(32, 10)), np.zeros(10)]
    for _ in range(20):
        slopes = backward(x, labels, *weights)
        weights = [w - 1e200 * d for w, d in zip(weights, slopes)]
    return weights
""",
            "not finite",
        ),
        (
            "too short",
            """
def train(x, labels, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(784, 32)) / 20, np.zeros(32),
               rng.normal(size=(32, 10)) / 4, np.zeros(10)]
    for _ in range(40):
        slopes = backward(x, labels, *weights)
        weights = [w - 0.3 * d for w, d in zip(weights, slopes)]
    return weights
""",
            "Not yet 90 %",
        ),
    ],
}

DESCRIBE = """
def describe(shape, steps):
    found = []
    for kind, *sizes in steps:
        n, parameters = (sizes or [0])[0], 0
        if kind == "conv":
            k = sizes[1]
            parameters = n * (k * k * shape[2] + 1)
            shape = (shape[0] - k + 1, shape[1] - k + 1, n)
        elif kind == "pool":
            shape = (shape[0] // n, shape[1] // n, shape[2])
        elif kind == "flatten":
            shape = (shape[0] * shape[1] * shape[2],)
        else:
            parameters, shape = n * (shape[0] + 1), (n,)
        found.append((shape, parameters))
    return found
"""

CNN = {
    "map-size": [
        (
            "one too few",
            """
def map_size(n, kernel, stride, padding):
    return n if padding == "same" else n - kernel
""",
            "the first place counts",
        ),
        (
            "stride ignored",
            """
def map_size(n, kernel, stride, padding):
    return n if padding == "same" else n - kernel + 1
""",
            "Every second place",
        ),
        (
            "rounded down",
            """
def map_size(n, kernel, stride, padding):
    return (n if padding == "same" else n - kernel + 1) // stride
""",
            "round up",
        ),
        (
            "no whole number",
            """
def map_size(n, kernel, stride, padding):
    return (n if padding == "same" else n - kernel + 1) / stride
""",
            "use //",
        ),
    ],
    "describe": [
        (
            "kernels without depth",
            DESCRIBE.replace("* shape[2] + 1)", "+ 1)"),
            "reaches through all channels",
        ),
        (
            "no biases",
            DESCRIBE.replace("* shape[2] + 1)", "* shape[2])"),
            "each filter has a bias",
        ),
        (
            "the border of pooling kept",
            DESCRIBE.replace("shape[0] // n, shape[1] // n", "-(-shape[0] // n), 5"),
            "What does not fill a window",
        ),
        (
            "the last layer only",
            DESCRIBE.replace("return found", "return found[-1:]"),
            "one for each of 5 steps",
        ),
        (
            "square images only",
            DESCRIBE.replace("shape[1] //", "shape[0] //"),
            "a width that is not the height",
        ),
    ],
    "convolve": [
        (
            "a loop over pixels",
            """
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    maps = np.zeros((rows, columns, kernels.shape[3]))
    for r in range(rows):
        for c in range(columns):
            patch = image[r : r + k, c : c + k]
            maps[r, c] = np.tensordot(patch, kernels, 3)
    return maps
""",
            "loops over pixels",
        ),
        (
            "a loop over pixels in one line",
            """
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    return np.array([[np.tensordot(image[r : r + k, c : c + k], kernels, 3)
        for c in range(columns)] for r in range(rows)])
""",
            "loops over pixels",
        ),
        (
            "a mathematician's convolution",
            """
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    maps = np.zeros((rows, columns, kernels.shape[3]))
    for i, j in np.ndindex(k, k):
        part = image[i : i + rows, j : j + columns]
        maps += part @ kernels[k - 1 - i, k - 1 - j]
    return maps
""",
            "turned the kernel round",
        ),
        (
            "as large as the image",
            """
def convolve(image, kernels):
    maps = np.zeros((*image.shape[:2], kernels.shape[3]))
    return maps
""",
            "7 − 3 + 1 and 9 − 3 + 1",
        ),
        (
            "the first channel only",
            """
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    maps = np.zeros((rows, columns, kernels.shape[3]))
    for i, j in np.ndindex(k, k):
        part = image[i : i + rows, j : j + columns, :1]
        maps += part * kernels[i, j, 0]
    return maps
""",
            "Sum over the channels",
        ),
        (
            "3×3 only",
            """
def convolve(image, kernels):
    rows, columns = image.shape[0] - 2, image.shape[1] - 2
    maps = np.zeros((rows, columns, kernels.shape[3]))
    for i, j in np.ndindex(3, 3):
        maps += image[i : i + rows, j : j + columns] @ kernels[i, j]
    return maps
""",
            "a kernel of 5×5",
        ),
    ],
    "max-pool": [
        (
            "means",
            """
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    whole = maps[: rows * size, : columns * size]
    return whole.reshape(rows, size, columns, size, -1).mean(axis=(1, 3))
""",
            "Those are the means",
        ),
        (
            "the axes in another order",
            """
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    whole = maps[: rows * size, : columns * size]
    return whole.reshape(size, rows, size, columns, -1).max(axis=(0, 2))
""",
            "Mind the order of the axes",
        ),
        (
            "odd sizes not cut",
            """
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    return maps.reshape(rows, size, columns, size, -1).max(axis=(1, 3))
""",
            "cannot reshape",
        ),
        (
            "all channels together",
            """
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    whole = maps[: rows * size, : columns * size]
    return whole.reshape(rows, size, columns, size, -1).max(axis=(1, 3, 4))
""",
            "Each channel by itself",
        ),
        (
            "a loop over windows",
            """
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    found = np.zeros((rows, columns, maps.shape[2]))
    for r in range(rows):
        for c in range(columns):
            window = maps[r * size : (r + 1) * size, c * size : (c + 1) * size]
            found[r, c] = window.max(axis=(0, 1))
    return found
""",
            "loops over pixels",
        ),
        (
            "always two",
            """
def max_pool(maps, size):
    rows, columns = maps.shape[0] // 2, maps.shape[1] // 2
    whole = maps[: rows * 2, : columns * 2]
    return whole.reshape(rows, 2, columns, 2, -1).max(axis=(1, 3))
""",
            "Any size of window",
        ),
    ],
    "receptive-field": [
        (
            "the sum of the kernels",
            """
def receptive_field(steps):
    return sum(kernel for kernel, _ in steps)
""",
            "adds 3 − 1",
        ),
        (
            "strides ignored",
            """
def receptive_field(steps):
    return 1 + sum(kernel - 1 for kernel, _ in steps)
""",
            "went unnoticed",
        ),
        (
            "first multiplied, then widened",
            """
def receptive_field(steps):
    field, distance = 1, 1
    for kernel, stride in steps:
        distance *= stride
        field += (kernel - 1) * distance
    return field
""",
            "First widen, then multiply",
        ),
        (
            "the last stride only",
            """
def receptive_field(steps):
    field, distance = 1, 1
    for kernel, stride in steps:
        field += (kernel - 1) * distance
        distance = stride
    return field
""",
            "Every stride counts",
        ),
    ],
    "diagnose": [
        (
            "a gap taken for overfitting",
            """
def diagnose(history):
    if history["val_loss"][-1] > 1.1 * history["loss"][-1]:
        return "overfitting"
    return "healthy"
""",
            "the small gap between them is normal",
        ),
        (
            "the training loss only",
            """
def diagnose(history):
    loss = history["loss"]
    if loss[-1] >= loss[0]:
        return "learning rate too large"
    return "train longer" if loss[-1] < 0.97 * loss[-4] else "healthy"
""",
            "The validation loss has a lowest point",
        ),
        (
            "blind to nan",
            """
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "healthy"
""",
            "Here: nan",
        ),
        (
            "another order",
            """
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if val_loss[-1] < 0.97 * val_loss[-4]:
        return "train longer"
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    return "overfitting" if val_loss[-1] > 1.1 * min(val_loss) else "healthy"
""",
            "expected: 'learning rate too large'",
        ),
        (
            "any rise is overfitting",
            """
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] > min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "healthy"
""",
            "8 % above the lowest is below 10 %",
        ),
    ],
    "repaired": [
        (
            "no channel",
            """
def repaired_network():
    return broken_network()
""",
            "Your code stopped in `repaired_network`",
        ),
        (
            "not flattened",
            """
def repaired_network():
    model = keras.Sequential([keras.Input((28, 28, 1)),
        layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
""",
            "flatten first",
        ),
        (
            "ReLU at the end",
            """
def repaired_network():
    model = keras.Sequential([keras.Input((28, 28, 1)),
        layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dense(10, activation="relu")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
""",
            "Probabilities sum to 1",
        ),
        (
            "the loss for one-hot labels",
            """
def repaired_network():
    model = keras.Sequential([keras.Input((28, 28, 1)),
        layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model
""",
            "sparse_categorical_crossentropy",
        ),
        (
            "forgets to return",
            """
def repaired_network():
    keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)])
""",
            "return model",
        ),
    ],
    "small": [
        (
            "far too large",
            """
def small_network():
    return keras.Sequential([keras.Input((28, 28, 1)),
        layers.Conv2D(16, 3, activation="relu"), layers.Flatten(),
        layers.Dense(10, activation="softmax")])
""",
            "still large when they are flattened",
        ),
        (
            "no convolution",
            """
def small_network():
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(),
        layers.Dense(16, activation="relu"), layers.Dense(10, activation="softmax")])
""",
            "Expected more than 95 %",
        ),
        (
            "no softmax",
            """
def small_network():
    return keras.Sequential([keras.Input((28, 28, 1)),
        layers.Conv2D(8, 3, strides=3), layers.Flatten(), layers.Dense(10)])
""",
            "Softmax?",
        ),
        (
            "one answer for each place",
            """
def small_network():
    return keras.Sequential([keras.Input((28, 28, 1)),
        layers.Conv2D(8, 3, strides=3), layers.Dense(10, activation="softmax")])
""",
            "the answer has the wrong shape",
        ),
    ],
}

COMPARISON = {
    "accuracy": [
        (
            "a count",
            """
def accuracy(y_true, y_prob):
    return (y_prob.argmax(axis=1) == y_true).sum()
""",
            "Divide by the number of digits",
        ),
        (
            "percent",
            """
def accuracy(y_true, y_prob):
    return 100 * (y_prob.argmax(axis=1) == y_true).mean()
""",
            "That is in percent",
        ),
        (
            "the wrong axis",
            """
def accuracy(y_true, y_prob):
    return (y_prob.argmax(axis=0) == y_true[: y_prob.shape[1]]).mean()
""",
            "argmax(axis=1)",
        ),
        (
            "the error",
            """
def accuracy(y_true, y_prob):
    return (y_prob.argmax(axis=1) != y_true).mean()
""",
            "fraction of mistakes",
        ),
        (
            "all rows at once",
            """
def accuracy(y_true, y_prob):
    return (y_prob.argmax() == y_true).mean()
""",
            "argmax(axis=1)",
        ),
    ],
    "confusion": [
        (
            "transposed",
            """
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10), dtype=int)
    np.add.at(matrix, (y_pred, y_true), 1)
    return matrix
""",
            "Rows and columns are swapped",
        ),
        (
            "each pair once",
            """
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10), dtype=int)
    matrix[y_true, y_pred] += 1
    return matrix
""",
            "adds once for each pair",
        ),
        (
            "only the classes that occur",
            """
def confusion(y_true, y_pred):
    found = sorted({*y_true.tolist(), *y_pred.tolist()})
    pairs = list(zip(y_true.tolist(), y_pred.tolist()))
    return np.array([[pairs.count((a, b)) for b in found] for a in found])
""",
            "Ten rows",
        ),
        (
            "shares",
            """
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10))
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix / matrix.sum()
""",
            "Counts, not shares",
        ),
        (
            "floats",
            """
def confusion(y_true, y_pred):
    matrix = np.zeros((10, 10))
    np.add.at(matrix, (y_true, y_pred), 1)
    return matrix
""",
            "dtype=int",
        ),
    ],
    "recall": [
        (
            "precision",
            """
def recall(matrix):
    return matrix.diagonal() / matrix.sum(axis=0)
""",
            "That is precision",
        ),
        (
            "of all digits",
            """
def recall(matrix):
    return matrix.diagonal() / matrix.sum()
""",
            "Divide by those of the class",
        ),
        (
            "the whole matrix",
            """
def recall(matrix):
    return matrix / matrix.sum(axis=1)
""",
            "diagonal and row sums",
        ),
        (
            "0 for a digit that is not there",
            """
def recall(matrix):
    return matrix.diagonal() / np.maximum(matrix.sum(axis=1), 1)
""",
            "nan where no such digit is there",
        ),
    ],
    "wilson": [
        (
            "the simple interval",
            """
def wilson(n_right, n):
    p = n_right / n
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    return p - half, p + half
""",
            "fails near 100 %",
        ),
        (
            "the order of operations",
            """
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    middle = (p + z**2 / 2 * n) / below
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return middle - half, middle + half
""",
            "z**2 / (2 * n)",
        ),
        (
            "percent",
            """
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    middle = (p + z**2 / (2 * n)) / below
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return 100 * (middle - half), 100 * (middle + half)
""",
            "asks for fractions",
        ),
        (
            "middle and half width",
            """
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (p + z**2 / (2 * n)) / below, half
""",
            "is not right yet",
        ),
        (
            "swapped",
            """
def wilson(n_right, n):
    p, z = n_right / n, 1.96
    below = 1 + z**2 / n
    middle = (p + z**2 / (2 * n)) / below
    half = z / below * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return middle + half, middle - half
""",
            "High and low are swapped",
        ),
    ],
    "mcnemar": [
        (
            "one side",
            """
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return a, b, tail / 2 ** (a + b)
""",
            "one side only",
        ),
        (
            "this split only",
            """
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    return a, b, 2 * math.comb(a + b, min(a, b)) / 2 ** (a + b)
""",
            "or fewer",
        ),
        (
            "the range stops early",
            """
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b)))
    return a, b, min(1, 2 * tail / 2 ** (a + b))
""",
            "stops too early",
        ),
        (
            "more than 1",
            """
def mcnemar(y_true, pred_a, pred_b):
    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return a, b, 2 * tail / 2 ** (a + b)
""",
            "never exceeds 1",
        ),
        (
            "all right answers",
            """
def mcnemar(y_true, pred_a, pred_b):
    a, b = int((pred_a == y_true).sum()), int((pred_b == y_true).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return a, b, min(1, 2 * tail / 2 ** (a + b))
""",
            "Right, and the other wrong",
        ),
        (
            "χ²",
            """
def mcnemar(y_true, pred_a, pred_b):
    from scipy.stats import chi2

    a = int(((pred_a == y_true) & (pred_b != y_true)).sum())
    b = int(((pred_b == y_true) & (pred_a != y_true)).sum())
    return a, b, chi2.sf((a - b) ** 2 / (a + b), 1)
""",
            "χ² approximation",
        ),
    ],
    "difference": [
        (
            "drawn for each model by itself",
            """
def difference_interval(right_a, right_b, seed):
    n, rng = len(right_a), np.random.default_rng(seed)
    a = right_a[rng.integers(0, n, (2000, n))].mean(axis=1)
    b = right_b[rng.integers(0, n, (2000, n))].mean(axis=1)
    return tuple(np.percentile(b - a, [2.5, 97.5]))
""",
            "drawn for each model by itself",
        ),
        (
            "a − b",
            """
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_a[drawn].mean(axis=1) - right_b[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))
""",
            "b − a, not a − b",
        ),
        (
            "without replacement",
            """
def difference_interval(right_a, right_b, seed):
    n, rng = len(right_a), np.random.default_rng(seed)
    d = [right_b[k].mean() - right_a[k].mean()
         for k in (rng.permutation(n) for _ in range(200))]
    return tuple(np.percentile(d, [2.5, 97.5]))
""",
            "draw with replacement",
        ),
        (
            "fractions for percentiles",
            """
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(seed).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [0.025, 0.975]))
""",
            "The middle 95 %",
        ),
        (
            "always the same seed",
            """
def difference_interval(right_a, right_b, seed):
    n = len(right_a)
    drawn = np.random.default_rng(0).integers(0, n, (2000, n))
    d = right_b[drawn].mean(axis=1) - right_a[drawn].mean(axis=1)
    return tuple(np.percentile(d, [2.5, 97.5]))
""",
            "draw with the seed",
        ),
    ],
    "read": [
        (
            "never asks",
            """
def read(p_ann, p_cnn):
    return p_cnn.argmax(axis=1)
""",
            "At most 2 may be misread",
        ),
        (
            "always asks",
            """
def read(p_ann, p_cnn):
    return np.full(len(p_ann), -1)
""",
            "be a little bolder",
        ),
        (
            "probabilities",
            """
def read(p_ann, p_cnn):
    return (p_ann + p_cnn) / 2
""",
            "One number a digit, not ten",
        ),
        (
            "the ANN alone",
            """
def read(p_ann, p_cnn):
    return np.where(p_ann.max(axis=1) > 0.9, p_ann.argmax(axis=1), -1)
""",
            "misread",
        ),
        (
            "the practice digits by heart",
            """
def read(p_ann, p_cnn):
    answers = p_cnn.argmax(axis=1)
    answers[:500] = y_true[:500]
    return answers
""",
            "456 are misread",
        ),
    ],
    "conclude": [
        (
            "the higher accuracy",
            """
def conclude(p, low, high):
    return "A" if low + high > 0 else "F"
""",
            "can be luck",
        ),
        (
            "equally good",
            """
def conclude(p, low, high):
    return "D" if p > 0.05 else "B" if low > 0 else "F"
""",
            "evidence is missing",
        ),
        (
            "p as a probability",
            """
def conclude(p, low, high):
    return "E" if p < 0.05 else "C"
""",
            "p assumes that both are equal",
        ),
        (
            "p alone",
            """
def conclude(p, low, high):
    return ("B" if low + high > 0 else "F") if p < 0.05 else "C"
""",
            "the interval includes 0",
        ),
        (
            "the interval alone",
            """
def conclude(p, low, high):
    return "B" if low > 0 else "F" if high < 0 else "C"
""",
            "p is not below 0.05",
        ),
    ],
}

WRONG = {"ann": ANN, "cnn": CNN, "comparison": COMPARISON}
