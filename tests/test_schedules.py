from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from mnistgen import schedules

STEPS = 100


def optimizer(lr=0.5):
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)


def rates(scheduler, steps=STEPS):
    found = []
    for _ in range(steps):
        found.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return found


def ours(name, **options):
    updates = getattr(schedules, name)(optimizer(), steps=STEPS, monitor="x", **options)
    return updates["lr_scheduler"]["scheduler"]


def test_cosine_is_that_of_torch():
    theirs = CosineAnnealingLR(optimizer(), T_max=STEPS, eta_min=0.05)
    assert rates(ours("cosine", final=0.1)) == pytest.approx(rates(theirs))


def test_onecycle_is_that_of_torch():
    theirs = OneCycleLR(
        optimizer(),
        max_lr=0.5,
        total_steps=STEPS,
        pct_start=0.3,
        div_factor=25,
        final_div_factor=1e4,
        cycle_momentum=False,
    )
    found = ours("onecycle", warmup=0.3, start=1 / 25, final=1 / 25 / 1e4)
    assert rates(found, STEPS - 1) == pytest.approx(rates(theirs, STEPS - 1))


def test_warmup_cosine_rises_to_the_base_rate_and_falls_to_nothing():
    found = rates(ours("warmup_cosine", warmup=0.1, final=0))
    assert found[:10] == pytest.approx([0.05 * i for i in range(1, 11)])
    assert found[10] == pytest.approx(0.5)
    assert sorted(found[10:], reverse=True) == found[10:]
    assert found[-1] < 0.001


def test_constant_keeps_the_rate():
    assert "lr_scheduler" not in schedules.constant(optimizer(), steps=STEPS, monitor="x")


def test_plateau_halves_the_rate_when_the_metric_stays():
    updates = schedules.plateau(optimizer(), steps=STEPS, monitor="x", factor=0.5, patience=2)
    scheduler = updates["lr_scheduler"]["scheduler"]
    assert updates["lr_scheduler"]["monitor"] == "x"
    for value in (3.0, 2.0, 2.0, 2.0, 2.0):
        scheduler.step(value)
    assert scheduler.optimizer.param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize("name", ["cosine", "warmup_cosine", "onecycle"])
def test_a_longer_training_is_at_the_right_place_after_resuming(name):
    options = {
        "cosine": {"final": 0},
        "warmup_cosine": {"warmup": 0.1, "final": 0},
        "onecycle": {"warmup": 0.3, "start": 0.04, "final": 0},
    }[name]
    short = ours(name, **options)
    rates(short, 40)
    make = getattr(schedules, name)
    longer = make(optimizer(), steps=2 * STEPS, monitor="x", **options)["lr_scheduler"][
        "scheduler"
    ]
    longer.load_state_dict(short.state_dict())
    longer.step()
    whole = make(optimizer(), steps=2 * STEPS, monitor="x", **options)["lr_scheduler"]["scheduler"]
    assert longer.optimizer.param_groups[0]["lr"] == pytest.approx(rates(whole, 42)[41])


def test_each_network_keeps_its_share_of_the_rate():
    updates = schedules.configure(
        [nn.Linear(1, 1), nn.Linear(1, 1)],
        optimizer=partial(torch.optim.SGD, lr=0.5),
        schedule=partial(schedules.cosine, final=0.1),
        trainer=SimpleNamespace(estimated_stepping_batches=STEPS),
        monitor="x",
        rates=[1.0, 0.1],
    )
    first, second = (rates(update["lr_scheduler"]["scheduler"]) for update in updates)
    assert first[0] == 0.5
    assert second == pytest.approx([0.1 * rate for rate in first])
