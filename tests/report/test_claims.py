import numpy as np
import pytest

from mnistgen.report import claims
from mnistgen.report.evidence import gather
from mnistgen.report.paper import GANS
from mnistgen.report.verdicts import Verdict

YES, NO, OPEN = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.UNDECIDED


@pytest.fixture
def judge(tmp_path):
    """The claims by name, as the run folders there are now have it."""

    def all_claims():
        return {claim.name: claim for claim in claims.judge(gather(tmp_path / "outputs"))}

    (tmp_path / "outputs").mkdir()
    return all_claims


@pytest.fixture
def middle():
    """An image with a bar in the middle, and one that is grey there."""
    bar = np.full((28, 28), 0.2)
    bar[7:21, 12:16] = 0.8
    return bar, np.full((28, 28), 0.5)


def confusion(**pairs):
    """Counts of which one confuses each pair, as in n49=80, and 5 every other."""
    counts = np.full((10, 10), 5) + np.diag([900] * 10)
    for name, count in pairs.items():
        counts[int(name[1]), int(name[2])] = count
    return counts.tolist()


def test_without_runs_nothing_is_decided_and_it_is_said_why(judge):
    claims_by_name = judge()
    assert list(claims_by_name) == [f"C{i}" for i in range(1, 9)]
    assert {claim.verdict for claim in claims_by_name.values()} == {OPEN}
    assert claims_by_name["C1"].reason == "cnngan was not run"
    assert all(claim.reason for claim in claims_by_name.values())


def test_every_part_says_its_rule(judge):
    parts = [part for claim in judge().values() for part in claim.parts]
    assert all(part.rule and part.says for part in parts)


@pytest.mark.parametrize(("readable", "verdict"), [(0.8, YES), (0.05, NO), (0.27, OPEN)])
def test_c1_follows_the_share_of_readable_samples(make, judge, readable, verdict):
    make("a", "cnngan", metrics={"readable": readable})
    claim = judge()["C1"]
    assert claim.verdict is verdict
    assert claim.reason == ("too close for 1 seed" if verdict is OPEN else "")


def test_more_seeds_decide_what_one_could_not(make, judge):
    for seed in (1, 2, 3):
        make(f"s{seed}", "cnngan", seed=seed, metrics={"readable": 0.27 + seed / 1000})
    assert judge()["C1"].verdict is YES


def test_runs_with_other_settings_than_the_papers_decide_nothing(make, judge):
    make("a", "cnngan", metrics={"readable": 0.9}, changed={"optim.lr": 1e-3})
    claim = judge()["C1"]
    assert (claim.verdict, claim.reason) == (OPEN, "cnngan was not run with the paper's settings")


def test_runs_that_keep_some_images_for_validation_decide_and_those_that_keep_most_do_not(
    make, judge
):
    make("a", "cnngan", metrics={"readable": 0.1}, changed={"data.val_size": 50_000})
    assert judge()["C1"].reason == "cnngan was not run with the paper's settings"
    make("b", "cnngan", metrics={"readable": 0.9}, changed={"data.val_size": 5000})
    assert judge()["C1"].verdict is YES


def test_a_sweep_of_some_batches_decides_nothing(make, judge):
    gan_curves(make, rates=(60.0, 20.0, 60.0))
    for rate, fid in ((1e-4, 1.0), (3e-5, 9.0), (1e-3, 9.0)):
        few = {"optim.lr": rate, "trainer.limit_train_batches": 2}
        for model in ("densevae", "cnngan"):
            make(f"few{model}{rate}", model, changed=few, curves={"val/fid": [fid] * 20})
    claims_by_name = judge()
    assert claims_by_name["C3"].verdict is YES
    reason = "no sweep of optim.lr in whole epochs for densevae that has 0.0001"
    assert reason in claims_by_name["C8"].reason


@pytest.mark.parametrize(
    ("readable", "which", "verdict"), [(0.01, 0, YES), (0.6, 0, NO), (0.01, 1, NO)]
)
def test_c2_follows_readability_and_the_middle(
    make, judge, grid, middle, readable, which, verdict
):
    make("a", "densegan", metrics={"readable": readable}, picture=grid(middle[which]))
    make("b", "densegan_deep", metrics={"readable": 0.0})
    assert judge()["C2"].verdict is verdict


def gan_curves(make, *, falls=True, wobble=1.0, readable=0.0, rates=(30.0, 20.0, 60.0)):
    line = np.linspace(2, 1, 20) if falls else np.linspace(1, 2, 20)
    line += 0.01 * (-1.0) ** np.arange(20)  # smooth, but not perfectly so
    for model in ("densegan", "densegan_deep"):
        curves = {"train/g_loss": line, "train/d_loss": 3 - line}
        make(model, model, curves=curves, metrics={"readable": readable})
    zigzag = 2 + wobble * (-1.0) ** np.arange(20)
    for rate, fid in zip((1e-4, 3e-5, 1e-3), rates, strict=True):
        make(
            f"r{rate}", "cnngan", changed={"optim.lr": rate},
            curves={"train/g_loss": zigzag, "val/fid": [fid] * 20},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ({"rates": (60.0, 20.0, 60.0)}, YES),
        ({"rates": (20.0, 60.0, 60.0)}, NO),
        ({"rates": (60.0, 20.0, 60.0), "falls": False}, NO),
        ({"rates": (60.0, 20.0, 60.0), "wobble": 0.0}, NO),
        ({"rates": (60.0, 20.0, 60.0), "readable": 0.9}, NO),
        ({"rates": (24.0, 20.0, 60.0)}, OPEN),
    ],
)
def test_c3_follows_the_curves_and_the_sweep(make, judge, case, verdict):
    gan_curves(make, **case)
    assert judge()["C3"].verdict is verdict


@pytest.mark.parametrize(("cnngan", "verdict"), [(0.4, YES), (0.95, NO), (0.65, OPEN)])
def test_c4_follows_readability(make, judge, cnngan, verdict):
    for model in ("densevae", "cnnvae"):
        make(model, model, metrics={"readable": 0.7})
    for model in GANS:
        make(model, model, metrics={"readable": cnngan if model == "cnngan" else 0.0})
    assert judge()["C4"].verdict is verdict


@pytest.mark.parametrize(
    ("haze", "sharpness", "verdict"), [(1.0, 1.0, YES), (3.5, 1.0, NO), (1.0, 0.4, NO)]
)
def test_c5_follows_haze_and_sharpness_of_gans_that_make_digits(
    make, judge, haze, sharpness, verdict
):
    for model in ("densevae", "cnnvae"):
        make(model, model, metrics={"haze": 2.0, "sharpness": 0.7})
    noise = {"haze": 9.0, "sharpness": 4.0, "readable": 0.0}
    make("a", "cnngan", metrics={"haze": haze, "sharpness": sharpness, "readable": 0.8})
    make("b", "densegan", metrics=noise)
    assert judge()["C5"].verdict is verdict


def test_c5_is_undecided_where_no_gan_makes_digits(make, judge):
    make("b", "densegan", metrics={"haze": 9.0, "sharpness": 4.0, "readable": 0.0})
    claim = judge()["C5"]
    assert (claim.verdict, claim.reason) == (OPEN, "no GAN is known to make digits")


@pytest.mark.parametrize(("fid", "verdict"), [(60.0, YES), (200.0, NO), (110.0, OPEN)])
def test_c6_follows_fid(make, judge, fid, verdict):
    make("a", "densevae", metrics={"fid": fid})
    make("b", "cnnvae", metrics={"fid": 100.0})
    assert judge()["C6"].verdict is verdict


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        ({"n23": 80, "n49": 80}, YES),
        ({"n32": 80, "n94": 80}, YES),
        ({"n23": 80}, NO),
        ({"n78": 80}, NO),
        ({"n23": 80, "n49": 20}, OPEN),
    ],
)
def test_c7_follows_the_confusion_matrix(make, judge, pairs, verdict):
    for model in ("densevae", "cnnvae"):
        make(model, model, metrics={"confusion": confusion(**pairs)})
    assert judge()["C7"].verdict is verdict


def vae_sweeps(make, *, dense=300.0, cnn=40.0, calm=True, batches=True):
    for model, fid, better in (("densevae", dense, 3e-4), ("cnnvae", cnn, 3e-5)):
        for rate in (better, 1e-4, 1e-2):
            last = {better: fid, 1e-4: 100.0, 1e-2: 500.0}[rate]
            loss = 100 + 10 * (-1.0) ** np.arange(20)
            make(
                f"{model}{rate}", model, changed={"optim.lr": rate},
                curves={"train/loss": loss, "val/fid": [last] * 20},
            )  # fmt: skip
    for size in (64, 512) if batches else ():
        wobble = (1 if calm else 40) * (-1.0) ** np.arange(20)
        make(
            f"b{size}", "cnnvae", changed={"data.batch_size": size},
            curves={"train/loss": 100 + wobble},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ({}, YES),
        ({"cnn": 300.0}, NO),
        ({"dense": 30.0}, NO),
        ({"calm": False}, NO),
        ({"batches": False}, OPEN),
    ],
)
def test_c8_follows_the_sweeps(make, judge, case, verdict):
    vae_sweeps(make, **case)
    claim = judge()["C8"]
    assert claim.verdict is verdict
    if verdict is OPEN:
        assert (
            claim.reason == "no sweep of data.batch_size in whole epochs for cnnvae that has 128"
        )
