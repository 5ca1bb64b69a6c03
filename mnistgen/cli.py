"""What all commands share: Hydra, and one clear line for whatever goes wrong."""

import difflib
import functools
import logging
import os
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mnistgen import system
from mnistgen.config import CONF_DIR, Config, compose
from mnistgen.config.objects import choices
from mnistgen.config.rules import Rule
from mnistgen.errors import Interrupted, UserError

# Of conf/hydra/launcher, which is to be checked against the plugins' own schemas
warnings.filterwarnings("ignore", "(?s).*is validated against ConfigStore schema", UserWarning)

# Where TensorBoard finds this module it does not load TensorFlow, which it can do without
sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("notf"))

Task = Callable[[Any], Any]


def command(
    config_name: str, allowed: Mapping[str, Rule] | None = None, conf_dir: Path = CONF_DIR
) -> Callable[[Task], Callable[[], None]]:
    """Make a function a command of the configuration with this name in `conf_dir`.

    With the rules `allowed` the function gets the checked values of the command, and without them
    Hydra's configuration. Bad input ends in one line and exit status 1.
    """

    def decorate(task: Task) -> Callable[[], None]:
        composed = False

        @functools.wraps(task)
        def job(cfg: DictConfig) -> Any:
            nonlocal composed
            composed = True
            _leave_epochs_to_the_bar()
            try:
                return task(cfg if allowed is None else _values(cfg, allowed))
            except UserError as error:
                if HydraConfig.get().mode == RunMode.MULTIRUN:
                    raise  # it is the sweep's, which goes on with the other jobs
                _exit(error)
            except (OSError, KeyboardInterrupt, Interrupted) as error:
                _exit(error)

        program = hydra.main(str(conf_dir), config_name, version_base="1.3")(job)

        def main() -> None:
            wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
            os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions come here, instead of being printed
            try:
                program()
            except (UserError, KeyboardInterrupt, Interrupted) as error:
                _exit(error)
            except (HydraException, OmegaConfBaseException, ValueError) as error:
                if wants_traceback or composed:
                    raise
                _exit(UserError(_explain(error)))

        return main

    return decorate


def _values(cfg: DictConfig, allowed: Mapping[str, Rule]) -> Config:
    """The checked values of a command; its `threads` hold from here on."""
    values = compose.command_values(cfg, allowed)
    if "threads" in allowed:
        system.limit_threads(values["threads"])
    return values


def _exit(error: BaseException) -> None:
    """End with the status of an error, and its line where it is not a signal."""
    if isinstance(error, Interrupted):
        sys.exit(128 + error.signum)
    if isinstance(error, KeyboardInterrupt):
        sys.exit(130)
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)


def _explain(error: Exception) -> str:
    """One line for what Hydra or OmegaConf refuses, with what is allowed."""
    cause = error.__cause__
    for override in sys.argv[1:]:  # Hydra refuses a group's number, and does not say which
        group, _, choice = override.partition("=")
        if "group override" in str(error) and choices(group) and choice not in choices(group):
            hint = f"; a rate is optim.lr={choice}" if group == "lr" else ""
            allowed = f"it must be one of {', '.join(choices(group))}{hint}"
            return f"{group}={choice} is not a choice: {allowed}"
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        return f"{group}={choice} is not a choice: it must be one of {', '.join(error.options)}"
    if isinstance(cause, OmegaConfBaseException) and isinstance(cause.parent_node, Container):
        key = str(cause.full_key)
        siblings = _keys(cause.parent_node)
        if key.split(".")[-1] not in siblings:
            close = difflib.get_close_matches(key.split(".")[-1], siblings, 1)
            hint = f"did you mean {close[0]}? " if close else ""
            return f"{key} is not a key: {hint}allowed there are {', '.join(siblings)}"
    lines = [line for e in (error, cause) if e is not None for line in str(e).splitlines()]
    return " ".join(line.strip() for line in lines if line.strip())


def _keys(node: Container) -> list[str]:
    if not isinstance(node, DictConfig) or OmegaConf.is_missing(node, ""):
        return []
    return [str(key) for key in node if not str(key).endswith("_") and key != "hydra"]


def _leave_epochs_to_the_bar() -> None:
    """Keep the line of each epoch off a terminal, where a progress bar shows them."""
    if sys.stderr.isatty():
        for handler in logging.getLogger().handlers:
            handler.addFilter(lambda record: record.name != "mnistgen.training.recorder")
