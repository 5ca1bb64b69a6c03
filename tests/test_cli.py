"""What a user types and what comes back: composition, messages, exit status."""

import json
import os
import subprocess
import sys

import pytest
import torch
import yaml

import mnistgen
from mnistgen.config.arguments import COMMANDS

BAD = [
    (["optm.lr=1"], "optm", "did you mean optim"),
    (["optim.lrr=1"], "optim.lrr", "did you mean optim.lr?"),
    (["epochs=3"], "epochs", "did you mean trainer.max_epochs?"),
    (["trainer.epochs=3"], "trainer.epochs", "did you mean trainer.max_epochs?"),
    (["batch_size=64"], "batch_size", "did you mean data.batch_size?"),
    (["latent_dim=2"], "latent_dim", "did you mean model.latent_dim?"),
    (["optimiser=adam"], "optimiser", "did you mean optimizer?"),
    (["experiments=paper"], "experiments", "did you mean experiment?"),
    (["+epochs=1", "+max_epochs=1"], "epochs", "allowed there are seed, threads"),
    (["model=cnngann"], "model=cnngann", "cnngan, cnnvae, densegan, densegan_deep, densevae"),
    (["model=[cnnvae,densevae]"], "model=[cnnvae,densevae]", "one of burdavae, cnngan, cnnvae"),
    (["logger=[csv,tensorboard]"], "logger=[csv,tensorboard]", "one of csv, mlflow"),
    (["optimizer=[adam,sgd]"], "optimizer=[adam,sgd]", "one of adagrad"),
    (["logger=null"], "logger=null", "none, tensorboard"),
    (["experiment=good_<model>"], "experiment=good_<model>", "one of burda, good_cnngan"),
    (["~logger"], "logger is missing", "logger=none"),
    (["~model"], "model._target_ is missing", "must be given"),
    (["--trainer", "smoke"], "--trainer", "trainer=VALUE"),
    (["-x"], "-x", "not an option"),
    (["optimizer=adan"], "optimizer=adan", "nadam"),
    (["lr=1e-3"], "lr=1e-3", "constant, cosine, onecycle, plateau, warmup_cosine"),
    (["trainer=smoke", "lr=1e-3"], "lr=1e-3 is not a choice", "a rate is optim.lr=1e-3"),
    (
        ["model=cnngan", "data=2"],
        "data=2 is not a choice",
        "emnist, fashion_mnist, images, kmnist",
    ),
    (["optim.lr=0"], "optim.lr=0", "above 0"),
    (["optim.lr=fast"], "optim.lr=fast", "a number above 0"),
    (["model.latent_dim=0"], "model.latent_dim=0", "a whole number from 1"),
    (["data.batch_size=1"], "data.batch_size=1", "at least 2"),
    (["data.val_size=60000"], "data.val_size=60000", "0 to 59999"),
    (["data.binarize=maybe"], "data.binarize=maybe", "none or static or dynamic"),
    (["model._target_=os.system"], "os.system", "mnistgen.models.CNNGAN"),
    (["optim.lr=1e-4,1e-3"], "optim.lr=1e-4,1e-3", "-m"),
    (["optim.lr"], "optim.lr", "not key=value"),
    (["evaluate", "run=x"], "evaluate", "python -m mnistgen.evaluate"),
    (["outputs=müll"], "outputs=müll", "\"outputs='müll'\""),
    (["outputs=a#b"], "outputs=a#b", "\"outputs='a#b'\""),
    (["outputs=run (1)"], "outputs=run (1)", "\"outputs='run (1)'\""),
    (["outputs=1e6"], "outputs=1000000.0", "a path"),
    (["outputs=null"], "outputs=null", "a path"),
    (["outputs=[a,b]"], "outputs=['a', 'b']", "a path"),
    (["data.root=1.5"], "data.root=1.5", "a path"),
    (["resume=nowhere"], "nowhere", "not a run folder"),
    (["resume=latest"], "resume=latest", "no run that was interrupted"),
    (["resume=1.5"], "resume=1.5", "a path"),
    (["+trainer.max_steps=5"], "trainer.max_steps=5", "trainer.max_epochs"),
    (["+trainer.max_time=00:00:01:00"], "trainer.max_time", "trainer.max_epochs"),
    (["+trainer.logger=false"], "trainer.logger=False", "logger=NAME"),
    (["+trainer.num_sanity_val_steps=2"], "trainer.num_sanity_val_steps=2", "max_epochs"),
    (["+trainer.enable_model_summary=true"], "trainer.enable_model_summary", "max_epochs"),
    (["+trainer.default_root_dir=x"], "trainer.default_root_dir=x", "hydra.run.dir"),
    (["+trainer.fast_dev_run=true"], "trainer.fast_dev_run=True", "trainer=smoke"),
    (["+trainer.profiler=none"], "trainer.profiler=none", "null or simple or advanced"),
    (["trainer.strategy=fsdp"], "trainer.strategy=fsdp", "auto or ddp"),
    # What only the classes know
    (["+model.foo=1"], "model", "foo"),
    (["+optim.foo=1"], "optim", "foo"),
    (["+lr.foo=1"], "lr", "foo"),
    (["+data.foo=1"], "data", "foo"),
    (["optimizer=sgd", "optim.nesterov=true"], "optim", "momentum"),
    (["+logger.foo=1"], "logger.foo=1", "logger=tensorboard has no such option"),
    (["logger=csv", "+logger.foo=1"], "logger.foo=1", "logger=csv has no such option"),
    (["+logger.save_dir=x"], "logger.save_dir=x", "a run sets it"),
    (["model=cnngan", "+trainer.gradient_clip_val=1"], "gradient_clip_val", "CNNGAN"),
    (["model=densegan", "+trainer.accumulate_grad_batches=2"], "accumulate", "DenseGAN"),
]
if not torch.cuda.is_available():
    BAD.append((["trainer=gpu"], "trainer=gpu", "no CUDA device; trainer=auto"))
if not torch.backends.mps.is_available():
    BAD.append((["trainer=mps"], "trainer=mps", "no MPS device; trainer=auto"))


@pytest.fixture(scope="module")
def refusals(module_cli):
    """How each of the BAD command lines ends, one after the other in one process."""
    ends = module_cli.several([arguments for arguments, *_ in BAD])
    assert list(module_cli.folder.iterdir()) == []  # nothing was begun
    return ends


@pytest.mark.parametrize("place", range(len(BAD)), ids=[" ".join(bad[0]) for bad in BAD])
def test_bad_input_is_one_line_and_exit_1(refusals, place):
    _, named, allowed = BAD[place]
    done = refusals[place]
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert named in done.stderr
    assert allowed in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [["optm.lr=1"], ["model=[cnnvae,densevae]"], ["~logger"], ["trainer=smoke", "+trainer.foo=1"]],
)
def test_bad_input_is_the_same_in_a_process_of_its_own(cli, tmp_path, arguments):
    done = cli(*arguments)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_download_begins_no_run(cli, tmp_path):
    done = cli(
        "data=kmnist", "data.root=data", env={**os.environ, "http_proxy": "http://localhost:1"}
    )
    assert done.returncode == 1
    assert "downloading KMNIST" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "outputs").exists()


def test_the_package_of_a_logger_is_looked_for_first(cli, tmp_path):
    (tmp_path / "wandb").mkdir()  # what W&B leaves where it ran is not its package
    hide = "import sys; sys.modules['wandb'] = None\n"
    code = hide + "import mnistgen.__main__ as program; program.main()"
    done = cli.python(code, "logger=wandb")
    assert done.returncode == 1
    assert done.stderr == "error: logger=wandb needs: pip install 'mnistgen[wandb]'\n"
    assert not (tmp_path / "outputs").exists()


def test_a_second_command_in_a_process_and_one_in_a_thread_end_like_the_first(cli):
    short = ["trainer=smoke", "threads=1", "logger=none"]
    code = (
        "import sys, threading, mnistgen.__main__ as program\n"
        "def command(*words):\n"
        "    sys.argv[1:] = words\n"
        "    try:\n        program.main()\n"
        "    except SystemExit as end:\n        print('exit', end.code)\n"
        f"thread = threading.Thread(target=command, args={short!r})\n"
        "thread.start(); thread.join()\n"
        "command('model=nope')\n"
        "command('optim.lr=-1')\n"
    )
    done = cli.python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["exit", "1", "exit", "1"]
    assert "Traceback" not in done.stderr
    (info,) = cli.folder.rglob("run.json")
    assert json.loads(info.read_text())["status"] == "finished"


@pytest.mark.parametrize("arguments", ["--help", "model=cnnvae --cfg job"])
def test_a_reader_that_goes_away_is_no_error(cli, arguments):
    line = f"set -o pipefail; {sys.executable} -m mnistgen {arguments} | head -2"
    done = subprocess.run(["bash", "-c", line], cwd=cli.folder, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""
    assert done.returncode in (0, 141)  # 128 + SIGPIPE, where the pipe was closed before the end


def test_version_is_that_of_this_program(cli):
    assert cli("--version").stdout == f"mnistgen {mnistgen.__version__}\n"


PATHS = {
    "outputs='~/runs'": "home/runs",
    "outputs='$HOME/with-$STAGE'": "home/with-one",
    "outputs='100% $STAGE'": "100% one",
    "outputs=2027": "2027",
    "hydra.run.dir=~/one/run": "home/one/run",
}


def test_paths_are_those_of_a_shell_and_make_one_folder(cli, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    commands = [["trainer=smoke", "threads=1", path] for path in PATHS]
    environment = {**os.environ, "HOME": str(home), "STAGE": "one"}
    ends = cli.several(commands, env=environment)
    for end, folder in zip(ends, PATHS.values(), strict=True):
        assert end.returncode == 0, end.stderr
        (info,) = (tmp_path / folder).rglob("run.json")
        assert list(info.parent.glob("events.out.*"))
    names = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert names == {"home", "100% one", "2027"}
    (run,) = (home / "runs" / "densevae").iterdir()
    ends = cli.several([[f"resume='~/runs/densevae/{run.name}'"]], env=environment)
    assert "is finished: nothing to do" in ends[0].stderr
    ends = cli.several([["run='~/runs'", "out='~/a.png'"]], "mnistgen.sample", env=environment)
    assert "is not a run folder" in ends[0].stderr
    words = [f"run='~/runs/densevae/{run.name}'", "out='$HOME/a.png'", "n=4"]
    assert cli.several([words], "mnistgen.sample", env=environment)[0].returncode == 0
    assert (home / "a.png").is_file()


def test_the_configuration_is_shown_without_importing_torch(cli):
    done = cli("model=cnnvae", "optim.lr=3e-4", "--cfg", "job")
    assert done.returncode == 0
    shown = yaml.safe_load(done.stdout)
    assert shown["model"]["_target_"] == "mnistgen.models.CNNVAE"
    assert float(shown["optim"]["lr"]) == 3e-4


@pytest.mark.parametrize("argument", ["--help", "--cfg=job"])
def test_nothing_heavy_is_imported_to_show_something(argument, tmp_path, cli):
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['mnistgen', {argument!r}]\n"
        "try:\n    runpy.run_module('mnistgen', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'lightning', 'numpy', 'tensorboard'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_help_lists_the_groups_and_examples(cli):
    done = cli("--help")
    assert "model: burdavae, cnngan, cnnvae, densegan, densegan_deep, densevae" in done.stdout
    assert "resume=latest" in done.stdout
    for command in COMMANDS:
        assert f"python -m mnistgen.{command}" in done.stdout


def test_tensorboard_does_without_a_tensorflow_that_is_installed(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")
    imports = "import mnistgen.cli, torch.utils.tensorboard"
    subprocess.run([sys.executable, "-c", imports], cwd=tmp_path, check=True)
    plain = subprocess.run(
        [sys.executable, "-c", "import torch.utils.tensorboard"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert "TensorFlow was loaded" in plain.stderr
