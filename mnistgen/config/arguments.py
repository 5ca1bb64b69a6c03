"""What a user has typed: what Hydra would take for something else, and why it refuses the rest."""

import argparse
import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mnistgen.config.objects import CONF_DIR, choices
from mnistgen.config.values import expand_path, leaves, shell_word, to_override
from mnistgen.errors import UserError

# Python 3.14 wants to read the help of every option, of which one of Hydra 1.3's is no text
argparse.ArgumentParser._check_help = lambda *_: None  # type: ignore[attr-defined]

COMMANDS = "evaluate", "sample", "export", "compare", "report", "metrics.lenet"
"""The commands beside that of training: python -m mnistgen.NAME."""

GROUPS = tuple(sorted(path.name for path in CONF_DIR.iterdir() if path.is_dir()))
SEVERAL = "callbacks", "experiment", "hydra"  # of these groups a command may choose more than one


def check(arguments: Sequence[str]) -> None:
    """Raise UserError for what Hydra would pass over, or understand otherwise than it is meant."""
    _, unknown = get_args_parser().parse_known_args(list(arguments))
    if unknown:
        name = unknown[0].lstrip("-").partition("=")[0]
        setting = f"a setting is {name}=VALUE, without dashes"
        raise UserError(f"{unknown[0]} is not an option: {setting}")
    for argument in arguments:
        group, _, choice = argument.lstrip("+").partition("=")
        if group in GROUPS and group not in SEVERAL and choice.startswith("["):
            raise UserError(_not_a_choice(group, choice))


def expand(arguments: Sequence[str]) -> list[str]:
    """The arguments with the path of the run folder expanded, which Hydra makes at once."""
    pattern = re.compile(r"(?<=^hydra\.run\.dir=)(['\"]?)(.*)")
    return [pattern.sub(lambda m: m[1] + str(expand_path(m[2])), word) for word in arguments]


def explain(error: Exception, arguments: Sequence[str]) -> str:
    """One line for what Hydra or OmegaConf refuses, with what is allowed."""
    cause, text = error.__cause__, str(error)
    if isinstance(error, OverrideParseException):
        return _unreadable(str(error.override))
    if absent := re.match(r"Could not override '(.*)'.\s*No match in the defaults list", text):
        typed = next((word for word in arguments if word.startswith(f"{absent[1]}=")), absent[1])
        return f"{typed} is not allowed: the model that is chosen has no {absent[1]}"
    if "group override" in text or "Could not load" in text:  # Hydra does not say which
        for argument in arguments:
            group, _, value = argument.partition("=")
            for choice in value.strip("[]").split(",") if group in SEVERAL else [value]:
                if group in GROUPS and choice not in choices(group):
                    return _not_a_choice(group, choice)
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        return f"{group}={choice} is not a choice: it must be one of {', '.join(error.options)}"
    if several := re.match(r"Ambiguous value for argument '(.*)'\n", text):
        sweep = "a sweep over them is -m, or mnistgen.sweep from Python"
        return f"{several[1]} has several values: {sweep}"
    if isinstance(cause, OmegaConfBaseException) and isinstance(cause.parent_node, Container):
        key, root = str(cause.full_key), cause.parent_node._get_root()
        siblings = _keys(cause.parent_node)
        if key.split(".")[-1] not in siblings and isinstance(root, DictConfig):
            plain = OmegaConf.to_container(root, resolve=False)
            known = [path for path, _ in leaves(plain) if not path.startswith("hydra.")]
            groups = GROUPS if "trainer" in _keys(root) else ()
            # OmegaConf names the first part that is not there; what is below it says more
            words = (argument.partition("=")[0].lstrip("+~") for argument in arguments)
            key = next((word for word in words if word.startswith(f"{key}.")), key)
            return f"{key} is not a key: {hint(key, [*known, *groups])}allowed there are " + (
                ", ".join(siblings)
            )
    lines = [line for e in (error, cause) if e is not None for line in str(e).splitlines()]
    return " ".join(line.strip() for line in lines if line.strip())


@contextlib.contextmanager
def one_line_each(overrides: Sequence[str]) -> Iterator[None]:
    """Check overrides, and raise what Hydra or OmegaConf refuses of them as a UserError."""
    for override in overrides:
        if not isinstance(override, str):
            raise UserError(f"{override!r} is not a text, as 'optim.lr=1e-3' is; of a list: *list")
        if override.startswith("-"):
            raise UserError(
                f"{override} is an option of the command line: from Python config directories are "
                "config_dir=DIR, and several runs are mnistgen.sweep"
            )
    check(overrides)
    try:
        yield
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        raise UserError(explain(error, overrides)) from error


def hint(key: str, known: Iterable[str]) -> str:
    """Which known key may be meant; empty where none is like it."""
    word, known = key.split(".")[-1], list(known)
    last = {name: name.split(".")[-1] for name in known}
    same = [name for name in known if last[name] == word]
    longer = [name for name in known if word in last[name].split("_")]
    close = difflib.get_close_matches(key, known, 1)
    close += difflib.get_close_matches(word, last.values(), 1)
    candidates = same or longer or [name for name in known if {name, last[name]} & {*close}]
    return f"did you mean {candidates[0]}? " if candidates else ""


def _unreadable(override: str) -> str:
    key, equals, value = override.partition("=")
    if not equals or not re.fullmatch(r"[~+]*[\w./@:-]+", key):
        command = f": the command is python -m mnistgen.{override}" if override in COMMANDS else ""
        return f"{override} is not key=value{command}"
    if key in GROUPS:
        return _not_a_choice(key, value)
    word = shell_word(f"{key}={to_override(value)}")
    return f"{override} cannot be read: a text with such characters needs quotes, as in {word}"


def _not_a_choice(group: str, choice: str) -> str:
    rate = f"; a rate is optim.lr={choice}" if group == "lr" else ""
    return f"{group}={choice} is not a choice: it must be one of {', '.join(choices(group))}{rate}"


def _keys(node: Container) -> list[str]:
    if not isinstance(node, DictConfig) or OmegaConf.is_missing(node, ""):
        return []
    return [str(key) for key in node if not str(key).endswith("_") and key != "hydra"]
