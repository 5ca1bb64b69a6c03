"""A configuration: how it is read and checked, and how the objects it names are built.

A configuration may come from a run folder that somebody else made, so it is data: only the
names in this project's own conf/ are ever looked up.
"""

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mnistgen.errors import UserError
from mnistgen.rules import MAX_VAL_SIZE, REQUIRED, RULES, Rule

_PACKAGE = Path(__file__).parent
CONF_DIR = next(  # inside an installed package, beside it in a checkout
    path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if path.is_dir()
)

Config = dict[str, Any]
"""A configuration as plain containers, interpolations resolved."""

OF_THE_COMMAND = ("resume", "outputs", "sweep", "retry")

GROUPS = {
    "model": "model",
    "optim": "optimizer",
    "lr": "lr",
    "data": "data",
    "trainer": "trainer",
    "logger": "logger",
}
"""The parts of a configuration that name a class, and the folder of conf/ each comes from."""


def plain(cfg: DictConfig) -> Config:
    """A training's configuration as plain containers; raises UserError where it is not good."""
    config = values(cfg)
    check(config)
    return config


def of_the_run(config: Config) -> Config:
    """What a run saves of a configuration: all but what is said of runs in general."""
    return {key: config[key] for key in config if key not in OF_THE_COMMAND}


def values(cfg: DictConfig, rules: Mapping[str, Rule] | None = None) -> Config:
    """Hydra's configuration as plain containers.

    Raises UserError where a value is missing or breaks its rule.
    """
    missing = sorted(OmegaConf.missing_keys(cfg))
    if missing:
        raise UserError(f"{missing[0]} is missing: give {missing[0]}=...")
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    check_values(config, rules or {})
    return dict(config)


def load(path: Path) -> Config:
    """A configuration that a run saved; raises UserError where it is damaged or not allowed."""
    config = read(path)
    for key, value in leaves(config, into_lists=True):
        if isinstance(value, str) and ("${" in value or value == "???"):
            raise UserError(f"{path}: {key}={value!r} is not plain data")
    try:
        check(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return config


def read(path: Path) -> Config:
    """A saved configuration, be it good or not; raises UserError where it is none."""
    config = _read_yaml(path)
    if not isinstance(config, dict):
        raise UserError(f"{path} is damaged: it holds no configuration")
    return config


def load_list(path: Path) -> list[str]:
    """A list of overrides that a run saved."""
    return [str(override) for override in _read_yaml(path)]


def to_yaml(content: Config | list[str]) -> str:
    """A configuration, or a list of overrides, as the text of its file."""
    return OmegaConf.to_yaml(OmegaConf.create(content))


def check(config: Any) -> None:
    """Raise UserError, naming key, value and what is allowed, for anything out of range."""
    found = dict(leaves(config)) if isinstance(config, dict) else {}
    for key in REQUIRED:
        if key not in found:
            raise UserError(f"{key} is missing: it must be given")
    _check_targets(config)
    check_values(config, RULES)
    _check_batches(config)


def check_values(config: Config, rules: Mapping[str, Rule]) -> None:
    """Raise UserError for the first value that breaks its rule; absent keys are passed over."""
    found = dict(leaves(config))
    for key, (allowed, holds) in rules.items():
        if key in found and not holds(found[key]):
            raise UserError(f"{key}={_shown(found[key])} is not allowed: it must be {allowed}")


def build(config: Config, key: str, **more: Any) -> Any:
    """The object that `config[key]` describes, with `more` arguments.

    Raises UserError where its class does not take them, or its package is not installed.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(config[key], _convert_="all", **more)
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, ModuleNotFoundError) and key == "logger":
            name = str(config[key]["_target_"]).rsplit(".", 1)[-1].removesuffix("Logger").lower()
            raise UserError(f"logger={name} needs: pip install 'mnistgen[{name}]'") from error
        raise UserError(f"{key}: {_one_line(cause)}") from error


def threads(config: Config) -> int:
    """CPU threads of one process of a run: `threads`, or the cores divided among processes."""
    if config["threads"]:
        return int(config["threads"])
    processes = config["trainer"]["devices"] if config["trainer"]["accelerator"] == "cpu" else 1
    return max(1, len(os.sched_getaffinity(0)) // int(processes))


def hydra_value(value: Any) -> str:
    """A plain value as that of a Hydra override, a text quoted where that needs it."""
    if isinstance(value, list):
        return f"[{','.join(map(hydra_value, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if not isinstance(value, str):
        return repr(value)
    if re.fullmatch(r"[\w./+-]+", value):
        return value
    quoted = value.replace("'", "\\'")
    return f"'{quoted}'"


def leaves(node: Any, path: str = "", *, into_lists: bool = False) -> Iterator[tuple[str, Any]]:
    """Every value with its dotted key; a list is one, to which `into_lists` adds its items."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key), into_lists=into_lists)
        return
    yield path, node
    if isinstance(node, list) and into_lists:
        for index, value in enumerate(node):
            yield from leaves(value, f"{path}.{index}", into_lists=True)


def named(node: Any) -> dict[str, Any]:
    """Values by their keys as people read them: a class by its own name, a list as text."""
    found: dict[str, Any] = {}
    for key, value in leaves(node):
        if key.endswith("._target_"):
            found[key.removesuffix("._target_")] = str(value).rsplit(".", 1)[-1]
        elif not key.endswith("_"):
            found[key] = str(value) if isinstance(value, list) else value
    return found


def _read_yaml(path: Path) -> Any:
    try:
        return OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, YAMLError, OmegaConfBaseException, ValueError) as error:
        raise UserError(f"{path} cannot be read: {_one_line(error)}") from error


def _check_targets(config: Config) -> None:
    for key, folder in GROUPS.items():
        for path, name in leaves(config.get(key, {}), into_lists=True):
            if path == "_partial_" and (key not in ("optim", "lr") or name is not True):
                raise UserError(f"{key}._partial_={_shown(name)} is not allowed there")
            if path.split(".")[-1] == "_target_" and name not in _targets(folder):
                allowed = ", ".join(sorted(_targets(folder)))
                raise UserError(
                    f"{key}.{path}={_shown(name)} is not allowed: it must be {allowed}"
                )


@cache
def _targets(folder: str) -> frozenset[str]:
    texts = (path.read_text() for path in (CONF_DIR / folder).glob("*.yaml"))
    found = (re.findall(r"^\s*_target_:\s*([\w.]+)", text, re.MULTILINE) for text in texts)
    return frozenset(name for names in found for name in names)


def _check_batches(config: Config) -> None:
    """Batch norm has nothing to normalise in a batch of one."""
    data, processes = config["data"], config["trainer"].get("devices", 1)
    size = MAX_VAL_SIZE - data["val_size"]
    if size % processes:
        raise UserError(
            f"trainer.devices={processes} is not allowed: it must divide the {size} training "
            "images that data.val_size leaves, so that each is seen once an epoch"
        )
    if not config["model"].get("batch_norm", True):
        return
    if data["batch_size"] < 2:
        raise UserError("data.batch_size=1 is not allowed: with batch norm it must be at least 2")
    if (size // processes) % data["batch_size"] == 1:
        raise UserError(
            f"data.val_size={data['val_size']} is not allowed with data.batch_size="
            f"{data['batch_size']}: it leaves a last batch of one image, and batch norm needs two"
        )


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
