"""Sets of images that show what a model has learned."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mnistgen import figures
from mnistgen.config import build
from mnistgen.errors import UserError
from mnistgen.models import VAE
from mnistgen.seeds import stream
from mnistgen.trained import Trained

STEPS = 10
"""Images of one interpolation, or one latent dimension of a traversal."""


class Picture(NamedTuple):
    """Images in [0, 1], (N, 1, 28, 28), and how many stand in a row."""

    images: Tensor
    columns: int


def draw(trained: Trained, kind: str, *, n: int, seed: int) -> Picture:
    """One of the kinds of picture below, the same for the same seed.

    Raises UserError for a kind that this model has not.
    """
    if kind in ("reconstructions", "traversal") and not isinstance(trained.model, VAE):
        raise UserError(f"kind={kind} is for VAEs: a GAN has no encoder")
    with torch.random.fork_rng():
        torch.manual_seed(stream(seed, kind))
        return KINDS[kind](trained, n)


def samples(trained: Trained, n: int) -> Picture:
    """`n` draws."""
    return Picture(trained.model.sample(n), math.ceil(math.sqrt(n)))


def reconstructions(trained: Trained, n: int) -> Picture:
    """`n` test images, a row of them over a row of what the VAE makes of them; whole rows."""
    data = build(trained.config, "data", seed=trained.config["seed"])
    data.setup()
    columns = min(n, 16)
    chosen = torch.randperm(len(data.test))[: math.ceil(n / columns) * columns]
    originals = data.test[chosen] / 255
    made: Tensor = trained.model.reconstruct(originals)  # type: ignore[operator]
    return Picture(figures.interleaved(originals, made, columns), columns)


def interpolation(trained: Trained, n: int) -> Picture:
    """`n` rows, each from one random latent to another along the sphere between them."""
    latent_dim = trained.config["model"]["latent_dim"]
    ends = torch.randn(2, n, latent_dim)
    z = spherical(*ends, steps=STEPS)
    return Picture(trained.model.decode(z.flatten(0, 1)), STEPS)


def traversal(trained: Trained, n: int) -> Picture:
    """A row for each latent dimension, which goes from -3 to 3 while the others stay.

    `n` is how many images each row has; the others are at the encoding of a test image.
    """
    data = build(trained.config, "data", seed=trained.config["seed"])
    data.setup()
    image = data.test[torch.randint(len(data.test), (1,))] / 255
    latent_dim = trained.config["model"]["latent_dim"]
    mu: Tensor = trained.model.posterior(image).mean  # type: ignore[operator]
    z = mu.repeat(latent_dim, n, 1)
    for dimension in range(latent_dim):
        z[dimension, :, dimension] = torch.linspace(-3, 3, n)
    return Picture(trained.model.decode(z.flatten(0, 1)), n)


def manifold(trained: Trained, n: int) -> Picture:
    """An `n` by `n` grid over the first two latent dimensions, equally probable; the rest are 0.

    Source: D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", 2014, appendix A.
    """
    latent_dim = trained.config["model"]["latent_dim"]
    if latent_dim < 2:
        raise UserError("kind=manifold needs a model with at least two latent dimensions")
    quantiles = torch.special.ndtri((torch.arange(n) + 0.5) / n)
    z = torch.zeros(n, n, latent_dim)
    z[..., 0], z[..., 1] = torch.meshgrid(quantiles, quantiles, indexing="xy")
    return Picture(trained.model.decode(z.flatten(0, 1)), n)


def spherical(start: Tensor, end: Tensor, *, steps: int) -> Tensor:
    """Points from `start` to `end`, (N, d) each, at even angles between them: (N, steps, d).

    Where they lie in one line with the origin, the points are even on that line.
    Source: T. White, "Sampling Generative Networks", 2016, section 2.1.
    """
    unit = start / start.norm(dim=1, keepdim=True), end / end.norm(dim=1, keepdim=True)
    angle = (unit[0] * unit[1]).sum(1).clamp(-1, 1).acos()[:, None, None]
    t = torch.linspace(0, 1, steps)[None, :, None]
    straight = angle.sin() < 1e-6
    first = torch.where(straight, 1 - t, ((1 - t) * angle).sin() / angle.sin())
    last = torch.where(straight, t, (t * angle).sin() / angle.sin())
    path: Tensor = first * start[:, None] + last * end[:, None]
    return path


KINDS: dict[str, Callable[[Trained, int], Picture]] = {
    kind.__name__: kind for kind in (samples, reconstructions, interpolation, traversal, manifold)
}
