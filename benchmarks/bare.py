"""Column c: a bare PyTorch loop over the project's own networks, with its numerics."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmarks.blocks import Blocks
from benchmarks.job import Job, data_module, order
from mnistgen.config import build
from mnistgen.seeds import stream
from mnistgen.train import choose_precision

Step = Callable[[Tensor], dict[str, Tensor]]
"""An update on images in [0, 1], (B, 1, 28, 28), that returns the losses it was made from."""

MakeOptimizer = Callable[[Sequence[nn.Parameter]], Optimizer]


def gan_step(
    generator: nn.Module,
    discriminator: nn.Module,
    latent_dim: int,
    make: MakeOptimizer,
    bf16: bool,
) -> Step:
    """Update both networks on the losses of one pass of each."""
    ours = list(discriminator.parameters()), list(generator.parameters())
    optimizers = [make(parameters) for parameters in ours]

    def step(images: Tensor) -> dict[str, Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            fake = generator(images.new_empty(len(images), latent_dim).normal_())
            fake_logits = discriminator(fake).type_as(images)
            real_logits = discriminator(2 * images - 1).type_as(images)
        d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        g_loss = F.softplus(-fake_logits).mean()
        gradients = [
            torch.autograd.grad(d_loss, ours[0], retain_graph=True),
            torch.autograd.grad(g_loss, ours[1]),
        ]
        for optimizer, parameters, values in zip(optimizers, ours, gradients, strict=True):
            for parameter, gradient in zip(parameters, values, strict=True):
                parameter.grad = gradient
            optimizer.step()
        return {"g_loss": g_loss.detach(), "d_loss": d_loss.detach()}

    return step


def vae_step(encoder: nn.Module, decoder: nn.Module, make: MakeOptimizer, bf16: bool) -> Step:
    """Update both networks on -ELBO."""
    optimizer = make([*encoder.parameters(), *decoder.parameters()])

    def step(images: Tensor) -> dict[str, Tensor]:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            mu, log_var = encoder(images).type_as(images).chunk(2, dim=1)
            z = mu + (log_var / 2).exp() * torch.randn_like(mu)
            logits = decoder(z).type_as(images)
        reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        kl = (mu.square() + log_var.exp() - log_var - 1).sum() / 2
        loss = (reconstruction + kl) / len(images)
        loss.backward()
        optimizer.step()
        return {"loss": loss.detach()}

    return step


def step_of_project(job: Job) -> tuple[Step, str]:
    """A step on the project's networks, with its optimizer, and its precision."""
    config = job.config()
    torch.manual_seed(stream(config["seed"], "weights"))
    model = build(config, "model")
    make = build(config, "optim")
    precision = choose_precision(config)
    bf16 = precision == "bf16-mixed"
    networks = list(model.children())
    if hasattr(model, "generator"):
        return gan_step(*networks, model.latent_dim, make, bf16), precision
    return vae_step(*networks, make, bf16), precision


def train(step: Step, job: Job, blocks: Blocks) -> None:
    """Run a step on the project's batches, from images that lie in memory as bytes."""
    data = data_module(job.config())
    for block in blocks:
        batches = order(data, block.number)
        block.mark("start")
        for indices in batches[: block.steps]:
            step(data.train[indices] / 255)
            block.step()
        block.finish()


def run(job: Job, blocks: Blocks) -> None:
    """Train the project's model."""
    torch.set_num_threads(job.threads)
    step, blocks.precision = step_of_project(job)
    train(step, job, blocks)
