"""What happens around the steps of a run's training, for every model alike."""

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

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
