"""What a figure shows, in words, for readers who cannot see it.

The words are read off the Matplotlib figure: its titles, the kinds of its charts, the
names and values of what is drawn there.
"""

import numpy as np
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer

MOST_CHARTS, MOST_NAMES, MOST_BARS = 6, 12, 10  # a listener's patience
MOST_LINES, MOST_GROUPS, MOST_CELLS = 6, 24, 3


def in_words(figure):
    """Return a description of a Matplotlib figure as a str.

    It begins with the figure's title, then says how many pictures it has and what their
    captions are, and of each chart its axes, and of each line, group of bars or of dots
    its name and its values: a line's first and last, and its lowest and highest where
    these lie between.
    """
    panels = [ax for ax in figure.axes if ax.has_data() and not _is_color_bar(ax)]
    tables = [ax for ax in panels if _cells(ax)]
    pictures = [ax for ax in panels if ax.images]
    charts = [ax for ax in panels if ax not in tables and ax not in pictures]
    drawings = [ax for ax in charts if ax.texts and not _has_labels(ax)]
    charts = [ax for ax in charts if ax not in drawings]
    if len(charts) > MOST_CHARTS:  # such as ten bars under each of many pictures
        charts = [ax for ax in charts if _has_labels(ax)]
    sentences = [figure.get_suptitle(), *_of_pictures(pictures)]
    sentences += [_of_table(ax) for ax in tables]
    sentences += [_of_chart(ax) for ax in charts[:MOST_CHARTS]]
    if len(charts) > MOST_CHARTS:
        sentences.append(f"And {len(charts) - MOST_CHARTS} charts more")
    sentences += _of_drawing(drawings or ([] if panels else figure.axes))
    return _joined(sentences)


def _has_labels(ax):
    return bool(ax.get_title() or ax.get_xlabel() or ax.get_ylabel())


def _is_color_bar(ax):
    return ax.get_label() == "<colorbar>"


def _joined(sentences):
    """Return the sentences, each once, as one text in one line."""
    cleaned = (" ".join(sentence.split()) for sentence in sentences)
    once = dict.fromkeys(sentence for sentence in cleaned if sentence)
    return " ".join(s if s[-1] in ".?!:" else f"{s}." for s in once)


def _listed(names, most=MOST_NAMES):
    """Return the names as a list in words, the first of many."""
    names = [" ".join(name.split()) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    between = "; " if any("," in name for name in names) else ", "
    return between.join(names[:most]) + more


def _number(value):
    value += 0.0  # no "-0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 90 else f"{value:.3g}"  # 99.49 is not 99.52


# --- pictures ------------------------------------------------------------------------


def _of_pictures(panels):
    """Return sentences on the pictures: how many, how large, with what captions."""
    if not panels:
        return []
    count = sum(len(ax.images) for ax in panels)
    captions = [ax.get_title() for ax in panels if ax.get_title()]
    sizes = {image.get_size() for ax in panels for image in ax.images}
    told = "One picture" if count == 1 else f"{count} pictures"
    if len(sizes) == 1:
        told += " of {} × {} pixels".format(*sizes.pop())
    if captions:
        told += f", with the captions: {_listed(captions)}"
    written = _written(text for ax in panels for text in ax.texts)
    return [told, f"On them is written: {written}" if written else ""]


def _written(texts, most=MOST_NAMES):
    return _listed([t.get_text() for t in texts if t.get_text().strip()], most)


# --- tables --------------------------------------------------------------------------


def _cells(ax):
    """Return dict from (row, column) to the number that is written in that cell.

    It is empty where there is no table of numbers.
    """
    if not any(isinstance(mesh, QuadMesh) for mesh in ax.collections):
        return {}
    cells = {}
    for text in ax.texts:
        column, row = text.get_position()
        try:
            cells[int(row), int(column)] = float(text.get_text() or 0)
        except ValueError:
            return {}
    return cells


def _of_table(ax):
    """Describe a table such as a confusion matrix: its diagonal, the most beside it."""
    cells = _cells(ax)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    columns = [label.get_text() for label in ax.get_xticklabels()]
    diagonal = [_number(v) for (row, column), v in cells.items() if row == column]
    beside = {place: v for place, v in cells.items() if place[0] != place[1] and v}
    largest = sorted(beside, key=lambda place: -abs(beside[place]))[:MOST_CELLS]
    most = [
        f"{_number(beside[r, c])} in row {rows[r]}, column {columns[c]}"
        for r, c in largest
    ]
    title = f"{ax.get_title()}: a" if ax.get_title() else "A"
    labels = f" of {ax.get_ylabel()} by {ax.get_xlabel()}" if ax.get_xlabel() else ""
    if len(rows) != len(columns):
        low, high = _number(min(cells.values())), _number(max(cells.values()))
        return f"{title} table{labels} with numbers from {low} to {high}"
    return (
        f"{title} table{labels}; on its diagonal {', '.join(diagonal)}; "
        f"most beside it: {', '.join(most) or 'nothing'}"
    )


# --- charts --------------------------------------------------------------------------


def _of_chart(ax):
    """Describe one chart: its title, its axes, and what is drawn between them."""
    drawn = [*_lines(ax), *_bars(ax), *_dots(ax)] or [_legend(ax)]
    x_label, y_label = ax.get_xlabel(), ax.get_ylabel() or _shared_y_label(ax)
    if _is_lying(ax):
        x_label, y_label = y_label, x_label
    axes = f"{y_label or 'values'} over {x_label}" if x_label else y_label
    start = ", ".join(filter(None, [ax.get_title(), axes]))
    told = "; ".join(filter(None, drawn))
    return ": ".join(filter(None, [start, told]))


def _shared_y_label(ax):
    siblings = ax.get_shared_y_axes().get_siblings(ax)
    return next((s.get_ylabel() for s in siblings if s.get_ylabel()), "")


def _is_lying(ax):
    """Say whether the values of a chart go from left to right."""
    bars = [c.orientation for c in ax.containers if isinstance(c, BarContainer)]
    no_height = ax.get_xlabel() and not ax.get_ylabel() and not _shared_y_label(ax)
    return "horizontal" in bars or bool(no_height)


def _name(artist, otherwise):
    label = str(artist.get_label())
    return otherwise if not label or label.startswith("_") else label


def _legend(ax):
    names = ax.get_legend_handles_labels()[1]
    return _listed(names) if names else ""


def _lines(ax):
    """Yield a text for each line through data; straight guides are none.

    Where some have names, only these are told.
    """
    bars = [c for c in ax.containers if isinstance(c, ErrorbarContainer)]
    lines = [(_name(c, ""), c.lines[0]) for c in bars if c.lines[0]]
    parts = {part for c in bars for part in (c.lines[0], *c.lines[1])}
    lines += [(_name(line, ""), line) for line in ax.lines if line not in parts]
    lines = [
        (name, _values(line, ax))
        for name, line in lines
        if line.get_transform() == ax.transData and line.get_visible()
    ]
    told = {name: values for name, values in lines if name and len(values)}
    unnamed = [values for name, values in lines if not name and len(values)]
    if told:
        names = list(told)[:MOST_NAMES]
        yield from (f"{name} {_course(told[name])}" for name in names)
        if len(told) > MOST_NAMES:
            yield f"and {len(told) - MOST_NAMES} lines more"
    elif len(unnamed) <= MOST_LINES:
        yield from (f"a line {_course(values)}" for values in unnamed)
    else:
        together = np.concatenate(unnamed)
        low, high = _number(together.min()), _number(together.max())
        yield f"{len(unnamed)} lines between {low} and {high}"


def _values(line, ax):
    values = line.get_xdata(orig=False) if _is_lying(ax) else line.get_ydata(orig=False)
    values = np.ma.filled(np.ma.asarray(values, float), np.nan)
    return values[np.isfinite(values)]


def _course(values):
    """Return how a line goes: "from 1 to 0.2", and its turns."""
    first, last = values[0], values[-1]
    low, high = values.min(), values.max()
    if len(values) == 1:
        return f"at {_number(first)}"
    told = f"from {_number(first)} to {_number(last)}"
    if low < min(first, last):
        told += f", lowest {_number(low)}"
    if high > max(first, last):
        told += f", highest {_number(high)}"
    return told


def _bars(ax):
    """Yield a text for each group of bars: what they are named, how high they are."""
    for bars in ax.containers:
        if isinstance(bars, BarContainer) and len(bars):
            upright = bars.orientation != "horizontal"
            sizes = [bar.get_height() if upright else bar.get_width() for bar in bars]
            axis = ax.xaxis if upright else ax.yaxis
            names = [label.get_text() for label in axis.get_ticklabels()]
            name = _name(bars, "bars")
            if len(bars) > MOST_BARS:
                low, high = _number(min(sizes)), _number(max(sizes))
                yield f"{name}, {len(bars)} bars from {low} to {high}"
            elif len(names) == len(bars) and all(names):
                pairs = zip(names, sizes, strict=True)
                told = [f"{' '.join(n.split())} {_number(size)}" for n, size in pairs]
                yield f"{name}: {', '.join(told)}"
            else:
                yield f"{name}: {', '.join(map(_number, sizes))}"


def _dots(ax):
    """Yield a text for each group of dots: how many there are, and how high.

    A group's `gid` names it where the legend has no name for it, or too short a one.
    """
    axis, groups = 0 if _is_lying(ax) else 1, []
    for dots in ax.collections:
        if isinstance(dots, PathCollection):
            heights = np.ma.masked_invalid(dots.get_offsets()[:, axis]).compressed()
            if len(heights):
                groups.append((dots.get_gid() or _name(dots, "dots"), heights))
    if len(groups) > MOST_GROUPS:
        together = np.concatenate([heights for _, heights in groups])
        groups = [(f"{len(groups)} groups of dots", together)]
    for name, heights in groups:
        low, high = _number(heights.min()), _number(heights.max())
        if len(heights) == 1:
            yield f"{name} at {low}"
        else:
            yield f"{name}, {len(heights)} dots between {low} and {high}"


# --- drawings ------------------------------------------------------------------------


def _of_drawing(axes):
    """Return a sentence on boxes and arrows, if there is one: what is written there."""
    words = _written((text for ax in axes for text in ax.texts), most=24)
    return [f"A drawing, in which is written: {words}"] if words else []
