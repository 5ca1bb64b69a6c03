"""An .npz file of arrays as a data set."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnistgen.config import one_line
from mnistgen.data import splits
from mnistgen.data.module import Arrays
from mnistgen.data.own import OwnFiles
from mnistgen.data.resize import SIDE, eight_bits, fit, unfit
from mnistgen.data.splits import Labelled
from mnistgen.errors import UserError

NAMES = "images", "labels", "test_images", "test_labels"
LABEL_KINDS = "biuSU"  # of numpy: whole numbers and texts
CHUNK = 1_000  # images that are floats at once


class ArrayFile(OwnFiles):
    """The arrays of the .npz file `root`: images, and maybe labels and both of a test set.

    Images (N, H, W) become grey ones of 28 x 28 pixels, or with `resize=False` must be of that
    size.
    """

    kind = "FILE.npz"

    def read(self, root: Path, stamp: str) -> Arrays:
        """The data set; raises UserError, which names the array, where the file is damaged."""
        return _read(root, self.resize, stamp)


@lru_cache(maxsize=4)
def _read(path: Path, resize: bool, stamp: str) -> Arrays:
    found = _content(path)
    if "images" not in found or not found.keys() <= set(NAMES):
        raise UserError(
            f"data.root={path} has the arrays {', '.join(found) or 'none'}: there must be images, "
            f"and there may be {', '.join(NAMES[1:])}"
        )
    has_test, has_labels = "test_images" in found, "labels" in found
    if ("test_labels" in found) != (has_test and has_labels):
        raise UserError(f"data.root={path}: labels and test_labels must both be there, or none is")
    train = _labelled(path, found, "", resize)
    test = _labelled(path, found, "test_", resize) if has_test else None
    return splits.assemble(f"data.root={path}", train, test)


def _content(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return dict(file)
    except Exception as error:  # NumPy raises whatever a damaged file leads it to
        words = "it must be an .npz file of numbers"
        raise UserError(f"data.root={path} is not allowed: {words} ({one_line(error)})") from error


def _labelled(path: Path, found: dict[str, NDArray[Any]], prefix: str, resize: bool) -> Labelled:
    name = f"{path}: {prefix}images"
    images, labels = found[f"{prefix}images"], found.get(f"{prefix}labels")
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim != 3 or 0 in images.shape[1:]:
        shape = " x ".join(map(str, images.shape))
        raise UserError(f"{name} is of {shape}: it must be of N x height x width")
    if labels is not None and (labels.ndim != 1 or labels.dtype.kind not in LABEL_KINDS):
        raise UserError(f"{path}: {prefix}labels must be of N whole numbers or texts")
    if labels is not None and len(labels) != len(images):
        raise UserError(f"{name} are {len(images)}, and {prefix}labels are {len(labels)}")
    if not resize and images.shape[1:] != (SIDE, SIDE):
        raise unfit(name, images.shape[1:])
    chunks = [fit(_to_bytes(name, images[i : i + CHUNK])) for i in range(0, len(images), CHUNK)]
    return Labelled(torch.cat([torch.empty(0, SIDE, SIDE, dtype=torch.uint8), *chunks]), labels)


def _to_bytes(name: str, images: NDArray[Any]) -> Tensor:
    if images.dtype.kind == "f" and images.min() >= 0 and images.max() <= 1:  # not with a NaN
        images = np.rint(images * 255).astype(np.uint8)
    elif images.dtype == np.uint16:
        images = eight_bits(images)
    elif images.dtype == np.bool_:
        images = images * np.uint8(255)
    elif images.dtype != np.uint8:
        extent = f" from {images.min():g} to {images.max():g}" if images.dtype.kind == "f" else ""
        raise UserError(
            f"{name} are {images.dtype}{extent}: they must be uint8, uint16 or bool, or floats "
            "from 0 to 1"
        )
    return torch.from_numpy(images)
