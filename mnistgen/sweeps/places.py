"""Which run folder of a sweep a job has: a run is known by its settings, and not by its name."""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path

from mnistgen.config import settings
from mnistgen.config.settings import Settings
from mnistgen.errors import UserError
from mnistgen.tracking import store


def saved(folder: Path) -> dict[str, Settings]:
    """What makes each run of a sweep the one it is, by the name of its folder."""
    found = {}
    for run in store.runs_in(folder):
        with contextlib.suppress(UserError):  # a damaged one is named when its turn comes
            found[run.path.name] = settings.run_settings(run.unchecked_config())
    return found


def choose(taken: Mapping[str, Settings], wanted: Settings, *names: str) -> str:
    """The folder that has these settings, or otherwise the first of some names that is free.

    Where none of them is free, a checksum of the settings is added to the last.
    """
    for name, found in taken.items():
        if not any(settings.differing(found, wanted)):
            return name
    content = repr(sorted(wanted.items(), key=lambda item: item[0]))
    checksum = hashlib.sha256(content.encode()).hexdigest()[:8]
    return next((name for name in names if name not in taken), f"{names[-1]}_{checksum}")
