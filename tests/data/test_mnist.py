import gzip
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch
import torchvision
from torchvision.datasets.mnist import read_image_file, read_label_file

import mnistgen
from mnistgen.data import KMNIST, MNIST, FashionMNIST, mnist
from mnistgen.data.mnist import FILES
from mnistgen.errors import UserError

BUNDLED = Path(mnistgen.__file__).parent / "data" / "files"


def module(kind=MNIST, **options):
    defaults = {"root": None, "batch_size": 128, "val_size": 5000, "binarize": "none", "seed": 1}
    made = kind(**(defaults | options))
    made.trainer = SimpleNamespace(
        world_size=1,
        global_rank=0,
        training=True,
        lightning_module=SimpleNamespace(dtype=torch.float32),
    )
    made.setup()
    return made


@pytest.fixture
def folder(tmp_path):
    """A writable folder with the four files, gzipped."""
    for name in FILES:
        shutil.copy(BUNDLED / f"{name}.gz", tmp_path)
    return tmp_path


def unpack(folder):
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


def test_arrays_are_those_that_torchvision_reads(folder):
    unpack(folder)
    arrays = module().arrays()
    names = list(FILES)
    assert arrays.train_images.equal(read_image_file(str(folder / names[0])))
    assert arrays.train_labels.long().equal(read_label_file(str(folder / names[1])))
    assert arrays.test_images.equal(read_image_file(str(folder / names[2])))
    assert arrays.test_labels.long().equal(read_label_file(str(folder / names[3])))


def test_pixels_have_the_well_known_mean_and_deviation():
    made = module(val_size=0)
    images = made.on_after_batch_transfer(made.train, 0)
    assert images.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert images.std().item() == pytest.approx(0.3081, abs=1e-4)


def test_plain_and_gzipped_files_are_the_same_data(folder):
    unpack(folder)
    assert module(root=str(folder)).arrays().checksum == module().arrays().checksum


def test_validation_images_are_the_end_of_the_training_set():
    made = module(val_size=5000)
    assert made.train.shape == (55_000, 1, 28, 28)
    assert made.val.equal(made.arrays().train_images[-5000:].unsqueeze(1))
    assert made.test.shape == (10_000, 1, 28, 28)
    assert module(val_size=0).val_dataloader() == []


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own():
    made = module()
    loader = made.train_dataloader()
    orders = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        orders.append(torch.tensor(list(loader.sampler)))
    assert orders[0].sort().values.equal(torch.arange(55_000))
    assert not orders[0].equal(orders[1])
    assert orders[0].equal(orders[2])
    other = module(seed=2).train_dataloader()
    assert not torch.tensor(list(other.sampler)).equal(orders[0])


def test_two_processes_share_an_epoch():
    made = module()
    shares = []
    for rank in (0, 1):
        made.trainer.world_size, made.trainer.global_rank = 2, rank
        shares.append(torch.tensor(list(made.train_dataloader().sampler)))
    assert torch.cat(shares).sort().values.equal(torch.arange(55_000))


def test_a_batch_is_an_index_operation():
    made = module()
    batches = list(made.val_dataloader())
    assert [len(batch) for batch in batches] == [128] * 39 + [8]
    assert torch.cat(batches).equal(made.val)


def test_static_binarisation_is_drawn_once_with_the_grey_value_as_probability():
    made, again = module(binarize="static"), module(binarize="static")
    assert made.train.unique().tolist() == [0, 255]
    assert made.train.equal(again.train)
    assert not made.train.equal(module(binarize="static", seed=2).train)
    grey = module()
    for level in (64, 128, 192):
        share = (made.train[grey.train == level] / 255).mean().item()
        assert share == pytest.approx(level / 255, abs=0.03)
    assert made.train[grey.train == 0].max() == 0
    assert made.train[grey.train == 255].min() == 255


def test_dynamic_binarisation_is_drawn_anew_for_training_and_fixed_for_the_rest():
    made = module(binarize="dynamic")
    batch = made.train[:64]
    draws = [made.on_after_batch_transfer(batch, 0) for _ in range(2)]
    assert draws[0].unique().tolist() == [0, 1]
    assert not draws[0].equal(draws[1])
    torch.manual_seed(5)
    first = made.on_after_batch_transfer(batch, 0)
    torch.manual_seed(5)
    assert first.equal(made.on_after_batch_transfer(batch, 0))
    assert made.val.unique().tolist() == [0, 255]
    made.trainer.training = False
    assert made.on_after_batch_transfer(made.val, 0).equal(made.val / 255)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[5000] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))


def replace_by_the_test_images(path):
    shutil.copy(path.with_name("t10k-images-idx3-ubyte.gz"), path)


@pytest.mark.parametrize("damage", [truncate, flip_a_byte, replace_by_the_test_images])
def test_a_damaged_file_is_named(folder, damage):
    path = folder / "train-images-idx3-ubyte.gz"
    damage(path)
    with pytest.raises(UserError, match=str(path)):
        module(root=str(folder))


def test_a_truncated_plain_file_is_named(folder):
    unpack(folder)
    truncate(folder / "t10k-labels-idx1-ubyte")
    with pytest.raises(UserError, match=r"t10k-labels.*9,908 bytes unpacked, not 10,008"):
        module(root=str(folder))


def test_a_failed_download_says_what_to_do(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise URLError("no route")

    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", fail)
    with pytest.raises(UserError, match=r"downloading FashionMNIST from http.* by hand") as error:
        module(FashionMNIST, root=str(tmp_path))
    assert all(name in str(error.value) for name in (*FILES, str(tmp_path)))
    assert "\n" not in str(error.value)


DOWNLOAD = """
import shutil, sys, time
from pathlib import Path
from torchvision import datasets
from mnistgen.data import FashionMNIST, mnist
def download(root, download):  # as torchvision's: file by file, into the folder itself
    print("downloads", file=sys.stderr)  # a bar would be there, too
    folder = Path(root) / "FashionMNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name in mnist.FILES:
        source = Path(mnist.__file__).parent / "files" / f"{name}.gz"
        (folder / f"{name}.gz").write_bytes(b"half of it")
        time.sleep(0.2)
        shutil.copy(source, folder)
download.mirrors = ["http://example.org"]
datasets.FashionMNIST = download
FashionMNIST.checksums = mnist.MNIST.checksums
data = FashionMNIST(root=sys.argv[1], batch_size=128, val_size=0, binarize="none", seed=1)
print(data.arrays().checksum)
"""


def test_of_two_processes_one_downloads_and_the_other_waits(tmp_path):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    words = [sys.executable, "-c", DOWNLOAD, str(tmp_path / "new")]
    started = [subprocess.Popen(words, text=True, **pipes) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].split() for process in started]
    assert sorted(said, key=len) == [
        [module().arrays().checksum],
        ["downloads", module().arrays().checksum],
    ]


def test_other_sets_are_read_where_they_lie(folder):
    # MNIST's own files stand in for KMNIST's: what is tested is how they are found.
    expected = module().arrays().checksum
    assert module(KMNIST, root=str(folder)).arrays().checksum == expected
    nested = folder / "KMNIST" / "raw"
    nested.mkdir(parents=True)
    unpack(folder)
    for path in folder.glob("*ubyte"):
        path.rename(nested / path.name)
    mnist._read.cache_clear()
    assert module(KMNIST, root=str(folder)).arrays().checksum == expected


def test_files_that_were_packed_again_are_the_same_data(folder, monkeypatch):
    # MNIST's own files stand in for Fashion-MNIST's.
    monkeypatch.setattr(FashionMNIST, "checksums", MNIST.checksums)
    for path in folder.glob("*.gz"):
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1))
    expected = module().arrays().checksum
    assert module(FashionMNIST, root=str(folder)).arrays().checksum == expected


@pytest.mark.parametrize("packed", [True, False])
def test_files_of_another_set_are_refused(folder, packed):
    if not packed:
        unpack(folder)
    with pytest.raises(UserError, match=r"train-images.* is not the FashionMNIST file"):
        module(FashionMNIST, root=str(folder))
