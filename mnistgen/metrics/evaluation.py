"""All that is measured of a trained model, and of what it is to be compared with."""

import contextlib
import json
import logging
from functools import cache, cached_property
from pathlib import Path

import torch
from torch import Tensor

from mnistgen.data.mnist import MNIST
from mnistgen.data.module import DataModule, data_module
from mnistgen.errors import UserError
from mnistgen.files import write_atomically
from mnistgen.inference import model
from mnistgen.inference.model import Trained
from mnistgen.metrics import likelihood, quality
from mnistgen.metrics.lenet import weights
from mnistgen.metrics.quality import Reference
from mnistgen.models import VAE
from mnistgen.seeds import stream
from mnistgen.tracking import Evaluation, Measures, Protocol, RunFolder, Unwritten
from mnistgen.tracking.checksums import sha256
from mnistgen.tracking.info import REAL

log = logging.getLogger(__name__)

MOST_TEST_IMAGES = 10_000  # that samples are compared with: MNIST has as many
OF_TRAINING = "batch_size", "val_size", "binarize"  # settings that change no real image


class Evaluations:
    """Evaluates runs of any data sets; the folder `cache` keeps what they are held against."""

    def __init__(self, cache: Path, **options: int) -> None:
        self.cache = cache
        self.options = options
        self.evaluators: dict[str, Evaluator] = {}

    @classmethod
    @cache
    def shared(cls, folder: Path, **options: int) -> "Evaluations":
        """The evaluations with these options, which look at the real images once a process."""
        return cls(folder, **options)

    def evaluate(self, run: RunFolder, checkpoint: str, *, force: bool) -> Evaluation:
        """The evaluation of a run, from its evaluation.json where it was made in the same way.

        Otherwise, or with `force`, it is made and written there. Raises UserError where the run's
        checkpoint cannot be used, and Unwritten where the file cannot be written.
        """
        trained = model.load(run, checkpoint)
        data = data_module(trained.config)
        named = {k: v for k, v in trained.config["data"].items() if k not in OF_TRAINING}
        key = f"{named} {data.arrays().checksum}"
        if key not in self.evaluators:
            self.evaluators[key] = Evaluator(data, **self.options)
        evaluator = self.evaluators[key]
        protocol = evaluator.protocol(trained)
        with contextlib.suppress(UserError):  # damaged: made again
            known = run.evaluation()
            if known and known.settings == protocol and not force:
                log.info("%s was evaluated with these settings before", run.path)
                return known
        log.info("evaluating %s, epoch %d", run.path, trained.epoch)
        comparisons = evaluator.comparisons(self.cache)
        metrics = evaluator.measure(trained)
        evaluation = Evaluation(settings=protocol, comparisons=comparisons, metrics=metrics)
        try:
            run.write_evaluation(evaluation)
        except OSError as error:
            reason = f"{run.evaluation_path} cannot be written: {error.strerror}"
            raise Unwritten(reason, evaluation) from error
        return evaluation


class Evaluator:
    """Measures models of one data set, whose real images it looks at once, when needed.

    `n` images are drawn of each model; `k` and `nll_images` are those of a VAE's NLL.
    """

    def __init__(self, data: DataModule, *, n: int, seed: int, k: int, nll_images: int) -> None:
        self.data = data
        self.n, self.seed, self.k, self.nll_images = n, seed, k, nll_images
        self.lenet, self.lenet_sha256 = weights.load(data)
        self.features = None
        if not data.arrays().classes:
            self.features = MNIST.__name__
            log.warning(
                "data.root=%s has no labels: its measures have the features of MNIST's network, "
                "and none is of classes",
                data.root,
            )

    @cached_property
    def reference(self) -> Reference:
        """What samples are compared with; it takes seconds, so only once something is measured."""
        arrays = self.data.arrays()
        test_images = arrays.test_images[:MOST_TEST_IMAGES].unsqueeze(1) / 255
        labels = arrays.test_labels
        test_labels = None if labels is None else labels[:MOST_TEST_IMAGES]
        train_images = arrays.train_images.unsqueeze(1) / 255
        return Reference(test_images, test_labels, train_images, self.lenet)

    def protocol(self, trained: Trained) -> Protocol:
        """What the numbers depend on."""
        return Protocol(
            checkpoint=trained.checkpoint.name,
            checkpoint_sha256=trained.sha256,
            epoch=trained.epoch,
            split="test",
            samples=self.n,
            seed=self.seed,
            k=self.k,
            nll_images=self.nll_images,
            features_sha256=self.lenet_sha256,
            features=self.features,
            data_checksum=self.data.arrays().checksum,
        )

    def measure(self, trained: Trained) -> Measures:
        """Every measure of a model: of its samples, and for a VAE of its likelihood, too."""
        with torch.random.fork_rng():
            torch.manual_seed(stream(self.seed, "samples"))
            parts = torch.split(torch.empty(self.n), 500)
            samples = torch.cat([trained.model.sample(len(part)) for part in parts])
        measures: Measures = self._quality(samples.float())
        if isinstance(trained.model, VAE):
            measures |= self._likelihood(trained.model, trained)
        return measures

    def comparisons(self, cache: Path) -> dict[str, Measures]:
        """The floor and the ceilings: the same of real training images, their mean, and noise.

        They are computed once, and kept in the folder `cache`.
        """
        key = json.dumps([self.lenet_sha256, self.data.arrays().checksum, self.n, self.seed])
        path = cache / f"comparisons-{sha256(key.encode())[:16]}.json"
        with contextlib.suppress(FileNotFoundError, ValueError):  # damaged: measured again
            kept: dict[str, Measures] = json.loads(path.read_bytes())
            return kept
        generator = torch.Generator().manual_seed(stream(self.seed, "comparisons"))
        images = self.reference.train_images
        some = images[torch.randperm(len(images), generator=generator)[: self.n]]
        comparisons = {
            REAL: self._quality(some),
            "their mean": self._quality(images.mean(0).expand(self.n, -1, -1, -1)),
            "noise": self._quality(torch.rand(self.n, 1, 28, 28, generator=generator)),
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(comparisons, indent=2).encode())
        except OSError as error:
            log.warning("%s cannot be written: %s", path, error.strerror)
        return comparisons

    def _quality(self, images: Tensor) -> Measures:
        return quality.measure(images, reference=self.reference, lenet=self.lenet, seed=self.seed)

    def _likelihood(self, vae: VAE, trained: Trained) -> Measures:
        images, labels = trained.test_set()
        units = likelihood.active_units(vae, images)
        measures: Measures = {
            **likelihood.elbo(vae, images, seed=self.seed),
            "active_units": units,
            "active_share": units / vae.latent_dim,
        }
        if labels is not None:
            share, counts = likelihood.reconstruction_digits(vae, self.lenet, images, labels)
            measures |= {"reconstruction_accuracy": share, "confusion": counts.tolist()}
        if trained.config["data"]["binarize"] != "none":
            some = images[: self.nll_images]
            nll, error = likelihood.nll(vae, some, self.k, seed=self.seed)
            measures |= {"nll": nll, "nll_error": error}
        return measures
