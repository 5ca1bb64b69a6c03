"""The pictures that a run has left of its epochs."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from mnistgen.plots.panels import Array
from mnistgen.tracking import Group

TILE = 30  # pixels from one image of a grid to the next: 28, and a border of 2


def last(group: Group | None, name: str, *, side: int | None = None) -> Array | None:
    """The newest picture of a name that can be read; None where there is none.

    With `side` it is so many rows and columns of that.
    """
    pictures = (read(path) for path in reversed(_paths(group, name).values() if group else ()))
    whole = next((picture for picture in pictures if picture is not None), None)
    return whole if whole is None or side is None else _corner(whole, side)


def through_epochs(group: Group, *, most: int, side: int) -> dict[int, Array]:
    """The first `side` rows and columns of the samples of up to `most` epochs, by epoch."""
    paths = list(_paths(group, "samples").items())
    evenly = np.linspace(0, len(paths) - 1, min(most, len(paths)))  # with both ends
    pictures = {epoch: read(path) for epoch, path in (paths[int(i + 0.5)] for i in evenly)}
    return {epoch: _corner(p, side) for epoch, p in pictures.items() if p is not None}


def read(path: Path) -> Array | None:
    """The picture of a file, or None where it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"), dtype=np.float32) / 255
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def tiles(picture: Array) -> Array:
    """The images of a grid, row by row, (N, 28, 28)."""
    rows, columns = ((size - 2) // TILE for size in picture.shape)
    inside = picture[2 : 2 + rows * TILE, 2 : 2 + columns * TILE]
    parts = inside.reshape(rows, TILE, columns, TILE).swapaxes(1, 2)
    return parts.reshape(-1, TILE, TILE)[:, :28, :28]


def webp(picture: Array, quality: int) -> bytes:
    """A picture as a small WebP file."""
    file = io.BytesIO()
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(file, "webp", quality=quality)
    return file.getvalue()


def _corner(picture: Array, side: int) -> Array:
    size = 2 + side * TILE  # with the border
    return picture[:size, :size]


def _paths(group: Group, name: str) -> dict[int, Path]:
    """The pictures of a name of the group's first run, by epoch, which ascends."""
    record = group.first
    paths = {epoch: record.run.picture(name, epoch) for epoch in range(1, record.info.epochs + 1)}
    return {epoch: path for epoch, path in paths.items() if path.is_file()}
