"""Which combination is best, on made-up runs whose answer is known."""

import math
from itertools import count
from pathlib import Path

import pytest

from mnistgen.errors import UserError
from mnistgen.sweeps.comparison import compare
from mnistgen.tracking import records, store
from mnistgen.tracking.folder import RunFolder
from mnistgen.tracking.info import Failure, Info
from mnistgen.tracking.records import Record

NUMBERS = count()


def record(value=1.0, status="finished", model="cnngan", failure=None, **settings):
    """A run with settings by dotted key (with __ for a dot), and with its last val/fid."""
    config = {"seed": next(NUMBERS)}
    for key, setting in settings.items():
        part, _, name = key.partition("__")
        if name:
            config.setdefault(part, {})[name] = setting
        else:
            config[key] = setting
    info = Info(model=model, status=status, failure=failure)
    rows = [] if value is None else [{"epoch": 1, "val/fid": value}]
    return Record(RunFolder(Path("nowhere")), "a run", info, config, rows)


def compared(*runs):
    """The comparison of some runs, and what each of its groups is."""
    comparison = compare(runs, "val/fid")
    return comparison, [comparison.settings(group) for group in comparison.groups]


def means(comparison):
    pooled = [group.last("val/fid") for group in comparison.groups]
    return [number.mean if number else None for number in pooled]


def best(comparison):
    return [group in comparison.best for group in comparison.groups]


def test_seeds_are_averaged_and_the_best_mean_is_marked():
    found, settings = compared(
        record(10, optim__lr=1e-4, seed=1, epochs=3),
        record(14, optim__lr=1e-4, seed=2, epochs=3),
        record(11, optim__lr=1e-3, seed=1, epochs=3),
        record(11.5, optim__lr=1e-3, seed=2, epochs=3),
        record(9, optim__lr=1e-2, seed=1, epochs=3),
        record(math.inf, optim__lr=1e-2, seed=2, epochs=3),
    )
    assert settings == [{"model": "cnngan", "optim.lr": rate} for rate in (1e-4, 1e-3, 1e-2)]
    assert means(found) == [12, 11.25, None]
    first = found.groups[0].last("val/fid")
    assert first.sd == pytest.approx(math.sqrt(8))  # (4 + 4) / (2 - 1)
    assert best(found) == [False, True, False]
    assert [group.diverged("val/fid") for group in found.groups] == [False, False, True]
    assert found.groups[2].states("val/fid") == "1 diverged, 1 finished"


def test_each_model_has_a_best():
    found, _ = compared(
        record(5, model="cnngan", optim__lr=1e-4),
        record(4, model="cnngan", optim__lr=1e-3),
        record(50, model="cnnvae", optim__lr=1e-4),
        record(60, model="cnnvae", optim__lr=1e-3),
    )
    assert best(found) == [False, True, True, False]


def test_what_follows_from_the_choice_of_a_model_does_not_vary_by_itself():
    _, settings = compared(
        record(model="cnngan", model__latent_dim=10, optim__lr=1e-4),
        record(model="cnnvae", model__latent_dim=20, optim__lr=1e-3),
    )
    assert [list(one) for one in settings] == [["model"], ["model"]]


def test_what_follows_from_the_choice_of_an_optimizer_does_not_vary_by_itself():
    adam = {"optim___target_": "torch.optim.Adam", "optim__betas": [0.9, 0.999]}
    sgd = {"optim___target_": "torch.optim.SGD", "optim__momentum": 0}
    found, settings = compared(
        record(**adam, data__batch_size=64),
        record(**sgd, data__batch_size=64),
        record(**sgd, data__batch_size=128),
    )
    assert settings == [
        {"model": "cnngan", "optim": "torch.optim.Adam", "data.batch_size": 64},
        {"model": "cnngan", "optim": "torch.optim.SGD", "data.batch_size": 64},
        {"model": "cnngan", "optim": "torch.optim.SGD", "data.batch_size": 128},
    ]
    assert [row[:3] for row in found.table().rows] == [
        ["cnngan", "Adam", "64"], ["cnngan", "SGD", "64"], ["cnngan", "SGD", "128"],
    ]  # fmt: skip


def test_a_run_that_failed_or_is_not_done_has_no_value_and_is_counted():
    found, _ = compared(
        record(None, "failed", failure=Failure.DIVERGED, optim__lr=1),
        record(None, "failed", failure=Failure.ERROR, optim__lr=2),
        record(None, "interrupted", optim__lr=3),
        record(7, optim__lr=4),
    )
    assert [g.diverged("val/fid") for g in found.groups] == [True, False, False, False]
    assert [group.states("val/fid") for group in found.groups] == [
        "1 diverged",
        "1 failed",
        "1 interrupted",
        "1 finished",
    ]
    assert best(found) == [False, False, False, True]


def test_a_mean_of_zero_has_a_deviation():
    found, _ = compared(record(-1.0, seed=1), record(1.0, seed=2))
    assert means(found) == [0]
    assert found.groups[0].last("val/fid").sd == pytest.approx(math.sqrt(2))
    assert best(found) == [True]


def test_nothing_to_compare_is_said():
    with pytest.raises(UserError, match="no run"):
        compare([], "val/fid")


def test_a_run_is_read_with_its_last_value_and_without_what_changes_no_result(tmp_path):
    config = {
        "seed": 1,
        "threads": 2,
        "model": {"_target_": "mnistgen.models.CNNGAN", "latent_dim": 10},
        "optim": {"_target_": "torch.optim.Adam", "_partial_": True, "betas": [0.5, 0.9]},
        "logger": {},
    }
    run = store.create(tmp_path / "a", model="cnngan", config=config, overrides=[])
    run.write_metrics([{"epoch": 1, "val/fid": 3.0}, {"epoch": 2, "val/fid": 2.0}])
    assert records.read(run).last("val/fid") is None  # it is not finished
    run.update(status="finished")
    found = records.read(run)
    assert found.last("val/fid") == 2.0
    assert (found.model, found.seed) == ("cnngan", 1)
    assert found.settings == {
        "model": "mnistgen.models.CNNGAN",
        "model.latent_dim": 10,
        "optim": "torch.optim.Adam",
        "optim.betas": [0.5, 0.9],
    }
    assert found.last("val/loss") is None


def test_a_choice_that_goes_without_saying_is_shown_where_it_varies():
    found, settings = compared(
        record(model="densegan", model__real_and_fake="separate", optim__lr=1e-4),
        record(model="densegan", model__real_and_fake="joint", optim__lr=1e-4),
    )
    assert [one["model.real_and_fake"] for one in settings] == ["joint", "separate"]
    assert [row[1] for row in found.table().rows] == ["joint", "separate"]
