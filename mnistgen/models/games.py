"""The games that a GAN's two networks play: what each of them makes low."""

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Game(NamedTuple):
    """The losses of both networks, of logits (B, 1) that are positive for a real image.

    `discriminator` takes real_logits and fake_logits by name; `generator` takes the fake ones.
    """

    discriminator: Callable[..., Tensor]
    generator: Callable[[Tensor], Tensor]


def discriminator_loss(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Cross-entropy of telling real from fake, in nats: that on real plus that on fake images.

    Source: I. Goodfellow et al., "Generative Adversarial Networks", 2014, eq. 1, negated.
    """
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Cross-entropy of passing for real, in nats (the non-saturating form).

    Source: I. Goodfellow et al., "Generative Adversarial Networks", 2014, section 3.
    """
    return F.softplus(-fake_logits).mean()


def non_saturating() -> Game:
    """The paper's game."""
    return Game(discriminator_loss, generator_loss)
