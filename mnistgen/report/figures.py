"""The figures of the report, one function each: data in, a matplotlib Figure out.

An image is an array (H, W) in [0, 1]; a curve is (epochs, values) of one run. What is missing
leaves a labelled gap.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mnistgen.charts import MODEL_COLOURS, OTHER_COLOURS, colour

Array = NDArray[Any]
MARKERS = dict(zip(MODEL_COLOURS, "osD^v", strict=True))
Curve = tuple[Sequence[float], Sequence[float]]


def images(pictures: Mapping[str, Array | None]) -> Figure:
    """Grids of images side by side, each under its name (the paper's Figures 1 and 3)."""
    figure, axes = _row(len(pictures), width=4, height=4.3)
    for ax, (name, picture) in zip(axes, pictures.items(), strict=True):
        ax.set_title(name)
        ax.set_axis_off()
        if picture is None:
            _gap(ax, "no picture")
        else:
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none")
    return figure


def gan_losses(curves: Mapping[str, Mapping[str, Sequence[Curve]]]) -> Figure:
    """Both losses of each GAN against the epoch (the paper's Figure 2).

    `curves` are those of "g_loss" and "d_loss" of each model, a curve a seed.
    """
    figure, axes = _row(len(curves), width=4, height=3.2)
    for ax, (model, losses) in zip(axes, curves.items(), strict=True):
        shade = colour(model)
        ax.set_title(model)
        for name, label, line in (
            ("g_loss", "generator", "-"),
            ("d_loss", "discriminator", "--"),
        ):
            _plot(ax, losses.get(name, ()), label, color=shade, linestyle=line)
        _finish(ax, "loss (nats)")
    return figure


def curves(of_models: Mapping[str, Sequence[Curve]], label: str, *, log: bool = False) -> Figure:
    """One quantity of several models against the epoch (the paper's Figure 4, and FID)."""
    figure, (ax,) = _row(1, width=7, height=4)
    for model, found in of_models.items():
        marker = MARKERS.get(model, "x")
        shade = colour(model)
        every = max(1, max((len(x) for x, _ in found), default=0) // 10)
        name = model if found else f"{model}: not measured"
        _plot(ax, found, name, color=shade, marker=marker, markevery=every, markersize=5)
        if not found:
            ax.plot([], [], color=shade, marker=marker, alpha=0.4, label=name)
    if log:
        ax.set_yscale("log")
    _finish(ax, label)
    return figure


def filmstrip(strips: Mapping[str, Mapping[int, Array]]) -> Figure:
    """Samples of the same latents through the epochs: a row a model, a column an epoch."""
    columns = max(map(len, strips.values()), default=1)
    figure = Figure(figsize=(1.5 * columns, 1.75 * len(strips)))
    grid = figure.subplots(len(strips), columns, squeeze=False)
    for row, (model, pictures) in zip(grid, strips.items(), strict=True):
        for ax in row:
            ax.set_axis_off()
        row[0].text(-0.08, 0.5, model, transform=row[0].transAxes, rotation=90, va="center")
        if not pictures:
            _gap(row[0], "no pictures")
        for ax, (epoch, picture) in zip(row, pictures.items(), strict=False):
            ax.set_title(f"epoch {epoch}", fontsize=8)
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none")
    return figure


class Plane(NamedTuple):
    """Latents of test images in a plane, (N, 2), their digits (N,), and what the axes are."""

    points: Array
    digits: Array
    axes: tuple[str, str]


def latents(planes: Mapping[str, Plane | None]) -> Figure:
    """Where a VAE puts the test images, each drawn as its digit, so that colour is no need."""
    figure, axes = _row(len(planes), width=5.5, height=5)
    palette = [
        *MODEL_COLOURS.values(),
        OTHER_COLOURS[0],
        "#B8A800",
        "#7F7F7F",
        "#A65628",
        "#6A3D9A",
    ]
    for ax, (model, plane) in zip(axes, planes.items(), strict=True):
        ax.set_title(model)
        if plane is None:
            _gap(ax, "no checkpoint")
            continue
        for digit in range(10):
            x, y = plane.points[plane.digits == digit].T
            ax.scatter(
                x, y, s=22, color=palette[digit], marker=f"${digit}$", linewidths=0.2,
                label=str(digit), rasterized=True,
            )  # fmt: skip
        ax.set_xlabel(plane.axes[0])
        ax.set_ylabel(plane.axes[1])
        ax.set_aspect("equal", adjustable="datalim")
    return figure


def confusions(counts: Mapping[str, Array | None]) -> Figure:
    """How digits are read after a VAE has reconstructed them: counts of test images."""
    figure, axes = _row(len(counts), width=5, height=4.8)
    for ax, (model, matrix) in zip(axes, counts.items(), strict=True):
        ax.set_title(model)
        if matrix is None:
            _gap(ax, "not evaluated")
            continue
        shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        # Nearly all lies on the diagonal: the root shows what does not
        ax.imshow(np.sqrt(shares), cmap="cividis", vmin=0, vmax=1)
        for i, j in np.argwhere(matrix > 0):
            ink = "black" if shares[i, j] > 0.4 else "white"
            ax.text(j, i, f"{matrix[i, j]:.0f}", ha="center", va="center", fontsize=7, color=ink)
        ax.grid(visible=False)
        ax.set_xticks(range(10))
        ax.set_yticks(range(10))
        ax.set_xlabel("digit read from the reconstruction")
        ax.set_ylabel("true digit")
    return figure


def _row(n: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width * max(n, 1), height))
    return figure, list(figure.subplots(1, max(n, 1), squeeze=False)[0])


def _plot(ax: Axes, found: Sequence[Curve], label: str, **looks: Any) -> None:
    """One curve a seed: the first carries the label, further ones are thinner."""
    for number, (x, y) in enumerate(found):
        first = number == 0
        ax.plot(
            x, y, label=label if first else None, alpha=1 if first else 0.45,
            linewidth=1.8 if first else 1, **looks,
        )  # fmt: skip


def _finish(ax: Axes, label: str) -> None:
    ax.set_xlabel("epoch")
    ax.set_ylabel(label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if ax.lines:
        ax.legend()
    else:
        _gap(ax, "no run")


def _gap(ax: Axes, words: str) -> None:
    """Say in the middle of a panel what is missing."""
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", style="italic")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
