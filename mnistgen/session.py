"""A process that trains a run: what it logs, which signals it obeys, how many threads it takes."""

import contextlib
import logging
import os
import shlex
import signal
import traceback
from collections.abc import Iterator
from types import FrameType

from mnistgen import config
from mnistgen.errors import Interrupted, UserError
from mnistgen.runs import Run

log = logging.getLogger(__name__)


def train(run: Run, *, alone: bool = True) -> float | None:
    """Train a run, whose lock this process holds, to its last epoch; returns its last `val/fid`.

    What is logged goes into its train.log, and where the run is `alone` on the terminal there,
    too. How it ended is in its run.json. Raises UserError where it failed for a known reason,
    Interrupted at a signal.
    """
    with _logged(run, alone), _signals_raise():
        try:
            return train_process(run, bar=alone)
        except Interrupted as error:
            if run.info()["status"] != "finished":
                run.ended_with(error)
                override = shlex.quote(f"resume={config.hydra_value(str(run.path))}")
                log.info("interrupted; go on with: python -m mnistgen %s", override)
            raise
        except Exception as error:
            if not isinstance(error, UserError):
                with run.log.open("a") as file:
                    traceback.print_exc(file=file)
            run.ended_with(error)
            raise


def train_process(run: Run, *, bar: bool = True) -> float | None:
    """Do this process's part of the training of a run."""
    threads = str(config.threads(run.config()))
    os.environ["OMP_NUM_THREADS"] = threads  # read when torch is first imported
    from mnistgen.train import train

    return train(run, bar=bar)


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


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Let a signal raise Interrupted before the training's own handlers are there, and after."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise Interrupted(signum)

    signums = signal.SIGINT, signal.SIGTERM
    replaced = [signal.signal(signum, interrupt) for signum in signums]
    try:
        yield
    finally:
        for signum, handler in zip(signums, replaced, strict=True):
            signal.signal(signum, handler)
