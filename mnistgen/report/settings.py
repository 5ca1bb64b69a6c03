"""What tells the settings of two runs apart, and how a run is asked for again."""

import re
import shlex
from contextlib import nullcontext
from functools import cache
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from mnistgen import config
from mnistgen.config import CONF_DIR, Config, hydra_value

Settings = dict[str, Any]
"""Values by dotted key; a list is one value."""

NO_SETTINGS = (
    "seed", "threads", "logger", "data.root", "optim.fused", "trainer.accelerator",
    "trainer.strategy", "trainer.precision", "trainer.quality_every",
)  # fmt: skip
"""What runs of one recipe may differ in: the repetition, the machine and the watching."""

KIND = "._target_"


@cache
def paper(model: str) -> Settings:
    """The paper's recipe for a model that conf/ has; empty for another."""
    return of(recipe(model)) if model in _stems("model") else {}


def recipe(model: str) -> Config:
    """The configuration of the paper's recipe for a model that conf/ has."""
    return _composed(f"model={model}", "experiment=paper")


def of(saved: Config) -> Settings:
    """The settings of a configuration: all that a result depends on but chance."""
    return {
        key: value
        for key, value in _values(saved).items()
        if not any(key == other or key.startswith(f"{other}.") for other in NO_SETTINGS)
    }


def differences(found: Settings, wanted: Settings) -> tuple[str, ...]:
    """What `found` has that `wanted` has not, as key=value; null where `found` has nothing."""
    return tuple(
        f"{key.removesuffix(KIND)}={shown(found.get(key))}"
        for key in dict.fromkeys([*wanted, *found])
        if found.get(key) != wanted.get(key)
    )


def shown(value: Any) -> str:
    """A setting in few characters, and of a class only its own name."""
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, bool) or value is None:
        return hydra_value(value)
    if isinstance(value, float):
        return f"{value:g}"
    return re.sub(r"^(mnistgen|torch|lightning)\.[\w.]+\.", "", str(value))


def command(model: str, saved: Config) -> str:
    """The command that asks for a run with this configuration again; empty for a strange model."""
    if model not in _stems("model"):
        return ""
    wanted = _values(saved)
    chosen = [f"model={model}"]
    default = _values(_composed(*chosen))
    for key, group in (("optim", "optimizer"), ("lr", "lr"), ("data", "data")):
        if wanted.get(key + KIND) != default[key + KIND]:
            chosen.append(f"{group}={_choice(group, wanted.get(key + KIND))}")
    default = _values(_composed(*chosen))
    changed = [
        f"{'' if key in default else '+'}{key}={hydra_value(value)}"
        for key, value in wanted.items()
        if not key.startswith("logger.") and default.get(key, ...) != value
    ]
    dropped = [f"~{key}" for key in default if key not in wanted and not key.startswith("logger.")]
    return shlex.join(["python", "-m", "mnistgen", *chosen, *changed, *dropped])


def _values(saved: Config) -> Settings:
    """All values by dotted key, but for what is the same in every configuration."""
    return {
        key: value
        for key, value in config.leaves(config.of_the_run(saved))
        if not key.endswith("._partial_")
    }


@cache
def _composed(*overrides: str) -> Config:
    """A training's configuration, also inside of a command, whose Hydra knows conf/ already."""
    inside = GlobalHydra.instance().is_initialized()
    known = nullcontext() if inside else initialize_config_dir(str(CONF_DIR), version_base="1.3")
    with known:
        return config.plain(compose("config", overrides=list(overrides)))


@cache
def _stems(group: str) -> frozenset[str]:
    return frozenset(path.stem for path in (CONF_DIR / group).glob("*.yaml"))


def _choice(group: str, target: Any) -> str:
    """The choice of a group that names this class."""
    for stem in sorted(_stems(group)):
        text = (CONF_DIR / group / f"{stem}.yaml").read_text()
        if re.search(rf"^_target_:\s*{re.escape(str(target))}$", text, re.MULTILINE):
            return stem
    raise AssertionError(f"{target} was allowed, but no file of conf/{group} names it")
