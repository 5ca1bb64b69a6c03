"""What every VAE here does; a model adds the rows of its two networks."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, Normal

from mnistgen.models.bounds import ELBO, Bound
from mnistgen.models.generative import ADAM, GenerativeModel
from mnistgen.models.layers import IMAGE_SHAPE, Rows, network
from mnistgen.models.mixtures import Mixture
from mnistgen.models.mode import inference
from mnistgen.schedules import OptimizerFactory, Schedule, configure, constant


class VAE(GenerativeModel):
    """A decoder p(x|z), Bernoulli a pixel, and an encoder q(z|x), a diagonal normal.

    Images are in [0, 1] throughout (the paper's eq. 6). Samples are of latents from the prior, or
    with `mixture` from so many normals that are fitted to the latents of training images.
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        activation: str = "relu",
        batch_norm: bool = True,
        mixture: int = 0,
        bound: Bound | None = None,
        optimizer: OptimizerFactory = ADAM,
        schedule: Schedule = constant,
    ) -> None:
        super().__init__(latent_dim=latent_dim, optimizer=optimizer, schedule=schedule)
        self.bound = bound or ELBO()
        self.encoder = network(self.encoder_rows(), IMAGE_SHAPE, activation, batch_norm)
        self.decoder = network(self.decoder_rows(), (latent_dim,), activation, batch_norm)
        self.mixture = Mixture(mixture, latent_dim) if mixture else None

    @property
    def monitor(self) -> str:
        """The metric that is to fall: the training's where no images are kept for validation."""
        data = getattr(self.trainer, "datamodule", None)
        return "val/loss" if getattr(data, "val_size", True) else "train/loss"

    @abstractmethod
    def encoder_rows(self) -> Rows:
        """The encoder's rows: (B, 1, 28, 28) to (B, 2 * latent_dim), mean and log-variance."""

    @abstractmethod
    def decoder_rows(self) -> Rows:
        """The decoder's rows: (B, latent_dim) to (B, 1, 28, 28) logits."""

    def prior(self) -> Distribution:
        """p(z): standard normal over (latent_dim,)."""
        zeros = next(self.parameters()).new_zeros(self.latent_dim)
        return Independent(Normal(zeros, zeros + 1, validate_args=False), 1)

    def posterior(self, images: Tensor) -> Distribution:
        """q(z|x): normals over (latent_dim,), one for each of the images (B, 1, 28, 28)."""
        mu, log_var = self.encoder(images).type_as(images).chunk(2, dim=1)
        return Independent(Normal(mu, (log_var / 2).exp(), validate_args=False), 1)

    def likelihood(self, z: Tensor) -> Distribution:
        """p(x|z): Bernoullis over (1, 28, 28), one for each of the latents (..., latent_dim).

        For grey pixels its log-density is the paper's cross-entropy, not a likelihood.
        """
        logits = self.decoder(z.flatten(0, -2)).unflatten(0, z.shape[:-1]).type_as(z)
        return Independent(Bernoulli(logits=logits, validate_args=False), 3)

    @inference
    def decode(self, z: Tensor) -> Tensor:
        """Mean images in [0, 1], (B, 1, 28, 28), from latents (B, latent_dim)."""
        return self.likelihood(z).mean

    def latents(self, n: int) -> Tensor:
        """`n` latents that are drawn, (n, latent_dim)."""
        source = self.prior() if self.mixture is None else self.mixture.distribution()
        return source.sample((n,))

    def sample(self, n: int) -> Tensor:
        """`n` mean images in [0, 1], (n, 1, 28, 28)."""
        return self.decode(self.latents(n))

    @inference
    def fit_mixture(self, images: Tensor) -> None:
        """Fit the mixture to a draw of the latents of each of the images, (N, 1, 28, 28)."""
        assert self.mixture is not None
        draws = [self.posterior(batch).sample() for batch in torch.split(images, 500)]
        self.mixture.fit(torch.cat(draws))

    @inference
    def reconstruct(self, images: Tensor) -> Tensor:
        """Each image (B, 1, 28, 28), encoded to the posterior's mean and decoded."""
        return self.decode(self.posterior(images).mean)

    @inference
    def log_weights(self, images: Tensor, k: int) -> Tensor:
        """The log-ratio of p(x, z) to q(z|x) for `k` draws from q for each image, in nats: (k, B).

        Their log-mean-exp over k is a lower bound of log p(x) that rises with k.
        Source: Y. Burda et al., "Importance Weighted Autoencoders", 2016, eq. 8.
        """
        posterior, prior = self.posterior(images), self.prior()
        z = posterior.sample((k,))
        log_likelihood = self.likelihood(z).log_prob(images)
        return log_likelihood + prior.log_prob(z) - posterior.log_prob(z)

    def terms(self, images: Tensor) -> dict[str, Tensor]:
        """What the bound makes of images: the `loss` and its terms (nats an image)."""
        return self.bound(self, images)

    def training_step(self, images: Tensor) -> dict[str, Any]:
        """The loss to be minimised, under "loss", and it and its terms under "values"."""
        terms = self.terms(images)
        return {"loss": terms["loss"], "values": terms}

    validation_step = training_step  # the same, on images that are not trained on

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a schedule that goes by the batch; Lightning is too late for the others."""
        if metric is None:
            scheduler.step()

    def configure_optimizers(self) -> Any:
        """One optimizer and one schedule for both networks."""
        return configure(
            [self],
            optimizer=self.optimizer,
            schedule=self.schedule,
            trainer=self.trainer,
            monitor=self.monitor,
        )[0]
