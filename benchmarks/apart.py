"""Processes that have torch and processes that have TensorFlow: not both in one, which crashes."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


def call(function: Callable[..., Any], *arguments: Any, threads: int) -> Any:
    """The result of a function that needs torch, from a process of its own."""
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context, prepare_for_torch, (threads,)) as pool:
        return pool.submit(function, *arguments).result()


def prepare_for_torch(threads: int) -> None:
    """Set what torch reads when it is first imported, and keep TensorBoard off TensorFlow."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
