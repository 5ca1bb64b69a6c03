import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Independent, Normal

from mnistgen.models import CNNVAE, DenseVAE
from mnistgen.models.bounds import negative_elbo


@pytest.fixture
def model():
    torch.manual_seed(0)
    return DenseVAE(latent_dim=4).eval()


@pytest.fixture
def images():
    return torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)).round()


def test_reconstruction_is_the_cross_entropy_summed_over_pixels():
    logits, grey = torch.randn(3, 1, 28, 28), torch.rand(3, 1, 28, 28)
    normal = Independent(Normal(torch.zeros(3, 2), torch.ones(3, 2)), 1)
    reconstruction, kl = negative_elbo(
        grey,
        likelihood=Independent(Bernoulli(logits=logits, validate_args=False), 3),
        posterior=normal,
        prior=normal,
    )
    expected = F.binary_cross_entropy_with_logits(logits, grey, reduction="sum") / 3
    torch.testing.assert_close(reconstruction, expected)
    assert kl == 0


def test_kl_is_the_closed_form_and_agrees_with_monte_carlo(model, images):
    with torch.no_grad():
        posterior, prior = model.posterior(images), model.prior()
        mu, var = posterior.mean, posterior.variance
        closed = 0.5 * (var + mu**2 - 1 - var.log()).sum(1).mean()
        kl = model.terms(images)["kl"]
        torch.testing.assert_close(kl, closed)
        # The paper's eq. 3: the difference of the log-densities at draws of the latents.
        z = posterior.sample((100_000,))
        draws = (posterior.log_prob(z) - prior.log_prob(z)).mean(1)
    error = draws.std() / math.sqrt(len(draws))
    assert abs(draws.mean() - closed) < 5 * error
    assert closed > 20 * error  # else the test would pass for a KL of nothing


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


def test_the_loss_is_minus_the_elbo(model, images):
    terms = model.terms(images)
    assert terms["loss"] == terms["reconstruction"] + terms["kl"]


def test_the_loss_is_in_full_precision_when_the_products_are_not(images):
    with torch.autocast("cpu", torch.bfloat16):
        terms = CNNVAE(latent_dim=3).terms(images)
    assert all(value.dtype == torch.float32 for value in terms.values())
