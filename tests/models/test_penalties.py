"""The gradient penalties: closed forms, a second implementation, and what a GAN does with them."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from mnistgen.models import CNNGAN, DenseGAN
from mnistgen.models.games import hinge, non_saturating
from mnistgen.models.penalties import r1, wgan_gp


def pair(n=5, dtype=torch.double):
    return {name: torch.randn(n, 1, 28, 28, dtype=dtype) for name in ("real", "fake")}


def test_the_penalties_of_a_linear_discriminator_are_closed_forms():
    weight = torch.zeros(784, 1).double()
    weight[3], weight[5] = 3, 4  # the norm of the gradient is 5 everywhere

    def discriminator(images):
        return images.flatten(1) @ weight + 7

    assert float(r1(discriminator, **pair())) == pytest.approx(5**2 / 2)
    assert float(wgan_gp(discriminator, **pair())) == pytest.approx((5 - 1) ** 2)


def test_r1_is_taken_in_the_real_images_and_wgan_gp_between_them_and_the_fakes():
    seen = []

    def discriminator(images):
        seen.append(images)
        return images.square().flatten(1).sum(1, keepdim=True) / 2  # whose gradient is the image

    real, fake = torch.ones(1000, 1, 28, 28), torch.zeros(1000, 1, 28, 28)
    assert r1(discriminator, real=real, fake=fake).item() == pytest.approx(784 / 2)
    wgan_gp(discriminator, real=real, fake=fake)
    shares = seen[-1].detach().flatten(1)
    assert shares.eq(shares[:, :1]).all()  # one share for all pixels of an image
    assert 0 <= shares.min() < 0.01 < 0.99 < shares.max() <= 1
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("penalty", [r1, wgan_gp])
def test_a_penalty_and_its_gradients_are_those_of_a_second_implementation(penalty):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 7), nn.Tanh(), nn.Linear(7, 1)).double()
    images = pair()

    def second(weights):
        def logit(image):
            return functional_call(network, weights, image.unsqueeze(0)).squeeze()

        share = torch.rand(5, 1, 1, 1, dtype=torch.double)
        mixed = share * images["real"] + (1 - share) * images["fake"]
        slopes = vmap(grad(logit))(images["real"] if penalty is r1 else mixed).flatten(1)
        squares = (slopes * slopes).sum(1)
        return (squares / 2).mean() if penalty is r1 else ((squares.sqrt() - 1) ** 2).mean()

    weights = dict(network.named_parameters())
    torch.manual_seed(1)
    expected = grad(second)({name: weight.detach() for name, weight in weights.items()})
    torch.manual_seed(1)
    value = second(weights)
    torch.manual_seed(1)
    found = penalty(network, **images)
    torch.testing.assert_close(found, value)
    ours = torch.autograd.grad(found, [*weights.values()], allow_unused=True)
    for slope, name in zip(ours, weights, strict=True):
        torch.testing.assert_close(
            torch.zeros(1).double() if slope is None else slope, expected[name]
        )


def test_where_a_discriminator_is_flat_a_penalty_has_finite_gradients():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
    nn.init.zeros_(flat[1].weight)
    value = wgan_gp(flat, **pair(dtype=torch.float))
    assert value.item() == 1
    assert torch.autograd.grad(value, flat[1].weight)[0].isfinite().all()


def gradients(model, loss, network):
    return torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)


@pytest.mark.parametrize("real_and_fake", ["separate", "joint"])
@pytest.mark.parametrize("kind", [DenseGAN, CNNGAN])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_penalty_is_added_to_the_discriminators_loss_alone(kind, real_and_fake, precision):
    torch.manual_seed(0)
    game = non_saturating(gradient_penalty="r1", penalty_weight=3)
    model = kind(latent_dim=3, real_and_fake=real_and_fake, game=game)
    plain = copy.deepcopy(model)
    plain.penalty = None
    images = torch.rand(8, 1, 28, 28)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16):
        torch.manual_seed(1)
        values = model.play(images)
        torch.manual_seed(1)
        without = plain.play(images)
        expected = 3 * r1(copy.deepcopy(model).discriminator, real=2 * images - 1, fake=images)
    assert values.keys() - without.keys() == {"penalty"}
    assert values["penalty"] > 0
    torch.testing.assert_close(values["penalty"], expected)
    assert all(values[name].equal(without[name]) for name in without)
    both = gradients(model, values["d_loss"] + values["penalty"], model.discriminator)
    assert all(gradient.isfinite().all() for gradient in both)
    # The running statistics of batch norm are those of the game's batches
    for one, other in zip(model.buffers(), plain.buffers(), strict=True):
        assert one.equal(other)


def test_without_a_penalty_nothing_is_computed_for_it_and_in_validation_never():
    for game, batches in ((hinge(), 2), (hinge(gradient_penalty="r1"), 3)):
        model, passes = DenseGAN(latent_dim=3, game=game), []
        model.discriminator.register_forward_hook(lambda *_, passes=passes: passes.append(1))
        model.play(torch.rand(4, 1, 28, 28))
        assert len(passes) == batches
        passes.clear()
        with torch.inference_mode():
            assert "penalty" not in model.validation_step(torch.rand(4, 1, 28, 28))["values"]
        assert len(passes) == 2
