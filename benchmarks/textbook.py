"""The column of Lightning as its tutorials use it, with torchvision's data set and transforms.

The tutorials' GAN updates its two networks in turn. This one, like the other columns, takes both
losses before either update. The rest is theirs: the second pass of the fake images with `detach`,
and `toggle_optimizer`.
"""

from typing import Any

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.datasets.utils import extract_archive
from torchvision.transforms import Compose, Normalize, ToTensor

from benchmarks.clock import Clock
from benchmarks.project import Job
from benchmarks.stock import is_gan, stock_networks


class GAN(pl.LightningModule):
    """A GAN with an optimizer for each network."""

    def __init__(self, generator: Any, discriminator: Any, lr: float) -> None:
        super().__init__()
        self.generator, self.discriminator, self.lr = generator, discriminator, lr
        self.latent_dim = generator[0].in_features
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

    def __init__(self, encoder: Any, decoder: Any, lr: float) -> None:
        super().__init__()
        self.encoder, self.decoder, self.lr = encoder, decoder, lr

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


def run(job: Job, clock: Clock) -> None:
    """Train with the default logger, checkpoints and progress bar on images read one by one."""
    config = job.config()
    pl.seed_everything(config["seed"])
    data = job.data()
    networks, lr = stock_networks(job.networks()), config["optim"]["lr"]
    model, transform = VAE, ToTensor()
    if is_gan(networks):
        model, transform = GAN, Compose([transform, Normalize((0.5,), (0.5,))])
    raw = job.folder / "MNIST" / "raw"  # where a download would put the files
    raw.mkdir(parents=True)
    for archive in data.root.glob("*.gz"):
        extract_archive(archive, raw)
    images = MNIST(job.folder, train=True, transform=transform)
    sampler = data.train_dataloader().sampler
    batches = DataLoader(images, batch_size=data.batch_size, sampler=sampler)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=config["trainer"]["max_epochs"],
        limit_train_batches=clock.steps,
        default_root_dir=job.folder,
        callbacks=[clock.callback()],
    )
    trainer.fit(model(*networks, lr), batches)
