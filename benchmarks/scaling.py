"""What a thousand trainings cost on 1, 10 and 100 workers, and where it stops scaling.

    MNIST_DATA=full python -m benchmarks.scaling

Measured, in seconds of a processor, so that other programs beside it do not count: the
CNN's trainings of the lab on data, each on one core, the first of a new worker and
those after it; and what a task costs scheduler, worker and client besides, by a
thousand of them that do nothing. Computed from these: the table in
benchmarks/README.md, for idle cores like these.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

from distributed import Client, LocalCluster

from utils.data import load_mnist
from utils.environment import quiet_stderr
from utils.files import replace_between_markers
from utils.labs import sweep
from utils.labs.spread import connect, spread
from utils.runs import load_run

HERE = Path(__file__).parent
N_TRAININGS = 1000
WORKERS = (1, 10, 100)
SIZES = (10_000, 60_000)  # training digits


def seconds_of_trainings(architecture, sizes, mark):
    """Train on a new worker; return its seconds before, and those of each training.

    Returns:
        (start, trainings): seconds from the start of the worker's process until a
        training runs at full speed; and a dictionary from the size to the seconds.
    """
    with connect(n_workers=1) as client:

        def processor_after(n, seed):
            given = (architecture, n, seed, mark)
            client.submit(sweep.train_once, *given).result()
            return client.submit(time.process_time, pure=False).result()

        since = [processor_after(sizes[0], seed=0)]
        since += [processor_after(n, seed=1) for n in sizes]
    trainings = {n: since[k + 1] - since[k] for k, n in enumerate(sizes)}
    return since[0] - trainings[sizes[0]], trainings


def seconds_a_task(n_tasks, file):
    """Return what a task costs that does nothing, its result written as the lab does.

    Scheduler, ten workers and client are in this process, which works for all three.
    """
    trainings = [sweep.Training("CNN", 10, seed) for seed in range(n_tasks)]
    with (
        LocalCluster(10, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        began, results = time.process_time(), {}
        for training, _ in spread(client, nothing, {t: t for t in trainings}, file):
            results[training] = 0.5
            sweep.write_results(file, results)
        return (time.process_time() - began) / n_tasks


def nothing(model, n, seed):
    """Do nothing, for a task that differs from the others by its arguments."""


def whole(n_workers, start, training, task):
    """Return the seconds of all trainings: a start, then as many turns as it takes.

    Scheduler and client serve one task after the other, so no number of workers is done
    sooner than they are.
    """
    turns = math.ceil(N_TRAININGS / n_workers)
    return start + max(turns * training, N_TRAININGS * task)


def table(start, trainings, task, travels):
    """Return what was measured, and what it comes to, as Markdown.

    Args:
        start: seconds of a worker's start.
        trainings: dictionary from the number of digits to seconds.
        task: seconds that a task costs besides.
        travels: bytes to the worker with each task.
    """
    rows = {"a worker's start: Python, TensorFlow, the digits": f"{start:.1f} s"}
    for n, seconds in trainings.items():
        rows[f"a training of the CNN on {n:,} digits"] = f"{seconds:.1f} s"
    rows["scheduler, client and the file of results, a task"] = f"{1e3 * task:.1f} ms"
    rows["sent to a worker, a task"] = f"{travels / 1e3:.1f} kB"
    lines = ["| measured, on one core | |", "|---|--:|"]
    lines += [f"| {what} | {value} |" for what, value in rows.items()]
    columns = [f"{n} workers" if n > 1 else "1 worker" for n in WORKERS]
    columns = [f"{N_TRAININGS:,} trainings on", *columns, "handed out fast enough for"]
    lines += ["", f"| {' | '.join(columns)} |", "|---|" + "--:|" * (len(columns) - 1)]
    for digits, seconds in trainings.items():
        cells = [in_words(whole(n, start, seconds, task)) for n in WORKERS]
        cells.append(f"{seconds / task:,.0f} workers")
        lines.append(f"| {digits:,} digits | {' | '.join(cells)} |")
    return "\n".join(lines)


def in_words(seconds):
    """Return a duration in the unit that a reader would choose."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def main():
    """Measure, and renew the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with quiet_stderr():
        architecture = load_run("reference/cnn").load_model().to_json()
    mark = load_mnist().mark()
    start, trainings = seconds_of_trainings(architecture, SIZES, mark)
    with tempfile.TemporaryDirectory() as folder:
        task = seconds_a_task(N_TRAININGS, Path(folder) / "results.jsonl")
    text = table(start, trainings, task, len(architecture))
    print(text)
    replace_between_markers(HERE / "README.md", "scaling", text)


if __name__ == "__main__":
    main()
