"""What a script or a notebook does; docs/python.md is run from the wheel (see test_wheel)."""

import inspect
import os
import signal
import threading

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Callback

import mnistgen
from mnistgen import api
from mnistgen.config import CONF_DIR

SHORT = (
    "threads=1", "logger=none", "trainer.limit_train_batches=4", "trainer.limit_val_batches=1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Epochs(Callback):
    """Counts epochs, and sends a signal at the end of one."""

    def __init__(self, signum=None):
        self.count = 0
        self.signum = signum

    def on_train_epoch_end(self, *_):
        self.count += 1
        if self.signum:
            os.kill(os.getpid(), self.signum)


def test_every_name_of_the_package_is_there_and_says_what_it_does():
    for name in mnistgen.__all__:
        assert getattr(mnistgen, name).__doc__, name
        assert name in dir(mnistgen)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mnistgen.nothing


@pytest.mark.parametrize("method", ["evaluate", "sample", "export"])
def test_arguments_have_the_defaults_of_the_command(method):
    command = yaml.safe_load((CONF_DIR / f"{method}.yaml").read_text())
    parameters = inspect.signature(getattr(mnistgen.Run, method)).parameters
    for name, parameter in parameters.items():
        if name not in ("self", "out"):
            default = command["kind"] if name == "kind" else command[name]
            assert parameter.default == default, name


def test_a_thread_trains_and_the_run_does_what_the_commands_do():
    made, callback = [], Epochs()
    words = ("model=densevae", "trainer.max_epochs=1", *SHORT)
    thread = threading.Thread(
        target=lambda: made.append(mnistgen.train(*words, callbacks=[callback]))
    )
    thread.start()
    thread.join()
    (run,) = made
    assert callback.count == 1
    assert run.resume(max_epochs=2, callbacks=[callback]).metrics[-1]["epoch"] == 2
    assert callback.count == 2
    assert [other.path for other in mnistgen.runs()] == [run.path]
    assert repr(mnistgen.run(str(run.path))) == f"<Run {run.path}: densevae, finished, 2 epochs>"
    picture = run.sample(5, seed=3)
    assert picture.images.shape == (5, 1, 28, 28)
    assert picture.images.equal(run.sample(5, seed=3).images)
    assert picture._repr_png_().startswith(b"\x89PNG")
    trained = mnistgen.load(run.path)
    assert not trained.model.training
    assert trained.epoch == 2
    z = torch.zeros(1, 4)
    assert trained.model(z).equal(run.load("last").model.decode(z))
    assert run.config["optim"]["lr"] == 1e-4


def test_ctrl_c_is_what_it_is_in_python_and_the_run_goes_on():
    before = signal.getsignal(signal.SIGINT)
    words = ("model=densegan", "trainer.max_epochs=2", "hydra.run.dir=run", *SHORT)
    with pytest.raises(KeyboardInterrupt):
        mnistgen.train(*words, callbacks=[Epochs(signal.SIGINT)])
    assert signal.getsignal(signal.SIGINT) == before
    run = mnistgen.run("run")
    assert run.folder.info().status == "interrupted"
    assert run.resume().folder.info().status == "finished"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mnistgen.train("optim.lrr=1"), "did you mean optim.lr"),
        (lambda: mnistgen.train("model=[cnnvae,densevae]"), "is not a choice"),
        (lambda: mnistgen.train("experiment=paper"), "use mnistgen.sweep"),
        (lambda: mnistgen.train("+trainer.max_steps=1"), "trainer.max_epochs"),
        (lambda: mnistgen.train("model=tiny", config_dir="nowhere"), "there is no such folder"),
        (lambda: mnistgen.sweep("seed=1,2", "retry=x"), "retry=x is not allowed"),
        (lambda: mnistgen.sweep("seed=1,2", "optim.lrr=1"), "did you mean optim.lr"),
        (lambda: mnistgen.compose("optim.lr=0"), "a number above 0"),
        (lambda: mnistgen.run("nowhere"), "is not a run folder"),
        (lambda: mnistgen.load("nowhere"), "is not a run folder"),
    ],
)
def test_an_error_is_an_exception_with_one_line(call, words, tmp_path):
    with pytest.raises(mnistgen.UserError) as error:
        call()
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_returns_its_comparison_also_where_a_run_has_failed(capsys):
    words = ("model=densevae", "trainer.max_epochs=1", *SHORT, "optim.lr=1e-3,-1")
    with pytest.raises(mnistgen.UserError, match="of 2 runs 1 failed") as error:
        mnistgen.sweep(*words)
    rows = error.value.comparison.table().rows
    assert [row[-1] for row in rows] == ["1 failed", "1 finished"]
    assert "optim.lr=-1 is not allowed" in capsys.readouterr().out
    comparison = mnistgen.sweep(*words[:-1], "optim.lr=1e-3", "sweep=densevae_optim.lr")
    assert comparison.best


def test_what_is_composed_belongs_to_the_caller():
    mnistgen.compose("model=cnngan")["optim"]["lr"] = 7
    assert mnistgen.compose("model=cnngan")["optim"]["lr"] == 1e-4


def test_a_frame_has_the_epochs_as_its_index(tmp_path, new_run):
    pandas = pytest.importorskip("pandas")
    new_run(name="run").write_metrics([{"epoch": 1, "val/fid": 2.5}, {"epoch": 2, "val/fid": 1.5}])
    frame = api.Run(tmp_path / "run").frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["val/fid"].to_dict() == {1: 2.5, 2: 1.5}
