"""The quality of samples in the course of a training."""

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from mnistgen.errors import Diverged
from mnistgen.metrics import quality
from mnistgen.metrics.lenet import network, weights
from mnistgen.seeds import stream
from mnistgen.tracking.info import FID, READABLE
from mnistgen.training.averages import averaged

SAMPLES = 2_000
FEWEST_IMAGES = 1_000
MOST_TRAINING_IMAGES = 10_000


class FIDMonitor(Callback):
    """Logs `val/fid` every so many epochs and at the last: 2,000 samples against real images.

    It logs the share of them that the classifier can read, too, where the data have labels.
    The real images are those of the validation, or where there are fewer than 1,000, which a FID
    cannot be taken of, the last 10,000 training images; grey in any case, as the samples are.
    """

    def __init__(self, every: int, seed: int) -> None:
        self.every = every
        self.seed = seed
        self.reference: torch.Tensor | None = None

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch % self.every == 0 or epoch == trainer.max_epochs:
            self._measure(trainer, pl_module)

    def at_stop(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure an epoch that another callback has made the last one, unless it was measured."""
        if trainer.should_stop and FID not in trainer.callback_metrics:
            self._measure(trainer, pl_module)

    def _measure(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        with averaged(trainer, pl_module):
            quality = self.quality(trainer, pl_module)
        pl_module.log_dict(quality, logger=False, sync_dist=True)

    def quality(self, trainer: pl.Trainer, model: Any) -> dict[str, float]:
        """The values of the model as it is now, from the same latents each time.

        Raises Diverged where pixels are no finite numbers.
        """
        with torch.random.fork_rng():
            if self.reference is None:
                data = trainer.datamodule  # type: ignore[attr-defined]
                self.lenet, _ = weights.load(data)
                val = data.sizes()["val"]
                size = val if val >= FEWEST_IMAGES else MOST_TRAINING_IMAGES
                real = data.arrays().train_images[-size:].unsqueeze(1) / 255
                self.reference = network.extract(self.lenet, real)
            torch.manual_seed(stream(self.seed, "quality"))
            samples = [model.sample(500) for _ in range(SAMPLES // 500)]
        images = torch.cat(samples).float().cpu()
        if not images.isfinite().all():
            raise Diverged("the training has diverged: it draws pixels that are no finite numbers")
        features = network.extract(self.lenet, images)
        values = {FID: quality.fid(self.reference, features)}
        if trainer.datamodule.arrays().classes:  # type: ignore[attr-defined]
            values[READABLE] = quality.readable(network.classify(self.lenet, features))
        return values
