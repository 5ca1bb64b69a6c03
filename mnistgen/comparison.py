"""What the runs of a sweep differ in, and which of its combinations is best."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mnistgen.config import named
from mnistgen.errors import UserError
from mnistgen.runs import Run

SEED = "seed"
MODEL = "model"
SAME_RESULT = ("threads", "logger")
"""Keys that runs of the same settings may differ in."""


@dataclass(frozen=True)
class Trial:
    """A run as it is compared: its settings by dotted key, and what came of it."""

    settings: dict[str, Any]
    status: str
    value: float | None
    """The last value of the metric; None where it was not measured, or the run is unfinished."""
    reason: str = ""

    @property
    def diverged(self) -> bool:
        """Whether it left the finite numbers."""
        if self.status == "failed":
            return "diverged" in self.reason
        return self.value is not None and not math.isfinite(self.value)


@dataclass
class Row:
    """A combination of the keys that vary, over its seeds."""

    settings: dict[str, Any]
    trials: list[Trial] = field(default_factory=list)
    best: bool = False

    @property
    def values(self) -> list[float]:
        """The metric of the seeds that have a finite one."""
        found = (trial.value for trial in self.trials)
        return [value for value in found if value is not None and math.isfinite(value)]

    @property
    def mean(self) -> float | None:
        """Over the seeds; None where a run diverged, or none has a value."""
        if self.diverged or not self.values:
            return None
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation over two or more seeds."""
        if self.mean is None or len(self.values) < 2:
            return None
        return statistics.stdev(self.values)

    @property
    def diverged(self) -> bool:
        """Whether any of its runs did."""
        return any(trial.diverged for trial in self.trials)

    @property
    def model(self) -> str:
        return str(self.settings[MODEL])

    def states(self) -> str:
        """How many of its runs are in which state, as in "2 finished, 1 diverged"."""
        names = ["diverged" if trial.diverged else trial.status for trial in self.trials]
        return ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))


def trial(run: Run, metric: str) -> Trial:
    """A run as it is compared; raises UserError where it is damaged."""
    info = run.info()
    status = str(info.get("status"))
    rows = run.metrics() if status == "finished" else []
    model = str(info.get("model"))
    asked = run.asked()
    settings = named({key: asked[key] for key in asked if key not in SAME_RESULT})
    return Trial(
        settings={**settings, MODEL: model},
        status=status,
        value=rows[-1].get(metric) if rows else None,
        reason=str(info.get("reason") or ""),
    )


def rows(trials: Sequence[Trial]) -> list[Row]:
    """A row for each combination of the keys that vary, best marked for each model.

    Raises UserError where there is nothing to compare.
    """
    if not trials:
        raise UserError("there is no run to compare")
    keys = [key for key in _varying(trials) if key != SEED]
    found: dict[str, Row] = {}
    for one in trials:
        settings = {MODEL: one.settings[MODEL], **{key: one.settings.get(key) for key in keys}}
        found.setdefault(repr(settings), Row(settings)).trials.append(one)
    ordered = sorted(found.values(), key=lambda row: [_order(v) for v in row.settings.values()])
    for model in {row.model for row in ordered}:
        measured = [row for row in ordered if row.model == model and row.mean is not None]
        if measured:
            min(measured, key=lambda row: row.mean or 0.0).best = True
    return ordered


def _varying(trials: Sequence[Trial]) -> list[str]:
    """The keys whose values differ by more than what a choice of model, optimizer ... brings."""
    keys = dict.fromkeys(key for one in trials for key in one.settings if key != MODEL)
    chosen = [MODEL, *(k for k in keys if any(other.startswith(f"{k}.") for other in keys))]

    def values(key: str, among: Iterable[Trial]) -> set[str]:
        return {repr(one.settings.get(key)) for one in among}

    groups: dict[str, list[Trial]] = {}
    for one in trials:
        groups.setdefault(repr([one.settings.get(key) for key in chosen]), []).append(one)
    found = []
    for key in keys:
        own = any(len(values(key, group)) > 1 for group in groups.values())
        if own or (key in chosen and len(values(key, trials)) > 1):
            found.append(key)
    return found


def _order(value: Any) -> tuple[int, float, str]:
    """Numbers by their size, before all else by its name."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (0, float(value), "") if number else (1, 0.0, str(value))
