"""The pictures that a run has left of its epochs."""

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from mnistgen.report.figures import Array
from mnistgen.report.groups import Group

TILE = 30
"""Pixels from one image of a grid to the next: 28, and a border of 2."""


def last(group: Group | None, name: str) -> Array | None:
    """The newest picture of a name, (H, W) in [0, 1]; None where none can be read."""
    for path in reversed(list(_paths(group, name).values())):
        picture = read(path)
        if picture is not None:
            return picture
    return None


def through_epochs(group: Group | None, most: int) -> dict[int, Array]:
    """Up to `most` pictures of the samples by epoch, the first and the last among them."""
    paths = _paths(group, "samples")
    found = {}
    for epoch in _spread(sorted(paths), most):
        picture = read(paths[epoch])
        if picture is not None:
            found[epoch] = picture
    return found


def read(path: Path) -> Array | None:
    """A picture as (H, W) in [0, 1], or None where it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"), dtype=np.float32) / 255
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def tiles(picture: Array) -> Array:
    """The images of a grid, row by row, (N, 28, 28)."""
    rows, columns = ((size - 2) // TILE for size in picture.shape)
    cut = picture[2 : 2 + rows * TILE, 2 : 2 + columns * TILE]
    parts = cut.reshape(rows, TILE, columns, TILE).swapaxes(1, 2)
    return parts.reshape(-1, TILE, TILE)[:, :28, :28]


def corner(picture: Array, n: int) -> Array:
    """The first `n` rows and columns of a grid, with its border."""
    return picture[: 2 + n * TILE, : 2 + n * TILE]


def webp(picture: Array, quality: int) -> bytes:
    """A picture, (H, W) in [0, 1], as a small WebP file."""
    file = io.BytesIO()
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(file, "webp", quality=quality)
    return file.getvalue()


def _paths(group: Group | None, name: str) -> dict[int, Path]:
    """The pictures of a name of the group's first run, by epoch."""
    if group is None:
        return {}
    record = (group.finished or group.records)[0]
    paths = {epoch: record.run.picture(name, epoch) for epoch in range(1, record.epochs + 1)}
    return {epoch: path for epoch, path in paths.items() if path.is_file()}


def _spread(numbers: list[int], most: int) -> list[int]:
    """Up to `most` of the numbers, evenly, both ends among them."""
    if len(numbers) <= most:
        return numbers
    step = (len(numbers) - 1) / (most - 1)
    return [numbers[math.floor(i * step + 0.5)] for i in range(most)]
