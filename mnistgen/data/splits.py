"""One's own images as a data set: the numbers of their classes, a test set, a checksum."""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnistgen.data.module import Arrays
from mnistgen.errors import UserError

FEWEST = 64  # of each split: a FID has so many features
TEST_SHARE = 7  # one image of so many is for the test, as of MNIST's 70,000


class Labelled(NamedTuple):
    """Images, uint8, (N, 28, 28), and the class of each, (N,): whole numbers or texts."""

    images: Tensor
    labels: NDArray[Any] | None


def given(root: Path | None, what: str) -> Path:
    """The path of the data; raises UserError where none was given."""
    if root is None:
        raise UserError(f"data.root is missing: give data.root={what}")
    return root


def stamp(root: Path) -> str:
    """A text that is another one once a file at or below `root` has changed."""
    places = [
        os.path.join(folder, name)  # noqa: PTH118 # of many files; it is a third of the time
        for folder, _, names in os.walk(root, followlinks=True)
        for name in ["", *names]
    ]
    digest = hashlib.sha256()
    for place in sorted([str(root), *places]):
        with contextlib.suppress(OSError):  # whoever reads it says so
            status = os.stat(place)  # noqa: PTH116
            digest.update(f"{place} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()


def assemble(origin: str, train: Labelled, test: Labelled | None) -> Arrays:
    """The data set of some images; without a `test` set, a seventh of the others is that.

    Which images these are, and the order of the rest, whose last are for validation, is random
    but always the same. A single class is none. Raises UserError, which names the `origin`, for
    too few images.
    """
    # The one generator whose numbers NumPy promises never to change
    order = np.random.RandomState(0).permutation(len(train.images))
    if test is None:
        held, order = np.split(order, [len(order) // TEST_SHARE])
        test, train = _take(train, held), _take(train, order)
    else:
        train = _take(train, order)
    sizes = len(train.images), len(test.images)
    if min(sizes) < FEWEST:
        raise UserError(
            f"{origin} has {sizes[0]} training and {sizes[1]} test images: at least {FEWEST} of "
            f"each are needed, and without a test set of its own every {TEST_SHARE}th is for that"
        )
    train_labels, test_labels = _numbers(train.labels, test.labels)
    return arrays(train.images, train_labels, test.images, test_labels)


def arrays(*content: Tensor | None) -> Arrays:
    """Training images and labels and those of the test with their checksum."""
    checksum = hashlib.sha256()
    for part in content:
        if part is not None:
            checksum.update(f"{part.dtype} {tuple(part.shape)}".encode())
            checksum.update(part.contiguous().numpy().data)
    return Arrays._make([*content, checksum.hexdigest()])


def _take(some: Labelled, places: NDArray[Any]) -> Labelled:
    labels = None if some.labels is None else some.labels[places]
    return Labelled(some.images[torch.from_numpy(places)], labels)


def _numbers(*labels: NDArray[Any] | None) -> Sequence[Tensor | None]:
    """Labels as numbers from 0, in the order of the classes; None where there are no two."""
    known = [some for some in labels if some is not None]
    classes = np.unique(np.concatenate(known)) if known else np.empty(0)
    if len(classes) < 2:
        return [None] * len(labels)
    return [torch.from_numpy(np.searchsorted(classes, some)) for some in known]
