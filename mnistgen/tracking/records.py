"""Run folders as plain records; what is damaged or out of date is set aside, with the reason."""

import dataclasses
import math
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from mnistgen.config import Config, settings
from mnistgen.config.settings import Settings
from mnistgen.errors import UserError
from mnistgen.tracking import checksums, store
from mnistgen.tracking.folder import Row, RunFolder
from mnistgen.tracking.info import FID, OF_NETWORK, Evaluation, Failure, Info, Status


@dataclass(frozen=True)
class Record:
    """What one run folder says of itself."""

    run: RunFolder
    name: str  # its path below what is looked at, of several folders the one that holds all
    info: Info
    config: Config  # as it was saved, good or not
    rows: list[Row]
    evaluation: Evaluation | None = None  # of the checkpoint that the folder holds now
    doubt: str = ""  # why it has an evaluation that does not count

    @property
    def model(self) -> str:
        return self.info.model

    @property
    def finished(self) -> bool:
        return self.info.status is Status.FINISHED

    @property
    def seed(self) -> Any:
        return self.config.get(settings.SEED)

    @cached_property
    def settings(self) -> Settings:
        """What it shares with the other runs of its recipe."""
        return settings.recipe_settings(self.config)

    @property
    def diagnosis(self) -> list[str]:
        """What went wrong with it, in sentences; an evaluation knows more than the training."""
        if self.evaluation is None:
            return self.info.diagnosis
        return self.evaluation.faults(self.end)

    @property
    def end(self) -> Row:
        """The last row of metrics.csv; empty for a run that is not finished."""
        return self.rows[-1] if self.finished and self.rows else {}

    def last(self, metric: str) -> float | None:
        """The last value of a column of metrics.csv; None of a run that is not finished."""
        return self.end.get(metric)

    def diverged(self, metric: str) -> bool:
        """Whether it left the finite numbers, be it in the end and in this metric."""
        value = self.last(metric)
        lost = value is not None and not math.isfinite(value)
        return lost or self.info.failure is Failure.DIVERGED

    def state(self, metric: str) -> str:
        """How it ended, in a word."""
        return str(Failure.DIVERGED if self.diverged(metric) else self.info.status)


class Note(NamedTuple):
    """Something that is set aside, and why."""

    name: str
    reason: str


def read_all(*roots: Path) -> tuple[list[Record], list[Note]]:
    """Every run folder at or below some folders, oldest first, and what has to be set aside."""
    records: list[Record] = []
    notes: list[Note] = []
    top = os.path.commonpath(list(map(os.path.abspath, roots)))
    for run in store.all_runs(*roots):
        below = os.path.relpath(run.path, top)
        name = run.path.resolve().name if below == os.curdir else below
        try:
            records.append(read(run, name))
            reason = records[-1].doubt
        except (UserError, OSError) as error:
            reason = str(error)
        if reason:
            short = reason.replace(f"{run.path}/", "").replace(f"{run.path} ", "")
            notes.append(Note(name, short))
    records, others = of_one_network(sorted(records, key=lambda record: record.info.created))
    return records, notes + others


def of_one_network(records: Iterable[Record]) -> tuple[list[Record], list[Note]]:
    """The records, without `val/fid` where another feature network measured it than of most.

    That is, of most runs on the same data; of two networks with as many the later one counts.
    """
    records = list(records)
    networks = usual(
        (record.info.data_checksum, record.info.features_sha256)
        for record in records
        if _has_fid(record)
    )
    notes = []
    for place, record in enumerate(records):
        info = record.info
        if _has_fid(record) and info.features_sha256 != networks[info.data_checksum]:
            notes.append(Note(record.name, f"{FID} is of another feature network: it is left out"))
            rows = [{k: v for k, v in row.items() if k not in OF_NETWORK} for row in record.rows]
            records[place] = dataclasses.replace(record, rows=rows)
    return records, notes


def usual(conditions: Iterable[tuple[str | None, Any]]) -> dict[str | None, Any]:
    """For each data set the conditions that most runs on it share; of two with as many, the later.

    They come as pairs with their data set, oldest first.
    """
    most: dict[str | None, Any] = {}
    for (data, condition), _ in Counter(reversed(list(conditions))).most_common():
        most.setdefault(data, condition)
    return most


def read(run: RunFolder, name: str = "") -> Record:
    """The record of a run folder; raises UserError where it is damaged."""
    info, config, rows = run.info(), run.unchecked_config(), run.metrics()
    return Record(run, name or run.path.name, info, config, rows, *_evaluation(run, info))


def _has_fid(record: Record) -> bool:
    return any(FID in row for row in record.rows)


def _evaluation(run: RunFolder, info: Info) -> tuple[Evaluation | None, str]:
    try:
        evaluation = run.evaluation()
    except UserError as error:
        return None, f"{error}: evaluate again with force=true"
    if evaluation is None:
        return None, ""
    protocol = evaluation.settings
    newest = checksums.newest(run.checkpoints / protocol.checkpoint)
    is_current = newest == protocol.checkpoint_sha256 if newest else protocol.epoch == info.epochs
    if is_current:
        return evaluation, ""
    return None, (
        f"evaluation.json is of epoch {protocol.epoch}, from before the run was trained on: "
        "evaluate again"
    )
