"""One job of a sweep: a combination of overrides, and what is to be done with its run."""

import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from mnistgen import system
from mnistgen.config import Config, objects, rules, settings
from mnistgen.config.settings import shown
from mnistgen.errors import Busy, UserError
from mnistgen.sweeps import places
from mnistgen.tracking import RunFolder, Status, store
from mnistgen.training import screen, session

log = logging.getLogger(__name__)


def config_of(cfg: DictConfig) -> Config:
    """What the run of a job saves of what Hydra has composed, good or not."""
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    return settings.to_save(config)


@dataclass(frozen=True)
class Job:
    """A combination of overrides, its configuration, and the run that is or will be of it."""

    run: RunFolder
    model: str
    overrides: list[str]
    config: Config  # as Hydra composes it; it may hold values that are not allowed

    def refusal(self) -> str:
        """Why nothing can be trained of its configuration; empty where something can."""
        try:
            rules.check_new(self.config)
            objects.check_packages(self.config)
        except UserError as error:
            return str(error)
        return ""

    def is_done(self, *, retry: bool) -> bool:
        """Whether its run has finished, or has failed and is not to be tried again.

        Raises UserError where the folder holds another run.
        """
        if not self.run.exists():
            return False
        saved = settings.run_settings(self.run.unchecked_config())
        wanted = settings.run_settings(self.config)
        for key in sorted(settings.differing(saved, wanted)):
            unsaid = settings.UNSAID.get(key)
            here, there = (shown(values.get(key, unsaid)) for values in (saved, wanted))
            raise UserError(
                f"{self.run.path} is a run with {key}={here}, not {there}: "
                "give this sweep a name of its own, sweep=NAME"
            )
        status = self.run.info().status
        return status is Status.FINISHED or (status is Status.FAILED and not retry)

    @contextlib.contextmanager
    def hold(self) -> Iterator[RunFolder]:
        """Its run, made now if it is new, and locked; raises Busy where another process has it."""
        new = store.new(
            self.run.path,
            model=self.model,
            config=self.config,
            overrides=self.overrides,
            numbered=False,
        )
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(new)
            except FileExistsError:  # from before, or from another process on this sweep
                stack.enter_context(self.run.lock())
            yield self.run


def perform(cfg: DictConfig) -> float | None:
    """Train the run of the job that Hydra has begun in this process, unless it is done.

    How it ended is in its run.json. Returns its last `val/fid`, if it has one.
    """
    hydra: Any = HydraConfig.get()
    with objects.allow(objects.given_dirs(hydra)):
        return _perform(cfg, hydra)


def _perform(cfg: DictConfig, hydra: Any) -> float | None:
    config, folder = config_of(cfg), Path(hydra.runtime.output_dir)
    # Another command may have made a run of it since the sweep was begun, or have taken its name
    taken = places.saved(folder.parent)
    name = places.choose(taken, settings.run_settings(config), folder.name)
    overrides = list(hydra.overrides.task)
    job = Job(RunFolder(folder.with_name(name)), hydra.runtime.choices.model, overrides, config)
    try:
        with job.hold() as run:
            if not job.is_done(retry=cfg.retry == "failed"):
                # Hydra's own launcher trains one run after the other, in this process
                alone = hydra.launcher["_target_"].endswith(".BasicLauncher")
                with screen.lines() if alone else _ending_with_parent():
                    session.train(run, alone=alone, share=share(hydra.launcher))
            return run.info().objective
    except Busy as error:
        log.info("%s", error)
    except UserError:
        pass  # it is in run.json
    except Exception:  # an error of this program: the other jobs go on
        log.exception("%s", job.run.path)
    finally:
        gc.collect()  # Lightning's cycles, which would pile up from run to run
    return None


def share(launcher: Any) -> int | None:
    """The cores of each run that a launcher starts; None: all."""
    if "n_jobs" in launcher:  # of joblib, at once; -1: all cores
        return max(1, system.cores() // launcher["n_jobs"]) if launcher["n_jobs"] > 0 else 1
    if "ray" in launcher:
        return int(launcher["ray"]["remote"]["num_cpus"])
    cpus = launcher.get("cpus_per_task")  # of Slurm
    return None if cpus is None else int(cpus)


@contextlib.contextmanager
def _ending_with_parent() -> Iterator[None]:
    """Interrupt this process when its parent dies: a launcher's processes would live on.

    The same command, typed again, would find their runs being trained.
    """
    over = threading.Event()
    parent = os.getppid()

    def watch() -> None:
        while not over.wait(1):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        if os.getppid() != parent:
            os._exit(128 + signal.SIGTERM)  # nobody waits for what this process would answer
