"""Where a training step of the CNN goes: convolution, normalisation, Python …

    MNIST_DATA=full python -m benchmarks.step

TensorFlow's profiler times each operation of the step of CNN_Model.ipynb, in a process
that does them one after the other, for those side by side share the cores. Whatever is
timed here, the quickest of many counts: what it costs when nothing else runs.
"""

import argparse
import collections
import multiprocessing
import re
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.time_to_accuracy import cells_up_to_fit
from utils import costs
from utils.environment import quiet_stderr
from utils.files import replace_between_markers

HERE = Path(__file__).parent
BATCH_SIZE = 256
# A word in an operation's name, and what it belongs to; the first that fits.
KINDS = {
    "conv2d": "convolution",
    "batch_normalization": "normalisation",
    "AddN": "normalisation",  # an input's gradient by way of its mean and its variance
    "max_pooling": "pooling",
    "dropout": "dropout",
    "re_lu": "ReLU",
    "adam": "Adam",
}
REST = "dense layer, loss, accuracy"
OPERATION = re.compile(r"[\w./]+:\w+")  # "CNN_1/re_lu_1/Relu:Relu"


def quickest(call, n_rounds=300):
    """Return the shortest of many calls, in milliseconds."""
    times = []
    for _ in range(n_rounds):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1e3 * min(times)


def step_of(model, x, y):
    """Return a function that does one training step on one batch, as model.fit does."""
    import tensorflow as tf

    batch = tf.constant(x[:BATCH_SIZE]), tf.constant(y[:BATCH_SIZE])
    compiled = tf.function(model.train_step)

    def step():
        compiled(batch)["loss"].numpy()

    for _ in range(3):  # the first of them also compiles
        step()
    return step


def milliseconds_in_fit(model, x, y, n_together=10):
    """Return what a step takes within model.fit, the quickest few calls in a row."""
    import keras

    ends = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: ends.append((step, time.perf_counter()))
    )
    model.fit(x, y, batch_size=BATCH_SIZE, epochs=2, verbose=0, callbacks=[note])
    return 1e3 * min(
        (end - began) / (last - first)
        for (first, began), (last, end) in zip(ends, ends[n_together:], strict=False)
        if last > first  # of one epoch
    )


def teraflops_of_products(n=1024):
    """Return what the machine reaches with a large product of float32 matrices."""
    import tensorflow as tf

    a = tf.random.normal((n, n))
    return 2 * n**3 / quickest(lambda: (a @ a).numpy()) / 1e9


def operations(n_steps):
    """Profile the step: from each operation's name to its shortest time in ms."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    tf.config.threading.set_inter_op_parallelism_threads(1)
    space = cells_up_to_fit("CNN", seed=0)
    step = step_of(space["model"], space["x_train"], space["y_train"])
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(n_steps):
            step()
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        profile = xplane_pb2.XSpace.FromString(file.read_bytes())
    times = collections.defaultdict(list)
    for plane in profile.planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            if OPERATION.fullmatch(name):
                times[name].append(event.duration_ps / 1e9)
    return {name: min(found) for name, found in times.items()}


def by_kind(times):
    """Add up operations: from each kind to its milliseconds, the largest first."""
    sums = collections.Counter()
    for name, milliseconds in times.items():
        kind = next((kind for word, kind in KINDS.items() if word in name), REST)
        sums[kind] += milliseconds
    return dict(sums.most_common())


def training_flops(model):
    """Return the floating-point operations of a training on one image.

    Two for each multiply-accumulate, three times: the answer, the gradients of the
    weights, and those of the inputs, which the first layer does not need.
    """
    macs = [layer.macs for layer in costs.count_macs(model) if layer.macs]
    return 2 * (3 * sum(macs) - macs[0])


def rows_of(kinds, alone, in_fit):
    """Return what a step consists of: name to milliseconds, in order."""
    return {
        **kinds,
        "TensorFlow: between operations, less overlaps": alone - sum(kinds.values()),
        "Keras around the step: Python, picking the batch": in_fit - alone,
    }


def table(rows, flops, teraflops):
    """Return the rows as a Markdown table, and in a sentence how near the limit is."""
    whole = sum(rows.values())
    lines = [f"| a step on {BATCH_SIZE} digits | ms | share |", "|---|--:|--:|"]
    lines += [f"| {what} | {ms:.2f} | {ms / whole:.0%} |" for what, ms in rows.items()]
    lines.append(f"| all of it | {whole:.1f} | |")
    reached = flops / rows["convolution"] / 1e9
    return "\n".join(lines) + (
        f"\n\nA step is {flops / 1e9:.2f} GFLOP, nearly all of them in convolutions, "
        f"which reach {reached:.2f} TFLOP/s; a large product of matrices reaches "
        f"{teraflops:.2f} here."
    )


def main():
    """Measure, and renew the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    fresh = multiprocessing.get_context("spawn")  # threads are set before TensorFlow is
    with ProcessPoolExecutor(1, fresh) as pool:
        kinds = by_kind(pool.submit(operations, n_steps=300).result())
    with quiet_stderr():
        space = cells_up_to_fit("CNN", seed=0)
    model, data = space["model"], (space["x_train"], space["y_train"])
    alone = quickest(step_of(model, *data))
    rows = rows_of(kinds, alone, milliseconds_in_fit(model, *data))
    flops = BATCH_SIZE * training_flops(model)
    text = table(rows, flops, teraflops_of_products())
    print(text)
    replace_between_markers(HERE / "README.md", "step", text)


if __name__ == "__main__":
    main()
