"""What differs from machine to machine and from system to system, each with a fall-back.

These are the cores and what they can do, threads, locks, links, signals and memory.
"""

import contextlib
import ctypes
import math
import os
import platform
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

# Ctrl-C, a polite kill, and a terminal that is closed, which not every system has
STOP = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
SIGPIPE = getattr(signal, "SIGPIPE", 13)  # which Windows has not

CGROUPS = Path("/sys/fs/cgroup")  # where Linux keeps the limits of a container
CPUINFO = Path("/proc/cpuinfo")
PROCESS = Path("/proc/self/status")

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc


def cores() -> int:
    """The number of CPU cores that this process may use; a container's share is rounded down."""
    if hasattr(os, "sched_getaffinity"):
        here = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        here = os.cpu_count() or 1
    return max(1, int(min(here, _container_cores())))


def processor() -> str:
    """The processor's name, or otherwise its kind, such as arm64."""
    with contextlib.suppress(OSError):
        for name in re.findall(r"^model name\s*: (.*)", CPUINFO.read_text(), re.MULTILINE):
            return str(name)
    return platform.machine()


def processor_flags() -> frozenset[str]:
    """What the processor can do, in Linux's words; empty where the system does not say.

    The line is called "flags" where the processor is of the x86 kind, and "Features" on ARM.
    """
    with contextlib.suppress(OSError):
        lines = re.findall(r"^(?:flags|Features)\s*:(.*)", CPUINFO.read_text(), re.MULTILINE)
        return frozenset(" ".join(lines).split())
    return frozenset()


def threads(config: dict[str, Any]) -> int:
    """The most CPU threads of a process of a training: `threads`, or its share of the cores."""
    if config["threads"]:
        return int(config["threads"])
    return max(1, cores() // int(config["trainer"]["devices"]))


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


def peak_memory() -> int:
    """The most memory that this process has had, in bytes; 0 where the system does not say."""
    with contextlib.suppress(OSError):  # Linux's other number begins with the parent's
        return int(re.findall(r"VmHWM:\s*(\d+) kB", PROCESS.read_text())[0]) * 1024
    with contextlib.suppress(ImportError):  # Windows
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return 0


def file_lock(path: Path) -> FileLock:
    """The system's lock on a file; to acquire it is an OSError where the file system has none."""
    # One that is not the system's would outlive a process that is killed
    return FileLock(path, fallback_to_soft=False)


def link(source: Path, target: Path) -> None:
    """Give a file a second name, or where the system or the file system has no links, copy it."""
    try:
        os.link(source, target)
    except (OSError, AttributeError):
        shutil.copyfile(source, target)
