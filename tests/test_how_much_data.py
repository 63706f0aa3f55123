"""What the lab on learning curves says below its figures, by its committed numbers."""

import re
from collections import defaultdict

import nbformat
import numpy as np
import pytest
from lab_cells import LABS


@pytest.fixture(scope="module")
def errors():
    """Return {(network, digits): mean error in %}, by the lines of the sweep."""
    cells = nbformat.read(LABS / "How_Much_Data.ipynb", as_version=4).cells
    text = "".join(
        output.get("text", "")
        for cell in cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    found = defaultdict(list)
    line = r"(?m)^ *\d+ of \d+: (ANN|CNN), ([\d,]+) digits, seed \d+: ([\d.]+)%$"
    for network, n, accuracy in re.findall(line, text):
        found[network, int(n.replace(",", ""))].append(100 - float(accuracy))
    return {key: np.mean(values) for key, values in found.items()}


@pytest.mark.committed
def test_points_differ_most_at_few_digits_and_the_ratio_of_errors_at_many(errors):
    sizes = sorted({n for _, n in errors})
    assert len(sizes) == 7
    points = [errors["ANN", n] - errors["CNN", n] for n in sizes]
    ratios = [errors["ANN", n] / errors["CNN", n] for n in sizes]
    most = int(np.argmax(points))
    assert most <= 2 and points[most:] == sorted(points[most:], reverse=True)
    assert np.argmax(ratios) >= len(sizes) - 3 and ratios[0] == min(ratios)
    # In points the ANN may gain more (tenfold digits), as a factor it does not.
    for few, many in ((100, 1000), (1000, 10_000)):
        left = {k: errors[k, many] / errors[k, few] for k in ("ANN", "CNN")}
        assert left["CNN"] < left["ANN"]
    gained = {k: errors[k, 1000] - errors[k, 10_000] for k in ("ANN", "CNN")}
    assert gained["ANN"] > gained["CNN"]


@pytest.mark.committed
def test_with_ten_digits_of_a_class_luck_counts_as_much_as_the_network(errors):
    cells = nbformat.read(LABS / "How_Much_Data.ipynb", as_version=4).cells
    text = "".join(str(cell.get("outputs", "")) for cell in cells)
    line = r"(ANN|CNN), 100 digits, seed \d+: ([\d.]+)%"
    accuracies = defaultdict(list)
    for network, accuracy in re.findall(line, text):
        accuracies[network].append(float(accuracy))
    for found in accuracies.values():
        spread = max(found) - min(found)
        assert spread > 0.8 * (errors["ANN", 100] - errors["CNN", 100])
