"""How long the project's commands take, each a process of its own, from start to exit."""

import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mnistgen.errors import UserError

log = logging.getLogger(__name__)

JOBS = 8


def seconds(folder: Path, *arguments: str, module: str = "mnistgen") -> float:
    """Run a command in a folder; raises UserError where it fails."""
    hidden = folder / "hidden"  # or TensorBoard would load TensorFlow, which users do not have
    hidden.mkdir(exist_ok=True)
    (hidden / "tensorflow.py").write_text("raise ImportError")
    paths = [hidden, Path(__file__).parents[1], os.environ.get("PYTHONPATH", "")]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
    )
    took = time.perf_counter() - began
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise UserError(f"python -m {module} {' '.join(arguments)}: {said[-1] if said else ''}")
    log.info("  %6.1f s  python -m %s %s", took, module, " ".join(arguments))
    return took


def measure(
    *, options: tuple[str, ...], rounds: int, sweeps: int, sweep_epochs: int
) -> dict[str, list[float]]:
    """Seconds of start-up, of a run of one epoch, of what is done with it, and of sweeps.

    The serial sweeps and those of two workers come in turn.
    """
    found: dict[str, list[float]] = {}
    sweep = [
        "-m", "model=densevae", f"seed=range(1,{JOBS + 1})", f"trainer.max_epochs={sweep_epochs}",
        *options,
    ]  # fmt: skip
    parallel = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "threads=1"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        def measure_one(name: str, *arguments: str, module: str = "mnistgen") -> None:
            found.setdefault(name, []).append(seconds(folder, *arguments, module=module))

        for _ in range(rounds):
            measure_one("help", "--help")
            measure_one("cfg_job", "--cfg", "job")
        measure_one("train_one_epoch", "trainer.max_epochs=1", "hydra.run.dir=run", *options)
        for _ in range(2):
            measure_one(
                "evaluate", "run=run", "cache=cache", "force=true", module="mnistgen.evaluate"
            )
        for _ in range(rounds):
            measure_one("sample", "run=run", module="mnistgen.sample")
        for number in range(sweeps):
            measure_one("sweep_serial", *sweep, f"sweep=serial{number}")
            measure_one("sweep_two_workers", *sweep, *parallel, f"sweep=parallel{number}")
    return found
