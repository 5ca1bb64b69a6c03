"""Which keys of a configuration make two runs the same: one list, for whatever compares runs.

Sweeps, comparisons, reports and resumes all use it.
"""

import re
from collections.abc import Iterator
from typing import Any

from mnistgen.config.values import Config, leaves, to_override

Settings = dict[str, Any]
"""Values by dotted key; a list is one value, and a class stands under the key of its part."""

# What a command says of runs in general; no run saves it
COMMAND = "resume", "outputs", "sweep", "retry"

# The machine and the watching: a run's result does not depend on them, but for its last bits
MACHINE = "threads", "logger"

# The repetition: runs of one recipe differ in it
SEED = "seed"

# Settings of which the paper says nothing: with any of them a run is of its recipe
SILENT = (
    "data.root", "optim.fused", "trainer.accelerator", "trainer.strategy", "trainer.precision",
    "trainer.quality_every",
)  # fmt: skip


def to_save(config: Config) -> Config:
    """What a run saves of a configuration."""
    return {key: config[key] for key in config if key not in COMMAND}


def flat(config: Config) -> Settings:
    """All values that a run saves, by dotted key."""
    return {
        key.removesuffix("._target_"): value
        for key, value in leaves(to_save(config))
        if not key.endswith("._partial_")
    }


def run_settings(config: Config) -> Settings:
    """What makes a run the one it is: all but MACHINE."""
    return {key: value for key, value in flat(config).items() if not lies_in(key, MACHINE)}


def recipe_settings(config: Config) -> Settings:
    """What the runs of one recipe share: all but MACHINE and the seed."""
    return {key: value for key, value in run_settings(config).items() if key != SEED}


def lies_in(key: str, parts: tuple[str, ...]) -> bool:
    """Whether a dotted key is one of some keys, or lies below one."""
    return any(key == part or key.startswith(f"{part}.") for part in parts)


def differing(first: Settings, second: Settings) -> Iterator[str]:
    """The keys in which two settings differ, those of the second first."""
    for key in dict.fromkeys([*second, *first]):
        if first.get(key) != second.get(key):
            yield key


def differences(settings: Settings, standard: Settings) -> tuple[str, ...]:
    """What settings have that a standard has not, as key=value; null where they have nothing."""
    return tuple(f"{key}={shown(settings.get(key))}" for key in differing(settings, standard))


def shown(value: Any) -> str:
    """A setting in few characters, and of a class only its own name."""
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, bool) or value is None:
        return to_override(value)
    if isinstance(value, float):
        return f"{value:g}"
    return re.sub(r"^(mnistgen|torch|lightning)\.[\w.]+\.", "", str(value))
