"""The options of the benchmarks' commands."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.workers import COLUMNS
from mnistgen import cli
from mnistgen.config import Config, leaves, rules, to_override
from mnistgen.config.objects import choices
from mnistgen.config.rules import Rule


def names(value: Any) -> list[Any]:
    """One name, or a list of names, as a list."""
    return value if isinstance(value, list) else [value]


def some_of(allowed: Iterable[str]) -> Rule:
    """The rule of one name or a list of names."""
    allowed = sorted(allowed)
    return Rule(f"of {', '.join(allowed)}", lambda value: set(names(value)) <= set(allowed))


RULES: dict[str, Rule] = {
    "models": some_of(choices("model")),
    "columns": some_of(COLUMNS),
    "seconds": rules.number(above=0),
    "rounds": rules.whole(1, 40),
    "seeds": rules.whole(2),
    "epochs": rules.whole(1),
    "threads": rules.RULES["threads"],
    "busy": rules.TRUTH,
    "commands": rules.TRUTH,
    "out": rules.PATH,
    "options": Rule("settings, as in +options.optim.lr=1e-3", lambda value: False),
}


def command(name: str) -> Callable[[Any], Any]:
    """Make a function of the configuration in <name>.yaml a command."""
    return cli.command(name, RULES, Path(__file__).parent)


def complete(values: Config) -> Config:
    """A command's values, with lists of names and typed options."""
    return {
        **values,
        "models": names(values["models"]),
        "columns": names(values.get("columns", [])),
        "options": overrides(values["options"]),
    }


def overrides(options: dict[str, Any]) -> tuple[str, ...]:
    """Options of the project's own configuration, as its command line takes them."""
    return tuple(f"{key}={to_override(value)}" for key, value in leaves(options))
