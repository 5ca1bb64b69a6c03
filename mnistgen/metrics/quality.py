"""How good a set of images is, measured against real ones, the same way for every model.

Images are in [0, 1], (N, 1, 28, 28); features are a LeNet's, (N, 64); no gradients flow.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import poly_mmd

from mnistgen.errors import UserError
from mnistgen.metrics.lenet.network import LeNet, classify, extract
from mnistgen.seeds import stream
from mnistgen.tracking import Measures

READABLE = 0.9  # the confidence from which a digit counts as readable
PRESENT = 0.1  # the part of an even share from which a digit counts as present
MEMORIZATION_IMAGES = 2_000  # the mean of their distances is good to about 1 %
CHUNK = 1_000  # points whose distances to all others are in memory at once


def fid(real: Tensor, fake: Tensor) -> float:
    """Fréchet distance between normals fitted to both sets of features, (N, d) and (M, d).

    Raises UserError for fewer samples than features, where a covariance would be singular.
    Source: M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017, eq. 6.
    """
    _check_enough(real, fake)
    unchanged = nn.Identity()  # in place of Inception, for these are features already
    unchanged.num_features = real.shape[1]  # type: ignore[assignment]
    metric = FrechetInceptionDistance(unchanged, normalize=True)
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    return float(metric.compute())


def kid(
    real: Tensor, fake: Tensor, *, subsets: int = 100, subset_size: int = 1_000, seed: int = 0
) -> float:
    """Squared maximum mean discrepancy of features (N, d) and (M, d), unbiased, cubic kernel.

    It is the mean over subsets that follow from `seed`; sets that are smaller are used whole.
    Raises UserError for fewer samples than features.
    Source: M. Binkowski et al., "Demystifying MMD GANs", 2018, section 4.
    """
    _check_enough(real, fake)
    generator = torch.Generator().manual_seed(stream(seed, "kid"))
    size = min(subset_size, len(real), len(fake))

    def draw(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[:size]].double()

    values = [poly_mmd(draw(real), draw(fake)) for _ in range(subsets)]
    return torch.stack(values).mean().item()


def precision_recall_density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> dict[str, float]:
    """How much of either set, (N, d) and (M, d), lies in the other's balls.

    The ball of a point reaches to its k-th nearest neighbour in its own set. Precision: the share
    of fakes in any real ball. Recall: of reals in any fake ball. Coverage: of real balls that
    hold any fake. Density: real balls that hold a fake, averaged over fakes, in units of k.
    Raises UserError where a set has no more than k points.
    Source: T. Kynkäänniemi et al., "Improved Precision and Recall Metric", 2019, eq. 1 and 2;
    M. F. Naeem et al., "Reliable Fidelity and Diversity Metrics", 2020, section 3.
    """
    if min(len(real), len(fake)) <= k:
        raise UserError(
            f"precision and recall with k={k} need more than {k} samples of each kind, "
            f"not {len(real)} real and {len(fake)} generated ones"
        )
    real, fake = real.double(), fake.double()
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    precise = torch.zeros(len(fake), dtype=torch.bool, device=fake.device)
    recalled = covered = pairs = 0
    for chunk in torch.split(torch.arange(len(real)), CHUNK):
        distances = torch.cdist(real[chunk], fake)
        inside = distances <= real_radii[chunk, None]
        precise |= inside.any(0)
        pairs += int(inside.sum())
        covered += int(inside.any(1).sum())
        recalled += int((distances <= fake_radii).any(1).sum())
    return {
        "precision": precise.double().mean().item(),
        "recall": recalled / len(real),
        "density": pairs / (k * len(fake)),
        "coverage": covered / len(real),
    }


def digit_histogram(digits: Tensor, classes: int = 10) -> Tensor:
    """The share of each of the ten digits, or of so many classes, among digits (N,); float64."""
    return torch.bincount(digits.long(), minlength=classes).double() / len(digits)


def digit_kl(p: Tensor, q: Tensor) -> float:
    """The KL divergence of a digit histogram `p` from that of real images, in nats."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum().item()


def readable(probabilities: Tensor) -> float:
    """The share of images whose likeliest class, of (N, classes), has a probability of 0.9."""
    return (probabilities.amax(1) >= READABLE).double().mean().item()


def haze(images: Tensor) -> float:
    """The share of mid-grey pixels: above 0.1 and below 0.9."""
    return ((images > 0.1) & (images < 0.9)).double().mean().item()


def sharpness(images: Tensor) -> float:
    """The mean magnitude of the gradient, in units of the full range per pixel."""
    across = images[..., :-1, 1:] - images[..., :-1, :-1]
    down = images[..., 1:, :-1] - images[..., :-1, :-1]
    return torch.hypot(across, down).mean(dtype=torch.float64).item()


def spread(images: Tensor) -> float:
    """How far two of the images are apart, in pixels: the root of their mean squared distance.

    That is twice their total variance. It stands for the MS-SSIM of pairs, which needs larger
    images (A. Odena et al., "Conditional Image Synthesis with Auxiliary Classifier GANs", 2017,
    section 4.2).
    """
    return math.sqrt(2 * images.flatten(1).var(0).sum(dtype=torch.float64).item())


def nearest_distance(images: Tensor, train_images: Tensor) -> float:
    """The mean Euclidean distance of images to the nearest of the training images, in pixels."""
    train = train_images.flatten(1)
    squares = train.square().sum(1)
    total = 0.0
    for batch in torch.split(images.flatten(1), 200):
        nearest = torch.addmm(squares, batch, train.T, alpha=-2).argmin(1)
        total += (batch - train[nearest]).norm(dim=1).double().sum().item()
    return total / len(images)


class Reference:
    """What others are measured against: real images, not binarised, and their labels (N,)."""

    def __init__(
        self, images: Tensor, labels: Tensor | None, train_images: Tensor, lenet: LeNet
    ) -> None:
        self.features = extract(lenet, images)
        classes = lenet.head.out_features
        self.digits = None if labels is None else digit_histogram(labels, classes)
        self.haze = haze(images)
        self.sharpness = sharpness(images)
        self.spread = spread(images)
        self.train_images = train_images
        self.nearest_distance = nearest_distance(_some(images), train_images)


def measure(images: Tensor, *, reference: Reference, lenet: LeNet, seed: int = 0) -> Measures:
    """All the measures of a set of images.

    Haze, sharpness, spread and memorization (the distance to the nearest training image) are
    ratios to those of real images: memorization below 1 means closer to the training set than
    real images.
    What cannot be measured is left out: classes where nothing is labelled, and a ratio to zero.
    Raises UserError for fewer images than features, or values that are not finite.
    """
    if not images.isfinite().all():
        raise UserError("there are generated pixels that are no finite numbers")
    features = extract(lenet, images)
    nearest = nearest_distance(_some(images), reference.train_images)
    # The less sure the network, the shorter the features, and near the origin the wide ball of
    # one odd real image takes in noise and blur alike; their directions keep those apart.
    directions = F.normalize(reference.features), F.normalize(features)
    ratios = {
        "haze": (haze(images), reference.haze),
        "sharpness": (sharpness(images), reference.sharpness),
        "memorization": (nearest, reference.nearest_distance),
        "spread": (spread(images), reference.spread),
    }
    return {
        "fid": fid(reference.features, features),
        "kid": kid(reference.features, features, seed=seed),
        **precision_recall_density_coverage(*directions),
        **_digits(features, reference, lenet),
        **{name: value / real for name, (value, real) in ratios.items() if real},
    }


def _digits(features: Tensor, reference: Reference, lenet: LeNet) -> Measures:
    """What the classifier reads; empty where the real images have no labels."""
    if reference.digits is None:
        return {}
    probabilities = classify(lenet, features)
    confidences, digits = probabilities.max(1)
    histogram = digit_histogram(digits, len(reference.digits))
    kl = digit_kl(histogram, reference.digits)
    return {
        "digits": histogram.tolist(),
        **({"digit_kl": kl} if math.isfinite(kl) else {}),  # a class may have no real image
        "digits_present": int((histogram >= PRESENT / len(histogram)).sum()),
        "confidence": confidences.double().mean().item(),
        "readable": readable(probabilities),
    }


def _check_enough(real: Tensor, fake: Tensor) -> None:
    features = real.shape[1]
    if min(len(real), len(fake)) < features:
        raise UserError(
            f"{features} features need at least as many samples of each kind, "
            f"not {len(real)} real and {len(fake)} generated ones"
        )


def _radii(points: Tensor, k: int) -> Tensor:
    """The distance of each of the points (N, d) to its k-th nearest among the others, (N,)."""
    nearest = [
        torch.cdist(chunk, points).topk(k + 1, largest=False).values[:, k]  # itself is one of them
        for chunk in torch.split(points, CHUNK)
    ]
    return torch.cat(nearest)


def _some(images: Tensor) -> Tensor:
    """Some of the images; which ones is random, for MNIST's come in an order of writers."""
    generator = torch.Generator().manual_seed(stream(0, "memorization"))
    return images[torch.randperm(len(images), generator=generator)[:MEMORIZATION_IMAGES]]
