"""The columns of bare PyTorch loops: over the project's networks, and over torch's own layers."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.clock import Clock
from benchmarks.project import Job, batches
from benchmarks.stock import is_gan, stock_networks

Losses = dict[str, Tensor]


def gan_losses(generator: Any, discriminator: Any, images: Tensor) -> Losses:
    """The losses of generator and discriminator in nats, from one pass of each network."""
    fake = generator(images.new_empty(len(images), generator[0].in_features).normal_())
    fake_logits = discriminator(fake).type_as(images)
    real_logits = discriminator(2 * images - 1).type_as(images)
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    return {"g_loss": F.softplus(-fake_logits).mean(), "d_loss": d_loss}


def vae_losses(encoder: Any, decoder: Any, images: Tensor) -> Losses:
    """-ELBO in nats an image, the one loss of both networks."""
    mu, log_var = encoder(images).type_as(images).chunk(2, dim=1)
    z = mu + (log_var / 2).exp() * torch.randn_like(mu)
    logits = decoder(z).type_as(images)
    reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    kl = (mu.square() + log_var.exp() - log_var - 1).sum() / 2
    return {"loss": (reconstruction + kl) / len(images)}


def make_step(
    networks: Sequence[Any], optimizer: Callable[..., Any], precision: str = "32-true"
) -> Callable[[Tensor], Losses]:
    """An update of a GAN's or a VAE's networks on images in [0, 1], (B, 1, 28, 28)."""
    loss_function = gan_losses if is_gan(networks) else vae_losses
    parameters = [list(network.parameters()) for network in networks]
    groups = parameters if is_gan(networks) else [parameters[0] + parameters[1]]
    optimizers = [optimizer(group) for group in groups]

    def step(images: Tensor) -> Losses:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            losses = loss_function(*networks, images)
        for each in optimizers:
            each.zero_grad()
        for loss, group in zip(losses.values(), groups, strict=True):
            loss.backward(inputs=group, retain_graph=len(groups) > 1)
        for each in optimizers:
            each.step()
        return {name: loss.detach() for name, loss in losses.items()}

    return step


def stock_step(networks: Sequence[Any], lr: float) -> Callable[[Tensor], Losses]:
    """An update of stock networks in single precision, channels-last, with fused Adam."""
    for network in networks:
        network.to(memory_format=torch.channels_last)
    return make_step(networks, functools.partial(torch.optim.Adam, lr=lr, fused=True))


def run_project_networks(job: Job, clock: Clock) -> None:
    """Train the project's networks in its precision, with its optimizer."""
    optimizer, precision = job.optimizer()
    train(make_step(job.networks(), optimizer, precision), job, clock, precision)


def run_stock_networks(job: Job, clock: Clock) -> None:
    """Train torch's own layers as fast as single precision allows."""
    lr = job.config()["optim"]["lr"]
    train(stock_step(stock_networks(job.networks()), lr), job, clock, "32-true")


def train(step: Callable[[Tensor], Any], job: Job, clock: Clock, precision: str) -> None:
    """Take the steps of each block on the project's batches, from bytes in memory."""
    data = job.data()
    while True:
        epoch = batches(data, clock.begin(precision))
        clock.mark("start")
        for indices in epoch[: clock.steps]:
            step(data.train[indices] / 255)
            clock.step()
