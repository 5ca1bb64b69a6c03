from types import SimpleNamespace

import pytest
import scipy.linalg
import torch

from mnistgen.data.module import data_module
from mnistgen.metrics.lenet import network, weights
from mnistgen.models import DenseVAE
from mnistgen.training.fid import SAMPLES, FIDMonitor
from mnistgen.training.session import train


@pytest.fixture
def data(composed):
    return data_module(composed())


def test_fid_is_that_of_2000_samples_against_the_validation_images(data):
    images = data.arrays().train_images.unsqueeze(1) / 255
    samples = iter(images[:SAMPLES].split(500))  # a generator that copies what it was shown
    model = SimpleNamespace(sample=lambda n: next(samples)[:n])
    found = FIDMonitor(every=1, seed=1).quality(SimpleNamespace(datamodule=data), model)
    assert next(samples, None) is None

    lenet, _ = weights.load(data)
    real, fake = (
        network.extract(lenet, part).double() for part in (images[-5000:], images[:SAMPLES])
    )
    sliver = 1e-9 * torch.eye(real.shape[1])  # sqrtm needs a regular product; some features are 0
    root = scipy.linalg.sqrtm(((real.T.cov() + sliver) @ (fake.T.cov() + sliver)).numpy()).real
    expected = (real.mean(0) - fake.mean(0)).square().sum() + (
        real.T.cov() + fake.T.cov() - 2 * torch.from_numpy(root)
    ).trace()
    assert found["val/fid"] == pytest.approx(expected.item(), rel=1e-6)
    read = lenet(images[:SAMPLES]).softmax(1).amax(1) >= 0.9
    assert found["val/readable"] == pytest.approx(read.double().mean().item())


def test_nothing_is_read_where_no_class_has_a_name(data):
    unlabelled = data.arrays()._replace(train_labels=None, test_labels=None)
    data.arrays = lambda: unlabelled
    trainer, model = SimpleNamespace(datamodule=data), DenseVAE(latent_dim=4)
    assert FIDMonitor(every=1, seed=1).quality(trainer, model).keys() == {"val/fid"}


def test_measuring_is_repeatable_and_leaves_the_random_state_alone(data):
    trainer, model = SimpleNamespace(datamodule=data), DenseVAE(latent_dim=4)
    monitor = FIDMonitor(every=1, seed=1)
    state = torch.get_rng_state()
    assert monitor.quality(trainer, model) == monitor.quality(trainer, model)
    assert torch.get_rng_state().equal(state)


@pytest.mark.parametrize(("val_size", "images"), [(2000, 2000), (100, 10_000), (0, 10_000)])
def test_the_reference_is_the_validation_set_or_the_tail(data, val_size, images):
    data.val_size = val_size
    monitor = FIDMonitor(every=1, seed=1)
    monitor.quality(SimpleNamespace(datamodule=data), DenseVAE(latent_dim=4))
    assert monitor.reference.shape == (images, 64)


def test_it_is_measured_every_so_many_epochs_and_at_the_last(new_run):
    run = new_run(
        "model=densegan", "trainer.max_epochs=5", "trainer.quality_every=2",
        "trainer.limit_train_batches=2", "trainer.limit_val_batches=1",
    )  # fmt: skip
    train(run)
    assert [row["epoch"] for row in run.metrics() if "val/fid" in row] == [2, 4, 5]
