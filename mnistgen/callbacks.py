"""What happens around the steps of a training, for every model alike."""

import signal
import time
from types import FrameType
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mnistgen.errors import Interrupted, UserError
from mnistgen.seeds import stream


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
    """Stops the run after the batch in which SIGINT or SIGTERM arrives; a second one kills it."""

    def __init__(self) -> None:
        self.signum: int | None = None
        self.replaced: dict[int, Any] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        for signum in (signal.SIGINT, signal.SIGTERM):
            self.replaced[signum] = signal.signal(signum, self.note)

    def note(self, signum: int, frame: FrameType | None) -> None:
        """Handle the first signal."""
        self.signum = signum
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def restore(self) -> None:
        """Put the handlers back that were there before."""
        for signum, handler in self.replaced.items():
            signal.signal(signum, handler)
        self.replaced = {}

    def on_train_batch_end(self, *args: Any) -> None:
        self._stop()

    def on_validation_batch_end(self, *args: Any) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.signum is not None:
            raise Interrupted(self.signum)
