"""What a GAN and a VAE share: the arguments that a checkpoint keeps, and the schedules."""

from abc import ABC, abstractmethod
from functools import partial
from inspect import signature
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.optim import Adam

from mnistgen.config import rules
from mnistgen.config.objects import LOSSES
from mnistgen.errors import UserError
from mnistgen.models.means import EpochMeans
from mnistgen.schedules import OptimizerFactory, Schedule, advance

ADAM = partial(Adam, lr=1e-4)
"""The optimizer and the rate of Table 3, third in the order of the text."""

OBJECTS = "optimizer", "schedule", *LOSSES  # of the training; no plain data
ARGUMENTS = "arguments"  # in a checkpoint; under Lightning's own key a caller's take their place


class GenerativeModel(pl.LightningModule, ABC):
    """Makes images in [0, 1], (B, 1, 28, 28), from latents (B, latent_dim)."""

    def __init__(
        self, *, latent_dim: int, optimizer: OptimizerFactory, schedule: Schedule
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=[*OBJECTS], logger=False)
        rules.check_values({"model": dict(self.hparams)}, rules.RULES)
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

    def configure_callbacks(self) -> list[Callback]:
        """Log the means over an epoch, in a Trainer that does not do so."""
        callbacks = self.trainer.callbacks  # type: ignore[attr-defined]
        has_means = any(isinstance(callback, EpochMeans) for callback in callbacks)
        return [] if has_means else [EpochMeans(shown=True)]

    def on_train_epoch_end(self) -> None:
        """Step the schedules that go by the epoch, before its checkpoint is written."""
        advance(self.trainer, "epoch", self.monitor)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the arguments that the model was built with."""
        checkpoint[ARGUMENTS] = dict(self.hparams)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raise UserError where the weights are of a model that was built otherwise."""
        here = dict(self.hparams)
        saved = checkpoint.get(ARGUMENTS, here)  # a checkpoint of version 0.1 has none
        there = {key: value for key, value in self._defaults().items() if key in here} | saved
        other = [
            f"{key}={there.get(key)}" for key in here | there if here.get(key) != there.get(key)
        ]
        if other:
            name = type(self).__name__
            raise UserError(f"the checkpoint is of a {name} with {', '.join(other)}")

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """What an argument is that a checkpoint from before there was such a one lacks."""
        inits = [vars(one)["__init__"] for one in reversed(cls.__mro__) if "__init__" in vars(one)]
        parameters = [p for init in inits for p in signature(init).parameters.values()]
        return {p.name: p.default for p in parameters if p.default is not p.empty}
