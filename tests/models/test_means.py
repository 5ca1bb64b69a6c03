from types import SimpleNamespace

import pytest
import torch

from mnistgen.errors import Diverged
from mnistgen.models.means import CHECK_EVERY, EpochMeans


class OnGPU(torch.Tensor):
    """A tensor that says it is on another device, where each look at it has to wait."""

    device = torch.device("cuda")


@pytest.fixture
def means():
    callback = EpochMeans()
    callback.on_train_epoch_start(None, None)
    return callback


def train(callback, losses, kind=torch.Tensor):
    group = SimpleNamespace(param_groups=[{"lr": 1e-4}])
    trainer = SimpleNamespace(optimizers=[group], current_epoch=0, world_size=1)
    for batch, loss in enumerate(losses):
        values = {"loss": torch.tensor(loss).as_subclass(kind), "kl": torch.tensor(1.0)}
        callback.on_train_batch_end(trainer, None, {"values": values}, torch.zeros(2), batch)
    return trainer


def test_a_loss_that_is_not_finite_ends_the_training_after_its_step(means):
    with pytest.raises(Diverged, match="epoch 1, batch 3: loss=nan, kl=1"):
        train(means, [1.0, 2.0, float("nan"), 3.0])
    assert means.train.images == 2 * 3


@pytest.mark.parametrize("batch", [1, 7, CHECK_EVERY, CHECK_EVERY + 1])
def test_on_a_gpu_it_is_noticed_later_and_its_step_is_named(means, batch):
    losses = [float("inf") if n == batch else 1.0 for n in range(1, 2 * CHECK_EVERY + 1)]
    with pytest.raises(Diverged, match=f"batch {batch}: loss=inf"):
        train(means, losses, OnGPU)
    assert means.train.images == 2 * (CHECK_EVERY if batch <= CHECK_EVERY else 2 * CHECK_EVERY)


def test_on_a_gpu_the_last_steps_are_looked_at_when_the_epoch_ends(means):
    trainer = train(means, [1.0] * CHECK_EVERY + [float("nan")], OnGPU)
    with pytest.raises(Diverged, match=f"batch {CHECK_EVERY + 1}: "):
        means.on_train_epoch_end(trainer, None)
