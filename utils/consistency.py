"""Do a model, its history and its predictions belong to one training? Can all be read?

What is refused when it is loaded had better be refused when it is saved.
"""

import math

import numpy as np

from utils.bounded import BadFile
from utils.model_file import load_checked
from utils.run_files import RunError, read_run

N_ASKED = 1000  # so many digits are asked again: a fraction of a second
SAME = 0.02  # probabilities of one model differ less, computed twice
FAR_WORSE = 0.1  # no sampling of a thousand digits makes up for this much accuracy


def count_parameters(model):
    """Return how many parameters a model has, or raise a RunError: it is none."""
    try:
        return int(model.count_params())
    except (AttributeError, TypeError, ValueError) as error:  # also: not yet built
        raise RunError(
            f"The model to save is {model!r:.90}, no Keras model that was built and "
            "trained. Pass the model that model.fit was called on."
        ) from error


def contradiction(model, history, y_prob, data):
    """Ask a model again, and compare with what is to be saved as its results.

    Args:
        model: a keras.Model for scaled images of 28×28 pixels; what cannot predict, or
            takes another input, is not asked.
        history: dictionary of lists of floats, one number per epoch.
        y_prob: the predictions to save for data.x_test, shape (n, 10).
        data: the utils.data.Digits in use.

    Returns:
        A sentence on what does not fit and what to do, or None.
    """
    if (shape := _shape_of_a_digit(model)) is None:
        return None
    if len(getattr(model, "outputs", [0])) != 1:
        return (
            f"The model has {len(model.outputs)} outputs. A run is of one, the ten "
            "probabilities: save keras.Model(model.input, model.outputs[0]), if that "
            "is the one, with its predictions."
        )
    y_again = _predict(model, data.x_test[:N_ASKED], shape)
    if why := _unlike(y_again, np.asarray(y_prob)):
        return why
    told = history.get("val_accuracy") or history.get("accuracy")
    if not told:
        return None
    accuracy, n = _share_right(model, data, shape)
    if accuracy < told[-1] - FAR_WORSE:
        return (
            f"This history is not this model's: it ends at {told[-1]:.1%} of the "
            f"digits, and the model reads {accuracy:.1%} of {n:,} training "
            "digits. Train the model that you want to save, then come back here. Was "
            "it trained on a part of the digits? Take that part right below "
            "load_mnist, with dataclasses.replace(digits, x_train=…, y_train=…), and "
            "train again."
        )
    return None


def share_read(model, data):
    """Return which share of some training digits a model reads, or None.

    Args:
        model: a keras.Model; None is returned for what takes no scaled image, or does
            not answer with one list of numbers.
        data: the utils.data.Digits in use.
    """
    shape, answers = _shape_of_a_digit(model), getattr(model, "outputs", [])
    if shape is None or len(answers) != 1 or len(answers[0].shape) != 2:
        return None
    return _share_right(model, data, shape)[0]


def _share_right(model, data, shape):
    """Return which share of some training digits is read, and how many they are."""
    x, y = data.x_train[-N_ASKED:], data.y_train[-N_ASKED:]
    return np.mean(_predict(model, x, shape).argmax(axis=1) == y), len(y)


def _unlike(y_again, y_prob):
    """Say how a model's answers and those to save differ, and what to do, or None."""
    from scipy.special import softmax

    if y_again.shape[1:] != y_prob.shape[1:]:
        n_again, n = math.prod(y_again.shape[1:]), math.prod(y_prob.shape[1:])
        return (
            f"The model answers with {n_again} numbers for each digit, and these "
            f"predictions have {n}: save each with its own model."
        )
    are_logits = not np.allclose(y_again.sum(axis=1), 1, atol=SAME)
    as_softmax = softmax(y_again, axis=1)
    if are_logits and np.abs(as_softmax - y_prob[: len(y_again)]).max() <= SAME:
        return (
            "The model ends in logits, and these predictions are their softmax. Save "
            "keras.Sequential([model, keras.layers.Softmax()]), which answers with "
            "probabilities itself."
        )
    if np.abs(y_again - y_prob[: len(y_again)]).max() > SAME:
        return (
            "These predictions are not this model's for digits.x_test / 255. Was it "
            "built or trained again after they were made? Run the cell with "
            "model.predict(x_test, …) again, then this one. Was it given other images? "
            "Change the digits themselves, right below load_mnist, with "
            "dataclasses.replace(digits, x_train=…, x_test=…), or keep / 255 and put "
            "all other scaling into the model's first layer, and train again."
        )
    return None


def no_history(history):
    """Return what to do where no training has ended, or None.

    Args:
        history: None from the cell that builds a network until fit returns.
    """
    if history is not None:
        return None
    return (
        "The history to save is None: no training has ended since the network was "
        "built. Run the cell that trains and those below it, then this one. If fit has "
        "trained it, and only its History.history was not kept: history = "
        "model.history, then run this cell again."
    )


def rare_validation(history, seconds):
    """Return what to do about validation in some of the epochs only, or None."""
    try:
        n = {name: len(values) for name, values in history.items()}
        rare = [k for k in n if k.startswith("val_") and n[k] < len(seconds)]
    except (AttributeError, TypeError):  # as_history says what is no history
        return None
    if not rare or any(n[k] != len(seconds) for k in n.keys() - set(rare)):
        return None
    return (
        f"The history to save holds {rare[0]!r} for {n[rare[0]]} of {len(seconds)} "
        "epochs. Leave validation_freq out next time; to save this "
        "training, leave out such lists: history={name: values for name, values in "
        "history.history.items() if not name.startswith('val_')}."
    )


def takes_a_digit(model):
    """Tell whether a model's input is one image of 28×28 pixels, of whatever shape."""
    return _shape_of_a_digit(model) is not None


def find_bad_answer(model):
    """Return what is wrong with a model's answer to an image, in words, or None.

    Args:
        model: a keras.Model that takes a digit.
    """
    shape = _shape_of_a_digit(model)
    image = np.linspace(0, 1, 28 * 28, dtype="float32").reshape(1, *shape)
    # Else layers that augment would act, and those that average would learn from it.
    answer = np.asarray(model(image, training=False), float)
    # Written so that NaN fails, too.
    if answer.shape == (1, 10) and answer.min() >= 0 and abs(answer.sum() - 1) < SAME:
        return None
    return "does not answer with ten probabilities"


def check_written(folder, info, model):
    """See that a run which was written can be read, before it replaces an older one.

    Args:
        folder: of the run.
        info: its run.json.
        model: the keras.Model that was saved.

    Raises:
        RunError: loading would refuse the run or its model.
    """
    advice = "Build the model from layers that come with Keras, without Lambda"
    try:
        n_loaded = info["parameters"]
        if hasattr(model, "predict"):
            n_loaded = _load(folder / "model.keras").count_params()
        read_run(folder, info["name"])
    except BadFile as error:
        raise RunError(
            f"Nothing was saved: {error.path.name} {error.why}, so loading would "
            f"refuse it. {advice}, and name its activations: activation='relu'."
        ) from error
    if n_loaded != info["parameters"]:
        raise RunError(
            f"Nothing was saved: the model has {info['parameters']:,} parameters, "
            f"loaded again it has {n_loaded:,}. {advice}."
        )


def _load(path):
    try:
        return load_checked(path)
    except (BadFile, OSError):
        raise
    except Exception as error:  # Keras raises whatever the model's parts raise
        why = f"cannot be loaded by Keras itself ({' '.join(str(error).split()):.200})"
        raise BadFile(path, why) from error


def _shape_of_a_digit(model):
    """Return the shape in which a model takes a digit's 28×28 pixels, or None."""
    shape = tuple(getattr(model, "input_shape", ())[1:])
    is_one_image = all(isinstance(side, int) for side in shape)  # not of several inputs
    is_asked = hasattr(model, "predict") and is_one_image
    return shape if is_asked and math.prod(shape) == 28 * 28 else None


def _predict(model, x, shape):
    scaled = x.reshape(-1, *shape).astype("float32") / 255
    return np.asarray(model.predict(scaled, batch_size=N_ASKED, verbose=0))
