"""Which combination is best, on made-up runs whose answer is known."""

import math

import pytest

from mnistgen import comparison, runs
from mnistgen.comparison import Trial
from mnistgen.errors import UserError


def trial(value=1.0, status="finished", reason="", model="cnngan", **settings):
    settings = {key.replace("__", "."): v for key, v in settings.items()}
    return Trial({"model": model, **settings}, status, value, reason)


def test_seeds_are_averaged_and_the_best_mean_is_marked():
    found = comparison.rows(
        [
            trial(10, optim__lr=1e-4, seed=1, epochs=3),
            trial(14, optim__lr=1e-4, seed=2, epochs=3),
            trial(11, optim__lr=1e-3, seed=1, epochs=3),
            trial(11.5, optim__lr=1e-3, seed=2, epochs=3),
            trial(9, optim__lr=1e-2, seed=1, epochs=3),
            trial(math.inf, optim__lr=1e-2, seed=2, epochs=3),
        ]
    )
    assert [row.settings for row in found] == [
        {"model": "cnngan", "optim.lr": rate} for rate in (1e-4, 1e-3, 1e-2)
    ]
    assert [row.mean for row in found] == [12, 11.25, None]
    assert found[0].deviation == pytest.approx(math.sqrt(8))  # (4 + 4) / (2 - 1)
    assert [row.best for row in found] == [False, True, False]
    assert [row.diverged for row in found] == [False, False, True]
    assert found[2].states() == "1 diverged, 1 finished"


def test_each_model_has_a_best():
    found = comparison.rows(
        [
            trial(5, model="cnngan", optim__lr=1e-4),
            trial(4, model="cnngan", optim__lr=1e-3),
            trial(50, model="cnnvae", optim__lr=1e-4),
            trial(60, model="cnnvae", optim__lr=1e-3),
        ]
    )
    assert [row.best for row in found] == [False, True, True, False]


def test_what_follows_from_the_choice_of_a_model_does_not_vary_by_itself():
    found = comparison.rows(
        [
            trial(model="cnngan", model__latent_dim=10, optim__lr=1e-4),
            trial(model="cnnvae", model__latent_dim=20, optim__lr=1e-3),
        ]
    )
    assert [list(row.settings) for row in found] == [["model"], ["model"]]


def test_what_follows_from_the_choice_of_an_optimizer_does_not_vary_by_itself():
    found = comparison.rows(
        [
            trial(optim="Adam", optim__betas="[0.9, 0.999]", data__batch_size=64),
            trial(optim="SGD", optim__momentum=0, data__batch_size=64),
            trial(optim="SGD", optim__momentum=0, data__batch_size=128),
        ]
    )
    assert [row.settings for row in found] == [
        {"model": "cnngan", "optim": "Adam", "data.batch_size": 64},
        {"model": "cnngan", "optim": "SGD", "data.batch_size": 64},
        {"model": "cnngan", "optim": "SGD", "data.batch_size": 128},
    ]


def test_a_run_that_failed_or_is_not_done_has_no_value_and_is_counted():
    found = comparison.rows(
        [
            trial(None, "failed", "epoch 1: the training has diverged", optim__lr=1),
            trial(None, "failed", "out of memory", optim__lr=2),
            trial(None, "interrupted", optim__lr=3),
            trial(7, optim__lr=4),
        ]
    )
    assert [row.diverged for row in found] == [True, False, False, False]
    assert [row.states() for row in found] == [
        "1 diverged",
        "1 failed",
        "1 interrupted",
        "1 finished",
    ]
    assert [row.best for row in found] == [False, False, False, True]


def test_a_mean_of_zero_has_a_deviation():
    (row,) = comparison.rows([trial(-1.0, seed=1), trial(1.0, seed=2)])
    assert row.mean == 0
    assert row.deviation == pytest.approx(math.sqrt(2))
    assert row.best


def test_nothing_to_compare_is_said():
    with pytest.raises(UserError, match="no run"):
        comparison.rows([])


def test_a_run_is_read_with_its_last_value_and_without_what_changes_no_result(tmp_path):
    config = {
        "seed": 1,
        "threads": 2,
        "model": {"_target_": "mnistgen.models.CNNGAN", "latent_dim": 10},
        "optim": {"_target_": "torch.optim.Adam", "_partial_": True, "betas": [0.5, 0.9]},
        "logger": {},
    }
    run = runs.create(tmp_path / "a", model="cnngan", config=config, overrides=[])
    run.write_metrics([{"epoch": 1, "val/fid": 3.0}, {"epoch": 2, "val/fid": 2.0}])
    assert comparison.trial(run, "val/fid").value is None  # it is not finished
    run.update(status="finished")
    found = comparison.trial(run, "val/fid")
    assert found.value == 2.0
    assert found.settings == {
        "model": "cnngan",
        "seed": 1,
        "model.latent_dim": 10,
        "optim": "Adam",
        "optim.betas": "[0.5, 0.9]",
    }
    assert comparison.trial(run, "val/loss").value is None
