"""Run folders that commit e19b426 made, of which the files of text are kept beside this test."""

import shutil
from pathlib import Path

import pytest

from mnistgen.config import build_model
from mnistgen.inference import formats, pictures
from mnistgen.inference.model import load
from mnistgen.report import evidence, page
from mnistgen.tracking import checkpoints, records
from mnistgen.tracking.checkpoints import SafeCheckpointIO
from mnistgen.tracking.folder import RunFolder
from mnistgen.tracking.info import Failure, Status
from mnistgen.training.fid import FIDMonitor
from mnistgen.training.session import train


@pytest.fixture
def old(tmp_path):
    """A copy of the folders, to work in."""
    return Path(shutil.copytree(Path(__file__).with_name("e19b426"), tmp_path / "old"))


def test_they_are_read_as_they_are_meant(old):
    runs, notes = records.read_all(old)
    assert notes == []
    found = {record.run.path.name.partition("_trainer")[0]: record for record in runs}
    assert found["finished"].info.status is Status.FINISHED
    assert found["finished"].evaluation.metrics["fid"] > 900
    assert found["killed"].info.status is Status.RUNNING
    assert found["model-densevae_optim.lr-1e+30"].info.failure is Failure.DIVERGED
    for record in runs:
        assert record.run.config() == record.config


def test_a_killed_one_goes_on(cli, old):
    done = cli(f"resume={old / 'killed'}")
    assert done.returncode == 0, done.stderr
    info = RunFolder(old / "killed").info()
    assert (info.status, info.epochs) == (Status.FINISHED, 1)


def test_a_sweep_is_known_again_and_compared(cli, tmp_path, old):
    (tmp_path / "outputs").symlink_to(old)
    done = cli(
        "-m", "model=densevae", "optim.lr=1e-3,1e30", "trainer=smoke", "threads=1", "sweep=two"
    )
    assert "0 of 2 runs to train" in done.stderr
    assert "of 2 runs 1 failed" in done.stderr
    assert "1 diverged" in (old / "sweeps" / "two" / "sweep.csv").read_text()


def test_they_are_reported(old):
    files = page.files(evidence.gather(old), play=False)
    rows = files["tables/table-5-provenance.csv"].decode().splitlines()
    assert len(rows) == 1 + 4
    assert files["figures/figure-4-elbo.png"]


def test_a_finished_one_is_sampled_exported_and_evaluated(cli, old):
    run = RunFolder(old / "finished")
    model = build_model(run.config())
    content = {"state_dict": model.state_dict(), "epoch": 0}
    SafeCheckpointIO().save_checkpoint(content, run.last)
    trained = load(run, "last")
    assert pictures.draw(trained, "samples", n=4, seed=1).images.shape == (4, 1, 28, 28)
    assert len(formats.safetensors(trained)) > 5e6
    done = cli(f"run={run.path}", "n=64", "threads=1", "cache=cache", module="mnistgen.evaluate")
    assert done.returncode == 0, done.stderr
    assert run.evaluation().settings.samples == 64


def test_one_from_before_there_was_a_choice_goes_on(new_run, monkeypatch):
    monkeypatch.setattr(FIDMonitor, "quality", lambda *_: {"val/fid": 1.0})
    few = ("trainer.limit_train_batches=2", "trainer.limit_val_batches=1")
    run = new_run("model=densegan", *few, "trainer.max_epochs=1")
    train(run)
    config = run.config()
    del config["model"]["real_and_fake"]
    run.change_config(config, [])
    checkpoint = checkpoints.read(run.last).content
    del checkpoint["arguments"]["real_and_fake"]
    SafeCheckpointIO().save_checkpoint(checkpoint, run.last)
    assert load(run, "last").epoch == 1
    config["trainer"]["max_epochs"] = 2
    run.change_config(config, [])
    train(run)
    assert [row["epoch"] for row in run.metrics()] == [1, 2]
