"""How long the project's commands take, each in a process of its own, from start to exit."""

import logging
import subprocess
import sys
import tempfile
import time
from collections import defaultdict

from mnistgen.errors import UserError

log = logging.getLogger(__name__)

HELP, CFG_JOB = "`python -m mnistgen --help`", "`python -m mnistgen --cfg job`"
TRAINING = "`trainer.max_epochs=1`, from start to exit"
EVALUATION = "`python -m mnistgen.evaluate`; the first time with the real images' numbers"
SAMPLES = "`python -m mnistgen.sample`"
SWEEP_EPOCHS = 3
SERIAL_SWEEP = f"8 runs of `densevae` of {SWEEP_EPOCHS} epochs, one after the other"
PARALLEL_SWEEP = "the same, two workers of one thread"
SWEEPS = 3


def measure(options: tuple[str, ...], rounds: int) -> dict[str, list[float]]:
    """Seconds of start-up, of a run of one epoch, of what follows it, and of sweeps, by title."""
    with tempfile.TemporaryDirectory() as folder:
        run = f"run={folder}/run"
        epoch = "trainer.max_epochs=1", *options
        evaluation = run, f"cache={folder}/cache", "force=true"
        epochs = f"trainer.max_epochs={SWEEP_EPOCHS}", *options
        sweep = "-m", f"outputs={folder}", "model=densevae", "seed=range(1,9)", *epochs
        workers = "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "threads=1"
        series = [
            *rounds * [(HELP, "mnistgen", "--help"), (CFG_JOB, "mnistgen", "--cfg", "job")],
            (TRAINING, "mnistgen", f"hydra.run.dir={folder}/run", *epoch),
            *2 * [(EVALUATION, "mnistgen.evaluate", *evaluation)],
            *rounds * [(SAMPLES, "mnistgen.sample", run)],
        ]
        for n in range(min(rounds, SWEEPS)):
            series.append((SERIAL_SWEEP, "mnistgen", *sweep, f"sweep=serial{n}"))
            series.append((PARALLEL_SWEEP, "mnistgen", *sweep, *workers, f"sweep=parallel{n}"))
        results: dict[str, list[float]] = defaultdict(list)
        for title, *words in series:
            start = time.perf_counter()
            command = [sys.executable, "-m", *words]
            process = subprocess.run(command, capture_output=True, text=True)
            results[title].append(time.perf_counter() - start)
            if process.returncode:
                raise UserError(f"python -m {' '.join(words)}: {process.stderr.strip()}")
            log.info("  %6.1f s  python -m %s", results[title][-1], " ".join(words))
    return results
