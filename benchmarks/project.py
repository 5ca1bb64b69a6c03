"""This project as the columns take it: its configuration, data, networks and training."""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from benchmarks.clock import Clock
from mnistgen.config import Config, build, build_model, one_line, to_override
from mnistgen.config.compose import compose
from mnistgen.errors import UserError
from mnistgen.seeds import stream
from mnistgen.tracking import RunFolder, Status, store
from mnistgen.training import session


@dataclass(frozen=True)
class Job:
    """One model's training; `options` are overrides of the project's configuration.

    Without a number of `threads` it is the project that chooses it.
    """

    model: str
    threads: int | None
    options: tuple[str, ...]
    folder: Path = Path()

    def config(self) -> Config:
        """The project's configuration; raises UserError where an option is not allowed."""
        overrides = [f"model={self.model}", f"threads={to_override(self.threads)}", *self.options]
        GlobalHydra.instance().clear()  # it holds the configuration of the benchmark's command
        try:
            return compose(*overrides)
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(f"options: {one_line(error)}") from error

    def with_threads(self) -> "Job":
        """The same training with the number of threads that the project takes for it."""
        from mnistgen.training import threads

        config = self.config()
        return replace(self, threads=threads.number(config, build_model(config)))

    def networks(self) -> list[Any]:
        """Generator and discriminator, or encoder and decoder."""
        import torch

        config = self.config()
        torch.manual_seed(stream(config["seed"], "weights"))
        return list(build_model(config).children())

    def optimizer(self) -> tuple[Any, str]:
        """The function of parameters that makes the optimizer, and the precision."""
        from mnistgen.training import machine

        config = self.config()
        return build("optim", config["optim"]), machine.precision(config)

    def data(self) -> Any:
        """The data module, set up for one process without a Trainer."""
        from mnistgen.data.module import data_module

        data = data_module(self.config())
        data.trainer = SimpleNamespace(world_size=1, global_rank=0)
        data.setup()
        return data

    def train(self, *callbacks: Any) -> dict[str, float]:
        """Train or resume the run in the folder, and return the last epoch's metrics."""
        run = RunFolder(self.folder)
        if not run.exists():
            config, overrides = self.config(), list(self.options)
            run = store.create(self.folder, model=self.model, config=config, overrides=overrides)
        if run.info().status is not Status.FINISHED:
            with run.lock():
                session.train(run, *callbacks)
        return run.metrics()[-1]


def batches(data: Any, epoch: int) -> Sequence[Any]:
    """The indices of the images in each batch of an epoch, which counts from 0."""
    import torch

    sampler = data.train_dataloader().sampler
    sampler.set_epoch(epoch)
    return torch.tensor(list(sampler)).split(data.batch_size)


def save_for_keras(job: Job, epochs: int) -> None:
    """Write networks, images and whole batches for a process that has no torch."""
    from benchmarks.stock import keras_layers

    data = job.data()
    indices = [np.stack(batches(data, epoch)[:-1]) for epoch in range(epochs)]
    np.save(job.folder / "batches.npy", indices)
    np.save(job.folder / "images.npy", data.train.permute(0, 2, 3, 1).contiguous())
    layers = [list(keras_layers(network)) for network in job.networks()]
    (job.folder / "networks.json").write_bytes(json.dumps(layers).encode())


def run(job: Job, clock: Clock) -> None:
    """Train as a user does; each block measures FID, of which a user's share counts."""
    os.environ["FORCE_COLOR"] = "1"  # this makes the log a terminal, where a progress bar shows
    logging.basicConfig(level=logging.INFO)
    every = job.config()["trainer"]["quality_every"]
    block = f"trainer.limit_train_batches={clock.steps}", "trainer.quality_every=1"
    user_job = replace(job, folder=job.folder / "run", options=(*job.options, *block))
    user_job.train(clock.callback(quality_share=1 / every))
