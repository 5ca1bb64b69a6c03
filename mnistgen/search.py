"""A sweep that chooses its values by what came of those before, with Optuna."""

import logging
import math
import os
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override

from mnistgen import comparison, runs, sweeps
from mnistgen.errors import UserError
from mnistgen.jobs import Job
from mnistgen.sweeper import ResumableSweeper, combinations

log = logging.getLogger(__name__)

RETRIED = "retried"
"""Of a trial that stands for the second training of another's run: that one's number."""


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
            found: list[Job] = []
            for combination in combinations(listed):
                name = sweeps.folder_name(combination)
                study = optuna.create_study(study_name=name, storage=storage, load_if_exists=True)
                found += self._train_study(study, combination, space)
        return list({job.run.path: job for job in found}.values())

    def _train_study(self, study: Any, fixed: list[str], space: dict[str, Any]) -> list[Job]:
        """Train the trials of a study until it has enough; returns the jobs of all its trials."""
        from optuna.trial import TrialState

        for trial in study.get_trials(states=[TrialState.RUNNING]):
            if trial.params.keys() != space.keys():  # of a process that was killed meanwhile
                study.tell(trial.number, state=TrialState.FAIL)
        trials = [t for t in study.get_trials() if t.params.keys() == space.keys()]
        jobs = {trial.number: self._job(fixed, trial.params) for trial in trials}
        self._add_retried(study, trials, jobs)
        begun = [trial.number for trial in trials if trial.state == TrialState.RUNNING]
        while True:
            for _ in range(min(self.n_jobs - len(begun), self.n_trials - len(jobs))):
                trial = self._ask(study, space)
                jobs[trial.number] = self._job(fixed, trial.params)
                begun.append(trial.number)
            if not begun:
                break
            self.train([jobs[number] for number in begun])
            begun = [n for n in begun if not self._tell(study, n, jobs[n])]
            if begun:
                break  # these runs have no end yet: the same command goes on with them
        return list(jobs.values())

    def _add_retried(self, study: Any, trials: list[Any], jobs: dict[int, Job]) -> None:
        """Train failed runs again where that is asked for, and add what came of them to the study.

        A study does not change what it was told of a trial, so the run becomes one more trial,
        which is known by the number of the first and does not count.
        """
        from optuna.trial import TrialState, create_trial

        added = {t.user_attrs[RETRIED]: t.number for t in trials if RETRIED in t.user_attrs}
        for number in added.values():
            del jobs[number]
        lost = [
            trial
            for trial in trials
            if trial.number in jobs
            and trial.number not in added
            and (trial.state == TrialState.FAIL or trial.value == math.inf)
            and jobs[trial.number].run.exists()
        ]
        if lost and self.config.retry == "failed":
            self.train([jobs[trial.number] for trial in lost])
        for trial in lost:
            found = comparison.trial(jobs[trial.number].run, self.metric)
            if found.status == "finished" and found.value is not None and not found.diverged:
                again = create_trial(
                    params=trial.params,
                    distributions=trial.distributions,
                    value=found.value,
                    user_attrs={RETRIED: trial.number},
                )
                study.add_trial(again)

    def _job(self, fixed: Sequence[str], params: dict[str, Any]) -> Job:
        values = (
            f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in params.items()
        )
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
