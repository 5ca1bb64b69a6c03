"""Which Python `make` takes, of those that a machine has."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKE = shutil.which("make")

pytestmark = pytest.mark.skipif(not MAKE, reason="there is no make")
GOOD, OLD, BROKEN = f'exec {sys.executable} "$@"', "echo", "exit 1"  # the last has no ensurepip


@pytest.fixture
def taken(tmp_path):
    """What `make .venv/pyvenv.cfg` would do on a machine that has these programs alone."""

    def try_out(**programs):
        (tmp_path / "bin").mkdir()
        for name, line in programs.items():
            program = tmp_path / "bin" / name.replace("_", ".")
            program.write_text(f"#!/bin/sh\n{line}\n")
            program.chmod(0o755)
        shutil.copy(ROOT / "Makefile", tmp_path)
        return subprocess.run(
            [MAKE, "-n", ".venv/pyvenv.cfg"],
            cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True,
        )  # fmt: skip

    return try_out


@pytest.mark.parametrize(
    ("programs", "name"),
    [
        ({"python3_13": GOOD}, "python3.13"),
        ({"python3_11": GOOD, "python3_12": GOOD, "python3": GOOD}, "python3.12"),
        ({"python3": GOOD}, "python3"),
        ({"python3_14": BROKEN, "python3": OLD, "python": GOOD}, "python"),
    ],
)
def test_make_takes_the_newest_python_that_is_there(taken, programs, name):
    assert taken(**programs).stdout == f"{name} -m venv .venv\n"


@pytest.mark.parametrize("programs", [{}, {"python3": OLD}])
def test_make_says_which_pythons_are_wanted(taken, programs):
    done = taken(**programs)
    assert done.returncode == 2
    assert "no Python of version 3.11 to 3.14 is here" in done.stderr
