"""Run folders: their files, what they say, and many of them side by side."""

from mnistgen.tracking.folder import Row, RunFolder
from mnistgen.tracking.groups import Curve, Group, Pooled
from mnistgen.tracking.info import (
    MEASURES,
    Evaluation,
    Failure,
    Info,
    Measures,
    Protocol,
    Status,
    Unwritten,
)
from mnistgen.tracking.records import Note, Record

__all__ = [
    "MEASURES", "Curve", "Evaluation", "Failure", "Group", "Info", "Measures", "Note", "Pooled",
    "Protocol", "Record", "Row", "RunFolder", "Status", "Unwritten",
]  # fmt: skip
