"""Sets of images that show what a model has learned."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mnistgen.config import expand_path, rules
from mnistgen.errors import UserError
from mnistgen.files import write_atomically
from mnistgen.inference.kinds import KINDS
from mnistgen.inference.model import Trained
from mnistgen.models import VAE
from mnistgen.plots import images as plots
from mnistgen.seeds import stream


class Picture(NamedTuple):
    """Images in [0, 1], (N, 1, 28, 28), and how many stand in a row."""

    images: Tensor
    columns: int

    def save(self, out: str | os.PathLike[str]) -> None:
        """Write it as one .png, or its images as the array of an .npz file; raises UserError."""
        out = Path(expand_path(os.fspath(out)))
        rules.check_out(out, ".png", ".npz")
        content = self._repr_png_() if out.suffix == ".png" else plots.npz(images=self.images)
        write_atomically(out, content)

    def _repr_png_(self) -> bytes:
        """The picture as a notebook shows it."""
        return plots.png(plots.grid(self.images, self.columns))


def draw(trained: Trained, kind: str, *, n: int, seed: int) -> Picture:
    """A picture of one of the KINDS, the same for the same seed.

    Raises UserError for a kind that this model has not.
    """
    if KINDS[kind].encodes and not isinstance(trained.model, VAE):
        raise UserError(f"kind={kind} is for VAEs: a GAN has no encoder")
    with torch.random.fork_rng():
        torch.manual_seed(stream(seed, kind))
        return DRAW[kind](trained, n)


def samples(trained: Trained, n: int) -> Picture:
    """`n` draws."""
    return Picture(trained.model.sample(n), math.ceil(math.sqrt(n)))


def reconstructions(trained: Trained, n: int) -> Picture:
    """`n` test images, or all, each row of them over what the VAE makes of it; whole rows."""
    images, columns = trained.test_set()[0], min(n, 16)
    rows = min(math.ceil(n / columns), len(images) // columns)
    originals = images[torch.randperm(len(images))[: rows * columns]]
    decoded: Tensor = trained.model.reconstruct(originals)  # type: ignore[operator]
    return Picture(plots.interleaved(originals, decoded, columns), columns)


def interpolation(trained: Trained, n: int) -> Picture:
    """`n` rows of ten, each from one random latent to another along the sphere between them."""
    z = spherical(*torch.randn(2, n, trained.model.latent_dim), steps=10)
    return Picture(trained.model.decode(z.flatten(0, 1)), 10)


def traversal(trained: Trained, n: int) -> Picture:
    """A row for each latent dimension, which goes from -3 to 3 while the others stay.

    `n` is how many images each row has; the others are at the encoding of a test image.
    """
    images = trained.test_set()[0]
    image = images[torch.randint(len(images), (1,))]
    mu: Tensor = trained.model.posterior(image).mean  # type: ignore[operator]
    z = mu.repeat(trained.model.latent_dim, n, 1)
    for dimension in range(trained.model.latent_dim):
        z[dimension, :, dimension] = torch.linspace(-3, 3, n)
    return Picture(trained.model.decode(z.flatten(0, 1)), n)


def manifold(trained: Trained, n: int) -> Picture:
    """An `n` by `n` grid over the first two latent dimensions, equally probable; the rest are 0.

    Source: D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", 2014, appendix A.
    """
    if trained.model.latent_dim < 2:
        raise UserError("kind=manifold needs a model with at least two latent dimensions")
    quantiles = torch.special.ndtri((torch.arange(n) + 0.5) / n)
    z = torch.zeros(n, n, trained.model.latent_dim)
    z[..., 0], z[..., 1] = torch.meshgrid(quantiles, quantiles, indexing="xy")
    return Picture(trained.model.decode(z.flatten(0, 1)), n)


def spherical(start: Tensor, end: Tensor, *, steps: int) -> Tensor:
    """Points from `start` to `end`, (N, d) each: (N, steps, d).

    The direction goes evenly along a great circle, the norm evenly from the one's to the other's;
    a zero vector has the other's direction.
    Source: T. White, "Sampling Generative Networks", 2016, section 2.1, for the directions.
    """
    first = F.normalize(torch.where(start.any(1, keepdim=True), start, end))
    last = F.normalize(torch.where(end.any(1, keepdim=True), end, start))
    cosine = (first * last).sum(1, keepdim=True)
    sine = (last - cosine * first).norm(dim=1, keepdim=True)
    axis = F.one_hot(first.abs().argmin(1), first.shape[1])  # a way round for opposite ends
    across = torch.where(sine > 1e-6, last, axis)
    across = F.normalize(across - (across * first).sum(1, keepdim=True) * first)
    t = torch.linspace(0, 1, steps)[None, :, None]
    angle = t * torch.atan2(sine, cosine)[:, None]
    direction = angle.cos() * first[:, None] + angle.sin() * across[:, None]
    norms = torch.stack([start, end]).norm(dim=2)[..., None, None]
    return torch.lerp(norms[0], norms[1], t) * direction


DRAW: dict[str, Callable[[Trained, int], Picture]] = {
    kind.__name__: kind for kind in (samples, reconstructions, interpolation, traversal, manifold)
}
