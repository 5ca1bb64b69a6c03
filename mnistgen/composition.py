"""What a configuration was composed from, by which it is known without composing it again."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any


def checksum(hydra: Any, overrides: Sequence[str]) -> str:
    """SHA-256 of all that a composition follows from; `hydra` is Hydra's part of one.

    That is the overrides in their order, the content of every file that can be chosen from the
    folders given to Hydra, and Hydra's version, which stands for the files within packages.
    """
    folders = [source.path for source in hydra.runtime.config_sources if source.schema == "file"]
    parts = [hydra.runtime.version, *map(_of_files, folders), *overrides]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def _of_files(folder: str) -> str:
    made = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*.yaml")):
        made.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return made.hexdigest()
