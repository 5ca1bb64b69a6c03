import math

import numpy as np
import pytest
import scipy.linalg
import torch

from mnistgen.errors import UserError
from mnistgen.metrics.lenet.network import extract
from mnistgen.metrics.quality import (
    digit_histogram,
    digit_kl,
    fid,
    haze,
    kid,
    measure,
    nearest_distance,
    precision_recall_density_coverage,
    sharpness,
    spread,
)


def with_moments(n, mean, covariance, random):
    """Features whose sample mean and covariance are exactly these."""
    x = torch.randn(n, len(mean), dtype=torch.float64, generator=random)
    x = x - x.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T.cov()), x.T, upper=False)
    return (torch.linalg.cholesky(covariance) @ white).T + mean


def test_fid_of_gaussians_in_closed_form(random):
    basis = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64, generator=random)).Q
    a, b = torch.arange(1.0, 7).double(), torch.tensor([9.0, 1, 4, 0.25, 2, 1]).double()
    means = torch.randn(2, 6, dtype=torch.float64, generator=random)
    real = with_moments(500, means[0], basis @ a.diag() @ basis.T, random)
    fake = with_moments(300, means[1], basis @ b.diag() @ basis.T, random)
    # The covariances share their eigenvectors, so each axis adds its own distance.
    expected = (means[0] - means[1]).square().sum() + (a.sqrt() - b.sqrt()).square().sum()
    assert fid(real, fake) == pytest.approx(expected.item(), rel=1e-6)


def test_fid_agrees_with_scipy(random, arrays, lenet):
    real = extract(lenet, arrays.test_images[:800].unsqueeze(1) / 255)
    fake = extract(lenet, torch.rand(700, 1, 28, 28, generator=random) ** 3)
    moments = [(x.double().numpy().mean(0), np.cov(x.double().numpy().T)) for x in (real, fake)]
    (mean_a, cov_a), (mean_b, cov_b) = moments
    # A sliver of variance makes the product regular, which sqrtm needs for all its digits.
    sliver = 1e-9 * np.eye(len(mean_a))
    root = scipy.linalg.sqrtm((cov_a + sliver) @ (cov_b + sliver)).real
    expected = np.square(mean_a - mean_b).sum() + np.trace(cov_a + cov_b - 2 * root)
    assert fid(real, fake) == pytest.approx(expected, rel=1e-4)


def test_kid_is_the_unbiased_estimate(random):
    real = torch.randn(60, 5, dtype=torch.float64, generator=random)
    fake = 1.5 * torch.randn(60, 5, dtype=torch.float64, generator=random) + 0.5
    x, y = real.numpy(), fake.numpy()

    def kernel(a, b):
        return (a @ b.T / 5 + 1) ** 3

    off = ~np.eye(60, dtype=bool)
    expected = kernel(x, x)[off].mean() + kernel(y, y)[off].mean() - 2 * kernel(x, y).mean()
    assert kid(real, fake, subsets=2) == pytest.approx(expected, rel=1e-9)


def test_kid_of_equal_sets_is_about_zero(random):
    features = torch.randn(3_000, 64, generator=random)
    other = torch.randn(3_000, 64, generator=random) + 0.3
    options = {"subsets": 20, "subset_size": 500}
    far = kid(features, other, **options)
    assert abs(kid(features, features, **options)) < 0.02 * far
    assert kid(features, other, **options) == far
    assert kid(features, other, **options, seed=1) != far


@pytest.mark.parametrize("distance", [fid, kid])
@pytest.mark.parametrize("sizes", [(63, 100), (100, 63)])
def test_fewer_samples_than_features_are_refused(distance, sizes):
    with pytest.raises(UserError, match=r"^64 features .* 63 .*$"):
        distance(*(torch.rand(size, 64) for size in sizes))


def test_precision_recall_density_coverage_by_hand():
    real = torch.tensor([-9.0, 0, 1, 3, 7])[:, None]
    fake = torch.tensor([0.4, 2.5, 4.5, 20, 20.5, 40])[:, None]
    # Balls to the nearest neighbour. Real: -9 +- 9, 0 +- 1, 1 +- 1, 3 +- 2, 7 +- 4 hold
    # nothing; 0.4; 0.4; 2.5 and 4.5; 4.5: five pairs, four balls, three of the six fakes.
    # Fake: 0.4 +- 2.1, 2.5 +- 2, 4.5 +- 2, 20 +- 0.5, 20.5 +- 0.5, 40 +- 19.5 hold
    # 0 and 1; 1 and 3; 3; nothing; nothing; nothing: three of the five reals.
    assert precision_recall_density_coverage(real, fake, k=1) == pytest.approx(
        {"precision": 3 / 6, "recall": 3 / 5, "density": 5 / 6, "coverage": 4 / 5}
    )
    # Balls to the second. Real: -9 +- 10, 0 +- 3, 1 +- 2, 3 +- 3, 7 +- 6 hold
    # 0.4; 0.4 and 2.5; 0.4 and 2.5; 0.4, 2.5 and 4.5; 2.5 and 4.5: ten pairs, all five balls.
    # Fake: 0.4 +- 4.1, 2.5 +- 2.1, 4.5 +- 4.1, 20 +- 15.5, ... hold 0, 1, 3 and 7, but not -9.
    assert precision_recall_density_coverage(real, fake, k=2) == pytest.approx(
        {"precision": 3 / 6, "recall": 4 / 5, "density": 10 / 12, "coverage": 1.0}
    )


def test_precision_and_recall_in_chunks(random):
    real = torch.randn(1_500, 3, generator=random)
    fake = torch.randn(1_200, 3, generator=random) * 1.5
    distances = torch.cdist(real.double(), fake.double())
    radii = torch.cdist(real.double(), real.double()).sort(1).values[:, 5]
    fake_radii = torch.cdist(fake.double(), fake.double()).sort(1).values[:, 5]
    inside = distances <= radii[:, None]
    found = precision_recall_density_coverage(real, fake)
    assert found["precision"] == pytest.approx(inside.any(0).double().mean().item())
    assert found["recall"] == pytest.approx(
        (distances <= fake_radii).any(1).double().mean().item()
    )
    assert found["density"] == pytest.approx(inside.sum().item() / 5 / 1_200)
    assert found["coverage"] == pytest.approx(inside.any(1).double().mean().item())


def test_precision_needs_more_samples_than_neighbours():
    with pytest.raises(UserError, match="k=5"):
        precision_recall_density_coverage(torch.rand(5, 2), torch.rand(9, 2))


def test_digit_histogram_and_kl():
    histogram = digit_histogram(torch.tensor([0, 0, 0, 9], dtype=torch.uint8))
    assert histogram.tolist() == [0.75, 0, 0, 0, 0, 0, 0, 0, 0, 0.25]
    uniform = torch.full((10,), 0.1, dtype=torch.float64)
    expected = 0.75 * math.log(7.5) + 0.25 * math.log(2.5)
    assert digit_kl(histogram, uniform) == pytest.approx(expected)
    assert digit_kl(histogram, histogram) == 0
    assert digit_kl(uniform, histogram) == math.inf


def test_haze_counts_mid_grey_pixels():
    images = torch.tensor([0, 0.05, 0.2, 0.5, 0.85, 0.95, 1, 1]).view(2, 1, 2, 2)
    assert haze(images) == 3 / 8


def test_sharpness_of_ramps_and_an_edge():
    steps = torch.arange(28) / 28
    ramp = (0.3 * steps[:, None] + 0.4 * steps).view(1, 1, 28, 28)
    assert sharpness(ramp) == pytest.approx(0.5 / 28, rel=1e-4)
    edge = (steps >= 0.5).float().expand(1, 1, 28, 28)
    assert sharpness(edge) == pytest.approx(1 / 27)
    assert sharpness(torch.ones(1, 1, 28, 28)) == 0


def test_spread_is_the_distance_of_two_images(random):
    images = torch.rand(40, 1, 28, 28, generator=random)
    distances = torch.pdist(images.flatten(1).double())
    assert spread(images) == pytest.approx(distances.square().mean().sqrt().item(), rel=1e-5)
    assert spread(images[:1].expand(40, -1, -1, -1)) == 0


def test_nearest_distance(random):
    images = torch.rand(250, 1, 28, 28, generator=random)
    train = torch.rand(300, 1, 28, 28, generator=random)
    distances = torch.cdist(images.flatten(1).double(), train.flatten(1).double())
    expected = distances.min(1).values.mean().item()
    assert nearest_distance(images, train) == pytest.approx(expected, rel=1e-5)
    assert nearest_distance(train[50:], train) == 0


@pytest.fixture(scope="module")
def unseen(arrays):
    """Real images that are neither in the reference nor among its training images."""
    chosen = 20_000 + torch.randperm(40_000, generator=torch.Generator().manual_seed(0))[:2_000]
    return arrays.train_images[chosen].unsqueeze(1) / 255


@pytest.fixture(scope="module")
def real(unseen, reference, lenet):
    return measure(unseen, reference=reference, lenet=lenet)


def test_real_images_are_good_and_noise_is_not(real, reference, lenet):
    images = torch.rand(2_000, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    noise = measure(images, reference=reference, lenet=lenet)
    assert real["fid"] < 0.01 * noise["fid"]
    assert real["kid"] < 0.02 * noise["kid"]
    assert min(real["precision"], real["recall"]) > 0.7
    assert real["density"] == pytest.approx(1, abs=0.15)
    assert real["coverage"] > 0.9
    for name in ("precision", "recall", "density", "coverage", "readable"):
        assert noise[name] < 0.01
    assert real["digit_kl"] < 0.02
    assert real["digits_present"] == 10
    assert sum(real["digits"]) == pytest.approx(1)
    assert real["readable"] > 0.95
    assert real["confidence"] > 0.98
    for name in ("haze", "sharpness", "memorization", "spread"):
        assert real[name] == pytest.approx(1, abs=0.1)
    assert noise["haze"] > 4
    assert noise["sharpness"] > 3
    assert noise["memorization"] > 1.5


def test_measuring_twice_gives_identical_numbers(real, unseen, reference, lenet):
    torch.rand(7)
    assert measure(unseen, reference=reference, lenet=lenet) == real


def test_a_generator_that_copies_is_exposed(real, train_images, reference, lenet):
    copies = measure(train_images[:2_000], reference=reference, lenet=lenet)
    assert copies["memorization"] < 0.01
    assert real["memorization"] > 0.9


def test_a_generator_of_one_digit_is_exposed(real, arrays, reference, lenet):
    threes = arrays.train_images[arrays.train_labels == 3][:2_000].unsqueeze(1) / 255
    found = measure(threes, reference=reference, lenet=lenet)
    assert found["precision"] > 0.7
    assert found["recall"] < 0.3 * real["recall"]
    assert found["coverage"] < 0.3 * real["coverage"]
    assert found["digits"].index(max(found["digits"])) == 3
    assert found["digits_present"] == 1
    assert found["digit_kl"] > 2


def test_broken_images_are_refused(reference, lenet):
    images = torch.rand(100, 1, 28, 28)
    images[3, 0, 2, 1] = math.nan
    with pytest.raises(UserError, match="finite"):
        measure(images, reference=reference, lenet=lenet)
    with pytest.raises(UserError, match="64 features"):
        measure(images[10:60], reference=reference, lenet=lenet)
