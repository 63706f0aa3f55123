"""A figure with a slider for each of its numbers, and a still one where there is none.

    Sliders(draw, row=range(26), column=range(26))

Importing this module does not import TensorFlow.
"""

from html import escape

import ipywidgets


class Sliders(ipywidgets.VBox):
    """A figure of the course, drawn afresh whenever a slider is moved.

    Where no widget can be shown (on GitHub, on paper, in slides without Jupyter), the
    notebook shows the figure as it is at first: the output carries both, and each
    reader takes the best that it knows.

    Args:
        draw: function that takes the sliders' values by name and returns a figure of
            utils.plots.
        ranges: for each name the values to choose from, a range; the middle one is
            chosen at first.
    """

    def __init__(self, draw, **ranges):
        self._draw = draw
        self._sliders = {
            name: ipywidgets.IntSlider(
                values[len(values) // 2],
                min=values[0],
                max=values[-1],
                step=values.step,
                description=name,
            )
            for name, values in ranges.items()
        }
        self._picture = ipywidgets.HTML()
        super().__init__([ipywidgets.HBox([*self._sliders.values()]), self._picture])
        for slider in self._sliders.values():
            slider.observe(self._show, "value")
        self._show()

    def _figure(self):
        """Return the figure at the chosen values as data and metadata of an output."""
        values = {name: slider.value for name, slider in self._sliders.items()}
        return self._draw(**values)._repr_mimebundle_()

    def _show(self, _change=None):
        data, metadata = self._figure()
        alt = escape(metadata["image/png"]["alt"], quote=True)
        source = f"data:image/png;base64,{data['image/png']}"
        fits = "max-width: 100%"  # as Jupyter's own pictures do
        self._picture.value = f'<img alt="{alt}" src="{source}" style="{fits}">'

    def _repr_mimebundle_(self, **options):
        data = super()._repr_mimebundle_(**options)
        picture, described = self._figure()
        return {**data, **picture, "text/plain": "A figure with sliders"}, described
