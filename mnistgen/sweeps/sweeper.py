"""How a sweep goes from its command line to its table; Hydra's interface for that is a Sweeper."""

import logging
import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from mnistgen.config import (
    compose,
    expand_path,
    leaves,
    objects,
    one_line,
    rules,
    settings,
    to_override,
)
from mnistgen.config.rules import Rule
from mnistgen.errors import UserError
from mnistgen.sweeps import columns, comparison, names, options, places
from mnistgen.sweeps.comparison import Comparison
from mnistgen.sweeps.jobs import Job, config_of
from mnistgen.sweeps.watch import Watch
from mnistgen.tracking import Failure, RunFolder, Status, info

log = logging.getLogger(__name__)


class Incomplete(UserError):
    """Not all runs of a sweep have finished; `comparison` has those that were begun, if any."""

    def __init__(self, message: str, comparison: Comparison | None) -> None:
        super().__init__(message)
        self.comparison = comparison


class ResumableSweeper(Sweeper):
    """Trains those of its jobs that are not done, and compares all.

    How jobs are chosen is left to `train_all`.
    """

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher
    kind = ""  # what the name of a sweep begins with that is given none
    allowed: Mapping[str, Rule] = options.GRID

    def __init__(self, **given: Any) -> None:
        """Take whatever stands under hydra.sweeper, which `sweep` checks."""
        self.options: Any = OmegaConf.to_container(OmegaConf.create(given), resolve=True)

    @property
    def metric(self) -> str:
        """The column of metrics.csv that is to be low."""
        return str(self.options["metric"])

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra gives."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> Comparison:
        """Train and compare.

        Raises UserError for what no sweep can do, or where the launcher is not installed, and
        Incomplete where a run has not finished.
        """
        with objects.allow(objects.given_dirs(self.config.hydra)):
            return self._sweep(arguments)

    def _sweep(self, arguments: list[str]) -> Comparison:
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        typed = parser.parse_overrides(arguments)
        name = self._check(typed)
        params = {key: _text(value) for key, value in leaves(self.options["params"])}
        known = [parser.parse_override(f"{key}={text}") for key, text in params.items()]
        model = self.config.hydra.runtime.choices.model
        name = name or names.default_name(typed, model, params, self.kind)
        self.folder = (Path(expand_path(self.config.outputs)) / "sweeps" / name).absolute()
        with open_dict(self.config):
            self.config.hydra.sweep.dir = str(self.folder)
        try:
            self.launcher = Plugins.instance().instantiate_launcher(
                self.hydra_context, self.task_function, self.config
            )
        except (RuntimeError, ImportError) as error:
            choice = self.config.hydra.runtime.choices["hydra/launcher"]
            extra = choice.partition("_")[0]
            raise UserError(
                f"hydra/launcher={choice} needs: pip install 'mnistgen[{extra}]'"
            ) from error
        self.refused: dict[Path, str] = {}
        self.taken = places.saved(self.folder)
        overrides = list({o.key_or_group: o for o in [*known, *typed]}.values())
        self.varying = {o.key_or_group for o in overrides if o.is_sweep_override()}
        return self._report(self.train_all(overrides))

    @abstractmethod
    def train_all(self, overrides: list[Override]) -> list[Job]:
        """Choose jobs and train them; returns all that are part of the sweep."""

    def job(self, overrides: Sequence[str]) -> Job:
        """The job of a combination."""
        cfg = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        config = config_of(compose.without_hydra(cfg))
        wanted = settings.run_settings(config)
        name = places.choose(self.taken, wanted, *names.run_names(overrides, self.varying))
        self.taken[name] = wanted
        return Job(
            RunFolder(self.folder / name), cfg.hydra.runtime.choices.model, [*overrides], config
        )

    def check_metric(self, jobs: Iterable[Job]) -> None:
        """Raise UserError where the runs of some jobs will not have the metric."""
        columns.check(self.metric, (job.config for job in jobs if not job.refusal()))

    def train(self, jobs: Sequence[Job]) -> None:
        """Train the jobs that are not done; how each ended is in its run.json afterwards.

        A launcher may lose all its processes when one of them is killed, for lack of memory, say.
        The runs they had begun then go on one by one, so that what kills its process again fails
        alone, and the others are launched anew.
        """
        left = self._not_done(jobs, retry=self.config.retry == "failed")
        here, folder = Path.cwd(), self.folder
        shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
        log.info("%s: %d of %d runs to train", shown, len(left), len(jobs))
        with Watch([job.run for job in left], self.metric):
            while left and not self._launch(left):
                lost = [job for job in left if _end(job.run) == Failure.KILLED]
                if not lost:
                    return  # it is not for what a run does that this launcher fails
                for job in lost:
                    if not self._launch([job]) and _end(job.run) == Failure.KILLED:
                        reason = "its process was killed, and once more alone"
                        job.run.update(status=Status.FAILED, failure=Failure.KILLED, reason=reason)
                left = self._not_done(left, retry=False)

    def _launch(self, jobs: Sequence[Job]) -> bool:
        """Let the launcher train jobs; returns whether it came to its end."""
        folder = f"hydra.sweep.dir={to_override(str(self.folder))}"
        overrides = [
            [*job.overrides, folder, f"hydra.sweep.subdir={to_override(job.run.path.name)}"]
            for job in jobs
        ]
        try:
            self.launcher.launch(overrides, initial_job_idx=0)
        except (KeyboardInterrupt, SystemExit):
            log.info("interrupted; the same command goes on with this sweep")
            raise
        except Exception as error:  # of a launcher, whose processes were killed, for example
            log.error("%s: %s", type(error).__name__, one_line(error))
            return False
        return True

    def _not_done(self, jobs: Sequence[Job], *, retry: bool) -> list[Job]:
        """The jobs to train; a combination that is not allowed gets a folder that says so."""
        left = []
        for job in jobs:
            try:
                if job.is_done(retry=retry):
                    continue
            except UserError as error:
                self.refused[job.run.path] = str(error)
                continue
            if refusal := job.refusal():
                with job.hold() as run:
                    run.update(**info.end(UserError(refusal)))
            else:
                left.append(job)
        return left

    def _check(self, typed: Sequence[Override]) -> str | None:
        """The name that the sweep is given; raises UserError for what no sweep can do."""
        name = names.given_name(self.config.sweep, typed)
        values = {key: self.config[key] for key in ("outputs", "retry")}
        rules.check_values({**values, "sweep": name}, rules.RULES)
        hydra = self.config.hydra
        launcher = hydra.launcher and OmegaConf.to_container(hydra.launcher, resolve=True)
        options.check(self.options, launcher, self.allowed)
        for line in hydra.overrides.hydra:
            if line.startswith("hydra.sweep."):
                raise UserError(f"{line} is not allowed: outputs= and sweep= say where a sweep is")
        for override in typed:
            if override.key_or_group == "resume":
                raise UserError("resume= goes on with one run: it cannot be part of a sweep")
            if override.key_or_group in settings.COMMAND and override.is_sweep_override():
                raise UserError(f"{override.input_line} is not allowed: it must be one value")
        return name

    def _report(self, jobs: Sequence[Job]) -> Comparison:
        """The comparison of the runs; raises Incomplete where one has not finished."""
        exists = any(job.run.exists() for job in jobs)
        compared = comparison.publish(self.folder, self.metric) if exists else None
        for refusal in self.refused.values():
            print(f"error: {refusal}", file=sys.stderr)
        ends = [_end(job.run) for job in jobs if job.run.path not in self.refused]
        counts = [f"{ends.count(end)} {end}" for end in sorted({*ends} - {Status.FINISHED})]
        if self.refused:
            counts.append(f"{len(self.refused)} refused")
        if counts or compared is None:
            raise Incomplete(
                f"of {len(jobs)} runs {', '.join(counts)}; the same "
                "command goes on, and with retry=failed it tries failed runs again",
                compared,
            )
        return compared


def _text(value: Any) -> str:
    """A value of `params` as that of an override, as which a text is already written."""
    return value if isinstance(value, str) else to_override(value)


def _end(run: RunFolder) -> str:
    """How a run has ended, in a word or some."""
    if not run.exists():
        return "without a run folder"
    status = run.info().status
    if status is Status.RUNNING:
        return "trained by another process" if run.is_locked() else Failure.KILLED
    return status
