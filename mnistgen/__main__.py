"""Train: python -m mnistgen model=cnnvae optim.lr=1e-4."""

import contextlib
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mnistgen import cli, config, jobs, runs, session, signals
from mnistgen.errors import UserError
from mnistgen.runs import Run

log = logging.getLogger(__name__)


@cli.command("config")
def main(cfg: DictConfig) -> float | None:
    """Train a new run, or go on with one; the result is what a search minimises."""
    if os.environ.get("LOCAL_RANK", "0") != "0":  # a further process of a run that has begun
        with signals.noted() as noted:
            return session.train_process(Run(Path(cfg.resume)), noted)
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return jobs.train(cfg)
    with _new(cfg) if cfg.resume is None else _existing(cfg) as run:
        if run.info().get("status") == "finished":
            log.info("%s is finished: nothing to do", run.path)
            return cast("float | None", run.info().get("objective"))
        objective = session.train(run)
        _summarise(run)
        return objective


def _new(cfg: DictConfig) -> contextlib.AbstractContextManager[Run]:
    asked = config.of_the_run(config.plain(cfg))
    hydra: Any = HydraConfig.get()
    model = hydra.runtime.choices.model
    if hydra.run.dir != ".":
        path = Path(hydra.runtime.output_dir)
    else:
        path = Path(cfg.outputs) / model / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    overrides = list(hydra.overrides.task)
    return runs.created(path, model=model, config=asked, overrides=overrides)


@contextlib.contextmanager
def _existing(cfg: DictConfig) -> Iterator[Run]:
    if not isinstance(cfg.resume, str) or not cfg.resume:
        raise UserError(f"resume={cfg.resume} is not allowed: it must be a run folder or latest")
    for override in HydraConfig.get().overrides.task:
        if override.split("=")[0] not in ("resume", "outputs", "trainer.max_epochs"):
            raise UserError(
                f"{override} is not allowed with resume=: a run goes on with its saved "
                "configuration, and only trainer.max_epochs can be changed"
            )
    latest = cfg.resume == "latest"
    run = runs.latest_unfinished(Path(cfg.outputs)) if latest else Run(Path(cfg.resume))
    run.info()
    with run.lock():
        _lengthen(run, cfg)
        yield run


def _lengthen(run: Run, cfg: DictConfig) -> None:
    """Give a run the number of epochs that was asked for with resume=, if one was."""
    overrides = list(HydraConfig.get().overrides.task)
    asked = [override for override in overrides if override.startswith("trainer.max_epochs=")]
    saved = run.config()
    if not asked or saved["trainer"]["max_epochs"] == cfg.trainer.max_epochs:
        return
    done = run.info().get("epochs", 0)
    longer = {**saved, "trainer": {**saved["trainer"], "max_epochs": cfg.trainer.max_epochs}}
    config.check(longer)
    if cfg.trainer.max_epochs < done:
        raise UserError(f"{asked[-1]} is not allowed: {run.path} has trained {done} epochs")
    run.change_config(longer, asked)
    run.update(status="interrupted")


def _summarise(run: Run) -> None:
    """Say where everything is."""
    last = run.metrics()[-1]
    losses = [f"{name} {last[name]:.5g}" for name in last if name.startswith(("train/", "val/"))]
    picture = run.picture("samples", int(last["epoch"]))
    log.info("run folder   %s", run.path)
    log.info("epoch %-6d %s", last["epoch"], "  ".join(losses))
    log.info("samples      %s", picture)
    log.info("curves       tensorboard --logdir %s", run.path)


if __name__ == "__main__":
    main()
