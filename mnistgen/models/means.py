"""The means over an epoch of what a model's steps return."""

import math
import time
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mnistgen.errors import Diverged, UserError


class Means:
    """The mean of each of several values over all images seen, kept on their device."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.images = 0
        self.total = torch.zeros(())

    def add(self, values: dict[str, Tensor], images: int) -> Tensor:
        """Count the means over a batch; returns them as one tensor."""
        stacked = torch.stack(list(values.values())).detach()
        self.names = list(values)
        self.total = self.total + stacked * images
        self.images += images
        return stacked

    def compute(self) -> dict[str, float]:
        """The means by name; empty where nothing was seen."""
        means = (self.total / self.images).tolist() if self.images else []
        return dict(zip(self.names, means, strict=True))


def _values(outputs: Any, step: str) -> dict[str, Tensor]:
    values = outputs.get("values") if isinstance(outputs, Mapping) else None
    if not isinstance(values, dict) or not all(isinstance(v, Tensor) for v in values.values()):
        raise UserError(
            f'{step} must return a dictionary that has under "values" the scalars to record, '
            "tensors by their names"
        )
    return values


CHECK_EVERY = 50  # steps of a GPU, which would have to wait after each one


class EpochMeans(Callback):
    """Logs once an epoch the "values" that the model's steps return, averaged over the images.

    A "loss" beside them is Lightning's to scale, as it does to accumulate gradients.
    Raises Diverged for the first step, or validation, whose values are not all finite; on a GPU
    up to CHECK_EVERY steps later. With `shown` the Trainer's own logger and bar get them, too.
    """

    def __init__(self, *, shown: bool = False) -> None:
        self.shown = shown

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.train = Means()
        self.unchecked: list[Tensor] = []  # the values of the last steps
        self.rates: list[float] = []
        self.seconds = 0.0
        self.started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        values = self.train.add(_values(outputs, "training_step"), len(batch))
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        self.unchecked.append(values)
        if values.device.type == "cpu" or len(self.unchecked) == CHECK_EVERY:
            self._check(trainer)
        self.seconds = time.perf_counter() - self.started

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._check(trainer)
        values = {f"train/{name}": value for name, value in self.train.compute().items()}
        values["lr"] = sum(self.rates) / len(self.rates)
        values["images_per_s"] = self.images_per_s(trainer)
        self._log(values, trainer, pl_module)

    def on_validation_epoch_start(self, *args: Any) -> None:
        self.val = Means()

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Tensor, *args: Any
    ) -> None:
        self.val.add(_values(outputs, "validation_step"), len(batch))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        losses = self.val.compute()
        if not all(map(math.isfinite, losses.values())):
            raise self._divergence("validation", trainer, losses)
        values = {f"val/{name}": value for name, value in losses.items()}
        self._log(values, trainer, pl_module)

    def _check(self, trainer: pl.Trainer) -> None:
        first = len(self.rates) - len(self.unchecked) + 1
        steps = torch.stack(self.unchecked).tolist() if self.unchecked else []
        self.unchecked = []
        for batch, values in enumerate(steps, first):
            if not all(map(math.isfinite, values)):
                losses = dict(zip(self.train.names, values, strict=True))
                raise self._divergence(f"batch {batch}", trainer, losses)

    def _log(self, values: Any, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        has_logger = self.shown and trainer.logger is not None
        pl_module.log_dict(values, logger=has_logger, prog_bar=self.shown, sync_dist=True)

    def _divergence(self, place: str, trainer: pl.Trainer, losses: dict[str, float]) -> Diverged:
        words = ", ".join(f"{name}={value:g}" for name, value in losses.items())
        return Diverged(
            f"epoch {trainer.current_epoch + 1}, {place}: {words}: the training has diverged; "
            f"a lower optim.lr than {self.rates[0]:g} may help"
        )

    def images_per_s(self, trainer: pl.Trainer) -> float:
        """Training images a second so far in this epoch, over all processes."""
        return self.train.images * trainer.world_size / max(self.seconds, 1e-9)
