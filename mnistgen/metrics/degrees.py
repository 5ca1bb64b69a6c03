"""FID of real images that are spoilt by degrees: a scale for failures has no flat part there."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mnistgen.metrics import quality
from mnistgen.metrics.lenet.network import LeNet, extract
from mnistgen.seeds import stream

SHARES = [tenth / 10 for tenth in range(11)]  # of a real image in a blend
BOXES = [1, 3, 5]  # pixels along the side of the box that each pixel becomes the mean of
NOISES = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]  # standard deviations of noise that is added

Curves = dict[str, list[tuple[float, float]]]
"""Degrees, each with its FID, by what was done to the images."""


def blends(lenet: LeNet, images: Tensor, mean: Tensor) -> Curves:
    """FID of a * x + (1 - a) * other to the real images x, (N, 1, 28, 28), for a from 0 to 1.

    `mean` is the mean training image, (1, 28, 28); each image has pixels shuffled in its own way.
    """
    generator = torch.Generator().manual_seed(stream(0, "degrees"))
    noise = torch.rand(images.shape, generator=generator)
    order = torch.rand(len(images), 28 * 28, generator=generator).argsort(1)
    others = {
        "noise": noise,
        "black": torch.zeros_like(images),
        "the mean image": mean.expand_as(images),
        "shuffled pixels": images.flatten(1).gather(1, order).view_as(images),
    }
    return {
        name: _curve(lenet, images, SHARES, lambda a, x, other=other: torch.lerp(other, x, a))
        for name, other in others.items()
    }


def damages(lenet: LeNet, images: Tensor) -> Curves:
    """FID of blurred images, and of images with normal noise, to the real ones."""
    generator = torch.Generator().manual_seed(stream(0, "degrees"))
    noise = torch.randn(images.shape, generator=generator)
    return {
        "blur": _curve(lenet, images, BOXES, lambda box, x: F.avg_pool2d(x, box, 1, box // 2)),
        "added noise": _curve(lenet, images, NOISES, lambda sd, x: (x + sd * noise).clamp(0, 1)),
    }


def _curve(
    lenet: LeNet, images: Tensor, degrees: Sequence[float], change: Callable[..., Tensor]
) -> list[tuple[float, float]]:
    real = extract(lenet, images)
    return [(d, quality.fid(real, extract(lenet, change(d, images)))) for d in degrees]
