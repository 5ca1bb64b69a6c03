"""The bounds of the likelihood that a VAE raises, each as a loss that is to fall."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor
from torch.distributions import Distribution, kl_divergence

if TYPE_CHECKING:
    from mnistgen.models.vae import VAE

Bound = Callable[["VAE", Tensor], dict[str, Tensor]]
"""Of a VAE and images in [0, 1], (B, 1, 28, 28): "loss", to be minimised, and its terms."""


def negative_elbo(
    images: Tensor, *, likelihood: Distribution, posterior: Distribution, prior: Distribution
) -> tuple[Tensor, Tensor]:
    """The two terms of -ELBO, reconstruction and KL: nats an image, averaged over the batch.

    `likelihood` is that of `images` given one draw from `posterior`; the KL is in closed form.
    Source: D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", 2014, eq. 7.
    """
    return -likelihood.log_prob(images).mean(), kl_divergence(posterior, prior).mean()


class ELBO:
    """-ELBO and its terms (nats an image), from one draw of the latents."""

    def __call__(self, vae: "VAE", images: Tensor) -> dict[str, Tensor]:
        posterior = vae.posterior(images)
        likelihood = vae.likelihood(posterior.rsample())
        reconstruction, kl = negative_elbo(
            images, likelihood=likelihood, posterior=posterior, prior=vae.prior()
        )
        return {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}
