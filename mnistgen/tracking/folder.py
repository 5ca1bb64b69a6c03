"""The run folder: the one place that knows the names of its files."""

import contextlib
import csv
import io
from pathlib import Path
from typing import Any

from mnistgen import files
from mnistgen.config import Config, objects, rules, values
from mnistgen.errors import UserError
from mnistgen.tracking.info import Evaluation, Info

Row = dict[str, float]  # one epoch of metrics.csv; "epoch" counts from 1


class RunFolder:
    """A run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.info_path = path / "run.json"
        self.config_path = path / ".hydra" / "config.yaml"
        self.overrides_path = path / ".hydra" / "overrides.yaml"
        self.metrics_path = path / "metrics.csv"
        self.evaluation_path = path / "evaluation.json"
        self.log = path / "train.log"
        self.checkpoints = path / "checkpoints"
        self.last = self.checkpoints / "last.ckpt"  # of the last epoch that is complete
        self.previous = self.checkpoints / "previous.ckpt"  # of the epoch before it
        self.best = self.checkpoints / "best.ckpt"  # of the epoch with the lowest objective

    def picture(self, name: str, epoch: int) -> Path:
        """A picture of an epoch, which counts from 1: "samples", or another by its name."""
        prefix = "epoch" if name == "samples" else name
        return self.path / "samples" / f"{prefix}-{epoch:04d}.png"

    def exists(self) -> bool:
        """Whether the folder is there and whole, which it is from its first moment."""
        return self.info_path.exists()

    def config(self) -> Config:
        """The saved configuration; raises UserError where it is damaged or not allowed."""
        try:
            return rules.read_checked(self.config_path)
        except UserError as error:
            missing = [d for d in self.info().config_dirs if Path(d) not in objects.user_dirs()]
            if not missing:
                raise
            made = f"the run was made with --config-dir={missing[0]}"
            raise UserError(f"{error}; {made}") from error

    def unchecked_config(self) -> Config:
        """The saved configuration, good or not; it is to be shown or compared, not to be used."""
        return rules.read_saved(self.config_path)

    def change_config(self, config: Config, overrides: list[str]) -> None:
        """Replace the saved configuration, and note the overrides that change it."""
        self.write_config(config, [*values.read_list(self.overrides_path), *overrides])

    def write_config(self, config: Config, overrides: list[str]) -> None:
        """Replace the saved configuration and the overrides that make it."""
        files.write_atomically(self.overrides_path, values.to_yaml(overrides).encode())
        files.write_atomically(self.config_path, values.to_yaml(config).encode())

    def info(self) -> Info:
        """What run.json says; raises UserError where it is missing or damaged."""
        try:
            return Info.read(self.info_path)
        except OSError as error:
            reason = error.strerror
            raise UserError(f"{self.path} is not a run folder: run.json: {reason}") from error

    def write_info(self, info: Info) -> None:
        """Replace run.json."""
        files.write_atomically(self.info_path, info.to_bytes())

    def update(self, **fields: Any) -> None:
        """Set fields of run.json."""
        self.write_info(Info(**{**self.info().model_dump(), **fields}))

    def metrics(self) -> list[Row]:
        """The rows of metrics.csv, without blanks; raises UserError where it is damaged."""
        path = self.metrics_path
        if not path.exists():
            return []
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
        except (ValueError, TypeError, csv.Error) as error:
            raise UserError(f"{path} is damaged: {error}") from error
        if not all("epoch" in row for row in rows):
            raise UserError(f"{path} is damaged: it has no column epoch")
        return rows

    def write_metrics(self, rows: list[Row]) -> None:
        """Replace metrics.csv: a column for each name in any row, blank where a row lacks it."""
        text = io.StringIO()
        names = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(text, ["epoch", *(n for n in names if n != "epoch")])
        writer.writeheader()
        writer.writerows({**row, "epoch": int(row["epoch"])} for row in rows)
        files.write_atomically(self.metrics_path, text.getvalue().encode())

    def evaluation(self) -> Evaluation | None:
        """What evaluation.json says, or None where there is none; raises UserError as `info`."""
        try:
            return Evaluation.read(self.evaluation_path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"{self.evaluation_path} cannot be read: {error.strerror}") from error

    def write_evaluation(self, evaluation: Evaluation) -> None:
        """Replace evaluation.json."""
        files.write_atomically(self.evaluation_path, evaluation.to_bytes())

    def is_locked(self) -> bool:
        """Whether a process trains this run now."""
        return files.is_locked(self.path)

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes off this run; raises Busy where one is on it."""
        return files.lock(self.path)
