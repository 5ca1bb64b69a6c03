"""What loggers have of a run: one run of theirs, whole, and in an order for the eye."""

import csv
import importlib.util
import struct

import pytest
import yaml
from lightning.pytorch.callbacks import LambdaCallback
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams.backend_context import Context

from mnistgen.errors import Interrupted
from mnistgen.training.session import train


def of_csv(run):
    with (run.path / "csv" / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    parameters = yaml.safe_load((run.path / "csv" / "hparams.yaml").read_text())
    return [int(row["step"]) for row in rows], parameters["trainer.max_epochs"]


def of_tensorboard(run):
    events = EventAccumulator(str(run.path / "val")).Reload()
    parameters = yaml.safe_load((run.path / "hparams.yaml").read_text())
    return [event.step for event in events.Scalars("loss")], parameters["trainer.max_epochs"]


def of_mlflow(run):
    client, (found,) = mlflow_runs(run)
    steps = [point.step for point in client.get_metric_history(found.info.run_id, "val/loss")]
    assert found.info.status == "FINISHED"
    assert found.data.params["optim.lr"] == "0.0001"
    return steps, int(found.data.tags["trainer.max_epochs"])  # it has changed


def of_wandb(run):
    """The parts of a run that W&B makes of its folders when they are synchronised."""
    steps, epochs, names = [], [], set()
    for folder in sorted(run.path.glob("wandb/offline-run-*")):
        (file,) = folder.glob("*.wandb")
        for record in wandb_records(file.read_bytes()):
            if record.HasField("run"):
                names.add(record.run.run_id)
            elif record.HasField("history"):
                steps.append(record.history.step.num)
            elif record.HasField("config"):
                values = {item.key: item.value_json for item in record.config.update}
                epochs.append(int(values.get("trainer.max_epochs", 0)))
            elif record.HasField("exit"):
                assert record.exit.exit_code == 0
    assert len(names) == 1
    return steps, max(epochs)


def mlflow_runs(run):
    from mlflow import MlflowClient

    client = MlflowClient(run.config()["logger"]["tracking_uri"])
    experiment = client.get_experiment_by_name("mnistgen")
    return client, client.search_runs([experiment.experiment_id])


def wandb_records(content):
    """The records of a file: blocks of 32 KiB with pieces behind a header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    place, whole = 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
        _, size, kind = struct.unpack_from("<IHB", content, place)
        whole += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last piece
            yield Record.FromString(whole)
            whole = b""


READERS = [("csv", of_csv), ("tensorboard", of_tensorboard)] + [
    pytest.param(
        name,
        reader,
        marks=[
            pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"no {name}"),
            pytest.mark.filterwarnings("ignore"),  # those of others' databases and services
        ],
    )
    for name, reader in (("mlflow", of_mlflow), ("wandb", of_wandb))
]


def go_on(run, epochs):
    config = run.config()
    config["trainer"]["max_epochs"] = epochs
    run.change_config(config, [])
    train(run)


@pytest.fixture
def logged_run(new_run, tmp_path, monkeypatch):
    """Make a short run with a logger, whose records stay on this machine."""
    monkeypatch.setenv("WANDB_MODE", "offline")

    def make(logger, *overrides, **options):
        place = [f"logger.tracking_uri=sqlite:///{tmp_path}/mlflow.db"]
        place = place if logger == "mlflow" else []
        return new_run(f"logger={logger}", *place, "trainer=smoke", *overrides, **options)

    return make


@pytest.mark.parametrize(("logger", "read"), READERS)
def test_a_run_that_goes_on_is_one_run_of_its_logger(logged_run, logger, read):
    run = logged_run(logger)
    train(run)
    go_on(run, 3)
    assert read(run) == ([1, 2, 3], 3)
    if logger != "wandb":  # without its server it cannot know
        run.previous.replace(run.last)  # as where a kill comes before the checkpoint
        go_on(run, 4)
        assert read(run) == ([1, 2, 3, 4], 4)


def test_a_logger_that_comes_later_has_the_epochs_from_before(new_run, caplog):
    caplog.set_level("INFO")  # as a command has it
    run = new_run("logger=none", "trainer=smoke")
    train(run)
    config = run.config()
    logger = {"_target_": "lightning.pytorch.loggers.TensorBoardLogger", "name": "", "version": ""}
    run.change_config({**config, "logger": logger}, [])
    go_on(run, 2)
    assert of_tensorboard(run) == ([1, 2], 2)
    assert ", epochs 2 to 2\n" in run.log.read_text()


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="no wandb")
@pytest.mark.filterwarnings("ignore")
def test_each_run_of_a_process_is_one_of_wandb(logged_run):
    for seed in (1, 2):
        run = logged_run("wandb", f"seed={seed}", name=f"run{seed}")
        train(run)
        assert of_wandb(run) == ([1], 1)


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="no mlflow")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("error", "status"), [(Interrupted(15), "KILLED"), (ValueError("a fault"), "FAILED")]
)
def test_mlflow_says_how_a_run_ended(logged_run, error, status):
    def stop(*hook):
        raise error

    run = logged_run("mlflow")
    with pytest.raises(type(error)):
        train(run, LambdaCallback(on_train_batch_end=stop))
    _, (found,) = mlflow_runs(run)
    assert found.info.status == status


def test_the_hparams_tab_has_the_keys_and_metrics_of_all_runs_of_a_sweep(new_run, tmp_path):
    short = ("logger=tensorboard", "trainer=smoke")
    train(new_run(*short, "model=densegan", name="sweep/model-densegan"))
    train(new_run(*short, "model=densevae", "optimizer=sgd", name="sweep/model-densevae"))
    events = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "sweep"))
    events.Reload()
    provider = MultiplexerDataProvider(events, str(tmp_path / "sweep"))
    request = RequestContext()
    context = Context(TBContext(data_provider=provider))
    recorded = context.hparams_metadata(request, "")
    shown = context.experiment_from_metadata(request, "", True, recorded, [])

    assert set(recorded) == {"model-densegan", "model-densevae"}
    differing = {info.name for info in shown.hparam_infos if info.differs}
    assert {"model", "optim", "optim.lr", "model.latent_dim"} <= differing
    assert "optim.momentum" in {info.name for info in shown.hparam_infos}
    metrics = [f"{info.name.group}/{info.name.tag}" for info in shown.metric_infos]
    assert metrics[:3] == ["val/fid", "train/loss", "val/loss"]  # TensorBoard shows five
    assert metrics[-2:] == ["train/training/images_per_s", "train/training/lr"]
    assert "train/parts/g_loss" in metrics
