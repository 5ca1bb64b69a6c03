"""The project's networks in the layers of others: torch's own, and Keras's."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from mnistgen.models.layers import ConvTranspose2d, Flatten, Reshape


def stock_networks(networks: Iterable[nn.Module]) -> list[Any]:
    """Copies in torch's own layers, with the same weights in its order, channels first."""
    copies: Any = copy.deepcopy(list(networks))
    for network in copies:
        channels = 1
        for i, layer in enumerate(network):
            match layer:
                case nn.Conv2d():
                    channels = layer.out_channels
                case ConvTranspose2d():
                    layer.__class__ = nn.ConvTranspose2d  # the two differ in `forward` only
                case Flatten():
                    network[i] = nn.Flatten()
                    weight = network[i + 1].weight
                    maps = weight.data.unflatten(1, (-1, channels))
                    weight.data = maps.transpose(1, 2).flatten(1)
                case Reshape(shape=(height, width, depth)):
                    network[i] = nn.Unflatten(1, (depth, height, width))
                    for values in network[:i].parameters():
                        if len(values) == height * width * depth:
                            maps = values.data.unflatten(0, (height * width, depth))
                            values.data = maps.transpose(0, 1).flatten(0, 1)
        network.to(memory_format=torch.contiguous_format)
    return copies


def is_gan(networks: Sequence[Any]) -> bool:
    """Whether the first network is a generator, which ends in a tanh."""
    return isinstance(networks[0][-1], nn.Tanh)


def keras_layers(network: nn.Sequential) -> Iterator[tuple[str, dict[str, Any]]]:
    """The classes of Keras's layers that make the same network, with their arguments."""
    is_flat = isinstance(network[0], nn.Linear)
    yield "Input", {"shape": [network[0].in_features] if is_flat else [28, 28, 1]}
    for layer in network:
        match layer:
            case nn.Linear():
                yield "Dense", {"units": layer.out_features}
            case nn.Conv2d() | nn.ConvTranspose2d():
                kind = "Conv2DTranspose" if layer.transposed else "Conv2D"
                sizes = {"kernel_size": layer.kernel_size, "strides": layer.stride}
                yield kind, {"filters": layer.out_channels, **sizes, "padding": "same"}
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                yield "BatchNormalization", {"momentum": 1 - layer.momentum, "epsilon": layer.eps}
            case Flatten():
                yield "Flatten", {}
            case Reshape():
                yield "Reshape", {"target_shape": layer.shape}
            case _:
                yield "Activation", {"activation": type(layer).__name__.lower()}
