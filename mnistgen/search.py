"""A sweep that chooses its values by what came of those before, with Optuna."""

import logging
import math
import os
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override

from mnistgen import comparison, runs
from mnistgen.errors import UserError
from mnistgen.jobs import Job
from mnistgen.sweeper import ResumableSweeper, combinations

log = logging.getLogger(__name__)


class Search(ResumableSweeper):
    """Looks for the values in given intervals that make the metric low.

    Each combination of listed values has a study of its own. The studies are kept in the sweep's
    folder; what is chosen follows from the seed and what was found, also after an interruption.
    """

    kind = "search"

    def __init__(
        self, metric: str, params: dict[str, str], n_trials: int, n_jobs: int, seed: int
    ) -> None:
        super().__init__(metric, params)
        self.n_trials = n_trials
        self.n_jobs = n_jobs if n_jobs > 0 else len(os.sched_getaffinity(0))
        self.seed = seed

    def train_all(self, overrides: list[Override]) -> list[Job]:
        """Train `n_trials` of each study, those of before included; raises UserError.

        It is raised where Optuna is not installed, no interval is given, or another process is
        on this search.
        """
        try:
            import optuna
        except ModuleNotFoundError as error:
            raise UserError(
                "hydra/sweeper=optuna needs: pip install 'mnistgen[optuna]'"
            ) from error
        last = {override.key_or_group: override for override in overrides}
        intervals = {k: o for k, o in last.items() if isinstance(o.value(), IntervalSweep)}
        if not intervals:
            raise UserError(
                "hydra/sweeper=optuna needs an interval, as in "
                "'optim.lr=tag(log, interval(1e-6, 1e-2))'"
            )
        space = {key: _distribution(override.value()) for key, override in intervals.items()}
        listed = [override for key, override in last.items() if key not in intervals]
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folder.mkdir(parents=True, exist_ok=True)
        with runs.lock(self.folder):
            storage = optuna.storages.RDBStorage(f"sqlite:///{self.folder / 'study.db'}")
            found: dict[Any, Job] = {}
            for combination in combinations(listed):
                study = optuna.create_study(
                    study_name=" ".join(combination), storage=storage, load_if_exists=True
                )
                found |= self._train_study(study, combination, space)
        return list({job.run.path: job for job in found.values()}.values())

    def _train_study(self, study: Any, fixed: list[str], space: dict[str, Any]) -> dict[Any, Job]:
        """Train the trials of a study until it has enough; returns the jobs of all its trials."""
        from optuna.trial import TrialState

        for trial in study.get_trials(states=[TrialState.RUNNING]):
            if trial.params.keys() != space.keys():  # of a process that was killed meanwhile
                study.tell(trial.number, state=TrialState.FAIL)
        jobs: dict[Any, Job] = {}
        while True:
            trials = [t for t in study.get_trials() if t.params.keys() == space.keys()]
            for trial in trials:
                if (study.study_name, trial.number) not in jobs:
                    jobs[study.study_name, trial.number] = self._job(fixed, trial.params)
            begun = [trial.number for trial in trials if trial.state == TrialState.RUNNING]
            room = min(self.n_jobs - len(begun), self.n_trials - len(trials))
            for _ in range(room):
                trial = self._ask(study, space)
                jobs[study.study_name, trial.number] = self._job(fixed, trial.params)
                begun.append(trial.number)
            if not begun:
                return jobs
            self.train([jobs[study.study_name, number] for number in begun])
            told = [self._tell(study, n, jobs[study.study_name, n]) for n in begun]
            if not all(told):
                return jobs  # some run has no end yet: the same command goes on with it

    def _job(self, fixed: Sequence[str], params: dict[str, Any]) -> Job:
        values = (f"{key}={value}" for key, value in params.items())
        return self.job([*fixed, *values])

    def _ask(self, study: Any, space: dict[str, Any]) -> Any:
        from optuna.samplers import TPESampler

        from mnistgen.seeds import stream

        number = len(study.get_trials())
        seed = stream(self.seed, study.study_name, number) % 2**32
        study.sampler = TPESampler(seed=seed, constant_liar=True)
        return study.ask(space)

    def _tell(self, study: Any, number: int, job: Job) -> bool:
        """Tell a study how a trial has ended, if it has."""
        from optuna.trial import TrialState

        if job.run.path in self.refused or not job.run.exists():
            study.tell(number, state=TrialState.FAIL)
            return True
        found = comparison.trial(job.run, self.metric)
        if found.status not in ("finished", "failed"):
            return False
        if found.diverged:
            study.tell(number, math.inf)  # the worst, so that its neighbours are avoided
        elif found.value is None:
            study.tell(number, state=TrialState.FAIL)
        else:
            study.tell(number, found.value)
        return True


def _distribution(interval: Any) -> Any:
    from optuna.distributions import FloatDistribution, IntDistribution

    whole = isinstance(interval.start, int) and isinstance(interval.end, int)
    kind = IntDistribution if whole else FloatDistribution
    return kind(interval.start, interval.end, log="log" in interval.tags)
