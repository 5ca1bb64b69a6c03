import math

import pytest
import torch
from torch.distributions import Normal

from mnistgen.models import CNNVAE, DenseVAE


@pytest.fixture
def model():
    torch.manual_seed(0)
    return DenseVAE(latent_dim=4).eval()


@pytest.fixture
def images():
    return torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)).round()


def test_elbo_never_exceeds_the_importance_weighted_bound(model, images):
    torch.manual_seed(1)
    log_weights = model.log_weights(images, 2000).double()
    elbo = log_weights.mean(0)
    bound = log_weights.logsumexp(0) - math.log(len(log_weights))
    assert (elbo < bound).all()
    torch.manual_seed(2)
    with torch.no_grad():
        losses = torch.stack([model.terms(images)["loss"] for _ in range(500)])
    error = losses.std() / math.sqrt(len(losses))
    assert abs(losses.mean() + elbo.mean()) < 6 * error


def test_log_weights_are_one_draw_of_the_three_densities(model, images):
    torch.manual_seed(3)
    found = model.log_weights(images, 1)[0]
    torch.manual_seed(3)
    with torch.no_grad():
        posterior = model.posterior(images)
        z = posterior.sample((1,))[0]
        expected = (
            model.likelihood(z).log_prob(images)
            + Normal(0, 1).log_prob(z).sum(1)
            - Normal(posterior.mean, posterior.stddev).log_prob(z).sum(1)
        )
    torch.testing.assert_close(found, expected)


def test_gradients_reach_both_networks_through_the_reparameterised_draw(images):
    model = CNNVAE(latent_dim=3)
    model.terms(images)["reconstruction"].backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.decoder.parameters())
    assert any(parameter.grad.ne(0).any() for parameter in model.encoder.parameters())


def test_reconstruct_decodes_the_posterior_mean(model, images):
    found = model.reconstruct(images)
    torch.testing.assert_close(found, model.decode(model.posterior(images).mean).detach())
    assert found.shape == images.shape
    assert found.min() >= 0
    assert found.max() <= 1


def test_the_loss_is_in_full_precision_when_the_products_are_not(images):
    with torch.autocast("cpu", torch.bfloat16):
        terms = CNNVAE(latent_dim=3).terms(images)
    assert all(value.dtype == torch.float32 for value in terms.values())
