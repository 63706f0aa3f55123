"""Sweeps: trainings on real worker processes, one of them killed, none lost."""

import collections
import dataclasses
import functools
import gc
import os
import random
import re
import signal
import sys
import threading
import time

import dask
import distributed
import numpy as np
import pytest
from dask_programs import small_cluster

from utils.data import load_mnist
from utils.files import write_whole
from utils.labs import sweep as sweep_module
from utils.labs.sweep import (
    SweepError,
    Training,
    connect,
    read_results,
    results_file,
    stratified_sample,
    sweep,
    train_once,
    write_results,
)

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows knows only the latter
TRAININGS = [Training(k, n, s) for k in ("A", "B") for n in (200, 100) for s in (0, 1)]


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


@pytest.fixture(scope="module")
def architectures():
    """Two small models, one of them with dropout, as text."""
    import keras

    def model(dropout):
        return keras.Sequential(
            [
                keras.Input((28, 28)),
                keras.layers.Flatten(),
                keras.layers.Dropout(dropout),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )

    return {"A": model(0).to_json(), "B": model(0.3).to_json()}


@pytest.fixture(scope="module")
def alone(digits, architectures):
    """Return a function: what a training gives in this process, done once for all."""

    @functools.cache
    def accuracy(training):
        kind, n, seed = training
        return train_once(architectures[kind], n, seed, digits.mark())

    return accuracy


def test_the_draw_is_balanced_and_another_with_each_seed(digits):
    first, again, other = (
        stratified_sample(digits.y_train, 100, seed) for seed in (0, 0, 1)
    )
    of_all = np.bincount(digits.y_train) / len(digits.y_train)
    drawn = np.bincount(digits.y_train[first])
    np.testing.assert_allclose(drawn, 100 * of_all, atol=1)  # the full MNIST is uneven
    assert len(set(first)) == 100
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_all_digits_are_the_same_with_each_seed(digits):
    n = len(digits.y_train)
    for seed in (0, 1):
        assert sorted(stratified_sample(digits.y_train, n, seed)) == list(range(n))


@pytest.mark.parametrize("n", [9, 4001])
def test_a_size_that_does_not_fit_is_refused(n):
    with pytest.raises(SweepError, match=f"{n:,} digits.*from 10.*to 4,000"):
        stratified_sample(np.arange(4000) % 10, n, seed=0)


@pytest.mark.slow
def test_a_training_depends_on_its_arguments_only(digits, architectures, alone):
    first = alone(Training("B", 100, 0))
    alone(Training("A", 100, 7))  # leaves no trace
    assert train_once(architectures["B"], 100, 0, digits.mark()) == first
    assert alone(Training("B", 100, 1)) != first
    assert 0.5 < first < 0.9  # ten digits of each class teach something, not all


@pytest.mark.slow
def test_another_thread_that_draws_random_numbers_changes_nothing(
    digits, architectures, alone
):
    """Dask's threads do so in the worker's process."""
    undisturbed = alone(Training("B", 100, 0))
    finished = threading.Event()

    def disturb():
        while not finished.wait(0.0001):
            random.seed()

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        disturbed = train_once(architectures["B"], 100, 0, digits.mark())
    finally:
        finished.set()
        thread.join()
    assert disturbed == undisturbed


@pytest.mark.slow
def test_a_worker_with_other_digits_is_refused(architectures):
    with pytest.raises(SweepError, match="other digits"):
        train_once(architectures["A"], 100, 0, "0123456789abcdef")


def test_results_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "new" / "sweep.jsonl"
    assert read_results(path) == {}
    results = {t: 1 / (k + 3) for k, t in enumerate(TRAININGS)}
    write_results(path, results)
    assert read_results(path) == results
    assert [file.name for file in path.parent.iterdir()] == ["sweep.jsonl"]


@pytest.mark.parametrize("part", ["x_train", "y_train", "x_test", "y_test"])
def test_digits_that_a_notebook_has_changed_are_not_trained_without(
    digits, architectures, part
):
    """A worker loads its own, and their results would be taken for those of others."""
    changed = getattr(digits, part).copy()
    changed[:5] = (changed[:5] + 1) % 10
    others = dataclasses.replace(digits, **{part: changed})
    assert others.mark() != digits.mark() == load_mnist().mark()
    with pytest.raises(SweepError, match="digits that a notebook has changed must lie"):
        train_once(architectures["A"], 100, 0, others.mark())


def test_another_recipe_has_another_file(tmp_path, monkeypatch):
    before = results_file({"A": "x"}, "1", tmp_path)
    monkeypatch.setattr(sweep_module, "PEAK_RATE", 0.004)
    assert results_file({"A": "x"}, "1", tmp_path) != before


def test_other_models_or_data_have_another_file(tmp_path):
    asked = [({"A": "x"}, "1"), ({"A": "y"}, "1"), ({"A": "x"}, "2"), ({"A": "x"}, "1")]
    paths = [results_file(*what, tmp_path) for what in asked]
    assert len(set(paths[:3])) == 3 and paths[3] == paths[0]


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("utils.labs.spread.SECONDS_TO_CONNECT", 1)
    for address in ("tcp://127.0.0.1:9", "no address"):
        with pytest.raises(SweepError, match=address), connect(address):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("address", [8786, ["tcp://127.0.0.1:1"], "tls://127.0.0.1:1"])
def test_what_is_no_address_of_a_scheduler_is_named(address):
    sentence = f"No Dask scheduler answers at {address!r}: "
    with pytest.raises(SweepError, match=re.escape(sentence)), connect(address):
        raise AssertionError("connected")


def test_a_client_that_found_no_scheduler_is_gone_at_once(monkeypatch):
    """Else it ends at some later moment; in the start of another that is a deadlock."""
    monkeypatch.setattr("utils.labs.spread.SECONDS_TO_CONNECT", 1)
    gc.disable()  # only the sweep itself collects
    try:
        with pytest.raises(SweepError), connect("tcp://127.0.0.1:9"):
            pass
        clients = [o for o in gc.get_objects() if type(o) is distributed.Client]
    finally:
        gc.enable()
    assert [client for client in clients if client.status != "closed"] == []


def by_value():
    """Have functions of this file sent to workers, which have no tests to import."""
    import cloudpickle  # what Dask itself brings along to do it

    cloudpickle.register_pickle_by_value(sys.modules[__name__])


def train_where_one_waits(place):
    """Return a stand-in for train_once; one training waits, the first time, for ever.

    It writes into place which process waits. What TensorFlow computes in a worker is
    seen in test_a_sweep_that_was_stopped_goes_on.
    """
    by_value()

    def train(architecture, n, seed, fingerprint):
        if (architecture, seed) == ("b", 0) and not place.exists():
            write_whole(place, str(os.getpid()))
            wait_for_ever()
        return seed / 10

    return train


@pytest.mark.slow
def test_nothing_is_lost_when_a_worker_is_killed(tmp_path, monkeypatch):
    few = [training for training in TRAININGS if training.n == 100]
    undisturbed = {training: training.seed / 10 for training in few}
    place, path = tmp_path / "who waits", tmp_path / "disturbed.jsonl"
    monkeypatch.setattr(sweep_module, "train_once", train_where_one_waits(place))
    disturbed, victim = [], None
    with connect(n_workers=2) as client:
        before = client.run(os.getpid)
        assert len(set(before.values())) == 2
        for result in sweep(client, few, {"A": "a", "B": "b"}, "f", path):
            disturbed.append(result)
            if not victim:
                victim = when_written(place)
                assert victim in before.values()
                os.kill(victim, KILL)
        client.wait_for_workers(2)
        assert victim not in client.run(os.getpid).values()
    counts = collections.Counter(training for training, _ in disturbed)
    assert counts == dict.fromkeys(few, 1)
    assert dict(disturbed) == undisturbed
    assert read_results(path) == undisturbed


def when_written(place):
    """Wait for a number in a file."""
    while not place.exists():
        time.sleep(0.01)
    return int(place.read_text())


def kill_worker(*_):
    os.kill(os.getpid(), KILL)


def train_or(failing):
    """Return a stand-in for train_once that fails, or dies, for some seeds."""
    by_value()

    def train(architecture, n, seed, fingerprint):
        if seed in failing:
            failing[seed]()
        return n / 1000

    return train


def fail():
    raise MemoryError("no room\nfor more")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accident", "words"),
    [
        (fail, "MemoryError: no room for more"),
        (kill_worker, "each worker that tried it"),
    ],
)
def test_a_training_that_fails_is_named_and_the_others_are_kept(
    tmp_path, monkeypatch, accident, words
):
    path = tmp_path / "sweep.jsonl"
    trainings = [Training("A", 100, seed) for seed in range(4)]
    monkeypatch.setattr(sweep_module, "train_once", train_or({1: accident}))
    found = {}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),  # of Dask's 3
        connect(n_workers=2) as client,
        pytest.raises(SweepError, match="1 of 4 trainings failed") as error,
    ):
        for training, accuracy in sweep(client, trainings, {"A": ""}, "f", path):
            found[training] = accuracy
    assert f"A, 100 digits, seed 1: {words}" in str(error.value)
    assert str(path) in str(error.value)
    assert found == read_results(path) == {t: 0.1 for t in trainings if t.seed != 1}


def wait_for_ever():
    threading.Event().wait(100)


@pytest.mark.slow
@pytest.mark.maintainers
@pytest.mark.skipif(
    os.name == "nt", reason="Windows has no way to stop a process for a while"
)
@pytest.mark.parametrize("lost", ["scheduler", "worker"])
@pytest.mark.parametrize("blow", ["SIGKILL", "SIGSTOP"])
def test_what_is_lost_is_said_and_never_waited_for(tmp_path, monkeypatch, lost, blow):
    monkeypatch.setattr("utils.labs.spread.SECONDS_OF_SILENCE", 4)
    monkeypatch.setattr(sweep_module, "train_once", train_or({1: wait_for_ever}))
    path = tmp_path / "sweep.jsonl"
    with small_cluster() as (address, processes), connect(address) as client:
        client.wait_for_workers(1, timeout=60)
        trainings = [Training("A", 100, seed) for seed in (0, 1)]
        found = sweep(client, trainings, {"A": ""}, "f", path)
        assert next(found) == (trainings[0], 0.1)
        processes[lost].send_signal(getattr(signal, blow))
        with pytest.raises(SweepError, match="lost") as error:
            next(found)
        for process in processes.values():
            process.kill()  # lest the client wait for it when it closes
    assert str(path) in str(error.value)
    assert read_results(path) == {trainings[0]: 0.1}


GOOD = b'{"model": "A", "n": 10, "seed": 0, "accuracy": 0.5}\n'
BAD_RESULTS = {
    "half a line": GOOD + GOOD[:20],
    "a list": b"[]\n",
    "deep": b"[" * 100_000,
    "more keys": GOOD[:-2] + b', "x": 1}\n',
    "fewer keys": b'{"model": "A"}\n',
    "a text for a number": GOOD.replace(b"10", b'"10"'),
    "truth for a number": GOOD.replace(b"0.5", b"true"),
    "above 1": GOOD.replace(b"0.5", b"99.5"),
    "below 0": GOOD.replace(b"0.5", b"-0.5"),
    "NaN": GOOD.replace(b"0.5", b"NaN"),
    "fewer digits than classes": GOOD.replace(b"10", b"9"),
    "a negative seed": GOOD.replace(b'"seed": 0', b'"seed": -1'),
    "one training twice": GOOD + GOOD.replace(b"0.5", b"0.6"),
    "no text": b"\xff\xfe" + GOOD,
    "large": GOOD * 250_000,
    "empty": b"",
}


@pytest.mark.parametrize("case", BAD_RESULTS)
def test_a_damaged_file_of_results_is_named(tmp_path, case):
    path = tmp_path / "sweep.jsonl"
    path.write_bytes(BAD_RESULTS[case])
    with pytest.raises(SweepError, match=r"sweep\.jsonl"):
        read_results(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
def test_results_that_are_no_file_are_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("pipe", "zeros", "."):
        with pytest.raises(SweepError, match="Move"):
            read_results(tmp_path / name)


def test_results_that_cannot_be_saved_say_what_to_do(tmp_path):
    """Below a file: there not even root can make a folder."""
    (tmp_path / "file").touch()
    with pytest.raises(SweepError, match=r"cannot be saved in .*file.*: .* RUNS_DIR"):
        write_results(tmp_path / "file" / "sweep.jsonl", {TRAININGS[0]: 0.5})


@pytest.mark.slow
def test_a_sweep_that_was_stopped_goes_on(digits, architectures, alone, tmp_path):
    """And what a worker trains is what this process trains."""
    path = tmp_path / "sweep.jsonl"
    known = {TRAININGS[0]: 0.123}  # no training gives this: it was read, not computed
    write_results(path, known)
    trainings = [TRAININGS[0], Training("B", 100, 0), Training("B", 100, 1)]
    with connect(n_workers=1) as owner, connect(owner.scheduler.address) as client:
        found = sweep(client, trainings, architectures, digits.mark(), path)
        results = [next(found), next(found)]
        found.close()
        assert results[0] == (TRAININGS[0], 0.123)
        assert read_results(path) == dict(results)
        rest = dict(sweep(client, trainings, architectures, digits.mark(), path))
    assert rest == known | {training: alone(training) for training in trainings[1:]}
    assert rest.items() >= dict(results).items()


@pytest.mark.parametrize("damage", [False, True])
def test_two_sweeps_at_once_keep_the_results_of_both(tmp_path, monkeypatch, damage):
    """As in two windows with the same lab: the later writer knew only its own."""
    path = tmp_path / "sweep.jsonl"
    mine, theirs = TRAININGS[:2]
    architectures, begun = dict.fromkeys("AB", ""), []

    def at_once(*_):
        begun.append(True)
        if len(begun) == 2:
            yield theirs, 0.5
            return
        assert list(sweep(None, [theirs], architectures, "", path)) == [(theirs, 0.5)]
        if damage:
            path.write_text("[")
        yield mine, 0.6

    monkeypatch.setattr(sweep_module, "spread", at_once)
    assert list(sweep(None, [mine], architectures, "", path)) == [(mine, 0.6)]
    assert read_results(path) == ({} if damage else {theirs: 0.5}) | {mine: 0.6}


@pytest.mark.parametrize("left", range(1, 12))
def test_nearly_all_digits_can_be_drawn(left):
    y = np.arange(200) % 10
    chosen = stratified_sample(y, 200 - left, seed=0)
    assert len(set(chosen)) == 200 - left
    np.testing.assert_array_equal(chosen, stratified_sample(y, 200 - left, seed=0))
