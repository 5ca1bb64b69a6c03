"""The folders of many runs: how a new one is made, and how they are looked for."""

import contextlib
import glob
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from mnistgen.config import Config, objects
from mnistgen.errors import Busy, UserError
from mnistgen.files import LOCK, lock
from mnistgen.tracking.folder import RunFolder
from mnistgen.tracking.info import Info, Status

OLD_UNFINISHED = ".new-"  # how the name of a folder began that was not whole, in version 0.1


@contextlib.contextmanager
def new(
    path: Path, *, model: str, config: Config, overrides: list[str], numbered: bool = True
) -> Iterator[RunFolder]:
    """Make a run folder at `path`, and hold its lock.

    Where `path` is taken it is `path`_2 and so on, or with `numbered=False` a FileExistsError.
    It is a run from the moment that its run.json is there, which is written last: what a kill
    leaves before that is as free as an empty folder.
    """
    with contextlib.ExitStack() as stack:
        run = RunFolder(_claim(path, numbered, stack))
        run.config_path.parent.mkdir(exist_ok=True)
        run.write_config(config, overrides)
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        dirs = [str(path) for path in objects.user_dirs()]
        run.write_info(Info(model=model, created=created, config_dirs=dirs))
        yield run


def create(path: Path, *, model: str, config: Config, overrides: list[str]) -> RunFolder:
    """Make a run folder that nobody trains yet, at `path` or at `path`_2 and so on."""
    with new(path, model=model, config=config, overrides=overrides) as run:
        return run


def folders(key: str, value: str | list[str]) -> list[Path]:
    """The folders that `key=value` names: one, a glob of some, or a list of these.

    Raises UserError for a name that no run folder lies at or below.
    """
    found: list[Path] = []
    if not value:
        raise UserError(f"{key}={value} names no folder")
    for name in map(str, value if isinstance(value, list) else [value]):
        exact = Path(name).exists()  # though its name may look like a glob
        paths = [Path(path) for path in ([name] if exact else sorted(glob.glob(name)))]  # noqa: PTH207
        if not all_runs(*paths):
            raise UserError(f"{key}={name}: there is no run folder")
        found += paths
    return found


def all_runs(*roots: Path) -> list[RunFolder]:
    """All run folders at or below some folders, damaged ones too, by path, and each once."""
    names = "run.json", ".hydra"
    paths = {path.parent for root in roots for name in names for path in root.rglob(name)}
    once: dict[Path, RunFolder] = {}
    for path in sorted(paths):
        if not (path.name.startswith(OLD_UNFINISHED) or _is_free(path)):
            once.setdefault(path.resolve(), RunFolder(path))
    return list(once.values())


def runs_in(folder: Path) -> list[RunFolder]:
    """The run folders right inside a folder, by name."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        RunFolder(p)
        for p in paths
        if RunFolder(p).exists() and not p.name.startswith(OLD_UNFINISHED)
    ]


def whole_runs(*roots: Path) -> list[RunFolder]:
    """The run folders at or below some folders whose run.json is whole, oldest first."""
    dated = []
    for run in all_runs(*roots):
        with contextlib.suppress(UserError):
            dated.append((run.info().created, run))
    return [run for _, run in sorted(dated, key=lambda pair: pair[0])]


def latest_unfinished(root: Path) -> RunFolder:
    """The newest run below `root` that was interrupted or killed; a failed one must be named."""
    for run in reversed(whole_runs(root)):
        if run.info().status in (Status.RUNNING, Status.INTERRUPTED) and not run.is_locked():
            return run
    raise UserError(f"resume=latest: {root} has no run that was interrupted")


def _claim(path: Path, numbered: bool, stack: contextlib.ExitStack) -> Path:
    """A free folder at `path`, or with a number after its name; the stack then holds its lock."""
    others = (path.with_name(f"{path.name}_{number}") for number in count(2))
    for folder in chain([path], others if numbered else []):
        if os.path.lexists(folder) and not _is_free(folder):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(Busy):
            stack.enter_context(lock(folder))
            if _is_free(folder):  # still: another process may just have had the lock
                return folder
            stack.close()
    raise FileExistsError(path)


def _is_free(folder: Path) -> bool:
    """Whether a folder has nothing but what a process leaves that is killed before its run is."""
    if not folder.is_dir():
        return False
    run = RunFolder(folder)
    ours = {folder / LOCK, run.config_path.parent, run.config_path, run.overrides_path}
    return ours.issuperset([*folder.iterdir(), *run.config_path.parent.glob("[!.]*")])
