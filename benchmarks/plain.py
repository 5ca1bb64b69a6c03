"""The paper's five models in PyTorch's stock layers and order of memory."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn


class Networks(NamedTuple):
    """Generator and discriminator, or encoder and decoder; logits out, but for the generator."""

    first: nn.Module
    second: nn.Module
    latent_dim: int

    @property
    def is_gan(self) -> bool:
        """Whether the first is a generator, which ends in a tanh."""
        return isinstance(self.first[-1], nn.Tanh)


def mlp(*sizes: int) -> list[nn.Module]:
    layers = []
    for n, m in pairwise(sizes[:-1]):
        layers += [nn.Linear(n, m), nn.BatchNorm1d(m), nn.ReLU()]
    return [*layers, nn.Linear(*sizes[-2:])]


def conv(n: int, m: int) -> list[nn.Module]:
    return [nn.Conv2d(n, m, 5, stride=2, padding=2), nn.BatchNorm2d(m), nn.ReLU()]


def up(n: int, m: int, stride: int) -> list[nn.Module]:
    last = nn.ConvTranspose2d(n, m, 5, stride, padding=2, output_padding=stride - 1)
    return [last] if m == 1 else [last, nn.BatchNorm2d(m), nn.ReLU()]


def image() -> nn.Module:
    return nn.Unflatten(1, (1, 28, 28))


def project(latent_dim: int) -> list[nn.Module]:
    """Latents to 128 feature maps of 7 x 7."""
    n = 128 * 7 * 7
    return [
        nn.Linear(latent_dim, n), nn.BatchNorm1d(n), nn.ReLU(), nn.Unflatten(1, (128, 7, 7)),
    ]  # fmt: skip


def convolutions(outputs: int) -> list[nn.Module]:
    """Images to `outputs` numbers, by way of 128 feature maps of 4 x 4."""
    return [
        *conv(1, 32), *conv(32, 64), *conv(64, 128), nn.Flatten(), nn.Linear(128 * 4 * 4, outputs)
    ]  # fmt: skip


def densegan() -> Networks:
    generator = nn.Sequential(*mlp(10, 100, 300, 600, 784), image(), nn.Tanh())
    discriminator = nn.Sequential(nn.Flatten(), *mlp(784, 600, 300, 100, 1))
    return Networks(generator, discriminator, 10)


def densegan_deep() -> Networks:
    generator = nn.Sequential(*mlp(392, 100, 200, 300, 400, 500, 600, 784), image(), nn.Tanh())
    discriminator = nn.Sequential(nn.Flatten(), *mlp(784, 600, 500, 400, 300, 200, 100, 1))
    return Networks(generator, discriminator, 392)


def cnngan() -> Networks:
    generator = nn.Sequential(
        *project(10), *up(128, 64, 2), *up(64, 32, 1), *up(32, 1, 2), nn.Tanh()
    )
    return Networks(generator, nn.Sequential(*convolutions(1)), 10)


def densevae() -> Networks:
    encoder = nn.Sequential(nn.Flatten(), *mlp(784, 600, 300, 100, 50, 2 * 4))
    decoder = nn.Sequential(*mlp(4, 50, 100, 300, 600, 784), image())
    return Networks(encoder, decoder, 4)


def cnnvae() -> Networks:
    decoder = nn.Sequential(
        *project(10), *up(128, 64, 2), *up(64, 32, 1), *up(32, 16, 2), *up(16, 1, 1)
    )
    return Networks(nn.Sequential(*convolutions(2 * 10)), decoder, 10)


MODELS = {
    "densegan": densegan,
    "densegan_deep": densegan_deep,
    "cnngan": cnngan,
    "densevae": densevae,
    "cnnvae": cnnvae,
}


def copy_weights(networks: Networks, model: nn.Module) -> None:
    """Give stock networks the weights of the project's model, in the stock order of maps."""
    first = torch.arange(7 * 7 * 128).view(7, 7, 128).permute(2, 0, 1).flatten()
    last = torch.arange(4 * 4 * 128).view(4, 4, 128).permute(2, 0, 1).flatten()
    with torch.no_grad():
        for stock, ours in zip(networks[:2], model.children(), strict=True):
            for parameter, source in zip(stock.parameters(), ours.parameters(), strict=True):
                value = source
                if len(source) == len(first):
                    value = source[first]
                elif source.dim() == 2 and source.shape[1] == len(last):
                    value = source[:, last]
                assert value.shape == parameter.shape
                parameter.copy_(value)
