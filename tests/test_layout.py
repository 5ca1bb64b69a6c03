"""How the packages depend on each other: in one direction, and with nothing heavy too early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mnistgen

PACKAGE = Path(mnistgen.__file__).parent
COMMANDS = {"__main__", "evaluate", "sample", "export", "compare"}
FLOORS = [
    {"errors", "seeds", "system"},
    {"files", "config", "schedules"},
    {"cli", "tracking", "data", "models"},
    {"plots"},
    {"inference"},
    {"metrics"},
    {"training", "report"},
    {"sweeps"},
    {"api"},
    COMMANDS,
]
"""A part of the package imports only from floors below its own."""

LIGHT = (
    *(f"mnistgen.{name}" for name in sorted(COMMANDS)), "mnistgen.report.__main__",
    "mnistgen.metrics.lenet.__main__", "mnistgen.cli", "mnistgen.files", "mnistgen.system",
    "mnistgen.config.compose", "mnistgen.tracking.groups", "mnistgen.tracking.store",
    "mnistgen.plots.tables", "mnistgen.sweeps.search", "mnistgen.sweeps.comparison",
    "mnistgen.training.session", "mnistgen.training.resume", "mnistgen.api",
    "mnistgen.training.begin", "mnistgen.inference.kinds",
    "hydra_plugins.mnistgen_sweepers",
)  # fmt: skip
"""What a command may import before it has checked its input (see the package's docstring)."""


def part_of(path):
    """The part of the package that a file belongs to; what is called with -m is a command."""
    if path.name == "__main__.py":
        return "__main__"
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path):
    """The parts of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            whole = [alias.name for alias in node.names]
        else:
            continue
        for name in whole:
            parts = name.split(".")
            if parts[0] == "mnistgen" and len(parts) > 1 and not parts[1].startswith("__version"):
                yield parts[1]


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_part_has_a_floor():
    parts = {part_of(path) for path in FILES} - {"__init__"}
    assert parts == set().union(*FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_from_lower_floors_only(path):
    part = part_of(path)
    if part == "__init__":
        assert set(imports_of(path)) == {"api", "errors"}  # once one of its names is used
        return
    (floor,) = (number for number, parts in enumerate(FLOORS) if part in parts)
    below = set().union(*FLOORS[:floor])
    assert set(imports_of(path)) - {part} <= below


def test_statistics_import_no_plotting():
    for name in ("tracking", "metrics", "report/verdicts.py", "report/claims.py"):
        place = PACKAGE / name
        for path in place.rglob("*.py") if place.is_dir() else [place]:
            assert "plots" not in set(imports_of(path)), path


@pytest.mark.parametrize("module", LIGHT)
def test_nothing_heavy_is_imported_before_the_input_is_checked(module):
    code = (
        f"import {module}, sys\n"
        "print(sorted({'torch', 'lightning', 'matplotlib', 'numpy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
