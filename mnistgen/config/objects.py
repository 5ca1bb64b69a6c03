"""The classes that a configuration may name, and how their objects are built.

A configuration may come from a run folder that somebody else made, so it is data: only the names
are ever looked up that stand in this project's conf/, or in a config directory that the user of
this command has given (`allow`).
"""

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from mnistgen.config.values import Config, leaves, one_line, read_yaml, to_override
from mnistgen.errors import UserError

_PACKAGE = Path(__file__).parents[1]
CONF_DIR = next(  # inside an installed package, beside it in a checkout
    path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if path.is_dir()
)

LOSSES = "game", "bound"  # what a GAN's and a VAE's model is trained by

# The parts of a configuration that name a class; the group of conf/ that each comes from
GROUPS = {"optim": "optimizer"} | {
    group: group for group in ("model", *LOSSES, "lr", "data", "trainer", "logger", "callbacks")
}
PARTIAL = "optim", "lr"  # those whose object is made later, with further arguments

NEED_PACKAGE = "mlflow", "wandb"  # loggers, by the names of their packages, which are extras

TARGET = "_target_"


_user_dirs: ContextVar[tuple[Path, ...]] = ContextVar("user_dirs", default=())  # of each thread


@contextlib.contextmanager
def allow(dirs: Iterable[Path]) -> Iterator[None]:
    """Let configurations name what the files in some config directories name, too."""
    resolved = (path.resolve() for path in dirs)
    token = _user_dirs.set(tuple(dict.fromkeys([*user_dirs(), *resolved])))
    try:
        yield
    finally:
        _user_dirs.reset(token)


def user_dirs() -> tuple[Path, ...]:
    """The config directories that are allowed beside this project's own."""
    return _user_dirs.get()


def user_files() -> tuple[tuple[Path, int], ...]:
    """The files of these directories, and when each was changed: they may be edited meanwhile."""
    paths = (path for folder in user_dirs() for path in sorted(folder.glob("*/*.yaml")))
    return tuple((path, path.stat().st_mtime_ns) for path in paths)


def given_dirs(hydra: Any) -> list[Path]:
    """The config directories that a command was given, by --config-dir or hydra.searchpath."""
    sources = hydra.runtime.config_sources
    return [Path(s.path) for s in sources if s.schema == "file" and s.provider != "main"]


def search_path() -> list[str]:
    """The overrides that give a command the config directories that are allowed here."""
    urls = ",".join(to_override(f"file://{path}") for path in user_dirs())
    return [f"hydra.searchpath=[{urls}]"] if urls else []


def choices(group: str) -> dict[str, frozenset[str]]:
    """The choices of a group, and the classes that the file of each names."""
    folders = (folder / group for folder in (CONF_DIR, *user_dirs()))
    paths = (path for folder in folders for path in sorted(folder.glob("*.yaml")))
    return {path.stem: _targets(path, path.stat().st_mtime_ns) for path in paths}


@cache
def _targets(path: Path, changed: int) -> frozenset[str]:
    return targets(read_yaml(path))


def targets(config: Config) -> frozenset[str]:
    """The classes that a configuration, or a part of one, names."""
    values = leaves(config, into_lists=True)
    return frozenset(str(value) for key, value in values if key.split(".")[-1] == TARGET)


def choice(group: str, target: str) -> str:
    """The choice of a group that names this class."""
    return next(name for name, targets in choices(group).items() if target in targets)


def check(config: Config) -> None:
    """Raise UserError where a configuration names a class that conf/ does not name there."""
    for key, group in GROUPS.items():
        allowed = {name for names in choices(group).values() for name in names}
        for path, value in leaves(config.get(key, {}), into_lists=True):
            if path == "_partial_" and (key not in PARTIAL or value is not True):
                raise UserError(f"{key}._partial_={value} is not allowed there")
            if path.split(".")[-1] == TARGET and value not in allowed:
                words = ", ".join(sorted(allowed))
                own = "or named in a config directory of yours: --config-dir=DIR, or from Python "
                own += "config_dir=DIR"
                raise UserError(f"{key}.{path}={value} is not allowed: it must be {words}, {own}")


def check_packages(config: Config) -> None:
    """Raise UserError where the package of a logger is not installed."""
    target = config["logger"].get(TARGET)
    name = choice("logger", target) if target else ""
    spec = find_spec(name) if name in NEED_PACKAGE else None
    if name in NEED_PACKAGE and (spec is None or spec.origin is None):  # a folder has no origin
        raise UserError(f"logger={name} needs: pip install 'mnistgen[{name}]'")


def build_model(config: Config, kind: type = object) -> Any:
    """The untrained model of a configuration, with all that it is trained by; else as `build`."""
    losses = {loss: config[loss] for loss in LOSSES if loss in config}
    optimizer, schedule = build("optim", config["optim"]), build("lr", config["lr"])
    part = config["model"] | losses
    return build("model", part, kind, optimizer=optimizer, schedule=schedule)


def build(key: str, part: Config, kind: type = object, **more: Any) -> Any:
    """The object that one part of a configuration, under `key`, describes; `more` are arguments.

    Raises UserError where its class does not take them, or it is not of this kind.
    """
    if not isinstance(part, dict) or TARGET not in part:
        raise UserError(f"{key}={part} is not allowed: it must have a {TARGET}")
    try:
        built = instantiate(part, _convert_="all", **more)
    except InstantiationException as error:
        raise UserError(f"{key}: {one_line(error.__cause__ or error)}") from error
    if not isinstance(built, kind):
        raise UserError(
            f"{key}.{TARGET}={part[TARGET]} is not allowed: it must be of a class of "
            f"{kind.__module__.split('.')[0]}'s {kind.__name__}"
        )
    return built
