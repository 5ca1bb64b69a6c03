"""The data sets; saved configurations name the data modules by these addresses."""

from mnistgen.data.arrays import ArrayFile
from mnistgen.data.downloads import EMNIST, QMNIST, USPS
from mnistgen.data.images import ImageFolder
from mnistgen.data.mnist import KMNIST, MNIST, FashionMNIST

__all__ = [
    "EMNIST",
    "KMNIST",
    "MNIST",
    "QMNIST",
    "USPS",
    "ArrayFile",
    "FashionMNIST",
    "ImageFolder",
]
