"""utils.live: progress that can be stopped, and a saved training in place of one."""

import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import utils.live
from utils.data import DataError, load_mnist
from utils.live import LiveProgress, TrainingError, saved_training
from utils.places import COURSE_DIR
from utils.runs import REFERENCE_DIR, RunError, load_run
from utils.wording import SaidError


@pytest.fixture(autouse=True)
def no_runs(tmp_path, monkeypatch):
    """No runs of one's own: what is found is the course's."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path))


def like(run):
    """What saved_training asks of the digits, as if they were those of a run."""
    data = run.info["data"]
    return SimpleNamespace(source=data["source"], fingerprint=data["test_fingerprint"])


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_model_history_and_seconds_are_those_of_the_run(name, capsys):
    run = load_run(name, folder=REFERENCE_DIR)
    model, history, live = saved_training(name, like(run), run.info["seed"])
    assert model.count_params() == run.info["parameters"]
    assert history.history == run.history
    assert live.seconds == run.history["seconds"]
    assert "reference run" in capsys.readouterr().out
    blank = np.zeros((1, *model.input_shape[1:]), "float32")
    assert model.predict(blank, verbose=0).shape == (1, 10)


@pytest.mark.slow
def test_a_saved_training_is_not_trained_on():
    run = load_run("ann", folder=REFERENCE_DIR)
    model, *_ = saved_training("ann", like(run), run.info["seed"])
    late = LiveProgress()
    with pytest.raises(TrainingError, match="trained already"):
        model.fit(np.zeros((4, 28, 28)), np.zeros(4), verbose=0, callbacks=[late])
    assert late.seconds == run.history["seconds"]


@pytest.mark.slow
def test_the_notes_of_one_training_are_not_given_up_for_anothers(small):
    import keras

    live = LiveProgress(curves=False)
    small.fit(epochs=2, callbacks=[live])
    seconds = list(live.seconds)
    other = keras.models.clone_model(small.model)
    other.compile("adam", "mse")
    with pytest.raises(TrainingError, match="notes of another network's training"):
        other.fit(np.zeros((4, *other.input_shape[1:])), np.zeros(4), callbacks=[live])
    assert live.seconds == seconds


@pytest.mark.slow
def test_what_a_training_began_with_is_kept_whatever_follows(small):
    digits = object()
    first = LiveProgress(curves=False, digits=digits, seed=3)
    small.fit(epochs=1, callbacks=[first])
    late = LiveProgress(curves=False, digits="others", seed=4)
    with pytest.raises(TrainingError, match="trained already"):
        small.fit(epochs=1, callbacks=[late])
    for live in (first, late):  # of the model's only training
        assert live.digits is digits and live.seed == 3 and len(live.seconds) == 1


@pytest.mark.slow
def test_a_refused_training_leaves_the_model_its_history(small):
    """Messages send there: fit puts an empty one in its place before it is refused."""
    small.fit(epochs=2, callbacks=[LiveProgress(curves=False)])
    with pytest.raises(TrainingError, match="trained already"):
        small.fit(epochs=1, callbacks=[LiveProgress(curves=False)])
    assert len(small.model.history.history["loss"]) == 2


def test_a_run_that_has_seen_these_test_digits_is_refused():
    with pytest.raises(RunError, match="trained on full MNIST with seed 0, this"):
        saved_training("ann", load_mnist("sample"), seed=0)


def test_a_run_of_another_seed_is_refused():
    run = load_run("ann", folder=REFERENCE_DIR)
    with pytest.raises(RunError, match="uses full MNIST and seed 3"):
        saved_training("ann", like(run), seed=3)


def test_where_nothing_is_saved_under_a_new_name_the_notebooks_own_cell_is_named():
    with pytest.raises(RunError, match=r"no run 'ann2'.*Run the cell that trains") as e:
        saved_training("ann2", load_mnist("sample"), seed=0)
    assert "Open" not in str(e.value)


def built():
    import keras

    keras.utils.set_random_seed(0)
    parts = [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *parts], name="mine")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def by_batches(model, x, y):
    model.train_on_batch(x[:64], y[:64])


def by_a_loop_of_its_own(model, x, y):
    """As with a tape and an optimizer of one's own: the compiled one knows nothing."""
    other = built()
    other.fit(x, y, epochs=5, verbose=0)
    model.set_weights(other.get_weights())


def by_a_fit_whose_history_was_not_kept(model, x, y):
    model.fit(x[:64], y[:64], verbose=0, callbacks=[LiveProgress(curves=False)])


def by_a_fit_that_failed(model, x, y):
    import keras

    def fail(epoch, logs):
        raise ValueError("a callback of one's own")

    late = keras.callbacks.LambdaCallback(on_epoch_end=fail)
    calls = [LiveProgress(curves=False), late]
    with pytest.raises(ValueError, match="of one's own"):
        model.fit(x[:64], y[:64], verbose=0, callbacks=calls)


@pytest.mark.slow
@pytest.mark.parametrize(
    "train",
    [
        by_batches,
        by_a_loop_of_its_own,
        by_a_fit_whose_history_was_not_kept,
        by_a_fit_that_failed,
    ],
    ids=lambda train: train.__name__,
)
def test_a_trained_network_is_not_given_up_for_a_saved_one(train):
    digits = load_mnist("sample")
    model = built()
    train(model, digits.x_train / np.float32(255), digits.y_train)
    with pytest.raises(RunError, match=r"'mine' has been trained.* would be lost"):
        saved_training("ann", digits, 0, model)


@pytest.mark.slow
def test_a_network_that_was_only_built_makes_room():
    run = load_run("ann", folder=REFERENCE_DIR)
    digits = load_mnist("sample")
    shown = SimpleNamespace(
        **vars(like(run)), x_train=digits.x_train, y_train=digits.y_train
    )
    model, *_ = saved_training("ann", shown, run.info["seed"], built())
    assert model.count_params() == run.info["parameters"]


# Trainings of a few milliseconds, outside of IPython, as in a plain program.


@pytest.fixture
def small():
    """A compiled model and digits for it: 4 steps per epoch."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 8)), rng.integers(2, size=64)
    options = {"batch_size": 16, "verbose": 0, "validation_data": (x[:9], y[:9])}
    return SimpleNamespace(
        model=model, fit=lambda **more: model.fit(x, y, **options | more)
    )


class SignalsAt:
    """Make a callback that sends this program a signal after some steps."""

    def __new__(cls, *steps):
        import keras

        done = []

        def send(batch, logs):
            done.append(batch)
            for _ in range(steps.count(len(done))):
                # To this thread: another may take it later, two signals as one.
                signal.raise_signal(signal.SIGINT)

        return keras.callbacks.LambdaCallback(on_train_batch_end=send)


@pytest.mark.slow
def test_a_plain_program_gets_a_line_per_epoch(small, capsys):
    live = LiveProgress()
    history = small.fit(epochs=3, callbacks=[live])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]
    for line, loss, accuracy in zip(
        lines, history.history["loss"], history.history["val_accuracy"], strict=True
    ):
        assert f"training loss {loss:.4f}" in line and f"{accuracy:.2%}" in line
    assert len(live.seconds) == 3 and min(live.seconds) > 0
    assert not live.stopped


class Clock:
    """A clock of our own: the first call takes 40 s, a step 2, a validation 1."""

    def __init__(self, together=1):
        self.now, self.next_call, self.together = 1000.0, 40.0, together

    def perf_counter(self):
        return self.now

    def callback(self):
        import keras

        def stepped(batch, logs):
            self.now += self.next_call
            self.next_call = 2.0 * self.together

        def validated(logs):
            self.now += 1.0

        return keras.callbacks.LambdaCallback(
            on_train_batch_end=stepped, on_test_end=validated
        )


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 2])  # steps in a call
@pytest.mark.parametrize("epochs", [1, 3, 15])
def test_the_time_left_is_what_the_clock_says_afterwards(
    small, monkeypatch, epochs, together
):
    clock, said = Clock(together), []
    small.model.compile(
        "sgd", "sparse_categorical_crossentropy", steps_per_execution=together
    )
    place = SimpleNamespace(show=lambda content: said.append((clock.now, content)))
    monkeypatch.setattr(utils.live, "time", clock)
    monkeypatch.setattr(utils.live, "_Place", lambda text: place)
    small.fit(epochs=epochs, callbacks=[clock.callback(), LiveProgress(curves=False)])
    (_, first), *others, (_, ending) = said
    assert "left" not in first.data and "left" not in ending.data
    assert len(others) == 4 // together * epochs - 1
    assert "█" * 30 in others[-1][1].data
    for when, content in others:
        number, unit = re.search(r"about (\d+) (s|min) left", content.data).groups()
        left = int(number) * {"s": 1, "min": 60}[unit]
        # Of an epoch of 9 seconds one is the validation's, and the first is to come.
        tolerance = {"s": 1, "min": 30}[unit] + (clock.now - when) / 8
        assert abs(left - (clock.now - when)) <= tolerance, (content.data, when)


def test_a_notebook_as_a_script_is_a_python_file():
    from nbconvert import ScriptExporter

    for name in ("ANN_Model", "CNN_Model"):
        path = COURSE_DIR / f"{name}.ipynb"
        code, resources = ScriptExporter().from_filename(path)
        assert resources["output_extension"] == ".py"
        compile(code, name, "exec")


@pytest.mark.parametrize(
    ("seconds", "drawn"), [(0, [1, 2, 3, 4, 5]), (0.05, [1, 2, 3, 4, 5]), (1, [1, 5])]
)
@pytest.mark.slow
def test_curves_take_no_more_than_a_tenth_of_the_time_and_end_whole(
    small, monkeypatch, seconds, drawn
):
    """By a clock on which an epoch takes one second, and a drawing so many."""
    import keras

    now, shown = [0.0], []

    def draw(history):
        now[0] += seconds
        shown.append(len(history["loss"]))

    def pass_a_second(epoch, logs):
        now[0] += 1

    clock = SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr("utils.live.time", clock)
    monkeypatch.setattr("utils.live.plots.learning_curves", draw)
    passing = keras.callbacks.LambdaCallback(on_epoch_end=pass_a_second)
    small.fit(epochs=5, callbacks=[passing, LiveProgress()])
    assert shown == drawn


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 3, 4, 5, 8])
def test_a_stopped_training_ends_with_the_history_of_what_was_done(small, step):
    before = signal.getsignal(signal.SIGINT)
    live = LiveProgress(curves=False)
    history = small.fit(epochs=50, callbacks=[live, SignalsAt(step)])
    n_epochs = (step - 1) // 4 + 1
    assert live.stopped
    assert {len(v) for v in history.history.values()} == {n_epochs}
    assert len(live.seconds) == n_epochs
    assert int(small.model.optimizer.iterations) == step, "the step was not finished"
    assert signal.getsignal(signal.SIGINT) is before


def test_after_a_training_that_failed_the_stop_button_stops_what_runs(small):
    import keras

    class Fails(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        small.fit(epochs=1, callbacks=[LiveProgress(curves=False), Fails()])
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
def test_who_stops_twice_interrupts_at_once_and_is_told_the_way_on(small):
    with pytest.raises(KeyboardInterrupt):
        small.fit(epochs=50, callbacks=[LiveProgress(curves=False), SignalsAt(3, 3)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(TrainingError, match=r"interrupted.*lost.*run the cells that b"):
        small.fit(epochs=1, callbacks=[LiveProgress(curves=False)])


@pytest.mark.slow
def test_a_trained_model_is_not_trained_on(small):
    import keras

    first, second = LiveProgress(curves=False), LiveProgress(curves=False)
    small.fit(epochs=1, callbacks=[first])
    weights = small.model.get_weights()
    small.model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with pytest.raises(TrainingError, match=r"trained already.*run the cells that bui"):
        small.fit(epochs=1, callbacks=[second])
    np.testing.assert_equal(small.model.get_weights(), weights)
    assert second.seconds == first.seconds, "the seconds belong to the history"
    fresh = keras.models.clone_model(small.model)
    fresh.compile("sgd", "sparse_categorical_crossentropy")
    fresh.fit(np.zeros((4, 8)), np.zeros(4), verbose=0, callbacks=[LiveProgress()])


@pytest.mark.parametrize("kind", [TrainingError, RunError, DataError, SaidError])
def test_what_says_what_to_do_is_shown_without_a_traceback(kind):
    assert kind("why")._render_traceback_() == ["✗ why"]


@pytest.mark.slow
def test_a_program_without_ipython_can_import_it():
    code = (
        "import sys; from types import SimpleNamespace as Names\n"
        # In place of Keras, without the five seconds that TensorFlow takes.
        "sys.modules['keras'] = Names(callbacks=Names(Callback=object))\n"
        "from utils.live import LiveProgress; print(LiveProgress().seconds)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=COURSE_DIR, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.slow
def test_a_look_at_a_models_answer_changes_nothing_in_it(tmp_path):
    """Layers that augment act where Keras thinks it trains, and averages then move."""
    import keras
    from keras import layers

    from utils.consistency import find_bad_answer

    random = layers.RandomRotation(0.2), layers.RandomTranslation(1, 1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.Sequential([*random]),
            layers.Conv2D(4, 5),
            layers.BatchNormalization(momentum=0.1),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    before = model.get_weights()
    assert find_bad_answer(model) is None
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
