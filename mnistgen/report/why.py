"""Why the dense GANs fail: what runs say that differ in the batches of the discriminator.

A discriminator whose batch norm meets real and fake images in batches of their own cannot see what
all fakes have in common; see docs/recipes.md.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mnistgen.report import parts
from mnistgen.report.evidence import Missing
from mnistgen.report.paper import GANS
from mnistgen.report.parts import Judgement, Part
from mnistgen.report.verdicts import Estimate, above, estimate
from mnistgen.tracking import Group
from mnistgen.tracking.groups import alike, order
from mnistgen.tracking.info import FID

BATCHES, RATE = "model.real_and_fake", "optim.lr"
KINDS = "separate", "joint"


class Cross(NamedTuple):
    """Groups of one model that differ in nothing but their kind of batches and their rate."""

    model: str
    groups: dict[str, list[Group]]  # by the kind of batches; rates ascend

    def best(self, kind: str) -> tuple[Group, Estimate]:
        """The group with the lowest FID at the end of training, and that; Missing if none has."""
        fids = [(group, pooled) for group in self.groups[kind] if (pooled := group.last(FID))]
        if not fids:
            raise Missing(f"{self.model} has no {FID}")
        group, pooled = min(fids, key=lambda pair: pair[1].mean)
        return group, estimate(FID, pooled)


def crosses(groups: Iterable[Group]) -> list[Cross]:
    """For each GAN the largest cross of both kinds of batches with rates, if it has one."""
    finished = [group for group in groups if group.model in GANS and group.finished]
    largest: dict[str, list[Group]] = {}
    for members in alike(finished, BATCHES, RATE):
        kinds = {group.value(BATCHES) for group in members}
        if kinds >= {*KINDS} and len(members) > len(largest.get(members[0].model, ())):
            largest[members[0].model] = members
    return [
        Cross(gan, {kind: _by_rate(largest[gan], kind) for kind in KINDS})
        for gan in GANS
        if gan in largest
    ]


def better_together(cross: Cross) -> Part:
    """Holds where joint batches have the lower FID, each kind at its best rate."""

    def compare() -> Judgement:
        best = {kind: cross.best(kind) for kind in KINDS}
        numbers = ", ".join(
            f"{kind} {fid} (rate {group.value(RATE):g})" for kind, (group, fid) in best.items()
        )
        return numbers, above(best["separate"][1], best["joint"][1])

    rule = f"lowest {FID} of the rates with separate batches > that with joint ones"
    return parts.part(f"{cross.model} draws better with joint batches", rule, compare)


def _by_rate(groups: Iterable[Group], kind: str) -> list[Group]:
    some = [group for group in groups if group.value(BATCHES) == kind]
    return sorted(some, key=lambda group: order(group.value(RATE)))
