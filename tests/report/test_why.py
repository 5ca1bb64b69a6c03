"""What the runs of experiment=why say, on run folders by hand."""

import pytest

from mnistgen.report import page, why
from mnistgen.report.evidence import gather
from mnistgen.report.verdicts import Verdict
from mnistgen.tracking.info import FID

FIDS = {("separate", 1e-4): 910.0, ("separate", 1e-3): 900.0, ("joint", 1e-4): 500.0,
        ("joint", 1e-3): 300.0}  # fmt: skip


@pytest.fixture
def evidence(make, tmp_path, grid):
    """A cross of two seeds for densegan, and for cnngan joint batches alone."""
    for (kind, rate), fid in FIDS.items():
        for seed in (1, 2):
            make(
                f"{kind}-{rate}-{seed}",
                "densegan",
                seed=seed,
                changed={why.BATCHES: kind, why.RATE: rate},
                curves={FID: [950.0, fid + seed]},
                metrics={"readable": 0.75} if kind == "joint" else None,
                picture=grid(1.0 if kind == "joint" else 0.0),
            )
    longer = {why.BATCHES: "joint", "trainer.max_epochs": 70}
    make("longer", "densegan", changed=longer, curves={FID: [1.0, 1.0]})
    make("alone", "cnngan", changed={why.BATCHES: "joint"}, curves={FID: [9.0, 9.0]})
    return gather(tmp_path / "outputs")


def test_a_cross_has_both_kinds_of_batches_and_their_rates(evidence):
    (cross,) = why.crosses(evidence.groups)
    assert cross.model == "densegan"
    rates = {kind: [g.value(why.RATE) for g in groups] for kind, groups in cross.groups.items()}
    assert rates == {"separate": [1e-4, 1e-3], "joint": [1e-4, 1e-3]}


def test_each_kind_is_judged_at_its_best_rate(evidence):
    (cross,) = why.crosses(evidence.groups)
    group, fid = cross.best("separate")
    assert (group.value(why.RATE), fid.mean) == (1e-3, 901.5)
    part = why.better_together(cross)
    assert part.verdict is Verdict.SUPPORTED
    assert part.numbers == "separate 902 ± 1.8e+02 (rate 0.001), joint 302 ± 60 (rate 0.001)"


def test_the_page_shows_the_samples_and_numbers_beside_the_claims(evidence):
    files = page.files(evidence, play=False)
    table = files["tables/batches-results.csv"].decode().splitlines()
    assert len(table) == 1 + len(FIDS)
    assert table[-1].startswith("densegan,joint,0.001,2,302 ± 0.707,")
    assert files["figures/batches.png"][:4] == b"\x89PNG"
    text = files["index.html"].decode()
    assert text.index('id="claims"') < text.index('id="why"')
    assert "densegan draws better with joint batches" in text


def test_without_such_runs_there_is_no_such_part(make, tmp_path):
    make("a", "densegan")
    files = page.files(gather(tmp_path / "outputs"), play=False)
    assert files["figures/batches.png"] is None
    assert 'id="why"' not in files["index.html"].decode()
