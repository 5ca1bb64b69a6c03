"""The clock of a column, which trains in blocks of steps and reports how long each took."""

import re
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Any

from mnistgen import system

PROFILE_STEPS = 20

OPERATORS = re.compile(r"(aten|mkldnn|onednn)::")
GROUPS = {
    "kernels": re.compile(r"conv|mm$|bmm|linear|onednn|mkldnn"),
    "batch norm": re.compile(r"batch_norm"),
    "fused Adam": re.compile(r"fused_adam"),
    "copies": re.compile(r"::(copy_|_to_copy|to|clone|contiguous|cat|stack|index|index_select)$"),
    "other operators": re.compile(r""),
}
"""The kinds of operators; an operator is of the first kind whose pattern is in its name."""

REST = "Python and dispatch"
"""The time of a step that is no operator's own."""


class Clock:
    """Holds a column until its next block, and reports the block.

    A report has the seconds of "parts" ("start" to the first batch, "steps", "records" for the
    rest, and what a column adds), the end of the "first_step" (since 1970), "peak_memory"
    (bytes), "precision", and with a profile the "shares" of operators in a step.
    """

    def __init__(self, connection: Connection, steps: int) -> None:
        self.connection = connection
        self.steps = steps
        self.number = -1

    def begin(self, precision: str = "32-true") -> int:
        """Report the last block, wait for the next, and return its number, which counts from 0."""
        if self.number >= 0:
            self.mark("records")
            self.connection.send({**self.report, "peak_memory": system.peak_memory()})
        self.has_profile = self.connection.recv()
        self.number += 1
        self.count = 0
        self.parts: dict[str, float] = {}
        self.report: dict[str, Any] = {"parts": self.parts, "precision": precision, "shares": None}
        self.last = time.perf_counter()
        return self.number

    def mark(self, part: str, share: float = 1.0) -> None:
        """Count the time since the last mark, or a share of it, as that of a part, once."""
        if part in self.parts:
            return
        self.parts[part] = (time.perf_counter() - self.last) * share
        if part == "start" and self.has_profile:
            from torch.profiler import ProfilerActivity, profile

            self.profile = profile(activities=[ProfilerActivity.CPU])
            self.profile.start()
        self.last = time.perf_counter()

    def step(self) -> None:
        """Count a training step, at its end."""
        self.count += 1
        self.report.setdefault("first_step", time.time())
        if self.has_profile and self.count == min(self.steps, PROFILE_STEPS):
            seconds = time.perf_counter() - self.last
            self.profile.stop()
            self.report["shares"] = operator_shares(self.profile.key_averages(), seconds)
        if self.count == self.steps:
            self.mark("steps")

    def callback(self, quality_share: float = 1.0) -> Any:
        """A Lightning callback for which an epoch is a block with "validation" and "quality".

        Quality is what callbacks measure at an epoch's end, and only its share counts.
        """
        from lightning.pytorch.callbacks import LambdaCallback

        return LambdaCallback(
            on_train_epoch_start=lambda trainer, _: self.begin(trainer.precision),
            on_train_batch_start=lambda *_: self.mark("start"),
            on_train_batch_end=lambda *_: self.step(),
            on_validation_end=lambda *_: self.mark("validation"),
            on_train_epoch_end=lambda *_: self.mark("quality", quality_share),
        )


def operator_shares(events: Iterable[Any], seconds: float) -> dict[str, float]:
    """The shares of the groups' own operators, and of REST, in the seconds of a profile."""
    shares = dict.fromkeys(GROUPS, 0.0)
    for event in events:
        if OPERATORS.match(event.key):
            group = next(name for name, pattern in GROUPS.items() if pattern.search(event.key))
            shares[group] += event.self_cpu_time_total / 1e6 / seconds
    return {**shares, REST: 1 - sum(shares.values())}
