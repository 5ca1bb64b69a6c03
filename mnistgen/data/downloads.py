"""EMNIST, QMNIST and USPS, which torchvision downloads and reads."""

import contextlib
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torchvision import datasets

from mnistgen import files
from mnistgen.config import one_line
from mnistgen.data import splits
from mnistgen.data.module import Arrays, DataModule
from mnistgen.data.resize import fit
from mnistgen.data.splits import Labelled
from mnistgen.errors import UserError

# What torchvision raises where there is no network, and where a file is damaged
ERRORS = OSError, RuntimeError, ValueError, TypeError, AssertionError, IndexError, EOFError


class Downloaded(DataModule):
    """The data set that torchvision has under this name, below the folder `root`."""

    torchvision_name: ClassVar[str]
    split: str | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.feature_folder = self.root or self.feature_folder

    def arrays(self) -> Arrays:
        """The data set, read once a process.

        Raises UserError for files that are missing and cannot be downloaded, or are damaged.
        """
        root = splits.given(self.root, "FOLDER")
        return _read(type(self), root, self.split)  # type: ignore[arg-type]  # it is hashable

    @staticmethod
    def part(dataset: Any) -> Labelled:
        """The images and labels of one of torchvision's data sets."""
        return Labelled(fit(torch.as_tensor(dataset.data)), np.asarray(dataset.targets))


class EMNIST(Downloaded):
    """G. Cohen et al., "EMNIST: Extending MNIST to Handwritten Letters", 2017; a `split` of it."""

    torchvision_name = "EMNIST"

    def __init__(self, *, split: str = "letters", **options: Any) -> None:
        super().__init__(**options)
        self.split = split

    @staticmethod
    def part(dataset: Any) -> Labelled:
        """The images upright: in the files their rows are columns."""
        return Labelled(dataset.data.transpose(1, 2).contiguous(), dataset.targets.numpy())


class QMNIST(Downloaded):
    """C. Yadav and L. Bottou, "Cold Case: The Lost MNIST Digits", 2019: MNIST made again."""

    torchvision_name = "QMNIST"

    @staticmethod
    def part(dataset: Any) -> Labelled:
        """The first of the numbers that are known of an image is its class."""
        return Labelled(dataset.data, dataset.targets[:, 0].numpy())


class USPS(Downloaded):
    """J. J. Hull, "A Database for Handwritten Text Recognition Research", 1994, of 16 x 16."""

    torchvision_name = "USPS"


@cache
def _read(kind: type[Downloaded], root: Path, split: str | None) -> Arrays:
    options = {} if split is None else {"split": split}
    load = getattr(datasets, kind.torchvision_name)
    root.mkdir(parents=True, exist_ok=True)
    try:
        # Of two processes one downloads; the bar of that goes to stderr
        with files.lock(root, wait=True), contextlib.redirect_stdout(None):
            parts = [load(root, train=train, download=True, **options) for train in (True, False)]
        train, test = map(kind.part, parts)
    except ERRORS as error:
        name, reason = kind.torchvision_name, one_line(error) or type(error).__name__
        raise UserError(
            f"data.root={root}: torchvision cannot read {name} there, nor download it ({reason})"
        ) from error
    return splits.assemble(kind.torchvision_name, train, test)
