"""How many CPU threads a training computes with."""

import contextlib
import logging
from collections.abc import Iterator

import torch
from torch import nn

from mnistgen import system
from mnistgen.config import Config

log = logging.getLogger(__name__)

DENSE = nn.Linear, nn.modules.batchnorm._BatchNorm
MOST_PRODUCTS = 1e9  # of weights and images of a dense step; with more a second thread pays


def number(
    config: Config, model: nn.Module, *, share: int | None = None, before: int | None = None
) -> int:
    """CPU threads of a process: `threads`, or what a rule of the model and the machine says.

    A small dense model takes one. Its products are so short that a second thread saves little, and
    takes much where it has to wait for a core. All others take their `share` of the cores. A run
    that goes on takes as many as `before`, so that its weights stay the same to the bit.
    """
    if config["threads"]:
        return int(config["threads"])
    most = share or system.threads(config)
    if before:
        return min(before, most)
    # Importance weights are draws that pass through the decoder as further images
    images = config["data"]["batch_size"] * config.get("bound", {}).get("k", 1)
    return 1 if _is_small(model, images) else most


@contextlib.contextmanager
def computing(threads: int) -> Iterator[None]:
    """Let torch use so many threads; what a script does after a training has its own again."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _is_small(model: nn.Module, images: int) -> bool:
    """Whether a model has dense layers only, and few products in a step of so many images."""
    own = [layer for layer in model.modules() if any(True for _ in layer.parameters(False))]
    weights = sum(parameter.numel() for parameter in model.parameters())
    return all(isinstance(layer, DENSE) for layer in own) and weights * images <= MOST_PRODUCTS


def warn_if_busy(threads: int, processes: int) -> None:
    """Say it where other programs take cores that several threads of a process are to run on.

    The threads wait for each other in each operation, so all of them wait for such a core.
    """
    idle = system.idle_cores() if threads > 1 else None
    if idle is None:
        return
    fewer = max(1, round(idle / processes))
    if fewer < threads:
        words = "other programs are busy on this machine: threads=%d may be faster than threads=%d"
        log.warning(words, fewer, threads)
