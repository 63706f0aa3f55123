"""A figure with a slider for each of its numbers, and a still one where there is none.

    Sliders(draw, row=range(26), column=range(26))

Importing this module does not import TensorFlow.
"""

from html import escape

try:
    import ipywidgets
except ImportError:  # all else in a notebook works without
    ipywidgets = None

ABSENT = (
    "The figure stands still: its sliders need the package ipywidgets, which this "
    "notebook's Python does not have. To move it: pip install -r requirements.txt, "
    "then restart the kernel. Or change the numbers in the cell."
)


class Sliders:
    """A figure of the course, drawn afresh whenever a slider is moved.

    Where no widget can be shown (on GitHub, on paper, in slides without Jupyter), the
    notebook shows the figure as it is at first: the output carries both, and each
    reader takes the best that it knows. Without ipywidgets there is the figure only.

    Args:
        draw: function that takes the sliders' values by name and returns a figure of
            utils.plots.
        ranges: for each name the values to choose from, a range; the middle one is
            chosen at first.

    Attributes:
        box: the ipywidgets.VBox of sliders and figure, or None without ipywidgets.
    """

    def __init__(self, draw, **ranges):
        self._draw = draw
        self._values = {n: values[len(values) // 2] for n, values in ranges.items()}
        self.box = self._make_box(ranges) if ipywidgets else None
        if self.box is None:
            print(ABSENT)

    def _make_box(self, ranges):
        sliders = [
            ipywidgets.IntSlider(
                self._values[name],
                min=values[0],
                max=values[-1],
                step=values.step,
                description=name,
            )
            for name, values in ranges.items()
        ]
        self._picture = ipywidgets.HTML()
        for slider in sliders:
            slider.observe(self._move, "value")
        self._show()
        return ipywidgets.VBox([ipywidgets.HBox(sliders), self._picture])

    def _move(self, change):
        self._values[change["owner"].description] = change["new"]
        self._show()

    def _show(self):
        data, metadata = self._figure()
        alt = escape(metadata["image/png"]["alt"], quote=True)
        source = f"data:image/png;base64,{data['image/png']}"
        fits = "max-width: 100%"  # as Jupyter's own pictures do
        self._picture.value = f'<img alt="{alt}" src="{source}" style="{fits}">'

    def _figure(self):
        """Return the figure at the chosen values as data and metadata of an output."""
        return self._draw(**self._values)._repr_mimebundle_()

    def _repr_mimebundle_(self, **options):
        picture, described = self._figure()
        data = {**picture, "text/plain": "A figure"}
        if self.box is not None:
            widget = self.box._repr_mimebundle_(**options)
            data = {**widget, **data, "text/plain": "A figure with sliders"}
        return data, described
