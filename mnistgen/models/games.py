"""The games that a GAN's two networks play: what each of them makes low."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Game(NamedTuple):
    """The losses of both networks, of logits (B, 1) that are high for a real image.

    `discriminator` takes real_logits and fake_logits by name; `generator` takes the fake ones.
    To its own loss the discriminator adds `penalty_weight` times a penalty: none, r1 or wgan_gp.
    """

    discriminator: Callable[..., Tensor]
    generator: Callable[[Tensor], Tensor]
    gradient_penalty: str = "none"
    penalty_weight: float = 1.0


def discriminator_cross_entropy(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Cross-entropy of telling real from fake, in nats: that on real plus that on fake images.

    Source: I. Goodfellow et al., "Generative Adversarial Networks", 2014, eq. 1, negated.
    """
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def generator_cross_entropy(fake_logits: Tensor) -> Tensor:
    """Cross-entropy of passing for real, in nats (the non-saturating form).

    Source: I. Goodfellow et al., "Generative Adversarial Networks", 2014, section 3.
    """
    return F.softplus(-fake_logits).mean()


def generator_minimax(fake_logits: Tensor) -> Tensor:
    """Log-probability of being found out, in nats, which is never above 0.

    Source: I. Goodfellow et al., "Generative Adversarial Networks", 2014, eq. 1.
    """
    return -F.softplus(fake_logits).mean()


def discriminator_squares(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Half the squared distance of real logits to 1, plus half that of fake ones to -1.

    Source: X. Mao et al., "Least Squares Generative Adversarial Networks", 2017, eq. 8.
    """
    return ((real_logits - 1).square().mean() + (fake_logits + 1).square().mean()) / 2


def generator_squares(fake_logits: Tensor) -> Tensor:
    """Half the squared distance of fake logits to 0, which is between real and fake.

    Source: X. Mao et al., "Least Squares Generative Adversarial Networks", 2017, eq. 8.
    """
    return fake_logits.square().mean() / 2


def discriminator_hinge(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """How far real logits are below 1, plus how far fake ones are above -1.

    Source: J. H. Lim and J. C. Ye, "Geometric GAN", 2017.
    """
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def discriminator_difference(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """The mean of fake minus that of real logits: their Wasserstein distance, negated.

    It is one where the discriminator's slope is at most 1, which a gradient penalty sees to.
    Source: M. Arjovsky et al., "Wasserstein GAN", 2017, eq. 2.
    """
    return fake_logits.mean() - real_logits.mean()


def generator_mean(fake_logits: Tensor) -> Tensor:
    """The mean of the fake logits, negated.

    Source: J. H. Lim and J. C. Ye, 2017, and M. Arjovsky et al., 2017, algorithm 1.
    """
    return -fake_logits.mean()


non_saturating = partial(Game, discriminator_cross_entropy, generator_cross_entropy)
"""The paper's game."""

minimax = partial(Game, discriminator_cross_entropy, generator_minimax)
least_squares = partial(Game, discriminator_squares, generator_squares)
hinge = partial(Game, discriminator_hinge, generator_mean)
wasserstein = partial(Game, discriminator_difference, generator_mean)
