"""Run folders: their files, what they say, and many of them side by side."""

from mnistgen.runs.folder import Row, Run
from mnistgen.runs.groups import Curve, Group, Pooled
from mnistgen.runs.info import MEASURES, Evaluation, Failure, Info, Measures, Protocol, Status
from mnistgen.runs.records import Note, Record

__all__ = [
    "MEASURES", "Curve", "Evaluation", "Failure", "Group", "Info", "Measures", "Note", "Pooled",
    "Protocol", "Record", "Row", "Run", "Status",
]  # fmt: skip
