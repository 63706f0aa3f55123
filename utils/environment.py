"""The machine that a notebook runs on: enough for the course, and said readably.

Importing this module imports neither NumPy nor Keras: it must be able to say that they
are missing.
"""

import contextlib
import json
import logging
import os
import platform
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from utils.places import COURSE_DIR

OLDEST_PYTHON = (3, 11)
# The oldest versions with which the three notebooks were run, all of them together.
OLDEST = {"keras": "3.8", "tensorflow": "2.16", "numpy": "1.26", "scikit-learn": "1.6"}
NEEDED = [
    "keras",
    "numpy",
    "scipy",
    "sklearn",
    "pandas",
    "matplotlib",
    "seaborn",
    "mlxtend",
    "h5py",
    "PIL",
    "pooch",
    "requests",
    "filelock",
    "packaging",
]
BACKENDS = ("tensorflow", "jax", "torch")  # those that Keras can train with
EXPECTED = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "image_data_format": "channels_last",
}
LARGEST_SETTINGS = 100_000  # bytes of keras.json; Keras writes a hundred
CUTTING_SHORT = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")


# --- the first cell of every notebook ------------------------------------------------


def set_up():
    """Make this kernel ready for the course; print what had to be changed, if anything.

    Own files never stand in a library's way, the kernel works inside the course, and
    what the course relies on in Keras is as Keras ships it, whatever was set elsewhere.
    Keras itself is imported only if a setting of it has to be put right.

    Raises:
        RuntimeError: Python or a package is too old, one is missing, or Keras was told
            to use a backend or settings that cannot train here; the message says what
            to do.
    """
    _check_python()
    try:
        os.getcwd()
    except FileNotFoundError:  # somebody has moved or deleted the current folder
        os.chdir(COURSE_DIR)
    _put_own_files_last()
    if COURSE_DIR not in (Path.cwd(), *Path.cwd().parents):
        os.chdir(COURSE_DIR)
    if not os.access(os.path.expanduser("~"), os.W_OK):  # no home: a container's user
        os.environ.setdefault("MPLCONFIGDIR", tempfile.mkdtemp(prefix="matplotlib-"))
    _check_packages()
    _check_versions(_noted_versions())
    _leave_out_advice()
    for line in _settings_put_right():
        print(line)


def _leave_out_advice():
    """TensorFlow's warnings are for those who wrote its functions: Keras did.

    A filter stays when TensorFlow is imported; it sets the level anew.
    """
    logging.getLogger("tensorflow").addFilter(_is_an_error)


def _is_an_error(record):
    return record.levelno >= logging.ERROR


def _check_python():
    if sys.version_info < OLDEST_PYTHON:
        raise RuntimeError(
            f"This is Python {platform.python_version()}; the course needs 3.11 or "
            "newer. Install it, then start the notebook with it."
        )
    if sys.flags.optimize:
        print("Python leaves out assertions: PYTHONOPTIMIZE is set. Better unset it.")


def _put_own_files_last():
    """Move the course and the current folder to the end of Python's search path.

    In front they let a student's own secrets.py or pandas.py take a library's place.
    The package utils is imported already; its modules are found wherever it is.
    """
    own = ("", ".", "..", str(COURSE_DIR), os.getcwd())
    last = [folder for folder in sys.path if folder in own]
    sys.path[:] = [f for f in sys.path if f not in own] + list(dict.fromkeys(last))


def _check_packages():
    absent = [name for name in (*NEEDED, *_backend()) if not find_spec(name)]
    if not absent:
        return
    advice = "pip install -r requirements.txt"
    others = [name for name in BACKENDS if find_spec(name)]
    if absent == ["tensorflow"] and others:
        advice = f"set KERAS_BACKEND={others[0]}, which is there, or {advice}"
    raise RuntimeError(
        f"This notebook's Python ({sys.executable}) lacks {', '.join(absent)}. "
        "Choose the course's .venv as its kernel, or open the notebook with: "
        f"python3 course.py lab. In an environment of your own: {advice}"
    )


def _noted_versions():
    """Return the versions that the installer noted, without importing anything.

    Where it noted none (TensorFlow may be here as tensorflow-cpu), Keras' start tells.
    """
    others = {*BACKENDS} - {*_backend()}  # too old or not, they are not used
    noted = {}
    for package in OLDEST.keys() - others:
        with contextlib.suppress(metadata.PackageNotFoundError):
            noted[package] = metadata.version(package)
    return noted


def _check_versions(installed):
    from packaging.version import InvalidVersion, Version

    for package, oldest in OLDEST.items():
        version = installed.get(package, oldest)
        try:
            # .release: a pre-release of 3.8 is as good as 3.8.
            too_old = Version(version).release < Version(oldest).release
        except (InvalidVersion, TypeError):  # None, where a file of its notes is lost
            raise RuntimeError(
                f"{package} is installed only in part: its version is {version!r}. "
                f"Run: pip install --force-reinstall --no-deps {package}"
            ) from None
        if too_old:
            raise RuntimeError(
                f"{package} is {version}; the course needs {oldest} or newer. "
                "Run: pip install -r requirements.txt"
            )


def _backend():
    """Return the module that Keras will compute with, in a list; none if it is Keras'.

    Raises:
        RuntimeError: KERAS_BACKEND names something that cannot train.
    """
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend not in BACKENDS:
        raise RuntimeError(
            f"The environment variable KERAS_BACKEND is {backend!r}. The course "
            f"trains with {', '.join(BACKENDS)}: unset it, or choose one of these."
        )
    return [backend]


def _settings_put_right():
    """Undo settings that come from outside; return a line about each."""
    lines = []
    loaded = "keras" in sys.modules
    (backend,) = _backend()
    config = _keras_config()
    if not os.environ.get("KERAS_BACKEND") and not loaded:
        os.environ["KERAS_BACKEND"] = backend  # counts more than keras.json
        if config.get("backend", backend) != backend:
            lines.append(
                f"{_keras_json()} asks for {config['backend']}; the course uses "
                f"{backend}. To change that, set KERAS_BACKEND."
            )
    if backend != "tensorflow":
        lines.append(
            f"Keras computes with {backend}, as KERAS_BACKEND says: the three notebooks"
            " run, with different random numbers; two labs need TensorFlow."
        )
    for name in CUTTING_SHORT:
        if os.environ.pop(name, None) and not loaded:
            lines.append(f"{name} is set and would cut trainings short: it is ignored.")
    if loaded or any(config.get(k, v) != v for k, v in EXPECTED.items()):
        lines += _keras_put_right()
    return lines


def _keras_put_right():
    """Give Keras, imported, the settings it ships with; return a line about each."""
    try:
        with quiet_stderr():
            import keras
    except (TypeError, ValueError) as error:  # so Keras refuses a setting
        raise _unusable_settings(str(error).rstrip(".")) from error
    current = {
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype policy": keras.config.dtype_policy().name,
    }
    wanted = EXPECTED | {"dtype policy": "float32"}
    keras.config.set_floatx(wanted["floatx"])
    keras.config.set_epsilon(wanted["epsilon"])
    keras.config.set_image_data_format(wanted["image_data_format"])
    keras.config.set_dtype_policy(wanted["dtype policy"])
    return [
        f"Keras' {name} was set to {current[name]} outside this notebook; here it is "
        f"{wanted[name]}."
        for name in current
        if current[name] != wanted[name]
    ]


def keras_home():
    """Return the folder of Keras' settings and cached data, where Keras looks itself.

    Unlike Path.home() this works for a user without a home folder.
    """
    if os.environ.get("KERAS_HOME"):
        return Path(os.path.expanduser(os.environ["KERAS_HOME"]))
    home = os.path.expanduser("~")
    return Path(home if os.access(home, os.W_OK) else "/tmp", ".keras")


def _keras_json():
    return keras_home() / "keras.json"


def _keras_config():
    """Return what keras.json says. Keras reads it without a look at what it is."""
    from utils.bounded import BadFile, read_bytes

    path = _keras_json()
    # None is there yet, or another process is writing it.
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return {}
    try:
        config = json.loads(read_bytes(path, LARGEST_SETTINGS))
    except ValueError:
        return {}  # Keras takes no notice of it, either
    except (BadFile, OSError, RecursionError) as error:
        raise _unusable_settings(getattr(error, "why", error)) from error
    if not isinstance(config, dict):
        raise _unusable_settings(f"holds {config!r:.50} and no settings")
    return config


def _unusable_settings(why):
    return RuntimeError(
        f"Keras cannot start with its settings. {_keras_json()}: {why!s:.300}. The "
        "course needs none of them: move this file to another place, restart the "
        "kernel, and Keras writes a new one."
    )


# --- versions ------------------------------------------------------------------------


def check_environment():
    """Start Keras quietly and print the versions in use.

    Raises:
        RuntimeError: Python or a package is missing or too old; the message says which
            version was installed, which is needed, and how to get it.
    """
    _check_python()
    _check_packages()
    with quiet_stderr():
        n_gpus = _count_gpus()
    _leave_out_advice()
    installed = versions()
    _check_versions(_noted_versions() | installed)
    print(f"Python {platform.python_version()}")
    for package, version in installed.items():
        print(f"{package} {version}")
    print(f"{os.cpu_count()} CPU cores, {n_gpus or 'no'} GPU: enough for this course")


def versions():
    """Return the versions of what computes in this process: Keras, its backend, NumPy.

    The modules are asked, not the names under which they were installed: tensorflow-cpu
    and tf-nightly are TensorFlow, too. Nothing is imported for it.

    Returns:
        dict from the module's name to its version, such as "2.21.0".
    """
    keras = sys.modules.get("keras")
    names = ("keras", keras.config.backend(), "numpy") if keras else ("numpy",)
    return {name: sys.modules[name].__version__ for name in names}


def _count_gpus():
    """Count the GPUs that Keras' backend sees, after its first operation."""
    import keras

    keras.ops.zeros(1)  # the first operation is what prints the rest
    backend = sys.modules[keras.backend.backend()]
    if backend.__name__ == "tensorflow":
        return len(backend.config.list_physical_devices("GPU"))
    if backend.__name__ == "torch":
        return backend.cuda.device_count()
    return sum(device.platform == "gpu" for device in backend.devices())


@contextlib.contextmanager
def quiet_stderr():
    """Silence what C++ libraries write to stderr while they start.

    TensorFlow's start-up lines ignore Python's logging and its own log level; they
    would end up in the notebook as if they were errors.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        saved = os.dup(2)
    except OSError:  # closed, as under pythonw: there is nothing to be quiet
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
