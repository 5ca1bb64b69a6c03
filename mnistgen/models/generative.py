"""What a GAN and a VAE share: the arguments that a checkpoint keeps, and the schedules."""

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import lightning.pytorch as pl
from torch import Tensor
from torch.optim import Adam

from mnistgen.errors import UserError
from mnistgen.schedules import OptimizerFactory, Schedule, advance

ADAM = partial(Adam, lr=1e-4)
"""The optimizer and the rate of Table 3, third in the order of the text."""

OBJECTS = "optimizer", "schedule", "game", "bound"  # of the training; no plain data
ARGUMENTS = "arguments"  # in a checkpoint; under Lightning's own key a caller's take their place


class GenerativeModel(pl.LightningModule, ABC):
    """Makes images in [0, 1], (B, 1, 28, 28), from latents (B, latent_dim)."""

    def __init__(
        self, *, latent_dim: int, optimizer: OptimizerFactory, schedule: Schedule
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=[*OBJECTS], logger=False)
        self.latent_dim = latent_dim
        self.optimizer = optimizer
        self.schedule = schedule

    @property
    @abstractmethod
    def monitor(self) -> str:
        """The column of metrics.csv whose lowest value is that of the best epoch."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Images from latents."""

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """`n` images from latents that are drawn."""

    def forward(self, z: Tensor) -> Tensor:
        """Images from latents, as `decode`."""
        return self.decode(z)

    def on_train_epoch_end(self) -> None:
        """Step the schedules that go by the epoch, before its checkpoint is written."""
        advance(self.trainer, "epoch", self.monitor)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the arguments that the model was built with."""
        checkpoint[ARGUMENTS] = dict(self.hparams)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raise UserError where the weights are of a model that was built otherwise."""
        here = dict(self.hparams)
        there = checkpoint.get(ARGUMENTS, here)  # a checkpoint of version 0.1 has none
        other = [
            f"{key}={there.get(key)}" for key in here | there if here.get(key) != there.get(key)
        ]
        if other:
            name = type(self).__name__
            raise UserError(f"the checkpoint is of a {name} with {', '.join(other)}")
