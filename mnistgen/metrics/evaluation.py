"""All that is measured of a trained model, and of what it is to be compared with."""

import contextlib
import hashlib
import json
import logging
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnistgen.config import build
from mnistgen.data import MNIST
from mnistgen.metrics import lenet, likelihood, quality
from mnistgen.metrics.quality import Quality, Reference
from mnistgen.models import VAE
from mnistgen.runs import write_atomically
from mnistgen.seeds import stream
from mnistgen.trained import Trained

log = logging.getLogger(__name__)


class Evaluation:
    """Measures models of one data set, whose real images it looks at once, when needed.

    `n` images are drawn of each model; `k` and `nll_images` are those of a VAE's NLL.
    """

    def __init__(self, data: MNIST, *, n: int, seed: int, k: int, nll_images: int) -> None:
        self.data = data
        self.n, self.seed, self.k, self.nll_images = n, seed, k, nll_images
        self.lenet, self.lenet_sha256 = lenet.load(data)

    @cached_property
    def train_images(self) -> Tensor:
        """All real training images, grey, (60000, 1, 28, 28)."""
        return self.data.arrays().train_images.unsqueeze(1) / 255

    @cached_property
    def reference(self) -> Reference:
        """What samples are compared with; it takes seconds, so only once something is measured."""
        arrays = self.data.arrays()
        return Reference.of(
            arrays.test_images.unsqueeze(1) / 255,
            arrays.test_labels,
            train_images=self.train_images,
            lenet=self.lenet,
        )

    def settings(self, trained: Trained) -> dict[str, Any]:
        """What the numbers depend on."""
        return {
            "checkpoint": trained.checkpoint.name,
            "checkpoint_sha256": trained.sha256,
            "epoch": trained.epoch,
            "split": "test",
            "samples": self.n,
            "seed": self.seed,
            "k": self.k,
            "nll_images": self.nll_images,
            "features_sha256": self.lenet_sha256,
            "data_checksum": self.data.arrays().checksum,
        }

    def measure(self, trained: Trained) -> dict[str, Any]:
        """Every measure of a model: of its samples, and for a VAE of its likelihood, too."""
        with torch.random.fork_rng():
            torch.manual_seed(stream(self.seed, "samples"))
            samples = torch.cat([trained.model.sample(len(part)) for part in self._parts()])
        found: dict[str, Any] = self._quality(samples.float())
        if isinstance(trained.model, VAE):
            found |= self._likelihood(trained)
        return found

    def comparisons(self, cache: Path) -> dict[str, Quality]:
        """The floor and the ceilings: the same of real training images, their mean, and noise.

        They are computed once, and kept in the folder `cache`.
        """
        key = [self.lenet_sha256, self.data.arrays().checksum, self.n, self.seed]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
        path = cache.expanduser() / f"comparisons-{name}.json"
        with contextlib.suppress(FileNotFoundError, ValueError):  # damaged: made again
            kept: dict[str, Quality] = json.loads(path.read_text())
            return kept
        generator = torch.Generator().manual_seed(stream(self.seed, "comparisons"))
        chosen = torch.randperm(len(self.train_images), generator=generator)[: self.n]
        mean = self.train_images.mean(0, keepdim=True)
        made = {
            "training images": self._quality(self.train_images[chosen]),
            "their mean": self._quality(mean.expand(self.n, -1, -1, -1)),
            "noise": self._quality(torch.rand(self.n, 1, 28, 28, generator=generator)),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(made, indent=2).encode())
        return made

    def _quality(self, images: Tensor) -> Quality:
        return quality.measure(images, reference=self.reference, lenet=self.lenet, seed=self.seed)

    def _likelihood(self, trained: Trained) -> dict[str, Any]:
        model: Any = trained.model
        data = build(trained.config, "data", seed=trained.config["seed"])
        data.setup()
        images = data.test / 255
        accuracy, confusion = likelihood.reconstruction_digits(
            model, self.lenet, images, data.arrays().test_labels
        )
        found = {
            **likelihood.elbo(model, images, seed=self.seed),
            "active_units": likelihood.active_units(model, images),
            "reconstruction_accuracy": accuracy,
            "confusion": confusion.tolist(),
        }
        if data.binarize != "none":
            some = images[: self.nll_images]
            found["nll"], found["nll_error"] = likelihood.nll(model, some, self.k, seed=self.seed)
        return found

    def _parts(self) -> tuple[Tensor, ...]:
        return torch.split(torch.empty(self.n), 500)
