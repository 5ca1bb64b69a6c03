"""What went wrong, from made numbers, from the committed results, and on the command line."""

import csv
import math
import re
from pathlib import Path

import pytest

from mnistgen.errors import Diverged
from mnistgen.tracking import MEASURES
from mnistgen.tracking import diagnosis as module
from mnistgen.tracking.diagnosis import RULES, diagnose, diagnose_training
from mnistgen.tracking.folder import RunFolder
from mnistgen.training import session

ROOT = Path(__file__).parents[2]
REAL = {"readable": 0.99, "digits_present": 10}
GOOD = {
    "train/g_loss": 3.1, "train/d_loss": 0.19, "train/d_real": 0.92, "train/d_fake": 0.09,
    "train/kl": 2.2, "spread": 0.44, "readable": 0.63, "digits_present": 10, "digit_kl": 0.016,
    "memorization": 0.87, "active_share": 19 / 50,
}  # fmt: skip
"""The worst that a good run has of each number."""


def faults(real=REAL, **numbers):
    """The names of the rules that hold of good numbers with some that are not."""
    said = diagnose({**GOOD, **{k.replace("__", "/"): v for k, v in numbers.items()}}, real)
    return [r.name for r in RULES if any(s.startswith(r.says.partition("{")[0]) for s in said)]


def test_each_rule_says_something_of_its_own():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert len({rule.says.partition("{")[0] for rule in RULES}) == len(RULES)


def test_nothing_is_wrong_with_the_worst_of_the_good():
    assert faults() == []


WON = {"train__d_loss": 0.0005, "train__d_real": 0.9999, "train__d_fake": 0.0004}


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        (WON, ["discriminator_won"]),
        # Least squares and hinge, whose discriminators have won; Wasserstein's has no such state
        ({**WON, "train__d_real": 0.731, "train__d_fake": 0.269}, ["discriminator_won"]),
        ({**WON, "train__d_real": 0.95, "train__d_fake": 0.05}, ["discriminator_won"]),
        ({**WON, "train__d_loss": -12.0}, []),
        ({"train__d_loss": 0.0, "train__d_real": 0.5, "train__d_fake": 0.5}, []),
        ({"train__d_loss": math.nan}, []),
        ({"train__kl": 0.0008}, ["silent_encoder"]),
        ({"spread": 0.07}, ["one_pattern"]),
        ({"spread": 0.07, "readable": 0.0}, ["one_pattern", "unreadable"]),
        ({"readable": 0.0, "digits_present": 5, "digit_kl": 1.1}, ["unreadable"]),
        ({"digits_present": 9}, ["missing_digits"]),
        ({"digits_present": 3, "digit_kl": 1.2}, ["missing_digits", "uneven_digits"]),
        ({"digit_kl": 0.5}, ["uneven_digits"]),
        ({"memorization": 0.0}, ["copies"]),
        ({"active_share": 0.0}, ["unused_latents"]),
        ({"active_share": 2 / 10}, ["unused_latents"]),
    ],
)
def test_a_fault_is_known_by_its_numbers(numbers, found):
    assert faults(**numbers) == found


def test_the_real_images_say_how_many_digits_can_occur_and_how_many_can_be_read():
    assert faults(real={"readable": 0.4, "digits_present": 8}, readable=0.2) == []
    assert faults(real={"readable": 0.4, "digits_present": 8}, digits_present=7) == [
        "missing_digits"
    ]


def test_what_was_not_measured_is_not_wrong():
    assert diagnose({}) == []
    assert diagnose({"epoch": 3, "readable": 0.0, "digits_present": 1}) == []


def test_a_training_says_that_its_samples_cannot_be_read():
    good = {k: v for k, v in GOOD.items() if "/" in k} | {"epoch": 50.0, "val/fid": 912.0}
    assert diagnose_training(good) == []
    (sentence,) = diagnose_training({**good, "val/readable": 0.03})
    assert sentence == "Few samples can be read: the classifier is sure of 3% of them."
    assert diagnose_training({**good, "val/readable": 0.5}) == []


def test_a_sentence_has_its_numbers():
    (sentence,) = diagnose({"spread": 0.071})
    assert sentence.endswith("7% as far apart as test images.")
    (sentence,) = diagnose({"readable": 0.03}, REAL)
    assert "3%" in sentence


def test_the_committed_results_are_told_apart():
    table = ROOT / "results/paper/tables/all-results.csv"
    rows = list(csv.reader(table.read_text("utf-8").splitlines()))
    names = {label: name for name, label in MEASURES.items()}
    numbers = [
        {
            names[h]: float(v.split(" ±")[0])
            for h, v in zip(rows[0], row, strict=True)
            if h in names and v
        }
        for row in rows[1:]
    ]
    by_name = dict(zip((row[0] for row in rows[:0:-1]), numbers[::-1], strict=True))
    found = {name: diagnose(n, by_name["training images"]) for name, n in by_name.items()}
    for name in ("cnngan", "densevae", "cnnvae"):
        assert found[name] == []  # the paper's recipes, the first of each name
    for name in ("densegan", "densegan_deep", "noise"):
        assert [s.startswith("Few samples can be read") for s in found[name]] == [True]


def test_the_page_has_every_rule_with_its_numbers_and_thresholds():
    page = (ROOT / "docs/measures.md").read_text("utf-8")
    part = page.partition("\n## What went wrong\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", part.partition("\n\nIf ")[0], re.MULTILINE)
    assert [name for name, _ in rows] == [rule.name for rule in RULES]
    thresholds = {
        "discriminator_won": (module.WON, module.APART), "silent_encoder": (module.SILENT,),
        "one_pattern": (module.ALIKE,), "unreadable": (module.LEGIBLE,), "missing_digits": (),
        "uneven_digits": (module.UNEVEN,), "copies": (module.COPIED,),
        "unused_latents": (module.USED,),
    }  # fmt: skip
    for rule, (name, condition) in zip(RULES, rows, strict=True):
        assert rule.numbers[0] in re.findall(r"`([^`]+)`", condition)
        for threshold in thresholds[name]:
            assert f" {threshold}" in condition


def test_a_discriminator_that_has_won_is_told_at_the_end_and_kept_in_run_json(cli):
    done = cli(
        "model=densegan", "optim.lr=1e-2", "trainer.max_epochs=3", "threads=1", "logger=none",
        "data.batch_size=32", "trainer.limit_train_batches=60", "trainer.limit_val_batches=1",
        "hydra.run.dir=run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    won, unread = RunFolder(cli.folder / "run").info().diagnosis
    assert won.startswith("The discriminator has won")
    assert unread.startswith("Few samples can be read")
    assert f"went wrong   {won}\n" in done.stderr


def test_a_run_that_goes_on_is_judged_anew(new_run, monkeypatch):
    run = new_run()
    run.update(diagnosis=["The discriminator has won."])

    def stopped(*args, **options):
        raise Diverged("epoch 3")

    monkeypatch.setattr(session, "_fit", stopped)
    with pytest.raises(Diverged):
        session.train(run)
    assert run.info().diagnosis == []
