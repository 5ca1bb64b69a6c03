"""What the README tells a user to type or to write."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from mnistgen.config import CONF_DIR

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(language, first_line):
    (found,) = re.findall(
        rf"```{language}\n# {re.escape(first_line)}\n(.*?)```", README, flags=re.DOTALL
    )
    return found


def test_the_sixth_model_that_is_shown_trains(tmp_path):
    shutil.copytree(ROOT / "mnistgen", tmp_path / "mnistgen")
    shutil.copytree(CONF_DIR, tmp_path / "conf")
    for language, path in (
        ("python", "mnistgen/models/tiny.py"),
        ("yaml", "conf/model/tinyvae.yaml"),
    ):
        (tmp_path / path).write_text(block(language, path))
    done = subprocess.run(
        [sys.executable, "-m", "mnistgen", "model=tinyvae", "trainer=smoke"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("outputs/tinyvae/*/samples/epoch-0001.png"))) == 1


def test_every_group_and_choice_is_in_the_table():
    for group in ("model", "optimizer", "lr", "data", "trainer", "logger"):
        (row,) = re.findall(rf"^\| `{group}` \| `([^`]*)`", README, flags=re.MULTILINE)
        assert set(row.split()) == {path.stem for path in (CONF_DIR / group).glob("*.yaml")}


def test_the_rates_in_the_table_are_those_of_the_configuration():
    for path in (CONF_DIR / "model").glob("*.yaml"):
        row = re.findall(rf"^\| `{path.stem}`.*$", README, flags=re.MULTILINE)[0]  # of the models
        rate = yaml.safe_load(path.read_text())["optim"]["lr"]
        assert row.rstrip(" |").endswith(str(rate))


def test_the_make_targets_that_are_shown_exist():
    shown = set(re.findall(r"(?:^|`)make ([a-z]+)\b", README, flags=re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"train", "test", "help"} <= shown
    assert shown <= targets


def test_no_place_is_left_to_be_filled():
    assert not re.findall(r"@[A-Z]{3,}@", README)
