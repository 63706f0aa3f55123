"""The runs that the course ships: five seeds of each model, and what they misread.

    python -m tools.reference train --seeds 5    train what is missing, all of it
    python -m tools.reference controls           only the lab's controls
    python -m tools.reference digits             only reference/digits.npz

For maintainers, on the full MNIST. The models come out of the notebooks and the lab,
which papermill runs with other parameters; nothing here knows what a model looks like.
A seed whose run is there and whole is skipped: an interrupted training goes on where it
stopped. They train one after the other, each on all cores; `--workers 8` trains eight
at a time, one core each, and `--scheduler tcp://10.0.0.5:8786` on a Dask cluster.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
import numpy as np

from tools import remote
from utils import controls, data, runs
from utils.files import rename, write_whole
from utils.places import COURSE_DIR, NOTEBOOKS
from utils.run_files import measures

TRAINED_BY = dict(zip(runs.MODELS, NOTEBOOKS, strict=False))  # "ann": "ANN_Model.ipynb"
LAB = COURSE_DIR / "labs" / "What_Makes_the_Difference.ipynb"
N_CONTROL_SEEDS = 3
BUILD = COURSE_DIR / "build" / "reference"
# Of Keras 3.14 and 3.15; unknown to 3.8, with which the shipped models load, too.
DEFAULTS = {
    "input_axes": None,
    "output_axes": None,
    "quantization_config": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}
MEGABYTES_ALLOWED = 9.0  # whoever clones the course downloads them


def seed_name(name, seed):
    """Return the name of a seed's run: "ann" for seed 0, "ann-seed1" for seed 1."""
    return f"{name}-seed{seed}" if seed else name


# --- training ------------------------------------------------------------------------


def train(n_seeds, force=False, client=None):
    """Run both notebooks once for each seed; skip what is there, unless forced.

    Args:
        n_seeds: seeds 0 to n_seeds - 1.
        force: train all of them.
        client: of Dask, whose workers train; None: here, one after the other.
    """

    def finish(folder):
        if folder.name in TRAINED_BY:  # seed 0
            slim_model(folder)
        else:
            drop_model(folder)
            halve_predictions(folder)

    todo = [training(name, seed) for seed in range(n_seeds) for name in runs.MODELS]
    train_missing(todo, runs.REFERENCE_DIR, finish, force, client)


def train_controls(n_seeds=N_CONTROL_SEEDS, force=False, client=None):
    """Train each of the lab's controls once for each seed, like train()."""
    names = sorted({name for pair in controls.PAIRS.values() for name in pair})
    todo = [control(name, seed) for seed in range(n_seeds) for name in names]

    def finish(folder):
        drop_model(folder)
        halve_predictions(folder, n_bits=8)  # their answers are compared

    train_missing(todo, runs.REFERENCE_DIR / runs.CONTROLS, finish, force, client)


def train_missing(todo, home, finish, force, client):
    """Train what is not there and whole, and put it into its place as it is finished.

    Args:
        todo: list of remote.Training.
        home: the folder of the runs.
        finish: makes the folder of a run small.
        force: train all of them.
        client: as for train().
    """
    left = {}
    for number, each in enumerate(todo, start=1):
        label = f"[{number}/{len(todo)}] {each.run_name}"
        if not force and is_whole(each.run_name, home):
            print(f"{label}: there already", flush=True)
        else:
            left[label] = each
    for label, folder in remote.train(left, client, home):
        finish(folder)
        put_in_place(folder, home / folder.name)
        run = runs.load_run(folder.name, announce=False, folder=home)
        print(
            f"{label}: {run.info['test_accuracy']:.2%} of the test digits right, "
            f"{run.info['train_seconds']:.0f} s of training",
            flush=True,
        )


def is_whole(run_name, home=None):
    """Tell whether a reference run is there and can be loaded."""
    try:
        runs.load_run(run_name, announce=False, folder=home or runs.REFERENCE_DIR)
    except runs.RunError:
        return False
    return True


def training(name, seed, **parameters):
    """Return the remote.Training of a model with a seed.

    Args:
        name: "ann" or "cnn".
        seed: of the training.
        parameters: more of the notebook's, such as EPOCHS.
    """
    run_name = seed_name(name, seed)
    notebook = nbformat.read(COURSE_DIR / TRAINED_BY[name], as_version=4)
    parameters |= {"SEED": seed, "RUN_NAME": run_name}
    return remote.Training(notebook, run_name, parameters, BUILD)


def control(name, seed):
    """Return the remote.Training of a control: the lab as far as the cell that trains.

    Those after it read the controls of the course.
    """
    lab = nbformat.read(LAB, as_version=4)
    tagged = ["train" in cell.metadata.get("tags", []) for cell in lab.cells]
    lab.cells = lab.cells[: tagged.index(True) + 1]
    parameters = {"SEED": seed, "TRAIN": [name]}
    return remote.Training(lab, f"{name}-seed{seed}", parameters, BUILD)


def halve_predictions(folder, n_bits=11):
    """Save the probabilities of a run anew as half floats: a quarter of the size.

    Above 6e-5 they keep three digits each, so the loss stays nearly what it was;
    run.json tells that of the file. Not for a folder that others read: two files change
    one after the other.

    Args:
        folder: of the run.
        n_bits: significant bits that are kept of what is not the answer, 11 at most;
            fewer compress better.
    """
    place = folder / "predictions.npz"
    with np.load(place) as file:
        y_true, y_prob = file["y_true"], file["y_prob"]
    fraction, exponent = np.frexp(y_prob.astype(np.float64))
    rounded = np.ldexp(np.round(fraction * 2**n_bits) / 2**n_bits, exponent)
    answers = y_prob.argmax(axis=1)[:, np.newaxis]
    np.put_along_axis(rounded, answers, np.take_along_axis(y_prob, answers, 1), 1)
    halves = rounded.astype(np.float16)
    sums = halves.sum(axis=1, dtype=np.float64)
    spoilt = (np.abs(sums - 1) > 5e-4) | (halves.argmax(axis=1) != answers[:, 0])
    halves[spoilt] = y_prob[spoilt]
    np.savez_compressed(place, y_true=y_true, y_prob=halves)
    accuracy, loss = measures(y_true, halves.astype(np.float32))
    renew_info(folder, test_accuracy=accuracy, test_loss=loss)


def drop_model(folder):
    """Remove the model file of a run; killed halfway, the run is still a whole one."""
    renew_info(folder, without="model.keras")  # from here on, nobody expects the file
    (folder / "model.keras").unlink(missing_ok=True)


def slim_model(folder):
    """Save the model of a run anew without its optimizer: a third of the size.

    The optimizer's memory, two numbers for each parameter, is of use only to whoever
    trains on. Not for a folder that others read: two files change one after the other.
    """
    import keras

    model = keras.models.load_model(folder / "model.keras", compile=False)
    model.save(folder / "model.keras")
    leave_out_defaults(folder / "model.keras")
    renew_info(folder)


def leave_out_defaults(model_file):
    """Remove from a .keras file what newer Keras writes and older Keras cannot read.

    Where a key has the value that Keras gives it anyway, the same model is loaded
    without it, in Keras 3.8 as well.
    """
    with zipfile.ZipFile(model_file) as archive:
        parts = [(part, archive.read(part)) for part in archive.infolist()]
    slim = io.BytesIO()
    with zipfile.ZipFile(slim, "w") as archive:
        for part, content in parts:
            if part.filename == "config.json":
                content = json.dumps(without_defaults(json.loads(content))).encode()
            archive.writestr(part, content)
    write_whole(model_file, slim.getvalue())


def without_defaults(config):
    """Return a model's configuration without the DEFAULTS, at any depth."""
    if isinstance(config, list):
        return [without_defaults(part) for part in config]
    if not isinstance(config, dict):
        return config
    return {
        key: without_defaults(value)
        for key, value in config.items()
        if not (key in DEFAULTS and DEFAULTS[key] == value)
    }


def renew_info(folder, without=None, **changes):
    """Write the run.json of a run anew, with the digests of the files as they are.

    Args:
        folder: of the run.
        without: a file that is about to go.
        changes: values of other fields.
    """
    place = folder / "run.json"
    info = json.loads(place.read_text(encoding="utf-8"))
    info["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in info["files"]
        if name != without
    }
    info |= changes
    write_whole(place, json.dumps(info, indent=1, ensure_ascii=False) + "\n")


def put_in_place(folder, place):
    """Move a whole run to its place in reference/, over an older one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    rename(folder, place)


# --- the digits ----------------------------------------------------------------------


def make_digits():
    """Write reference/digits.npz: what Comparison.ipynb needs without the full MNIST.

    Kept are data.stress_digits(), on which the models are tried, and every test digit
    that any reference run misreads.

    Raises:
        data.DataError: MNIST_DATA names other digits than the runs were tested on.
        runs.RunError: there are no reference runs.
    """
    seed_runs = [run for name in runs.MODELS for run in runs.load_seeds(name)]
    if not seed_runs:
        raise runs.RunError(
            f"There are no runs in {runs.REFERENCE_DIR}. Train them first: "
            "python -m tools.reference train"
        )
    runs.check_comparable(*seed_runs)
    digits = data.load_mnist()
    if digits.fingerprint != seed_runs[0].info["data"]["test_fingerprint"]:
        raise data.DataError(
            f"The reference runs were tested on {seed_runs[0].info['data']['source']}, "
            f"and MNIST_DATA is {digits.source}. Set MNIST_DATA to the former."
        )
    misread = np.any([run.y_pred != run.y_true for run in seed_runs], axis=0)
    kept = np.union1d(data.stress_digits(len(digits.x_test)), np.flatnonzero(misread))
    shipped = io.BytesIO()
    np.savez_compressed(
        shipped,
        index=kept.astype(np.int64),
        images=digits.x_test[kept],
        fingerprint=np.array(digits.fingerprint),
    )
    write_whole(data.SHIPPED_DIGITS, shipped.getvalue())
    print(f"{data.SHIPPED_DIGITS.name}: {len(kept):,} digits", flush=True)


def megabytes(folder=None):
    """Return the size of all files in reference/, in 10⁶ bytes."""
    folder = Path(folder or runs.REFERENCE_DIR)
    return (
        sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    )


def main(arguments=None):
    """Do what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train what is missing")
    training.add_argument("--seeds", type=int, default=5, help="seeds 0 to SEEDS - 1")
    controls = commands.add_parser("controls", help="train the lab's missing controls")
    for command in (training, controls):
        command.add_argument("--force", action="store_true", help="train all anew")
        remote.add_options(command)
    commands.add_parser("digits", help="write reference/digits.npz")
    options = parser.parse_args(arguments)
    os.environ.setdefault("MNIST_DATA", "full")  # before workers start, who inherit it
    try:
        if options.command == "digits":
            make_digits()
        else:
            with remote.workers(options) as client:
                if options.command == "train":
                    train(options.seeds, options.force, client)
                    make_digits()
                train_controls(force=options.force, client=client)
    except (runs.RunError, data.DataError, remote.SweepError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"reference/: {megabytes():.1f} MB of {MEGABYTES_ALLOWED:.0f} MB", flush=True)
    return int(megabytes() > MEGABYTES_ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
