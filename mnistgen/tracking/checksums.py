"""checksums.json: the SHA-256 of each checkpoint of a run.

It has for each name the newest sum and the one before. They are written before the checkpoint,
so that a file is known to be whole whether a crash comes before or after its own renaming.
"""

import hashlib
import json
from pathlib import Path

from mnistgen.errors import UserError
from mnistgen.files import write_atomically

Sums = dict[str, list[str]]


def sha256(content: bytes) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read(folder: Path) -> Sums:
    """The sums of a folder; raises UserError where the file is damaged."""
    path = folder / "checksums.json"
    try:
        sums = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}") from error
    if not isinstance(sums, dict) or not all(isinstance(of_one, list) for of_one in sums.values()):
        raise UserError(f"{path} is damaged: it holds no lists of sums")
    return sums


def write(folder: Path, sums: Sums) -> None:
    """Replace the sums of a folder."""
    write_atomically(folder / "checksums.json", json.dumps(sums, indent=2).encode())


def newest(path: Path) -> str | None:
    """The newest sum of a checkpoint, or None where there is none; the file is not read."""
    try:
        return next(iter(read(path.parent).get(path.name, [])), None)
    except UserError:
        return None
