"""Which keys of a configuration make two runs the same: one list, for whatever compares runs.

Sweeps, comparisons, reports and resumes all use it.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from mnistgen.config import objects, rules, sizes
from mnistgen.config.values import Config, leaves, to_override

Settings = dict[str, Any]
"""Values by dotted key; a list is one value, and a class stands under the key of its part."""

# What a command says of runs in general; no run saves it
COMMAND = "resume", "outputs", "sweep", "retry"

# The machine and the watching: a run's result does not depend on them, but for its last bits
MACHINE = "threads", "logger"

# The repetition: runs of one recipe differ in it
SEED = "seed"

# Settings of which the paper says nothing: with any of these values a run is of its recipe
SILENT = {
    "bound.kl": rules.ANY,  # an estimate of the paper's bound, and the bound itself
    "data.root": rules.ANY,
    "data.val_size": rules.Rule(  # with more it is other data
        "up to a tenth",
        lambda size: sizes.validation(size or 0, sizes.TRAIN_SIZE) <= sizes.TRAIN_SIZE // 10,
    ),
    "optim.fused": rules.ANY,
    "trainer.accelerator": rules.ANY,
    "trainer.strategy": rules.ANY,
    "trainer.precision": rules.ANY,
    "trainer.quality_every": rules.ANY,
    "trainer.cuda_graph": rules.ANY,
    "trainer.limit_val_batches": rules.ANY,
}


def to_save(config: Config) -> Config:
    """What a run saves of a configuration."""
    return {key: config[key] for key in config if key not in COMMAND}


# What runs are that do not say it, because there was no choice when they were made
UNSAID = {
    "model.real_and_fake": "separate",
    "model.mixture": 0,
    "game": "mnistgen.models.games.non_saturating",
    "game.gradient_penalty": "none",
    "game.penalty_weight": 1,
    "bound": "mnistgen.models.bounds.ELBO",
    "bound.kl": "closed_form",
    "bound.beta": 1,
    "bound.free_bits": 0,
    "trainer.cuda_graph": "auto",
}


def said(config: Config) -> Settings:
    """All values that a run saves, by dotted key."""
    return {
        key.removesuffix("._target_"): value
        for key, value in leaves(to_save(config))
        if not key.endswith("._partial_")
    }


def flat(config: Config) -> Settings:
    """The same, but for what goes without saying."""
    return {key: value for key, value in said(config).items() if UNSAID.get(key, ...) != value}


def run_settings(config: Config) -> Settings:
    """What makes a run the one it is: all but MACHINE."""
    return {key: value for key, value in flat(config).items() if not lies_in(key, MACHINE)}


def recipe_settings(config: Config) -> Settings:
    """What the runs of one recipe share: all but MACHINE and the seed."""
    return {key: value for key, value in run_settings(config).items() if key != SEED}


def loss_settings(settings: Settings) -> Settings:
    """What runs share whose losses can be compared; an estimate is that of the same loss."""
    return {k: v for k, v in settings.items() if lies_in(k, objects.LOSSES) and k != "bound.kl"}


def is_silent(key: str, value: Any) -> bool:
    """Whether the paper says nothing of a setting with this value."""
    return key in SILENT and SILENT[key].holds(value)


def images_an_epoch(settings: Settings, train_size: int = sizes.TRAIN_SIZE) -> int:
    """How many images an epoch sees of all training images of a data set."""
    images = train_size - sizes.validation(settings["data.val_size"], train_size)
    step: int = settings["data.batch_size"] * settings["trainer.devices"]
    steps = math.ceil(images / step)
    limit = settings.get("trainer.limit_train_batches", 1.0)  # a number of steps, or a share
    return min(images, step * min(steps, int(steps * limit) if type(limit) is float else limit))


def lies_in(key: str, parts: tuple[str, ...]) -> bool:
    """Whether a dotted key is one of some keys, or lies below one."""
    return any(key == part or key.startswith(f"{part}.") for part in parts)


def differing(first: Settings, second: Settings) -> Iterator[str]:
    """The keys in which two settings differ, those of the second first."""
    for key in dict.fromkeys([*second, *first]):
        if first.get(key) != second.get(key):
            yield key


def differences(settings: Settings, standard: Settings, *, silent: bool) -> tuple[str, ...]:
    """What settings have that a standard has not, as key=value; null where they have nothing.

    With `silent` it is what the paper says nothing of, and otherwise the rest.
    """
    return tuple(
        f"{key}={shown(settings.get(key))}"
        for key in differing(settings, standard)
        if is_silent(key, settings.get(key)) == silent
    )


def shown(value: Any) -> str:
    """A setting in few characters, and of a class only its own name."""
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, bool) or value is None:
        return to_override(value)
    if isinstance(value, float):
        return f"{value:g}"
    return re.sub(r"^(mnistgen|torch|lightning)\.[\w.]+\.", "", str(value))
