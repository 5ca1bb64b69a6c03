"""Run folders as plain records; what is damaged or out of date is set aside, with the reason."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mnistgen import checkpoints, runs
from mnistgen.config import Config
from mnistgen.errors import UserError
from mnistgen.runs import Row, Run


@dataclass(frozen=True)
class Record:
    """What one run folder says of itself."""

    run: Run
    name: str
    """Its path below the folder that is reported on."""
    info: dict[str, Any]
    config: Config
    rows: list[Row]
    evaluation: dict[str, Any] = field(default_factory=dict)
    """Of the checkpoint that the folder holds now; empty where there is none."""

    @property
    def model(self) -> str:
        return str(self.info["model"])

    @property
    def finished(self) -> bool:
        return self.info.get("status") == "finished"

    @property
    def epochs(self) -> int:
        return int(self.info.get("epochs", 0))

    @property
    def protocol(self) -> tuple[Any, ...]:
        """What two evaluations must share to be comparable; empty where there is none."""
        settings = self.evaluation.get("settings", {})
        keys = "split", "samples", "seed", "features_sha256", "data_checksum"
        return tuple(settings.get(key) for key in keys) if settings else ()


class Note(NamedTuple):
    """Something that is left out of the report, and why."""

    name: str
    reason: str


def read(root: Path) -> tuple[list[Record], list[Note]]:
    """Every run folder at or below `root`, oldest first, and what had to be left out."""
    records: list[Record] = []
    notes: list[Note] = []
    for run in runs.folders(root):
        name = str(run.path.relative_to(root)) if run.path != root else run.path.resolve().name
        try:
            record = _read(run, name)
        except (UserError, OSError) as error:
            reason = str(error).replace(f"{run.path}/", "").replace(f"{run.path} ", "")
            notes.append(Note(name, reason))
            continue
        found, reason = _evaluation(record)
        if reason:
            notes.append(Note(name, reason))
        records.append(Record(run, name, record.info, record.config, record.rows, found))
    return sorted(records, key=lambda record: str(record.info.get("created", ""))), notes


def _read(run: Run, name: str) -> Record:
    info = run.info()
    for key, kind in (("model", str), ("versions", dict), ("parameters", dict)):
        if not isinstance(info.get(key, kind()), kind):
            raise UserError(f"run.json is damaged: {key}={info[key]!r}")
    if "model" not in info:
        raise UserError("run.json is damaged: it names no model")
    return Record(run, name, info, run.config(), run.metrics())


def _evaluation(record: Record) -> tuple[dict[str, Any], str]:
    """The evaluation that holds for the run as it is now, or nothing and the reason."""
    if not record.run.evaluation_path.exists():
        return {}, ""
    found = record.run.evaluation()
    if not _is_whole(found):
        return {}, "evaluation.json is damaged: evaluate again with force=true"
    settings = found["settings"]
    newest = checkpoints.recorded(record.run.checkpoints / str(settings["checkpoint"]))
    current = (
        newest == settings["checkpoint_sha256"] if newest else settings["epoch"] == record.epochs
    )
    if not current:
        return {}, (
            f"evaluation.json is of epoch {settings['epoch']}, from before the run was trained "
            "on: evaluate again"
        )
    return found, ""


def _is_whole(found: dict[str, Any]) -> bool:
    """Whether an evaluation has the parts and kinds of values that evaluate writes."""
    parts: list[Any] = [found.get(part) for part in ("settings", "metrics", "comparisons")]
    if not all(isinstance(part, dict) for part in parts):
        return False
    settings, metrics, comparisons = parts
    keys = {"checkpoint", "checkpoint_sha256", "epoch", "samples"}
    tables = [metrics, *comparisons.values()]
    return keys <= settings.keys() and all(
        isinstance(table, dict) and all(_is_measure(name, value) for name, value in table.items())
        for table in tables
    )


def _is_measure(name: str, value: Any) -> bool:
    if name == "confusion":
        return (
            isinstance(value, list)
            and len(value) == 10
            and all(isinstance(row, list) and len(row) == 10 for row in value)
            and all(_is_number(count) for row in value for count in row)
        )
    if name == "digits":
        return isinstance(value, list) and len(value) == 10 and all(map(_is_number, value))
    return _is_number(value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
