"""Runs of one recipe pooled over seeds, and the one recipe that stands for each model."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np

from mnistgen.report import settings
from mnistgen.report.figures import Array, Curve
from mnistgen.report.records import Note, Record
from mnistgen.report.settings import Settings, differences

GANS = "densegan", "densegan_deep", "cnngan"
VAES = "densevae", "cnnvae"
MODELS = GANS + VAES
"""The paper's five, in the order in which they are shown everywhere."""

FEW = 3
"""Seeds from which a spread is estimated."""


class Pooled(NamedTuple):
    """A measure over seeds."""

    values: list[float]

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def sd(self) -> float | None:
        """The standard deviation over seeds; None of a single one."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Group:
    """Runs of one model with the same settings, which differ in their seeds."""

    model: str
    settings: Settings
    records: list[Record]
    changed: tuple[str, ...]
    """In which settings it is not the paper's recipe."""

    @property
    def finished(self) -> list[Record]:
        return [record for record in self.records if record.finished]

    @property
    def label(self) -> str:
        """The model, and what is not as in the paper."""
        return " ".join([self.model, *self.changed])

    def measure(self, name: str) -> Pooled | None:
        """A measure that evaluate made of the finished runs; None where it made none."""
        found = [record.evaluation.get("metrics", {}).get(name) for record in self.finished]
        values = [float(value) for value in found if value is not None]
        return Pooled(values) if values else None

    def told(self, name: str) -> Pooled | None:
        """A number of the finished runs' run.json; None where none has it."""
        found = [record.info.get(name) for record in self.finished]
        values = [float(value) for value in found if isinstance(value, (int, float))]
        return Pooled(values) if values else None

    def confusion(self) -> Array | None:
        """The counts of the finished runs together, (10, 10); None where none was evaluated."""
        found = [r.evaluation.get("metrics", {}).get("confusion") for r in self.finished]
        counts = [matrix for matrix in found if matrix is not None]
        return np.sum(counts, 0) if counts else None

    def curves(self, name: str) -> list[Curve]:
        """Epochs and values of a name in metrics.csv, for each run that has it."""
        found: list[Curve] = []
        for record in self.finished or self.records:
            rows = [row for row in record.rows if name in row]
            if rows:
                found.append(([row["epoch"] for row in rows], [row[name] for row in rows]))
        return found


def pool(records: Iterable[Record]) -> list[Group]:
    """All groups, in the order of the models, those nearest to the paper's recipe first.

    Of two runs with the same settings and seed the later one counts.
    """
    together: dict[tuple[str, str], dict[Any, Record]] = {}
    for record in records:
        found = settings.of(record.config)
        seeds = together.setdefault((record.model, repr(sorted(found.items()))), {})
        seed = record.config["seed"]
        if seed not in seeds or record.finished or not seeds[seed].finished:
            seeds[seed] = record
    groups = []
    for (model, _), seeds in together.items():
        found = settings.of(next(iter(seeds.values())).config)
        changed = differences(found, settings.paper(model))
        groups.append(Group(model, found, [seeds[key] for key in sorted(seeds)], changed))
    order = {model: number for number, model in enumerate(MODELS)}
    return sorted(groups, key=lambda g: (order.get(g.model, len(order)), g.model, len(g.changed)))


def chosen(groups: Iterable[Group]) -> dict[str, Group]:
    """For each model the group that stands for it: finished, near the paper's recipe, long."""
    best: dict[str, Group] = {}
    for group in groups:
        if group.model not in best or _rank(group) > _rank(best[group.model]):
            best[group.model] = group
    return best


def _rank(group: Group) -> tuple[int, ...]:
    longest = max(record.epochs for record in group.records)
    return bool(group.finished), -len(group.changed), longest, len(group.finished)


def comparable(records: list[Record]) -> tuple[list[Record], list[Note]]:
    """The records with the evaluations that can be compared; the others' are left out.

    On each data set those count that were made as most of them were.
    """
    common: dict[Any, Counter[tuple[Any, ...]]] = {}
    for record in records:
        if record.protocol:
            common.setdefault(record.protocol[-1], Counter())[record.protocol] += 1
    kept: list[Record] = []
    notes: list[Note] = []
    for record in records:
        if record.protocol and record.protocol != common[record.protocol[-1]].most_common(1)[0][0]:
            samples = record.evaluation["settings"]["samples"]
            reason = f"measured otherwise than most (samples={samples}): its measures are left out"
            notes.append(Note(record.name, reason))
            record = Record(record.run, record.name, record.info, record.config, record.rows)
        kept.append(record)
    return kept, notes
