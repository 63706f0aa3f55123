"""Every figure of the course.

The functions take arrays and return a matplotlib Figure; a notebook shows the value of
its cell's last line. Each module draws one kind of figure, in the look of style.py.
"""

import inspect

from utils.plots import style
from utils.plots.comparison import (
    accuracy_against_costs,
    coin_tosses,
    contingency,
    controls,
    detection,
    robustness,
)
from utils.plots.confusion import (
    confusion_difference,
    confusion_matrices,
    confusion_matrix,
)
from utils.plots.convolution import (
    convolution_step,
    deep_kernel,
    exciting_patches,
)
from utils.plots.data import (
    class_balance,
    digit_as_numbers,
    digit_grid,
    image_rows,
    images,
    pixel_histogram,
)
from utils.plots.handwriting import (
    found_on_page,
    photo_grid,
    reading,
    rejection,
    stages,
)
from utils.plots.learning import (
    backpropagation,
    batch_losses,
    descent,
    neuron,
)
from utils.plots.model import (
    architecture,
    attributions,
    feature_maps,
    function,
    receptive_fields,
)
from utils.plots.results import (
    class_accuracy,
    confidence_of_answers,
    coverage,
    predictions,
    reliability_diagram,
)
from utils.plots.style import ANN_COLOR, CNN_COLOR, COLORS
from utils.plots.training import (
    bands,
    compared_curves,
    learning_curves,
    learning_rate,
    search_history,
    seed_accuracies,
    time_to_accuracy,
)

vars().update(
    {
        name: style.our_look()(draw)
        for name, draw in list(vars().items())
        if inspect.isfunction(draw)
    }
)
