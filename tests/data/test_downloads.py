"""Files in the formats of EMNIST, QMNIST and USPS stand in for their own, which are not here."""

import bz2

import numpy as np
import pytest
import torchvision
from torchvision.datasets import usps

from mnistgen.data import EMNIST, QMNIST, USPS, downloads
from mnistgen.errors import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(256, size=(80, 28, 28)).astype(np.uint8)
LABELS = (np.arange(80) % 26).astype(np.uint8)


@pytest.fixture(autouse=True)
def fresh():
    downloads._read.cache_clear()


def idx(path, array, kind):
    """Write an array as an IDX file, big-endian."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.tobytes())


def rows(images):
    return sorted(image.flatten().tolist() for image in images)


def test_emnist_is_upright_and_its_letters_are_numbered_from_0(tmp_path):
    raw = tmp_path / "EMNIST" / "raw"
    for split in ("train", "test"):
        name = f"emnist-letters-{split}"
        idx(raw / f"{name}-images-idx3-ubyte", IMAGES.transpose(0, 2, 1), 8)
        idx(raw / f"{name}-labels-idx1-ubyte", LABELS + 1, 8)
    arrays = EMNIST(root=tmp_path).arrays()
    assert rows(arrays.train_images) == rows(IMAGES)
    assert arrays.test_images.numpy().tolist() == IMAGES.tolist()
    assert arrays.test_labels.tolist() == LABELS.tolist()
    assert arrays.classes == 26


def test_the_class_of_a_qmnist_image_is_its_first_number(tmp_path):
    raw = tmp_path / "QMNIST" / "raw"
    numbers = np.stack([LABELS % 10, *[LABELS * 0 + 77] * 7], axis=1).astype(">i4")
    for split in ("train", "test"):
        idx(raw / f"qmnist-{split}-images-idx3-ubyte", IMAGES, 8)
        idx(raw / f"qmnist-{split}-labels-idx2-int", numbers, 12)
    arrays = QMNIST(root=tmp_path).arrays()
    assert arrays.test_images.numpy().tolist() == IMAGES.tolist()
    assert arrays.test_labels.tolist() == (LABELS % 10).tolist()
    assert arrays.classes == 10


def test_usps_is_made_to_fit(tmp_path):
    level = np.tile([-1.0, 1.0], 128)  # columns of 16 x 16: black, white, ...
    pixels = " ".join(f"{i + 1}:{value}" for i, value in enumerate(level))
    text = "\n".join(f"{i % 10 + 1} {pixels}" for i in range(80))
    for name in ("usps.bz2", "usps.t.bz2"):
        (tmp_path / name).write_bytes(bz2.compress(text.encode()))
    arrays = USPS(root=tmp_path).arrays()
    assert arrays.train_images.shape == (80, 28, 28)
    assert arrays.test_images[:, :, 0].unique().tolist() == [0]
    assert arrays.test_images[:, :, -1].unique().tolist() == [255]
    assert arrays.test_labels.tolist() == [i % 10 for i in range(80)]


@pytest.mark.parametrize("kind", [EMNIST, QMNIST, USPS])
def test_a_failed_download_is_one_line(tmp_path, monkeypatch, kind):
    def fail(*_, **__):
        raise OSError("no route")

    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", fail)
    monkeypatch.setattr(usps, "download_url", fail)
    with pytest.raises(UserError, match=rf"{tmp_path}/new: .* {kind.__name__} .*\(no route\)"):
        kind(root=tmp_path / "new").arrays()


def test_a_damaged_file_is_one_line(tmp_path):
    for name in ("usps.bz2", "usps.t.bz2"):
        (tmp_path / name).write_bytes(bz2.compress(b"1 1:0.5\n"))
    with pytest.raises(UserError, match=r"torchvision cannot read USPS there") as error:
        USPS(root=tmp_path).arrays()
    assert "\n" not in str(error.value)
