"""The progress bar of a terminal: one for the whole run."""

import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

from mnistgen.training.callbacks import EpochMeans
from mnistgen.training.fid import FID


class RunProgress(ProgressBar):
    """Epoch, time left of the run, current losses and images a second.

    Lightning's own bars convert every metric to a number at every batch, and draw in a thread that
    takes time from the training's; this one draws twice a second.
    """

    def __init__(self, means: EpochMeans, console: Console) -> None:
        super().__init__()
        self.means = means
        self.drawn_at = 0.0
        self.fid = ""
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=12),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("left  {task.fields[values]}", table_column=Column(ratio=1, no_wrap=True)),
            console=console,
            auto_refresh=False,
            expand=True,  # to the terminal's width, from which the values alone are cut
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.batches = int(trainer.num_training_batches)
        total = self.batches * (trainer.max_epochs or 0)
        done = self.batches * trainer.current_epoch
        self.task = self.progress.add_task("", total=total, completed=done, epoch="", values="")
        self.progress.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
        self.progress.update(self.task, epoch=epoch, refresh=True)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if now - self.drawn_at > 0.5 or batch_idx + 1 == self.batches:
            self.drawn_at = now
            done = self.batches * trainer.current_epoch + batch_idx + 1
            values = [f"{name} {value:.4g}" for name, value in self.means.train.compute().items()]
            values.append(f"{self.fid}{self.means.images_per_s(trainer):,.0f} images/s")
            self.progress.update(self.task, completed=done, values="  ".join(values), refresh=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if FID in trainer.callback_metrics:
            self.fid = f"fid {float(trainer.callback_metrics[FID]):.4g}  "

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        self.progress.stop()

    on_exception = on_train_end
