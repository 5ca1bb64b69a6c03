"""A sweep over every combination of the values that are listed."""

from collections.abc import Sequence
from itertools import product

from hydra.core.override_parser.types import Override

from mnistgen.errors import UserError
from mnistgen.sweeps.jobs import Job
from mnistgen.sweeps.sweeper import ResumableSweeper


class Grid(ResumableSweeper):
    """Every combination of the values that are given for each key."""

    def train_all(self, overrides: list[Override]) -> list[Job]:
        """Train the combinations."""
        for override in overrides:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                raise UserError(f"{override.input_line} is for a search: hydra/sweeper=optuna")
        all_jobs = [self.job(combination) for combination in combinations(overrides)]
        jobs = list({job.run.path: job for job in all_jobs}.values())
        self.check_metric(jobs)
        self.train(jobs)
        return jobs


def combinations(overrides: Sequence[Override]) -> list[list[str]]:
    """Every combination of the values listed for each key."""
    lines = []
    for override in overrides:
        key, line = override.get_key_element(), [str(override.input_line)]  # of a deletion
        if override.is_sweep_override():
            line = [f"{key}={value}" for value in override.sweep_string_iterator()]
        elif not override.is_delete():
            line = [f"{key}={override.get_value_element_as_str()}"]
        lines.append(line)
    return [list(combination) for combination in product(*lines)]
