"""How far a sweep is, read from its run folders, in whichever processes they are trained."""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from mnistgen.errors import UserError
from mnistgen.runs import Run

log = logging.getLogger(__name__)

SECONDS = 1.0
"""Between two looks."""


class Watch:
    """Logs a line for each run that ends: how, its metric, and the time left for the others."""

    def __init__(self, watched: Sequence[Run], metric: str) -> None:
        self.metric = metric
        self.left = {run: self._info(run) for run in watched}  # with what is known before
        self.total = len(self.left)
        self.started = time.monotonic()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        self.thread.join()
        self.look()

    def _watch(self) -> None:
        while not self.over.wait(SECONDS):
            self.look()

    def look(self) -> None:
        """Log what has ended since the last look."""
        for run, before in list(self.left.items()):
            info = self._info(run)
            if info == before or info.get("status") not in ("finished", "failed"):
                continue
            del self.left[run]
            done = self.total - len(self.left)
            pace = (time.monotonic() - self.started) / done
            left = timedelta(seconds=round(pace * len(self.left)))
            log.info("%d/%d %s  left %s", done, self.total, self._line(run, info), left)

    def _line(self, run: Run, info: dict[str, Any]) -> str:
        if info["status"] == "failed":
            return f"{run.path.name}  failed: {info.get('reason')}"
        last = run.metrics()[-1].get(self.metric)
        return (
            f"{run.path.name}  {self.metric} {'not measured' if last is None else f'{last:.5g}'}"
        )

    def _info(self, run: Run) -> dict[str, Any]:
        with contextlib.suppress(UserError):
            return run.info()
        return {}
