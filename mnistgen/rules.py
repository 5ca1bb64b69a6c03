"""What each key of a training's configuration may be, and the kinds of rules that say so."""

import math
import re
from collections.abc import Callable
from typing import Any

Rule = tuple[str, Callable[[Any], bool]]
"""What a value may be, in words and as a test of it."""

MAX_VAL_SIZE = 60_000


def whole(low: float, high: float = math.inf) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value < high


def number(low: float, high: float = math.inf, *, open_low: bool = False) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        if type(value) not in (int, float) or not math.isfinite(value):
            return False
        return low <= value < high and not (open_low and value == low)

    return holds


def one_of(*choices: object) -> tuple[str, Callable[[Any], bool]]:
    return " or ".join(map(str, choices)), lambda value: value in choices


def _fraction(value: Any) -> bool:
    """PyTorch takes no whole number as a beta."""
    return type(value) is float and 0 <= value < 1


def _share(value: Any) -> bool:
    """Lightning's limits: a whole number is batches, a float is a share."""
    return whole(1)(value) or (type(value) is float and 0 < value <= 1)


A_PATH: Rule = ("a path", lambda value: isinstance(value, str) and value != "")

RULES: dict[str, Rule] = {
    "seed": ("a whole number from 0 to 4294967295", whole(0, 2**32)),
    "threads": ("null or a whole number from 1", lambda v: v is None or whole(1)(v)),
    "retry": ("null or failed", lambda value: value in (None, "failed")),
    "sweep": (
        "null or a name of letters, digits and . _ + -",
        lambda v: v is None or (isinstance(v, str) and bool(re.fullmatch(r"\w[\w.+-]*", v))),
    ),
    "model.latent_dim": ("a whole number from 1", whole(1)),
    "model.activation": one_of("relu", "leaky_relu", "elu", "gelu", "silu"),
    "model.batch_norm": ("true or false", lambda v: type(v) is bool),
    "model.discriminator_rate": ("a number above 0", number(0, open_low=True)),
    "optim.lr": ("a number above 0", number(0, open_low=True)),
    "optim.eps": ("a number above 0", number(0, open_low=True)),
    "optim.fused": ("true or false or null", lambda v: v is None or type(v) is bool),
    "optim.weight_decay": ("a number from 0", number(0)),
    "optim.momentum": ("a number from 0 to below 1", number(0, 1)),
    "optim.betas": (
        "two numbers from 0.0 to below 1, each with a point",
        lambda v: isinstance(v, list) and len(v) == 2 and all(map(_fraction, v)),
    ),
    "lr.warmup": ("a number above 0 and below 1", number(0, 1, open_low=True)),
    "lr.final": ("a number from 0 to below 1", number(0, 1)),
    "lr.start": ("a number from 0 to below 1", number(0, 1)),
    "lr.factor": ("a number above 0 and below 1", number(0, 1, open_low=True)),
    "lr.patience": ("a whole number from 0", whole(0)),
    "data.batch_size": ("a whole number from 1", whole(1)),
    "data.val_size": ("a whole number from 0 to 59999", whole(0, MAX_VAL_SIZE)),
    "data.binarize": one_of("none", "static", "dynamic"),
    "trainer.max_epochs": ("a whole number from 1", whole(1)),
    "trainer.quality_every": ("a whole number from 1", whole(1)),
    "trainer.precision": one_of("auto", "32-true", "bf16-mixed", "64-true"),
    "trainer.devices": ("a whole number from 1", whole(1)),
    "trainer.limit_train_batches": ("a whole number from 1 or a share up to 1.0", _share),
    "trainer.limit_val_batches": ("a whole number from 1 or a share up to 1.0", _share),
}
"""What each key of a training's configuration may be; a key that is absent is not asked."""

REQUIRED = (
    "seed", "threads", "model._target_", "model.latent_dim", "optim._target_", "optim.lr",
    "lr._target_", "data._target_", "data.root", "data.batch_size", "data.val_size",
    "data.binarize", "trainer._target_", "trainer.accelerator", "trainer.devices",
    "trainer.max_epochs", "trainer.precision", "trainer.quality_every",
)  # fmt: skip
"""Keys without which nothing can be trained."""
