"""Configurations: how they are composed, checked and compared, and what they build."""

from mnistgen.config.objects import CONF_DIR, build, build_model
from mnistgen.config.values import (
    Config,
    expand_path,
    leaves,
    one_line,
    shell_word,
    to_override,
)

__all__ = [
    "CONF_DIR",
    "Config",
    "build",
    "build_model",
    "expand_path",
    "leaves",
    "one_line",
    "shell_word",
    "to_override",
]
