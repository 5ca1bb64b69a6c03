"""Blocks of a training that a Lightning Trainer runs."""

from collections.abc import Iterator
from typing import Any

from lightning.pytorch.callbacks import Callback

from benchmarks.blocks import Block


class Gate(Callback):
    """Holds each epoch, shortened to a block, until it is asked for, and times its parts.

    These are "start" (to the first batch), "steps", "validation", "quality" (what callbacks
    measure at an epoch's end, of which the share is counted) and "records" (what is written).
    """

    def __init__(self, blocks: Iterator[Block], quality_share: float = 1.0) -> None:
        self.blocks = blocks
        self.quality_share = quality_share
        self.block: Block | None = None

    def on_train_epoch_start(self, trainer: Any, *args: Any) -> None:
        if self.block is not None:
            self.block.mark("records")
            self.block.finish()
        self.block = next(self.blocks)
        self.block.precision = trainer.precision

    def on_train_batch_start(self, trainer: Any, model: Any, batch: Any, index: int) -> None:
        if index == 0:
            self.block.mark("start")

    def on_train_batch_end(self, *args: Any) -> None:
        self.block.step()

    def on_validation_end(self, *args: Any) -> None:
        self.block.mark("validation")

    def on_train_epoch_end(self, *args: Any) -> None:
        self.block.mark("quality", self.quality_share)
