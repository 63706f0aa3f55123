"""A canvas in the notebook: draw a digit, and both networks read it as you draw.

    reader = Reader({"ANN": ann, "CNN": cnn})
    Canvas(reader)

The page sends the drawing as bytes, at most twenty times a second and not before the
last one was answered; the kernel answers with the 28×28 image and the probabilities.
Nothing else passes between them, and nothing is fetched from elsewhere. Importing this
module does not import TensorFlow.
"""

from pathlib import Path

import anywidget
import numpy as np

from utils import plots
from utils.canvas import strokes
from utils.costs import as_function
from utils.handwriting import HandwritingError, to_mnist

HERE = Path(__file__).parent
SIDE = 140  # pixels of the drawing as the page sends it, one byte each
MAPS_SHOWN = 16  # of each layer
# What the browser runs: the pad, and the way to the kernel.
SCRIPTS = ("pad.js", "canvas.js")
STILL = (
    "A still picture. Run this cell in JupyterLab, Notebook 7 or VS Code, and a canvas "
    "takes its place."
)


class Reader:
    """Both networks, ready to read one digit at a time, and quickly.

    Args:
        models: dictionary from name to a built keras.Model that takes one image of
            28×28 with or without a channel; at most two, "ANN" and "CNN" in the
            course's colours.
    """

    def __init__(self, models):
        self._shapes = {n: (1, *m.input_shape[1:]) for n, m in models.items()}
        self._calls = {name: as_function(m, 1) for name, m in models.items()}
        self._maps = next(filter(None, map(_maps_of, models.values())), None)

    def read(self, image):
        """Return dict from model name to its ten probabilities, shape (10,), float32.

        Args:
            image: shape (28, 28), floats from 0 = paper to 1 = ink.
        """
        x = _checked(image)
        return {
            n: call(x.reshape(self._shapes[n]))[0] for n, call in self._calls.items()
        }

    def answers(self, image, sure=False):
        """Return what the networks read as a text: "ANN 7, CNN 7".

        Args:
            image: shape (28, 28), floats from 0 = paper to 1 = ink.
            sure: say how sure they are, too.
        """
        read = self.read(image).items()
        if sure:
            return "\n".join(f"{n} {p.argmax()}, {p.max():.0%} sure" for n, p in read)
        return ", ".join(f"{n} {p.argmax()}" for n, p in read)

    def feature_maps(self, image):
        """Return the CNN's maps: dict from layer to (height, width, n), float32.

        Args:
            image: shape (28, 28), floats from 0 = paper to 1 = ink.
        """
        if self._maps is None:
            return {}
        names, shape, call = self._maps
        outputs = call(_checked(image).reshape(shape))
        if not isinstance(outputs, list):
            outputs = [outputs]  # Keras unpacks one
        maps = [output[0] for output in outputs]
        return dict(zip(names, maps, strict=True))


def _checked(image):
    """Return an image as float32, shape (28, 28); a ValueError where it is none."""
    x = np.squeeze(np.asarray(image, np.float32))
    if x.shape != (28, 28) or not 0 <= x.min() <= x.max() <= 1:
        raise ValueError(
            f"The image has shape {x.shape} and lies in [{x.min():g}, {x.max():g}]. "
            "Expected (28, 28), from 0 = paper to 1 = ink: divide bytes by 255."
        )
    return x


def layers_with_maps(model):
    """Return the layers of a keras.Model whose outputs are worth a look as pictures.

    Those after the activation, where it is a layer of its own; else the convolutions.
    """
    kinds = [type(layer).__name__ for layer in model.layers]
    wanted = "ReLU" if "ReLU" in kinds else "Conv2D"
    return [
        layer
        for layer, kind in zip(model.layers, kinds, strict=True)
        if kind == wanted and len(layer.output.shape) == 4
    ]


def _maps_of(model):
    """Return (names, input shape, function) for a model's maps; None if it has none."""
    outputs = [layer.output for layer in layers_with_maps(model)]
    if not outputs:
        return None
    import keras

    call = as_function(keras.Model(model.inputs[0], outputs), 1)
    names = [f"layer {k + 1}" for k in range(len(outputs))]
    return names, (1, *model.input_shape[1:]), call


class Canvas(anywidget.AnyWidget):
    """The canvas, the 28×28 image, and both models' probabilities.

    Where no widget can be shown, the notebook shows a still picture in its place: the
    output carries both, and each reader takes the best that it knows.

    Args:
        reader: a Reader.
        example: what the still picture shows: a drawing, as in utils.canvas.strokes.

    Attributes:
        image: what was last drawn, in MNIST's form, shape (28, 28), float32 in [0, 1];
            None after a clear and before the first stroke.
    """

    _esm = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    _css = (HERE / "canvas.css").read_text(encoding="utf-8")

    def __init__(self, reader, example=strokes.DIGITS[7]):
        super().__init__()
        self.image = None
        self._reader, self._example = reader, example
        self.on_msg(self._answer)

    def _answer(self, _widget, content, buffers):
        """Answer a drawing; whatever goes wrong is said on the page, too."""
        content = content if isinstance(content, dict) else {}
        try:
            answer, images = self._read(content, buffers)
        except Exception as error:
            answer, images = {"problem": f"{type(error).__name__}: {error}"}, []
        self.send({"id": content.get("id"), **answer}, images)

    def _read(self, content, buffers):
        ink = np.frombuffer(buffers[0], np.uint8).reshape(SIDE, SIDE) / 255
        try:
            self.image = to_mnist(ink)
        except HandwritingError:
            self.image = None
            return {"empty": True}, []
        read = self._reader.read(self.image)
        answer = {"read": {name: prob.tolist() for name, prob in read.items()}}
        images = [_bytes(self.image)]
        if content.get("maps"):
            answer["maps"] = []
            for name, maps in self._reader.feature_maps(self.image).items():
                shown = maps[..., :MAPS_SHOWN]
                answer["maps"].append({"name": name, "shape": maps.shape})
                images.append(_bytes(np.moveaxis(shown, -1, 0) / (maps.max() or 1)))
        return answer, images

    def _repr_mimebundle_(self, **options):
        data, metadata = super()._repr_mimebundle_(**options)
        image = to_mnist(strokes.draw(self._example, SIDE))
        figure = plots.reading(
            strokes.draw(self._example, SIDE), image, self._reader.read(image), STILL
        )
        picture, described = figure._repr_mimebundle_()
        return {**data, **picture, "text/plain": STILL}, {**metadata, **described}


def _bytes(values):
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8).tobytes()
