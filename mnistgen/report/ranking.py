"""Which group of runs stands for a model, of all those that were trained."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from mnistgen.config import sizes
from mnistgen.report import paper, verdicts
from mnistgen.tracking import Group
from mnistgen.tracking.info import FID

# Training images that a trial of an epoch or two does not see: a twentieth of the paper's recipe
LONG = paper.TABLE_3["trainer.max_epochs"] * sizes.TRAIN_SIZE // 20


def representatives(groups: Iterable[Group]) -> dict[str, Group]:
    """For each model the group that stands for it.

    It is the paper's recipe where that is finished. Otherwise it is what was trained at length,
    is finished, was evaluated, and is near the paper's recipe, in this order.
    """
    by_model: dict[str, list[Group]] = {}
    for group in groups:
        by_model.setdefault(group.model, []).append(group)
    return {model: max(members, key=_rank) for model, members in by_model.items()}


def clearest(groups: Mapping[str, Group]) -> str:
    """The model that likeliest draws digits: by `readable`, then val/fid, then a VAE.

    One that was not evaluated comes after those that are known to make digits, and before those
    that are known to make none.
    """

    def key(model: str) -> tuple[float, float, bool]:
        readable = groups[model].measure("readable")
        last = [curve.y[-1] for curve in groups[model].curves(FID)]
        fid = min((y for y in last if y is not None and math.isfinite(y)), default=math.inf)
        return readable.mean if readable else verdicts.READABLE, -fid, model in paper.VAES

    return max(groups, key=key)


def distance(group: Group) -> tuple[int, int]:
    """How many settings of which the paper speaks a group changes, and how many others."""
    return len(paper.changes(group)), len(paper.details(group))


def length(group: Group) -> tuple[bool, bool]:
    """Whether a group was trained on most of the data, and whether also for long."""
    whole = is_whole(group) and _images(group) > 0
    return whole, whole and _images(group) >= LONG


def is_whole(group: Group) -> bool:
    """Whether an epoch sees most of the training images, and not some batches of them only."""
    return group.images_an_epoch > group.train_size / 2


def _images(group: Group) -> int:
    """How many training images the longest run has seen, each as often as it was seen."""
    epochs = max(record.info.epochs for record in group.records)
    return epochs * group.images_an_epoch


def _rank(group: Group) -> tuple[Any, ...]:
    """A key to sort the groups of a model by, of which the last stands for it."""
    finished = len(group.finished)
    evaluated = sum(record.evaluation is not None for record in group.finished)
    changes, details = distance(group)
    return (
        finished > 0 and changes == 0,
        *length(group),
        finished > 0,
        evaluated > 0,
        -changes,
        _images(group),
        evaluated,
        finished,
        -details,
    )
