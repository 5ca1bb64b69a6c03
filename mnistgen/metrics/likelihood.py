"""How likely real images are to a VAE, and what is left of them when it has seen them.

Images are in [0, 1], (N, 1, 28, 28), and a likelihood is in nats an image.
"""

import logging
import math
import time
from collections import defaultdict
from datetime import timedelta

import torch
from torch import Tensor

from mnistgen.errors import UserError
from mnistgen.metrics.lenet.network import LeNet, classify, extract
from mnistgen.models import VAE
from mnistgen.models.bounds import ELBO
from mnistgen.models.mode import inference
from mnistgen.seeds import stream

log = logging.getLogger(__name__)

ROWS = 2_000  # latents that are decoded at once, so that their images stay in the cache
SILENCE = 30.0  # seconds after which a line says how far a long measurement is


@inference
def elbo(model: VAE, images: Tensor, *, seed: int = 0) -> dict[str, float]:
    """The mean ELBO and the two terms of its negative, from one draw of the latents an image.

    It is the same for all models, whatever bound they were trained with.
    """
    bound = ELBO()
    sums: defaultdict[str, float] = defaultdict(float)
    with torch.random.fork_rng():
        torch.manual_seed(stream(seed, "elbo"))
        for batch in torch.split(images, 1_000):
            for name, value in bound(model, batch).items():
                sums[name] += value.item() * len(batch)
    means = {name: total / len(images) for name, total in sums.items()}
    return {"elbo": -means.pop("loss"), **means}


@inference
def active_units(model: VAE, images: Tensor) -> int:
    """The number of latent dimensions whose posterior mean varies by more than 0.01 over images.

    Source: Y. Burda et al., "Importance Weighted Autoencoders", 2016, section 5.2.
    """
    means = torch.cat([model.posterior(batch).mean for batch in torch.split(images, 1_000)])
    return int((means.double().var(0) > 0.01).sum())


def log_likelihoods(model: VAE, images: Tensor, k: int, *, seed: int = 0) -> Tensor:
    """The importance-weighted bound of log p(x) with `k` draws, for each image: (N,) float64.

    It rises with `k` towards log p(x). The memory that it takes does not depend on `k` or N.
    Source: Y. Burda et al., "Importance Weighted Autoencoders", 2016, eq. 8.
    """
    bounds: list[Tensor] = []
    started = spoke = time.monotonic()
    with torch.random.fork_rng():
        torch.manual_seed(stream(seed, "nll"))
        draws = min(k, 100)
        for batch in torch.split(images, ROWS // draws):
            total = batch.new_full((len(batch),), -math.inf, dtype=torch.float64)
            for start in range(0, k, draws):
                log_weights = model.log_weights(batch, min(draws, k - start))
                total = total.logaddexp(log_weights.double().logsumexp(0))
            bounds.append(total - math.log(k))
            now, done = time.monotonic(), sum(map(len, bounds))
            if now - spoke > SILENCE and done < len(images):
                spoke = now
                left = timedelta(seconds=round((now - started) / done * (len(images) - done)))
                log.info("NLL of %d of %d images, left %s", done, len(images), left)
    return torch.cat(bounds)


def nll(model: VAE, images: Tensor, k: int = 1_000, *, seed: int = 0) -> tuple[float, float]:
    """-log p(x) by importance sampling with `k` draws: its mean and that mean's standard error.

    Raises UserError for grey pixels, whose Bernoulli cross-entropy is no likelihood.
    """
    if not ((images == 0) | (images == 1)).all():
        raise UserError("a negative log-likelihood needs binarised images, of zeros and ones")
    bounds = log_likelihoods(model, images, k, seed=seed)
    return -bounds.mean().item(), bounds.std().item() / math.sqrt(len(bounds))


def reconstruction_digits(
    model: VAE, lenet: LeNet, images: Tensor, labels: Tensor
) -> tuple[float, Tensor]:
    """How digits are read after a VAE has encoded and decoded them: the share read as labelled.

    And the counts, int64: a row is a true class of labels (N,), a column the class read.
    """
    reconstructions = torch.cat([model.reconstruct(batch) for batch in torch.split(images, 1_000)])
    read = classify(lenet, extract(lenet, reconstructions)).argmax(1)
    classes = lenet.head.out_features
    pairs = classes * labels.long() + read
    confusion = torch.bincount(pairs, minlength=classes**2).view(classes, classes)
    return confusion.trace().item() / len(labels), confusion
