"""How two numbers become a verdict, and all the thresholds there are."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistgen.tracking import Pooled
from mnistgen.tracking.info import FID


class Verdict(StrEnum):
    """What the numbers say of a claim, or of a part of one."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


# Noise and the mean image have 0, real images 0.99; a quarter is far from what chance gives.
READABLE = 0.25  # the share of readable samples from which a model makes digits, to an extent

# In the middle of 64 images of noise chance gives 0.00 +- 0.01; that of real digits has 0.7.
PATTERN = 0.1  # the correlation of neighbouring pixels from which there is a pattern in them

TREND = 0.8  # the rank correlation with the epoch from which a loss falls, or rises, throughout
NOISY = 2.0  # how many times as rough a curve must be to be the noisy one of two
AS_GOOD = 1.1  # the ratio of two FIDs up to which one model is as good as the other
CONFUSED = 2.0  # how often a pair of digits is confused, over the mean of all 45 pairs
RIGHT_RATE = 1.1  # the ratio of the FID at a rate to the lowest of its sweep, for a right rate

SPREAD = {
    "readable": 0.1,
    "fid": 0.2,
    FID: 0.2,
    "haze": 0.1,
    "sharpness": 0.1,
    "pattern": 0.05,
    "trend": 0.1,
    "roughness": 0.2,
}
"""What the seed alone may change in a measure, for use where too few seeds were run to know.

It is absolute for shares and correlations, and otherwise relative. Twice the standard deviation
of FID over runs is 10 to 18 % for most GANs on MNIST.
Source: M. Lucic et al., "Are GANs Created Equal?", 2018, table 2.
"""

ABSOLUTE = "readable", "pattern", "trend"

FEW = 3  # seeds from which a spread is estimated


class Estimate(NamedTuple):
    """A number, what it may be wrong by, and from how many seeds it is (0: it is exact)."""

    mean: float
    margin: float = 0.0
    seeds: int = 0

    def times(self, factor: float) -> "Estimate":
        """The same in another unit."""
        return Estimate(self.mean * factor, self.margin * abs(factor), self.seeds)

    def __str__(self) -> str:
        return f"{self.mean:.3g}" + (f" ± {self.margin:.2g}" if self.margin else "")


def estimate(measure: str, pooled: Pooled) -> Estimate:
    """The mean over seeds and its margin: twice their standard deviation, of three or more.

    Of fewer it is SPREAD, which is larger.
    """
    mean, seeds = pooled.mean, len(pooled.values)
    if seeds >= FEW:
        return Estimate(mean, 2 * (pooled.sd or 0.0), seeds)
    spread = SPREAD[measure]
    return Estimate(mean, spread if measure in ABSOLUTE else spread * abs(mean), seeds)


def above(left: Estimate, right: Estimate) -> tuple[Verdict, str]:
    """Whether `left` is above `right` by more than both may be wrong by, and why not if not."""
    margin = math.hypot(left.margin, right.margin)
    if left.mean - right.mean > margin:
        return Verdict.SUPPORTED, ""
    if right.mean - left.mean > margin:
        return Verdict.REFUTED, ""
    seeds = [number.seeds for number in (left, right) if number.seeds]
    if seeds and min(seeds) < FEW:
        return Verdict.UNDECIDED, f"too close for {min(seeds)} seed{'s' * (min(seeds) > 1)}"
    return Verdict.UNDECIDED, "within the spread"


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a claim of several parts: refuted by any, supported by all."""
    if Verdict.REFUTED in verdicts:
        return Verdict.REFUTED
    if verdicts and set(verdicts) == {Verdict.SUPPORTED}:
        return Verdict.SUPPORTED
    return Verdict.UNDECIDED


def trend(values: Sequence[float]) -> float:
    """Spearman's rank correlation of a curve with its epoch: 1 rises throughout, -1 falls."""
    if len(set(values)) < 2:
        return 0.0
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # those of equal values are averaged
    return float(np.corrcoef(np.arange(len(values)), ranks)[0, 1])


def roughness(values: Sequence[float]) -> float:
    """How far points lie off the middle of their neighbours, on average, over the mean level."""
    x = np.asarray(values)
    level = np.abs(x).mean() if len(x) else 0.0
    if len(x) < 3 or level == 0:
        return 0.0
    return float(np.abs(x[1:-1] - (x[:-2] + x[2:]) / 2).mean() / level)


SHAPES = {"trend": trend, "roughness": roughness}  # the numbers that describe a curve


def pattern(images: NDArray[Any]) -> float:
    """How pixels correlate with their right neighbours in the middle 14 x 14 of (N, 28, 28)."""
    middle = images[:, 7:21, 7:21].astype(float)
    left, right = middle[:, :, :-1].ravel(), middle[:, :, 1:].ravel()
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])
