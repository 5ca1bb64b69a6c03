"""Train: python -m mnistgen model=cnnvae optim.lr=1e-4."""

import contextlib
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mnistgen import cli
from mnistgen.config import Config, compose, rules, settings
from mnistgen.sweeps import jobs
from mnistgen.tracking import RunFolder, Status, store
from mnistgen.training import resume, session

log = logging.getLogger(__name__)


@cli.command("config")
def main(cfg: DictConfig) -> float | None:
    """Train a new run, or go on with one; the result is what a search makes low."""
    if os.environ.get("LOCAL_RANK", "0") != "0":  # a further process of a run that has begun
        return session.join(RunFolder(Path(cfg.resume)))
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return jobs.perform(cfg)
    values = compose.command_values(cfg, {})
    with _new(values) if values["resume"] is None else _old(values) as run:
        info = run.info()
        if info.status is Status.FINISHED:
            log.info("%s is finished: nothing to do", run.path)
            return info.objective
        objective = session.train(run)
        _summarise(run)
        return objective


def _new(values: Config) -> contextlib.AbstractContextManager[RunFolder]:
    rules.check_new(values)
    config = settings.to_save(values)
    session.check(config)
    hydra: Any = HydraConfig.get()
    model = hydra.runtime.choices.model
    if hydra.run.dir != ".":
        path = Path(hydra.runtime.output_dir)
    else:
        path = Path(values["outputs"]) / model / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    return store.new(path, model=model, config=config, overrides=list(hydra.overrides.task))


@contextlib.contextmanager
def _old(values: Config) -> Iterator[RunFolder]:
    rules.check_values(values, rules.RULES)
    overrides = list(HydraConfig.get().overrides.task)
    run = resume.choose(values["resume"], Path(values["outputs"]), overrides)
    config = resume.changed(run, values, overrides)
    is_done = run.info().status is Status.FINISHED and config == run.config()
    with contextlib.nullcontext() if is_done else run.lock():
        resume.change(run, config, overrides)
        yield run


def _summarise(run: RunFolder) -> None:
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
