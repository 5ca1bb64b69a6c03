"""The Lightning data module of every data set: a split, and whole batches of it at a time."""

from abc import abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, default_convert

from mnistgen.config import Config, build, expand_path, rules, sizes
from mnistgen.seeds import stream


class Arrays(NamedTuple):
    """A data set, its images as uint8, (N, 28, 28), and one SHA-256 for all of it."""

    train_images: Tensor
    train_labels: Tensor | None  # whole numbers from 0, (N,); None where nothing is labelled
    test_images: Tensor
    test_labels: Tensor | None
    checksum: str

    @property
    def classes(self) -> int:
        """How many classes the labels name; 0 where nothing is labelled."""
        labels = self.train_labels, self.test_labels
        return max((int(some.max()) + 1 for some in labels if some is not None), default=0)


class Images(Dataset[Tensor]):
    """Images as uint8, (N, 1, 28, 28), of which a batch is one index operation."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int | list[int]) -> Tensor:
        return self.images[index]

    __getitems__ = __getitem__  # where a data set has this, torch's loader takes a batch from it


class DataModule(pl.LightningDataModule):
    """Batches of images in [0, 1], (B, 1, 28, 28), shuffled anew by (seed, epoch).

    The last training images, `val_size` of them or this share, are kept for validation. With
    `binarize` pixels are drawn as Bernoullis of their grey value: once ("static"), or for training
    in every epoch ("dynamic").
    """

    root: Path | None

    def __init__(
        self,
        *,
        root: str | int | None = None,
        batch_size: int = 128,
        val_size: float = 0.1,
        binarize: str = "none",
        seed: int = 1,
    ) -> None:
        super().__init__()
        options = {"batch_size": batch_size, "val_size": val_size, "binarize": binarize}
        rules.check_values({"data": options}, rules.RULES)
        self.root = None if root is None else Path(expand_path(root))
        # Where the weights of its feature network are kept
        self.feature_folder = Path("~/.cache/mnistgen").expanduser()
        self.batch_size = batch_size
        self.val_size = val_size
        self.binarize = binarize
        self.seed = seed

    @abstractmethod
    def arrays(self) -> Arrays:
        """The data set, read and verified once a process.

        Raises UserError for files that are missing or damaged.
        """

    def sizes(self) -> dict[str, int]:
        """How many images each split has: "train", "val" and "test"."""
        train, _, test, *_ = self.arrays()
        left = sizes.training(self.val_size, len(train))
        return {"train": left, "val": len(train) - left, "test": len(test)}

    def setup(self, stage: str | None = None) -> None:
        """Split the training images and binarise what is binarised once."""
        train, _, test, *_ = self.arrays()
        self.train, self.val = train.unsqueeze(1).tensor_split([self.sizes()["train"]])
        self.test = test.unsqueeze(1)
        if self.binarize == "static":
            self.train = self._binarize(self.train, "train")
        if self.binarize != "none":
            self.val = self._binarize(self.val, "val")
            self.test = self._binarize(self.test, "test")

    def train_dataloader(self) -> DataLoader[Tensor]:
        """The training images, in an order that follows from (seed, epoch) alone."""
        trainer = self.trainer
        # With one process this is a plain shuffle, but one that keeps no state between epochs.
        sampler: DistributedSampler[Tensor] = DistributedSampler(
            Images(self.train),
            num_replicas=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            shuffle=True,
            seed=stream(self.seed, "shuffle") >> 1,
        )
        return self._loader(self.train, sampler=sampler)

    def val_dataloader(self) -> DataLoader[Tensor] | list[Any]:
        """The validation images, in their order."""
        return self._loader(self.val) if len(self.val) else []

    def examples(self, n: int) -> Tensor:
        """The first `n` validation images, or the last training images where there are none."""
        return (self.val[:n] if len(self.val) else self.train[-n:]) / 255

    def on_after_batch_transfer(self, batch: Tensor, dataloader_idx: int) -> Tensor:
        """Scale to [0, 1] on the device, so that bytes are what travels there."""
        trainer = self.trainer
        assert trainer is not None
        images = batch.to(trainer.lightning_module.dtype) / 255
        binarize = self.binarize == "dynamic" and trainer.training
        return torch.bernoulli(images) if binarize else images

    def _binarize(self, images: Tensor, split: str) -> Tensor:
        generator = torch.Generator().manual_seed(stream(self.seed, f"binarize {split}"))
        draws = torch.rand(images.shape, generator=generator)
        return (draws * 255 < images).to(torch.uint8) * 255

    def _loader(self, images: Tensor, **options: Any) -> DataLoader[Tensor]:
        return DataLoader(
            Images(images),
            batch_size=self.batch_size,
            collate_fn=default_convert,  # which leaves a tensor as it is
            generator=torch.Generator(),  # otherwise each epoch draws from the noise's stream
            **options,
        )


def data_module(config: Config) -> DataModule:
    """The data module of a configuration; raises UserError where it cannot be built."""
    module: DataModule = build("data", config["data"], DataModule, seed=config["seed"])
    return module
