"""The columns in turn: each has a process, of which one runs while the others are stopped."""

import logging
import os
import pkgutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clock import Clock
from benchmarks.project import Job, save_for_keras
from mnistgen import system
from mnistgen.errors import UserError

log = logging.getLogger(__name__)

COLUMNS = {
    "project": ("this project", "benchmarks.project:run"),
    "textbook": ("textbook Lightning", "benchmarks.textbook:run"),
    "bare": ("bare loop, same numerics", "benchmarks.bare:run_project_networks"),
    "bare_fp32": ("best bare loop, fp32", "benchmarks.bare:run_stock_networks"),
    "keras_graph": ("TensorFlow graph", "benchmarks.keras_graph:run"),
}
"""The title of each column, and the function that trains it."""

TRAIN_SIZE, BATCH_SIZE = 60_000, 128
BUSY_STEPS, BUSY_ROUNDS = 40, 3  # at most: several threads are very slow there


class Worker:
    """A process that trains a column, and is stopped except for its blocks."""

    def __init__(self, column: str, job: Job, steps: int) -> None:
        self.column = column
        self.log = job.folder / f"{column}.log"
        self.log.touch()
        context = get_context("spawn")
        self.connection, remote = context.Pipe()
        arguments = column, job, steps, self.log, remote
        self.process = context.Process(target=_work, args=arguments, daemon=True)
        self.start = time.time()
        self.process.start()
        remote.close()

    def block(self, *, profile: bool = False) -> dict[str, Any]:
        """The report on the next block; raises UserError where the column fails."""
        os.kill(self.process.pid, signal.SIGCONT)
        try:
            self.connection.send(profile)
            report: dict[str, Any] = self.connection.recv()
        except (EOFError, OSError) as error:
            reason = self.log.read_text("utf-8", errors="replace").strip().rpartition("\n")[2]
            raise UserError(f"column {self.column} failed: {reason}") from error
        os.kill(self.process.pid, signal.SIGSTOP)  # idle threads would take time from others
        return report


def _work(column: str, job: Job, steps: int, log_path: Path, connection: Connection) -> None:
    with log_path.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if column != "keras_graph":
        os.environ["OMP_NUM_THREADS"] = str(job.threads)  # torch reads it once
        # TensorBoard would import it, and a process that has both libraries dies
        sys.modules["tensorflow"] = None
    pkgutil.resolve_name(COLUMNS[column][1])(job, Clock(connection, steps))


def measure(job: Job, columns: list[str], *, steps: int, rounds: int) -> dict[str, Any]:
    """The results of each column: after a block to warm up, `rounds` blocks in turn."""
    log.info("%s: %d blocks of %d steps", job.model, rounds, steps)
    workers: dict[str, Worker] = {}
    reports: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        job = replace(job, folder=Path(folder))
        if "keras_graph" in columns:
            save_for_keras(job, epochs=rounds + 2)
        for column in columns:
            workers[column] = Worker(column, job, steps)
            stack.callback(workers[column].process.join)
            stack.callback(workers[column].process.kill)  # this comes first
            reports[column] = [workers[column].block()]
        for number in range(1, rounds + 1):
            for column, worker in workers.items():
                reports[column].append(worker.block())
            log.info("  round %d of %d", number, rounds)
        return {
            column: {
                **reports[column][-1],
                **epoch_seconds([report["parts"] for report in reports[column][1:]], steps),
                "first_step": reports[column][0]["first_step"] - worker.start,
                "shares": worker.block(profile=column != "keras_graph")["shares"],
            }
            for column, worker in workers.items()
        }


def beside_busy_process(job: Job, *, steps: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of the project's epoch while another process computes, by the number of threads.

    These are one, as many as the job has, and one for each core.
    """
    seconds = {}
    busy = get_context("spawn").Process(target=_compute, daemon=True)
    busy.start()
    try:
        for threads in sorted({1, job.threads or 1, system.cores()}):
            log.info("beside a busy process, threads=%d:", threads)
            one = replace(job, threads=threads)
            columns = measure(
                one,
                ["project"],
                steps=min(steps, BUSY_STEPS),
                rounds=min(rounds, BUSY_ROUNDS),
            )
            seconds[str(threads)] = columns["project"]["seconds_an_epoch"]
    finally:
        busy.kill()
        busy.join()
    return seconds


def _compute() -> None:
    while True:
        pass


def epoch_seconds(blocks: list[dict[str, float]], steps: int) -> dict[str, Any]:
    """Seconds of an epoch of 60,000 images, scaled from each block, and medians of its parts."""
    scale = TRAIN_SIZE / (steps * BATCH_SIZE)
    epochs = [{**parts, "steps": parts["steps"] * scale} for parts in blocks]
    return {
        "seconds_an_epoch": [sum(epoch.values()) for epoch in epochs],
        "parts": {part: median(epoch[part] for epoch in epochs) for part in epochs[0]},
    }
