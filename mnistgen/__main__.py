"""Train: python -m mnistgen model=cnnvae optim.lr=1e-4."""

import contextlib
import logging
import os
import shlex
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mnistgen import cli, config, runs
from mnistgen.errors import Interrupted, UserError
from mnistgen.runs import Run

log = logging.getLogger(__name__)


@cli.command("config")
def main(cfg: DictConfig) -> float | None:
    """Train a new run, or go on with one; the result is what a search minimises."""
    if os.environ.get("LOCAL_RANK", "0") != "0":  # a further process of a run that has begun
        return _train(Run(Path(cfg.resume)))
    run = _new(cfg) if cfg.resume is None else _existing(cfg)
    with run.lock(), _logged(run), _signals_raise():
        if cfg.resume is not None:
            _lengthen(run, cfg)
        if run.info().get("status") == "finished":
            log.info("%s is finished: nothing to do", run.path)
            return cast("float | None", run.info().get("objective"))
        try:
            objective = _train(run)
        except Interrupted as error:
            if run.info()["status"] != "finished":
                run.update(status="interrupted", reason=str(error))
                override = shlex.quote(f"resume={config.hydra_value(str(run.path))}")
                log.info("interrupted; go on with: python -m mnistgen %s", override)
            raise
        _summarise(run)
        return objective


def _new(cfg: DictConfig) -> Run:
    asked = config.plain(cfg)
    hydra: Any = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN or hydra.run.dir != ".":
        path = Path(hydra.runtime.output_dir)
    else:
        name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        path = Path(cfg.outputs) / hydra.runtime.choices.model / name
    kept = {key: asked[key] for key in asked if key not in ("resume", "outputs", "sweep")}
    jobs = hydra.launcher.get("n_jobs", 1)  # at once, with hydra/launcher=joblib; -1: all cores
    if jobs != 1 and kept["threads"] is None:
        kept["threads"] = max(1, config.threads(kept) // jobs) if jobs > 0 else 1
    overrides = list(hydra.overrides.task)
    return runs.create(path, model=hydra.runtime.choices.model, config=kept, overrides=overrides)


def _existing(cfg: DictConfig) -> Run:
    if not isinstance(cfg.resume, str) or not cfg.resume:
        raise UserError(f"resume={cfg.resume} is not allowed: it must be a run folder or latest")
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        raise UserError("resume= goes on with one run: it cannot be part of a sweep")
    for override in HydraConfig.get().overrides.task:
        if override.split("=")[0] not in ("resume", "outputs", "trainer.max_epochs"):
            raise UserError(
                f"{override} is not allowed with resume=: a run goes on with its saved "
                "configuration, and only trainer.max_epochs can be changed"
            )
    if cfg.resume == "latest":
        return runs.latest_unfinished(Path(cfg.outputs))
    run = Run(Path(cfg.resume))
    run.info()
    return run


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


def _train(run: Run) -> float | None:
    threads = str(config.threads(run.config()))
    os.environ["OMP_NUM_THREADS"] = threads  # read when torch is first imported
    from mnistgen.train import train

    return train(run)


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Let a signal raise Interrupted before the training's own handlers are there, and after."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise Interrupted(signum)

    signums = signal.SIGINT, signal.SIGTERM
    replaced = [signal.signal(signum, interrupt) for signum in signums]
    try:
        yield
    finally:
        for signum, handler in zip(signums, replaced, strict=True):
            signal.signal(signum, handler)


@contextlib.contextmanager
def _logged(run: Run) -> Iterator[None]:
    """Write what is logged into the run's train.log too."""
    handler = logging.FileHandler(run.log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


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
