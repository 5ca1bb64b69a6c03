"""The classifier's weights: where they lie for each data set, and how they are trained."""

import contextlib
import logging
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnistgen import files
from mnistgen.data.mnist import MNIST
from mnistgen.data.module import DataModule
from mnistgen.errors import UserError
from mnistgen.files import write_atomically
from mnistgen.metrics.lenet.network import LeNet, accuracy
from mnistgen.seeds import stream
from mnistgen.tracking.checksums import sha256 as sha256_of

log = logging.getLogger(__name__)

MNIST_WEIGHTS = Path(__file__).with_name("mnist.safetensors")
# It changes with the packaged weights: other processors and thread counts round otherwise.
MNIST_SHA256 = "1cb9b8c8138d2f6aa6f747bda113b635cdd5e7e7fd2aa7411d18fe4920144023"

EPOCHS = 14
BATCH_SIZE = 128
FEWEST_STEPS = 32  # an epoch, for which the batches of few images are smaller
PEAK_LR = 4e-3
MAX_SHIFT = 2
BLENDED = 20  # one image in so many is blended with others


def weights_path(dataset: DataModule) -> Path:
    """Where the weights for a data set lie: in this package, or where those of its kind are kept.

    Where nothing is labelled no network can be trained, and MNIST's stands in. The name of one
    that is kept holds MNIST's checksum, so that one of another version's training is never taken.
    """
    if type(dataset) is MNIST or not dataset.arrays().classes:
        return MNIST_WEIGHTS
    checksums = f"{dataset.arrays().checksum[:8]}-{MNIST_SHA256[:8]}"
    name = f"lenet-{type(dataset).__name__.lower()}-{checksums}.safetensors"
    return dataset.feature_folder / name


def load(dataset: DataModule) -> tuple[LeNet, str]:
    """The network for a data set, in evaluation mode, and its weights' SHA-256.

    The one for MNIST comes with this package; another is trained on first use and kept.
    Raises UserError where the weights are missing, damaged or, for MNIST, not the known ones.
    """
    path = weights_path(dataset)
    if path != MNIST_WEIGHTS and not path.exists():
        with contextlib.suppress(OSError):  # `write` says why nothing can be written there
            path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock(path.parent, wait=True):  # of two processes one trains
            if not path.exists():
                name = type(dataset).__name__
                log.info("training the feature network of %s, once: %s", name, path)
                log.info("it reads %.2f %% of the test images", 100 * write(dataset, path))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the feature network's weights cannot be read: {error}") from error
    sha256 = sha256_of(content)
    if path == MNIST_WEIGHTS and sha256 != MNIST_SHA256:
        raise UserError(f"{path} has SHA-256 {sha256}, not {MNIST_SHA256}")
    lenet = LeNet(dataset.arrays().classes or 10)
    try:
        lenet.load_state_dict(safetensors.torch.load(content))
    except (safetensors.SafetensorError, RuntimeError) as error:
        raise UserError(f"{path} is damaged; delete it, and it is made again") from error
    return lenet.eval(), sha256


def write(dataset: DataModule, path: Path, *, seed: int = 1) -> float:
    """Train the network for a data set and write its weights; raises UserError if it cannot.

    Returns the share of the test images that it reads as they are labelled.
    """
    arrays = dataset.arrays()
    if arrays.train_labels is None or arrays.test_labels is None:
        raise UserError(f"data.root={dataset.root} has no labels, which the network learns")
    lenet = train(arrays.train_images, arrays.train_labels, classes=arrays.classes, seed=seed)
    try:
        write_atomically(path, safetensors.torch.save(lenet.state_dict()))
    except OSError as error:
        raise UserError(f"the feature network's weights cannot be written: {error}") from error
    return accuracy(lenet, arrays.test_images.unsqueeze(1) / 255, arrays.test_labels)


def shift(images: Tensor) -> Tensor:
    """Each of the images (B, 28, 28) moved at random by up to 2 pixels along both axes."""
    padded = F.pad(images, [MAX_SHIFT] * 4)
    offsets = torch.randint(2 * MAX_SHIFT + 1, (2, len(images), 1))
    rows, columns = offsets + torch.arange(28)
    image = torch.arange(len(images))[:, None, None]
    return padded[image, rows[:, :, None], columns[:, None, :]]


def nonsense(digits: Tensor, mean: Tensor) -> Tensor:
    """Images without a digit, (5 B, 1, 28, 28), of some that have one, (B, 1, 28, 28).

    They are noise and blobs, from nearly black to nearly white, the shuffled pixels of the digits,
    black, and `mean`, the mean image of all, (28, 28), moved at random.
    """
    noise = torch.rand_like(digits)
    blobs = F.interpolate(torch.rand(len(digits), 1, 7, 7), size=28, mode="bilinear")
    darkness = 10 ** torch.empty(2, len(digits), 1, 1, 1).uniform_(-1, 1)
    shuffled = digits.flatten(1)[:, torch.randperm(28 * 28)].view_as(digits)
    black = torch.zeros_like(digits)
    means = shift(mean.expand(len(digits), -1, -1)).unsqueeze(1)
    return torch.cat([noise ** darkness[0], blobs ** darkness[1], shuffled, black, means])


def blend(digits: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Each digit, (B, 1, 28, 28), on five images without one, and its share of each, (5 B,).

    In a third of them there is no digit, and in the others its share is anything up to one.
    """
    others = nonsense(digits, mean)
    share = torch.empty(len(others)).uniform_(-0.5, 1).clamp(min=0)
    weight = share.view(-1, 1, 1, 1)
    return weight * digits.repeat(5, 1, 1, 1) + (1 - weight) * others, share


def train(
    images: Tensor, labels: Tensor, *, classes: int = 10, epochs: int = EPOCHS, seed: int = 1
) -> LeNet:
    """A network trained from scratch on uint8 images (N, 28, 28) and their labels (N,).

    It learns to be sure of nothing where there is no digit, so that noise does not count as one,
    and to tell from the same features how much of an image is digit, so that they see degrees.
    Source: D. Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019, eq. 1.
    """
    with torch.random.fork_rng():
        torch.manual_seed(stream(seed, "lenet"))
        lenet = LeNet(classes)
        measure = nn.Linear(lenet.num_features, 1)  # of the share of digit; only training needs it
        parameters = [*lenet.parameters(), *measure.parameters()]
        optimizer = torch.optim.AdamW(parameters, weight_decay=0.01)
        batch_size = min(BATCH_SIZE, max(1, len(images) // FEWEST_STEPS))
        steps = epochs * -(-len(images) // batch_size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LR, total_steps=steps)
        mean = images.mean(0, dtype=torch.float32) / 255
        for epoch in range(epochs):
            for indices in torch.split(torch.randperm(len(images)), batch_size):
                digits = shift(images[indices]).unsqueeze(1) / 255
                blends, some = blend(digits[::BLENDED], mean)
                share = torch.cat([torch.ones(len(digits)), some])
                names = F.one_hot(labels[indices].long(), classes).float()
                targets = torch.cat([names, names[::BLENDED].repeat(5, 1)])
                targets[share == 0] = 1 / classes
                features = lenet.body(torch.cat([digits, blends]))
                loss = F.cross_entropy(lenet.head(features), targets)
                loss += F.mse_loss(measure(features).flatten(), share)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
            log.debug("epoch %d of %d: loss %.4f", epoch + 1, epochs, loss.item())
    return lenet.eval()
