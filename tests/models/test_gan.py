import copy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from mnistgen.models import CNNGAN, DenseGAN, DenseGANDeep
from mnistgen.models.games import discriminator_loss, generator_loss


def test_losses_are_the_cross_entropies():
    real, fake = torch.randn(7, 1), torch.randn(7, 1)
    ones, zeros = torch.ones(7, 1), torch.zeros(7, 1)
    bce = F.binary_cross_entropy_with_logits
    torch.testing.assert_close(
        discriminator_loss(real_logits=real, fake_logits=fake), bce(real, ones) + bce(fake, zeros)
    )
    torch.testing.assert_close(generator_loss(fake), bce(fake, ones))


@pytest.mark.parametrize("kind", [DenseGAN, DenseGANDeep])
def test_a_dense_discriminator_sees_neither_a_common_background_nor_contrast(kind):
    # Why the paper's dense GANs draw digits on noise, if any: see the README.
    discriminator = kind(latent_dim=10).double().discriminator
    images, background = torch.rand(64, 1, 28, 28).double(), torch.randn(1, 28, 28).double()
    seen = discriminator(images)
    torch.testing.assert_close(discriminator(images + background), seen)
    torch.testing.assert_close(discriminator(3 * images), seen, rtol=1e-2, atol=1e-3)
    images.requires_grad_()
    (gradient,) = torch.autograd.grad(generator_loss(discriminator(images)), images)
    assert gradient.sum(0).abs().max() < 1e-12 < gradient.abs().max()


def test_a_convolutional_discriminator_sees_a_common_background():
    discriminator = CNNGAN(latent_dim=10).discriminator
    images, background = torch.rand(64, 1, 28, 28), torch.randn(1, 28, 28)
    assert (discriminator(images + background) - discriminator(images)).abs().max() > 0.1


class Recording(torch.optim.SGD):
    """Keeps the gradients it is given, and whether any update came before."""

    def step(self, closure=None):
        group = self.param_groups[0]["params"]
        self.seen = [parameter.grad.clone() for parameter in group]
        self.before = [parameter.detach().clone() for parameter in group]
        super().step(closure)


def one_step(model, images, seed):
    """The gradients for both networks in one training step, outside a Trainer."""
    optimizers = [
        Recording(network.parameters(), lr=0.1)
        for network in (model.generator, model.discriminator)
    ]
    model.optimizers = lambda: optimizers
    model._trainer = SimpleNamespace(world_size=1, lr_scheduler_configs=[])
    torch.manual_seed(seed)
    model.training_step(images)
    return optimizers


def textbook_gradients(model, images, seed):
    """Two separate passes: the discriminator's on detached fakes, then the generator's."""
    torch.manual_seed(seed)
    z = model.latents(len(images))
    ones, zeros = torch.ones(len(images), 1), torch.zeros(len(images), 1)
    bce = F.binary_cross_entropy_with_logits
    model.zero_grad()
    fake = model.generator(z).detach()
    real_loss = bce(model.discriminator(2 * images - 1), ones)
    (real_loss + bce(model.discriminator(fake), zeros)).backward()
    discriminator = [parameter.grad.clone() for parameter in model.discriminator.parameters()]
    model.zero_grad()
    bce(model.discriminator(model.generator(z)), ones).backward()
    return [parameter.grad.clone() for parameter in model.generator.parameters()], discriminator


@pytest.mark.parametrize("kind", [DenseGAN, CNNGAN])
def test_one_pass_gives_the_gradients_of_two_textbook_passes(kind):
    torch.manual_seed(0)
    model = kind(latent_dim=10).double()
    images = torch.rand(6, 1, 28, 28, dtype=torch.double)
    expected = textbook_gradients(copy.deepcopy(model), images, seed=1)
    optimizers = one_step(model, images, seed=1)
    for optimizer, gradients in zip(optimizers, expected, strict=True):
        for found, textbook in zip(optimizer.seen, gradients, strict=True):
            torch.testing.assert_close(found, textbook, rtol=1e-8, atol=1e-12)


def test_one_generator_pass_a_step():
    model = DenseGAN(latent_dim=10)
    passes = []
    model.generator.register_forward_hook(lambda *_: passes.append(1))
    one_step(model, torch.rand(6, 1, 28, 28), seed=0)
    assert len(passes) == 1


@pytest.mark.parametrize(
    ("trained", "other"), [("d_loss", "generator"), ("g_loss", "discriminator")]
)
def test_a_loss_that_is_cut_off_moves_the_other_network_alone(monkeypatch, trained, other):
    # With one of the losses made constant in value and gradient, its own network's gradients
    # must be exactly zero: nothing of the remaining loss may leak into it.
    model = DenseGAN(latent_dim=10)
    play = model.play
    cut = "g_loss" if trained == "d_loss" else "d_loss"
    monkeypatch.setattr(
        model, "play", lambda images: (game := play(images)) | {cut: 0 * game[cut]}
    )
    generator, discriminator = one_step(model, torch.rand(6, 1, 28, 28), seed=0)
    seen = {"generator": generator.seen, "discriminator": discriminator.seen}
    assert all(gradient.eq(0).all() for gradient in seen.pop(other))
    assert any(gradient.ne(0).any() for gradient in next(iter(seen.values())))


def test_play_reports_probabilities_of_real():
    model = DenseGAN(latent_dim=10).eval()
    with torch.no_grad():
        model.discriminator[-1].weight.zero_()
        model.discriminator[-1].bias.fill_(2.0)
        game = model.play(torch.rand(8, 1, 28, 28))
    probability = torch.sigmoid(torch.tensor(2.0))
    torch.testing.assert_close(game["d_real"], probability)
    torch.testing.assert_close(game["d_fake"], probability)
    torch.testing.assert_close(game["g_loss"], -probability.log())
    torch.testing.assert_close(game["d_loss"], -probability.log() - (1 - probability).log())


def test_losses_are_in_full_precision_when_the_products_are_not():
    with torch.autocast("cpu", torch.bfloat16):
        game = CNNGAN(latent_dim=10).play(torch.rand(4, 1, 28, 28))
    assert all(value.dtype == torch.float32 for value in game.values())
