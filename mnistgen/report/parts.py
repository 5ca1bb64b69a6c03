"""The comparisons that the claims are made of, each with its rule in words and in code."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mnistgen.report import paper, snapshots, verdicts
from mnistgen.report.evidence import Evidence, Missing, confusion, shape
from mnistgen.report.paper import GANS
from mnistgen.report.verdicts import Estimate, Verdict, above, estimate
from mnistgen.tracking import Pooled
from mnistgen.tracking.info import FID


class Part(NamedTuple):
    """One comparison that a claim stands or falls with."""

    says: str
    rule: str
    numbers: str
    verdict: Verdict
    reason: str  # why it is undecided


Judgement = tuple[str, tuple[Verdict, str]]
"""Numbers as the page shows them, the verdict, and why it is undecided."""


def part(says: str, rule: str, compare: Callable[[], Judgement]) -> Part:
    """A part whose rule `compare` applies; undecided where it needs a number that is missing."""
    try:
        numbers, (verdict, reason) = compare()
    except Missing as missing:
        return Part(says, rule, "", Verdict.UNDECIDED, str(missing))
    return Part(says, rule, numbers, verdict, reason)


def more(evidence: Evidence, measure: str, model: str, other: str) -> Part:
    """Holds where one model has more of a measure than another."""

    def compare() -> Judgement:
        left, right = evidence.measure(model, measure), evidence.measure(other, measure)
        return f"{model} {left}, {other} {right}", above(left, right)

    adjective = {"readable": "more readable", "haze": "hazier", "sharpness": "sharper"}[measure]
    rule = f"{measure} of {model} > {measure} of {other}"
    return part(f"{model} is {adjective} than {other}", rule, compare)


def digits(evidence: Evidence, model: str, *, makes: bool) -> Part:
    """Holds where enough of a model's samples are readable, or too few are."""

    def compare() -> Judgement:
        share, threshold = evidence.measure(model, "readable"), Estimate(verdicts.READABLE)
        return str(share), above(share, threshold) if makes else above(threshold, share)

    rule = f"readable of {model} {'>' if makes else '<'} {verdicts.READABLE}"
    return part(f"{model} {'makes' if makes else 'makes no'} digits", rule, compare)


def pattern(evidence: Evidence, model: str) -> Part:
    """Holds where neighbouring pixels are alike in the middle of a model's samples."""
    rule = f"correlation of neighbouring pixels in the middle 14 x 14 > {verdicts.PATTERN}"

    def compare() -> Judgement:
        picture = snapshots.last(evidence.group(model), "samples")
        if picture is None:
            raise Missing(f"{model} has no picture of samples")
        correlation = verdicts.pattern(snapshots.tiles(picture))
        number = estimate("pattern", Pooled([correlation]))
        return str(number), above(number, Estimate(verdicts.PATTERN))

    return part(f"{model} finds a pattern in the middle", rule, compare)


def steady(evidence: Evidence, model: str, loss: str, *, rises: bool) -> Part:
    """Holds where a training loss rises, or falls, throughout."""
    bound = f"> {verdicts.TREND}" if rises else f"< -{verdicts.TREND}"

    def compare() -> Judgement:
        trend = shape(evidence.group(model), f"train/{loss}", "trend")
        return str(trend), above(trend.times(1 if rises else -1), Estimate(verdicts.TREND))

    rule = f"rank correlation of train/{loss} with the epoch {bound}"
    return part(f"{model}'s {loss} {'rises' if rises else 'falls'} throughout", rule, compare)


def noisy(evidence: Evidence, gan: str) -> Part:
    """Holds where a GAN's curve is rougher than those of all others."""
    rule = f"roughness of its train/g_loss > {verdicts.NOISY:g} x the dense GANs'"

    def compare() -> Judgement:
        rough = {name: shape(evidence.group(name), "train/g_loss", "roughness") for name in GANS}
        rougher = max((rough[name] for name in GANS if name != gan), key=lambda n: n.mean)
        numbers = ", ".join(f"{name} {number}" for name, number in rough.items())
        return numbers, above(rough[gan], rougher.times(verdicts.NOISY))

    return part(f"{gan}'s curve is noisy", rule, compare)


def as_good(evidence: Evidence, model: str, other: str) -> Part:
    """Holds where a model's FID is not clearly above another's."""
    rule = f"FID of {model} < {verdicts.AS_GOOD} x FID of {other}"

    def compare() -> Judgement:
        left, right = evidence.measure(model, "fid"), evidence.measure(other, "fid")
        return f"{model} {left}, {other} {right}", above(right.times(verdicts.AS_GOOD), left)

    return part(f"{model} is as good as {other}", rule, compare)


def confuses(evidence: Evidence, vae: str, first: int, second: int) -> Part:
    """Holds where two digits are confused more often than the pairs are on average."""
    rule = f"confused images > {verdicts.CONFUSED:g} x the mean of the 45 pairs"

    def compare() -> Judgement:
        counts = confusion(evidence.group(vae))
        if counts is None:
            raise Missing(f"{vae} was not evaluated")
        pair = int(counts[first, second] + counts[second, first])
        mean = float(counts.sum() - np.trace(counts)) / 45
        number = Estimate(pair, 2 * pair**0.5)  # twice Poisson's standard deviation
        verdict, _ = above(number, Estimate(verdicts.CONFUSED * mean))
        reason = "too few images" if verdict is Verdict.UNDECIDED else ""
        return f"{pair} images, all pairs {mean:.3g}", (verdict, reason)

    return part(f"{vae} confuses {first} and {second}", rule, compare)


def rate(evidence: Evidence, model: str, says: str, *, right: bool, lower: bool = False) -> Part:
    """Holds where no other rate is clearly better than the paper's; without `right`, where one is.

    With `lower` only rates below the paper's are looked at.
    """
    which = "lower" if lower else "other"
    bound = f"{verdicts.RIGHT_RATE} x that at the best {which} rate of a sweep"

    def compare() -> Judgement:
        fid = {
            rate: estimate(FID, pooled)
            for rate, group in evidence.sweep(model, "optim.lr", paper.RATE).groups.items()
            if (pooled := group.last(FID))
        }
        others = [rate for rate in fid if (rate < paper.RATE if lower else rate != paper.RATE)]
        if paper.RATE not in fid or not others:
            raise Missing(f"no {which} rate was tried for {model}")
        best = min(others, key=lambda rate: fid[rate].mean)
        here, there = fid[paper.RATE], fid[best].times(verdicts.RIGHT_RATE)
        verdict = above(there, here) if right else above(here, there)
        return f"1e-4: {here}, {best:g}: {fid[best]}", verdict

    return part(says, f"val/fid at 1e-4 {'<' if right else '>'} {bound}", compare)


def calmer(evidence: Evidence, model: str) -> Part:
    """Holds where the largest batch of a sweep has a smoother curve than the paper's."""
    rule = "roughness of train/loss at batch 128 > that at the largest batch of a sweep"

    def compare() -> Judgement:
        groups = evidence.sweep(model, "data.batch_size", paper.BATCH).groups
        largest = max(groups)
        if largest <= paper.BATCH:
            raise Missing(f"no batch larger than 128 was tried for {model}")
        small, large = (
            shape(groups[size], "train/loss", "roughness") for size in (paper.BATCH, largest)
        )
        return f"128: {small}, {largest:g}: {large}", above(small, large)

    return part(f"a larger batch cuts {model}'s noise", rule, compare)
