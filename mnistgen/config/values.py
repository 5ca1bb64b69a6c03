"""Configurations as plain data: how they are read, written and taken apart."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mnistgen.errors import UserError

Config = dict[str, Any]  # a configuration as plain containers, interpolations resolved

# What Hydra reads as something else than a text where it has no quotes
_NO_TEXT = re.compile(
    r"null|true|false|[+-]?(nan|inf|[._]*\d[\d._]*(e[+-]?[\d_]+)?)", re.IGNORECASE
)


def read(path: Path) -> Config:
    """The configuration in a file, good or not; raises UserError where there is none."""
    config = read_yaml(path)
    if not isinstance(config, dict):
        raise UserError(f"{path} is damaged: it holds no configuration")
    return config


def read_list(path: Path) -> list[str]:
    """The list of overrides in a file; raises UserError where it cannot be read."""
    return [str(override) for override in read_yaml(path)]


def to_yaml(content: Config | list[str]) -> str:
    """A configuration, or a list of overrides, as the text of its file."""
    return OmegaConf.to_yaml(OmegaConf.create(content))


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


def to_override(value: Any) -> str:
    """A plain value as that of a Hydra override, a text in quotes where it needs them."""
    if isinstance(value, list):
        return f"[{','.join(map(to_override, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if not isinstance(value, str):
        return repr(value)
    if re.fullmatch(r"[\w./+-]+", value, re.ASCII) and not _NO_TEXT.fullmatch(value):
        return value
    # To Hydra a backslash is one, but for those right before a quote
    doubled = re.sub(r"\\+(?='|\Z)", r"\g<0>\g<0>", value)
    quoted = doubled.replace("'", "\\'")
    return f"'{quoted}'"


def expand_path(path: Any) -> Any:
    """A path, or a list of them, with ~ and $NAME as a shell has them; other values stay."""
    if isinstance(path, list):
        return [expand_path(one) for one in path]
    if type(path) is int:  # a folder may be called 2027
        return str(path)
    if isinstance(path, str):
        return os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 # "" stays ""
    return path


def shell_word(text: str) -> str:
    """A text as one word of a shell's command line, in quotes where it needs them."""
    return f'"{text}"' if re.fullmatch(r"[^\"$`\\!]*'[^\"$`\\!]*", text) else shlex.quote(text)


def one_line(error: BaseException) -> str:
    """The words of an error in one line."""
    return " ".join(str(error).split())


def read_yaml(path: Path) -> Any:
    """What a YAML file holds, as it stands; raises UserError where it cannot be read."""
    try:
        return OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, YAMLError, OmegaConfBaseException, ValueError) as error:
        raise UserError(f"{path} cannot be read: {one_line(error)}") from error
