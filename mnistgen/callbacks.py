"""What happens around the steps of a training, for every model alike."""

import time
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mnistgen.errors import UserError
from mnistgen.seeds import stream
from mnistgen.signals import Signals


class Seeding(Callback):
    """Lets the random numbers of an epoch follow from (seed, epoch) alone.

    Validation draws the same noise in every epoch, and leaves the training's stream as it was.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        torch.manual_seed(stream(self.seed, "train", trainer.current_epoch, trainer.global_rank))

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.state = torch.get_rng_state()
        torch.manual_seed(stream(self.seed, "validation", trainer.global_rank))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        torch.set_rng_state(self.state)


class Means:
    """The mean of each of several values over all images seen, kept on their device."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.images = 0
        self.total: Tensor | float = 0.0

    def add(self, values: dict[str, Tensor], images: int) -> Tensor:
        """Count the means over a batch; returns them as one tensor."""
        stacked = torch.stack(list(values.values())).detach()
        self.names = list(values)
        self.total = self.total + stacked * images
        self.images += images
        return stacked

    def compute(self) -> dict[str, float]:
        """The means by name; empty where nothing was seen."""
        if not isinstance(self.total, Tensor):
            return {}
        return dict(zip(self.names, (self.total / self.images).tolist(), strict=True))


class EpochMeans(Callback):
    """Logs once an epoch what the model's steps return, averaged over the images.

    Raises UserError at the first step whose values are not all finite.
    """

    def __init__(self) -> None:
        self.train = Means()
        self.val = Means()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.train = Means()
        self.rates: list[float] = []
        self.seconds = 0.0
        self.started = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        values = self.train.add(outputs, len(batch))
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        if not values.isfinite().all():
            found = ", ".join(f"{k}={v:g}" for k, v in zip(outputs, values.tolist(), strict=True))
            raise UserError(
                f"epoch {trainer.current_epoch + 1}, batch {batch_idx + 1}: {found}: "
                f"the training has diverged; a lower optim.lr than {self.rates[0]:g} may help"
            )
        self.seconds = time.perf_counter() - self.started

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        means = {f"train/{name}": value for name, value in self.train.compute().items()}
        pl_module.log_dict(means, logger=False, sync_dist=True)
        pl_module.log("lr", sum(self.rates) / len(self.rates), logger=False, sync_dist=True)
        pl_module.log("images_per_s", self.images_per_s(trainer), logger=False, sync_dist=True)

    def on_validation_epoch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule
    ) -> None:
        self.val = Means()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.val.add(outputs, len(batch))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        means = {f"val/{name}": value for name, value in self.val.compute().items()}
        pl_module.log_dict(means, logger=False, sync_dist=True)

    def images_per_s(self, trainer: pl.Trainer) -> float:
        """Training images a second so far in this epoch, over all processes."""
        return self.train.images * trainer.world_size / max(self.seconds, 1e-9)


class StopOnSignal(Callback):
    """Stops the run after the batch in which a signal was noted."""

    def __init__(self, signals: Signals) -> None:
        self.signals = signals

    def on_train_batch_end(self, *args: Any) -> None:
        self.signals.check()

    def on_validation_batch_end(self, *args: Any) -> None:
        self.signals.check()
