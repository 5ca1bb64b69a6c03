"""How many images a training and its validation have, and whether its batches fit them."""

import math

from mnistgen.config.values import Config
from mnistgen.errors import UserError

TRAIN_SIZE = 60_000  # training images of MNIST and of those in its format

KNOWN = dict.fromkeys(
    ("mnistgen.data.MNIST", "mnistgen.data.FashionMNIST", "mnistgen.data.KMNIST"), TRAIN_SIZE
)
"""How many training images a data set has, by its class; others must be read to be counted."""


def validation(val_size: float, images: int) -> int:
    """How many of the training images are for validation: a number, or a share of them."""
    if isinstance(val_size, int):
        return val_size
    return math.ceil(val_size * images - 1e-6)  # 0.07 x 100 is a little more than 7


def training(val_size: float, images: int) -> int:
    """How many of the training images are left to train on; raises UserError where none is."""
    left = images - validation(val_size, images)
    if left < 1:
        raise UserError(
            f"data.val_size={val_size} is not allowed: it must be a whole number from 0 to "
            f"{images - 1}, or a share below 1.0 that leaves an image to train on"
        )
    return left


def check(config: Config, images: int) -> None:
    """Raise UserError where data with so many training images make no epochs of whole batches."""
    data, processes = config["data"], config["trainer"]["devices"]
    size = training(data["val_size"], images)
    if size % processes:
        raise UserError(
            f"trainer.devices={processes} is not allowed: it must divide the {size} training "
            "images that data.val_size leaves, so that each is seen once an epoch"
        )
    # Batch norm has nothing to normalise in a batch of one
    has_batch_norm = config["model"].get("batch_norm", True)
    if has_batch_norm and (size // processes) % data["batch_size"] == 1:
        raise UserError(
            f"data.val_size={data['val_size']} is not allowed with data.batch_size="
            f"{data['batch_size']}: it leaves a last batch of one image, and batch norm needs two"
        )
