"""How a sweep goes from its command line to its table; Hydra's interface for that is a Sweeper."""

import logging
import sys
from abc import abstractmethod
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from mnistgen import compare, composition, config, jobs, rules, sweeps
from mnistgen.config import Config
from mnistgen.errors import UserError
from mnistgen.jobs import Job
from mnistgen.runs import Run
from mnistgen.watch import Watch

log = logging.getLogger(__name__)

KILLED = "killed"
"""How a run has ended whose run.json says that it is running, while no process holds its lock."""


class ResumableSweeper(Sweeper):
    """Trains those of its jobs that are not trained yet, and compares all.

    How jobs are chosen is left to `train_all`.
    """

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    kind = ""
    """What the name of a sweep begins with that is given none."""

    def __init__(self, metric: str, params: dict[str, str]) -> None:
        self.metric = metric
        self.params = params

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra gives."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        """Train and compare; exits with status 1 where a run has not finished.

        Raises UserError for what no sweep can do, or where the launcher is not installed.
        """
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        typed = parser.parse_overrides(arguments)
        known = [parser.parse_override(f"{key}={value}") for key, value in self.params.items()]
        self._check(typed)
        keys = [override.key_or_group for override in known]
        model = self.config.hydra.runtime.choices.model
        name = self.config.sweep or sweeps.default_name(typed, model, keys, self.kind)
        self.folder = (Path(self.config.outputs) / "sweeps" / name).absolute()
        with open_dict(self.config):
            self.config.hydra.sweep.dir = str(self.folder)
        self.launcher = self._launcher()
        self.refused: dict[Path, str] = {}
        trained = self.train_all([*known, *typed])
        self._report(trained)

    def _launcher(self) -> Launcher:
        choice = self.config.hydra.runtime.choices["hydra/launcher"]
        try:
            return Plugins.instance().instantiate_launcher(
                hydra_context=self.hydra_context,
                task_function=self.task_function,
                config=self.config,
            )
        except (RuntimeError, ImportError) as error:
            extra = choice.partition("_")[0]
            raise UserError(
                f"hydra/launcher={choice} needs: pip install 'mnistgen[{extra}]'"
            ) from error

    @abstractmethod
    def train_all(self, overrides: list[Override]) -> list[Job]:
        """Choose jobs and train them; returns all that are part of the sweep."""

    def job(self, overrides: Sequence[str]) -> Job:
        """The job of a combination."""
        return Job(
            list(overrides),
            Run(self.folder / sweeps.folder_name(overrides)),
            composition.checksum(self.config.hydra, overrides),
            lambda: self._compose(list(overrides)),
        )

    def _compose(self, overrides: list[str]) -> tuple[str, Config]:
        cfg = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        task = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
        return jobs.model_and_config(task, cfg.hydra)

    def train(self, chosen: Sequence[Job]) -> None:
        """Train the jobs that have to be; how each ended is in its run.json afterwards.

        A launcher may lose all its processes when one of them is killed, for lack of memory, say.
        The runs they had begun then go on one by one, so that what kills its process again fails
        alone, and the others are launched anew.
        """
        retry = self.config.retry == "failed"
        wanted = [job for job in chosen if self._is_wanted(job, retry)]
        log.info("%s: %d of %d runs to train", _shown(self.folder), len(wanted), len(chosen))
        with Watch([job.run for job in wanted], self.metric):
            while wanted and not self._launch(wanted):
                lost = [job for job in wanted if _end(job.run) == KILLED]
                if not lost:
                    return  # it is not for what a run does that this launcher fails
                for job in lost:
                    if not self._launch([job]) and _end(job.run) == KILLED:
                        job.run.ended_with(
                            UserError("its process was killed, and once more alone")
                        )
                wanted = [job for job in wanted if self._is_wanted(job, retry=False)]

    def _launch(self, wanted: Sequence[Job]) -> bool:
        """Let the launcher train jobs; returns whether it came to its end."""
        launched = [
            [
                *job.overrides,
                f"hydra.sweep.dir={config.hydra_value(str(self.folder))}",
                f"hydra.sweep.subdir={config.hydra_value(job.run.path.name)}",
            ]
            for job in wanted
        ]
        try:
            self.launcher.launch(launched, initial_job_idx=0)
        except (KeyboardInterrupt, SystemExit):
            log.info("interrupted; the same command goes on with this sweep")
            raise
        except Exception as error:  # of a launcher, whose processes were killed, for example
            log.error("%s: %s", type(error).__name__, " ".join(str(error).split()))
            return False
        return True

    def _is_wanted(self, job: Job, retry: bool) -> bool:
        try:
            return job.is_to_be_trained(retry=retry)
        except UserError as error:
            self.refused[job.run.path] = str(error)
            return False

    def _check(self, typed: Sequence[Override]) -> None:
        config.check_values({key: self.config[key] for key in ("sweep", "retry")}, rules.RULES)
        for override in typed:
            if override.key_or_group == "resume":
                raise UserError("resume= goes on with one run: it cannot be part of a sweep")
            if override.key_or_group in config.OF_THE_COMMAND and override.is_sweep_override():
                raise UserError(f"{override.input_line} is not allowed: it must be one value")

    def _report(self, trained: Sequence[Job]) -> None:
        """Compare what is trained, and exit with status 1 where something is not."""
        compare.compare(self.folder, self.metric)
        for refusal in self.refused.values():
            print(f"error: {refusal}", file=sys.stderr)
        ends = [_end(job.run) for job in trained if job.run.path not in self.refused]
        unfinished = len(self.refused) + sum(end != "finished" for end in ends)
        if unfinished:
            counts = [f"{ends.count(end)} {end}" for end in sorted({*ends} - {"finished"})]
            refused = [f"{len(self.refused)} refused"] if self.refused else []
            print(
                f"error: of {len(trained)} runs {', '.join([*counts, *refused])}; the same "
                "command goes on, and with retry=failed it tries failed runs again",
                file=sys.stderr,
            )
            sys.exit(1)


class Grid(ResumableSweeper):
    """Every combination of the values that are given for each key."""

    def train_all(self, overrides: list[Override]) -> list[Job]:
        """Train the combinations."""
        for override in overrides:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                raise UserError(f"{override.input_line} is for a search: hydra/sweeper=optuna")
        chosen = [self.job(combination) for combination in combinations(overrides)]
        chosen = list({job.run.path: job for job in chosen}.values())
        self.train(chosen)
        return chosen


def combinations(overrides: Sequence[Override]) -> list[list[str]]:
    """Every combination of the values listed for each key; of two lists for a key the last."""
    lines = {override.key_or_group: _single(override) for override in overrides}
    return [list(combination) for combination in product(*lines.values())]


def _single(override: Override) -> list[str]:
    """The overrides with one value each that an override with several stands for."""
    if override.is_delete():
        return [str(override.input_line)]
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _end(run: Run) -> str:
    """How a run has ended, in a word or some."""
    if not run.exists():
        return "without a run folder"
    status = str(run.info().get("status"))
    if status == "running":
        return "trained by another process" if run.locked() else KILLED
    return status


def _shown(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
