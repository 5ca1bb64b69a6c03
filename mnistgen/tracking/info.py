"""What run.json and evaluation.json hold: their fields, and the states of a run."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    computed_field,
    model_validator,
)

from mnistgen.errors import Diverged, Interrupted, UserError
from mnistgen.tracking.diagnosis import diagnose


class Status(StrEnum):
    """How far a run is."""

    RUNNING = "running"  # also where its process was killed: nobody holds its lock then
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Failure(StrEnum):
    """The kinds of reasons for which a run fails."""

    DIVERGED = "diverged"
    REFUSED = "refused"  # what it was to do cannot be done, and no second try changes that
    KILLED = "killed"  # its process was killed, and killed once more when it ran alone
    ERROR = "error"


FID = "val/fid"
READABLE = "val/readable"
OF_NETWORK = FID, READABLE
"""The columns of metrics.csv that a feature network measures in the course of a training."""

MEASURES = {
    "fid": "FID",
    "kid": "KID",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "digits_present": "digits that occur",
    "digit_kl": "KL of their histogram (nats)",
    "confidence": "classifier's confidence",
    "readable": "readable (confidence >= 0.9)",
    "haze": "haze / real",
    "sharpness": "sharpness / real",
    "memorization": "distance to training set / real",
    "spread": "distance of samples to each other / real",
    "elbo": "ELBO (nats)",
    "reconstruction": "reconstruction (nats)",
    "kl": "KL (nats)",
    "active_units": "active units",
    "active_share": "active units / dimensions",
    "reconstruction_accuracy": "digits kept in reconstruction",
    "nll": "NLL (nats)",
    "nll_error": "its standard error",
}
"""The measures that are one number, in the order of a table, and what they are called there."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
OfClasses = Annotated[list[Number], Field(min_length=2)]


def _check_square(rows: list[list[float]]) -> list[list[float]]:
    if any(len(row) != len(rows) for row in rows):
        raise ValueError("it must have as many rows as columns")
    return rows


Square = Annotated[list[OfClasses], AfterValidator(_check_square)]

REAL = "training images"  # what else is measured: the comparison that is as good as can be

NUMBER: TypeAdapter[Any] = TypeAdapter(Number)
# The measures that are more than one number
TABLES = {"digits": TypeAdapter[Any](OfClasses), "confusion": TypeAdapter[Any](Square)}


def _check_measures(measures: dict[str, Any]) -> dict[str, Any]:
    for name, value in measures.items():
        TABLES.get(name, NUMBER).validate_python(value)
    return measures


Measures = Annotated[dict[str, Any], AfterValidator(_check_measures)]
"""Numbers by the name of their measure."""


class File(BaseModel):
    """A file of one JSON object with known fields; those of other versions are passed over."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The content of a file; raises UserError where it is damaged, OSError where it is not."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            reason = f"{name}={first['input']!r}: {first['msg']}" if name else first["msg"]
            if first["type"] == "missing":
                reason = f"it names no {name}"
            raise UserError(f"{path} is damaged: {' '.join(reason.split())[:200]}") from error

    def to_bytes(self) -> bytes:
        """The text of the file."""
        return (self.model_dump_json(indent=2) + "\n").encode()


class Info(File):
    """What run.json says of a run."""

    model: str  # the choice of conf/model
    config_dirs: list[str] = []  # of the user, which name classes that conf/ does not name
    status: Annotated[Status, Field(strict=False)] = Status.RUNNING
    created: str = ""
    id: str | None = None  # by which a logger knows the run again
    failure: Annotated[Failure | None, Field(strict=False)] = None
    reason: str | None = None  # why it was interrupted or has failed, in one line
    seed: int | None = None
    commit: str | None = None
    versions: dict[str, str] = {}
    device: str | None = None
    machine: str | None = None
    precision: str | None = None
    threads: int | None = None
    processes: int | None = None
    data_checksum: str | None = None
    features_sha256: str | None = None  # of the network of `val/fid`; at first it was not kept
    images: dict[str, int] = {}  # of "train", "val" and "test"
    parameters: dict[str, int] = {}  # of each network
    epochs: int = 0  # those that are complete
    seconds: float = 0.0
    images_per_s: float | None = None
    objective: float | None = None  # the last `val/fid`, which a search makes low
    diagnosis: list[str] = []  # what went wrong in a training that finished, in sentences

    @model_validator(mode="before")
    @classmethod
    def _of_first_version(cls, content: Any) -> Any:
        """At first run.json had no kind of failure, and could hold an infinity."""
        if not isinstance(content, dict) or "failure" in content:
            return content
        if content.get("objective") in (math.inf, -math.inf):
            content = {**content, "objective": None}
        if content.get("status") != Status.FAILED:
            return content
        kinds = (k for k in (Failure.DIVERGED, Failure.KILLED) if k in str(content.get("reason")))
        return {**content, "failure": next(kinds, Failure.ERROR)}


def end(error: BaseException) -> dict[str, Any]:
    """The fields of run.json that say how a training ended that did not finish."""
    if isinstance(error, Interrupted):
        return {"status": Status.INTERRUPTED, "reason": str(error), "failure": None}
    reason, failure = f"{type(error).__name__}: {error}", Failure.ERROR
    if isinstance(error, UserError):
        reason = str(error)
        failure = Failure.DIVERGED if isinstance(error, Diverged) else Failure.REFUSED
    return {"status": Status.FAILED, "reason": reason, "failure": failure}


class Protocol(File):
    """What the numbers of an evaluation depend on."""

    checkpoint: str
    checkpoint_sha256: str | None
    epoch: int
    samples: int
    split: str | None = None
    seed: int | None = None
    k: int | None = None
    nll_images: int | None = None
    features_sha256: str | None = None
    features: str | None = None  # the data set of the feature network, where it is another one
    data_checksum: str | None = None


class Evaluation(File):
    """What evaluation.json says of a run: its measures, and those that they are held against."""

    settings: Protocol
    comparisons: dict[str, Measures]
    metrics: Measures

    @computed_field  # type: ignore[prop-decorator]
    @property
    def diagnosis(self) -> list[str]:
        """What went wrong, in sentences; also in an evaluation from before there were any."""
        return self.faults({})

    def faults(self, row: dict[str, Any]) -> list[str]:
        """What went wrong in a training that ended with this row, and with its model."""
        return diagnose({**row, **self.metrics}, self.comparisons.get(REAL))


class Unwritten(UserError):
    """A run was measured, and its evaluation cannot be written."""

    def __init__(self, message: str, evaluation: Evaluation) -> None:
        super().__init__(message)
        self.evaluation = evaluation
