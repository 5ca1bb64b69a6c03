"""The progress bar of a terminal: one for the whole run."""

import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mnistgen.callbacks import EpochMeans
from mnistgen.monitor import FID


class RunProgress(ProgressBar):
    """Epoch, time left of the run, current losses and images a second.

    Lightning's own bars convert every metric to a number at every batch; this one looks twice a
    second.
    """

    def __init__(self, means: EpochMeans, console: Console) -> None:
        super().__init__()
        self.means = means
        self.looked = 0.0
        self.fid = ""
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("left  {task.fields[values]}"),
            console=console,
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        batches = int(trainer.num_training_batches)
        self.task = self.progress.add_task(
            "", total=batches * (trainer.max_epochs or 0), epoch="", values=""
        )
        self.progress.update(self.task, completed=batches * trainer.current_epoch)
        self.progress.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
        self.progress.update(self.task, epoch=epoch)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        self.progress.update(self.task, advance=1)
        now = time.monotonic()
        if now - self.looked > 0.5:
            self.looked = now
            values = [f"{name} {value:.4g}" for name, value in self.means.train.compute().items()]
            values.append(f"{self.fid}{self.means.images_per_s(trainer):,.0f} images/s")
            self.progress.update(self.task, values="  ".join(values))

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if FID in trainer.callback_metrics:
            self.fid = f"fid {float(trainer.callback_metrics[FID]):.4g}  "

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.progress.stop()

    def on_exception(self, *args: Any) -> None:
        self.progress.stop()
