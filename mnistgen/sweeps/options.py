"""What the options of a sweep may be, under hydra.sweeper and hydra.launcher."""

from collections.abc import Mapping
from typing import Any

from mnistgen.config import Config, rules
from mnistgen.config.rules import NULL, Rule
from mnistgen.config.settings import shown
from mnistgen.errors import UserError

JOBS = rules.either(rules.whole(1), rules.one_of(-1))

GRID: dict[str, Rule] = {
    "metric": rules.COLUMN,
    "params": Rule("values by key", lambda value: isinstance(value, dict)),
}
SEARCH: dict[str, Rule] = {
    **GRID,
    "n_trials": rules.whole(1),
    "n_jobs": JOBS,
    "seed": rules.RULES["seed"],
}
LAUNCHER: dict[str, Rule] = {
    "hydra.launcher": Rule("a launcher, as in hydra/launcher=joblib", lambda value: False),
    "hydra.launcher.n_jobs": JOBS,
    "hydra.launcher.ray.remote.num_cpus": rules.whole(1),
    "hydra.launcher.ray.remote.max_retries": rules.whole(-1),
    "hydra.launcher.cpus_per_task": rules.either(NULL, rules.whole(1)),
    "hydra.launcher.mem_gb": rules.either(NULL, rules.number(above=0)),
    "hydra.launcher.timeout_min": rules.whole(1),
    "hydra.launcher.array_parallelism": rules.whole(1),
    "hydra.launcher.max_num_timeout": rules.whole(0),
    "hydra.launcher.signal_delay_s": rules.whole(1),
}
"""Those of every launcher; a launcher's other options are the business of its plugin."""


def check(sweeper: Config, launcher: Any, allowed: Mapping[str, Rule]) -> None:
    """Raise UserError for the first option that is unknown, or breaks its rule."""
    rules.check_values({"hydra": {"launcher": launcher}}, LAUNCHER)
    for key in sweeper:
        if key not in allowed:
            words = ", ".join(allowed)
            raise UserError(f"hydra.sweeper.{key} is not a key: allowed there are {words}")
    for key, rule in allowed.items():
        value = sweeper.get(key)
        if not rule.holds(value):
            option = f"hydra.sweeper.{key}={shown(value)}"
            raise UserError(f"{option} is not allowed: it must be {rule.words}")
