"""Panels of images and points: arrays in, matplotlib figures out; what is missing leaves a gap.

An image is an array (H, W) in [0, 1].
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]

DIGIT_COLOURS = (
    "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00",
    "#CC79A7", "#B8A800", "#7F7F7F", "#A65628", "#6A3D9A",
)  # fmt: skip


class Plane(NamedTuple):
    """Points in a plane, (N, 2), the digit of each, (N,), and what the axes are."""

    points: Array
    digits: Array
    axes: tuple[str, str]


def images(pictures: Mapping[str, Array | None]) -> Figure:
    """Images side by side, each under its name."""
    figure, panels = side_by_side(pictures, width=4, height=4.3)
    for axes, picture in zip(panels, pictures.values(), strict=True):
        _image(axes, picture)
    return figure


def strips(rows: Mapping[str, Mapping[str, Array | None]]) -> Figure:
    """Rows of images, each row after its name and each image under its own."""
    columns = max(map(len, rows.values()), default=1)
    figure = Figure(figsize=(1.5 * columns, 1.75 * len(rows)))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for row, (name, pictures) in zip(grid, rows.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        row[0].text(
            -0.04, 0.5, name, transform=row[0].transAxes, rotation=90, va="center",
            ha="right",
        )  # fmt: skip
        if not pictures:
            gap(row[0], "no pictures")
        for axes, (title, picture) in zip(row, pictures.items(), strict=False):
            axes.set_title(title, fontsize=8)
            _image(axes, picture)
    return figure


def digits(planes: Mapping[str, Plane | None]) -> Figure:
    """Points in planes, each drawn as its digit, so that they differ in more than colour."""
    figure, panels = side_by_side(planes, width=5.5, height=5)
    for axes, plane in zip(panels, planes.values(), strict=True):
        if plane is None:
            gap(axes, "no checkpoint")
            continue
        for digit in np.unique(plane.digits):
            shade = DIGIT_COLOURS[digit % len(DIGIT_COLOURS)]
            x, y = plane.points[plane.digits == digit].T
            axes.scatter(
                x, y, s=22, color=shade, marker=f"${digit}$", linewidths=0.2,
                label=str(digit), rasterized=True,
            )  # fmt: skip
        axes.set_xlabel(plane.axes[0])
        axes.set_ylabel(plane.axes[1])
        axes.set_aspect("equal", adjustable="datalim")
    return figure


def confusions(counts: Mapping[str, Array | None], *, columns: str, rows: str) -> Figure:
    """Matrices of counts, (N, N), in the colours of the shares of their rows."""
    figure, panels = side_by_side(counts, width=5, height=4.8)
    for axes, matrix in zip(panels, counts.values(), strict=True):
        if matrix is None:
            gap(axes, "not evaluated")
            continue
        shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        # Nearly all lies on the diagonal: the root shows what does not
        axes.imshow(np.sqrt(shares), cmap="cividis", vmin=0, vmax=1)
        for i, j in np.argwhere(matrix > 0):
            ink = "black" if shares[i, j] > 0.4 else "white"
            words = f"{matrix[i, j]:.0f}"
            axes.text(j, i, words, ha="center", va="center", fontsize=7, color=ink)
        axes.grid(visible=False)
        axes.set_xticks(range(len(matrix)))
        axes.set_yticks(range(len(matrix)))
        axes.set_xlabel(columns)
        axes.set_ylabel(rows)
    return figure


def side_by_side(
    names: Iterable[str], *, width: float, height: float
) -> tuple[Figure, list[Axes]]:
    """A panel under each name, side by side."""
    titles = list(names)
    figure = Figure(figsize=(width * len(titles), height))
    panels = list(figure.subplots(1, len(titles), squeeze=False)[0])
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
    return figure, panels


def gap(axes: Axes, words: str) -> None:
    """Say in the middle of a panel what is missing."""
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", style="italic")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)


def _image(axes: Axes, picture: Array | None) -> None:
    axes.set_axis_off()
    if picture is None:
        gap(axes, "no picture")
    else:
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none")
