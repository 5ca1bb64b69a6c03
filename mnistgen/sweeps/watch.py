"""How far a sweep is, read from its run folders, in whichever processes they are trained."""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from datetime import timedelta

from mnistgen.errors import UserError
from mnistgen.tracking import Info, RunFolder, Status

log = logging.getLogger(__name__)

SECONDS = 1.0  # between two looks


class Watch:
    """Logs a line for each run that ends: how, its metric, and the time left for the others."""

    def __init__(self, runs: Sequence[RunFolder], metric: str) -> None:
        self.metric = metric
        self.left = {run: _info(run) for run in runs}  # with what is known before
        self.total = len(self.left)
        self.started = time.monotonic()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        self.thread.join()
        self._look()

    def _watch(self) -> None:
        while not self.over.wait(SECONDS):
            self._look()

    def _look(self) -> None:
        """Log what has ended since the last look."""
        for run, before in list(self.left.items()):
            info = _info(run)
            if info is None or info == before:
                continue
            if info.status is Status.FAILED:
                end = f"failed: {info.reason}"
            elif info.status is Status.FINISHED:
                last = run.metrics()[-1].get(self.metric)
                end = f"{self.metric} {'not measured' if last is None else f'{last:.5g}'}"
            else:
                continue
            del self.left[run]
            done = self.total - len(self.left)
            pace = (time.monotonic() - self.started) / done
            left = timedelta(seconds=round(pace * len(self.left)))
            log.info("%d/%d %s  %s  left %s", done, self.total, run.path.name, end, left)


def _info(run: RunFolder) -> Info | None:
    with contextlib.suppress(UserError):
        return run.info()
    return None
