"""The digit classifier whose features the quality metrics compare, and how it is trained.

`python -m mnistgen.metrics.lenet` trains it again, into a file of its own. Other processors and
thread counts round otherwise, so where that file takes the place of the packaged one,
MNIST_SHA256 changes with it.
"""

import hashlib
import logging
from pathlib import Path

import torch
import torch.nn.functional as F
from omegaconf import DictConfig
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of
from torch import Tensor, nn

from mnistgen.cli import command
from mnistgen.config import build, values
from mnistgen.data import MNIST
from mnistgen.errors import UserError
from mnistgen.models.inference import inference
from mnistgen.rules import A_PATH, RULES
from mnistgen.runs import write_atomically
from mnistgen.seeds import stream

log = logging.getLogger(__name__)

MNIST_WEIGHTS = Path(__file__).with_name("lenet-mnist.safetensors")
MNIST_SHA256 = "70415650c886c3a0e0c0848220fc74bb5d25a881c0c6ac2f136d65340c193d6d"

EPOCHS = 12
BATCH_SIZE = 128
PEAK_LR = 4e-3
MAX_SHIFT = 2


class LeNet(nn.Module):
    """Logits of ten digits, (B, 10), from images in [0, 1], (B, 1, 28, 28).

    Source: Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998,
    section II.B, with ReLU, max pooling and fewer, wider layers.
    """

    num_features = 64

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(32 * 5 * 5, self.num_features),
            nn.ReLU(),
        )
        self.head = nn.Linear(self.num_features, 10)

    def features(self, images: Tensor) -> Tensor:
        """The last hidden layer, (B, 64)."""
        features: Tensor = self.body(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits


@inference
def extract(lenet: LeNet, images: Tensor) -> Tensor:
    """The features, (N, 64), of any number of images in [0, 1], (N, 1, 28, 28)."""
    return torch.cat([lenet.features(batch) for batch in torch.split(images, 1_000)])


@inference
def classify(lenet: LeNet, features: Tensor) -> Tensor:
    """The probabilities of the ten digits, (N, 10), from features (N, 64)."""
    probabilities: Tensor = lenet.head(features).softmax(1)
    return probabilities


def accuracy(lenet: LeNet, images: Tensor, labels: Tensor) -> float:
    """The share of images in [0, 1], (N, 1, 28, 28), read as their labels (N,) say."""
    read = classify(lenet, extract(lenet, images)).argmax(1)
    return (read == labels).double().mean().item()


def shifted(images: Tensor) -> Tensor:
    """Each of the images (B, 28, 28) moved at random by up to 2 pixels along both axes."""
    padded = F.pad(images, [MAX_SHIFT] * 4)
    offsets = torch.randint(2 * MAX_SHIFT + 1, (2, len(images), 1))
    rows, columns = offsets + torch.arange(28)
    image = torch.arange(len(images))[:, None, None]
    return padded[image, rows[:, :, None], columns[:, None, :]]


def nonsense(digits: Tensor) -> Tensor:
    """Images without a digit, (3 B, 1, 28, 28): noise, blobs and the shuffled pixels of digits.

    Noise and blobs are anything from nearly black to nearly white.
    """
    noise = torch.rand_like(digits)
    blobs = F.interpolate(torch.rand(len(digits), 1, 7, 7), size=28, mode="bilinear")
    darkness = 10 ** torch.empty(2, len(digits), 1, 1, 1).uniform_(-1, 1)
    shuffled = digits.flatten(1)[:, torch.randperm(28 * 28)].view_as(digits)
    return torch.cat([noise ** darkness[0], blobs ** darkness[1], shuffled])


def train(images: Tensor, labels: Tensor, *, epochs: int = EPOCHS, seed: int = 1) -> LeNet:
    """A network trained from scratch on uint8 images (N, 28, 28) and their labels (N,).

    It learns to be sure of nothing where there is no digit, so that noise does not count as one.
    Source: D. Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019, eq. 1.
    """
    with torch.random.fork_rng():
        torch.manual_seed(stream(seed, "lenet"))
        lenet = LeNet()
        optimizer = torch.optim.AdamW(lenet.parameters(), weight_decay=0.01)
        steps = epochs * -(-len(images) // BATCH_SIZE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LR, total_steps=steps)
        for epoch in range(epochs):
            for indices in torch.split(torch.randperm(len(images)), BATCH_SIZE):
                digits = shifted(images[indices]).unsqueeze(1) / 255
                others = nonsense(digits[: len(digits) // 10])
                targets = torch.full((len(digits) + len(others), 10), 0.1)
                targets[: len(digits)] = F.one_hot(labels[indices].long(), 10)
                loss = F.cross_entropy(lenet(torch.cat([digits, others])), targets)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
            log.debug("epoch %d of %d: loss %.4f", epoch + 1, epochs, loss.item())
    return lenet.eval()


def weights_path(dataset: MNIST) -> Path:
    """Where the weights for a data set lie: in this package, or else in the data's folder."""
    if type(dataset) is MNIST:
        return MNIST_WEIGHTS
    name = f"lenet-{dataset.torchvision_name.lower()}-{dataset.arrays().checksum[:8]}"
    return dataset.root / f"{name}.safetensors"


def load(dataset: MNIST) -> tuple[LeNet, str]:
    """The network for a data set, in evaluation mode, and its weights' SHA-256.

    The one for MNIST comes with this package; another is trained on first use and kept.
    Raises UserError where the weights are missing, damaged or, for MNIST, not the known ones.
    """
    path = weights_path(dataset)
    if path != MNIST_WEIGHTS and not path.exists():
        log.info("training the feature network of %s, once: %s", dataset.torchvision_name, path)
        write(dataset, path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the feature network's weights cannot be read: {error}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if path == MNIST_WEIGHTS and sha256 != MNIST_SHA256:
        raise UserError(f"{path} has SHA-256 {sha256}, not {MNIST_SHA256}")
    lenet = LeNet()
    try:
        lenet.load_state_dict(tensors_of(content))
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{path} is damaged; delete it, and it is made again") from error
    return lenet.eval(), sha256


def write(dataset: MNIST, path: Path, *, seed: int = 1) -> LeNet:
    """Train the network for a data set and write its weights; raises UserError if it cannot."""
    arrays = dataset.arrays()
    lenet = train(arrays.train_images, arrays.train_labels, seed=seed)
    try:
        write_atomically(path, bytes_of(lenet.state_dict()))
    except OSError as error:
        raise UserError(f"the feature network's weights cannot be written: {error}") from error
    return lenet


@command("lenet")
def main(cfg: DictConfig) -> None:
    """Train the network of one data set from scratch and write its weights to `out`."""
    asked = values(cfg, {"seed": RULES["seed"], "out": A_PATH})
    dataset = build(asked, "data", seed=asked["seed"])
    path = Path(asked["out"])
    lenet, arrays = write(dataset, path, seed=asked["seed"]), dataset.arrays()
    share = accuracy(lenet, arrays.test_images.unsqueeze(1) / 255, arrays.test_labels)
    log.info("%s: SHA-256 %s", path, hashlib.sha256(path.read_bytes()).hexdigest())
    log.info("%.2f %% of the test images are read correctly", 100 * share)


if __name__ == "__main__":
    main()
