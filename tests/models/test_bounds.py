"""What a VAE minimises, against torch, closed values and each other."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from mnistgen.models import CNNVAE, DenseVAE
from mnistgen.models.bounds import ELBO, IWAE, closed_form, free, monte_carlo

BOUNDS = [ELBO(), ELBO(kl="monte_carlo"), ELBO(beta=4), ELBO(free_bits=0.5), IWAE(k=3)]


@pytest.fixture
def model():
    """A VAE whose latents tell its images apart."""
    torch.manual_seed(0)
    model = DenseVAE(latent_dim=4, batch_norm=False)
    for parameter in model.parameters():
        parameter.data *= 2
    return model


@pytest.fixture
def images():
    return torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)).round()


def terms(bound, model, images, seed=1):
    torch.manual_seed(seed)
    return bound(model, images)


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_terms_are_those_of_the_elbo_whatever_the_loss_is(bound, model, images):
    found = terms(bound, model, images)
    elbo = -found["reconstruction"] - found["kl"]
    torch.testing.assert_close(found.get("elbo", -found["loss"]), elbo)
    names = ["loss", "reconstruction", "kl"]
    is_elbo = torch.isclose(found["loss"], -elbo)
    assert list(found) == (names if is_elbo else ["loss", "elbo", *names[1:]])


def test_reconstruction_is_the_cross_entropy_summed_over_pixels(model):
    grey = torch.rand(3, 1, 28, 28)
    torch.manual_seed(1)
    logits = model.decoder(model.posterior(grey).rsample())
    expected = F.binary_cross_entropy_with_logits(logits, grey, reduction="sum") / 3
    torch.testing.assert_close(terms(ELBO(), model, grey)["reconstruction"], expected)


def test_the_closed_form_is_torchs_and_the_mean_of_the_estimate(model, images):
    with torch.no_grad():
        posterior, prior = model.posterior(images), model.prior()
        expected = kl_divergence(posterior, prior)
        normals = {"posterior": posterior.base_dist, "prior": prior.base_dist}
        each = closed_form(torch.empty(0), **normals)
        torch.testing.assert_close(each.sum(1), expected)
        torch.testing.assert_close(terms(ELBO(), model, images)["kl"], expected.mean())
        estimates = monte_carlo(posterior.sample((100_000,)), **normals)
    error = estimates.std(0) / math.sqrt(len(estimates))
    assert ((estimates.mean(0) - each).abs() < 5 * error).all()
    assert (each.sum(1) > 20 * error.norm(dim=1)).all()  # or a KL of nothing would pass


def test_both_estimates_of_the_elbo_share_the_reconstruction(model, images):
    one, other = (terms(ELBO(kl=kl), model, images) for kl in ("closed_form", "monte_carlo"))
    assert one["reconstruction"] == other["reconstruction"]
    assert one["kl"] != other["kl"]


def test_beta_weighs_the_kl_in_the_loss_and_in_its_gradient(model, images):
    def gradients(loss):
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, encoder)])

    encoder = list(model.encoder.parameters())
    plain, weighed = terms(ELBO(), model, images), terms(ELBO(beta=4), model, images)
    torch.testing.assert_close(weighed["loss"], plain["reconstruction"] + 4 * plain["kl"])
    found = gradients(weighed["loss"]) - gradients(plain["loss"])
    kl = gradients(terms(ELBO(), model, images)["kl"])
    torch.testing.assert_close(found, 3 * kl, rtol=1e-3, atol=1e-4)
    assert kl.norm() > 0.01


def test_free_bits_are_free_in_each_dimension_on_average_over_the_batch():
    kl = torch.tensor([[0.0, 1.0, 3.0], [0.4, 0.5, 1.0]], requires_grad=True)
    found = free(kl, 0.5)  # means 0.2, 0.75 and 2
    assert found.item() == pytest.approx(0.5 + 0.75 + 2)
    (gradient,) = torch.autograd.grad(found, kl)
    assert gradient.tolist() == [[0, 0.5, 0.5]] * 2


def test_the_loss_with_free_bits_is_that_of_the_closed_form(model, images):
    found = terms(ELBO(beta=2, free_bits=0.2), model, images)
    posterior = model.posterior(images)
    mu, var = posterior.mean, posterior.variance
    each = (0.5 * (var + mu**2 - 1 - var.log())).mean(0)
    assert (each < 0.2).any()
    assert (each > 0.2).any()
    expected = found["reconstruction"] + 2 * each.clamp(min=0.2).sum()
    torch.testing.assert_close(found["loss"], expected)


def test_one_importance_weight_is_the_elbo_with_an_estimate_of_the_kl(model, images):
    one, elbo = (terms(b, model, images) for b in (IWAE(k=1), ELBO(kl="monte_carlo")))
    torch.testing.assert_close(one["loss"], elbo["loss"])
    for name, value in _gradients(model, one["loss"]).items():
        torch.testing.assert_close(value, _gradients(model, elbo["loss"])[name])


def test_importance_weights_are_those_of_log_weights(model, images):
    torch.manual_seed(1)
    weights = model.log_weights(images, 7).double()
    top = weights.max(0).values
    expected = -(top + (weights - top).exp().mean(0).log()).mean()
    found = terms(IWAE(k=7), model, images)["loss"]
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)


def test_the_bound_rises_with_the_number_of_weights(model, images):
    many = images.repeat(20, 1, 1, 1)
    with torch.no_grad():
        losses = [terms(IWAE(k), model, many)["loss"] for k in (1, 2, 5, 50)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] - losses[-1] > 1


class Linear:
    """A VAE of images of 4 x 4, normals around linear latents, so that log p(x) is known."""

    noise = 0.5

    def __init__(self):
        weight = torch.randn(16, 2, generator=torch.Generator().manual_seed(0)).double() / 2
        self.weight = weight + weight[:, :1]  # so that the true posterior is not diagonal
        self.precision = self.weight.T @ self.weight / self.noise**2 + torch.eye(2).double()

    def prior(self):
        return Independent(Normal(torch.zeros(2).double(), 1.0), 1)

    def likelihood(self, z):
        mean = (z @ self.weight.T).unflatten(-1, (1, 4, 4))
        return Independent(Normal(mean, self.noise), 3)

    def posterior(self, images):
        """The normals nearest to the true posterior, which has the same mean."""
        mean = images.flatten(1) @ self.weight / self.noise**2 @ self.precision.inverse()
        return Independent(Normal(mean, self.precision.diag().rsqrt()), 1)

    def log_likelihood(self, images):
        covariance = self.weight @ self.weight.T + self.noise**2 * torch.eye(16).double()
        normal = MultivariateNormal(torch.zeros(16).double(), covariance)
        return normal.log_prob(images.flatten(1))


def test_of_linear_normals_the_bounds_approach_the_likelihood_that_is_known():
    model = Linear()
    torch.manual_seed(0)
    images = model.likelihood(model.prior().sample((500,))).sample()
    known = model.log_likelihood(images).mean()
    loss = {k: terms(IWAE(k), model, images)["loss"] for k in (1, 20, 1_000)}
    assert loss[1] > loss[20] + 0.1 > -known + 0.1
    torch.testing.assert_close(-loss[1_000], known, atol=0.03, rtol=0)
    # What the ELBO lacks is the KL of the posterior from the true one
    gap = (model.precision.diag().log().sum() - model.precision.logdet()) / 2
    assert gap > 0.2
    many = images.repeat(100, 1, 1, 1)
    torch.testing.assert_close(known + terms(ELBO(), model, many)["loss"], gap, atol=0.05, rtol=0)


@pytest.mark.parametrize("bound", BOUNDS)
def test_gradients_reach_both_networks_through_the_draws(bound, images):
    model = CNNVAE(latent_dim=3, bound=bound)
    model.terms(images)["loss"].backward()
    for network in (model.encoder, model.decoder):
        gradients = [parameter.grad for parameter in network.parameters()]
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert any(gradient.ne(0).any() for gradient in gradients)


@pytest.mark.parametrize("bound", BOUNDS)
def test_losses_are_in_full_precision_when_the_products_are_not(bound, images):
    with torch.autocast("cpu", torch.bfloat16):
        found = CNNVAE(latent_dim=3, bound=bound).terms(images)
    assert all(value.dtype == torch.float32 for value in found.values())


def _gradients(model, loss):
    names, parameters = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters, retain_graph=True), strict=True))
