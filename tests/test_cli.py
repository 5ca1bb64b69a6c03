"""What a user types and what comes back: composition, messages, exit status."""

import json
import subprocess
import sys

import pytest
import torch
import yaml

BAD = [
    (["optm.lr=1"], "optm", "did you mean optim"),
    (["optim.lrr=1"], "optim.lrr", "did you mean lr"),
    (["model=cnngann"], "model=cnngann", "cnngan, cnnvae, densegan, densegan_deep, densevae"),
    (["optimizer=adan"], "optimizer=adan", "nadam"),
    (["lr=1e-3"], "lr=1e-3", "constant, cosine, onecycle, plateau, warmup_cosine"),
    (["trainer=smoke", "lr=1e-3"], "lr=1e-3 is not a choice", "a rate is optim.lr=1e-3"),
    (["model=cnngan", "data=2"], "data=2 is not a choice", "fashion_mnist, kmnist, mnist"),
    (["optim.lr=0"], "optim.lr=0", "above 0"),
    (["optim.lr=fast"], "optim.lr=fast", "a number above 0"),
    (["model.latent_dim=0"], "model.latent_dim=0", "a whole number from 1"),
    (["data.batch_size=1"], "data.batch_size=1", "at least 2"),
    (["data.val_size=60000"], "data.val_size=60000", "0 to 59999"),
    (["data.binarize=maybe"], "data.binarize=maybe", "none or static or dynamic"),
    (["model._target_=os.system"], "os.system", "mnistgen.models.CNNGAN"),
    (["optim.lr=1e-4,1e-3"], "optim.lr=1e-4,1e-3", "--multirun"),
    (["optim.lr"], "optim.lr", "EQUAL"),
    (["resume=nowhere"], "nowhere", "not a run folder"),
    (["resume=latest"], "resume=latest", "no run that was interrupted"),
]


@pytest.mark.parametrize(("arguments", "named", "allowed"), BAD)
def test_bad_input_is_one_line_and_exit_1(cli, tmp_path, arguments, named, allowed):
    done = cli(*arguments)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert named in done.stderr
    assert allowed in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []  # nothing was begun


LATE = [
    (["+model.foo=1"], "foo"),
    (["+optim.foo=1"], "foo"),
    (["optimizer=sgd", "optim.nesterov=true"], "momentum"),
    (["+trainer.foo=1"], "foo"),
    (["trainer=gpu"], "no CUDA device"),
]


@pytest.mark.parametrize(("arguments", "named"), LATE)
def test_what_a_class_refuses_is_one_line_and_in_run_json(cli, tmp_path, arguments, named):
    if "gpu" in arguments[0] and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    done = cli(*arguments, "hydra.run.dir=run")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert named in done.stderr
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["status"] == "failed"
    assert named in info["reason"]


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
    assert "model: cnngan, cnnvae, densegan, densegan_deep, densevae" in done.stdout
    assert "resume=latest" in done.stdout


def test_tensorboard_does_without_a_tensorflow_that_is_installed(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")
    imports = "import mnistgen.cli, torch.utils.tensorboard"
    subprocess.run([sys.executable, "-c", imports], cwd=tmp_path, check=True)
    plain = subprocess.run(
        [sys.executable, "-c", "import torch.utils.tensorboard"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert "TensorFlow was loaded" in plain.stderr
