"""The progress bar of a terminal: one for the whole run."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from mnistgen.models.means import EpochMeans
from mnistgen.tracking.info import FID

ECHO = 3  # columns for the ^C that a terminal shows: behind a full line it would begin another


class Terminal:
    """The stream of a terminal; once that is closed, what is written goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write, if somebody is there."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())  # for all who write
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@dataclass(frozen=True)
class Value:
    """A value of the bar, which takes a short form or gives way where the terminal is narrow."""

    text: str
    short: str
    rank: int  # the highest gives way first


class Values:
    """Values on one line: all of them, or in their short forms, or the most important ones."""

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = values

    def fitting(self, width: int) -> str:
        """The line in as many columns."""
        kept = list(self.values)
        line = "  ".join(value.text for value in kept)
        while len(line) > width and kept:
            line = "  ".join(value.short for value in kept)
            if len(line) > width:
                kept.remove(max(kept, key=lambda value: value.rank))
        return line if len(line) <= width else ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.fitting(options.max_width), no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(0, options.max_width)


class ValuesColumn(ProgressColumn):
    """The values of a task, in what the other columns leave."""

    max_refresh = None

    def render(self, task: Task) -> Any:
        """The values, whose line depends on the width."""
        return Values(task.fields["values"])


class Bar(Progress):
    """A bar that leaves room for what a terminal shows behind it."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, a little narrower than the terminal is."""
        yield Narrower(self.make_tasks_table(self.tasks))


class Narrower:
    """What is drawn in fewer columns than there are."""

    def __init__(self, content: RenderableType) -> None:
        self.content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.content, options.update_width(options.max_width - ECHO))


class RunProgress(ProgressBar):
    """Epoch, time left of the run, quality, current losses and images a second.

    Lightning's own bars convert every metric to a number at every batch, and draw in a thread that
    takes time from the training's; this one draws twice a second.
    """

    def __init__(self, means: EpochMeans, console: Console) -> None:
        super().__init__()
        self.means = means
        self.drawn_at = 0.0
        self.fid: list[Value] = []
        fixed = Column(no_wrap=True)
        self.progress = Bar(
            TextColumn("epoch {task.fields[epoch]}", table_column=fixed),
            BarColumn(bar_width=8, table_column=fixed),
            TaskProgressColumn(table_column=fixed),
            TimeRemainingColumn(compact=True, table_column=fixed),
            ValuesColumn(),
            console=console,
            auto_refresh=False,
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.batches = int(trainer.num_training_batches)
        total = self.batches * (trainer.max_epochs or 0)
        done = self.batches * trainer.current_epoch
        self.task = self.progress.add_task("", total=total, completed=done, epoch="", values=[])

    def on_train_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
        self.progress.update(self.task, epoch=epoch)
        self.progress.start()  # not before: what is logged at the start would break the line
        self.progress.refresh()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if now - self.drawn_at > 0.5 or batch_idx + 1 == self.batches:
            self.drawn_at = now
            done = self.batches * trainer.current_epoch + batch_idx + 1
            self.progress.update(
                self.task, completed=done, values=self._values(trainer), refresh=True
            )

    def _values(self, trainer: pl.Trainer) -> list[Value]:
        speed = f"{self.means.images_per_s(trainer):,.0f}"
        means = self.means.train.compute()
        return [
            Value("left", "left", 4),
            *self.fid,
            *(_mean(name, f"{value:.4g}") for name, value in means.items()),
            Value(f"{speed} images/s", f"{speed}/s", 2),
        ]

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if FID in trainer.callback_metrics:
            text = f"fid {float(trainer.callback_metrics[FID]):.4g}"
            self.fid = [Value(text, text, 0)]

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        self.progress.stop()

    on_exception = on_train_end


def _mean(name: str, value: str) -> Value:
    """A loss, which is more important than its parts and the rest of what a step returns."""
    rank = 1 if name.endswith("loss") else 3
    return Value(f"{name} {value}", f"{name.removesuffix('_loss')} {value}", rank)
