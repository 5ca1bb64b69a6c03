"""What differs from machine to machine: cores, threads and memory."""

import ctypes
import os
import sys
from typing import Any

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc


def cores() -> int:
    """The number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def threads(config: dict[str, Any]) -> int:
    """CPU threads of one process of a training: `threads`, or its share of the cores."""
    if config["threads"]:
        return int(config["threads"])
    processes = config["trainer"]["devices"] if config["trainer"]["accelerator"] == "cpu" else 1
    return max(1, cores() // int(processes))


def limit_threads(threads: int | None) -> None:
    """Let torch, once it is imported, use so many CPU threads; None stands for all cores."""
    os.environ["OMP_NUM_THREADS"] = str(threads or cores())


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
