"""Runs of one recipe pooled over their seeds, and the curves that they give."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, NamedTuple

from mnistgen.config import settings, sizes
from mnistgen.config.settings import Settings, images_an_epoch
from mnistgen.tracking.info import Measures
from mnistgen.tracking.records import Record

MODEL = "model"


class Pooled(NamedTuple):
    """A number over seeds."""

    values: list[float]

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def sd(self) -> float | None:
        """The sample standard deviation over seeds; None of a single one."""
        return stdev(self.values) if len(self.values) > 1 else None


class Curve(NamedTuple):
    """A line of a chart: a number against the epoch, or against a setting."""

    model: str
    label: str
    x: list[Any]  # numbers, or words
    y: list[float | None]  # None where a run diverged
    sd: list[float | None]  # over seeds; None where there is one


@dataclass(frozen=True)
class Group:
    """Runs of one model with the same settings, which differ in their seeds."""

    model: str
    settings: Settings
    records: list[Record]

    @property
    def finished(self) -> list[Record]:
        return [record for record in self.records if record.finished]

    @property
    def first(self) -> Record:
        """The run that shows what all of them do: a finished one, if there is one."""
        return (self.finished or self.records)[0]

    def value(self, key: str) -> Any:
        """A setting, also one that goes without saying; the model by its name in conf/."""
        if key == MODEL:
            return self.model
        if key in self.settings:
            return self.settings[key]
        return settings.said(self.first.config).get(key)

    def measure(self, name: str) -> Pooled | None:
        """A measure that evaluate made of the finished runs; None where it made none."""
        return _pooled(measures.get(name) for measures in self._measures())

    def confusion(self) -> list[list[list[float]]]:
        """The counts of digits that VAEs confuse, for each run that has as many as the last."""
        counts = [m["confusion"] for m in self._measures() if "confusion" in m]
        return [matrix for matrix in counts if len(matrix) == len(counts[-1])]

    @property
    def train_size(self) -> int:
        """How many training images the data set has, those for validation among them."""
        images = self.first.info.images
        return images["train"] + images["val"] if images else sizes.TRAIN_SIZE

    @property
    def images_an_epoch(self) -> int:
        """How many training images an epoch sees."""
        return images_an_epoch(self.settings, self.train_size)

    def number(self, name: str) -> Pooled | None:
        """A number of the finished runs' run.json; None where none has it."""
        return _pooled(getattr(record.info, name) for record in self.finished)

    def last(self, metric: str) -> Pooled | None:
        """The last value of a column of metrics.csv; None where a run diverged or none has it."""
        if self.diverged(metric):
            return None
        return _pooled(record.last(metric) for record in self.finished)

    def diverged(self, metric: str) -> bool:
        """Whether any of the runs left the finite numbers."""
        return any(record.diverged(metric) for record in self.records)

    def states(self, metric: str) -> str:
        """How many runs are in which state, as in "2 finished, 1 diverged"."""
        states = [record.state(metric) for record in self.records]
        return ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))

    def curves(self, name: str) -> list[Curve]:
        """A column of metrics.csv against the epoch, for each run that has it."""
        curves = []
        for record in self.finished or self.records:
            rows = [row for row in record.rows if name in row]
            if rows:
                epochs, values = [row["epoch"] for row in rows], [row[name] for row in rows]
                label = f"seed {record.seed}"
                curves.append(Curve(self.model, label, epochs, [*values], [None] * len(rows)))
        return curves

    def _measures(self) -> list[Measures]:
        return [r.evaluation.metrics for r in self.finished if r.evaluation]


def pool(records: Iterable[Record]) -> list[Group]:
    """The groups, in the order of their first runs.

    Of two runs with the same settings and seed the later one counts, unless only the earlier one
    is finished, or evaluated.
    """
    together: dict[tuple[str, str], dict[Any, Record]] = {}
    for record in records:
        seeds = together.setdefault((record.model, repr(sorted(record.settings.items()))), {})
        before = seeds.get(record.seed)
        if before is None or _progress(record) >= _progress(before):
            seeds[record.seed] = record
    by_seed = [[seeds[seed] for seed in sorted(seeds, key=order)] for seeds in together.values()]
    return [Group(records[0].model, records[0].settings, records) for records in by_seed]


def alike(groups: Iterable[Group], *keys: str) -> list[list[Group]]:
    """Groups of one model that differ in these settings only, in their order, each such set."""
    sets: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        rest = sorted((k, v) for k, v in group.settings.items() if k not in (*keys, MODEL))
        sets.setdefault((group.model, repr(rest)), []).append(group)
    return [
        sorted(members, key=lambda g: [order(g.value(key)) for key in keys])
        for members in sets.values()
    ]


def curve_against(key: str, metric: str, groups: Iterable[Group], label: str) -> Curve | None:
    """The last value of a metric against a setting, a point a group; None where no run has it."""
    groups = [group for group in groups if group.last(metric) or group.diverged(metric)]
    if not groups:
        return None
    pooled = [group.last(metric) for group in groups]
    return Curve(
        model=groups[0].model,
        label=label,
        x=[group.value(key) for group in groups],
        y=[number.mean if number else None for number in pooled],
        sd=[number.sd if number else None for number in pooled],
    )


def order(value: Any) -> tuple[int, float, str]:
    """A key to sort by: numbers by their size, and before all other values by their text."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (0, float(value), "") if number else (1, 0.0, str(value))


def _progress(record: Record) -> tuple[bool, bool]:
    return record.finished, record.evaluation is not None


def _pooled(values: Iterable[Any]) -> Pooled | None:
    numbers = [float(value) for value in values if value is not None and math.isfinite(value)]
    return Pooled(numbers) if numbers else None
