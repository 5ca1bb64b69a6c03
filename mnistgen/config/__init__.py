"""Configurations: how they are composed, checked and compared, and what they build."""

from mnistgen.config.objects import CONF_DIR, build
from mnistgen.config.values import Config, leaves, one_line, to_override

__all__ = ["CONF_DIR", "Config", "build", "leaves", "one_line", "to_override"]
