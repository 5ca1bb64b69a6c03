"""What a script or a notebook does; docs/python.md is run from the wheel (see test_wheel)."""

import inspect
import os
import signal
import threading
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Callback

import mnistgen
from mnistgen import api
from mnistgen.config import CONF_DIR, objects

SHORT = (
    "threads=1", "logger=none", "trainer.limit_train_batches=4", "trainer.limit_val_batches=1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Epochs(Callback):
    """Counts epochs, and sends a signal or raises an error at the end of one."""

    def __init__(self, signum=None, error=None):
        self.count = 0
        self.signum = signum
        self.error = error

    def on_train_epoch_end(self, *_):
        self.count += 1
        if self.signum:
            os.kill(os.getpid(), self.signum)
        if self.error:
            raise self.error


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
    picture.save("five.png")
    with pytest.raises(mnistgen.UserError, match=r"must end in .png or .npz"):
        picture.save("five.jpg")
    assert run.sample(5, seed=3, checkpoint=run.folder.last).images.equal(picture.images)
    with pytest.raises(mnistgen.UserError, match="there is no file first"):
        run.load("first")
    trained = mnistgen.load(run.path)
    assert not trained.model.training
    assert repr(trained) == f"<Trained DenseVAE, epoch 2 of {run.folder.last}>"
    assert trained.epoch == 2
    z = torch.zeros(1, 4)
    assert trained.model(z).equal(run.load("last").model.decode(z))
    assert run.config["optim"]["lr"] == 1e-4


@pytest.mark.parametrize("stop", [Epochs(signal.SIGINT), Epochs(error=KeyboardInterrupt())])
def test_ctrl_c_is_what_it_is_in_python_and_the_run_goes_on(stop):
    before = signal.getsignal(signal.SIGINT)
    words = ("model=densegan", "trainer.max_epochs=2", "hydra.run.dir=run", *SHORT)
    with pytest.raises(KeyboardInterrupt):
        mnistgen.train(*words, callbacks=[stop])
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
        (lambda: mnistgen.load(__file__), "is a file: give the run folder"),
        (lambda: mnistgen.train(["model=densevae"]), "['model=densevae'] is not a text"),
        (lambda: mnistgen.compose(7), "7 is not a text"),
        (lambda: mnistgen.sweep({"model": "densevae"}), "is not a text"),
        (lambda: mnistgen.train("-m", "seed=1,2"), "several runs are mnistgen.sweep"),
        (lambda: mnistgen.compose("--config-dir=x"), "config directories are config_dir=DIR"),
        (lambda: mnistgen.train("seed=1,2"), "several values: a sweep over them is -m"),
        (lambda: mnistgen.train("resume=latest"), "goes on with mnistgen.run(PATH).resume()"),
        (lambda: mnistgen.train("sweep=rates"), "sweep=rates is not allowed with a new run"),
        (lambda: mnistgen.train("retry=failed"), "retry=failed is not allowed with a new run"),
        (lambda: mnistgen.train(callbacks=Callback), "must be a list of objects of Lightning's"),
        (lambda: mnistgen.train(callbacks="ema"), "callbacks='ema' is not allowed"),
        (lambda: mnistgen.compose("callbacks=[ema,foo]"), "callbacks=foo is not a choice"),
        (lambda: mnistgen.compose("game=non_saturating"), "the model that is chosen has no game"),
        (lambda: mnistgen.compose(config_dir=["no"]), "config_dir=no is not allowed"),
        (lambda: mnistgen.compose("hydra.searchpath=[no]"), "config_dir=no is not allowed"),
        (lambda: mnistgen.write_report([]), "runs=[] names no folder"),
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
    assert comparison._repr_markdown_().startswith("| ")


def own(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


MODEL = "# @package _global_\nmodel:\n  _target_: mine.Model\n  latent_dim: 3\noptim:\n  lr: 1\n"


@pytest.mark.parametrize(
    ("overrides", "dirs"),
    [
        ((), ["a", "b"]),
        (("hydra.searchpath=[file://b]",), "a"),
        (("hydra.searchpath=[a,b]",), None),
    ],
)
def test_config_directories_are_several_arguments_or_hydras_search_path(overrides, dirs):
    own("a/model/mine.yaml", MODEL)
    own("b/game/mine.yaml", "_target_: mine.game\n")
    config = mnistgen.compose("model=mine", "+game=mine", *overrides, config_dir=dirs)
    assert config["game"] == {"_target_": "mine.game"}
    assert objects.user_dirs() == ()


def test_a_config_directory_is_read_anew_when_it_changes():
    own("a/model/mine.yaml", MODEL)
    assert mnistgen.compose("model=mine", config_dir="a")["model"]["latent_dim"] == 3
    text = MODEL.replace("3", "4").replace("Model", "New")
    os.utime(own("a/model/mine.yaml", text), (1, 1))  # surely another time
    own("a/model/other.yaml", MODEL.replace("Model", "Other"))
    assert mnistgen.compose("model=mine", config_dir="a")["model"]["latent_dim"] == 4
    mnistgen.compose("model=other", config_dir="a")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model:\n _target_: x\n  y: 1\n", "a/model/mine.yaml"),
        (MODEL.removeprefix("# @package _global_"), "is it # @package _global_?"),
    ],
)
def test_a_file_of_ones_own_that_is_not_right_is_one_line(text, words):
    own("a/model/mine.yaml", text)
    with pytest.raises(mnistgen.UserError) as error:
        mnistgen.compose("model=mine", config_dir="a")
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_what_a_thread_allows_is_its_own():
    inside, done = threading.Event(), threading.Event()

    def other():
        with objects.allow([Path("other")]):
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    with objects.allow([Path("mine")]):
        assert objects.user_dirs() == (Path("mine").resolve(),)
    done.set()
    thread.join()
    assert objects.user_dirs() == ()


def test_what_is_composed_belongs_to_the_caller():
    mnistgen.compose("model=cnngan")["optim"]["lr"] = 7
    assert mnistgen.compose("model=cnngan")["optim"]["lr"] == 1e-4


def test_a_frame_has_the_epochs_as_its_index(tmp_path, new_run):
    pandas = pytest.importorskip("pandas")
    new_run(name="run").write_metrics([{"epoch": 1, "val/fid": 2.5}, {"epoch": 2, "val/fid": 1.5}])
    frame = api.Run(tmp_path / "run").frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["val/fid"].to_dict() == {1: 2.5, 2: 1.5}


CLASSES = """
from lightning import LightningModule
from torch import zeros
class Colour(LightningModule):
    def __init__(self, **options):
        super().__init__()
        self.scale = __import__("torch").nn.Parameter(zeros(1))
    def decode(self, z):
        return zeros(len(z), 3, 28, 28)
class Nothing:
    def __init__(self, **options):
        pass
"""
CALLBACK = "_target_: lightning.pytorch.callbacks.Timer\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("model", MODEL.replace("Model", "Colour"), "Colour.decode makes (2, 3, 28, 28) for two"),
        ("model", MODEL.replace("Model", "Nothing"), "of a class of lightning's LightningModule"),
        (
            "bound",
            "_target_: mine.Nothing\n",
            "terms fails: 'Nothing' object is not callable",
        ),
        ("callbacks", "it:\n  _target_: mine.Nothing\n", "of a class of lightning's Callback"),
        ("callbacks", CALLBACK, "must have a _target_"),
    ],
)
def test_a_class_that_does_not_fit_is_found_before_there_is_a_run(name, text, words, monkeypatch):
    monkeypatch.syspath_prepend(".")
    own("mine.py", CLASSES)
    own(f"a/{name}/mine.yaml", text)
    with pytest.raises(mnistgen.UserError) as error:
        mnistgen.train(f"{name}=mine", "threads=1", config_dir="a")
    assert words in str(error.value)
    assert not Path("outputs").exists()
