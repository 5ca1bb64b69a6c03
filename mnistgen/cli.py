"""What all commands share: Hydra, and one clear line for whatever goes wrong."""

import contextlib
import functools
import os
import signal
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

import mnistgen
from mnistgen import system
from mnistgen.config import CONF_DIR, Config, arguments, compose, objects
from mnistgen.config.rules import Rule
from mnistgen.errors import Interrupted, UserError

# Of conf/hydra/launcher, which is to be checked against the plugins' own schemas
warnings.filterwarnings("ignore", "(?s).*is validated against ConfigStore schema", UserWarning)

# Where TensorBoard finds this module it does not load TensorFlow, which it can do without
sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("notf"))

FULL_ERROR = "HYDRA_FULL_ERROR"

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
            try:
                with objects.allow(objects.given_dirs(HydraConfig.get())):
                    return task(cfg if allowed is None else _values(cfg, allowed))
            except UserError as error:
                if HydraConfig.get().mode == RunMode.MULTIRUN:
                    raise  # it is the sweep's, which goes on with the other jobs
                _exit(error)
            except (OSError, KeyboardInterrupt, Interrupted) as error:
                _exit(error)

        program = hydra.main(str(conf_dir), config_name, version_base="1.3")(job)

        def main() -> None:
            here = str(Path.cwd())
            if here not in sys.path:  # as with python -m, for classes of one's own
                sys.path.append(here)
            nonlocal composed
            composed = False
            try:
                with _exceptions_come_here() as wants_traceback:
                    if "--version" in sys.argv:  # Hydra shows its own
                        print(f"mnistgen {mnistgen.__version__}")
                        return
                    arguments.check(sys.argv[1:])
                    sys.argv[1:] = arguments.expand(sys.argv[1:])
                    program()
            except (UserError, BrokenPipeError, KeyboardInterrupt, Interrupted) as error:
                _exit(error)
            except (
                HydraException,
                OmegaConfBaseException,
                YAMLError,
                ValueError,
                RuntimeError,
            ) as error:
                if wants_traceback or composed:
                    raise
                _exit(UserError(arguments.explain(error, sys.argv[1:])))

        return main

    return decorate


@contextlib.contextmanager
def _exceptions_come_here() -> Iterator[bool]:
    """Let Hydra raise what it would print; the value is whether the user wants tracebacks."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield before == "1"
    finally:
        os.environ[FULL_ERROR] = before or "0"
        sys.stdout.flush()  # here a pipe that nobody reads any more can be told


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
        sys.exit(128 + signal.SIGINT)
    if isinstance(error, BrokenPipeError):  # as in `... --help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes there
        sys.exit(128 + system.SIGPIPE)
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)
