"""Checkpoints that survive a crash and whose damage is noticed.

A checkpoint is written beside its place, flushed to the disk and renamed. The one that last.ckpt
replaces is kept as previous.ckpt.
"""

import io
import logging
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.fabric.plugins import CheckpointIO

from mnistgen.errors import UserError
from mnistgen.files import keep_as, write_atomically
from mnistgen.tracking import checksums
from mnistgen.tracking.folder import RunFolder

log = logging.getLogger(__name__)

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"


class SafeCheckpointIO(CheckpointIO):
    """How Lightning writes and reads checkpoints here; reading never unpickles an object."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint; raises OSError where it cannot be written whole."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        content = buffer.getvalue()

        sums = checksums.read(path.parent)
        before = sums.get(path.name, [])
        sums[path.name] = [checksums.sha256(content), *before[:1]]
        replaces = path.name == LAST and path.exists()
        if replaces:
            sums[PREVIOUS] = before
        checksums.write(path.parent, sums)
        if replaces:
            keep_as(path, PREVIOUS)
        write_atomically(path, content)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint on the CPU; raises UserError where it is damaged."""
        return read(Path(path)).content

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint, if it exists."""
        Path(path).unlink(missing_ok=True)


class Loaded(NamedTuple):
    """What a checkpoint holds, and its file's SHA-256."""

    content: dict[str, Any]
    sha256: str


def read(path: Path) -> Loaded:
    """The checkpoint at `path`, on the CPU.

    Raises UserError where its checksum is not the recorded one, or it holds more than plain data.
    A copy of one, of which no checksum is recorded where it lies, is taken as it is.
    """
    content = _content(path)
    if not _is_whole(path, content, default=True):
        raise UserError(f"{path} is damaged: its SHA-256 is not recorded in checksums.json")
    try:
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UserError(f"{path} is not a checkpoint of plain data") from error
    return Loaded(checkpoint, checksums.sha256(content))


def newest(run: RunFolder) -> Path | None:
    """The checkpoint to go on from, or None where no epoch is complete.

    A damaged one is named in the log and the one before it taken; raises UserError where all are.
    """
    candidates = [path for path in (run.last, run.previous) if path.exists()]
    for path in candidates:
        if _is_whole(path, _content(path), default=False):
            return path
        log.warning("%s is damaged (its SHA-256 is not the recorded one)", path)
    if candidates:
        raise UserError(f"{run.checkpoints} holds no undamaged checkpoint; start a new run")
    return None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def _is_whole(path: Path, content: bytes, *, default: bool) -> bool:
    """Whether a checkpoint has a checksum that is recorded; the default is for those without."""
    sums = checksums.read(path.parent).get(path.name)
    return default if sums is None else checksums.sha256(content) in sums
