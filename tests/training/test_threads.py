"""How many threads a training takes, and what it says of a machine that is busy."""

import logging
import shlex

import pytest
import torch

from mnistgen import system
from mnistgen.config import build_model
from mnistgen.config.objects import choices
from mnistgen.report.tables import provenance
from mnistgen.tracking import records
from mnistgen.training import threads
from mnistgen.training.fid import FIDMonitor
from mnistgen.training.session import train

FEW = ("trainer.limit_train_batches=1", "trainer.limit_val_batches=1", "trainer.max_epochs=1")


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(system, "cores", lambda: 8)
    monkeypatch.setattr(FIDMonitor, "quality", lambda *_: {"val/fid": 1.0})


def number(config, **more):
    return threads.number(config, build_model(config), **more)


@pytest.mark.parametrize("model", sorted(choices("model")))
def test_a_small_dense_model_takes_one_thread_and_a_cnn_its_share(composed, model):
    share = 8 if model.startswith("cnn") else 1
    config = composed(f"model={model}")
    assert number(config) == share
    assert number(config, share=3) == min(3, share)
    assert number(composed(f"model={model}", "threads=5"), share=3) == 5
    assert number(composed(f"model={model}", "trainer=ddp")) == min(4, share)


@pytest.mark.parametrize("override", ["data.batch_size=1024", "bound=iwae bound.k=100"])
def test_a_large_dense_step_takes_the_share(composed, override):
    assert number(composed(*override.split())) == 8


def test_a_run_that_goes_on_takes_as_many_as_before_where_there_are_as_many(composed):
    assert number(composed(), before=2) == 2
    assert number(composed("model=cnnvae"), before=2) == 2
    assert number(composed(), before=2, share=1) == 1
    assert number(composed("threads=1"), before=2) == 1


@pytest.mark.parametrize(
    ("idle", "line"),
    [(0.1, "threads=1"), (1.2, "threads=1"), (1.8, ""), (8.0, ""), (None, "")],
)
def test_a_busy_machine_is_told_in_one_line(new_run, monkeypatch, caplog, idle, line):
    monkeypatch.setattr(system, "idle_cores", lambda: idle)
    with caplog.at_level(logging.WARNING):
        threads.warn_if_busy(2, processes=1)
    assert line in caplog.text
    assert len(caplog.records) == bool(line)


def test_one_thread_asks_nobody_how_busy_the_machine_is(monkeypatch):
    monkeypatch.setattr(system, "idle_cores", lambda: pytest.fail("it takes a moment"))
    threads.warn_if_busy(1, processes=2)


def test_what_a_run_took_is_in_its_record_and_in_the_command_that_makes_it_again(new_run):
    run = new_run("threads=null", *FEW)
    run.update(model="densevae")
    train(run)
    assert run.info().threads == 1
    table = provenance([records.read(run)])
    command = shlex.split(table.rows[0][table.header.index("command")])
    assert "threads=1" in command


def test_a_run_goes_on_with_the_threads_that_it_took(new_run):
    run = new_run("threads=null", "model=densegan", *FEW)
    run.update(threads=2)
    before = torch.get_num_threads()
    train(run)
    assert run.info().threads == 2
    assert torch.get_num_threads() == before
    assert "threads=2" in run.log.read_text()
