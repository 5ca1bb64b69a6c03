import numpy as np
import pytest
import torch
from scipy import stats

from mnistgen.models import DenseVAE
from mnistgen.models.mixtures import RIDGE, Mixture, log_density

CENTRES = torch.tensor([[-5.0, 0.0], [5.0, 0.0], [0.0, 7.0]])
WEIGHTS = torch.tensor([0.5, 0.3, 0.2])


@pytest.fixture
def draws():
    torch.manual_seed(1)
    parts = WEIGHTS.multinomial(6_000, replacement=True)
    stretched = torch.randn(6_000, 2) @ torch.tensor([[1.0, 0.5], [0.0, 0.5]])
    return CENTRES[parts] + stretched


def test_before_it_is_fitted_it_is_the_standard_normal():
    mixture = Mixture(3, 2)
    z = torch.randn(20, 2)
    ours = mixture.distribution().log_prob(z)
    np.testing.assert_allclose(ours, stats.multivariate_normal(np.zeros(2)).logpdf(z), rtol=1e-5)
    assert not list(mixture.parameters())


def test_the_density_in_each_normal_is_scipys():
    torch.manual_seed(2)
    means, factors = torch.randn(4, 3).double(), torch.randn(4, 3, 3).double().tril()
    factors.diagonal(dim1=1, dim2=2).abs_().add_(0.5)
    z = torch.randn(10, 3).double()
    ours = log_density(z, means, factors)
    for row, mean, factor in zip(ours, means, factors, strict=True):
        theirs = stats.multivariate_normal(mean, factor @ factor.T).logpdf(z)
        np.testing.assert_allclose(row, theirs, rtol=1e-9)


def test_one_normal_has_the_mean_and_the_covariance_of_the_latents(draws):
    mixture = Mixture(1, 2)
    mixture.fit(draws)
    torch.testing.assert_close(mixture.means[0], draws.mean(0))
    covariance = mixture.factors[0] @ mixture.factors[0].T
    torch.testing.assert_close(
        covariance, draws.T.cov(correction=0) + RIDGE * torch.eye(2), rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(mixture.weights, torch.ones(1))


def test_clusters_are_found_with_their_shares(draws):
    mixture = Mixture(3, 2)
    start = torch.cat([draws[(draws - centre).norm(dim=1).argmin()][None] for centre in CENTRES])
    mixture.fit(torch.cat([start, draws]))
    torch.testing.assert_close(mixture.means, CENTRES, rtol=0, atol=0.1)
    torch.testing.assert_close(mixture.weights, WEIGHTS, rtol=0, atol=0.02)
    covariance = mixture.factors @ mixture.factors.mT
    expected = torch.tensor([[1.0, 0.5], [0.5, 0.5]]).expand(3, 2, 2)
    torch.testing.assert_close(covariance, expected, rtol=0, atol=0.1)


def test_more_normals_make_the_latents_likelier_and_its_draws_are_like_them(draws):
    likelihoods = []
    for components in (1, 3, 10):
        mixture = Mixture(components, 2)
        mixture.fit(draws)
        distribution = mixture.distribution()
        likelihoods.append(distribution.log_prob(draws).mean().item())
    assert likelihoods[0] + 0.5 < likelihoods[1] < likelihoods[2]
    made = distribution.sample((6_000,))
    torch.testing.assert_close(made.mean(0), draws.mean(0), rtol=0, atol=0.2)
    torch.testing.assert_close(made.T.cov(), draws.T.cov(), rtol=0.05, atol=0.5)


def test_equal_latents_leave_normals_that_can_be_drawn_from():
    mixture = Mixture(5, 3)
    mixture.fit(torch.ones(100, 3))
    made = mixture.distribution().sample((50,))
    torch.testing.assert_close(made, torch.ones(50, 3), rtol=0, atol=0.1)


def test_a_vae_decodes_the_mixtures_draws_and_a_checkpoint_has_it():
    torch.manual_seed(3)
    vae = DenseVAE(latent_dim=2, mixture=4).eval()
    plain = DenseVAE(latent_dim=2)
    assert [p.shape for p in vae.parameters()] == [p.shape for p in plain.parameters()]
    images = torch.rand(200, 1, 28, 28)
    vae.fit_mixture(images)
    assert vae.mixture.weights.sum().item() == pytest.approx(1)
    other = DenseVAE(latent_dim=2, mixture=4)
    other.load_state_dict(vae.state_dict())
    samples = []
    for model in (vae, other):
        torch.manual_seed(4)
        samples.append(model.sample(6))
    assert torch.equal(*samples)
    torch.manual_seed(4)
    torch.testing.assert_close(samples[0], vae.decode(vae.mixture.distribution().sample((6,))))
