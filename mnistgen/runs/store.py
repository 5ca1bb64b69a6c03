"""The folders of many runs: how a new one is made, and how they are looked for."""

import contextlib
import errno
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from mnistgen.config import Config
from mnistgen.errors import UserError
from mnistgen.runs.folder import Run
from mnistgen.runs.info import Info, Status

UNFINISHED = ".new-"  # how the name of a folder begins that is not whole yet


@contextlib.contextmanager
def new(
    path: Path, *, model: str, config: Config, overrides: list[str], numbered: bool = True
) -> Iterator[Run]:
    """Make a run folder at `path`, and hold its lock.

    Where `path` is taken it is `path`_2 and so on, or with `numbered=False` a FileExistsError.
    It appears whole or not at all, so that a kill at any moment leaves one that resumes.
    """
    if not numbered and Run(path).exists():
        raise FileExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    run = Run(path.parent / f"{UNFINISHED}{uuid.uuid4().hex}")
    run.config_path.parent.mkdir(parents=True)
    run.write_config(config, overrides)
    run.write_info(Info(model=model, created=datetime.now(UTC).isoformat(timespec="milliseconds")))
    with run.lock():
        yield Run(_move(run.path, path, numbered))


def create(path: Path, *, model: str, config: Config, overrides: list[str]) -> Run:
    """Make a run folder that nobody trains yet, at `path` or at `path`_2 and so on."""
    with new(path, model=model, config=config, overrides=overrides) as run:
        return run


def all_runs(root: Path) -> list[Run]:
    """All run folders at or below `root`, damaged ones too, by path."""
    paths = {path.parent for name in ("run.json", ".hydra") for path in root.rglob(name)}
    # One that is not whole is of a process that was killed while it made the folder
    return [Run(path) for path in sorted(paths) if not path.name.startswith(UNFINISHED)]


def runs_in(folder: Path) -> list[Run]:
    """The run folders right inside a folder, by name."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [Run(p) for p in paths if Run(p).exists() and not p.name.startswith(UNFINISHED)]


def whole_runs(root: Path) -> list[Run]:
    """The run folders at or below `root` whose run.json is whole, oldest first."""
    dated = []
    for run in all_runs(root):
        with contextlib.suppress(UserError):
            dated.append((run.info().created, run))
    return [run for _, run in sorted(dated, key=lambda pair: pair[0])]


def latest_unfinished(root: Path) -> Run:
    """The newest run below `root` that was interrupted or killed; a failed one must be named."""
    for run in reversed(whole_runs(root)):
        if run.info().status in (Status.RUNNING, Status.INTERRUPTED) and not run.is_locked():
            return run
    raise UserError(f"resume=latest: {root} has no run that was interrupted")


def _move(folder: Path, path: Path, numbered: bool) -> Path:
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
