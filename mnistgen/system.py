"""What differs from machine to machine and from system to system: cores, threads and memory.

Links and locks, which a file system may lack, are in mnistgen.files; signals in
mnistgen.training.signals.
"""

import contextlib
import ctypes
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc


CGROUPS = Path("/sys/fs/cgroup")  # where Linux keeps the limits of a container


def cores() -> int:
    """The number of CPU cores that this process may use; a container's share is rounded down."""
    if hasattr(os, "sched_getaffinity"):
        here = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        here = os.cpu_count() or 1
    return max(1, int(min(here, _container_cores())))


def processor_flags() -> frozenset[str]:
    """What the processor can do, in Linux's words; empty where the system does not say."""
    with contextlib.suppress(OSError):
        return frozenset(Path("/proc/cpuinfo").read_text().split())
    return frozenset()


def threads(config: dict[str, Any]) -> int:
    """The most CPU threads of a process of a training: `threads`, or its share of the cores."""
    if config["threads"]:
        return int(config["threads"])
    processes = config["trainer"]["devices"] if config["trainer"]["accelerator"] == "cpu" else 1
    return max(1, cores() // int(processes))


def idle_cores(seconds: float = 0.2) -> float | None:
    """How many cores had nothing to do for a moment, of those that this process may use.

    None where the system does not say, which only Linux does.
    """
    try:
        before = _processor_times()
        time.sleep(seconds)
        after = _processor_times()
        return sum(
            (idle - before[name][0]) / max(1, total - before[name][1])
            for name, (idle, total) in after.items()
        )
    except (OSError, ValueError, LookupError, AttributeError):
        return None


def _processor_times() -> dict[str, tuple[int, int]]:
    """The time without work and all time of each core that this process may use, in ticks."""
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    here = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    ticks = {words[0]: [int(word) for word in words[1:9]] for words in lines if words[0] in here}
    return {name: (values[3] + values[4], sum(values)) for name, values in ticks.items()}


def limit_threads(threads: int | None) -> None:
    """Let torch, once it is imported, use so many CPU threads; None stands for all cores."""
    os.environ["OMP_NUM_THREADS"] = str(threads or cores())


def _container_cores() -> float:
    """The CPU time a second that a container may use, of version 2 or 1 of Linux's cgroups."""
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: there is no limit
        quota, period = map(int, (CGROUPS / "cpu.max").read_text().split())
        return quota / period
    with contextlib.suppress(OSError, ValueError):
        names = "cpu.cfs_quota_us", "cpu.cfs_period_us"
        quota, period = (int((CGROUPS / "cpu" / name).read_text()) for name in names)
        return quota / period if quota > 0 else math.inf
    return math.inf


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next step, and not give it back to the system.

    A step frees and takes the same blocks again. Fresh blocks from the system come page by page,
    and each page costs a fault. Nothing happens where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 32 << 20)  # the most that glibc allows
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 64 << 20)
