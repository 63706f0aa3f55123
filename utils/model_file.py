"""A .keras file, looked at before Keras opens it.

It is a zip archive: config.json says which layers to make, model.weights.h5 holds their
weights. Both can ask for any amount of memory, and a layer can be code. Importing this
module imports neither Keras nor TensorFlow.
"""

import hashlib
import io
import math
import re
import shutil
from contextlib import contextmanager

from utils.bounded import MEGABYTE, BadFile, open_zip, parse_json, read_member

LARGEST_MODEL = 250 * MEGABYTE
LARGEST_CONFIG = 2 * MEGABYTE
LARGEST_OUTPUT = 10_000_000  # numbers that a layer makes of one digit
UNKNOWN_SIZE = 28  # rows and columns, where a model takes images of any size
MOST_PARTS = 3000  # layers, initializers, …: MobileNet has a thousand
# Keras calls all layers of a Sequential anew for each that it adds: 98 layers at most.
MOST_CALLS = 5000  # a few seconds
# Keras folds the two factors of a LoRA layer into its kernel when it saves a model, and
# makes them anew when it loads it: so many numbers need not be in the file.
MOST_UNSAVED = 10_000_000
MOST_MACS = 1e11  # multiplications and additions for one digit: some seconds
MOST_NUMBERS = 300_000_000  # that all layers together make of one digit
# What looks at all that it is given for each number that it makes, or nearly so.
COSTLY = re.compile(
    "Dot|.*Attention|.*RNN|.*LSTM.*|GRU.*|TimeDistributed|Bidirectional|.*Spectrogram"
    "|Matmul|Einsum|Tensordot|Inner|Outer|Kron|Vdot|Correlate|.*[Ss]ort|Unique|TopK"
    "|Median|Nanmedian|Quantile|Percentile|Fft.*|.*FFT.*|Svd|SVD|Qr|Inv|Pinv|Solve"
    "|SolveTriangular|Lstsq|Eigh?|Det|Cholesky.*|LuFactor|ExtractSequences|Stft|Istft"
)
MOST_ITEMS = 5000  # groups and arrays among the weights
# Of a number that a config names: a metric makes as many thresholds, in a list.
LARGEST_NUMBER = 10_000_000
SEEDS = {"seed", "salt"}  # any number may be one
# What Keras calls an array's kind of numbers; a text of a letter may take gigabytes.
NUMBERS = re.compile(r"bool|u?int\d{1,3}|b?float\d{1,3}(_\w+)?")
PARTS = {"metadata.json", "config.json", "model.weights.h5"}
# Layers that run code which their config holds, or open files that it names.
UNSAFE_LAYERS = re.compile(
    "Lambda|__lambda__|TFSMLayer|TorchModuleWrapper|JaxLayer|FlaxLayer"
    "|TextVectorization|.*Lookup"
)


def count_parameters(path):
    """Return how many parameters a model file holds, without making the model.

    Returns:
        (least, most): they differ where an array is there twice, as one that two
        layers share is; where whole numbers are among the weights, which may be
        parameters or the state of a random generator; and where layers are adapted by
        LoRA. (0, infinity) for a file that is no model; loading it says so.
    """
    try:
        with open_zip(path, LARGEST_MODEL) as archive:
            config = _read_config(archive, path)
            least, most = _count_weights(archive, path)
    except BadFile:
        return 0, math.inf
    is_adapted = any(part.get("lora_rank") for part in _parts_of(config))
    return least, most + is_adapted * MOST_UNSAVED


def load_checked(path, compiled=False):
    """Check a model file, then let Keras load it; raises what is wrong.

    Args:
        path: of a .keras file.
        compiled: with its optimizer, loss and metrics; then all parts must be Keras'
            own, even if others are registered.

    Returns:
        keras.Model.

    Raises:
        BadFile: it is no model, would run code, or asks for more memory than it fills.
        Exception: whatever Keras raises for a file that it cannot read.
    """
    with open_zip(path, LARGEST_MODEL) as archive:
        if set(archive.namelist()) != PARTS or len(archive.namelist()) > len(PARTS):
            raise BadFile(path, f"needs {', '.join(sorted(PARTS))} and nothing else")
        _check_config(_read_config(archive, path, compiled), path, compiled)
        _, most = _count_weights(archive, path)
    import keras

    # Twice, because Keras may make a layer that it then makes again.
    with _limited(2 * most + MOST_UNSAVED, path):
        model = keras.models.load_model(path, compile=compiled, safe_mode=True)
    if not model.built:
        raise BadFile(path, "describes a model that Keras cannot build")
    return model


def _read_config(archive, path, compiled=False):
    """Return what config.json says of the layers, and if asked for, how to compile."""
    if "config.json" not in archive.namelist():
        raise BadFile(path, "has no config.json")
    if archive.getinfo("config.json").file_size > LARGEST_CONFIG:
        raise BadFile(path, "has too large a config.json")
    config = parse_json(read_member(archive, "config.json", path), path)
    if not isinstance(config, dict) or "class_name" not in config:
        raise BadFile(path, "describes no model")
    if not compiled:  # then a loss or a metric of one's own is not loaded
        config.pop("compile_config", None)
    return config


def _parts_of(config):
    """Yield all dictionaries in a config, however deep."""
    parts = [config]
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts += part
        if isinstance(part, dict):
            parts += part.values()
            yield part


def _check_config(config, path, only_keras):
    """See that all that is to be made is Keras' own, or registered here, and no code.

    A layer that this program has registered (keras.saving.register_keras_serializable)
    is its own code, and no file brings it along.
    """
    from keras.saving import get_registered_object

    parts = [part for part in _parts_of(config) if part.get("class_name") is not None]
    if len(parts) > MOST_PARTS:
        raise BadFile(path, f"has more than {MOST_PARTS:,} layers and parts of them")
    for part in parts:
        _check_numbers(part, path)
        name, module = part["class_name"], str(part.get("module", "keras"))
        is_ours = module.partition(".")[0] == "keras"
        registered = str(part.get("registered_name"))
        is_known = not only_keras and get_registered_object(registered) is not None
        is_function = name == "function" or _is_no_class(module, str(name))
        if is_function:
            name = part.get("config") if name == "function" else name
            is_known = is_known or _is_of_keras(name)
        if not is_known and (is_function or not is_ours or ">" in registered):
            raise BadFile(path, f"needs {name!r:.100}, which is not a part of Keras")
        # Keras would look for "layers.Lambda" where it looks for "Lambda".
        if UNSAFE_LAYERS.fullmatch(str(name).rpartition(".")[2]):
            raise BadFile(path, f"has {name!r:.100}, which can run code or open files")


def _check_numbers(part, path):
    """See that no number asks for gigabytes, and that an array in a config holds some.

    What is made of them is neither a weight nor an output, so it is counted nowhere. A
    layer's numbers are, as it is made.
    """
    given = part.get("config")
    given = given if isinstance(given, dict) else {}
    for key, value in given.items() if part.get("module") != "keras.layers" else ():
        if type(value) is int and value > LARGEST_NUMBER and key not in SEEDS:
            raise BadFile(path, f"has {key!r:.100} of {value!r:.20}, which is too much")
    if part.get("class_name") in ("__numpy__", "__tensor__"):
        kind = str(given.get("dtype"))
        if not NUMBERS.fullmatch(kind):
            raise BadFile(path, f"has an array of {kind!r:.100}, which are no numbers")


def _is_no_class(module, name):
    """Say whether a name is no class of one of Keras' modules; dots lead to another.

    What Keras finds in place of a class, it may call with whatever the file says.
    """
    import keras

    root, *steps = module.split(".")
    if root != "keras" or "." in name:
        return "." in name
    place = keras
    for step in steps:
        place = getattr(place, step, None)
    found = getattr(place, name, None)
    return found is not None and not isinstance(found, type)


def _is_of_keras(name):
    """Say whether Keras has a loss, a metric or an activation function of this name."""
    import keras

    rooms = (keras.losses, keras.metrics, keras.activations)
    return any(callable(vars(room).get(str(name))) for room in rooms)


def _count_weights(archive, path):
    """Return (least, most) numbers among the weights; see that they are all there.

    Keras writes arrays as they are, so what they state cannot exceed the file.
    """
    import h5py

    weights = io.BytesIO()
    with archive.open("model.weights.h5") as member:
        shutil.copyfileobj(member, weights, MEGABYTE)
    size = weights.tell()
    least = most = n_bytes = 0
    seen = set()
    try:
        with h5py.File(weights, "r") as file:
            for array in _arrays_of(file, path):
                n_bytes += array.nbytes
                if n_bytes > size:
                    raise BadFile(path, "states more weights than it holds")
                # A model within a model may have an optimizer of its own.
                if not array.name.startswith("/layers/") or "/optimizer/" in array.name:
                    continue
                most += array.size
                content = (array.shape, _digest(array, weights))
                if array.dtype.kind not in "iu" and content not in seen:
                    least += array.size
                seen.add(content)
    except BadFile:
        raise
    except Exception as error:  # h5py raises a dozen kinds for a damaged file
        raise BadFile(path, f"has damaged weights ({error})") from error
    return least, most


def _digest(array, weights):
    """Return a SHA-256 of an array that lies in a file in memory, without a copy."""
    offset = array.id.get_offset()
    if offset is None:  # its values are in its header, at most 64 kB; or it has none
        return hashlib.sha256(array[()] if array.nbytes < 2**16 else b"").digest()
    with weights.getbuffer() as buffer:
        return hashlib.sha256(buffer[offset : offset + array.nbytes]).digest()


def _arrays_of(file, path):
    """Yield the arrays of an HDF5 file, having seen that they are plain and in it."""
    import h5py

    groups, n_items = [file], 0
    while groups:
        group = groups.pop()
        for name in group:
            n_items += 1
            if n_items > MOST_ITEMS:
                raise BadFile(path, f"has more than {MOST_ITEMS:,} weights")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise BadFile(path, "has weights that lie in a different place")
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append(item)
            else:
                _check_array(item, path)
                yield item


def _check_array(array, path):
    is_plain = array.chunks is None and not array.external and not array.is_virtual
    if not is_plain or array.shape is None or array.dtype.kind not in "biufV":
        raise BadFile(path, "has weights that are not plain arrays of numbers")


class _Budget:
    """What a file may still ask for, counted while Keras makes its layers."""

    def __init__(self, n_weights):
        self.n_weights, self.faults = n_weights, []
        self.n_calls = self.n_macs = self.n_numbers = 0

    def refuse(self, fault):
        self.faults.append(fault)
        raise MemoryError

    def add_weight(self, shape):
        self.n_weights -= math.prod(shape or ())
        if self.n_weights < 0:
            self.refuse("asks for more weights than it holds")

    def begin(self, operation, given):
        """Count a call; a sequence that is unrolled is one for each of its steps."""
        is_unrolled = getattr(operation, "unroll", False) and given
        self.n_calls += _n_steps(given[0].shape) if is_unrolled else 1
        if self.n_calls > MOST_CALLS:
            self.refuse("has more layers than Keras can put together in a few seconds")

    def end(self, operation, given, outputs):
        """Count what a call computes and what it makes, of one digit."""
        for output in outputs:
            if _size_of(output) > LARGEST_OUTPUT:
                self.refuse(f"has a layer that makes {output.shape} of each digit")
        taken, made = (sum(map(_size_of, tensors)) for tensors in (given, outputs))
        each = [math.prod(w.shape[:-1]) for w in getattr(operation, "weights", ())]
        each += [_n_places(operation, name) for name in ("pool_size", "kernel_size")]
        self.n_macs += made * max(each)
        self.n_numbers += made
        if COSTLY.fullmatch(type(operation).__name__):
            self.n_macs += taken * max(taken, made)
            # Attention weighs every pair of a sequence's steps.
            self.n_numbers += sum(_n_steps(tensor.shape) ** 2 for tensor in given)
        if self.n_macs > MOST_MACS:
            self.refuse("would compute for minutes to read one digit")
        if self.n_numbers > MOST_NUMBERS:
            self.refuse("would fill gigabytes of memory to read one digit")


@contextmanager
def _limited(n_weights, path):
    """Let layers make so many weights at most, and no more than fits and soon ends.

    Their configs, a few bytes, can ask for any number.
    """
    import keras

    layer_class, operation_class = keras.layers.Layer, keras.Operation
    metric_class = keras.metrics.Metric  # which may stand where a layer could
    add_weight, call = layer_class.add_weight, operation_class.__call__
    add_variable = metric_class.add_variable
    budget = _Budget(n_weights)

    def add_within_limit(layer, shape=None, *args, **named):
        budget.add_weight(shape)
        return add_weight(layer, shape, *args, **named)

    def add_variable_within_limit(metric, shape, *args, **named):
        budget.add_weight(shape)
        return add_variable(metric, shape, *args, **named)

    def call_within_limit(operation, *args, **named):
        given = [t for t in keras.tree.flatten((args, named)) if hasattr(t, "shape")]
        budget.begin(operation, given)
        outputs = call(operation, *args, **named)
        budget.end(operation, given, keras.tree.flatten(outputs))
        return outputs

    layer_class.add_weight = add_within_limit
    metric_class.add_variable = add_variable_within_limit
    operation_class.__call__ = call_within_limit
    try:
        yield
    except Exception as error:  # Keras may have made another one of it
        if budget.faults:
            raise BadFile(path, budget.faults[0]) from error
        raise
    finally:
        layer_class.add_weight, operation_class.__call__ = add_weight, call
        metric_class.add_variable = add_variable


def _size_of(output):
    """Return how many numbers a layer makes of one digit."""
    n_digits, *sizes = getattr(output, "shape", ()) or (1,)
    return math.prod([n_digits or 1, *(size or UNKNOWN_SIZE for size in sizes)])


def _n_places(operation, name):
    """Return how many places a window has: a layer's pool_size or kernel_size."""
    sides = getattr(operation, name, None) or 0
    return math.prod(sides) if isinstance(sides, tuple | list) else int(sides)


def _n_steps(shape):
    """Return how many steps a sequence has, of a shape that begins with the batch."""
    return (shape[1] or UNKNOWN_SIZE) if len(shape) > 1 else 1
