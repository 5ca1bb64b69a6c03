"""Charts of measured numbers: curves in, matplotlib figures out."""

import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mnistgen.plots.panels import gap, side_by_side
from mnistgen.tracking import Curve

MODEL_COLOURS = {
    "densegan": "#0072B2",
    "densegan_deep": "#56B4E9",
    "cnngan": "#009E73",
    "densevae": "#E69F00",
    "cnnvae": "#D55E00",
}
"""The same for a model in every chart. Source: M. Okabe and K. Ito, "Color Universal Design"."""

OTHER_COLOURS = ("#CC79A7", "#F0E442", "#000000")
MARKERS = dict(zip(MODEL_COLOURS, "osD^v", strict=True))
LINES = ("-", "--", ":", "-.")
WIDTH = 70  # characters of a legend that a figure is wide enough for

INK = "#1b1f24"
GREY = "#737b84"  # ink that can be read on a light and on a dark page

LOOKS: Any = {  # of a page's figures; Any, for matplotlib types each key as a literal of its own
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "grid.color"), INK
    ),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
}


def colour(model: str, models: Sequence[str] = ()) -> str:
    """The colour of a model; of one that is not the project's own by its place among `models`."""
    others = [name for name in models if name not in MODEL_COLOURS]
    place = others.index(model) if model in others else 0
    return MODEL_COLOURS.get(model, OTHER_COLOURS[place % len(OTHER_COLOURS)])


def metric_against_key(curves: Sequence[Curve], *, key: str, metric: str) -> Figure:
    """A line a curve and a band of one standard deviation over seeds; a cross where one diverged.

    The axis of a key whose values are positive and go over a decade is logarithmic.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    values = [x for curve in curves for x in curve.x]
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in values)
    if not numbers:
        curves = [curve._replace(x=[str(x) for x in curve.x]) for curve in curves]
    models = list(dict.fromkeys(curve.model for curve in curves))
    for curve in curves:
        style = LINES[[c.label for c in curves if c.model == curve.model].index(curve.label) % 4]
        _line_with_band(axes, curve, colour(curve.model, models), style)
    if numbers and min(values) > 0 and max(values) >= 10 * min(values):
        axes.set_xscale("log")
    means = [mean for curve in curves for mean in curve.y if mean is not None]
    if means and min(means) > 0 and max(means) > 10 * min(means):
        axes.set_yscale("log")
    for curve in curves:  # after the scale is known: crosses stand on the upper edge
        gone = [x for x, mean in zip(curve.x, curve.y, strict=True) if mean is None]
        edge = axes.get_xaxis_transform()
        shade = colour(curve.model, models)
        heights = [0.97] * len(gone)
        (crosses,) = axes.plot(gone, heights, "x", color=shade, transform=edge, clip_on=False)
        crosses.set_in_layout(False)  # with them it would move at each drawing
    axes.set_xlabel(f"{key}   (x: diverged)" if any(None in curve.y for curve in curves) else key)
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)
    _legend_below(figure, [curve.label for curve in curves])
    return figure


def against_epoch(
    curves: Mapping[str, Sequence[Curve]], *, label: str, log: bool = False
) -> Figure:
    """One quantity of several models against the epoch, a line a seed."""
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    for model, seeds in curves.items():
        looks: dict[str, Any] = {"color": colour(model), "marker": MARKERS.get(model, "x")}
        if seeds:
            every = max(1, max(len(curve.x) for curve in seeds) // 10)
            _seeds(axes, seeds, model, markevery=every, markersize=5, **looks)
        else:
            axes.plot([], [], alpha=0.4, label=f"{model}: not measured", **looks)
    if log:
        axes.set_yscale("log")
    _finish(axes, label)
    return figure


def panels_against_epoch(
    panels: Mapping[str, Mapping[str, Sequence[Curve]]], *, label: str
) -> Figure:
    """Some quantities against the epoch: a panel a model, a style a quantity, a line a seed."""
    figure, row = side_by_side(panels, width=4, height=3.2)
    for axes, (model, quantities) in zip(row, panels.items(), strict=True):
        for style, (name, seeds) in zip(LINES, quantities.items(), strict=False):
            _seeds(axes, seeds, name, color=colour(model), linestyle=style)
        _finish(axes, label)
    return figure


def saved(figure: Figure, kind: str, **options: Any) -> bytes:
    """A figure as a "png" or "svg" file that holds no date: the same bytes for the same figure."""
    file = io.BytesIO()
    undated = {"Date": None} if kind == "svg" else {}
    with rc_context({"svg.hashsalt": "mnistgen"}):
        figure.savefig(file, format=kind, metadata=undated, **options)
    return file.getvalue()


class Forms(NamedTuple):
    """One figure as files: PNG and SVG in ink on white, and an SVG for a page of any colour."""

    png: bytes
    svg: bytes
    page: bytes


def forms(draw: Callable[[], Figure | None]) -> Forms | None:
    """All forms of the figure that `draw` makes in these looks; None where it makes none."""
    with rc_context(LOOKS):
        figure = draw()
        if figure is None:
            return None
        png, svg = (saved(figure, kind, bbox_inches="tight") for kind in ("png", "svg"))
        page = saved(figure, "svg", bbox_inches="tight", transparent=True, dpi=130)
    # Colours are words of an SVG, so the ink changes without a second drawing
    return Forms(png, svg, page.replace(INK.encode(), GREY.encode()))


def _legend_below(figure: Figure, labels: Sequence[str]) -> None:
    """A legend that covers no line and leaves the axes their width, whatever its labels."""
    columns = len(labels) if len(" ".join(labels)) < WIDTH else 1
    legend = figure.legend(loc="outside lower center", fontsize="small", ncols=columns)
    for text in legend.get_texts():
        text.set_text(textwrap.fill(text.get_text(), WIDTH, break_long_words=False))


def _line_with_band(axes: Axes, curve: Curve, shade: str, style: str) -> None:
    there = [place for place, y in enumerate(curve.y) if y is not None]
    x = [curve.x[place] for place in there]
    y = np.array([curve.y[place] for place in there], dtype=float)
    sd = np.array([curve.sd[place] or 0.0 for place in there])
    axes.plot(x, y, style, marker="o", markersize=4, color=shade, label=curve.label)
    if sd.any():
        axes.fill_between(x, y - sd, y + sd, color=shade, alpha=0.2, linewidth=0)


def _seeds(axes: Axes, seeds: Sequence[Curve], label: str, **looks: Any) -> None:
    """A line a seed: the first carries the label, further ones are thinner."""
    for place, curve in enumerate(seeds):
        weight: dict[str, Any] = {"alpha": 0.45, "linewidth": 1}
        if place == 0:
            weight = {"alpha": 1, "linewidth": 1.8, "label": label}
        axes.plot(curve.x, curve.y, **weight, **looks)  # type: ignore[arg-type]  # None is a gap


def _finish(axes: Axes, label: str) -> None:
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if axes.lines:
        axes.legend()
    else:
        gap(axes, "no run")
