import logging
import subprocess
import sys
import threading
import time

import pytest
import torch

from mnistgen.data import MNIST
from mnistgen.data.module import Arrays
from mnistgen.errors import UserError
from mnistgen.metrics.lenet import weights
from mnistgen.metrics.lenet.network import LeNet, accuracy, classify, extract
from mnistgen.metrics.lenet.weights import load, shift, train


class Tiny(MNIST):
    """Another data set than MNIST."""

    def arrays(self):
        return self.held


@pytest.fixture
def tiny(tmp_path, arrays):
    dataset = Tiny(root=str(tmp_path), batch_size=128, val_size=0, binarize="none", seed=1)
    dataset.held = Arrays(*(array[:300] for array in arrays[:4]), "0123456789abcdef")
    return dataset


def same(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_committed_weights_read_the_test_set(arrays, dataset):
    lenet, sha256 = load(dataset)
    share = accuracy(lenet, arrays.test_images.unsqueeze(1) / 255, arrays.test_labels)
    assert share >= 0.992
    assert sha256 == weights.MNIST_SHA256
    assert not lenet.training
    assert weights.MNIST_WEIGHTS.stat().st_size < 1_000_000


def test_features_and_logits_belong_together(lenet):
    images = torch.rand(1_001, 1, 28, 28)
    features = extract(lenet, images)
    assert features.shape == (1_001, lenet.num_features)
    assert not features.requires_grad
    with torch.no_grad():
        expected = lenet(images).softmax(1)
    torch.testing.assert_close(classify(lenet, features), expected)


def test_nothing_is_read_where_there_is_no_digit(lenet, arrays):
    noise = torch.rand(200, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    mean = arrays.train_images.float().mean(0).view(1, 1, 28, 28) / 255
    images = torch.cat([noise, mean, torch.zeros_like(mean), torch.ones_like(mean)])
    assert classify(lenet, extract(lenet, images)).max() < 0.5


def test_changed_weights_are_refused(tmp_path, monkeypatch, dataset):
    content = bytearray(weights.MNIST_WEIGHTS.read_bytes())
    content[-1] ^= 1
    changed = tmp_path / "changed.safetensors"
    changed.write_bytes(content)
    monkeypatch.setattr(weights, "MNIST_WEIGHTS", changed)
    with pytest.raises(UserError, match="SHA-256"):
        load(dataset)


def test_missing_weights_are_named(tmp_path, monkeypatch, dataset):
    monkeypatch.setattr(weights, "MNIST_WEIGHTS", tmp_path / "nowhere.safetensors")
    with pytest.raises(UserError, match=r"nowhere\.safetensors"):
        load(dataset)


def test_training_learns_and_repeats(arrays):
    images, labels = arrays.train_images[:1_500], arrays.train_labels[:1_500]
    state = torch.get_rng_state()
    first = train(images, labels, epochs=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(first, train(images, labels, epochs=4))
    assert not same(first, train(images, labels, epochs=1, seed=2))
    test = arrays.test_images[:1_000].unsqueeze(1) / 255
    assert accuracy(first, test, arrays.test_labels[:1_000]) > 0.8


def test_shifts_move_whole_images_by_up_to_two_pixels():
    images = torch.zeros(200, 28, 28, dtype=torch.uint8)
    images[:, 10, 15] = 7
    with torch.random.fork_rng():
        torch.manual_seed(0)
        moved = shift(images)
    positions = moved.nonzero()
    assert torch.equal(positions[:, 0], torch.arange(200))
    assert (moved.sum((1, 2)) == 7).all()
    offsets = positions[:, 1:] - torch.tensor([10, 15])
    assert {tuple(offset) for offset in offsets.tolist()} == {
        (down, across) for down in range(-2, 3) for across in range(-2, 3)
    }


def test_blends_are_a_digit_by_its_share_and_anything_else_by_the_rest():
    digits = torch.zeros(600, 1, 28, 28)
    digits[:, :, 10:18, 10:18] = 1
    with torch.random.fork_rng():
        torch.manual_seed(0)
        images, share = weights.blend(digits, digits[0, 0] / 2)
    assert len(images) == len(share) == 5 * len(digits)
    assert (share == 0).double().mean() == pytest.approx(1 / 3, abs=0.03)
    assert 0.99 < share.max() < 1
    assert 0 <= images.min() < images.max() <= 1
    black = slice(3 * len(digits), 4 * len(digits))
    assert torch.equal(images[black], share[black].view(-1, 1, 1, 1) * digits)
    bare = images[4 * len(digits) :][share[4 * len(digits) :] == 0]
    assert (bare.sum((1, 2, 3)) == 64 / 2).all()  # the mean image, moved


def test_of_two_processes_one_trains(tiny, monkeypatch):
    def slowly(dataset, path):
        trained.append(path)
        time.sleep(1)
        weights.write_atomically(path, weights.MNIST_WEIGHTS.read_bytes())
        return 1.0

    trained = []
    monkeypatch.setattr(weights, "write", slowly)
    threads = [threading.Thread(target=load, args=[tiny]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trained) == 1


def test_other_data_train_their_own_once(tiny, caplog):
    caplog.set_level(logging.INFO)
    first, sha256 = load(tiny)
    assert "Tiny" in caplog.text
    made = {path.name for path in tiny.root.iterdir()}
    version = weights.MNIST_SHA256[:8]  # a network of another one is never taken for it
    assert made == {".lock", f"lenet-tiny-01234567-{version}.safetensors"}
    caplog.clear()
    again, sha256_again = load(tiny)
    assert not caplog.text
    assert same(first, again)
    assert sha256 == sha256_again != weights.MNIST_SHA256


def test_damaged_cache_is_named(tiny):
    path = weights.weights_path(tiny)
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match=path.name):
        load(tiny)


def test_cache_that_cannot_be_written_is_named(tiny, monkeypatch):
    tiny.feature_folder = tiny.root / "file"
    tiny.feature_folder.touch()
    monkeypatch.setattr(weights, "train", lambda *_, **__: LeNet())
    with pytest.raises(UserError, match="cannot be written"):
        load(tiny)


def test_unknown_data_set_is_one_line():
    command = [sys.executable, "-m", "mnistgen.metrics.lenet", "data=nonsense"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: data=nonsense")
    assert result.stderr.count("\n") == 1
