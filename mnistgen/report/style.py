"""The looks that all figures share, on paper and on a dark screen."""

import io
from collections.abc import Callable
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

MODEL_COLOURS = {
    "densegan": "#0072B2",
    "densegan_deep": "#56B4E9",
    "cnngan": "#009E73",
    "densevae": "#D55E00",
    "cnnvae": "#E69F00",
}
"""Colours that are told apart with any colour vision.

Source: M. Okabe and K. Ito, "Color Universal Design", 2008.
"""

OTHER_COLOUR = "#CC79A7"

MODEL_MARKERS = dict(zip(MODEL_COLOURS, "osD^v", strict=True))

COMMON = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "svg.hashsalt": "mnistgen",  # the same figure is the same file
    "figure.constrained_layout.use": True,
}

INK = {"light": "#1b1f24", "dark": "#e6e6e6"}


def theme(name: str) -> dict[str, object]:
    """matplotlib's settings for "light" or "dark"."""
    ink = INK[name]
    keys = (
        "text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color",
        "ytick.color", "grid.color",
    )  # fmt: skip
    return {**COMMON, **dict.fromkeys(keys, ink)}


class Drawn(NamedTuple):
    """One figure as files: PNG and SVG on white, and a transparent SVG for either theme."""

    png: bytes
    svg: bytes
    light: bytes
    dark: bytes


def draw(figure: Callable[[], Figure]) -> Drawn:
    """A figure in all its forms; it is drawn once for each theme."""
    with mpl.rc_context(theme("light")):
        made = figure()
        png = _saved(made, "png", transparent=False)
        svg = _saved(made, "svg", transparent=False)
        light = _saved(made, "svg", transparent=True)
    with mpl.rc_context(theme("dark")):
        dark = _saved(figure(), "svg", transparent=True)
    return Drawn(png, svg, light, dark)


def _saved(figure: Figure, kind: str, *, transparent: bool) -> bytes:
    canvas = FigureCanvasAgg(figure) if kind == "png" else FigureCanvasSVG(figure)
    file = io.BytesIO()
    undated = {"Date": None} if kind == "svg" else {}
    canvas.figure.savefig(
        file, format=kind, transparent=transparent, bbox_inches="tight", metadata=undated
    )
    return file.getvalue()
