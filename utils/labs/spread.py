"""One task per worker, spread by Dask over processes or machines, and none lost.

A task depends on nothing but its arguments, so it can be done anywhere, in any order,
and again if the process that did it died. The lab on data trains this way, and so do
`course.py reference` and the benchmark of augmentation.
"""

import contextlib
import functools
import gc
import io
import logging
import time
from concurrent.futures import CancelledError

import dask
from distributed import Client, KilledWorker, LocalCluster, wait

from utils.data import load_mnist
from utils.wording import SaidError

SECONDS_TO_CONNECT = 10
SECONDS_TO_LOOK = 2  # how often to see whether scheduler and workers are there
SECONDS_OF_SILENCE = 40  # without a sign of life from any worker: they are lost


class SweepError(SaidError):
    """The sweep cannot go on; the message says what to do."""


@contextlib.contextmanager
def connect(scheduler="", n_workers=2):
    """Give a Dask client: of a cluster on this machine, or of one that is running.

    Args:
        scheduler: the address of a running scheduler, such as "tcp://10.0.0.5:8786";
            its workers must be able to import the course's utils/ and to load the same
            digits. Empty: worker processes on this machine, ended with the block.
        n_workers: how many of them; each computes on one core.

    Raises:
        SweepError: no scheduler answers at the address.
    """
    if scheduler:
        with _client_of(scheduler) as client:
            yield client
        return
    # Two trainings on one core each waste less than one training on two cores.
    one_core = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    # One training per worker, none in waiting: who dies takes no other along.
    no_waiting = {"distributed.scheduler.worker-saturation": 1.0}
    with (
        dask.config.set(no_waiting),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            env=one_core,
            dashboard_address="127.0.0.1:0",  # 8787 may be in use
            silence_logs=logging.CRITICAL,  # what matters is raised by the sweep
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _client_of(scheduler):
    try:
        return Client(scheduler, timeout=SECONDS_TO_CONNECT)
    except (OSError, TypeError, ValueError) as error:  # so Dask refuses an address
        reason = str(error)  # and not the error, whose traceback holds the client
    # A client that failed ends its thread when it is collected. In the middle of the
    # start of another one both would wait for each other for ever, so: now.
    gc.collect()
    raise SweepError(
        f"No Dask scheduler answers at {scheduler!r}: {reason}. Start one with "
        "`dask scheduler` and use the address that it prints, or leave the address "
        "empty to compute on this machine."
    )


def spread(client, work, tasks, kept_in):
    """Call a function once for each task; yield each with its result, as they come.

    A task whose worker dies is given to another; one that fails, or kills each worker
    that tries it, does not keep the others from being done. Whoever calls this keeps a
    result before asking for the next: then nothing that is finished can be lost.

    Args:
        client: a distributed.Client, as connect() gives it.
        work: a function that the workers can import.
        tasks: dictionary from a task's name, or whatever names it, to the tuple of
            arguments for work.
        kept_in: the file or folder that keeps the results, for the messages.

    Yields:
        (name, result), in the order in which they were finished.

    Raises:
        SweepError: some tasks failed, and all others are done; or the scheduler or all
            workers are lost.
    """
    futures = {client.submit(work, *given): name for name, given in tasks.items()}
    failures = []
    for future in _finished(client, futures, kept_in):
        name = futures.pop(future)  # its result need not be held for longer
        if future.status == "error":
            failures.append(f"{name}: {_reason(future.exception())}")
        else:
            yield name, future.result()
    if failures:
        raise SweepError(
            f"{len(failures)} of {len(tasks)} trainings failed; the others are kept in "
            f"{kept_in}. Run this again to try these again:\n" + "\n".join(failures)
        )


def _finished(client, futures, kept_in):
    """Yield futures as they finish or fail, as long as there are workers for them."""
    pending, alive, heard = set(futures), time.monotonic(), None
    while pending:
        try:
            done = wait(pending, SECONDS_TO_LOOK, "FIRST_COMPLETED").done
        except TimeoutError:
            done = set()
        except CancelledError:  # what a client does to all when it gives up
            raise _lost(kept_in) from None
        yield from done
        pending -= done
        before, heard = heard, _last_sign_of_life(client)
        if done or (heard and heard != before):
            alive = time.monotonic()
        elif time.monotonic() - alive > SECONDS_OF_SILENCE:
            raise _lost(kept_in)


def _last_sign_of_life(client):
    """Return when the scheduler last heard of a worker; None if it is lost itself."""
    if client.status != "running":
        return None
    try:
        answer = client.sync(
            client.scheduler.identity, n_workers=-1, callback_timeout=SECONDS_TO_LOOK
        )
    except Exception:  # of the network, of time, of a loop that has ended
        return None
    return max((w["last_seen"] for w in answer["workers"].values()), default=None)


def _lost(kept_in):
    return SweepError(
        "The Dask scheduler or its last worker is lost: it ended, or the network to it "
        f"did. What was finished is kept in {kept_in}. Start scheduler and workers "
        "again (with an empty address there is nothing to start), then run this again."
    )


def _reason(error):
    """Say in a line why a training failed."""
    if isinstance(error, KilledWorker):
        return "each worker that tried it was killed; is there enough memory?"
    kind = "" if isinstance(error, SweepError) else f"{type(error).__name__}: "
    return f"{kind}{' '.join(str(error).split())}"[:300]


@functools.lru_cache(maxsize=1)
def own_digits(mark):
    """Load MNIST once in each process, and see that it is what the others have.

    Args:
        mark: of all digits, as Digits.mark() gives it.

    Raises:
        SweepError: this process has other digits.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        digits = load_mnist()
    if digits.mark() != mark:
        raise SweepError(
            f"A worker has other digits ({digits}) than whoever asks it. Start it with "
            "the same MNIST_DATA; digits that a notebook has changed must lie in a "
            "file that MNIST_DATA names, for workers load their own."
        )
    return digits
