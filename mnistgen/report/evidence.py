"""What a claim is made of, and the numbers of the runs that its rules ask for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mnistgen.report import rules
from mnistgen.report.groups import Group, Pooled
from mnistgen.report.rules import Estimate, Verdict, estimate
from mnistgen.report.sweeps import Sweep

Judged = tuple[str, tuple[Verdict, str]]
"""Numbers as they are shown, the verdict, and why it is undecided."""


class Part(NamedTuple):
    """One comparison that a claim stands or falls with."""

    says: str
    rule: str
    numbers: str
    verdict: Verdict
    reason: str
    """Why it is undecided."""


@dataclass(frozen=True)
class Claim:
    """What the paper says, and what is found of each part of it."""

    name: str
    says: str
    parts: list[Part]

    @property
    def verdict(self) -> Verdict:
        return rules.together([part.verdict for part in self.parts])

    @property
    def reason(self) -> str:
        """Why it is undecided; empty where it is not."""
        if self.verdict is not Verdict.UNDECIDED:
            return ""
        return "; ".join(dict.fromkeys(part.reason for part in self.parts if part.reason))


class Missing(Exception):
    """A number that a rule asks for is not there; the message says why."""


@dataclass(frozen=True)
class Evidence:
    """What the runs say: the group that stands for each model, and the sweeps."""

    chosen: Mapping[str, Group]
    sweeps: list[Sweep]

    def group(self, model: str) -> Group:
        """The finished runs of the paper's recipe; raises Missing where there are none."""
        group = self.chosen.get(model)
        if group is None or not group.finished:
            raise Missing(f"{model} was not run" if group is None else f"{model} is not finished")
        if group.changed:
            raise Missing(f"{model} was not run with the paper's settings")
        return group

    def measure(self, model: str, name: str) -> Estimate:
        """A measure of the paper's recipe; raises Missing where it was not made."""
        found = self.group(model).measure(name)
        if found is None:
            raise Missing(f"{model} was not evaluated")
        return estimate(name, found)

    def curve(
        self, model: str, name: str, kind: str, of: Callable[[Sequence[float]], float]
    ) -> Estimate:
        """A number that describes a curve of metrics.csv; raises Missing where there is none."""
        found = self.group(model).curves(name)
        if not found:
            raise Missing(f"{model} has no {name}")
        return estimate(kind, Pooled([of(values) for _, values in found]))

    def sweep(self, model: str, key: str, value: float) -> Sweep:
        """The first sweep over a setting that tried `value`; raises Missing where none has."""
        for sweep in self.sweeps:
            if (sweep.model, sweep.key) == (model, key) and value in sweep.groups:
                return sweep
        raise Missing(f"no sweep of {key} for {model} that has {value:g}")


def part(says: str, rule: str, judge: Callable[[], Judged]) -> Part:
    """A part whose rule `judge` applies; undecided where a number that it asks for is missing."""
    try:
        numbers, (verdict, reason) = judge()
    except Missing as missing:
        return Part(says, rule, "", Verdict.UNDECIDED, str(missing))
    return Part(says, rule, numbers, verdict, reason)


def shown(found: Estimate) -> str:
    """An estimate with what it may be wrong by."""
    return f"{found.mean:.3g} ± {found.margin:.2g}" if found.margin else f"{found.mean:.3g}"
