"""Which runs count and what they say: groups, sweeps, and what stands for each model."""

import dataclasses
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistgen.config import rules
from mnistgen.errors import UserError
from mnistgen.inference.model import Trained, load
from mnistgen.report import paper, ranking
from mnistgen.report.verdicts import SHAPES, Estimate, estimate
from mnistgen.tracking import Curve, Group, Note, Pooled, Protocol, Record, records
from mnistgen.tracking.groups import alike, curve_against, pool

log = logging.getLogger(__name__)

FEWEST = 3  # values of a setting that make a sweep
CONDITIONS = "split", "samples", "seed", "features_sha256", "data_checksum"
"""What two evaluations must share to be comparable; the last of it is the data set."""


class Sweep(NamedTuple):
    """Groups of one model that differ in one setting only."""

    model: str
    key: str
    label: str  # the model, and what all of them have otherwise than the paper
    groups: dict[float, Group]  # by the value of the setting, which ascends

    def curve(self, metric: str) -> Curve | None:
        """The last value of a metric against the setting; None where no run has it."""
        return curve_against(self.key, metric, self.groups.values(), self.label)


class Missing(Exception):
    """A number that a rule needs is not there; the message says why."""


@dataclass(frozen=True)
class Evidence:
    """All that a report is made from; its methods raise Missing where no run has a number."""

    records: list[Record]
    notes: list[Note]  # what does not count, and why
    groups: list[Group]  # all of them, in the order of the page
    representatives: dict[str, Group]  # the group that stands for each model
    sweeps: list[Sweep]
    models: dict[str, Trained]  # of the first run of each representative, where it can be loaded

    def group(self, model: str) -> Group:
        """The finished runs of the paper's recipe."""
        group = self.representatives.get(model)
        if group is None or not group.finished:
            raise Missing(f"{model} was not run" if group is None else f"{model} is not finished")
        if not paper.is_papers(group):
            raise Missing(f"{model} was not run with the paper's settings")
        return group

    def measure(self, model: str, name: str) -> Estimate:
        """A measure of the paper's recipe."""
        pooled = self.group(model).measure(name)
        if pooled is None:
            raise Missing(f"{model} was not evaluated")
        return estimate(name, pooled)

    def sweep(self, model: str, key: str, value: float) -> Sweep:
        """The first sweep over a setting that tried `value` in whole epochs."""
        for sweep in self.sweeps:
            same = (sweep.model, sweep.key) == (model, key)
            if (
                same
                and value in sweep.groups
                and all(map(ranking.is_whole, sweep.groups.values()))
            ):
                return sweep
        raise Missing(f"no sweep of {key} in whole epochs for {model} that has {value:g}")


def gather(*roots: Path) -> Evidence:
    """The evidence of the run folders at or below some folders."""
    runs, notes = select(*roots)
    # In the order of the models, those nearest to the paper's recipe first
    groups = sorted(pool(runs), key=lambda g: (paper.place(g.model), ranking.distance(g)))
    by_model = ranking.representatives(groups)
    models = {}
    for model, group in by_model.items():
        try:
            models[model] = load(group.first.run, "last")
        except UserError as error:
            log.warning("%s: %s", model, error)
    both = sweeps(groups, "optim.lr") + sweeps(groups, "data.batch_size")
    return Evidence(runs, notes, groups, by_model, both, models)


def select(*roots: Path) -> tuple[list[Record], list[Note]]:
    """The runs below some folders that count, oldest first, and what does not count and why."""
    runs, notes = records.read_all(*roots)
    good = []
    for record in runs:
        try:
            rules.check(record.config)
            good.append(record)
        except UserError as error:
            file = record.run.config_path.relative_to(record.run.path)
            notes.append(Note(record.name, f"{file}: {error}"))
    kept, exceptions = comparable(good)
    return kept, notes + exceptions


def comparable(runs: Iterable[Record]) -> tuple[list[Record], list[Note]]:
    """The runs, without an evaluation that was not made as most on its data set were.

    Of two ways with as many evaluations that of the later run counts.
    """
    runs = list(runs)
    protocols = [run.evaluation.settings for run in runs if run.evaluation]
    usual = records.usual((one.data_checksum, _conditions(one)) for one in protocols)
    notes: list[Note] = []
    for place, run in enumerate(runs):
        protocol = run.evaluation.settings if run.evaluation else None
        if protocol and _conditions(protocol) != (most := usual[protocol.data_checksum]):
            own = zip(CONDITIONS, _conditions(protocol), most, strict=True)
            others = ", ".join(
                f"{name}={value}" for name, value, usually in own if value != usually
            )
            reason = f"measured otherwise than most ({others})"
            notes.append(Note(run.name, f"{reason}: its measures are left out"))
            runs[place] = dataclasses.replace(run, evaluation=None)
    return runs, notes


def _conditions(protocol: Protocol) -> tuple[Any, ...]:
    return tuple(getattr(protocol, name) for name in CONDITIONS)


def sweeps(groups: Iterable[Group], key: str) -> list[Sweep]:
    """The sweeps over a number, long ones and then those nearest to the paper's recipe first."""
    numeric = [g for g in groups if g.finished and type(g.value(key)) in (int, float)]
    ranked: list[tuple[tuple[Any, ...], Sweep]] = []
    for members in alike(numeric, key):
        model = members[0].model
        both = paper.changes(members[0]) + paper.details(members[0])
        rest = [change for change in both if not change.startswith(f"{key}=")]
        label = " ".join([model, *rest])
        if len(members) >= FEWEST:
            by_value = {float(group.value(key)): group for group in members}
            long = min(ranking.length(group) for group in members)
            place = [not part for part in long], len(rest), label
            ranked.append((place, Sweep(model, key, label, by_value)))
    return [sweep for _, sweep in sorted(ranked, key=lambda item: item[0])]


def shape(group: Group, column: str, kind: str) -> Estimate:
    """One of the SHAPES of a column of metrics.csv; raises Missing where no run has it."""
    curves = group.curves(column)
    if not curves:
        raise Missing(f"{group.model} has no {column}")
    values = [[y for y in curve.y if y is not None] for curve in curves]
    return estimate(kind, Pooled([SHAPES[kind](one) for one in values]))


def confusion(group: Group | None) -> NDArray[Any] | None:
    """The counts of a group's runs together; None where none was evaluated, or has no labels."""
    counts = group.confusion() if group else []
    return np.sum(counts, 0) if counts else None
