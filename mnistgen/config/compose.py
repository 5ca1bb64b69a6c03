"""How Hydra's configuration becomes plain data, and how a run's configuration is typed again."""

import shlex
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mnistgen.config import arguments, objects, rules, settings
from mnistgen.config.objects import CONF_DIR, TARGET, choice, choices
from mnistgen.config.rules import Rule
from mnistgen.config.settings import Settings
from mnistgen.config.values import Config, expand_path, to_override
from mnistgen.errors import UserError

# Where a command reads or writes; `data.root` is a run's, and expanded where it is used
PATHS = "outputs", "resume", "run", "runs", "sweep", "out", "cache", "checkpoint"

SEARCH_PATH = "hydra.searchpath="


def command_values(cfg: DictConfig, allowed: Mapping[str, Rule]) -> Config:
    """The values of a command; raises UserError where one is missing or breaks its rule."""
    missing = sorted(OmegaConf.missing_keys(cfg))
    if missing:
        raise UserError(f"{missing[0]} is missing: give {missing[0]}=...")
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    config |= {key: expand_path(config[key]) for key in PATHS if key in config}
    rules.check_values(config, allowed)
    if allowed:
        rules.check_keys(config, rules.tops(allowed))
    return dict(config)


def training(cfg: DictConfig) -> Config:
    """The configuration of a training; raises UserError where it is not good."""
    config = command_values(cfg, {})
    rules.check_new(config)
    return config


def compose(*overrides: str) -> Config:
    """The configuration of a training that some overrides make.

    It works inside of a command too, whose Hydra knows conf/ already. Raises UserError.
    """
    return _compose(overrides, objects.user_dirs(), objects.user_files())


@cache
def _compose(overrides: tuple[str, ...], *sources: object) -> Config:
    return training(_from_hydra(overrides))


def _from_hydra(overrides: Sequence[str], *, with_hydra: bool = False) -> DictConfig:
    """What Hydra makes of some overrides; `with_hydra` adds its own part, under `hydra`."""
    inside = GlobalHydra.instance().is_initialized()
    with (
        arguments.one_line_each(overrides),
        nullcontext()
        if inside
        else hydra.initialize_config_dir(str(CONF_DIR), version_base="1.3"),
    ):
        words = with_search_path(overrides)
        return hydra.compose("config", overrides=words, return_hydra_config=with_hydra)


def with_search_path(overrides: Sequence[str]) -> list[str]:
    """Overrides that give Hydra all config directories that are allowed here, and only these."""
    return [*(o for o in overrides if not o.startswith(SEARCH_PATH)), *objects.search_path()]


def search_dirs(overrides: Sequence[str]) -> list[Path]:
    """The config directories that a script's overrides give as hydra.searchpath.

    Raises UserError for an override that is no text, or cannot be read.
    """
    with arguments.one_line_each(overrides):
        words = [override for override in overrides if override.startswith(SEARCH_PATH)]
        parsed = OverridesParser.create().parse_overrides(words)
        urls = [str(url) for override in parsed for url in cast(list[Any], override.value())]
    return [Path(url.removeprefix("file://")) for url in urls]


def without_hydra(cfg: DictConfig) -> DictConfig:
    """A configuration without Hydra's own part."""
    return OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])


class Composition(NamedTuple):
    """What a command or a script wants to be trained."""

    values: Config  # also those that no run saves
    model: str  # the choice of conf/model
    run_dir: Path | None  # where the run folder is to be, if that is said
    overrides: list[str]


def of_command(cfg: DictConfig, hydra_cfg: Any) -> Composition:
    """That of a command, for which Hydra has made the run folder's path absolute."""
    run_dir = None if hydra_cfg.run.dir == "." else Path(hydra_cfg.runtime.output_dir)
    overrides = list(hydra_cfg.overrides.task)
    return Composition(
        command_values(cfg, {}), hydra_cfg.runtime.choices.get("model", ""), run_dir, overrides
    )


def of_overrides(overrides: Sequence[str]) -> Composition:
    """That of a script's overrides; raises UserError, also where they are a sweep's."""
    cfg = _from_hydra(overrides, with_hydra=True)
    if cfg.hydra.mode == RunMode.MULTIRUN:
        raise UserError(f"{' '.join(overrides)} is a sweep of several runs: use mnistgen.sweep")
    run_dir = None if cfg.hydra.run.dir == "." else Path(expand_path(cfg.hydra.run.dir))
    values = command_values(without_hydra(cfg), {})
    return Composition(
        values, cfg.hydra.runtime.choices.get("model", ""), run_dir, list(overrides)
    )


def paper(model: str) -> Config:
    """The paper's recipe for one of the models of conf/."""
    return settings.to_save(compose(f"model={model}", "experiment=paper"))


def command(model: str, saved: Config) -> str:
    """The command that trains a run of a configuration again; empty for a model not in conf/."""
    if model not in choices("model"):
        return ""
    values = _typed(saved)
    words = [f"model={model}"]
    for key in ("optim", "lr", "data", *objects.LOSSES):
        group = objects.GROUPS[key]
        default, value = _typed(compose(*words)), values.get(key, settings.UNSAID.get(key, ""))
        if key in default and value != default[key]:
            words.append(f"{group}={choice(group, value)}")
    targets = [part[TARGET] for part in saved.get("callbacks", {}).values()]
    if targets:
        words.append(f"callbacks=[{','.join(choice('callbacks', t) for t in targets)}]")
    default = _typed(compose(*words))
    values = {key: settings.UNSAID[key] for key in default if key in settings.UNSAID} | values
    for key, value in values.items():
        if default.get(key, ...) != value:
            words.append(f"{'' if key in default else '+'}{key}={to_override(value)}")
    words += [f"~{key}" for key in default if key not in values]
    own = objects.search_path()
    return shlex.join(["python", "-m", "mnistgen", *own, *words])


def _typed(config: Config) -> Settings:
    """What a command says of a run, but for its logger."""
    return {k: v for k, v in settings.said(config).items() if not settings.lies_in(k, ("logger",))}
