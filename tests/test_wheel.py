"""The package as it is installed, away from its checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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


def test_an_installed_wheel_trains_in_an_empty_folder(wheel, tmp_path):
    target, folder = tmp_path / "site", tmp_path / "empty"
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, wheel],
        check=True,
    )
    environment = {**os.environ, "PYTHONPATH": str(target)}
    where = subprocess.run(
        [sys.executable, "-c", "import mnistgen.config as c; print(c.CONF_DIR)"],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.strip() == str(target / "mnistgen" / "conf")
    done = subprocess.run(
        [sys.executable, "-m", "mnistgen", "trainer=smoke"],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("outputs/densevae/*/checkpoints/last.ckpt"))) == 1
