"""How files are written and folders are locked, so that a crash or a second process harms none."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mnistgen.errors import Busy

PATIENCE = 0.25  # seconds that a lock is waited for: its holder may only look (see `is_locked`)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a crash at any moment leaves the old or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def keep_as(path: Path, name: str) -> None:
    """Keep a file under a second name of its folder, while the first stays at any moment."""
    second = path.with_name(name)
    second.unlink(missing_ok=True)
    second.hardlink_to(path)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Keep other processes off a folder while this one lives; raises Busy where one is on it."""
    try:
        held = FileLock(folder / ".lock").acquire(timeout=PATIENCE, poll_interval=0.05)
    except Timeout as error:
        raise Busy(f"{folder} is being trained by another process") from error
    with held:
        yield


def is_locked(folder: Path) -> bool:
    """Whether a process holds the lock of a folder now."""
    try:
        with lock(folder):
            return False
    except Busy:
        return True
