"""The package as it is installed, away from its checkout."""

import csv
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from mnistgen.data import MNIST

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_the_configuration_and_the_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    conf = {f"mnistgen/conf/{p.relative_to(ROOT / 'conf')}" for p in ROOT.glob("conf/**/*.yaml")}
    assert conf <= names
    assert {path for path in names if path.endswith("ubyte.gz")} == {
        f"mnistgen/data/files/{part}-ubyte.gz"
        for part in (
            "train-images-idx3",
            "train-labels-idx1",
            "t10k-images-idx3",
            "t10k-labels-idx1",
        )
    }
    package = ROOT / "mnistgen" / "report"
    data = [*package.glob("templates/*"), *package.glob("vendor/*/*")]
    assert {str(path.relative_to(ROOT)) for path in data} <= names
    assert len(data) >= 9
    assert not any(name.startswith(("tests/", "conf/")) for name in names)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The environment of a process that has the wheel and not this checkout."""
    target = tmp_path_factory.mktemp("site")
    words = ["install", "-q", "--no-deps", "--target", target, wheel]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    return {**os.environ, "PYTHONPATH": str(target), "HOME": str(target.parent)}


@pytest.fixture
def python(installed, tmp_path):
    """Run Python with the wheel, in an empty folder."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=installed, capture_output=True,
            text=True, timeout=300,
        )  # fmt: skip

    return run


def test_the_configuration_is_that_of_the_wheel(python, installed):
    where = python("-c", "import mnistgen.config as c; print(c.CONF_DIR)")
    assert where.stdout.strip() == str(Path(installed["PYTHONPATH"]) / "mnistgen" / "conf")


def blocks(page, language):
    """The fenced blocks of a page of the docs."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def test_the_page_about_python_runs_from_top_to_bottom(python, tmp_path):
    (tmp_path / "page.py").write_text("\n".join(blocks("python.md", "python")))
    done = python("page.py")
    assert done.returncode == 0, done.stderr
    assert "torch.Size([16, 1, 28, 28])" in done.stdout
    assert "optim.lr=-1 is not allowed: it must be a number above 0" in done.stdout
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.glob("outputs/densevae/*/decoder.safetensors"))) == 1
    assert len(list(tmp_path.glob("outputs/sweeps/*/sweep.md"))) == 1
    assert "densevae" in (tmp_path / "report" / "index.html").read_text("utf-8")


@pytest.fixture
def own(tmp_path):
    """The files of docs/extending.md that have a name, and a callback."""
    for text in (
        *blocks("extending.md", "python"), *blocks("extending.md", "yaml"),
        CALLBACK, CALLBACK_YAML,
    ):  # fmt: skip
        name, content = text.split("\n", 1)
        if name.startswith("# "):
            path = tmp_path / name.removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    return tmp_path


def test_a_study_of_fifteen_lines_goes_on_after_a_kill(own, python, installed):
    (own / "pngs").mkdir()
    for number, image in enumerate(MNIST().arrays().train_images[:1024]):
        Image.fromarray(image.numpy()).save(own / "pngs" / f"{number}.png")
    with subprocess.Popen(
        [sys.executable, "study.py"], cwd=own, env=installed, stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        while not list(own.glob("outputs/tinyvae/*/checkpoints/previous.ckpt")):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    (run,) = own.glob("outputs/tinyvae/*")
    killed = json.loads((run / "run.json").read_text())
    assert (killed["status"], killed["epochs"] < 5) == ("running", True)
    first = run.joinpath("metrics.csv").read_text().splitlines()[1]
    done = python("study.py")
    assert done.returncode == 0, done.stderr
    info = json.loads((run / "run.json").read_text())
    assert (info["status"], info["epochs"]) == ("finished", 5)
    assert run.joinpath("metrics.csv").read_text().splitlines()[1].startswith(first)
    assert [run] == list(own.glob("outputs/tinyvae/*"))
    assert "| optim.lr |" in done.stdout
    assert done.stdout.splitlines()[-1] == "report/index.html"
    table = (own / "report" / "tables" / "table-5-provenance.csv").read_text()
    assert len(list(csv.DictReader(table.splitlines()))) == 3


def test_a_class_of_ones_own_does_all_that_the_page_about_it_says(own, python, tmp_path):
    script, plain = (text for text in blocks("extending.md", "python") if text[0] != "#")
    (tmp_path / "script.py").write_text(script + MORE)
    done = python("script.py")
    assert done.returncode == 0, done.stderr
    assert "finished, 2 epochs" in done.stdout

    (run,) = map(str, tmp_path.glob("outputs/tinyvae/*"))
    refused = python("-m", "mnistgen.sample", f"run={run}")
    (line,) = refused.stderr.splitlines()
    assert "model._target_=tiny.TinyVAE is not allowed" in line
    assert line.endswith(f"the run was made with --config-dir={tmp_path / 'myconf'}")
    for command in (
        ["mnistgen", f"resume={run}", "trainer.max_epochs=3"],
        ["mnistgen", "model=densegan", "game=smooth", "callbacks=counter", "trainer=smoke"],
        ["mnistgen", "model=tinyvae", "data=zeros", "trainer=smoke"],
    ):
        done = python("-m", command[0], "--config-dir=myconf", *command[1:])
        assert done.returncode == 0, done.stderr
    done = python(
        "-m", "mnistgen.report", "hydra.searchpath=[file://myconf]", "runs=outputs", "play=false"
    )
    assert done.returncode == 0, done.stderr
    (gan,) = tmp_path.glob("outputs/densegan/*")
    (row,) = csv.DictReader((gan / "metrics.csv").read_text().splitlines())
    assert 0.2 < float(row["train/d_loss"]) < 1.2  # of small logits 0.4, of cross-entropy 1.4
    assert (gan / "counted").read_text() == "2"
    zeros, _ = sorted(tmp_path.glob("outputs/tinyvae/*"), reverse=True)
    assert json.loads((zeros / "run.json").read_text())["images"]["train"] == 5_330
    assert "tinyvae" in (tmp_path / "report" / "index.html").read_text("utf-8")

    (tmp_path / "plain.py").write_text(plain)
    done = python("plain.py")
    assert done.returncode == 0, done.stderr


CALLBACK = """# counter.py
from pathlib import Path

from lightning.pytorch.callbacks import Callback


class Counter(Callback):
    def on_train_epoch_end(self, trainer, model):
        Path(trainer.default_root_dir, "counted").write_text(str(trainer.num_training_batches))
"""

CALLBACK_YAML = """# myconf/callbacks/counter.yaml
counter:
  _target_: counter.Counter
"""

MORE = """
from pathlib import Path
from PIL import Image
from mnistgen.data import MNIST

images, labels, *_ = MNIST().arrays()
for number, (image, label) in enumerate(zip(images[:700], labels[:700].tolist())):
    Path(f"pngs/{label}").mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.numpy()).save(f"pngs/{label}/{number}.png")
own = ("model=tinyvae", "data=images", "data.root=pngs", "trainer.max_epochs=1", "outputs=own")
mnistgen.train(*own, config_dir="myconf").evaluate(n=64, k=2, nll_images=2, cache="cache")
run.resume(max_epochs=2)
run.evaluate(n=64, k=2, nll_images=2, cache="cache")
run.export("tiny.onnx")
parallel = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "optim.lr=1e-3,1e-2")
mnistgen.sweep("model=tinyvae", "trainer=smoke", "logger=none", *parallel, config_dir="myconf")
print(mnistgen.run(run.path, "myconf"))
"""
