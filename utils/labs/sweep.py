"""Many trainings, spread over processes or machines by Dask: a sweep.

The unit is one training: a fresh copy of an architecture learns from n digits and
answers with its test accuracy. It depends on nothing but its arguments, so it can be
done anywhere, in any order, and again if the process that did it died.

Importing this module does not import TensorFlow; the workers do.
"""

import hashlib
import json
import math
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock
from sklearn.model_selection import train_test_split

from utils.bounded import MEGABYTE, BadFile, parse_json, read_bytes
from utils.environment import quiet_stderr
from utils.files import write_whole
from utils.labs.spread import SweepError, own_digits, spread
from utils.labs.spread import connect as connect

LARGEST_RESULTS = 10 * MEGABYTE
SECONDS_TO_LOCK = 10  # another notebook that writes is done within one
FEWEST = 10  # training digits: one of each class
BATCH_SIZE = 64
PEAK_RATE = 0.003  # of Adam; for both networks it is good at small sizes and at large


class Training(NamedTuple):
    """One unit of a sweep: which model, how many training digits, which seed."""

    model: str
    n: int
    seed: int

    def __str__(self):
        return f"{self.model}, {self.n:,} digits, seed {self.seed}"


# --- one training --------------------------------------------------------------------


def train_once(architecture, n, seed, mark):
    """Train a fresh copy of an architecture on n digits; return its test accuracy.

    Args:
        architecture: a model without its weights, as keras.Model.to_json() gives it.
        n: how many training digits, drawn at random with the classes in balance.
        seed: for the draw, the initial weights, the order of the digits, the dropout.
        mark: of all digits, as Digits.mark() gives it.

    Returns:
        float, the fraction of the test digits that the trained model gets right.

    Raises:
        SweepError: n does not fit the data, or this process has other digits.
    """
    digits = own_digits(mark)
    keras = _started_keras()
    model = keras.models.model_from_json(_seeded(architecture, seed))
    shape = (-1, *model.input_shape[1:])
    chosen = stratified_sample(digits.y_train, n, seed)
    x_train, y_train = digits.x_train[chosen], digits.y_train[chosen]
    x_train, x_test = (
        x.reshape(shape).astype("float32") / 255 for x in (x_train, digits.x_test)
    )

    epochs = epochs_for(n)
    steps = epochs * math.ceil(n / BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(
        PEAK_RATE / 25,
        int(0.7 * steps),
        warmup_target=PEAK_RATE,
        warmup_steps=int(0.3 * steps),
    )
    optimizer = keras.optimizers.Adam(schedule)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    # Built within the first step, its variables would have TensorFlow trace it twice.
    optimizer.build(model.trainable_variables)
    # Not model.fit: an epoch of a few steps would cost more than the steps themselves.
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for batch in _batches(rng.permutation(n), BATCH_SIZE):
            model.train_on_batch(x_train[batch], y_train[batch])

    y_pred = [
        np.argmax(model(x_test[batch], training=False), axis=1)
        for batch in _batches(np.arange(len(x_test)), 1000)
    ]
    keras.backend.clear_session()  # the next training in this process starts clean
    return float(np.mean(np.concatenate(y_pred) == digits.y_test))


def _started_keras():
    """Import Keras, and keep TensorFlow's start-up lines out of notebooks and logs."""
    with quiet_stderr():
        import keras

        keras.ops.zeros(1)  # the first operation is what prints the rest
    return keras


def _seeded(architecture, seed):
    """Give each layer of an architecture seeds of its own, all drawn from one.

    keras.utils.set_random_seed would not do here: it seeds Python's own generator, from
    which Dask's threads draw as well, in the same process and at any moment.
    """
    rng = np.random.default_rng(seed)

    def with_seed(part):
        return part | {"seed": int(rng.integers(2**31))} if "seed" in part else part

    return json.dumps(json.loads(architecture, object_hook=with_seed))


def _batches(positions, size):
    """Cut positions into pieces of a size; the last one may be shorter."""
    return np.split(positions, range(size, len(positions), size))


def epochs_for(n):
    """Return how often a training on n digits sees each of them.

    With ten times fewer digits 10^0.4 = 2.5 times as often: that is less work, but more
    than the few steps that short epochs would have had.
    """
    return round(3 * (60_000 / n) ** 0.4)


def stratified_sample(y, n, seed):
    """Choose n digits at random, with the mix of the classes as in all of them.

    Args:
        y: labels, shape (n_all,).
        n: how many, from 10 to n_all.
        seed: another seed, other digits; all of them are the same with each.

    Returns:
        np.ndarray of positions in y, shape (n,), int64.

    Raises:
        SweepError: n is out of range.
    """
    if not FEWEST <= n <= len(y):
        raise SweepError(
            f"A training on {n:,} digits was asked for. Choose from {FEWEST}, one "
            f"of each class, to {len(y):,}, all that there are."
        )
    if n == len(y):
        return np.arange(n)
    n_classes = len(np.unique(y))
    if len(y) - n < n_classes:  # the rest is too small to have a mix of its own
        return np.random.default_rng(seed).permutation(len(y))[:n]
    chosen, _ = train_test_split(
        np.arange(len(y)), train_size=n, stratify=y, random_state=seed
    )
    return chosen


# --- all of them ---------------------------------------------------------------------


def sweep(client, trainings, architectures, mark, path):
    """Do what is left of a sweep; yield each training with its accuracy, as they come.

    Each accuracy is in the file before it is yielded. Whatever stops the sweep, the
    next one with the same file yields what is there and goes on. A training whose
    worker dies is given to another; one that fails, or kills each worker that tries it,
    does not keep the others from being done.

    Args:
        client: a distributed.Client, as connect() gives it.
        trainings: list of Training.
        architectures: dictionary from the model's name to its architecture.
        mark: of all digits, as for train_once().
        path: where the results are kept, as read_results() reads them.

    Yields:
        (Training, accuracy), in the order in which they were finished.

    Raises:
        SweepError: some trainings failed, and all others are done; or the scheduler or
            all workers are lost; or the file of results is damaged.
    """
    results = read_results(path)
    yield from ((t, results[t]) for t in trainings if t in results)
    tasks = {
        t: (architectures[t.model], t.n, t.seed, mark)
        for t in trainings
        if t not in results
    }
    for training, accuracy in spread(client, train_once, tasks, path):
        results[training] = accuracy
        _keep(path, results)
        yield training, accuracy


def _keep(path, results):
    """Write results beside those that another notebook has put into the file since."""
    path = Path(path)
    with ExitStack() as held:
        # Nobody saves into a folder that may not be written or locked.
        with suppress(OSError, NotImplementedError):
            lock = FileLock(path.with_name(f".{path.name}.lock"), SECONDS_TO_LOCK)
            held.enter_context(lock)
        try:
            others = read_results(path)
        except SweepError:  # damaged since the sweep began, by whomever
            others = {}
        write_results(path, others | results)


def results_file(architectures, mark, folder):
    """Return the path for the results of a sweep.

    Other models, other data and another recipe have another file.

    Args:
        architectures: dictionary from the model's name to its architecture.
        mark: of all digits, as for train_once().
        folder: where to keep it.
    """
    recipe = [BATCH_SIZE, PEAK_RATE, *map(epochs_for, (10, 1000, 60_000))]
    what = json.dumps([architectures, mark, recipe], sort_keys=True)
    digest = hashlib.sha256(what.encode()).hexdigest()[:8]
    return Path(folder) / f"sweep-{digest}.jsonl"


def read_results(path):
    """Read the results of a sweep: a dictionary from Training to accuracy.

    The file has one JSON object a line: model, n, seed, accuracy. The dictionary is
    empty where there is no file yet.

    Raises:
        SweepError: the file is damaged.
    """
    path = Path(path)
    results = {}
    try:
        for line in read_bytes(path, LARGEST_RESULTS).splitlines():
            row = parse_json(line, path)
            if not _is_result(row):
                raise BadFile(path, f"has the line {bytes(line[:100])!r}")
            training = Training(row["model"], row["n"], row["seed"])
            if training in results:
                raise BadFile(path, f"has two results of {training}")
            results[training] = row["accuracy"]
    except FileNotFoundError:
        return {}
    except (BadFile, OSError) as error:
        raise SweepError(
            f"The results of the sweep cannot be used: {error}. Move {path} to another "
            "place, and the sweep begins anew."
        ) from error
    return results


def _is_result(row):
    """Tell whether a line of results can be one."""
    return (
        isinstance(row, dict)
        and row.keys() == {*Training._fields, "accuracy"}
        and isinstance(row["model"], str)
        and type(row["n"]) is type(row["seed"]) is int
        and row["n"] >= FEWEST
        and row["seed"] >= 0
        and type(row["accuracy"]) in (int, float)
        and 0 <= row["accuracy"] <= 1
    )


def write_results(path, results):
    """Write the results of a sweep, whole or not at all.

    Raises:
        SweepError: the folder cannot be written.
    """
    rows = [t._asdict() | {"accuracy": accuracy} for t, accuracy in results.items()]
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(json.dumps(row) + "\n" for row in rows))
    except OSError as error:
        raise SweepError(
            f"The results cannot be saved in {path.parent}: {error.strerror or error}. "
            "Set the environment variable RUNS_DIR to a folder that you may write to "
            "and that has room, then run this cell again."
        ) from error
