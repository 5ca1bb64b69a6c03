"""The classifier's weights: where they lie for each data set, and how they are trained."""

import logging
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from mnistgen import files
from mnistgen.data.mnist import MNIST
from mnistgen.errors import UserError
from mnistgen.files import write_atomically
from mnistgen.metrics.lenet.network import LeNet
from mnistgen.seeds import stream
from mnistgen.tracking.checksums import sha256 as sha256_of

log = logging.getLogger(__name__)

MNIST_WEIGHTS = Path(__file__).with_name("mnist.safetensors")
# It changes with the packaged weights: other processors and thread counts round otherwise.
MNIST_SHA256 = "70415650c886c3a0e0c0848220fc74bb5d25a881c0c6ac2f136d65340c193d6d"

EPOCHS = 12
BATCH_SIZE = 128
PEAK_LR = 4e-3
MAX_SHIFT = 2


def weights_path(dataset: MNIST) -> Path:
    """Where the weights for a data set lie: in this package, or in the data's folder."""
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
        with files.lock(path.parent, wait=True):  # of two processes one trains
            if not path.exists():
                name = dataset.torchvision_name
                log.info("training the feature network of %s, once: %s", name, path)
                write(dataset, path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the feature network's weights cannot be read: {error}") from error
    sha256 = sha256_of(content)
    if path == MNIST_WEIGHTS and sha256 != MNIST_SHA256:
        raise UserError(f"{path} has SHA-256 {sha256}, not {MNIST_SHA256}")
    lenet = LeNet()
    try:
        lenet.load_state_dict(safetensors.torch.load(content))
    except (safetensors.SafetensorError, RuntimeError) as error:
        raise UserError(f"{path} is damaged; delete it, and it is made again") from error
    return lenet.eval(), sha256


def write(dataset: MNIST, path: Path, *, seed: int = 1) -> LeNet:
    """Train the network for a data set and write its weights; raises UserError if it cannot."""
    arrays = dataset.arrays()
    lenet = train(arrays.train_images, arrays.train_labels, seed=seed)
    try:
        write_atomically(path, safetensors.torch.save(lenet.state_dict()))
    except OSError as error:
        raise UserError(f"the feature network's weights cannot be written: {error}") from error
    return lenet


def shift(images: Tensor) -> Tensor:
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
                digits = shift(images[indices]).unsqueeze(1) / 255
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
