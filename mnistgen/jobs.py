"""One job of a sweep: a combination of overrides, and what is to be done with its run."""

import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from mnistgen import composition, config, runs, session
from mnistgen.config import Config
from mnistgen.errors import Busy, UserError
from mnistgen.runs import Run

log = logging.getLogger(__name__)


class Job:
    """A combination of overrides, and the run that is or will be in its folder.

    Its configuration is composed when it is first asked for, which takes a tenth of a second: a
    run that was made from the same composition needs none to be recognised.
    """

    def __init__(
        self,
        overrides: list[str],
        run: Run,
        composition: str,
        compose: Callable[[], tuple[str, Config]],
    ) -> None:
        self.overrides = overrides
        self.run = run
        self.composition = composition
        self.compose = compose

    @cached_property
    def _composed(self) -> tuple[str, Config]:
        return self.compose()

    @property
    def model(self) -> str:
        return self._composed[0]

    @property
    def config(self) -> Config:
        """As it was composed; it may hold values that are not allowed.

        Raises what Hydra raises where it cannot be composed.
        """
        return self._composed[1]

    def is_to_be_trained(self, *, retry: bool) -> bool:
        """Whether the run is new or unfinished, or failed and is to be tried again.

        A combination that is not allowed gets a folder that says so. Raises UserError where the
        folder holds a run of other settings.
        """
        if self.run.exists():
            info = self.run.info()
            status = info.get("status")
            if info.get("composition") != self.composition:
                self._compare_with_saved()
                if status == "finished":
                    self.run.update(composition=self.composition)  # to be quicker the next time
            if status != "failed" or not retry:
                return status not in ("finished", "failed")
        try:
            config.check(self.config)
        except UserError as error:
            with self.held() as run:
                run.ended_with(error)
            return False
        return True

    @contextlib.contextmanager
    def held(self) -> Iterator[Run]:
        """Its run, made now if it is new, and locked; raises Busy where another process has it."""
        new = runs.created(
            self.run.path,
            model=self.model,
            config=self.config,
            overrides=self.overrides,
            numbered=False,
            composition=self.composition,
        )
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(new)
            except FileExistsError:  # from before, or from another process on this sweep
                stack.enter_context(self.run.lock())
            yield self.run

    def _compare_with_saved(self) -> None:
        saved, asked = (_identity(found) for found in (self.run.asked(), self.config))
        for key in sorted(saved.keys() | asked.keys()):
            if saved.get(key) != asked.get(key):
                raise UserError(
                    f"{self.run.path} is a run with {key}={saved.get(key)}, not {asked.get(key)}: "
                    "give this sweep a name of its own, sweep=NAME"
                )


def model_and_config(cfg: DictConfig, hydra: Any) -> tuple[str, Config]:
    """The model's name and the run's configuration, of what Hydra has composed."""
    made: Any = OmegaConf.to_container(cfg, resolve=True)
    return hydra.runtime.choices.model, config.of_the_run(made)


def train(cfg: DictConfig) -> float | None:
    """Train the run of the job that Hydra has begun in this process, if it has to be.

    How it ended is in its run.json. Returns its last `val/fid`, if it has one.
    """
    hydra: Any = HydraConfig.get()
    overrides = list(hydra.overrides.task)
    run = Run(Path(hydra.runtime.output_dir))
    checksum = composition.checksum(hydra, overrides)
    job = Job(overrides, run, checksum, lambda: model_and_config(cfg, hydra))
    if job.config["threads"] is None:
        job.config["threads"] = threads(hydra.launcher)
    try:
        with job.held() as run:
            if job.is_to_be_trained(retry=cfg.retry == "failed"):
                alone = is_serial(hydra.launcher)
                with contextlib.nullcontext() if alone else _ending_with_parent():
                    session.train(run, alone=alone)
            return run.info().get("objective")
    except Busy as error:
        log.info("%s", error)
    except UserError:
        pass  # it is in run.json
    except Exception:  # an error of this program: the other jobs go on
        log.exception("%s", job.run.path)
    finally:
        gc.collect()  # Lightning's cycles, which else pile up from run to run
    return None


def is_serial(launcher: Any) -> bool:
    """Whether a launcher trains one run after the other, in this process."""
    return str(launcher["_target_"]).endswith(".BasicLauncher")


def threads(launcher: Any) -> int | None:
    """CPU threads of each run that a launcher starts: its share of the cores; None: all."""
    if "n_jobs" in launcher:  # of joblib, at once; -1: all cores
        cores = len(os.sched_getaffinity(0))
        return max(1, cores // launcher["n_jobs"]) if launcher["n_jobs"] > 0 else 1
    if "ray" in launcher:
        return int(launcher["ray"]["remote"]["num_cpus"])
    found = launcher.get("cpus_per_task")  # of Slurm
    return None if found is None else int(found)


@contextlib.contextmanager
def _ending_with_parent() -> Iterator[None]:
    """Interrupt this process when its parent dies: a launcher's processes would live on.

    Else the same command, typed again, would find their runs being trained.
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


def _identity(made: Config) -> dict[str, Any]:
    """What must agree for two configurations to be of the same run."""
    kept = {key: made[key] for key in made if key not in ("threads", "logger")}
    return dict(config.leaves(kept))
