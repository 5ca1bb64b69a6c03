"""A folder of image files as a data set."""

import logging
import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.datasets.folder import IMG_EXTENSIONS

from mnistgen.config import one_line
from mnistgen.data import splits
from mnistgen.data.module import Arrays
from mnistgen.data.own import OwnFiles
from mnistgen.data.resize import SIDE, eight_bits, fit, unfit
from mnistgen.data.splits import Labelled
from mnistgen.errors import UserError

log = logging.getLogger(__name__)

ENDINGS = frozenset({*IMG_EXTENSIONS, ".gif"})
SPLIT = frozenset({"train", "test"})
NO_CLASSES = frozenset({*SPLIT, "val", "valid", "validation"})


class ImageFolder(OwnFiles):
    """The image files of the folder `root`, where a sub-folder is a class.

    Each becomes a grey one of 28 x 28 pixels, or with `resize=False` must be of that size.
    """

    kind = "FOLDER"

    def read(self, root: Path, stamp: str) -> Arrays:
        """The data set; raises UserError, which names the file, where one is damaged or odd."""
        return _read(root, self.resize, stamp)


class File(NamedTuple):
    """An image file, and the sub-folder that it is in; empty where it is in none."""

    path: Path
    folder: str


@lru_cache(maxsize=4)
def _read(root: Path, resize: bool, stamp: str) -> Arrays:
    if not root.is_dir():
        raise UserError(f"data.root={root} is not allowed: it must be a folder of image files")
    try:
        return _assembled(root, resize)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from error


def _assembled(root: Path, resize: bool) -> Arrays:
    paths = list(root.iterdir())
    names = {path.name for path in paths if path.is_dir() and not path.name.startswith(".")}
    if names == SPLIT and not any(map(_is_image, paths)):
        parts = [_labelled(root / name, resize) for name in ("train", "test")]
        if len({part.labels is None for part in parts}) > 1:
            raise UserError(
                f"{root}: of train and test one has sub-folders and the other has none"
            )
        return splits.assemble(f"data.root={root}", *parts)
    if unclear := sorted(names & NO_CLASSES):
        raise UserError(
            f"{root / unclear[0]} is no class: a split is in the two folders train and test, and "
            "nothing else is beside them"
        )
    return splits.assemble(f"data.root={root}", _labelled(root, resize), None)


def _labelled(root: Path, resize: bool) -> Labelled:
    found = files(root)
    log.info("reading %d images in %s", len(found), root)
    images = _load([file.path for file in found], resize)
    folders = np.array([file.folder for file in found])
    return Labelled(images, folders if folders.any() else None)


def files(root: Path) -> list[File]:
    """The image files below a folder, by their names; those that are hidden are passed over.

    Raises UserError where there are none, or some are in sub-folders and others are in none.
    """
    found, others = [], []
    for path in sorted(_visible(root)):
        if _is_image(path):
            parts = path.relative_to(root).parts
            found.append(File(path, parts[0] if len(parts) > 1 else ""))
        else:
            others.append(path)
    if others:
        log.warning("passed over: %d files that are no images, as %s", len(others), others[0])
    if not found:
        words = ", ".join(sorted(ENDINGS))
        raise UserError(f"{root} has no image files, which end in {words}")
    outside = [file.path for file in found if not file.folder]
    if outside and len(outside) < len(found):
        raise UserError(f"{outside[0]} is in no class: there are other images in sub-folders")
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def _visible(root: Path) -> Iterable[Path]:
    def stop(error: OSError) -> None:  # otherwise the folder would be passed over
        raise error

    for folder, below, names in os.walk(root, onerror=stop, followlinks=True):
        below[:] = [name for name in below if not name.startswith(".")]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _load(paths: list[Path], resize: bool) -> Tensor:
    def load(path: Path) -> Tensor:
        grey = read(path)
        if not resize and grey.shape != (SIDE, SIDE):
            raise unfit(str(path), grey.shape)
        return fit(torch.from_numpy(grey).unsqueeze(0))

    with warnings.catch_warnings(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return torch.cat(list(pool.map(load, paths)))


def read(path: Path) -> NDArray[np.uint8]:
    """The grey values of an image file, (H, W): upright, and over black where it is transparent.

    Raises UserError where it is damaged, has more images than one, or more than 16 bits.
    """
    try:
        with Image.open(path) as opened:
            if (frames := getattr(opened, "n_frames", 1)) > 1:
                raise UserError(f"{path} has {frames} images, and it must have one")
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I;16"):
                return eight_bits(np.asarray(image))
            if image.mode in ("I", "F"):
                raise UserError(
                    f"{path} has 32 bits for a pixel's grey, and at most 16 are allowed"
                )
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
            return np.array(image.convert("L"))
    except UserError:
        raise
    except Exception as error:  # Pillow's readers raise whatever a damaged file leads them to
        raise UserError(f"{path} cannot be read as an image: {one_line(error)}") from error
