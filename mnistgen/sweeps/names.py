"""What the folders of a sweep and of its runs are called."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from mnistgen.config.settings import COMMAND, MACHINE

# Keys that make a run no other one; an experiment stands for values that other keys have
UNNAMED = ("experiment", *COMMAND, *MACHINE)


def default_name(
    typed: Sequence[Override], model: str, known: Iterable[str], kind: str = ""
) -> str:
    """A sweep's name from what it varies, the same for the same command and for more values.

    It begins with the experiment, or otherwise with the `kind` of sweep and the model, where there
    is but one. Then come the keys that have several values and are not `known` to the experiment.
    """
    known, swept = set(known), {o.key_or_group for o in typed if o.is_sweep_override()}
    chosen = [o.get_value_element_as_str() for o in typed if o.key_or_group == "experiment"]
    if chosen and "experiment" not in swept:
        first = chosen[-1:]
    else:
        first = [kind] if "model" in swept | known else [kind, model]
    return _safe("_".join(part for part in [*first, *sorted(swept - known)] if part)) or "sweep"


def given_name(value: Any, typed: Sequence[Override]) -> str | None:
    """The name that `sweep` has: as it was typed, where Hydra takes that for a number."""
    if value is None or isinstance(value, str):
        return value
    texts = [str(o.input_line).partition("=")[2] for o in typed if o.key_or_group == "sweep"]
    return (texts or [str(value)])[-1].strip()


def folder_name(overrides: Sequence[str]) -> str:
    """A run's folder for its overrides, readable, and safe on every file system and in Hydra.

    Where characters had to be replaced or left out, a checksum keeps two such folders apart.
    """
    named = sorted(o for o in overrides if o.split("=")[0].lstrip("+") not in UNNAMED)
    name = "_".join(override.replace("=", "-", 1) for override in named)
    safe = _safe(name)
    if safe == name:
        return name or "defaults"
    checksum = hashlib.sha256("\n".join(named).encode()).hexdigest()[:8]
    return f"{safe}_{checksum}"


def _safe(name: str) -> str:
    bare = re.sub(r"[\[\](){}'\"]", "", name)
    return re.sub(r"[^\w.+-]+", "-", bare, flags=re.ASCII)[:120].strip("-.")
