"""Training and measuring on one's own images, from the command line."""

import json
import os
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from mnistgen.data import MNIST
from mnistgen.inference import pictures

N = 448  # the fewest of which a seventh can be the test set
QUICK = ("threads=1", "logger=none", "trainer.max_epochs=1", "data.batch_size=64")


@pytest.fixture(scope="module")
def folder(module_cli):
    """A folder with digits as files without classes, and as arrays of three classes."""
    arrays = MNIST().arrays()
    few = arrays.train_labels <= 2
    images, labels = arrays.train_images[few][:N].numpy(), arrays.train_labels[few][:N].numpy()
    np.savez(module_cli.folder / "threes.npz", images=images, labels=labels)
    (module_cli.folder / "pngs").mkdir()
    for i, image in enumerate(images):
        made = Image.fromarray(image).resize((40, 40 - i % 2))
        made.save(module_cli.folder / "pngs" / f"{i}.png")
    return module_cli.folder


@pytest.fixture(scope="module")
def home(folder):
    """Variables of a user whose home is in the folder, but for matplotlib's list of fonts."""
    fonts = {"MPLCONFIGDIR": matplotlib.get_cachedir()}
    return os.environ | {"HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"} | fonts


PNGS, ARRAYS = ("data=images", "data.root=pngs"), ("data=arrays", "data.root=threes.npz")
REFUSED = [
    (("data=images",), "data.root is missing: give data.root=FOLDER"),
    (("data=images", "data.root=no"), "data.root=no is not allowed: it must be a folder of image"),
    ((*PNGS, "data.resize=false"), "pngs/0.png is of 40 x 40 pixels: with data.resize=false"),
    ((*PNGS, "data.resize=2"), "data.resize=2 is not allowed: it must be true or false"),
    ((*PNGS, "data.val_size=384"), "data.val_size=384 is not allowed: it must be a whole number "
     "from 0 to 383, or a share below 1.0"),
    ((*PNGS, "data.val_size=1.5"), "must be a whole number from 0 or a share below 1.0"),
    ((*PNGS, "data.val_size=1", "data.batch_size=382"), "it leaves a last batch of one image"),
    ((*PNGS, "data.val_size=1", "trainer=ddp"), "it must divide the 383 training images"),
    (("data=arrays", "data.root=pngs"), "data.root=pngs is not allowed: it must be an .npz file"),
    (("data=emnist", "data.split=greek"), "data.split=greek is not allowed: it must be byclass"),
]  # fmt: skip


@pytest.fixture(scope="module")
def ends(module_cli, home):
    """How the refused commands end, and after them two that train; all in one process."""
    good = [
        [*PNGS, *QUICK, "hydra.run.dir=runs/pngs"],
        [*ARRAYS, *QUICK, "hydra.run.dir=runs/arrays", "data.val_size=0"],
    ]
    return module_cli.several([[*QUICK, *words] for words, _ in REFUSED] + good, env=home)


def test_what_cannot_be_trained_on_is_one_line_and_no_run(ends, folder):
    for end, (words, message) in zip(ends[:-2], REFUSED, strict=True):
        assert end.returncode == 1, words
        *said, error = end.stderr.splitlines()
        assert error.startswith("error: ")
        assert message in error
        assert all(line.startswith("reading") for line in said), said
    assert {path.name for path in folder.iterdir()} <= {
        "home", "pngs", "threes.npz", "runs", "report",
    }  # fmt: skip


def test_the_sizes_are_in_the_run_folder(ends, folder):
    assert [end.returncode for end in ends[-2:]] == [0, 0], ends[-1].stderr
    infos = [
        json.loads((folder / "runs" / n / "run.json").read_text()) for n in ("pngs", "arrays")
    ]
    assert infos[0]["images"] == {"train": 345, "val": 39, "test": 64}
    assert infos[1]["images"] == {"train": 384, "val": 0, "test": 64}
    assert infos[0]["data_checksum"] != infos[1]["data_checksum"]


def test_only_labelled_images_train_a_feature_network(ends, folder):
    assert "training the feature network" not in ends[-2].stderr
    assert "training the feature network of ArrayFile, once" in ends[-1].stderr
    kept = folder / "home" / ".cache" / "mnistgen"
    assert len(list(kept.glob("lenet-arrayfile-*.safetensors"))) == 1


OF_CLASSES = {
    "digits", "digit_kl", "digits_present", "confidence", "readable", "reconstruction_accuracy",
    "confusion",
}  # fmt: skip


def test_measures_of_classes_are_absent_without_labels(ends, module_cli, home, folder):
    few = ("n=64", "nll_images=64", "threads=1")
    done = module_cli("run=runs", *few, module="mnistgen.evaluate", env=home)
    assert done.returncode == 0, done.stderr
    assert "data.root=pngs has no labels: its measures have the features of MNIST's" in done.stderr
    made = {n: json.loads((folder / "runs" / n / "evaluation.json").read_text())
            for n in ("pngs", "arrays")}  # fmt: skip
    assert made["arrays"]["metrics"].keys() - made["pngs"]["metrics"].keys() == OF_CLASSES
    for measures in (made["pngs"]["metrics"], *made["pngs"]["comparisons"].values()):
        assert not measures.keys() & OF_CLASSES
    assert made["pngs"]["settings"]["features"] == "MNIST"
    assert made["arrays"]["settings"]["features"] is None
    assert len(made["arrays"]["metrics"]["digits"]) == 3
    assert np.shape(made["arrays"]["metrics"]["confusion"]) == (3, 3)
    assert np.sum(made["arrays"]["metrics"]["confusion"]) == 64


def test_reconstructions_are_whole_rows_of_the_images_that_there_are():
    images = torch.rand(40, 1, 28, 28)
    trained = SimpleNamespace(
        test_set=lambda: (images, None), model=SimpleNamespace(reconstruct=lambda some: 1 - some)
    )
    picture = pictures.reconstructions(trained, 100)
    assert picture.images.shape == (2 * 32, 1, 28, 28)
    assert picture.images[16:32].equal(1 - picture.images[:16])
