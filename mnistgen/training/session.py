"""A process that trains a run: what it logs, which signals it obeys, how many threads it takes.

This module imports nothing heavy, so that the threads are set before torch starts.
"""

import contextlib
import logging
import signal
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from mnistgen import system
from mnistgen.config import Config, objects, shell_word, to_override
from mnistgen.errors import Interrupted, UserError
from mnistgen.tracking import RunFolder, Status, info
from mnistgen.tracking.diagnosis import diagnose_training
from mnistgen.training import signals
from mnistgen.training.signals import Signals

log = logging.getLogger(__name__)


def check(config: Config) -> None:
    """Raise UserError where no run of a configuration can begin here; the data are downloaded.

    What can be known before there is a run folder is known from here.
    """
    objects.check_packages(config)
    system.limit_threads(system.threads(config))
    from mnistgen.training import train  # with it torch

    train.check(config)


def train(
    run: RunFolder, *callbacks: Any, alone: bool = True, share: int | None = None
) -> float | None:
    """Train a run, whose lock this process holds, to its last epoch; returns its last `val/fid`.

    The `callbacks` are Lightning's, beside the run's own. What is logged goes into its train.log,
    and where the run is `alone` on the terminal there, too. How it ended is in its run.json.
    `share` is how many cores it may use; None: all.
    Raises UserError where it failed for a known reason, Interrupted at a signal.
    """
    with _log(run, alone), signals.watch() as watched:
        run.update(status=Status.RUNNING, reason=None, failure=None, diagnosis=[])
        try:
            objective = _fit(run, watched, callbacks, bar=alone, share=share)
        except BaseException as error:
            # Of a KeyboardInterrupt, as a callback may raise it, Lightning makes a SystemExit
            stopped = not isinstance(error, Exception)
            end = Interrupted(watched.signum or signal.SIGINT) if stopped else error
            run.update(**info.end(end))
            if isinstance(end, Interrupted):
                override = shell_word(f"resume={to_override(str(run.path))}")
                words = [*map(shell_word, objects.search_path()), override]
                log.info("interrupted; go on with: python -m mnistgen %s", " ".join(words))
            elif not isinstance(end, UserError):
                with run.log.open("a", encoding="utf-8") as file:
                    traceback.print_exc(file=file)
            raise end from error
        faults = diagnose_training(run.metrics()[-1])
        run.update(status=Status.FINISHED, objective=objective, diagnosis=faults)
        watched.check()  # it came too late for this run, but not for a sweep
        return objective


def join(run: RunFolder) -> float | None:
    """Train as a further process of a run that another process has begun."""
    with signals.watch() as watched:
        return _fit(run, watched, (), bar=False, share=None)


def _fit(
    run: RunFolder,
    watched: Signals,
    callbacks: Sequence[Any],
    *,
    bar: bool,
    share: int | None,
) -> float | None:
    config = run.config()
    system.limit_threads(share or system.threads(config))
    from mnistgen.training.train import fit  # with it torch

    return fit(run, config, watched, callbacks, bar=bar, share=share)


@contextlib.contextmanager
def _log(run: RunFolder, alone: bool) -> Iterator[None]:
    """Write what is logged into the run's train.log too, or only there."""
    handler = logging.FileHandler(run.log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    before = list(root.handlers)
    root.handlers = [*before, handler] if alone else [handler]
    try:
        yield
    finally:
        root.handlers = before
        handler.close()
