"""The run folder: the one place that knows the names of its files."""

import contextlib
import csv
import errno
import fcntl
import io
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from mnistgen import config as configuration
from mnistgen.config import Config
from mnistgen.errors import Busy, Interrupted, UserError

Row = dict[str, float]
"""One epoch of metrics.csv; "epoch" counts from 1."""


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


class Run:
    """A run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def config_path(self) -> Path:
        return self.path / ".hydra" / "config.yaml"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint of the last epoch that was completed."""
        return self.checkpoints / "last.ckpt"

    @property
    def previous(self) -> Path:
        """The checkpoint of the epoch before the last."""
        return self.checkpoints / "previous.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint of the epoch with the lowest objective."""
        return self.checkpoints / "best.ckpt"

    @property
    def log(self) -> Path:
        return self.path / "train.log"

    def exists(self) -> bool:
        """Whether the folder is there and whole, which it is from its first moment."""
        return (self.path / "run.json").exists()

    def picture(self, name: str, epoch: int) -> Path:
        """A picture of an epoch, which counts from 1: "samples", or another by its name."""
        prefix = "epoch" if name == "samples" else name
        return self.path / "samples" / f"{prefix}-{epoch:04d}.png"

    def config(self) -> Config:
        """The saved configuration; raises UserError where it is damaged or not allowed."""
        return configuration.load(self.config_path)

    def asked(self) -> Config:
        """The saved configuration as it was asked for, be it good or not; to read, not to use."""
        return configuration.read(self.config_path)

    def change_config(self, config: Config, overrides: list[str]) -> None:
        """Replace the saved configuration, and note the overrides that changed it.

        It is no longer the one that was composed for this run.
        """
        self.update(composition=None)
        noted = configuration.load_list(self.path / ".hydra" / "overrides.yaml")
        _write_config(self.path, config, [*noted, *overrides])

    def info(self) -> dict[str, Any]:
        """What run.json says; raises UserError where it is missing or damaged."""
        try:
            info = json.loads((self.path / "run.json").read_text())
        except OSError as error:
            reason = error.strerror
            raise UserError(f"{self.path} is not a run folder: run.json: {reason}") from error
        except ValueError as error:
            raise UserError(f"{self.path / 'run.json'} is damaged: {error}") from error
        if not isinstance(info, dict):
            raise UserError(f"{self.path / 'run.json'} is damaged: it holds no object")
        for name, kinds in (("epochs", int), ("seconds", (int, float))):
            if not isinstance(info.get(name, 0), kinds):
                raise UserError(f"{self.path / 'run.json'} is damaged: {name}={info[name]!r}")
        return info

    def update(self, **fields: Any) -> None:
        """Set fields of run.json."""
        _write_info(self.path, {**self.info(), **fields})

    def ended_with(self, error: BaseException) -> None:
        """Put into run.json how a training ended that did not finish."""
        if isinstance(error, Interrupted):
            self.update(status="interrupted", reason=str(error))
            return
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self.update(status="failed", reason=reason)

    def metrics(self) -> list[Row]:
        """The rows of metrics.csv, without blanks; raises UserError where it is damaged."""
        path = self.path / "metrics.csv"
        if not path.exists():
            return []
        try:
            with path.open(newline="") as file:
                rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
        except (ValueError, TypeError, csv.Error) as error:
            raise UserError(f"{path} is damaged: {error}") from error
        if not all("epoch" in row for row in rows):
            raise UserError(f"{path} is damaged: it has no column epoch")
        return rows

    def write_metrics(self, rows: list[Row]) -> None:
        """Replace metrics.csv: a column for each name in any row, blank where a row lacks it."""
        text = io.StringIO()
        names = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(text, ["epoch", *(n for n in names if n != "epoch")])
        writer.writeheader()
        writer.writerows({**row, "epoch": int(row["epoch"])} for row in rows)
        write_atomically(self.path / "metrics.csv", text.getvalue().encode())

    @property
    def evaluation_path(self) -> Path:
        return self.path / "evaluation.json"

    def evaluation(self) -> dict[str, Any]:
        """What evaluate has found; empty where it has not, or the file is damaged."""
        try:
            found = json.loads(self.evaluation_path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_evaluation(self, found: dict[str, Any]) -> None:
        """Replace evaluation.json."""
        text = json.dumps(found, indent=2) + "\n"
        write_atomically(self.evaluation_path, text.encode())

    def locked(self) -> bool:
        """Whether a process is training this run now."""
        try:
            with self.lock():
                return False
        except Busy:
            return True

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes off this run; raises Busy where one is on it."""
        return lock(self.path)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Keep other processes off a folder; the lock of a process that dies is gone with it.

    Raises Busy where another process holds it.
    """
    with (folder / ".lock").open("w") as file:
        for attempt in range(5):
            if attempt:
                time.sleep(0.05)  # who holds it may only look: see Run.locked()
            with contextlib.suppress(BlockingIOError, PermissionError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            raise Busy(f"{folder} is being trained by another process")
        yield


@contextlib.contextmanager
def created(
    path: Path,
    *,
    model: str,
    config: Config,
    overrides: list[str],
    numbered: bool = True,
    **info: Any,
) -> Iterator[Run]:
    """Make a run folder at `path`, with `info` in its run.json, and hold its lock.

    Where `path` is taken it is `path`_2 and so on, or with `numbered=False` a FileExistsError.
    It appears whole or not at all, so that a kill at any moment leaves one that resumes.
    """
    if not numbered and Run(path).exists():
        raise FileExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent / f".new-{uuid.uuid4().hex}"
    (unfinished / ".hydra").mkdir(parents=True)
    _write_config(unfinished, config, overrides)
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    _write_info(unfinished, {"status": "running", "model": model, "created": started, **info})
    with Run(unfinished).lock():
        yield Run(_moved(unfinished, path, numbered))


def create(path: Path, *, model: str, config: Config, overrides: list[str]) -> Run:
    """Make a run folder that nobody trains yet, at `path` or at `path`_2 and so on."""
    with created(path, model=model, config=config, overrides=overrides) as run:
        return run


def folders(root: Path) -> list[Run]:
    """All run folders at or below `root`, damaged ones too, by path."""
    paths = {path.parent for name in ("run.json", ".hydra") for path in root.rglob(name)}
    # .new- ones are of a process that was killed while it made the folder
    return [Run(path) for path in sorted(paths) if not path.name.startswith(".new-")]


def find(root: Path) -> list[Run]:
    """All run folders at or below `root`, oldest first; damaged ones are passed over."""
    found = []
    for run in folders(root):
        with contextlib.suppress(UserError):
            found.append((str(run.info().get("created", "")), run))
    return [run for _, run in sorted(found, key=lambda pair: pair[0])]


def latest_unfinished(root: Path) -> Run:
    """The newest run below `root` that was interrupted or killed; a failed one must be named."""
    for run in reversed(find(root)):
        if run.info().get("status") in ("running", "interrupted") and not run.locked():
            return run
    raise UserError(f"resume=latest: {root} has no run that was interrupted")


def _moved(folder: Path, path: Path, numbered: bool) -> Path:
    for number in count(2):
        try:
            return folder.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if not numbered:
                shutil.rmtree(folder)
                raise FileExistsError(path) from error
            path = path.with_name(f"{path.name.removesuffix(f'_{number - 1}')}_{number}")
    raise AssertionError


def _write_config(folder: Path, config: Config, overrides: list[str]) -> None:
    for name, content in (("overrides", overrides), ("config", config)):
        text = configuration.to_yaml(content)
        write_atomically(folder / ".hydra" / f"{name}.yaml", text.encode())


def _write_info(folder: Path, info: dict[str, Any]) -> None:
    write_atomically(folder / "run.json", (json.dumps(info, indent=2) + "\n").encode())
