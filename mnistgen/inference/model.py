"""The model that a run has trained."""

from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import LightningModule
from torch import Tensor

from mnistgen.config import Config, build_model
from mnistgen.data.module import data_module
from mnistgen.errors import UserError
from mnistgen.models import GAN, VAE
from mnistgen.tracking import RunFolder, checkpoints


class Trained(NamedTuple):
    """A model in evaluation mode, and where it comes from."""

    model: GAN | VAE
    config: Config
    checkpoint: Path
    sha256: str
    epoch: int  # how many of them the checkpoint has seen

    def __repr__(self) -> str:
        return f"<Trained {type(self.model).__name__}, epoch {self.epoch} of {self.checkpoint}>"

    def test_set(self) -> tuple[Tensor, Tensor | None]:
        """The test images as the model would be trained on them, (N, 1, 28, 28), and labels (N,).

        The labels are None where the data set has none.
        Raises UserError where the data set is not here.
        """
        data = data_module(self.config)
        data.setup()
        return data.test / 255, data.arrays().test_labels


def load(run: RunFolder, checkpoint: str) -> Trained:
    """The model of a run at its "last" or "best" checkpoint, or at the one with this path.

    Raises UserError where there is none, or it is damaged or of another model.
    """
    config = run.config()
    path = {"last": run.last, "best": run.best}.get(checkpoint, Path(checkpoint))
    if not path.is_file():
        missing = (
            "it has not finished an epoch" if checkpoint == "last" else f"there is no file {path}"
        )
        raise UserError(f"{run.path} has no checkpoint {checkpoint!r}: {missing}")
    loaded = checkpoints.read(path)
    model: Any = build_model(config, LightningModule)
    try:
        model.load_state_dict(loaded.content["state_dict"])
    except (KeyError, RuntimeError) as error:
        raise UserError(f"{path} is not a checkpoint of this run's model") from error
    model.eval().requires_grad_(False)
    return Trained(model, config, path, loaded.sha256, loaded.content["epoch"] + 1)
