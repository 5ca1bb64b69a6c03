import numpy as np
import pytest
from scipy import stats

from mnistgen.report import verdicts
from mnistgen.report.verdicts import Estimate, Verdict, above, estimate, together
from mnistgen.tracking.groups import Pooled

YES, NO, OPEN = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.UNDECIDED


def test_three_seeds_are_good_to_twice_their_deviation_and_fewer_to_a_spread_set_beforehand():
    assert estimate("fid", Pooled([9.0, 10.0, 11.0])) == Estimate(10.0, 2.0, 3)
    assert estimate("fid", Pooled([10.0])) == Estimate(10.0, 10 * verdicts.SPREAD["fid"], 1)
    assert estimate("readable", Pooled([0.2, 0.4])).margin == verdicts.SPREAD["readable"]


@pytest.mark.parametrize(
    ("left", "right", "verdict", "reason"),
    [
        (Estimate(10, 1, 3), Estimate(5, 1, 3), YES, ""),
        (Estimate(5, 1, 3), Estimate(10, 1, 3), NO, ""),
        (Estimate(10, 1, 3), Estimate(9, 1, 3), OPEN, "within the spread"),
        (Estimate(10, 1, 3), Estimate(9, 1, 1), OPEN, "too close for 1 seed"),
        (Estimate(10, 1, 2), Estimate(9.5), OPEN, "too close for 2 seeds"),
        (Estimate(1.0), Estimate(1.0), OPEN, "within the spread"),
    ],
)
def test_a_comparison_is_decided_beyond_the_margin_only(left, right, verdict, reason):
    assert above(left, right) == (verdict, reason)


def test_a_claim_is_refuted_by_any_part_and_supported_by_all():
    assert together([YES, YES]) is YES
    assert together([YES, NO, OPEN]) is NO
    assert together([YES, OPEN]) is OPEN
    assert together([]) is OPEN


def test_the_trend_is_spearmans_correlation_with_the_epoch():
    values = np.random.default_rng(0).integers(0, 9, 40).tolist()
    assert verdicts.trend(values) == pytest.approx(stats.spearmanr(range(40), values).statistic)
    assert verdicts.trend([3.0, 2.0, 1.5]) == -1
    assert verdicts.trend([1.0, 1.0]) == verdicts.trend([1.0]) == 0


def test_roughness_is_that_of_a_zigzag_and_none_of_a_line():
    assert verdicts.roughness([1.0, 2.0, 3.0, 4.0]) == pytest.approx(0)
    assert verdicts.roughness([0.0, 2.0, 0.0, 2.0]) == pytest.approx(2)
    assert verdicts.roughness([0.0, 200.0, 0.0, 200.0]) == pytest.approx(2)


def test_pattern_is_the_correlation_of_neighbours_in_the_middle():
    noise = np.random.default_rng(0).random((64, 28, 28))
    assert verdicts.pattern(noise) == pytest.approx(0, abs=0.03)
    smoothed = (noise + np.roll(noise, 1, axis=2)) / 2  # shares half with each neighbour
    assert verdicts.pattern(smoothed) == pytest.approx(0.5, abs=0.03)
    outside = smoothed.copy()
    outside[:, 7:21, 7:21] = noise[:, 7:21, 7:21]
    assert verdicts.pattern(outside) == pytest.approx(0, abs=0.03)
    assert verdicts.pattern(np.full((3, 28, 28), 0.5)) == 0
