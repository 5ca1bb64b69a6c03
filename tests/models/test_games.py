"""Each game's losses: in value at logits made by hand, and against a second implementation."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli

from mnistgen.config import build
from mnistgen.config.objects import choices
from mnistgen.models import games

REAL, FAKE = torch.tensor([[2.0], [0.0]]), torch.tensor([[-2.0], [0.5], [0.0]])

VALUES = {  # of discriminator and generator, at REAL and FAKE
    "non_saturating": (
        (math.log1p(math.exp(-2)) + math.log(2)) / 2
        + (math.log1p(math.exp(-2)) + math.log1p(math.exp(0.5)) + math.log(2)) / 3,
        (math.log1p(math.exp(2)) + math.log1p(math.exp(-0.5)) + math.log(2)) / 3,
    ),
    "minimax": (
        (math.log1p(math.exp(-2)) + math.log(2)) / 2
        + (math.log1p(math.exp(-2)) + math.log1p(math.exp(0.5)) + math.log(2)) / 3,
        -(math.log1p(math.exp(-2)) + math.log1p(math.exp(0.5)) + math.log(2)) / 3,
    ),
    "least_squares": ((1 + 1) / 4 + (1 + 2.25 + 1) / 6, (4 + 0.25 + 0) / 6),
    "hinge": ((0 + 1) / 2 + (0 + 1.5 + 1) / 3, 0.5),
    "wasserstein": (-0.5 - 1, 0.5),
}


def second(name, real, fake):
    """The losses of a game in the words of the papers, from probabilities, margins and targets."""
    ones, zeros = torch.ones_like, torch.zeros_like
    d, g = Bernoulli(logits=real), Bernoulli(logits=fake)
    told = -d.log_prob(ones(real)).mean() - g.log_prob(zeros(fake)).mean()
    return {
        "non_saturating": lambda: (told, -g.log_prob(ones(fake)).mean()),
        "minimax": lambda: (told, g.log_prob(zeros(fake)).mean()),
        "least_squares": lambda: (
            F.mse_loss(real, ones(real)) / 2 + F.mse_loss(fake, -ones(fake)) / 2,
            F.mse_loss(fake, zeros(fake)) / 2,
        ),
        "hinge": lambda: (
            -torch.minimum(zeros(real), real - 1).mean()
            - torch.minimum(zeros(fake), -fake - 1).mean(),
            F.margin_ranking_loss(fake, zeros(fake), zeros(fake) + 1, margin=100) - 100,
        ),
        "wasserstein": lambda: (-(real.mean() - fake.mean()), -fake.mean()),
    }[name]()


def of(name):
    return build("game", {"_target_": f"mnistgen.models.games.{name}"})


def test_each_packaged_game_is_tested_here():
    assert VALUES.keys() == choices("game").keys()


@pytest.mark.parametrize("name", VALUES)
def test_the_losses_of_a_game_have_their_values(name):
    game = of(name)
    found = game.discriminator(real_logits=REAL, fake_logits=FAKE), game.generator(FAKE)
    assert [float(loss) for loss in found] == pytest.approx(VALUES[name], rel=1e-6)


@pytest.mark.parametrize("name", VALUES)
def test_the_losses_of_a_game_and_their_gradients_are_those_of_a_second_implementation(name):
    torch.manual_seed(0)
    logits = [3 * torch.randn(9, 1).double().requires_grad_() for _ in range(2)]
    game = of(name)
    ours = game.discriminator(real_logits=logits[0], fake_logits=logits[1])
    for one, other in zip((ours, game.generator(logits[1])), second(name, *logits), strict=True):
        torch.testing.assert_close(one, other)
        for found, expected in zip(
            torch.autograd.grad(one, logits, allow_unused=True),
            torch.autograd.grad(other, logits, allow_unused=True),
            strict=True,
        ):
            torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", VALUES)
def test_a_generator_lowers_its_loss_by_logits_that_are_higher(name):
    # But for least squares, where it is enough to lie between real and fake
    fake = torch.tensor([-1.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(of(name).generator(fake), fake)
    assert gradient < 0


def test_minimax_saturates_where_the_papers_game_does_not():
    fake = torch.tensor([-20.0], requires_grad=True)  # the discriminator has won
    for name, slope in (("minimax", 0), ("non_saturating", -1)):
        (gradient,) = torch.autograd.grad(of(name).generator(fake), fake)
        assert float(gradient) == pytest.approx(slope, abs=1e-6)
    assert games.generator_minimax(torch.tensor([20.0])) < -19
