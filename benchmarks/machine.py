"""What the processor could do, and what a step demands of it."""

import timeit

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.bare import stock_step
from benchmarks.project import Job
from benchmarks.stock import stock_networks
from benchmarks.workers import BATCH_SIZE
from mnistgen import system

SIZE = 4096
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16")  # x86, then ARM


def processor() -> str:
    """The processor's name and its instructions for vectors and matrices."""
    flags = " ".join(flag for flag in FLAGS if flag in system.processor_flags())
    return f"{system.processor()} ({flags})"


def peak(kind: str, threads: int) -> float:
    """FLOP/s of the fastest of six 4096 x 4096 products of a torch type, by its name."""
    torch.set_num_threads(threads)
    matrix = torch.randn(SIZE, SIZE, dtype=getattr(torch, kind))
    return 2 * SIZE**3 / min(timeit.repeat(lambda: matrix @ matrix, number=1, repeat=6))


def step_cost(job: Job) -> tuple[float, float]:
    """FLOPs and seconds of a step of 128 images in the best single-precision loop."""
    torch.set_num_threads(job.threads or 1)
    step = stock_step(stock_networks(job.networks()), lr=1e-4)
    images = torch.rand(BATCH_SIZE, 1, 28, 28)
    with FlopCounterMode(display=False) as counter:
        step(images)
    seconds = timeit.repeat(lambda: step(images), number=10, repeat=2)[-1] / 10
    return float(counter.get_total_flops()), seconds
