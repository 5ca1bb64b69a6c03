"""What is written into the run folder at the end of each epoch, and in which order."""

import logging
import math
import time
from datetime import timedelta
from statistics import fmean
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor

from mnistgen.config import Config
from mnistgen.errors import UserError
from mnistgen.files import write_atomically
from mnistgen.models import VAE
from mnistgen.plots import images as plots
from mnistgen.seeds import stream
from mnistgen.tracking import RunFolder
from mnistgen.tracking.info import FID
from mnistgen.training import loggers, machine
from mnistgen.training.averages import averaged
from mnistgen.training.fid import FIDMonitor
from mnistgen.training.loggers import Journal

log = logging.getLogger(__name__)


class Recorder(Checkpoint):
    """Writes an epoch's row, curves and pictures, then its checkpoint.

    In this order, a crash between two of them leaves an epoch that a resumed run trains again
    and writes again, to the same values.
    """

    def __init__(
        self, run: RunFolder, config: Config, journal: Journal, monitor: FIDMonitor
    ) -> None:
        self.run = run
        self.monitor = monitor
        self.config = config
        self.journal = journal

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        # Before Lightning saves what a logger knows of them
        self.journal.parameters(loggers.parameters(self.config))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        done = trainer.current_epoch
        self.rows = [row for row in self.run.metrics() if row["epoch"] <= done]
        if len(self.rows) != done:
            log.warning("metrics.csv has %d rows for %d epochs", len(self.rows), done)
        if trainer.is_global_zero:
            machine.announce(self.run, range(done + 1, (trainer.max_epochs or 0) + 1))
        for row in self.rows:
            self.journal.epoch(row, {})
        self.resumed_at = done
        self.seconds = self.run.info().seconds
        self.started = time.perf_counter()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.callback_metrics.clear()  # or what is not measured in every epoch is repeated

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        self.monitor.at_stop(trainer, pl_module)
        # Lightning keeps them in single precision: seven digits
        metrics = {k: float(f"{float(v):.7g}") for k, v in trainer.callback_metrics.items()}
        self.rows.append({"epoch": epoch, **metrics})
        if epoch == self.resumed_at + 1:
            _check_monitors(trainer, pl_module, metrics)
        if trainer.is_global_zero:
            self.run.write_metrics(self.rows)
            with averaged(trainer, pl_module):
                pictures = self._pictures(trainer, pl_module)
            for name, picture in pictures.items():
                path = self.run.picture(name, epoch)
                path.parent.mkdir(exist_ok=True)
                write_atomically(path, plots.png(picture))
            self.journal.epoch(self.rows[-1], pictures)
        if self._is_best(pl_module):
            trainer.save_checkpoint(self.run.best)
        trainer.save_checkpoint(self.run.last)
        if trainer.is_global_zero:
            seconds = self.seconds + time.perf_counter() - self.started
            speed = fmean(row["images_per_s"] for row in self.rows)
            self.run.update(epochs=epoch, seconds=seconds, images_per_s=speed)
            log.info(self._line(trainer, epoch))

    def _is_best(self, pl_module: Any) -> bool:
        name = pl_module.monitor
        values = [row[name] for row in self.rows if math.isfinite(row.get(name, math.nan))]
        return bool(values) and self.rows[-1].get(name) == min(values)

    def _pictures(self, trainer: Any, pl_module: Any) -> dict[str, Tensor]:
        with torch.random.fork_rng():
            torch.manual_seed(stream(self.config["seed"], "pictures"))  # the same in each epoch
            pictures = {"samples": plots.grid(pl_module.sample(64).float())}
        if isinstance(pl_module, VAE):
            images = trainer.datamodule.examples(32).to(pl_module.device, pl_module.dtype)
            pairs = plots.interleaved(images, pl_module.reconstruct(images), 8)
            pictures["reconstructions"] = plots.grid(pairs)
        return pictures

    def _line(self, trainer: pl.Trainer, epoch: int) -> str:
        total = trainer.max_epochs or epoch
        pace = (time.perf_counter() - self.started) / (epoch - self.resumed_at)
        left = timedelta(seconds=round(pace * (total - epoch)))
        values = "  ".join(f"{k} {v:.5g}" for k, v in self.rows[-1].items() if k != "epoch")
        return f"epoch {epoch}/{total}  {values}  left {left}"


def _check_monitors(trainer: pl.Trainer, pl_module: Any, metrics: dict[str, float]) -> None:
    """Raise UserError for a metric that the model or a callback waits for, and no epoch will have.

    The first epoch need not have those of a validation, nor the FID.
    """
    known = {*metrics, FID}
    if trainer.datamodule.sizes()["val"]:  # type: ignore[attr-defined]
        known |= {name.replace("train/", "val/") for name in metrics}
    for one in (pl_module, *trainer.callbacks):  # type: ignore[attr-defined]
        monitor = getattr(one, "monitor", None)
        if isinstance(monitor, str) and monitor not in known:
            raise UserError(
                f"{type(one).__name__}.monitor={monitor} is not allowed: it must be one of "
                f"{', '.join(sorted(known))}"
            )
