"""The looks that all figures share, on paper and on a page that is light or dark."""

from collections.abc import Callable
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from mnistgen.charts import saved

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
    "figure.constrained_layout.use": True,
}

INK = "#1b1f24"
GREY = "#737b84"
"""Ink that can be read on a light and on a dark page."""


class Drawn(NamedTuple):
    """One figure as files: PNG and SVG in ink on white, and an SVG for a page of any colour."""

    png: bytes
    svg: bytes
    page: bytes


def draw(figure: Callable[[], Figure]) -> Drawn:
    """A figure in all its forms."""
    with mpl.rc_context(_looks(INK)):
        made = figure()
        png, svg = (saved(made, kind, bbox_inches="tight") for kind in ("png", "svg"))
    with mpl.rc_context(_looks(GREY)):
        page = saved(figure(), "svg", bbox_inches="tight", transparent=True, dpi=130)
    return Drawn(png, svg, page)


def _looks(ink: str) -> Any:  # whose keys matplotlib lists one by one as literals
    keys = (
        "text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color",
        "ytick.color", "grid.color",
    )  # fmt: skip
    return {**COMMON, **dict.fromkeys(keys, ink)}
