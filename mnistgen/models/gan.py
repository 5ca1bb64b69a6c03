"""What every GAN here does; a model adds the rows of its two networks."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mnistgen.models.games import Game, non_saturating
from mnistgen.models.generative import ADAM, GenerativeModel
from mnistgen.models.layers import IMAGE_SHAPE, Rows, network
from mnistgen.models.mode import inference
from mnistgen.models.penalties import PENALTIES
from mnistgen.schedules import OptimizerFactory, Schedule, advance, configure, constant


def average_over_processes(gradients: Sequence[Tensor]) -> None:
    """Replace each gradient by its mean over all processes, in one exchange."""
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    means = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


class GAN(GenerativeModel):
    """A generator and a discriminator that are trained together on the same forward pass.

    Images are in [0, 1] outside; the networks see and make [-1, 1] (the paper's eq. 5).
    `discriminator_rate` is the discriminator's learning rate as a share of the generator's.
    Its batches are `real_and_fake`: "separate", or "joint", so that its batch norm does not take
    away what all fakes have in common.
    """

    monitor = "val/fid"

    def __init__(
        self,
        *,
        latent_dim: int,
        activation: str = "relu",
        batch_norm: bool = True,
        discriminator_rate: float = 1.0,
        real_and_fake: str = "separate",
        game: Game | None = None,
        optimizer: OptimizerFactory = ADAM,
        schedule: Schedule = constant,
    ) -> None:
        super().__init__(latent_dim=latent_dim, optimizer=optimizer, schedule=schedule)
        self.automatic_optimization = False
        self.discriminator_rate = discriminator_rate
        self.real_and_fake = real_and_fake
        self.game = game or non_saturating()
        self.penalty = PENALTIES[self.game.gradient_penalty]
        self.generator = network(self.generator_rows(), (latent_dim,), activation, batch_norm)
        self.generator.append(nn.Tanh())
        self.discriminator = network(
            self.discriminator_rows(), IMAGE_SHAPE, activation, batch_norm
        )

    @abstractmethod
    def generator_rows(self) -> Rows:
        """The generator's rows: (B, latent_dim) to (B, 1, 28, 28); tanh is added."""

    @abstractmethod
    def discriminator_rows(self) -> Rows:
        """The discriminator's rows: (B, 1, 28, 28) to (B, 1) logits, positive for real."""

    def latents(self, n: int) -> Tensor:
        """`n` standard normal latents, (n, latent_dim)."""
        return next(self.parameters()).new_empty(n, self.latent_dim).normal_()

    @inference
    def decode(self, z: Tensor) -> Tensor:
        """Images in [0, 1], (B, 1, 28, 28), from latents (B, latent_dim)."""
        images: Tensor = (self.generator(z) + 1) / 2
        return images

    def sample(self, n: int) -> Tensor:
        """`n` images in [0, 1], (n, 1, 28, 28)."""
        return self.decode(self.latents(n))

    def logits(self, fake: Tensor, real: Tensor) -> tuple[Tensor, ...]:
        """The discriminator's logits, (B, 1), of as many fake as real images in [-1, 1]."""
        if self.real_and_fake == "joint":
            logits: Tensor = self.discriminator(torch.cat([fake, real]))
            return logits.chunk(2)
        return self.discriminator(fake), self.discriminator(real)

    def play(self, images: Tensor) -> dict[str, Tensor]:
        """Both losses and the mean probability of real, from one pass of each network.

        `images` are real ones in [0, 1], (B, 1, 28, 28); as many fake ones stand against them.
        Where gradients are recorded, a game's penalty, with its weight, is under "penalty".
        """
        fake, real = self.generator(self.latents(len(images))), 2 * images - 1
        # Losses are in full precision, whatever the networks' products are in.
        fake_logits, real_logits = (x.type_as(images) for x in self.logits(fake, real))
        values = {
            "g_loss": self.game.generator(fake_logits),
            "d_loss": self.game.discriminator(real_logits=real_logits, fake_logits=fake_logits),
            "d_real": real_logits.sigmoid().mean(),
            "d_fake": fake_logits.sigmoid().mean(),
        }
        if self.penalty and torch.is_grad_enabled():
            # In a batch of its own, which is not to move the running statistics of batch norm
            buffers = {name: value.clone() for name, value in self.discriminator.named_buffers()}
            discriminator = partial(functional_call, self.discriminator, buffers)
            penalty = self.penalty(discriminator, real=real, fake=fake)
            values["penalty"] = self.game.penalty_weight * penalty
        return values

    def gradients(self, images: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
        """What `play` makes of images, and the gradients of the generator, then the discriminator.

        The discriminator lowers d_loss and the penalty, the generator lowers g_loss; neither
        loss's gradient reaches the other loss's network.
        """
        game = self.play(images)
        d_loss = game["d_loss"] + game["penalty"] if self.penalty else game["d_loss"]
        g_gradients = torch.autograd.grad(
            game["g_loss"], list(self.generator.parameters()), retain_graph=True
        )
        d_gradients = torch.autograd.grad(d_loss, list(self.discriminator.parameters()))
        values = {name: value.detach() for name, value in game.items()}
        return values, [*g_gradients, *d_gradients]

    def training_step(self, images: Tensor) -> dict[str, Any]:
        """Update both networks with the gradients of one pass; its values are under "values"."""
        values, gradients = self.gradients(images)
        if self.trainer.world_size > 1:
            average_over_processes(gradients)
        parameters = [*self.generator.parameters(), *self.discriminator.parameters()]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        for optimizer in self.optimizers():  # type: ignore[union-attr]  # there are two
            optimizer.step()
        advance(self.trainer, "step", self.monitor)
        return {"values": values}

    def validation_step(self, images: Tensor) -> dict[str, Any]:
        """The same losses, without a penalty, on images and noise that are not trained on."""
        return {"values": self.play(images)}

    def configure_optimizers(self) -> Any:
        """One optimizer and one schedule for each network, on a time scale of its own.

        Source: M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017.
        """
        return configure(
            [self.generator, self.discriminator],
            optimizer=self.optimizer,
            schedule=self.schedule,
            trainer=self.trainer,
            monitor=self.monitor,
            rates=[1.0, self.discriminator_rate],
        )
