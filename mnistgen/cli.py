"""What all commands share: Hydra, and one clear line for whatever goes wrong."""

import difflib
import functools
import logging
import os
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mnistgen.config import CONF_DIR
from mnistgen.errors import Interrupted, UserError

# Of conf/hydra/launcher, which is to be checked against the plugins' own schemas
warnings.filterwarnings("ignore", "(?s).*is validated against ConfigStore schema", UserWarning)

# Where TensorBoard finds this module it does not load TensorFlow, which it can do without
sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("notf"))

Task = Callable[[DictConfig], Any]


def command(config_name: str, conf_dir: Path = CONF_DIR) -> Callable[[Task], Callable[[], None]]:
    """Make a function of a configuration a command that exits 1 with one line on bad input."""

    def decorate(task: Task) -> Callable[[], None]:
        composed = False

        @functools.wraps(task)
        def job(cfg: DictConfig) -> Any:
            nonlocal composed
            composed = True
            _leave_epochs_to_the_bar()
            try:
                return task(cfg)
            except UserError as error:
                if HydraConfig.get().mode == RunMode.MULTIRUN:
                    raise  # it is the sweep's, which goes on with the other jobs
                print(f"error: {error}", file=sys.stderr)
                sys.exit(1)
            except OSError as error:
                print(f"error: {error}", file=sys.stderr)
                sys.exit(1)
            except KeyboardInterrupt:
                sys.exit(130)
            except Interrupted as error:
                sys.exit(128 + error.signum)

        program = hydra.main(str(conf_dir), config_name, version_base="1.3")(job)

        def main() -> None:
            wanted_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
            os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions come here, instead of being printed
            try:
                program()
            except UserError as error:
                print(f"error: {error}", file=sys.stderr)
                sys.exit(1)
            except Interrupted as error:
                sys.exit(128 + error.signum)
            except KeyboardInterrupt:
                sys.exit(130)
            except (HydraException, OmegaConfBaseException, ValueError) as error:
                if wanted_traceback or composed:
                    raise
                print(f"error: {_explain(error)}", file=sys.stderr)
                sys.exit(1)

        return main

    return decorate


def _explain(error: Exception) -> str:
    """One line for what Hydra or OmegaConf found wrong, with what is allowed."""
    cause = error.__cause__
    for override in sys.argv[1:]:  # Hydra refuses a group's number, and does not say which
        group, _, choice = override.partition("=")
        if "group override" in str(error) and (CONF_DIR / group).is_dir():
            choices = ", ".join(sorted(path.stem for path in (CONF_DIR / group).glob("*.yaml")))
            return f"{group}={choice} is not a choice: it must be one of {choices}"
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
            handler.addFilter(lambda record: record.name != "mnistgen.recorder")
