"""What the processor could do, and what a step asks of it."""

import platform
import time
from pathlib import Path

from benchmarks import apart

SIZE = 4096
PRECISIONS = {"32-true": "float32", "bf16-mixed": "bfloat16"}
"""The types that matrix products are in, by Lightning's names of the precision."""


def processor() -> str:
    """The processor's name and the instructions for matrices that it has."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = [line.partition(":") for line in info.read_text().splitlines()]
    fields = {key.strip(): value.strip() for key, _, value in lines}
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    flags = [flag for flag in wanted if flag in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.machine())} ({' '.join(flags)})"


def measure(models: list[str], threads: int) -> tuple[dict[str, float], dict[str, float]]:
    """The peak of matrix products by precision (FLOP/s), and each model's FLOPs a step of 128."""
    peaks, flops = apart.call(_measure, models, threads, threads=threads)
    return peaks, flops


def _measure(models: list[str], threads: int) -> tuple[dict[str, float], dict[str, float]]:
    peaks = {precision: _peak(kind, threads) for precision, kind in PRECISIONS.items()}
    return peaks, {model: _flops(model) for model in models}


def _peak(kind: str, threads: int) -> float:
    import torch

    torch.set_num_threads(threads)
    a = torch.randn(SIZE, SIZE, dtype=getattr(torch, kind))
    fastest = float("inf")
    for _ in range(6):  # the first ones are slower
        began = time.perf_counter()
        a @ a
        fastest = min(fastest, time.perf_counter() - began)
    return 2 * SIZE**3 / fastest


def _flops(model: str) -> float:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from benchmarks.bare_fp32 import step_of
    from benchmarks.plain import MODELS

    step = step_of(MODELS[model](), lr=1e-4)
    with FlopCounterMode(display=False) as counter:
        step(torch.rand(128, 1, 28, 28))
    return float(counter.get_total_flops())
