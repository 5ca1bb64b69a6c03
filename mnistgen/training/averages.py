"""Averages of the weights: the ones that are sampled, measured and saved where a run keeps them.

All weights are averaged, those of a GAN's discriminator and the statistics of batch norm too.
"""

import contextlib
from collections.abc import Iterable, Iterator

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, WeightAveraging

from mnistgen.errors import UserError


def check(callbacks: Iterable[Callback], model: pl.LightningModule) -> None:
    """Raise UserError where a callback would never average the weights of a model."""
    if model.automatic_optimization:
        return
    # Lightning counts the updates of both networks, and looks only after the second
    for callback in callbacks:
        every = callback.update_every_n_steps if isinstance(callback, EMAWeightAveraging) else 0
        if every and every % 2 == 0:
            raise UserError(
                f"update_every_n_steps={every} is not allowed for a GAN: it must be odd, as each "
                "of its batches has two steps"
            )


@contextlib.contextmanager
def averaged(trainer: pl.Trainer, model: pl.LightningModule) -> Iterator[None]:
    """Let a model have its averaged weights for a while, as Lightning does for a validation."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    averages = [one for one in callbacks if isinstance(one, WeightAveraging)]
    for average in averages:
        average.on_validation_epoch_start(trainer, model)
    try:
        yield
    finally:
        for average in reversed(averages):
            average.on_validation_epoch_end(trainer, model)
