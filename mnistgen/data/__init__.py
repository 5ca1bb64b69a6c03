"""MNIST and its relatives; saved configurations name the data modules by these addresses."""

from mnistgen.data.mnist import KMNIST, MNIST, FashionMNIST

__all__ = ["KMNIST", "MNIST", "FashionMNIST"]
