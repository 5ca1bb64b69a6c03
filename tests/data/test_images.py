import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mnistgen.data import ImageFolder, images
from mnistgen.errors import UserError

GREY = np.arange(784, dtype=np.uint8).reshape(28, 28)


@pytest.fixture(autouse=True)
def fresh():
    images._read.cache_clear()


def write(folder, n, first=0):
    """Images of one grey level each, which is that of their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + n):
        Image.new("L", (28, 28), i % 256).save(folder / f"{i:04}.png")


def levels(some):
    return some[:, 0, 0].tolist()


def read(folder, **options):
    return ImageFolder(root=folder, **options).arrays()


def test_a_seventh_is_for_the_test_and_the_rest_for_training(tmp_path):
    write(tmp_path, 448)
    arrays = read(tmp_path)
    assert arrays.test_images.shape == (64, 28, 28)
    assert arrays.train_images.shape == (384, 28, 28)
    assert sorted(levels(arrays.train_images) + levels(arrays.test_images)) == sorted(
        i % 256 for i in range(448)
    )
    assert levels(arrays.test_images) != sorted(levels(arrays.test_images))
    assert arrays.train_labels is arrays.test_labels is None
    assert arrays.classes == 0


def test_sizes_follow_from_the_data(tmp_path):
    write(tmp_path, 448)
    assert ImageFolder(root=tmp_path).sizes() == {"train": 345, "val": 39, "test": 64}
    module = ImageFolder(root=tmp_path, val_size=5)
    module.setup()
    assert (len(module.train), len(module.val), len(module.test)) == (379, 5, 64)
    assert len(module.examples(32)) == 5
    module = ImageFolder(root=tmp_path, val_size=0)
    module.setup()
    assert module.val_dataloader() == []


def test_sub_folders_are_classes_in_the_order_of_their_names(tmp_path):
    write(tmp_path / "b" / "deeper", 200, first=0)
    write(tmp_path / "a", 200, first=1_000)  # levels 232 to 255 and 0 to 175
    write(tmp_path / "c", 100, first=100)
    arrays = read(tmp_path)
    assert arrays.classes == 3
    labels = torch.cat([arrays.train_labels, arrays.test_labels])
    assert labels.bincount().tolist() == [200, 200, 100]
    assert {0, 1, 2} == set(arrays.train_labels[-40:].tolist())  # all are among the last
    level = torch.cat([arrays.train_images, arrays.test_images])[:, 0, 0]
    assert set(level[labels == 2].tolist()) == set(range(100, 200))


def test_train_and_test_are_a_split_where_there_are_both(tmp_path):
    for split, n in (("train", 70), ("test", 64)):
        write(tmp_path / split / "x", n - 30)
        write(tmp_path / split / "y", 30)
    arrays = read(tmp_path)
    assert (len(arrays.train_images), len(arrays.test_images)) == (70, 64)
    assert arrays.test_labels.bincount().tolist() == [34, 30]


def test_one_sub_folder_is_no_class(tmp_path):
    write(tmp_path / "all", 448)
    assert read(tmp_path).train_labels is None


def test_the_checksum_is_that_of_pixels_and_classes(tmp_path):
    write(tmp_path / "some" / "a", 448)
    shutil.copytree(tmp_path / "some", tmp_path / "same")
    for path in sorted((tmp_path / "same" / "a").iterdir()):
        Image.open(path).save(path.with_suffix(".bmp"))  # packed in another way
        path.unlink()
    expected = read(tmp_path / "some").checksum
    assert read(tmp_path / "same").checksum == expected
    Image.new("L", (28, 28), 7).save(tmp_path / "same" / "a" / "0000.bmp")
    images._read.cache_clear()
    assert read(tmp_path / "same").checksum != expected
    (tmp_path / "some" / "b").mkdir()
    (tmp_path / "some" / "a" / "0009.png").rename(tmp_path / "some" / "b" / "0009.png")
    images._read.cache_clear()
    assert read(tmp_path / "some").checksum != expected


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def refuse(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    write(tmp_path / "a", 448)
    write(tmp_path / "b", 3)
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", refuse)  # permissions do not stop root
    with pytest.raises(UserError, match=r"/b cannot be read: Permission denied"):
        read(tmp_path)


def saved(path, image, **options):
    image.save(path, **options)
    return images.read(path)


def test_every_kind_of_pixel_becomes_grey(tmp_path):
    grey = Image.fromarray(GREY)
    path = tmp_path / "one.png"
    assert (saved(path, grey) == GREY).all()
    assert (saved(path, grey.convert("RGB")) == GREY).all()
    assert (saved(path, Image.fromarray(GREY.astype(np.uint16) * 257)) == GREY).all()
    assert (saved(path, grey.point(lambda v: 255 * (v > 99), "1")) == 255 * (GREY > 99)).all()
    assert (saved(path, grey.convert("P")) == GREY).all()
    red = Image.new("RGB", (28, 28), "red")
    assert (saved(path, red) == 76).all()  # ITU-R 601: 0.299 of 255


def test_what_is_transparent_is_black(tmp_path):
    white = Image.new("LA", (28, 28), (255, 0))
    white.paste((255, 255), (0, 0, 14, 28))
    expected = np.repeat([[255, 0]], 14, axis=1).repeat(28, axis=0)
    assert (saved(tmp_path / "one.png", white) == expected).all()
    assert (saved(tmp_path / "one.webp", white.convert("RGBA"), lossless=True) == expected).all()


def test_an_image_is_turned_upright_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise shows it upright
    found = saved(tmp_path / "one.png", Image.fromarray(GREY[:20]), exif=exif)
    assert (found == np.rot90(GREY[:20], -1)).all()


def truncated(path):
    path.write_bytes(path.read_bytes()[:-30])


def text(path):
    path.write_text("no image")


def animated(path):
    frames = [Image.new("L", (28, 28), level) for level in (1, 2)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def deep(path):
    Image.fromarray(GREY.astype(np.float32)).save(path, "tiff")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncated, "cannot be read as an image: "),
        (text, "cannot be read as an image: "),
        (animated, "has 2 images, and it must have one"),
        (deep, "has 32 bits for a pixel's grey"),
    ],
)
def test_a_damaged_or_odd_file_is_named(tmp_path, damage, words):
    write(tmp_path, 3)
    damage(tmp_path / "0001.png")
    with pytest.raises(UserError, match=rf"0001\.png {words}") as error:
        read(tmp_path)
    assert "\n" not in str(error.value)


def test_a_size_is_refused_where_none_is_to_be_changed(tmp_path):
    write(tmp_path, 500)
    Image.new("L", (30, 29)).save(tmp_path / "0003.png")
    with pytest.raises(UserError, match=r"0003\.png is of 30 x 29 pixels: .*of 28 x 28"):
        read(tmp_path, resize=False)
    assert read(tmp_path).train_images.shape[1:] == (28, 28)


def test_other_files_are_passed_over_and_hidden_ones_unseen(tmp_path, caplog):
    write(tmp_path / "a", 300)
    write(tmp_path / "b", 300)
    write(tmp_path / ".thumbnails", 1)
    (tmp_path / "a" / ".DS_Store").touch()
    (tmp_path / "labels.csv").touch()
    assert read(tmp_path).classes == 2
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.message.endswith(f"1 files that are no images, as {tmp_path / 'labels.csv'}")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ((), "has no image files, which end in .bmp, .gif"),
        (("",), "has 9 training and 1 test images: at least 64 of each"),
        (("", "a"), r"0000\.png is in no class"),
        (("train",), "train is no class: a split is in the two folders"),
        (("train", "val", "test"), "test is no class"),
        (("train", "test", ""), "test is no class"),
    ],
)
def test_a_folder_that_is_no_data_set_is_named(tmp_path, made, words):
    for name in made:
        write(tmp_path / name, 10)
    with pytest.raises(UserError, match=f"{tmp_path}.*{words}"):
        read(tmp_path)
