"""Train: python -m mnistgen model=cnnvae optim.lr=1e-4."""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mnistgen import cli
from mnistgen.config import compose, rules
from mnistgen.sweeps import jobs
from mnistgen.tracking import RunFolder
from mnistgen.training import begin, session


@cli.command("config")
def main(cfg: DictConfig) -> float | None:
    """Train a new run, or go on with one; the result is what a search makes low."""
    if os.environ.get("LOCAL_RANK", "0") != "0":  # a further process of a run that has begun
        return session.join(RunFolder(Path(cfg.resume)))
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return jobs.perform(cfg)
    composition = compose.of_command(cfg, HydraConfig.get())
    values = composition.values
    if values["resume"] is None:
        with begin.new(composition) as run:
            return begin.train(run)
    rules.check_values(values, rules.RULES)
    outputs = Path(values["outputs"])
    with begin.old(values["resume"], outputs, values, composition.overrides) as run:
        return begin.train(run)


if __name__ == "__main__":
    main()
