"""Sweeps through the command line: what is trained, what is left out, what outlives what."""

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
import torch

from mnistgen import system
from mnistgen.config import to_override
from mnistgen.sweeps import columns, search
from mnistgen.tracking.folder import RunFolder
from mnistgen.tracking.info import Failure

QUICK = (
    "logger=none",
    "threads=1",
    "trainer.limit_train_batches=5",
    "trainer.limit_val_batches=1",
)


def runs_of(folder):
    found = [path.parent for path in sorted(folder.glob("*/run.json"))]
    # .new- ones are of a process that was killed while it made the folder
    return {path.name: RunFolder(path) for path in found if not path.name.startswith(".new-")}


def weights(run):
    state = torch.load(run.last, weights_only=True)["state_dict"]
    return {key: value.tolist() for key, value in state.items()}


def resident(process):
    """Memory of a process in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1000


@pytest.fixture(scope="module")
def three(tmp_path_factory, module_cli):
    """A sweep of three seeds of two epochs, undisturbed."""
    done = module_cli("-m", "seed=1,2,3", "sweep=whole", "trainer.max_epochs=2", *QUICK)
    assert done.returncode == 0, done.stderr
    return runs_of(module_cli.folder / "outputs" / "sweeps" / "whole")


def test_killed_and_typed_again_is_as_never_killed(cli, start, tmp_path, three, wait_for):
    command = ("-m", "seed=1,2,3", "sweep=cut", "trainer.max_epochs=2", *QUICK)
    process = start(*command)
    folder = tmp_path / "outputs" / "sweeps" / "cut"
    wait_for(lambda: list(folder.glob("seed-2*/checkpoints/last.ckpt")), process)
    process.kill()
    process.wait()
    cut = runs_of(folder)
    first = cut["seed-1"]
    before = (first.path / "run.json").stat().st_mtime_ns
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    cut = runs_of(folder)
    assert cut.keys() == three.keys()
    for name, run in cut.items():
        assert run.info().status == "finished"
        assert [row["epoch"] for row in run.metrics()] == [1, 2]
        assert weights(run) == weights(three[name])
    assert (first.path / "run.json").stat().st_mtime_ns == before  # not trained twice
    assert "2 of 3 runs to train" in done.stderr


def test_the_same_command_trains_nothing_and_a_further_key_only_its_values(module_cli, three):
    command = ("sweep=whole", "trainer.max_epochs=2", *QUICK)
    before = {name: (run.path / "run.json").stat().st_mtime_ns for name, run in three.items()}
    again = module_cli("-m", "seed=1,2,3", *command)
    assert again.returncode == 0, again.stderr
    assert "0 of 3 runs to train" in again.stderr
    more = module_cli("-m", "seed=3", "optim.lr=1e-4,1e-3", *command)
    assert "1 of 2 runs to train" in more.stderr
    after = {name: (run.path / "run.json").stat().st_mtime_ns for name, run in three.items()}
    assert after == before
    folder = module_cli.folder / "outputs" / "sweeps" / "whole"
    assert (folder / "sweep.png").exists()
    assert runs_of(folder).keys() == {"seed-1", "seed-2", "seed-3", "optim.lr-0.001"}


def test_jobs_do_not_depend_on_their_order(module_cli, three):
    done = module_cli("-m", "seed=3,2", "sweep=turned", "trainer.max_epochs=2", *QUICK)
    assert done.returncode == 0, done.stderr
    turned = runs_of(module_cli.folder / "outputs" / "sweeps" / "turned")
    assert len(turned) == 2
    for name, run in turned.items():
        assert weights(run) == weights(three[name])
        assert run.metrics()[-1]["val/fid"] == three[name].metrics()[-1]["val/fid"]


def test_nothing_heavy_is_imported_to_see_that_all_is_trained(module_cli, three):
    code = (
        "import runpy, sys\n"
        "try:\n    runpy.run_module('mnistgen', run_name='__main__', alter_sys=True)\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'torch', 'lightning'} & set(sys.modules)))\n"
    )
    command = ("seed=1,2,3", "sweep=whole", "trainer.max_epochs=2", *QUICK)
    for order in (command, command[::-1]):
        done = module_cli.python(code, "-m", *order)
        assert "0 of 3 runs to train" in done.stderr
        assert done.stdout.splitlines()[-1] == "[]"


def test_the_columns_of_a_run_are_known_before_it(three):
    run = three["seed-1"]
    assert set(columns.of(run.config())) == set(run.metrics()[-1]) - {"epoch"}


def test_a_penalty_is_a_column_of_the_training_alone(composed):
    names = columns.of(composed("model=densegan", "game.gradient_penalty=r1"))
    assert [name for name in names if "penalty" in name] == ["train/penalty"]


def test_two_processes_on_one_sweep_train_each_run_once(cli, start, tmp_path, three):
    command = ("-m", "seed=1,2,3", "sweep=both", "trainer.max_epochs=2", *QUICK)
    other = start(*command)
    assert cli(*command).returncode in (0, 1)  # 1: the other is still training one
    assert other.wait(timeout=120) in (0, 1)
    found = runs_of(tmp_path / "outputs" / "sweeps" / "both")
    assert found.keys() == three.keys()
    for name, run in found.items():
        assert run.info().status == "finished"
        assert run.log.read_text().count("epoch 1/2") == 1
        assert weights(run) == weights(three[name])


def test_failures_stop_nothing_and_are_tried_again_on_demand_only(cli, tmp_path):
    command = ("-m", "optim.lr=1e30,1e-3", "data.batch_size=128,1", "sweep=mixed", *QUICK)
    command = (*command, "trainer.max_epochs=1")
    done = cli(*command)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "of 4 runs 3 failed" in done.stderr
    found = runs_of(tmp_path / "outputs" / "sweeps" / "mixed")
    reasons = {name: run.info().reason for name, run in found.items()}
    assert len(reasons) == 4
    assert sum("diverged" in str(reason) for reason in reasons.values()) == 1
    kinds = [run.info().failure for run in found.values()]
    assert [kinds.count(k) for k in (Failure.DIVERGED, Failure.REFUSED, None)] == [1, 2, 1]
    assert sum("batch norm" in str(reason) for reason in reasons.values()) == 2
    assert sum(reason is None for reason in reasons.values()) == 1
    assert "diverged" in (tmp_path / "outputs" / "sweeps" / "mixed" / "sweep.md").read_text()

    again = cli(*command)
    assert again.returncode == 1
    assert "0 of 4 runs to train" in again.stderr
    retried = cli(*command, "retry=failed")
    assert retried.returncode == 1
    assert "1 of 4 runs to train" in retried.stderr  # a bad combination stays one


def test_a_run_is_known_by_its_settings_and_not_by_its_name(cli, new_run):
    other = new_run("optim.lr=0.5", name="outputs/sweeps/one/seed-1")
    same = new_run("optim.lr=1e-4", name="outputs/sweeps/one/as it was called before")
    for run in (other, same):
        run.write_metrics([{"epoch": 1, "val/fid": 1.0}])
        run.update(status="finished")
    done = cli("-m", "seed=1", "sweep=one")
    assert done.returncode == 0, done.stderr
    assert "0 of 1 runs to train" in done.stderr
    assert len(runs_of(other.path.parent)) == 2


def test_odd_values_make_folders_that_are_apart(cli, tmp_path):
    data = [tmp_path / "a b", tmp_path / "a,b"]
    done = cli(
        "-m", f"data.root='{data[0]}','{data[1]}'", "optim.betas=[0.5,0.9],[0.9,0.99]",
        "sweep=odd", *QUICK,
    )  # fmt: skip
    assert done.returncode == 1  # there are no data there
    found = runs_of(tmp_path / "outputs" / "sweeps" / "odd")
    assert len(found) == 4
    saved = [run.unchecked_config() for run in found.values()]
    asked = {(config["data"]["root"], str(config["optim"]["betas"])) for config in saved}
    assert asked == {(str(d), b) for d in data for b in ("[0.5, 0.9]", "[0.9, 0.99]")}
    assert all(set(name) <= set(SAFE) for name in found)


SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", "ray"])
def test_a_launcher_trains_two_runs_with_their_share_of_the_cores(cli, tmp_path, launcher):
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    done = cli(
        "-m", f"hydra/launcher={launcher}", "seed=1,2", "trainer=smoke", "sweep=both",
        "logger=none", *(["hydra.launcher.n_jobs=2"] if launcher == "joblib" else []),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = runs_of(tmp_path / "outputs" / "sweeps" / "both")
    assert [run.info().status for run in found.values()] == ["finished"] * 2
    share = max(1, system.cores() // 2) if launcher == "joblib" else 1
    assert [run.info().threads for run in found.values()] == [share] * 2
    lines = [line for line in done.stderr.splitlines() if "val/fid" in line]
    assert len(lines) == 2
    assert lines[-1].startswith("2/2 ")
    assert {path.name for path in tmp_path.iterdir()} == {"outputs"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_process_that_is_killed_stops_no_other_run(start, tmp_path, wait_for):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    process = start(
        "-m", "seed=1,2,3", "sweep=lost", "trainer.max_epochs=3", "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2", *QUICK,
    )  # fmt: skip
    folder = tmp_path / "outputs" / "sweeps" / "lost"
    wait_for(lambda: list(folder.glob("seed-1*/checkpoints/last.ckpt")), process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [pid for pid in children if "popen_loky" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(int(workers[0]), signal.SIGKILL)
    said = process.communicate(timeout=200)[1]
    assert process.returncode == 0, said
    assert "TerminatedWorkerError" in said
    found = runs_of(folder)
    assert len(found) == 3
    for run in found.values():
        assert run.info().status == "finished"
        assert run.log.read_text().count("epoch 3/3") == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("seed=1,2", "sweep=a/b"), "sweep=a/b"),
        (("seed=1,2", "retry=all"), "retry=all"),
        (("resume=latest,x",), "resume="),
        (("seed=1,2", "optim.lrr=1"), "did you mean optim.lr?"),
        (("seed=1,2", "hydra.sweep.dir=a"), "hydra.sweep.dir=a"),
        (("seed=1,2", "hydra.sweeper.params=3"), "hydra.sweeper.params=3"),
        (("model=densevae,cnngan", "hydra.sweeper.metric=val/loss"), "model=cnngan"),
        (
            (
                "bound.beta=interval(0.1,4)",
                "hydra/sweeper=optuna",
                "hydra.sweeper.metric=val/loss",
            ),
            "differ in bound.beta, so their losses have no common scale",
        ),
        (("seed=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"), "launcher.n_jobs=0"),
        (("seed=1,2", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=0"), "sweeper.n_trials=0"),
    ],
)
def test_what_no_sweep_can_do_is_one_line(cli, tmp_path, arguments, named):
    done = cli("-m", *arguments)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert named in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_run_json_of_a_bad_combination_says_why(cli, tmp_path):
    done = cli("-m", "data.batch_size=1", "sweep=bad", "logger=none")
    assert done.returncode == 1
    (path,) = (tmp_path / "outputs" / "sweeps" / "bad").glob("*/run.json")
    info = json.loads(path.read_text())
    assert info["status"] == "failed"
    assert "data.batch_size=1 is not allowed" in info["reason"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_from_run_to_run(start, tmp_path, wait_for):
    process = start("-m", "seed=range(0,16)", "sweep=many", "trainer=smoke", *QUICK[:2])
    folder = tmp_path / "outputs" / "sweeps" / "many"

    def finished():
        return sum(run.info().status == "finished" for run in runs_of(folder).values())

    wait_for(lambda: finished() >= 3, process)
    before = resident(process)
    wait_for(lambda: finished() >= 15, process)
    assert resident(process) - before < 40


def test_a_search_goes_on_after_a_kill_to_the_same_end(start, tmp_path, wait_for):
    optuna = pytest.importorskip("optuna")
    space = "optim.lr=tag(log,interval(1e-5,1e-2))"
    command = (
        "-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", space, "model=densevae",
        "trainer.max_epochs=1", *QUICK,
    )  # fmt: skip
    ends = []
    odd = "v?x #%41 {b} [c] é'"  # which a URL, a pattern or an override would read otherwise
    command = (*command, f"outputs={to_override(odd)}")
    for name in ("2024", "1e6"):  # without and with a kill
        folder = tmp_path / odd / "sweeps" / name
        if name == "1e6":
            process = start(*command, f"sweep={name}")
            wait_for(lambda: len(runs_of(folder)) == 2, process)  # noqa: B023
            process.kill()
            process.wait()
        process = start(*command, f"sweep={name}")
        assert process.wait(timeout=120) == 0, process.stderr.read()
        assert (folder / "study.db").exists()
        with search.opened(folder / "study.db") as storage:
            trials = optuna.load_study(study_name=None, storage=storage).get_trials()
        assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3
        assert len(runs_of(folder)) == 3
        rates = {run.config()["optim"]["lr"] for run in runs_of(folder).values()}
        assert rates == {float(f"{trial.params['optim.lr']:.4g}") for trial in trials}
        ends.append({trial.params["optim.lr"]: trial.value for trial in trials})
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("optim.lr=1e-4,1e-3", "hydra/sweeper=optuna needs an interval"),
        ("model.latent_dim=interval(0,3)", "model.latent_dim=0 is not allowed"),
    ],
)
def test_a_search_of_nothing_or_of_what_is_not_allowed_is_one_line(cli, tmp_path, override, named):
    pytest.importorskip("optuna")
    done = cli("-m", "hydra/sweeper=optuna", override)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {named}")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
