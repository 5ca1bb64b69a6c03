"""Column b: Lightning as its tutorials use it, with torchvision's data set and transforms.

The tutorials' GAN updates its two networks in turn. This one, like the other columns, takes both
losses before either update; all else, the second pass of the fake images with `detach` and
`toggle_optimizer` included, is theirs.
"""

import gzip
from itertools import chain
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

from benchmarks.blocks import Blocks
from benchmarks.gate import Gate
from benchmarks.job import Job, data_module
from benchmarks.plain import MODELS, Networks


class GAN(pl.LightningModule):
    """A GAN with an optimizer for each network."""

    def __init__(self, networks: Networks, lr: float) -> None:
        super().__init__()
        self.generator, self.discriminator, self.latent_dim = networks
        self.lr = lr
        self.automatic_optimization = False

    def adversarial_loss(self, logits: Tensor, target: float) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    def training_step(self, batch: Any, batch_idx: int) -> None:
        images, _ = batch
        opt_g, opt_d = self.optimizers()
        z = torch.randn(images.shape[0], self.latent_dim).type_as(images)
        fake = self.generator(z)

        self.toggle_optimizer(opt_g)
        g_loss = self.adversarial_loss(self.discriminator(fake), 1.0)
        self.log("g_loss", g_loss, prog_bar=True)
        opt_g.zero_grad()
        self.manual_backward(g_loss)
        self.untoggle_optimizer(opt_g)

        self.toggle_optimizer(opt_d)
        real_loss = self.adversarial_loss(self.discriminator(images), 1.0)
        fake_loss = self.adversarial_loss(self.discriminator(fake.detach()), 0.0)
        d_loss = real_loss + fake_loss
        self.log("d_loss", d_loss, prog_bar=True)
        opt_d.zero_grad()
        self.manual_backward(d_loss)
        self.untoggle_optimizer(opt_d)

        opt_g.step()
        opt_d.step()

    def configure_optimizers(self) -> Any:
        opt_g = torch.optim.Adam(self.generator.parameters(), lr=self.lr)
        opt_d = torch.optim.Adam(self.discriminator.parameters(), lr=self.lr)
        return [opt_g, opt_d], []


class VAE(pl.LightningModule):
    """A VAE with Bernoulli pixels."""

    def __init__(self, networks: Networks, lr: float) -> None:
        super().__init__()
        self.encoder, self.decoder, _ = networks
        self.lr = lr

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        images, _ = batch
        mu, log_var = self.encoder(images).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        logits = self.decoder(z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
        loss = (reconstruction + kl) / images.shape[0]
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def model(name: str, lr: float) -> pl.LightningModule:
    networks = MODELS[name]()
    return (GAN if networks.is_gan else VAE)(networks, lr)


def loader(root: Path, *, is_gan: bool, batch_size: int, sampler: Sampler[int]) -> DataLoader[Any]:
    """The training images one by one, in [-1, 1] for a GAN and in [0, 1] for a VAE."""
    transform = Compose([ToTensor(), Normalize((0.5,), (0.5,))]) if is_gan else ToTensor()
    dataset = MNIST(root, train=True, transform=transform)
    return DataLoader(dataset, batch_size=batch_size, sampler=sampler)


def unpack(source: Path, root: Path) -> None:
    """Lay MNIST's files out as torchvision's download does."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in source.glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))


def run(job: Job, blocks: Blocks) -> None:
    """Train with a Trainer whose logger, checkpoints and progress bar are the default ones."""
    config = job.config()
    torch.set_num_threads(job.threads)
    pl.seed_everything(config["seed"])
    data = data_module(config)
    unpack(data.root, job.folder)
    textbook = model(job.model, config["optim"]["lr"])
    first = next(blocks)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=config["trainer"]["max_epochs"],
        limit_train_batches=first.steps,
        default_root_dir=job.folder,
        callbacks=[Gate(chain([first], blocks))],
    )
    batches = loader(
        job.folder,
        is_gan=isinstance(textbook, GAN),
        batch_size=data.batch_size,
        sampler=data.train_dataloader().sampler,
    )
    trainer.fit(textbook, batches)
