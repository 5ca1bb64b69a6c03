"""What the benchmarks' commands were asked for."""

import os
from typing import Any

from mnistgen import config
from mnistgen.config import CONF_DIR
from mnistgen.errors import UserError


def chosen(asked: dict[str, Any], key: str, allowed: list[str]) -> list[str]:
    """One choice or a list of them; raises UserError for one that there is not."""
    names = [asked[key]] if isinstance(asked[key], str) else list(asked[key])
    for name in names:
        if name not in allowed:
            raise UserError(f"{key}={name} is not allowed: it must be of {', '.join(allowed)}")
    return names


def models(asked: dict[str, Any]) -> list[str]:
    """The models' names; raises UserError for one that there is not."""
    return chosen(asked, "models", sorted(path.stem for path in CONF_DIR.glob("model/*.yaml")))


def threads(asked: dict[str, Any]) -> int:
    """CPU threads of a training: all cores where none are asked for."""
    return asked["threads"] or len(os.sched_getaffinity(0))


def overrides(asked: dict[str, Any]) -> tuple[str, ...]:
    """The options of the project's own configuration, as its command line has them."""
    leaves = config.leaves(asked["options"])
    return tuple(f"{key}={config.hydra_value(value)}" for key, value in leaves)
