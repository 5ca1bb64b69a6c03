"""The bounds of the likelihood that a VAE raises, each as a loss that is to fall."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

if TYPE_CHECKING:
    from mnistgen.models.vae import VAE

Bound = Callable[["VAE", Tensor], dict[str, Tensor]]
"""Of a VAE and images in [0, 1], (B, 1, 28, 28): "loss", to be minimised, and its terms.

A bound whose loss is not "reconstruction" plus "kl" says "elbo", too, which is minus their sum.
"""


def closed_form(z: Tensor, *, posterior: Distribution, prior: Distribution) -> Tensor:
    """The KL of each latent dimension, (B, latent_dim), whatever the draw `z` of them.

    Source: D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", 2014, appendix B.
    """
    return kl_divergence(posterior, prior)


def monte_carlo(z: Tensor, *, posterior: Distribution, prior: Distribution) -> Tensor:
    """An estimate of the same from the draw `z`, which is right on average.

    Source: N. K. Gaikwad, "GAN and VAE for MNIST", 2020, eq. 3 with the log-densities of eq. 4.
    """
    return posterior.log_prob(z) - prior.log_prob(z)


KL = {"closed_form": closed_form, "monte_carlo": monte_carlo}
"""How the KL of each latent dimension is found, by the name that an option has for it."""


def free(kl: Tensor, nats: float) -> Tensor:
    """The KL (B, latent_dim) as a loss in which each dimension has `nats` for free.

    It is the sum over dimensions of max(`nats`, mean over the batch).
    Source: D. P. Kingma et al., "Improving Variational Inference with Inverse Autoregressive
    Flow", 2016, eq. 15, where each dimension is a subset of the latents.
    """
    return kl.mean(0).clamp(min=nats).sum()


class ELBO:
    """-ELBO and its terms (nats an image), from one draw of the latents.

    `beta` weighs the KL: I. Higgins et al., "beta-VAE", 2017, eq. 4. With `free_bits`, each
    dimension has so many nats for free; 0 is none, for an estimate may be below 0.
    """

    def __init__(self, kl: str = "closed_form", beta: float = 1.0, free_bits: float = 0.0) -> None:
        self.divergence = KL[kl]
        self.beta = beta
        self.free_bits = free_bits

    def __call__(self, vae: "VAE", images: Tensor) -> dict[str, Tensor]:
        posterior, prior = vae.posterior(images), vae.prior()
        z = posterior.rsample()
        reconstruction = -vae.likelihood(z).log_prob(images).mean()
        each = self.divergence(z, posterior=_dimensions(posterior), prior=_dimensions(prior))
        kl = each.sum(1).mean()
        terms = {"reconstruction": reconstruction, "kl": kl}
        if self.beta == 1 and not self.free_bits:
            return {"loss": reconstruction + kl, **terms}
        penalty = free(each, self.free_bits) if self.free_bits else kl
        loss = reconstruction + self.beta * penalty
        return {"loss": loss, "elbo": -reconstruction - kl, **terms}


class IWAE:
    """Minus the bound of `k` importance weights, and the ELBO of the same draws (nats an image).

    One pass of the decoder sees all draws, and the gradient goes through them.
    Source: Y. Burda et al., "Importance Weighted Autoencoders", 2016, eq. 8.
    """

    def __init__(self, k: int = 5) -> None:
        self.k = k

    def __call__(self, vae: "VAE", images: Tensor) -> dict[str, Tensor]:
        posterior, prior = vae.posterior(images), vae.prior()
        z = posterior.rsample((self.k,))
        log_likelihood = vae.likelihood(z).log_prob(images)
        log_weights = log_likelihood + prior.log_prob(z) - posterior.log_prob(z)
        loss = math.log(self.k) - log_weights.logsumexp(0).mean()
        reconstruction, kl = -log_likelihood.mean(), kl_divergence(posterior, prior).mean()
        elbo = -reconstruction - kl
        return {"loss": loss, "elbo": elbo, "reconstruction": reconstruction, "kl": kl}


def _dimensions(latents: Distribution) -> Distribution:
    """The normals, one for each dimension, whose product a distribution of latents is."""
    return cast("Independent[Normal]", latents).base_dist
