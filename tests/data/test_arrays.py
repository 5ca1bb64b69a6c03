import os

import numpy as np
import pytest
import torch

from mnistgen.data import ArrayFile, arrays, splits
from mnistgen.errors import UserError

GREY = np.random.default_rng(0).integers(256, size=(448, 28, 28)).astype(np.uint8)
FEW = GREY[:64]


@pytest.fixture(autouse=True)
def fresh():
    arrays._read.cache_clear()


@pytest.fixture
def read(tmp_path):
    def make(*, resize=True, **content):
        np.savez_compressed(tmp_path / "some.npz", **content)
        return ArrayFile(root=tmp_path / "some.npz", resize=resize).arrays()

    return make


def rows(images):
    return sorted(image.flatten().tolist() for image in images)


def test_images_alone_are_a_data_set(read):
    found = read(images=GREY)
    assert len(found.test_images) == 64
    assert rows(found.train_images) + rows(found.test_images) != rows(GREY)  # in another order
    assert rows([*found.train_images, *found.test_images]) == rows(GREY)
    assert found.classes == 0


@pytest.mark.parametrize("convert", [
    lambda grey: grey.astype(np.uint16) * 257,
    lambda grey: grey.astype(np.float32)[:, None] / 255,  # as mnistgen.sample writes them
    lambda grey: grey / 255,
])  # fmt: skip
def test_every_kind_of_number_is_the_same_image(read, convert):
    expected = read(images=GREY).checksum
    arrays._read.cache_clear()
    assert read(images=convert(GREY)).checksum == expected


def test_truths_are_black_and_white(read):
    assert read(images=GREY > 99).train_images.unique().tolist() == [0, 255]


def test_images_keep_their_labels_and_the_test_set_is_their_own(read):
    level = np.arange(448) % 5
    images = np.broadcast_to(level[:, None, None], (448, 28, 28)).astype(np.uint8)
    names = np.array(["e", "d", "c", "b", "a"])
    found = read(images=images, labels=names[level], test_images=FEW, test_labels=names[[0] * 64])
    assert found.train_images[:, 0, 0].equal((4 - found.train_labels).to(torch.uint8))
    assert rows(found.test_images) == rows(FEW)
    assert found.test_labels.unique().tolist() == [4]
    assert found.classes == 5


def test_labels_are_part_of_the_checksum(read):
    checksums = set()
    for labels in (np.arange(448) % 2, np.arange(448) % 3):
        arrays._read.cache_clear()
        checksums.add(read(images=GREY, labels=labels).checksum)
    assert len(checksums) == 2


def test_images_of_another_size_are_made_to_fit_or_refused(read):
    large = GREY.repeat(2, axis=1).repeat(2, axis=2)
    assert rows(read(images=large).test_images) == rows(read(images=GREY).test_images)
    arrays._read.cache_clear()
    with pytest.raises(UserError, match=r"some\.npz: images is of 56 x 56 pixels"):
        read(images=large, resize=False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "has the arrays none: there must be images"),
        ({"x_train": GREY}, "has the arrays x_train: there must be images"),
        ({"images": GREY, "lables": GREY}, "has the arrays images, lables: .* test_labels"),
        ({"images": GREY[0]}, "images is of 28 x 28: it must be of N x height x width"),
        ({"images": GREY.astype(int)}, "images are int64: they must be uint8"),
        ({"images": GREY * 1.0}, "images are float64 from 0 to 255"),
        ({"images": GREY[:200]}, "has 172 training and 28 test images: at least 64"),
        ({"images": GREY[:0]}, "has 0 training and 0 test images"),
        ({"images": GREY, "labels": GREY[:, 0, 0] * 0.5}, "labels must be of N whole numbers"),
        ({"images": GREY, "labels": GREY[:9, 0, 0]}, "images are 448, and labels are 9"),
        (
            {"images": GREY, "labels": GREY[:, 0, 0], "test_images": FEW},
            "labels and test_labels must both",
        ),
        ({"images": GREY, "test_labels": FEW[:, 0, 0]}, "labels and test_labels must both"),
        ({"images": GREY * np.nan}, "images are float64 from nan to nan"),
        ({"images": np.array([{}], dtype=object)}, r"must be an \.npz file of numbers"),
    ],
)
def test_what_is_wrong_with_an_array_is_said(read, content, words):
    with pytest.raises(UserError, match=rf"some\.npz.*{words}") as error:
        read(**content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"text", None])
def test_a_file_that_is_no_npz_is_named(tmp_path, content):
    path = tmp_path / "some.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"some\.npz is not allowed: it must be an \.npz file"):
        ArrayFile(root=path).arrays()


def test_a_plain_array_is_not_enough(tmp_path):
    np.save(tmp_path / "some.npy", GREY)
    with pytest.raises(UserError, match=r"some\.npy is not allowed: it must be an \.npz file"):
        ArrayFile(root=tmp_path / "some.npy").arrays()


def test_a_file_that_has_changed_is_read_anew(tmp_path):
    checksums = set()
    for value in (1, 2):
        images = np.full((448, 28, 28), value, np.uint8)
        np.savez(tmp_path / "some.npz", images=images)
        os.utime(tmp_path / "some.npz", (value, value))
        checksums.add(ArrayFile(root=str(tmp_path / "some.npz")).arrays().checksum)
    assert len(checksums) == 2


def test_a_stamp_follows_the_files_below_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    before = splits.stamp(tmp_path)
    (tmp_path / "a" / "1.png").write_bytes(b"1")
    after = splits.stamp(tmp_path)
    assert len({before, after, splits.stamp(tmp_path)}) == 2
