"""The columns in turn: a worker process each, of which one runs and the others are stopped."""

import importlib
import logging
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import apart
from benchmarks.blocks import Blocks, Timing
from benchmarks.job import Job, save_batches
from mnistgen.errors import UserError

log = logging.getLogger(__name__)

COLUMNS = {
    "project": "this project",
    "textbook": "textbook Lightning",
    "bare": "bare loop, same numerics",
    "bare_fp32": "best bare loop, fp32",
    "keras_graph": "TensorFlow graph",
}
"""The modules of the columns, and what they are called."""

PROFILED = ("project", "textbook", "bare", "bare_fp32")
"""The columns whose operators torch's profiler sees."""

TRAIN_SIZE, BATCH_SIZE = 60_000, 128
PACED_BY = "bare_fp32"
PACE_STEPS = 10
FEWEST_STEPS, MOST_STEPS = 3, 400


def available() -> list[str]:
    """The columns that can run here."""
    return [c for c in COLUMNS if c != "keras_graph" or find_spec("tensorflow")]


class Worker:
    """A process that trains one column, block by block, and is stopped between them."""

    def __init__(self, column: str, job: Job) -> None:
        self.log = job.folder / "log"
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        arguments = (column, job, self.log, theirs)
        self.process = context.Process(target=_work, name=column, args=arguments, daemon=True)
        self.began = time.time()
        self.process.start()
        theirs.close()

    def block(self, number: int, steps: int, *, profiled: bool = False) -> Timing:
        """Let it train a block; raises UserError where it fails."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGCONT)
        try:
            self.connection.send((number, steps, profiled))
            timing: Timing = self.connection.recv()
        except (EOFError, OSError) as error:
            said = self.log.read_text(errors="replace").strip() if self.log.exists() else ""
            last = said.splitlines()[-1] if said else "it said nothing"
            raise UserError(f"column {self.process.name} has ended: {last}") from error
        os.kill(self.process.pid, signal.SIGSTOP)  # nor do its idle threads take time from others
        return timing

    def close(self) -> None:
        """End the process, which has nothing to save."""
        self.process.kill()
        self.process.join()


def _work(column: str, job: Job, log_path: Path, connection: Connection) -> None:
    with log_path.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = [column]
    if column != "keras_graph":
        apart.prepare_for_torch(job.threads)
    importlib.import_module(f"benchmarks.{column}").run(job, Blocks(connection))


def measure(
    model: str,
    columns: list[str],
    *,
    threads: int,
    options: tuple[str, ...],
    seconds: float,
    rounds: int,
) -> dict[str, Any]:
    """What there is to say of each column: after a block to warm up, `rounds` blocks in turn.

    A block has as many steps in every column as the best bare loop in single precision does in
    `seconds` / `rounds`.
    """
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def start(column: str, name: str) -> Worker:
            folder = root / name
            folder.mkdir()
            job = Job(model, threads, options, folder)
            if column == "keras_graph":
                apart.call(save_batches, job, rounds + 1, threads=threads)
            worker = Worker(column, job)
            stack.callback(worker.close)
            return worker

        pace = start(PACED_BY, "pace")
        pace.block(0, PACE_STEPS)
        a_step = pace.block(1, PACE_STEPS).parts["steps"] / PACE_STEPS
        pace.close()
        steps = min(max(round(seconds / rounds / a_step), FEWEST_STEPS), MOST_STEPS)
        log.info("%s: %d blocks of %d steps", model, rounds, steps)

        workers: dict[str, Worker] = {}
        first_steps: dict[str, float] = {}
        for column in columns:
            worker = workers[column] = start(column, column)
            first_steps[column] = worker.block(0, steps).first_step - worker.began
        timings: dict[str, list[Timing]] = {column: [] for column in columns}
        for number in range(1, rounds + 1):
            for column, worker in workers.items():
                timings[column].append(worker.block(number, steps))
            took = (f"{c} {1e3 * t[-1].parts['steps'] / steps:.1f}" for c, t in timings.items())
            log.info("  round %d, ms a step: %s", number, "  ".join(took))
        shares = {
            column: worker.block(rounds + 1, steps, profiled=True).shares
            for column, worker in workers.items()
            if column in PROFILED
        }
    return {
        "steps_a_block": steps,
        "columns": {
            column: {
                "seconds_an_epoch": [seconds_an_epoch(timing) for timing in blocks],
                "parts": parts_of_an_epoch(blocks),
                "first_step": first_steps[column],
                "peak_memory": blocks[-1].peak_memory,
                "precision": blocks[-1].precision,
                "shares": shares.get(column),
            }
            for column, blocks in timings.items()
        },
    }


def whole_epoch(timing: Timing) -> dict[str, float]:
    """Seconds of each part of an epoch of 60,000 images, of which a block has only some steps."""
    factor = TRAIN_SIZE / (timing.steps * BATCH_SIZE)
    return {**timing.parts, "steps": timing.parts["steps"] * factor}


def seconds_an_epoch(timing: Timing) -> float:
    """Seconds of an epoch of 60,000 images, with all that is done in one."""
    return sum(whole_epoch(timing).values())


def parts_of_an_epoch(timings: list[Timing]) -> dict[str, float]:
    """The median of each part of an epoch, in seconds."""
    epochs = [whole_epoch(timing) for timing in timings]
    return {part: median(epoch[part] for epoch in epochs) for part in epochs[0]}
