"""Column a: this project, as a user runs it."""

import logging
import os
from itertools import chain

from benchmarks.blocks import Blocks
from benchmarks.job import Job
from mnistgen import runs, session


def run(job: Job, blocks: Blocks) -> None:
    """Train through the project's own `train`, with all that is on by default.

    FID is measured in every block, and counted as often as a user's run measures it.
    """
    os.environ["FORCE_COLOR"] = "1"  # as on a terminal, where a progress bar is drawn
    logging.basicConfig(level=logging.INFO)
    first = next(blocks)
    every = job.config()["trainer"]["quality_every"]
    overrides = [f"trainer.limit_train_batches={first.steps}", "trainer.quality_every=1"]
    run = runs.create(
        job.folder / "run", model=job.model, config=job.config(*overrides), overrides=overrides
    )

    from benchmarks.gate import Gate

    session.train(run, Gate(chain([first], blocks), quality_share=1 / every))
