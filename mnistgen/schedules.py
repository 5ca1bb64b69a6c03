"""How the learning rate moves from its base, `optim.lr`, in the course of a training.

All but `plateau` are functions of the share of the training that is done. They keep no state,
so a run that is resumed, or trained longer, is at the right place of its schedule at once.
"""

import math
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, Protocol

import lightning.pytorch as pl
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from mnistgen.errors import UserError

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
Updates = dict[str, Any]  # an optimizer and its schedule, as Lightning takes them


class Schedule(Protocol):
    """Gives an optimizer its schedule over `steps` updates; it may follow the metric `monitor`."""

    def __call__(self, optimizer: Optimizer, *, steps: int, monitor: str) -> Updates: ...


def configure(
    networks: Iterable[nn.Module],
    *,
    optimizer: OptimizerFactory,
    schedule: Schedule,
    trainer: pl.Trainer,
    monitor: str,
    rates: Iterable[float] = repeat(1.0),
) -> list[Updates]:
    """Give each network an optimizer and a schedule of its own, and its share of the rate.

    Raises UserError where their options are not ones they take.
    """
    steps = int(trainer.estimated_stepping_batches)
    try:
        optimizers = [optimizer(network.parameters()) for network in networks]
        for one, rate in zip(optimizers, rates, strict=False):
            for group in one.param_groups:
                group["lr"] *= rate
        return [schedule(one, steps=steps, monitor=monitor) for one in optimizers]
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"optim or lr: {error}") from error


def advance(trainer: pl.Trainer, interval: str, monitor: str) -> None:
    """Step the schedules of this interval, "step" or "epoch", as far as they can be.

    Where a model makes its updates itself Lightning forgets what they follow: it is `monitor`.
    """
    for config in trainer.lr_scheduler_configs:
        if config.interval != interval:
            continue
        if not isinstance(config.scheduler, ReduceLROnPlateau):
            config.scheduler.step()
        elif (name := config.monitor or monitor) in trainer.callback_metrics:  # not in every epoch
            config.scheduler.step(trainer.callback_metrics[name])


def constant(optimizer: Optimizer, *, steps: int, monitor: str) -> Updates:
    """Keep the base rate."""
    return {"optimizer": optimizer}


def cosine(optimizer: Optimizer, *, steps: int, monitor: str, final: float) -> Updates:
    """Fall along half a cosine to `final`, a share of the base rate.

    Source: I. Loshchilov and F. Hutter, "SGDR", 2017, eq. 5, without restarts.
    """
    return _each_step(optimizer, lambda step: _half_cosine(1, final, step / steps))


def warmup_cosine(
    optimizer: Optimizer, *, steps: int, monitor: str, warmup: float, final: float
) -> Updates:
    """Rise linearly over the first `warmup` (a share of the training), then as `cosine`."""
    rise = max(1, round(warmup * steps))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return _half_cosine(1, final, (step - rise) / max(1, steps - rise))

    return _each_step(optimizer, factor)


def onecycle(
    optimizer: Optimizer, *, steps: int, monitor: str, warmup: float, start: float, final: float
) -> Updates:
    """Rise from `start` to the base rate over the first `warmup`, then fall to `final`.

    Source: L. N. Smith and N. Topin, "Super-Convergence", 2017; with cosines, and the
    momentum left alone, as torch's OneCycleLR does it.
    """
    peak, last = warmup * steps - 1, steps - 1

    def factor(step: int) -> float:
        if step < peak:
            return _half_cosine(start, 1, step / peak)
        return _half_cosine(1, final, (step - peak) / (last - peak))

    return _each_step(optimizer, factor)


def plateau(
    optimizer: Optimizer, *, steps: int, monitor: str, factor: float, patience: int
) -> Updates:
    """Multiply the rate by `factor` once `monitor` has not fallen for `patience` measurements."""
    scheduler = ReduceLROnPlateau(optimizer, factor=factor, patience=patience)
    # Not strict: an epoch in which the metric is not measured is passed over
    schedule = {"scheduler": scheduler, "interval": "epoch", "monitor": monitor, "strict": False}
    return {"optimizer": optimizer, "lr_scheduler": schedule}


def _half_cosine(first: float, last: float, progress: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * min(progress, 1))) / 2


def _each_step(optimizer: Optimizer, factor: Callable[[int], float]) -> Updates:
    schedule = {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}
    return {"optimizer": optimizer, "lr_scheduler": schedule}
