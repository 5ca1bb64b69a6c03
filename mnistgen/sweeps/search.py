"""A sweep that chooses its values by what came of those before, with Optuna."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override

from mnistgen import files, system
from mnistgen.config import one_line
from mnistgen.errors import UserError
from mnistgen.sweeps import names, options, spaces
from mnistgen.sweeps.grid import combinations
from mnistgen.sweeps.jobs import Job
from mnistgen.sweeps.sweeper import ResumableSweeper
from mnistgen.tracking import Record, RunFolder, Status, records
from mnistgen.tracking.info import FID

TRIES = 20  # choices in a row that are not allowed, after which a search gives up


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
        intervals = [o for o in overrides if isinstance(o.value(), IntervalSweep)]
        if not intervals:
            raise UserError(
                "hydra/sweeper=optuna needs an interval, as in "
                "'optim.lr=tag(log, interval(1e-6, 1e-2))'"
            )
        space = {o.get_key_element(): spaces.distribution(o) for o in intervals}
        listed = [override for override in overrides if override not in intervals]
        ends = [{k: getattr(v, end) for k, v in space.items()} for end in ("low", "high")]
        self.check_metric(self._job(fixed, end) for fixed in combinations(listed) for end in ends)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folder.mkdir(parents=True, exist_ok=True)
        with files.lock(self.folder), opened(self.folder / "study.db") as storage:
            jobs: list[Job] = []
            for combination in combinations(listed):
                name = names.folder_name(combination, self.varying)
                study = optuna.create_study(study_name=name, storage=storage, load_if_exists=True)
                self._check_study(study)
                try:
                    jobs += self._train_study(study, combination, space)
                except UserError as error:  # the other studies go on
                    self.refused[self.folder / name] = str(error)
        return list({job.run.path: job for job in jobs}.values())

    def _check_study(self, study: Any) -> None:
        """Raise UserError where the results that a study has been told are of another metric."""
        metric = study.user_attrs.get("metric", self.metric)  # at first none was kept
        if metric != self.metric:
            raise UserError(
                f"hydra.sweeper.metric={self.metric} is not allowed: {self.folder} is a search "
                f"for a low {metric}: give this one a name of its own, sweep=NAME"
            )
        study.set_user_attr("metric", metric)

    def _check_network(self, study: Any, record: Record) -> None:
        """Raise UserError where another network than before has measured a run's `val/fid`."""
        network = record.info.features_sha256
        values = [t.value for t in study.get_trials() if t.value is not None]
        unknown = None if any(map(math.isfinite, values)) else network
        before = study.user_attrs.get("features_sha256", unknown)
        if self.metric == FID and network != before:
            raise UserError(
                f"{self.folder}: the {FID} of this search was measured with another feature "
                "network: give this one a name of its own, sweep=NAME"
            )
        study.set_user_attr("features_sha256", network)

    def _train_study(self, study: Any, fixed: list[str], space: dict[str, Any]) -> list[Job]:
        """Train the trials of a study until it has enough; returns the jobs of all its trials."""
        running = self.optuna.trial.TrialState.RUNNING
        jobs: dict[int, Job] = {}
        trials = []
        for trial in study.get_trials():
            whole = trial.params.keys() == space.keys()
            job = self._job(fixed, trial.params) if whole else None
            if job and not job.refusal():
                trials.append(trial)
                jobs[trial.number] = job
            elif trial.state == running:  # of a process that was killed meanwhile
                study.tell(trial.number, state=self.optuna.trial.TrialState.FAIL)
        begun = [trial.number for trial in trials if trial.state == running]
        failed = self._failed(trials, jobs) if self.config.retry == "failed" else []
        for params in failed:
            study.enqueue_trial(params)  # the study gives them out again, before it chooses
        while True:
            new = min(self.n_jobs - len(begun), self.options["n_trials"] - len(jobs))
            for _ in range(max(new, len(failed))):
                number, job = self._ask(study, fixed, space)
                jobs[number] = job
                begun.append(number)
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
        ended = [(RunFolder(path), t) for path, t in last.items() if t.state.is_finished()]
        runs = [(run.info(), trial) for run, trial in ended if run.exists()]
        return [trial.params for info, trial in runs if info.status is Status.FAILED]

    def _job(self, fixed: Sequence[str], params: dict[str, Any]) -> Job:
        # a float stays one: limit_train_batches=1.0 is a share, and 1 is a batch
        rounded = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in params.items()}
        return self.job([*fixed, *(f"{key}={value!r}" for key, value in rounded.items())])

    def _ask(self, study: Any, fixed: Sequence[str], space: dict[str, Any]) -> tuple[int, Job]:
        """The next trial that is allowed; what is not does not count among the `n_trials`.

        Raises UserError where the study finds none, or was begun with other intervals.
        """
        from mnistgen.seeds import stream  # with it numpy

        for _ in range(TRIES):
            number = len(study.get_trials())
            seed = stream(self.options["seed"], study.study_name, number) % 2**32
            study.sampler = self.optuna.samplers.TPESampler(seed=seed, constant_liar=True)
            try:
                trial = study.ask(space)
            except ValueError as error:
                raise UserError(
                    f"{self.folder}: this search was begun with an interval of another kind "
                    f"({one_line(error)}): give this one a name of its own, sweep=NAME"
                ) from error
            job = self._job(fixed, trial.params)
            reason = job.refusal()
            if not reason:
                return trial.number, job
            study.tell(trial.number, state=self.optuna.trial.TrialState.FAIL)
        raise UserError(f"none of {TRIES} choices in a row is allowed; the last: {reason}")

    def _tell(self, study: Any, number: int, job: Job) -> bool:
        """Tell a study how a trial has ended, if it has."""
        value = None
        if job.run.path not in self.refused and job.run.exists():
            record = records.read(job.run)
            if record.info.status not in (Status.FINISHED, Status.FAILED):
                return False
            # What diverged has the worst value, so that its neighbours are avoided
            value = math.inf if record.diverged(self.metric) else record.last(self.metric)
            if value is not None and math.isfinite(value):
                self._check_network(study, record)
        failed = self.optuna.trial.TrialState.FAIL if value is None else None
        study.tell(number, value, state=failed)
        return True


@contextlib.contextmanager
def opened(database: Path) -> Iterator[Any]:
    """Where Optuna keeps studies; on some systems a file that stays open cannot be deleted."""
    from optuna.storages import RDBStorage
    from sqlalchemy.engine import URL  # comes with Optuna

    storage = RDBStorage(URL.create("sqlite", database=str(database)).render_as_string())
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()
