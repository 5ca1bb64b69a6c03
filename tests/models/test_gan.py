import copy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from mnistgen.models import CNNGAN, GAN, DenseGAN, DenseGANDeep
from mnistgen.models.games import generator_cross_entropy
from mnistgen.models.layers import Flatten, Reshape, dense


@pytest.mark.parametrize("kind", [DenseGAN, DenseGANDeep])
def test_a_dense_discriminator_sees_neither_a_common_background_nor_contrast(kind):
    # Why the paper's dense GANs draw digits on noise, if any: see the README.
    discriminator = kind(latent_dim=10).double().discriminator
    images, background = torch.rand(64, 1, 28, 28).double(), torch.randn(1, 28, 28).double()
    seen = discriminator(images)
    torch.testing.assert_close(discriminator(images + background), seen)
    torch.testing.assert_close(discriminator(3 * images), seen, rtol=1e-2, atol=1e-3)
    images.requires_grad_()
    (gradient,) = torch.autograd.grad(generator_cross_entropy(discriminator(images)), images)
    assert gradient.sum(0).abs().max() < 1e-12 < gradient.abs().max()


def test_a_convolutional_discriminator_sees_a_common_background():
    discriminator = CNNGAN(latent_dim=10).discriminator
    images, background = torch.rand(64, 1, 28, 28), torch.randn(1, 28, 28)
    assert (discriminator(images + background) - discriminator(images)).abs().max() > 0.1


class OneFeature(GAN):
    """Its discriminator's one feature is the mean of an image."""

    def generator_rows(self):
        return dense(784), Reshape(28, 28)

    def discriminator_rows(self):
        return Flatten(), dense(1), dense(1)


@pytest.mark.parametrize(
    ("real_and_fake", "fake", "real"),
    [
        ("separate", [0, 1], [0, 1]),  # whatever the background is: -1 and 1, and then the ReLU
        ("joint", [(3**0.5 - 1) / 2, (3**0.5 + 1) / 2], [0, 0]),  # standard deviation 2
    ],
)
def test_joint_batches_let_a_dense_discriminator_see_a_common_background(
    real_and_fake, fake, real
):
    model = OneFeature(latent_dim=1, real_and_fake=real_and_fake).double()
    with torch.no_grad():
        for layer, weight in ((1, 1 / 784), (4, 1)):
            model.discriminator[layer].weight.fill_(weight)
            model.discriminator[layer].bias.zero_()
    images = torch.tensor([-1.0, 1.0]).double().view(2, 1, 1, 1).expand(2, 1, 28, 28)
    found = model.logits(images + 2 * 3**0.5, images)
    for logits, expected in zip(found, (fake, real), strict=True):
        torch.testing.assert_close(
            logits.flatten(), torch.tensor(expected).double(), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("kind", [DenseGAN, DenseGANDeep])
def test_a_background_of_all_fakes_changes_the_logits_of_joint_batches_alone(kind):
    fake, real = torch.rand(2, 64, 1, 28, 28).double().unbind()
    background = torch.randn(1, 28, 28).double()
    for real_and_fake, sees in (("separate", False), ("joint", True)):
        model = kind(latent_dim=10, real_and_fake=real_and_fake).double()
        (before, _), (after, _) = model.logits(fake, real), model.logits(fake + background, real)
        assert ((after - before).abs().max() > 0.1) == sees
        assert sees or torch.allclose(after, before)


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


def textbook_gradients(model, images, seed, joint):
    """Two separate passes: the discriminator's on detached fakes, then the generator's."""

    def logits(fake):
        real = 2 * images - 1
        if joint:
            both = model.discriminator(torch.cat([fake, real]))
            return both[: len(fake)], both[len(fake) :]
        return model.discriminator(fake), model.discriminator(real)

    torch.manual_seed(seed)
    z = model.latents(len(images))
    ones, zeros = torch.ones(len(images), 1), torch.zeros(len(images), 1)
    bce = F.binary_cross_entropy_with_logits
    model.zero_grad()
    fake_logits, real_logits = logits(model.generator(z).detach())
    (bce(real_logits, ones) + bce(fake_logits, zeros)).backward()
    discriminator = [parameter.grad.clone() for parameter in model.discriminator.parameters()]
    model.zero_grad()
    bce(logits(model.generator(z))[0], ones).backward()
    return [parameter.grad.clone() for parameter in model.generator.parameters()], discriminator


@pytest.mark.parametrize("real_and_fake", ["separate", "joint"])
@pytest.mark.parametrize("kind", [DenseGAN, CNNGAN])
def test_one_pass_gives_the_gradients_of_two_textbook_passes(kind, real_and_fake):
    torch.manual_seed(0)
    model = kind(latent_dim=10, real_and_fake=real_and_fake).double()
    images = torch.rand(6, 1, 28, 28, dtype=torch.double)
    joint = real_and_fake == "joint"
    expected = textbook_gradients(copy.deepcopy(model), images, seed=1, joint=joint)
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


def test_a_penalty_is_minimised_with_the_loss_of_the_discriminator_and_by_nobody_else():
    plain, penalised = DenseGAN(latent_dim=10), DenseGAN(latent_dim=10)
    penalised.load_state_dict(plain.state_dict())
    penalised.penalty = lambda *_, **options: 7 * penalised.discriminator[-1].bias.sum()
    images = torch.rand(6, 1, 28, 28)
    (*same, last), (*others, moved) = (
        [*generator.seen, *discriminator.seen]
        for generator, discriminator in (one_step(m, images, seed=0) for m in (plain, penalised))
    )
    torch.testing.assert_close(moved, last + 7)
    assert all(one.equal(other) for one, other in zip(same, others, strict=True))


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
