"""MNIST and the two sets that come in files of its format and size."""

import contextlib
import hashlib
from functools import cache
from pathlib import Path
from typing import ClassVar

from torchvision import datasets

from mnistgen import files
from mnistgen.config import expand_path, one_line
from mnistgen.config.sizes import TRAIN_SIZE
from mnistgen.data import idx
from mnistgen.data.module import Arrays, DataModule
from mnistgen.errors import UserError

BUNDLED = Path(__file__).parent / "files"
TEST_SIZE = 10_000
FILES = {
    "train-images-idx3-ubyte": (TRAIN_SIZE, 28, 28),
    "train-labels-idx1-ubyte": (TRAIN_SIZE,),
    "t10k-images-idx3-ubyte": (TEST_SIZE, 28, 28),
    "t10k-labels-idx1-ubyte": (TEST_SIZE,),
}


class MNIST(DataModule):
    """Y. LeCun et al., the files in this package, or those in the folder `root`."""

    torchvision_name: ClassVar[str] = "MNIST"
    root: Path
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
        val_size: float = 5_000,
        binarize: str = "none",
        seed: int = 1,
    ) -> None:
        super().__init__(
            root=root, batch_size=batch_size, val_size=val_size, binarize=binarize, seed=seed
        )
        self.root = Path(expand_path(root) or BUNDLED)
        self.feature_folder = self.root

    def arrays(self) -> Arrays:
        """The data set, read and verified once a process.

        Raises UserError for files that are missing and cannot be downloaded, or are damaged.
        """
        return _read(type(self), self.root)  # type: ignore[arg-type]  # a class is hashable


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
