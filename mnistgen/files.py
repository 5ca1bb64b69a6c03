"""How files are written and folders are locked, so that a crash or a second process harms none."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mnistgen import system
from mnistgen.errors import Busy

log = logging.getLogger(__name__)

LOCK = ".lock"  # the file in a folder that its lock is on
PATIENCE = 0.25  # seconds in which a lock is tried for: its holder may only look (see `is_locked`)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a crash at any moment leaves the old or the new one, whole."""
    with _beside(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def keep_as(path: Path, name: str) -> None:
    """Keep a file under a second name of its folder, while the first stays at any moment.

    It is copied where the file system has no links.
    """
    with _beside(path.with_name(name)) as temporary:
        system.link(path, temporary)


@contextlib.contextmanager
def lock(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep other processes off a folder while this one lives, or warn where it has no locks.

    Where another process holds it, wait for that, or raise Busy.
    """
    held = _lock_of(folder)
    try:
        held.acquire(timeout=PATIENCE, poll_interval=0.05)
    except Timeout as error:
        words = f"{folder} is in use by another process"
        if not wait:
            raise Busy(words) from error
        log.info("%s: waiting for it", words)
        held.acquire(poll_interval=0.2)
    except OSError as error:
        log.warning("%s cannot be locked (%s): use it in one process only", folder, error.strerror)
    try:
        yield
    finally:
        held.release()


def is_locked(folder: Path) -> bool:
    """Whether a process holds the lock of a folder now."""
    try:
        with _lock_of(folder).acquire(timeout=PATIENCE, poll_interval=0.05):
            return False
    except Timeout:
        return True
    except OSError:  # no process can lock it
        return False


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new file beside another, whose place it takes once it is whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _lock_of(folder: Path) -> FileLock:
    return system.file_lock(folder / LOCK)
