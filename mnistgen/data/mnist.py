"""MNIST and its two relatives as Lightning data modules that serve a whole batch at a time."""

import contextlib
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, default_convert
from torchvision import datasets

from mnistgen import files
from mnistgen.config import Config, build, expand_path, one_line
from mnistgen.config.rules import TRAIN_SIZE
from mnistgen.data import idx
from mnistgen.errors import UserError
from mnistgen.seeds import stream

TEST_SIZE = 10_000
FILES = {
    "train-images-idx3-ubyte": (TRAIN_SIZE, 28, 28),
    "train-labels-idx1-ubyte": (TRAIN_SIZE,),
    "t10k-images-idx3-ubyte": (TEST_SIZE, 28, 28),
    "t10k-labels-idx1-ubyte": (TEST_SIZE,),
}


class Arrays(NamedTuple):
    """A data set as it lies in its files, uint8, and one SHA-256 for all of it."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    checksum: str


class Images(Dataset[Tensor]):
    """Images as uint8, (N, 1, 28, 28), of which a batch is one index operation."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int | list[int]) -> Tensor:
        return self.images[index]

    __getitems__ = __getitem__  # where a data set has this, torch's loader takes a batch from it


class MNIST(pl.LightningDataModule):
    """Batches of images in [0, 1], (B, 1, 28, 28), shuffled anew by (seed, epoch).

    The last `val_size` training images are kept for validation. With `binarize` pixels are drawn
    as Bernoullis of their grey value: once ("static"), or for training in every epoch ("dynamic").
    """

    torchvision_name: ClassVar[str] = "MNIST"
    # MD5 of the unpacked files; empty where none are published.
    checksums: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }

    def __init__(
        self,
        *,
        root: str | int | None = None,
        batch_size: int = 128,
        val_size: int = 5_000,
        binarize: str = "none",
        seed: int = 1,
    ) -> None:
        super().__init__()
        self.root = Path(expand_path(root) or Path(__file__).parent / "files")
        self.batch_size = batch_size
        self.val_size = val_size
        self.binarize = binarize
        self.seed = seed

    def arrays(self) -> Arrays:
        """The data set, read and verified once a process.

        Raises UserError for files that are missing and cannot be downloaded, or are damaged.
        """
        return _read(type(self), self.root)  # type: ignore[arg-type]  # a class is hashable

    def setup(self, stage: str | None = None) -> None:
        """Split the training images and binarise what is binarised once."""
        train, _, test, *_ = self.arrays()
        self.train, self.val = train.unsqueeze(1).tensor_split([TRAIN_SIZE - self.val_size])
        self.test = test.unsqueeze(1)
        if self.binarize == "static":
            self.train = self._binarize(self.train, "train")
        if self.binarize != "none":
            self.val = self._binarize(self.val, "val")
            self.test = self._binarize(self.test, "test")

    def train_dataloader(self) -> DataLoader[Tensor]:
        """The training images, in an order that follows from (seed, epoch) alone."""
        trainer = self.trainer
        assert trainer is not None
        # With one process this is a plain shuffle, but one that keeps no state between epochs.
        sampler: DistributedSampler[Tensor] = DistributedSampler(
            Images(self.train),
            num_replicas=trainer.world_size,
            rank=trainer.global_rank,
            shuffle=True,
            seed=stream(self.seed, "shuffle") >> 1,
        )
        return self._loader(self.train, sampler=sampler)

    def val_dataloader(self) -> DataLoader[Tensor] | list[Any]:
        """The validation images, in their order."""
        return self._loader(self.val) if self.val_size else []

    def examples(self, n: int) -> Tensor:
        """The first `n` validation images, or the last training images where there are none."""
        return (self.val[:n] if self.val_size else self.train[-n:]) / 255

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


class FashionMNIST(MNIST):
    """H. Xiao et al., "Fashion-MNIST", 2017, by torchvision's download."""

    torchvision_name = "FashionMNIST"
    checksums = {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    }


class KMNIST(MNIST):
    """T. Clanuwat et al., "Deep Learning for Classical Japanese Literature", 2018, likewise."""

    torchvision_name = "KMNIST"
    checksums = {}  # torchvision checks the archives that it downloads


def data_module(config: Config) -> MNIST:
    """The data module of a configuration; raises UserError where it cannot be built."""
    module: MNIST = build("data", config["data"], seed=config["seed"])
    return module


@cache
def _read(kind: type[MNIST], root: Path) -> Arrays:
    folder = _folder(kind, root)
    arrays, sums = [], []
    for name, shape in FILES.items():
        path = idx.find(folder, name)
        array, checksum = idx.read(path, shape)
        if checksum != kind.checksums.get(name, checksum):
            raise UserError(f"{path} is not the {kind.torchvision_name} file of that name")
        arrays.append(array)
        sums.append(checksum)
    return Arrays._make([*arrays, hashlib.sha256("".join(sums).encode()).hexdigest()])


def _folder(kind: type[MNIST], root: Path) -> Path:
    """Where all four files are, after a download if need be."""
    folders = root, root / kind.torchvision_name / "raw"
    if not any(map(_is_complete, folders)):
        root.mkdir(parents=True, exist_ok=True)
        with files.lock(root, wait=True):  # of two processes one downloads
            if not any(map(_is_complete, folders)):
                _download(kind, root)
    return next(folder for folder in folders if _is_complete(folder))


def _is_complete(folder: Path) -> bool:
    return all(idx.find(folder, name).is_file() for name in FILES)


def _download(kind: type[MNIST], root: Path) -> None:
    dataset = getattr(datasets, kind.torchvision_name)
    try:
        with contextlib.redirect_stdout(None):  # its progress bar goes to stderr
            dataset(root, download=True)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"downloading {kind.torchvision_name} from {' and '.join(dataset.mirrors)} failed "
            f"({one_line(error)}); put {', '.join(FILES)}, plain or .gz, into "
            f"data.root={root} by hand"
        ) from error
