import math

import pytest
import torch
from torch import nn

from mnistgen.errors import UserError
from mnistgen.metrics import likelihood
from mnistgen.metrics.lenet.network import accuracy
from mnistgen.metrics.likelihood import (
    active_units,
    elbo,
    log_likelihoods,
    nll,
    reconstruction_digits,
)
from mnistgen.models import DenseVAE
from mnistgen.models.bounds import ELBO, IWAE


@pytest.fixture(scope="module")
def images(arrays):
    """Binarised test images."""
    return (arrays.test_images[:200] > 127).unsqueeze(1).float()


@pytest.fixture(scope="module")
def model(arrays):
    """A VAE with two latent dimensions that has seen a little."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DenseVAE(latent_dim=2)
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
        for batch in arrays.train_images[:12_800].split(128):
            loss = model.terms((batch > 127).unsqueeze(1).float())["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


@torch.no_grad()
def integrated(model, images):
    """log p(x) by the rectangle rule over all latents within 6 of the origin."""
    step = 0.04
    axis = torch.arange(-6, 6, step)
    z = torch.cartesian_prod(axis, axis)
    model.eval()
    joint = []
    for chunk in z.split(10_000):
        logits = model.decoder(chunk).flatten(1)
        log_likelihood = images.flatten(1) @ logits.T - nn.functional.softplus(logits).sum(1)
        log_prior = -chunk.square().sum(1) / 2 - math.log(2 * math.pi)
        joint.append((log_likelihood + log_prior).double())
    model.train()
    return torch.cat(joint, 1).logsumexp(1) + 2 * math.log(step)


def test_nll_agrees_with_integration_over_a_grid(model, images):
    expected = integrated(model, images[:20])
    found = log_likelihoods(model, images[:20], 4_050)
    assert found.shape == (20,)
    torch.testing.assert_close(found, expected, atol=0.5, rtol=0)
    mean, standard_error = nll(model, images[:20], 4_050)
    assert mean == pytest.approx(-expected.mean().item(), abs=0.05)
    assert standard_error == pytest.approx(expected.std().item() / math.sqrt(20), rel=0.01)


def test_the_bound_rises_with_k(model, images):
    means = [nll(model, images, k)[0] for k in (1, 10, 200)]
    assert means[0] > means[1] + 0.1 > means[2] + 0.15
    # One draw gives the ELBO, but for the noise of that draw.
    many = images.repeat(20, 1, 1, 1)
    assert -nll(model, many, 1)[0] == pytest.approx(elbo(model, many)["elbo"], abs=1)


def test_elbo_and_its_terms(model, images):
    found = elbo(model, images)
    with torch.no_grad():
        mu, log_var = model.eval().encoder(images).chunk(2, dim=1)
    model.train()
    kl = (mu.square() + log_var.exp() - log_var - 1).sum(1).mean() / 2
    assert list(found) == ["elbo", "reconstruction", "kl"]
    assert found["kl"] == pytest.approx(kl.item(), rel=1e-4)
    assert found["elbo"] == pytest.approx(-found["reconstruction"] - found["kl"], rel=1e-6)
    assert found["elbo"] < -nll(model, images, 100)[0]


@pytest.mark.parametrize("bound", [ELBO(beta=4), IWAE()])
def test_the_elbo_is_that_whatever_a_model_was_trained_with(monkeypatch, model, images, bound):
    expected = elbo(model, images)
    monkeypatch.setattr(model, "bound", bound)
    assert elbo(model, images) == expected


def test_batches_count_by_their_images(model, images):
    many = images.repeat(6, 1, 1, 1)[:1_100]
    parts = [elbo(model, part)["kl"] * len(part) for part in (many[:1_000], many[1_000:])]
    assert elbo(model, many)["kl"] == pytest.approx(sum(parts) / 1_100, rel=1e-4)


@pytest.mark.parametrize("function", [elbo, lambda *args: nll(*args, 20), active_units])
def test_measuring_twice_gives_identical_numbers_and_disturbs_nothing(function, model, images):
    model.train()
    state = torch.get_rng_state()
    first = function(model, images)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    torch.rand(7)
    assert function(model, images) == first


def test_a_long_measurement_says_how_far_it_is(monkeypatch, caplog, model, images):
    caplog.set_level("INFO")
    log_likelihoods(model, images[:50], 100)
    assert caplog.messages == []
    monkeypatch.setattr(likelihood, "SILENCE", 0)
    log_likelihoods(model, images[:50], 100)
    assert [line.partition(",")[0] for line in caplog.messages] == [
        "NLL of 20 of 50 images", "NLL of 40 of 50 images",
    ]  # fmt: skip


def test_grey_pixels_have_no_nll(model, images):
    with pytest.raises(UserError, match="binarised"):
        nll(model, images * 0.9, 10)


def test_active_units(images):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DenseVAE(latent_dim=4)
    layer = model.encoder[-1]
    with torch.no_grad():
        means = model.eval().encoder(images)[:, :4]
        # The variances over the images become 0.04, 0.0121, 0.0081 and 0.
        scales = torch.tensor([0.2, 0.11, 0.09, 0]) / means.std(0)
        layer.weight[:4] *= scales[:, None]
    assert active_units(model, images) == 2


class Unchanged:
    """A VAE that reconstructs perfectly."""

    def reconstruct(self, images):
        return images


class Always:
    """One that makes everything the same image."""

    def __init__(self, image):
        self.image = image

    def reconstruct(self, images):
        return self.image.expand_as(images)


def test_digits_of_perfect_reconstructions(lenet, arrays):
    images, labels = arrays.test_images[:1_200].unsqueeze(1) / 255, arrays.test_labels[:1_200]
    share, confusion = reconstruction_digits(Unchanged(), lenet, images, labels)
    assert share == accuracy(lenet, images, labels)
    assert confusion.sum(1).tolist() == torch.bincount(labels.long(), minlength=10).tolist()
    assert confusion.diag().sum() > 0.98 * 1_200


def test_digits_read_are_columns(lenet, arrays):
    images, labels = arrays.test_images[:200].unsqueeze(1) / 255, arrays.test_labels[:200]
    model = Always(images[0])
    assert labels[0] == 7
    share, confusion = reconstruction_digits(model, lenet, images, labels)
    assert confusion[:, 7].tolist() == torch.bincount(labels.long(), minlength=10).tolist()
    assert confusion.sum() == 200
    assert share == (labels == 7).double().mean()
