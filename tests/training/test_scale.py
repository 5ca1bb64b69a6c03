"""A run that goes on once its feature network is another one."""

import pytest
import torch

from mnistgen.training.fid import FIDMonitor
from mnistgen.training.session import train

FEW = (
    "model=densegan", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1",
    "data.batch_size=16", "trainer.quality_every=1", "lr=plateau", "callbacks=early_stopping",
)  # fmt: skip


@pytest.fixture
def begun(new_run, monkeypatch):
    """A run of one epoch that is to have two more, and a larger FID in each of them."""
    fids = iter([1.0, 5.0, 6.0])
    monkeypatch.setattr(
        FIDMonitor, "quality", lambda *_: {"val/fid": next(fids), "val/readable": 0.5}
    )
    run = new_run(*FEW, "trainer.max_epochs=1")
    train(run)
    config = run.config()
    config["trainer"]["max_epochs"] = 3
    run.change_config(config, [])
    return run


def state_of(run):
    content = torch.load(run.last, weights_only=True)
    (stopping,) = (part for key, part in content["callbacks"].items() if "EarlyStopping" in key)
    best = {float(stopping["best_score"])}
    best |= {float(state["best"]) for state in content["lr_schedulers"]}
    return best, torch.load(run.best, weights_only=True)["epoch"] + 1


def test_with_another_network_nothing_is_compared_with_what_the_first_measured(begun):
    now = begun.info().features_sha256
    begun.update(features_sha256="0123456789")
    train(begun)
    column = "val/fid_01234567"
    fids = [(row.get(column), row.get("val/fid")) for row in begun.metrics()]
    assert fids == [(1.0, None), (None, 5.0), (None, 6.0)]
    assert state_of(begun) == ({5.0}, 2)
    assert begun.info().features_sha256 == now
    assert column in begun.log.read_text()
    shares = [row.get("val/readable_01234567", row.get("val/readable")) for row in begun.metrics()]
    assert shares == [0.5, 0.5, 0.5]
    assert "val/readable" not in begun.metrics()[0]


def test_with_the_same_network_all_is_compared(begun):
    train(begun)
    assert [row["val/fid"] for row in begun.metrics()] == [1.0, 5.0, 6.0]
    assert state_of(begun) == ({1.0}, 1)


def test_a_run_of_a_version_that_kept_no_network_has_another(begun):
    begun.update(features_sha256=None)
    train(begun)
    assert begun.metrics()[0]["val/fid_before"] == 1.0


def test_a_run_that_is_complete_stays_as_it_is(begun):
    config = begun.config()
    config["trainer"]["max_epochs"] = 1
    begun.change_config(config, [])
    begun.update(features_sha256="0123456789")
    assert train(begun) == 1.0
    assert begun.info().features_sha256 == "0123456789"
