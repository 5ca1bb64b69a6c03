"""What happens around the steps of a run's training, for every model alike."""

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from mnistgen.models import VAE
from mnistgen.seeds import stream
from mnistgen.training.averages import averaged

MIXTURE_IMAGES = 10_000


class MixtureFit(Callback):
    """Fits a VAE's mixture to training images at each epoch's end, before it is sampled."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not isinstance(pl_module, VAE) or pl_module.mixture is None:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        with averaged(trainer, pl_module), torch.random.fork_rng():
            torch.manual_seed(stream(self.seed, "mixture", trainer.current_epoch))
            images = data.train[:MIXTURE_IMAGES].to(pl_module.device)
            pl_module.fit_mixture(data.on_after_batch_transfer(images, 0))


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
