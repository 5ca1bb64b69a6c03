import pytest
import torch

from mnistgen.data import MNIST
from mnistgen.metrics.lenet import weights
from mnistgen.metrics.quality import Reference


@pytest.fixture(scope="session")
def dataset():
    return MNIST(root=None, batch_size=128, val_size=0, binarize="none", seed=1)


@pytest.fixture(scope="session")
def arrays(dataset):
    return dataset.arrays()


@pytest.fixture(scope="session")
def lenet(dataset):
    return weights.load(dataset)[0]


@pytest.fixture(scope="session")
def train_images(arrays):
    return arrays.train_images[:20_000].unsqueeze(1) / 255


@pytest.fixture(scope="session")
def reference(arrays, train_images, lenet):
    test_images = arrays.test_images[::5].unsqueeze(1) / 255
    return Reference(test_images, arrays.test_labels[::5], train_images, lenet)


@pytest.fixture
def random():
    return torch.Generator().manual_seed(0)
