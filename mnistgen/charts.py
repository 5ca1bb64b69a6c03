"""Charts of measured numbers: data in, matplotlib figures out."""

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MODEL_COLOURS = {
    "densegan": "#0072B2",
    "densegan_deep": "#56B4E9",
    "cnngan": "#009E73",
    "densevae": "#E69F00",
    "cnnvae": "#D55E00",
}
"""The same for a model in every chart. Source: M. Okabe and K. Ito, "Color Universal Design"."""

OTHER_COLOURS = ("#CC79A7", "#F0E442", "#000000")
LINES = ("-", "--", ":", "-.")


class Curve(NamedTuple):
    """A metric against a key: a point for each value of the key that was tried."""

    model: str
    label: str
    x: list[Any]
    """Numbers, or words."""
    mean: list[float | None]
    """None where a run diverged."""
    deviation: list[float | None]
    """Over seeds; None where there is one."""


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
        _draw(axes, curve, colour(curve.model, models), style)
    if numbers and min(values) > 0 and max(values) >= 10 * min(values):
        axes.set_xscale("log")
    means = [mean for curve in curves for mean in curve.mean if mean is not None]
    if means and min(means) > 0 and max(means) > 10 * min(means):
        axes.set_yscale("log")
    for curve in curves:  # after the scale is known: crosses stand on the upper edge
        gone = [x for x, mean in zip(curve.x, curve.mean, strict=True) if mean is None]
        edge = axes.get_xaxis_transform()
        shade = colour(curve.model, models)
        axes.plot(gone, [0.97] * len(gone), "x", color=shade, transform=edge, clip_on=False)
    axes.set_xlabel(f"{key}   (x: diverged)" if any(None in c.mean for c in curves) else key)
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def _draw(axes: Axes, curve: Curve, shade: str, style: str) -> None:
    points = [
        (x, mean, deviation or 0.0)
        for x, mean, deviation in zip(curve.x, curve.mean, curve.deviation, strict=True)
        if mean is not None
    ]
    x, mean, deviation = (
        (list(column) for column in zip(*points, strict=True)) if points else ([],) * 3
    )
    axes.plot(x, mean, style, marker="o", markersize=4, color=shade, label=curve.label)
    if any(deviation):
        low = [m - d for m, d in zip(mean, deviation, strict=True)]
        high = [m + d for m, d in zip(mean, deviation, strict=True)]
        axes.fill_between(x, low, high, color=shade, alpha=0.2, linewidth=0)


def saved(figure: Figure, kind: str, **options: Any) -> bytes:
    """A figure as a "png" or "svg" file that holds no date: the same bytes for the same figure."""
    file = io.BytesIO()
    undated = {"Date": None} if kind == "svg" else {}
    with rc_context({"svg.hashsalt": "mnistgen"}):
        figure.savefig(file, format=kind, metadata=undated, **options)
    return file.getvalue()
