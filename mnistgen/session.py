"""A process that trains a run: what it logs, which signals it obeys, how many threads it takes."""

import contextlib
import logging
import os
import shlex
import traceback
from collections.abc import Iterator
from typing import Any

from mnistgen import config, signals
from mnistgen.errors import Interrupted, UserError
from mnistgen.runs import Run
from mnistgen.signals import Signals

log = logging.getLogger(__name__)


def train(run: Run, *more: Any, alone: bool = True) -> float | None:
    """Train a run, whose lock this process holds, to its last epoch; returns its last `val/fid`.

    `more` are further callbacks. What is logged goes into its train.log, and where the run is
    `alone` on the terminal there, too. How it ended is in its run.json. Raises UserError where it
    failed for a known reason, Interrupted at a signal.
    """
    with _logged(run, alone), signals.noted() as noted:
        run.update(status="running", reason=None)
        try:
            objective = train_process(run, noted, *more, bar=alone)
        except BaseException as error:
            stopped = noted.signum is not None and not isinstance(error, Exception)
            ended = Interrupted(noted.signum or 0) if stopped else error
            run.ended_with(ended)
            if isinstance(ended, Interrupted):
                override = shlex.quote(f"resume={config.hydra_value(str(run.path))}")
                log.info("interrupted; go on with: python -m mnistgen %s", override)
            elif not isinstance(ended, UserError):
                with run.log.open("a") as file:
                    traceback.print_exc(file=file)
            raise ended from error
        run.update(status="finished", objective=objective)
        noted.check()  # it came too late for this run, but not for a sweep
        return objective


def train_process(run: Run, noted: Signals, *more: Any, bar: bool = True) -> float | None:
    """Do this process's part of the training of a run."""
    threads = str(config.threads(run.config()))
    os.environ["OMP_NUM_THREADS"] = threads  # read when torch is first imported
    from mnistgen.train import train

    return train(run, noted, *more, bar=bar)


@contextlib.contextmanager
def _logged(run: Run, alone: bool) -> Iterator[None]:
    """Write what is logged into the run's train.log too, or only there."""
    handler = logging.FileHandler(run.log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    before = list(root.handlers)
    root.handlers = [*before, handler] if alone else [handler]
    try:
        yield
    finally:
        root.handlers = before
        handler.close()
