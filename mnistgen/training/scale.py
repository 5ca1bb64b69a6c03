"""The feature network of `val/fid`, which may be another one once a run goes on."""

import logging
import math
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from mnistgen.metrics.lenet import weights
from mnistgen.tracking import RunFolder
from mnistgen.tracking.info import FID, OF_NETWORK

log = logging.getLogger(__name__)


class Scale(Callback):
    """Keeps apart what two feature networks have measured in one run.

    Where a run goes on with another network than before, the values of the one before get a
    column of their own, and the best epoch, early stopping and lr=plateau begin anew.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        info, rows = self.run.info(), self.run.metrics()
        if not self._goes_on(trainer) or info.features_sha256 == self._sha256(trainer):
            return
        checkpoint["callbacks"] = {
            k: v for k, v in checkpoint["callbacks"].items() if FID not in k
        }
        if pl_module.monitor == FID:
            for state in checkpoint["lr_schedulers"]:
                if "best" in state:
                    state |= {"best": math.inf, "num_bad_epochs": 0}
        if trainer.is_global_zero and any(FID in row for row in rows):
            network = (info.features_sha256 or "before")[:8]
            columns = {column: f"{column}_{network}" for column in OF_NETWORK}
            log.warning(
                "%s was measured with another feature network: it is now %s", FID, columns[FID]
            )
            self.run.write_metrics(
                [{columns.get(k, k): v for k, v in row.items()} for row in rows]
            )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero and self._goes_on(trainer):
            self.run.update(features_sha256=self._sha256(trainer))

    def _goes_on(self, trainer: pl.Trainer) -> bool:
        return self.run.info().epochs < (trainer.max_epochs or 0)

    @staticmethod
    def _sha256(trainer: pl.Trainer) -> str:
        return weights.load(trainer.datamodule)[1]  # type: ignore[attr-defined]
