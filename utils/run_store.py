"""Where runs are kept: a folder, a lock, and renames that leave nothing half done.

A run is written beside its place and then moved there. Readers hold the same lock, so
that no save replaces a run that is half read. Only a run makes way for a run: what
somebody has put beside its files stays, and what is no run is not touched.
"""

import json
import os
import shutil
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from filelock import FileLock, Timeout

from utils.bounded import BadFile, read_json
from utils.files import rename
from utils.places import COURSE_DIR, FOLDERS, MADE_ANEW
from utils.run_files import LARGEST, LARGEST_INFO, RunError, file_digest, read_run

LOCK_NAME = ".lock"


def write_run(home, info, history, arrays, model, check, patience, joins=False):
    """Write a run beside its place, then move it there: whole or not at all.

    Args:
        home: the folder of runs.
        info: what run.json is to hold but for "files".
        history: dictionary of lists of floats.
        arrays: dictionary from an .npz file's name to a dictionary of its arrays.
        model: the trained keras.Model.
        check: called with the folder of what was written; what it raises is passed on.
        patience: seconds to wait for the lock.
        joins: whether what lies in its place and is no run may be taken along.

    Raises:
        RunError: the folder cannot be written, or is not for runs; it stays as it was.
    """
    name = info["name"]
    partial = home / f".{name}.partial"
    try:
        _make_home(home)
        with _lock(home, patience):
            check_place(home, name, info["model"], joins)
            try:
                _clear(partial)  # of a save that was killed
                partial.mkdir()
                (partial / "history.json").write_text(_json(history), encoding="utf-8")
                for file_name, named in arrays.items():
                    np.savez_compressed(partial / file_name, **named)
                model.save(partial / "model.keras")
                _write_info(partial, info)
                check(partial)
                _flush_to_disk(partial)
                finish_save(home, name, joins)  # one that was killed earlier
                _clear(home / f".{name}.whole")
                rename(partial, home / f".{name}.whole")
                finish_save(home, name, joins)
            finally:  # also when the stop button was pressed, wherever it came
                with suppress(OSError):
                    _clear(partial)
                    finish_save(home, name, joins)
    except BadFile as error:
        fault = f"its {error.path.name} {error.why}. Save a model with fewer parameters"
        raise RunError(f"The run cannot be saved: {fault}.") from error
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error or "it has no file locks"
        raise RunError(
            f"The run cannot be saved in {home}: {why}. Set the environment variable "
            "RUNS_DIR to a folder that you may write to and that has room, on a disk "
            "of this computer, then run this cell again."
        ) from error


def _write_info(folder, info):
    """Write run.json, which makes the other files of a folder a run."""
    files = {path.name: file_digest(path) for path in folder.iterdir()}
    text = _json(info | {"files": files})
    (folder / "run.json").write_text(text, encoding="utf-8")


def _make_home(home):
    """Make a folder of runs; a RunError where it would lie in the course's own."""
    is_course = lies_in(home, COURSE_DIR) and lies_in(COURSE_DIR, home)
    not_for_runs = (COURSE_DIR / folder for folder in (*FOLDERS, *MADE_ANEW))
    if is_course or any(lies_in(home, place) for place in not_for_runs):
        raise RunError(
            f"Nothing was saved: RUNS_DIR leads to {home}, which belongs to the "
            "course. Name a folder of your own, as in %env RUNS_DIR=runs, then run "
            "this cell again."
        )
    home.mkdir(parents=True, exist_ok=True)


def check_writable(home):
    """Raise a RunError where runs could not be saved, before anything is trained."""
    try:
        missing = [place for place in (home, *home.parents) if not place.exists()]
        _make_home(home)
        with TemporaryFile(dir=home):
            pass
        with suppress(OSError):  # nothing is saved yet, unless another program just did
            for place in missing:
                place.rmdir()
    except OSError as error:
        raise RunError(
            f"Runs cannot be saved in {home}: {error.strerror}. Set RUNS_DIR to a "
            "folder that you may write to, as in %env RUNS_DIR=~/runs, then run this "
            "cell again."
        ) from error


def check_place(home, name, model=None, joins=False):
    """Raise a RunError where a run of this name would take somebody else's place.

    For Windows and macOS, names that differ in capital letters are one folder.

    Args:
        home: the folder of runs.
        name: of the run.
        model: what the tables call its model; None where that is not known yet.
        joins: whether the run may take along what lies there and is no run.
    """
    if not (may_replace(home / name) or (joins and may_join(home / name))):
        raise RunError(
            f"{home / name} is there and is no run, so it is left "
            "as it is. Move it elsewhere or choose another name for the run, then run "
            "this cell again."
        )
    for other in home.iterdir():
        if other.name != name and other.name.lower() == name.lower():
            raise RunError(
                f"There is a run {other.name!r} in {home}, the same name but for "
                f"capital letters. Choose a name other than {name!r}."
            )
    theirs = _model_of(home / name)
    if model and theirs not in (None, model):
        raise RunError(
            f"There is a run {name!r} in {home}, and its model is called {theirs!r}, "
            f"not {model!r}: nothing takes its place. Choose another name for this "
            "run, then run this cell again."
        )


def _model_of(place):
    """Return what the run in a place calls its model, None where nothing can tell."""
    with suppress(BadFile, OSError, AttributeError):
        return read_json(place / "run.json", LARGEST_INFO).get("model")
    return None


def finish_save(home, name, joins=False):
    """Move a whole new run to its place; call this only with the lock held.

    Args:
        home: the folder of runs.
        name: of the run.
        joins: whether it may take along what lies there, though that is no run.

    A folder cannot replace a folder in one step. Killed between the renames, a save is
    finished by whoever holds the lock next.
    """
    place, whole, old = home / name, home / f".{name}.whole", home / f".{name}.old"
    is_free = may_replace(place) or (joins and may_join(place))
    if is_finished(whole, name) and is_free:
        _clear(old)
        if place.exists():
            _take_along(place, whole)
            rename(place, old)
        rename(whole, place)
    _clear(old)


def is_whole(folder):
    """Tell whether a folder can be a run: run.json is written last."""
    return (folder / "run.json").is_file()


def is_finished(folder, name):
    """Tell whether a folder is a run that can be read, and no link to elsewhere."""
    if folder.is_symlink() or not is_whole(folder):
        return False
    try:
        read_run(folder, name)
    except (BadFile, RunError, OSError):
        return False
    return True


def may_replace(place):
    """Tell whether a run may take this place: there is a run, or nothing at all."""
    is_empty = place.is_dir() and not any(place.iterdir())
    return is_whole(place) or is_empty or not os.path.lexists(place)


def may_join(place):
    """Tell whether a run may lie beside what is there: a folder with none of its files.

    A callback that saves models as they are trained makes such a folder.
    """
    if place.is_symlink() or not place.is_dir():
        return False
    return not {path.name for path in place.iterdir()} & {"run.json", *LARGEST}


def _take_along(place, whole):
    """Move what somebody has put beside a run's files into the run that follows."""
    if place.is_symlink():  # only the link is replaced
        return
    for path in list(place.iterdir()):
        if path.name not in {"run.json", *LARGEST}:
            rename(path, whole / path.name)


def lies_in(path, folder):
    """Tell whether a path leads into a folder or is that folder, however written."""
    real, goal = (Path(os.path.realpath(place)) for place in (path, folder))
    if goal in (real, *real.parents):  # which need not be there yet
        return True
    return os.path.exists(folder) and any(
        os.path.samefile(outer, folder)
        for outer in (real, *real.parents)
        if os.path.exists(outer)
    )


def _clear(path):
    """Remove what a killed save has left, or whatever else is in the way."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush_to_disk(folder):
    """Ask the system to write the files out, so that a power cut cannot halve them."""
    for path in folder.iterdir():
        with open(path, "rb+") as file:
            os.fsync(file.fileno())


def _json(value):
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _lock(home, patience):
    """Return the held lock of a folder of runs, to be released by `with`."""
    try:
        return FileLock(home / LOCK_NAME, timeout=patience).acquire()
    except Timeout as error:
        raise RunError(
            f"Another program has kept {home / LOCK_NAME} locked for {patience} s. "
            "Shut down the other notebooks of the course, then try again. If there are "
            "none, the file system has no locks: set RUNS_DIR to a folder elsewhere."
        ) from error


@contextmanager
def reading(home, patience):
    """Hold the lock while reading, so that no save replaces a run that is half read."""
    with ExitStack() as held:
        # Nobody saves into a folder that may not be written or locked.
        with suppress(OSError, NotImplementedError):
            held.enter_context(_lock(home, patience))
        yield
