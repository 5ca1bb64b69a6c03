"""What the runs of a sweep differ in, and which of its combinations is best."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistgen.config.settings import SEED, Settings, shown
from mnistgen.errors import UserError
from mnistgen.files import write_atomically
from mnistgen.plots import tables
from mnistgen.plots.tables import Table
from mnistgen.sweeps import columns
from mnistgen.tracking import Curve, Group, Record, Status, groups, records
from mnistgen.tracking.groups import MODEL

RATE = "optim.lr"


@dataclass(frozen=True)
class Comparison:
    """The combinations of a sweep, a group each, by the keys that vary."""

    metric: str
    keys: list[str]  # the model, and the settings that vary
    groups: list[Group]
    best: list[Group]  # of each model, the one with the lowest mean of the metric

    def _repr_markdown_(self) -> str:
        """The table, for a notebook."""
        return self.table().markdown()

    def settings(self, group: Group) -> Settings:
        """What tells a group from the others."""
        return {key: group.value(key) for key in self.keys}

    def table(self) -> Table:
        """A row a group: its settings, the metric over its seeds, and how its runs ended."""
        several = any(len(group.records) > 1 for group in self.groups)
        columns = [self.metric, "sd"] if several else [self.metric]
        rows = []
        for group in self.groups:
            settings = ["" if v is None else shown(v) for v in self.settings(group).values()]
            pooled = group.last(self.metric)
            numbers = [pooled.mean, pooled.sd] if pooled else [None, None]
            cells = ["" if number is None else f"{number:.5g}" for number in numbers]
            mark = "*" if group in self.best else ""
            rows.append([*settings, *cells[: len(columns)], mark, group.states(self.metric)])
        return Table([*self.keys, *columns, "best", "runs"], rows)

    def failures(self) -> list[str]:
        """A line for each run that failed: what it was, and why."""
        lines = []
        for group in self.groups:
            for record in group.records:
                if record.info.status is Status.FAILED:
                    seed = {SEED: record.seed} if len(group.records) > 1 else {}
                    name = _words({**self.settings(group), **seed})
                    lines.append(f"{name}: {record.info.reason or record.info.status}")
        return lines

    def curves(self) -> tuple[str, list[Curve]]:
        """The metric against the rate, or against another key where the rate does not vary."""
        keys = [key for key in self.keys if key != MODEL]
        key = RATE if RATE in keys else next(iter(keys), MODEL)
        curves = []
        for members in groups.alike(self.groups, key):
            rest = {k: v for k, v in self.settings(members[0]).items() if k not in (key, MODEL)}
            label = f"{members[0].model} {_words(rest)}".strip()
            curves.append(groups.curve_against(key, self.metric, members, label))
        return key, [curve for curve in curves if curve]


def compare(runs: Sequence[Record], metric: str) -> Comparison:
    """The comparison of some runs; raises UserError where there is none."""
    if not runs:
        raise UserError("there is no run to compare")
    all_groups = groups.pool(runs)
    keys = [MODEL, *_varying(all_groups)]
    ordered = sorted(all_groups, key=lambda group: [groups.order(group.value(k)) for k in keys])
    best: dict[str, tuple[float, Group]] = {}
    for group in ordered:
        pooled = group.last(metric)
        if pooled and (group.model not in best or pooled.mean < best[group.model][0]):
            best[group.model] = pooled.mean, group
    return Comparison(metric, keys, ordered, [group for _, group in best.values()])


def publish(folder: Path, metric: str) -> Comparison:
    """Compare the runs below a folder: show the table, write sweep.csv, .md, .png and .svg there.

    Raises UserError where there is no run, or none that is finished has the metric.
    """
    runs, notes = records.read_all(folder)
    for note in notes:
        print(f"error: {note.name}: {note.reason}", file=sys.stderr)
    if not runs:
        raise UserError(f"sweep={folder}: there is no run folder")
    _check_metric(runs, metric)
    comparison = compare(runs, metric)
    table, failures = comparison.table(), comparison.failures()
    markdown = table.markdown()
    if failures:
        markdown += "\nFailed:\n\n" + "".join(f"- {failure}\n" for failure in failures)
    best = [place for place, group in enumerate(comparison.groups) if group in comparison.best]
    tables.show(table, labels=len(comparison.keys), bold=best)
    for failure in failures:
        print(f"failed: {failure}")
    write_atomically(folder / "sweep.csv", table.csv().encode())
    write_atomically(folder / "sweep.md", markdown.encode())
    key, curves = comparison.curves()
    if curves:
        from mnistgen.plots import charts  # with it matplotlib, which takes a second

        figure = charts.metric_against_key(curves, key=key, metric=metric)
        for kind in ("png", "svg"):
            write_atomically(folder / f"sweep.{kind}", charts.saved(figure, kind, dpi=150))
    return comparison


def _check_metric(runs: Sequence[Record], metric: str) -> None:
    """Raise UserError where no finished run has the metric, or it is no common scale."""
    columns.check_scale("metric", metric, (record.settings for record in runs))
    ends = [record.rows[-1] for record in runs if record.finished and record.rows]
    names = dict.fromkeys(name for row in ends for name in row if name != "epoch")
    if names and metric not in names:
        raise UserError(f"metric={metric} is not allowed: the runs have {', '.join(names)}")


def _varying(pooled: Sequence[Group]) -> list[str]:
    """The settings that differ by more than what a choice of model, optimizer ... brings."""
    keys = dict.fromkeys(key for group in pooled for key in group.settings if key != MODEL)
    parts = [key for key in keys if any(other.startswith(f"{key}.") for other in keys)]
    choices = [MODEL, *parts]

    def varies(key: str, among: Sequence[Group]) -> bool:
        return len({repr(group.value(key)) for group in among}) > 1

    together: dict[str, list[Group]] = {}
    for group in pooled:
        together.setdefault(repr([group.value(key) for key in choices]), []).append(group)
    return [
        key
        for key in keys
        if any(varies(key, members) for members in together.values())
        or (key in parts and varies(key, pooled))
    ]


def _words(settings: Settings) -> str:
    return " ".join(f"{key}={shown(value)}" for key, value in settings.items())
