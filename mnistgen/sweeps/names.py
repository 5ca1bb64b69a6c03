"""What the folders of a sweep and of its runs are called."""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from mnistgen.config.settings import COMMAND, MACHINE

EXPERIMENT = "experiment"
UNNAMED = (*COMMAND, *MACHINE)  # keys that make a run no other one


def default_name(
    typed: Sequence[Override], model: str, known: Iterable[str], kind: str = ""
) -> str:
    """A sweep's name from what it varies, the same for the same command and for more values.

    It begins with the experiment, or otherwise with the `kind` of sweep and the model, where there
    is but one. Then come the keys that have several values and are not `known` to the experiment.
    """
    known, swept = set(known), {o.key_or_group for o in typed if o.is_sweep_override()}
    chosen = [o.get_value_element_as_str() for o in typed if o.key_or_group == EXPERIMENT]
    if chosen and EXPERIMENT not in swept:
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


def run_names(overrides: Sequence[str], varying: Collection[str]) -> list[str]:
    """Names for a run's folder, the better first: of what varies, and of all its overrides."""
    names = [folder_name(overrides, varying)]
    short = [o for o in overrides if _key(o) in varying and _key(o) not in UNNAMED]
    return [folder_name(short, varying), *names] if short else names


def folder_name(overrides: Sequence[str], varying: Collection[str]) -> str:
    """A folder's name for overrides, readable, and safe on every file system and in Hydra.

    An experiment that does not vary stands for values that other keys have, and is left out. Where
    characters had to be replaced or left out, a checksum keeps two such folders apart.
    """
    unnamed = UNNAMED if EXPERIMENT in varying else (*UNNAMED, EXPERIMENT)
    named = sorted(o for o in overrides if _key(o) not in unnamed)
    name = "_".join(override.replace("=", "-", 1) for override in named)
    safe = _safe(name)
    if safe == name:
        return name or "defaults"
    checksum = hashlib.sha256("\n".join(named).encode()).hexdigest()[:8]
    return f"{safe}_{checksum}"


def _key(override: str) -> str:
    return override.split("=")[0].lstrip("+")


def _safe(name: str) -> str:
    bare = re.sub(r"[\[\](){}'\"]", "", name)
    return re.sub(r"[^\w.+-]+", "-", bare, flags=re.ASCII)[:120].strip("-.")
