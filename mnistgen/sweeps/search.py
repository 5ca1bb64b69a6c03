"""A sweep that chooses its values by what came of those before, with Optuna."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override

from mnistgen import files, system
from mnistgen.errors import UserError
from mnistgen.runs import Run, Status, records
from mnistgen.sweeps import names, options
from mnistgen.sweeps.jobs import Job
from mnistgen.sweeps.sweeper import ResumableSweeper, combinations


class Search(ResumableSweeper):
    """Looks for the values in given intervals that make the metric low.

    Each combination of listed values has a study of its own. The studies are kept in the sweep's
    folder; what is chosen follows from the seed and the results, also after an interruption.
    """

    kind = "search"
    allowed = options.SEARCH

    @property
    def n_jobs(self) -> int:
        """Runs that are chosen at once."""
        jobs = int(self.options["n_jobs"])
        return jobs if jobs > 0 else system.cores()

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
        self.optuna: Any = optuna
        intervals = {o.key_or_group: o for o in overrides if isinstance(o.value(), IntervalSweep)}
        if not intervals:
            raise UserError(
                "hydra/sweeper=optuna needs an interval, as in "
                "'optim.lr=tag(log, interval(1e-6, 1e-2))'"
            )
        kinds = optuna.distributions
        space = {key: _distribution(o.value(), kinds) for key, o in intervals.items()}
        listed = [override for override in overrides if override.key_or_group not in intervals]
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folder.mkdir(parents=True, exist_ok=True)
        with files.lock(self.folder):
            storage = optuna.storages.RDBStorage(_url(self.folder / "study.db"))
            jobs: list[Job] = []
            for combination in combinations(listed):
                name = names.folder_name(combination, self.varying)
                study = optuna.create_study(study_name=name, storage=storage, load_if_exists=True)
                jobs += self._train_study(study, combination, space)
        return list({job.run.path: job for job in jobs}.values())

    def _train_study(self, study: Any, fixed: list[str], space: dict[str, Any]) -> list[Job]:
        """Train the trials of a study until it has enough; returns the jobs of all its trials."""
        running = self.optuna.trial.TrialState.RUNNING
        for trial in study.get_trials(states=[running]):
            if trial.params.keys() != space.keys():  # of a process that was killed meanwhile
                study.tell(trial.number, state=self.optuna.trial.TrialState.FAIL)
        trials = [t for t in study.get_trials() if t.params.keys() == space.keys()]
        jobs = {trial.number: self._job(fixed, trial.params) for trial in trials}
        begun = [trial.number for trial in trials if trial.state == running]
        failed = self._failed(trials, jobs) if self.config.retry == "failed" else []
        for params in failed:
            study.enqueue_trial(params)  # the study gives them out again, before it chooses
        while True:
            new = min(self.n_jobs - len(begun), self.options["n_trials"] - len(jobs))
            for _ in range(max(new, len(failed))):
                trial = self._ask(study, space)
                jobs[trial.number] = self._job(fixed, trial.params)
                begun.append(trial.number)
            failed = []
            if not begun:
                break
            self.train([jobs[number] for number in begun])
            begun = [n for n in begun if not self._tell(study, n, jobs[n])]
            if begun:
                break  # these runs have no end yet: the same command goes on with them
        return list(jobs.values())

    def _failed(self, trials: list[Any], jobs: dict[int, Job]) -> list[dict[str, Any]]:
        """The values of each failed run; a study changes no trial, so a retry is one more."""
        last = {jobs[trial.number].run.path: trial for trial in trials}  # of each run
        ended = [(Run(path), t) for path, t in last.items() if t.state.is_finished()]
        runs = [(run.info(), trial) for run, trial in ended if run.exists()]
        return [trial.params for info, trial in runs if info.status is Status.FAILED]

    def _job(self, fixed: Sequence[str], params: dict[str, Any]) -> Job:
        values = (
            f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in params.items()
        )
        return self.job([*fixed, *values])

    def _ask(self, study: Any, space: dict[str, Any]) -> Any:
        from mnistgen.seeds import stream  # with it numpy

        number = len(study.get_trials())
        seed = stream(self.options["seed"], study.study_name, number) % 2**32
        study.sampler = self.optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        return study.ask(space)

    def _tell(self, study: Any, number: int, job: Job) -> bool:
        """Tell a study how a trial has ended, if it has."""
        value = None
        if job.run.path not in self.refused and job.run.exists():
            record = records.read(job.run)
            if record.info.status not in (Status.FINISHED, Status.FAILED):
                return False
            # What diverged has the worst value, so that its neighbours are avoided
            value = math.inf if record.diverged(self.metric) else record.last(self.metric)
        failed = self.optuna.trial.TrialState.FAIL if value is None else None
        study.tell(number, value, state=failed)
        return True


def _url(database: Path) -> str:
    from sqlalchemy.engine import URL  # comes with Optuna

    return URL.create("sqlite", database=str(database)).render_as_string()


def _distribution(interval: Any, kinds: Any) -> Any:
    whole = isinstance(interval.start, int) and isinstance(interval.end, int)
    kind = kinds.IntDistribution if whole else kinds.FloatDistribution
    return kind(interval.start, interval.end, log="log" in interval.tags)
