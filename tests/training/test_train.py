"""Whole trainings, most of them through the command line."""

import json
import random
import signal
import time

import pytest
import torch
import yaml
from lightning.pytorch.accelerators import CPUAccelerator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnistgen import system
from mnistgen.errors import Diverged, UserError
from mnistgen.tracking import checkpoints
from mnistgen.tracking.folder import RunFolder
from mnistgen.tracking.info import Failure
from mnistgen.training import machine
from mnistgen.training.session import train

SHORT = ("trainer.limit_train_batches=20", "trainer.limit_val_batches=2")


def weights(run):
    return torch.load(run.last, weights_only=True)["state_dict"]


def equal(first, second):
    return first.keys() == second.keys() and all(first[k].equal(second[k]) for k in first)


def events(folder):
    found = EventAccumulator(str(folder), size_guidance={"images": 0})
    found.Reload()
    return found


@pytest.mark.parametrize("model", ["densegan", "densevae"])
def test_the_same_seed_gives_the_same_weights(new_run, model):
    options = (f"model={model}", *SHORT, "trainer.max_epochs=2")
    made = [new_run(*options, name=f"run{i}") for i in range(2)]
    made.append(new_run(*options, "seed=2", name="other"))
    for run in made:
        train(run)
    assert equal(weights(made[0]), weights(made[1]))
    assert made[0].metrics()[-1].keys() == made[1].metrics()[-1].keys()
    assert not equal(weights(made[0]), weights(made[2]))


@pytest.mark.parametrize(
    "options",
    [
        ("model=densegan", "lr=onecycle"),
        ("model=densevae", "data.binarize=dynamic", "lr=cosine", "optimizer=nadam"),
        (
            "model=densevae",
            "lr=plateau",
            "lr.patience=0",
            "optimizer=sgd",
            "optim.lr=1e-6",
            "model.batch_norm=false",
        ),  # the loss all but stands still, so the rate falls
    ],
    ids=["gan", "vae", "plateau"],
)
def test_killed_at_any_moment_and_resumed_is_as_never_killed(
    cli, start, tmp_path, options, wait_for
):
    common = (*options, "threads=1", "trainer.max_epochs=6", *SHORT)
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    assert cli(*common, "hydra.run.dir=whole").returncode == 0
    process = start(*common, "hydra.run.dir=cut")
    wait_for(lambda: cut.last.exists(), process)
    time.sleep(random.uniform(0, 0.5))
    process.kill()
    process.wait()
    done = cli("resume=cut")
    assert done.returncode == 0, done.stderr
    assert equal(weights(whole), weights(cut))
    timeless = [
        [{k: v for k, v in row.items() if k != "images_per_s"} for row in run.metrics()]
        for run in (whole, cut)
    ]
    assert timeless[0] == timeless[1]
    assert [row["epoch"] for row in timeless[1]] == [1, 2, 3, 4, 5, 6]
    assert cut.info().status == "finished"
    if "lr=plateau" in options:
        assert cut.metrics()[-1]["lr"] < cut.metrics()[0]["lr"]  # else nothing was tested
    for run in (whole, cut):
        curve = events(run.path / "train").Scalars("training/lr")
        assert [event.step for event in curve] == [1, 2, 3, 4, 5, 6]


def test_killed_before_the_first_epoch_ends_it_resumes_from_the_start(
    cli, start, tmp_path, wait_for
):
    process = start(*SHORT, "trainer.max_epochs=2", "hydra.run.dir=run", "logger=none")
    wait_for(lambda: (tmp_path / "run" / "run.json").exists(), process)
    process.kill()
    process.wait()
    assert cli("resume=run").returncode == 0
    assert RunFolder(tmp_path / "run").info().epochs == 2


@pytest.mark.parametrize("after", [0, 1])
def test_a_signal_before_the_training_begins_marks_the_run(start, tmp_path, wait_for, after):
    process = start("hydra.run.dir=run")
    run = RunFolder(tmp_path / "run")
    wait_for(run.log.exists, process)  # from then on signals are watched
    time.sleep(after)  # into the imports, which have no place where it would be safe to stop
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert run.info().status == "interrupted"
    assert "resume=" in process.stderr.read()


def test_a_run_can_end_where_it_was_interrupted(new_run):
    run = new_run(*SHORT, "trainer.max_epochs=1")
    train(run)
    run.write_metrics([{k: v for k, v in run.metrics()[0].items() if k != "val/fid"}])
    run.update(status="interrupted")
    assert train(run) is None
    assert run.info().status == "finished"


def test_a_crash_after_the_last_checkpoint_is_made_good(new_run):
    run = new_run(*SHORT, "trainer.max_epochs=1")
    objective = train(run)
    run.update(status="running")
    assert train(run) == objective
    assert run.info().status == "finished"


@pytest.mark.parametrize("signum", system.STOP)
def test_a_signal_stops_the_run_and_latest_goes_on(cli, start, tmp_path, signum, wait_for):
    process = start("trainer.max_epochs=3", "trainer.limit_train_batches=40", SHORT[1])
    folders = tmp_path / "outputs" / "densevae"
    wait_for(lambda: list(folders.glob("2*/metrics.csv")), process)
    (run,) = map(RunFolder, folders.iterdir())
    process.send_signal(signum)
    started = time.monotonic()
    assert process.wait(timeout=60) == 128 + signum
    assert time.monotonic() - started < 20
    message = process.stderr.read()
    assert f"python -m mnistgen resume={run.path.relative_to(tmp_path)}" in message
    assert "Traceback" not in message
    assert run.info().status == "interrupted"
    assert not run.is_locked()

    done = cli("resume=latest")
    assert done.returncode == 0, done.stderr
    assert run.info().status == "finished"
    assert list(folders.iterdir()) == [run.path]  # the same folder, no new one

    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*.*")}
    finished = cli(f"resume={run.path}")
    assert finished.returncode == 0
    assert "is finished" in finished.stderr
    changed = [p for p, at in before.items() if p.stat().st_mtime_ns != at]
    assert {path.name for path in changed} <= {"train.log", ".lock"}


def test_a_finished_run_trains_longer_to_what_a_long_one_gives(cli, tmp_path):
    common = ("model=densegan", "logger=none", "threads=1", *SHORT)
    assert cli(*common, "trainer.max_epochs=2", "hydra.run.dir=short").returncode == 0
    assert cli(*common, "trainer.max_epochs=4", "hydra.run.dir=long").returncode == 0
    assert cli("resume=short", "trainer.max_epochs=4").returncode == 0
    short, long = RunFolder(tmp_path / "short"), RunFolder(tmp_path / "long")
    assert equal(weights(short), weights(long))
    assert short.config()["trainer"]["max_epochs"] == 4
    refused = cli("resume=short", "trainer.max_epochs=3")
    assert refused.returncode == 1
    assert "has trained 4 epochs" in refused.stderr
    refused = cli("resume=short", "optim.lr=1")
    assert refused.returncode == 1
    assert "only trainer.max_epochs" in refused.stderr


def test_divergence_stops_the_run_and_keeps_what_was_trained(new_run):
    run = new_run(*SHORT, "trainer.max_epochs=1")
    train(run)
    good = weights(run)
    config = run.config()
    config["trainer"]["max_epochs"] = 3
    config["optim"]["lr"] = 1e30
    run.change_config(config, [])
    checkpoint = torch.load(run.last, weights_only=True)
    checkpoint["optimizer_states"][0]["param_groups"][0]["lr"] = 1e30
    checkpoints.SafeCheckpointIO().save_checkpoint(checkpoint, run.last)
    with pytest.raises(Diverged, match=r"epoch 2, batch \d+: loss=.*diverged.*lower optim.lr"):
        train(run)
    info = run.info()
    assert info.status == "failed"
    assert info.failure is Failure.DIVERGED
    assert "epoch 2, batch" in info.reason
    assert equal(weights(run), good)


def test_a_checkpoint_that_cannot_be_written_fails_the_run(cli, tmp_path):
    resource = pytest.importorskip("resource")

    def small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))

    done = cli(
        *SHORT, "trainer.max_epochs=1", "hydra.run.dir=run", "logger=none",
        preexec_fn=small_files_only,
    )  # fmt: skip
    assert done.returncode == 1
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["status"] == "failed"
    assert "File too large" in info["reason"]
    assert not RunFolder(tmp_path / "run").last.exists()


def test_a_damaged_last_checkpoint_is_named_and_the_one_before_used(new_run, caplog):
    whole = new_run(*SHORT, "trainer.max_epochs=3", name="whole")
    train(whole)
    run = new_run(*SHORT, "trainer.max_epochs=2")
    train(run)
    content = bytearray(run.last.read_bytes())
    content[len(content) // 2] ^= 1
    run.last.write_bytes(content)
    config = run.config()
    config["trainer"]["max_epochs"] = 3
    run.change_config(config, [])
    train(run)
    assert f"{run.last} is damaged" in caplog.text
    assert equal(weights(run), weights(whole))


def test_a_run_of_other_data_is_not_gone_on_with(new_run):
    run = new_run(*SHORT, "trainer.max_epochs=1")
    run.update(data_checksum="of other data")
    with pytest.raises(Exception, match="was begun on other data"):
        train(run)


@pytest.mark.parametrize("model", ["densegan", "densevae"])
def test_tensorboard_has_the_epochs_on_its_axis_and_hyperparameters(cli, tmp_path, model):
    done = cli(f"model={model}", *SHORT, "trainer.max_epochs=2", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert cli("resume=run", "trainer.max_epochs=3").returncode == 0
    run = RunFolder(tmp_path / "run")
    seen = events(run.path)
    parts = {
        "densegan": ("parts/g_loss", "parts/d_loss", "parts/d_real", "parts/d_fake"),
        "densevae": ("loss", "parts/reconstruction", "parts/kl"),
    }[model]
    rows = run.metrics()
    for split, others in (
        ("train", {"training/lr", "training/images_per_s"}),
        ("val", {"fid", "readable"}),
    ):
        curves = events(run.path / split)
        assert set(curves.Tags()["scalars"]) == {*parts, *others}
        for tag in parts:
            assert [event.step for event in curves.Scalars(tag)] == [1, 2, 3]
            column = f"{split}/{tag.removeprefix('parts/')}"
            found = [event.value for event in curves.Scalars(tag)]
            assert found == pytest.approx([row[column] for row in rows])
    assert seen.Tags()["scalars"] == []
    assert [event.step for event in seen.Images("samples")] == [1, 2, 3]
    assert ("reconstructions" in seen.Tags()["images"]) == (model == "densevae")
    hparams = seen.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"optim.lr" in hparams


def test_the_run_folder_holds_what_the_contract_says(cli, tmp_path):
    done = cli(*SHORT, "trainer.max_epochs=2", "hydra.run.dir=run", "optim.lr=2e-4")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "run"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {
        ".hydra/config.yaml",
        ".hydra/overrides.yaml",
        "run.json",
        "metrics.csv",
        "train.log",
        "samples/epoch-0001.png",
        "samples/epoch-0002.png",
        "samples/reconstructions-0002.png",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
    } <= names
    info = RunFolder(folder).info()
    assert info.status == "finished"
    assert info.seed == 1
    assert info.epochs == 2
    assert info.parameters == {"encoder": 688_958, "decoder": 689_534}
    assert info.device == "cpu"
    assert info.precision == machine.precision(RunFolder(folder).config())
    assert info.threads == 1  # a small dense model takes one
    assert len(info.data_checksum) == 64
    assert info.seconds > 0
    assert info.images_per_s > 0
    assert info.versions["torch"] == torch.__version__
    for said in (
        f"run folder   {folder}",
        f"tensorboard --logdir {folder}",
        "epoch-0002.png",
        "train/loss",
    ):
        assert said in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in lines] == ["1/2", "2/2", "2"]


TWO_PROCESSES = (
    "trainer=ddp", "trainer.max_epochs=1", "trainer.limit_train_batches=10",
    "trainer.limit_val_batches=2", "logger=none", "threads=1",
)  # fmt: skip


def test_two_processes_train_one_run(cli, tmp_path):
    done = cli("model=densegan", *TWO_PROCESSES, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    run = RunFolder(tmp_path / "run")
    assert run.info().status == "finished"
    assert run.info().processes == 2
    assert len(run.metrics()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_one_process_trains_several_runs_with_a_second_process_each(cli, tmp_path):
    done = cli("-m", "model=densevae", *TWO_PROCESSES, "seed=3,4", "sweep=two")
    assert done.returncode == 0, done.stderr
    runs = [RunFolder(path) for path in (tmp_path / "outputs" / "sweeps" / "two").glob("*seed*")]
    assert [run.info().status for run in runs] == ["finished"] * 2
    assert [run.info().processes for run in runs] == [2, 2]


def test_a_run_folder_can_be_the_working_directory(cli, tmp_path):
    done = cli(*SHORT, "trainer.max_epochs=1", "threads=1", f"hydra.run.dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert RunFolder(tmp_path).info().status == "finished"
    assert (tmp_path / "samples" / "epoch-0001.png").is_file()


@pytest.mark.parametrize("path", ["run", "link"])
def test_a_run_folder_can_be_one_that_hydra_changes_to(cli, tmp_path, path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    done = cli(
        *SHORT, "trainer.max_epochs=1", "threads=1", f"hydra.run.dir={path}",
        "hydra.job.chdir=true",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert RunFolder(tmp_path / path).info().status == "finished"


NO_LINKS_OR_LOCKS = """
import errno, fcntl, os, sys
def no_links(*arguments, **options):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))
def no_locks(*arguments, **options):
    raise OSError(errno.ENOSYS, "no locks here")
os.link, fcntl.flock = no_links, no_locks
import mnistgen.__main__ as program
program.main()
"""


def test_a_folder_without_links_and_locks_holds_a_run(cli, tmp_path):
    common = (*SHORT, "threads=1", "logger=none", "hydra.run.dir=run", "trainer.max_epochs=2")
    done = cli.python(NO_LINKS_OR_LOCKS, *common)
    assert done.returncode == 0, done.stderr
    assert "run cannot be locked (no locks here)" in done.stderr.splitlines()[0]
    run = RunFolder(tmp_path / "run")
    assert torch.load(run.previous, weights_only=True)["epoch"] == 0
    done = cli.python(NO_LINKS_OR_LOCKS, "resume=run", "trainer.max_epochs=3")
    assert done.returncode == 0, done.stderr
    assert run.info().epochs == 3
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert not list(run.path.rglob(".*.[0-9]*"))  # nothing half written is left


def test_best_is_the_epoch_with_the_lowest_validation_loss(new_run):
    run = new_run(*SHORT, "trainer.max_epochs=4", "optim.lr=0.02", "model=densevae")
    train(run)
    losses = [row["val/loss"] for row in run.metrics()]
    best = torch.load(run.best, weights_only=True)["epoch"]
    assert losses[best] == min(losses)


def test_best_of_a_gan_is_the_epoch_with_the_lowest_fid(new_run):
    run = new_run(
        *SHORT,
        "trainer.max_epochs=4",
        "model=densegan",
        "optim.lr=1e-3",
        "trainer.quality_every=1",
    )
    objective = train(run)
    fids = [row["val/fid"] for row in run.metrics()]
    best = torch.load(run.best, weights_only=True)["epoch"]
    assert fids[best] == min(fids)
    assert objective == run.info().objective == pytest.approx(fids[-1])


def test_without_validation_images_the_training_loss_decides(new_run):
    run = new_run(*SHORT, "trainer.max_epochs=2", "data.val_size=0", "lr=plateau")
    objective = train(run)
    row = run.metrics()[-1]
    assert {name for name in row if name.startswith("val/")} == {"val/fid", "val/readable"}
    assert objective == pytest.approx(row["val/fid"])
    assert torch.load(run.best, weights_only=True)["epoch"] == 1


def test_each_network_of_a_gan_has_its_own_optimizer_and_schedule(new_run):
    run = new_run(*SHORT, "trainer.max_epochs=1", "model=densegan", "lr=cosine", "optim.lr=1e-3")
    train(run)
    checkpoint = torch.load(run.last, weights_only=True)
    rates = [state["param_groups"][0]["lr"] for state in checkpoint["optimizer_states"]]
    assert len(rates) == len(checkpoint["lr_schedulers"]) == 2
    assert rates == pytest.approx([0, 0], abs=1e-12)  # a cosine ends at nothing
    assert 0.3e-3 < run.metrics()[0]["lr"] < 0.7e-3


@pytest.mark.parametrize("accelerator", ["cpu", "auto"])
@pytest.mark.parametrize(
    ("cpuinfo", "precision"),
    [
        ("flags : fpu avx512_bf16", "bf16-mixed"),
        ("flags\t\t: fpu amx_bf16", "bf16-mixed"),
        ("flags : fpu avx2 avx512f\nbugs : amx_bf16", "32-true"),
        ("Features\t: fp asimd bf16 i8mm sve svebf16", "32-true"),  # ARM
        (None, "32-true"),  # macOS, Windows
    ],
)
def test_precision_is_chosen_by_the_processor(
    monkeypatch, tmp_path, accelerator, cpuinfo, precision
):
    monkeypatch.setattr(system, "CPUINFO", tmp_path / "cpuinfo")
    if cpuinfo:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\n{cpuinfo}\n")
    monkeypatch.setattr(machine, "ACCELERATORS", {"cpu": CPUAccelerator})
    asked = {"trainer": {"precision": "auto", "accelerator": accelerator}}
    assert machine.precision(asked) == precision
    asked["trainer"]["precision"] = "64-true"
    assert machine.precision(asked) == "64-true"


def test_auto_takes_what_is_there(monkeypatch):
    def has(*names):
        for name, kind in machine.ACCELERATORS.items():
            monkeypatch.setattr(kind, "is_available", lambda name=name: name in names)
        return machine.accelerator({"trainer": {"accelerator": "auto"}})

    assert has("cpu") == "cpu"
    assert has("cpu", "gpu") == "gpu"
    assert has("cpu", "mps") == "mps"
    asked = {"trainer": {"accelerator": "mps", "precision": "auto"}}
    assert machine.precision(asked) == "32-true"
    asked["trainer"]["precision"] = "64-true"
    with pytest.raises(UserError, match="64-true is not allowed: MPS has none"):
        machine.prepare(asked)


def test_with_auto_a_run_is_that_of_the_device_that_is_there(cli, tmp_path):
    few = ("trainer.limit_train_batches=2", "trainer.limit_val_batches=1")
    short = (*few, "threads=1", "logger=none")
    ends = cli.several(
        [
            [*short, "trainer.max_epochs=2", "trainer=cpu", "hydra.run.dir=cpu"],
            [*short, "trainer.max_epochs=1", "trainer=auto", "hydra.run.dir=auto"],
            ["resume=auto", "trainer.max_epochs=2"],
        ]
    )
    assert [end.returncode for end in ends] == [0, 0, 0]
    cpu, auto = (RunFolder(tmp_path / name) for name in ("cpu", "auto"))
    assert (auto.info().device, auto.info().precision) == ("cpu", cpu.info().precision)
    assert auto.config()["trainer"]["accelerator"] == "auto"
    assert "densevae, cpu, " in ends[1].stderr.splitlines()[0]
    assert equal(weights(cpu), weights(auto))


def test_a_run_that_goes_on_on_another_device_says_so(new_run):
    run = new_run(*SHORT, "trainer=auto", "trainer.max_epochs=1", "trainer.limit_train_batches=1")
    run.update(device="a device")
    train(run)
    device = run.info().device
    assert f"begun on a device, goes on on {device}: results can differ" in run.log.read_text()


def test_divergence_that_no_training_batch_shows_is_one_line_and_valid_json(cli, tmp_path):
    done = cli(
        "model=densegan", "optim.lr=1e30", "trainer.max_epochs=1", "hydra.run.dir=run",
        "trainer.limit_train_batches=1", "trainer.limit_val_batches=2", "threads=1",
    )  # fmt: skip
    assert done.returncode == 1
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 1
    assert "validation: " in done.stderr
    text = (tmp_path / "run" / "run.json").read_text()
    info = json.loads(text, parse_constant=pytest.fail)  # Infinity and NaN are no JSON
    assert (info["status"], info["failure"]) == ("failed", "diverged")


def test_hparams_yaml_has_the_parameters(cli, tmp_path):
    assert cli(*SHORT, "trainer.max_epochs=1", "hydra.run.dir=run").returncode == 0
    saved = yaml.safe_load((tmp_path / "run" / "hparams.yaml").read_text())
    assert saved["optim.lr"] == 1e-4
    assert saved["model"] == "DenseVAE"
