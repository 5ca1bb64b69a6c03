"""Blocks of training steps that a worker runs when it is told to, and their clock."""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

PROFILED_STEPS = 20

OPERATORS = re.compile(r"(aten|mkldnn|onednn)::")
GROUPS = {
    "kernels": re.compile(r"conv|mm$|bmm|linear|onednn|mkldnn"),
    "batch norm": re.compile(r"batch_norm"),
    "fused Adam": re.compile(r"fused_adam"),
    "copies": re.compile(r"::(copy_|_to_copy|to|clone|contiguous|cat|stack|index|index_select)$"),
    "other operators": re.compile(r""),
}
"""What the operators of a step are, by the first that finds something in their name."""

ELSEWHERE = "Python and dispatch"
"""The time of a step that is no operator's own."""


@dataclass(frozen=True)
class Timing:
    """What a block took: seconds of each of its parts, of which "steps" are the training steps."""

    steps: int
    parts: dict[str, float]
    first_step: float
    """When the block's first step ended, in seconds since 1970."""
    peak_memory: int
    """The most memory that the process has held since it began, in bytes."""
    precision: str
    shares: dict[str, float] | None
    """The share of each of GROUPS, and of ELSEWHERE, in a step that was profiled."""


class Block:
    """A number of training steps; `number` is the epoch whose order of images they take."""

    def __init__(
        self, connection: Connection, number: int, steps: int, profiled: bool, precision: str
    ) -> None:
        self.connection = connection
        self.number = number
        self.steps = steps
        self.profiled = profiled
        self.precision = precision
        self.parts: dict[str, float] = {}
        self.done = 0
        self.shares: dict[str, float] | None = None
        self.last = time.perf_counter()

    def mark(self, part: str, share: float = 1.0) -> None:
        """Count the time since the last mark, or a share of it, as that of a part."""
        now = time.perf_counter()
        self.parts[part] = (now - self.last) * share
        self.last = now
        if part == "start" and self.profiled:
            self._start_profile()

    def step(self) -> None:
        """Count a training step that has ended."""
        self.done += 1
        if self.done == 1:
            self.first_step = time.time()
        if self.profiled and self.done == min(self.steps, PROFILED_STEPS):
            self._end_profile()
        if self.done == self.steps:
            self.mark("steps")

    def finish(self) -> None:
        """Report to whoever asked for the block."""
        self.connection.send(
            Timing(
                self.steps,
                self.parts,
                self.first_step,
                peak_memory(),
                self.precision,
                self.shares,
            )
        )

    def _start_profile(self) -> None:
        from torch.profiler import ProfilerActivity, profile

        self.profile = profile(activities=[ProfilerActivity.CPU])
        self.profile.start()
        self.profile_began = time.perf_counter()

    def _end_profile(self) -> None:
        seconds = time.perf_counter() - self.profile_began
        self.profile.stop()
        self.shares = shares_of(self.profile.key_averages(), seconds)


class Blocks(Iterator[Block]):
    """The blocks that are asked for over a connection, one after the other, without end."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.precision = "32-true"

    def __next__(self) -> Block:
        number, steps, profiled = self.connection.recv()
        return Block(self.connection, number, steps, profiled, self.precision)


def shares_of(events: Iterable[Any], seconds: float) -> dict[str, float]:
    """The share of each group in `seconds`, from a profile's events without what they called."""
    found = dict.fromkeys(GROUPS, 0.0)
    for event in events:
        if OPERATORS.match(event.key):
            group = next(name for name, pattern in GROUPS.items() if pattern.search(event.key))
            found[group] += event.self_cpu_time_total / 1e6 / seconds
    return {**found, ELSEWHERE: 1 - sum(found.values())}


def peak_memory() -> int:
    """The most resident memory of this process so far, in bytes.

    `ru_maxrss` would count the parent's, which a child begins with.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) * 1024
