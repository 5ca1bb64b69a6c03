"""What the folders of a sweep and of its runs are called."""

import hashlib
import re
from collections.abc import Iterable, Sequence

from hydra.core.override_parser.types import Override

UNNAMED = ("experiment", "logger", "outputs", "retry", "sweep", "threads")
"""Keys that leave what a run learns as it is, or name values which other keys have."""

LONGEST = 120


def default_name(
    typed: Sequence[Override], model: str, known: Iterable[str], kind: str = ""
) -> str:
    """A sweep's name from what it varies, the same for the same command and for more values.

    It is the experiment, or else the `kind` of sweep and the model where there is but one, and the
    keys that have several values and are not `known` to the experiment.
    """
    swept = {override.key_or_group for override in typed if override.is_sweep_override()}
    fixed = {
        o.key_or_group: o.get_value_element_as_str() for o in typed if o.key_or_group not in swept
    }
    known = set(known)
    if "experiment" in fixed and "experiment" not in swept:
        first = [fixed["experiment"]]
    else:
        first = [kind] if "model" in swept | known else [kind, model]
    return _safe("_".join(part for part in [*first, *sorted(swept - known)] if part)) or "sweep"


def folder_name(overrides: Sequence[str]) -> str:
    """A run's folder for its overrides, readable, and safe on every file system and in Hydra.

    Where characters had to be replaced or left out, a checksum keeps two such folders apart.
    """
    named = sorted(o for o in overrides if o.split("=")[0].lstrip("+") not in UNNAMED)
    name = "_".join(override.replace("=", "-", 1) for override in named)
    safe = _safe(name)
    if safe != name:
        checksum = hashlib.sha256("\n".join(named).encode()).hexdigest()[:8]
        return f"{safe}_{checksum}"
    return safe or "defaults"


def _safe(name: str) -> str:
    bare = re.sub(r"[\[\](){}'\"]", "", name)
    return re.sub(r"[^\w.+-]+", "-", bare, flags=re.ASCII)[:LONGEST].strip("-.")
