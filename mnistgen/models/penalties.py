"""Penalties on the gradient of a discriminator's logits in the images, which keep it smooth."""

from collections.abc import Callable

import torch
from torch import Tensor

Discriminator = Callable[[Tensor], Tensor]


def gradients(discriminator: Discriminator, images: Tensor) -> Tensor:
    """The gradient of each logit in its image, (B, pixels), which can be differentiated again.

    With batch norm a logit depends on all images of its batch: it is the gradient of their sum.
    """
    images = images.detach().requires_grad_()
    logits = discriminator(images)
    return torch.autograd.grad(logits.sum(), images, create_graph=True)[0].flatten(1)


def r1(discriminator: Discriminator, *, real: Tensor, fake: Tensor) -> Tensor:
    """Half the squared norm of the gradient in the real images, averaged over them.

    Source: L. Mescheder et al., "Which Training Methods for GANs do actually Converge?", 2018,
    eq. 9, without its weight.
    """
    return gradients(discriminator, real).square().sum(1).mean() / 2


def wgan_gp(discriminator: Discriminator, *, real: Tensor, fake: Tensor) -> Tensor:
    """The squared distance of the gradient's norm to 1, at random points between real and fake.

    Source: I. Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, eq. 3, without its
    weight.
    """
    points = fake.type_as(real).lerp(real, torch.rand_like(real[:, :1, :1, :1]))
    norms: Tensor = torch.linalg.vector_norm(gradients(discriminator, points), dim=1)
    return (norms - 1).square().mean()


PENALTIES = {"none": None, "r1": r1, "wgan_gp": wgan_gp}
"""What `gradient_penalty` of a game may be."""
