"""What every column trains, in a process of its own: the same model, images and order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mnistgen import config
from mnistgen.config import CONF_DIR, Config
from mnistgen.errors import UserError


@dataclass(frozen=True)
class Job:
    """One model's training; `options` are overrides of the project's own configuration."""

    model: str
    threads: int
    options: tuple[str, ...]
    folder: Path

    def config(self, *more: str) -> Config:
        """The project's configuration; raises UserError where an option is not allowed."""
        overrides = [f"model={self.model}", f"threads={self.threads}", *self.options, *more]
        GlobalHydra.instance().clear()  # of the command's own configuration, which is composed
        try:
            with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
                return config.plain(compose("config", overrides=overrides))
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(f"options: {' '.join(str(error).split())}") from error


def data_module(asked: Config) -> Any:
    """The project's data, set up as for a Trainer with one process."""
    data = config.build(asked, "data", seed=asked["seed"])
    data.trainer = SimpleNamespace(world_size=1, global_rank=0)
    data.setup()
    return data


def order(data: Any, epoch: int) -> Sequence[Any]:
    """The indices of the images in each batch of an epoch, which counts from 0."""
    import torch

    sampler = data.train_dataloader().sampler
    sampler.set_epoch(epoch)
    return torch.tensor(list(sampler)).split(data.batch_size)


def save_batches(job: Job, epochs: int) -> None:
    """Write the images and their order in each epoch for a process that is to be without torch."""
    data = data_module(job.config())
    np.save(job.folder / "images.npy", data.train.permute(0, 2, 3, 1).contiguous())
    whole = [
        [batch for batch in order(data, n) if len(batch) == data.batch_size] for n in range(epochs)
    ]
    np.save(job.folder / "order.npy", [[batch.numpy() for batch in epoch] for epoch in whole])
