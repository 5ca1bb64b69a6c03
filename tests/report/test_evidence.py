import math

import pytest

from mnistgen.report import paper
from mnistgen.report.evidence import Missing, gather
from mnistgen.report.ranking import clearest, representatives


@pytest.fixture
def evidence(tmp_path):
    return lambda: gather(tmp_path / "outputs")


def test_runs_of_one_recipe_are_pooled_over_seeds_and_others_told_apart(make, evidence):
    for seed, fid in ((1, 10.0), (2, 14.0)):
        make(f"s{seed}", seed=seed, metrics={"fid": fid}, changed={"threads": seed})
    make("other", changed={"optim.lr": 1e-3}, metrics={"fid": 99.0})
    papers, other = evidence().groups
    assert paper.changes(papers) == ()
    assert papers.measure("fid").values == [10.0, 14.0]
    assert (papers.measure("fid").mean, papers.measure("fid").sd) == (12.0, pytest.approx(8**0.5))
    assert paper.changes(other) == ("optim.lr=0.001",)
    assert representatives([other, papers])["densevae"] is papers


def test_the_same_seed_again_replaces_the_earlier_run(make, evidence):
    make("a", metrics={"fid": 10.0})
    make("b", metrics={"fid": 20.0})
    (group,) = evidence().groups
    assert group.measure("fid").values == [20.0]


def test_an_unfinished_run_lends_its_curves_but_no_measures(make, evidence):
    make("a", metrics={"fid": 1.0}, curves={"val/fid": [3.0, 2.0]}, info={"status": "running"})
    (group,) = evidence().groups
    assert group.measure("fid") is None
    assert [(curve.x, curve.y) for curve in group.curves("val/fid")] == [([1.0, 2.0], [3.0, 2.0])]


def test_an_evaluation_that_is_not_compared_is_in_no_mean(make, evidence):
    for name in ("a", "b", "few"):
        make(name, metrics={"fid": 1.0}, seed=ord(name[0]))
    run = make("fewer", metrics={"fid": 5.0}, seed=9)
    text = run.evaluation_path.read_text()
    run.evaluation_path.write_text(text.replace("10000", "64"))
    (group,) = evidence().groups
    assert group.measure("fid").values == [1.0, 1.0, 1.0]


def test_a_run_in_another_precision_is_the_papers_though_a_group_of_its_own(make, evidence):
    make("full", "cnngan", changed={"trainer.precision": "32-true"}, metrics={"readable": 0.9})
    assert evidence().measure("cnngan", "readable").mean == 0.9
    make("a", "cnngan", metrics={"readable": 0.7})
    make("b", "cnngan", changed={"optim.lr": 1e-3}, metrics={"readable": 0.1})
    both = evidence()
    changes = [paper.changes(group) + paper.details(group) for group in both.groups]
    assert changes == [(), ("trainer.precision=32-true",), ("optim.lr=0.001",)]
    assert both.measure("cnngan", "readable").mean == 0.7


def test_of_two_groups_of_the_papers_recipe_the_one_of_more_seeds_stands_for_the_model(
    make, evidence
):
    make("a", "cnngan")
    for seed in (1, 2):
        make(f"s{seed}", "cnngan", seed=seed, changed={"trainer.precision": "32-true"})
    assert len(evidence().representatives["cnngan"].records) == 2


SMOKE = {"trainer.max_epochs": 1, "trainer.limit_train_batches": 2}
TRIAL = {"trainer.max_epochs": 1}
OTHER = {"trainer.max_epochs": 10, "optim.lr": 1e-3, "data.batch_size": 64}
FEW = {"data.val_size": 50_000}
PAPER = {}
BARE = {"data.val_size": 5000}
HALF = {"info": {"epochs": 25, "status": "interrupted"}}
DONE = {"curves": {"val/fid": [1.0] * 10}}
MEASURED = {**DONE, "metrics": {"fid": 1.0}}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((OTHER, MEASURED), (SMOKE, MEASURED)),
        ((OTHER, DONE), (SMOKE, MEASURED)),
        (
            (TRIAL, {"info": {"epochs": 1}}),
            (SMOKE, {"curves": {"val/fid": [1.0] * 90}, "metrics": {}}),
        ),
        ((TRIAL, {"info": {"epochs": 1}}), (FEW, MEASURED)),
        ((OTHER, MEASURED), (TRIAL, {"info": {"epochs": 1}})),
        ((OTHER, HALF), (TRIAL, {"info": {"epochs": 1}})),
        ((OTHER, DONE), (PAPER, HALF)),
        ((PAPER, HALF), (SMOKE, MEASURED)),
        ((SMOKE, DONE), (PAPER, {"info": {"epochs": 0, "status": "running"}})),
        ((OTHER, MEASURED), ({"optim.lr": 1e-3}, DONE)),
        (({"optim.lr": 1e-3}, MEASURED), (OTHER, MEASURED)),
        ((PAPER, DONE), (OTHER, MEASURED)),
        ((BARE, DONE), (OTHER, MEASURED)),
        ((PAPER, DONE), (BARE, DONE)),
        ((PAPER, MEASURED), (BARE, MEASURED)),
        ((BARE, MEASURED), (PAPER, DONE)),
    ],
)
def test_what_was_trained_at_length_and_evaluated_stands_for_a_model(
    make, evidence, better, worse
):
    for name, (changed, options) in (("better", better), ("worse", worse)):
        make(name, "cnngan", changed=changed, **options)
    chosen = evidence().representatives["cnngan"]
    assert [record.name for record in chosen.records] == ["better"]


def test_the_same_seed_again_replaces_no_run_that_alone_was_evaluated(make, evidence):
    make("a", metrics={"fid": 10.0})
    make("b")
    (group,) = evidence().groups
    assert [record.name for record in group.records] == ["a"]


@pytest.mark.parametrize(
    ("runs", "model"),
    [
        ({"densegan": {"readable": 0.0}, "cnngan": {"readable": 0.9}, "cnnvae": {}}, "cnngan"),
        ({"densegan": {"readable": 0.0}, "cnnvae": {}}, "cnnvae"),
        ({"densegan": {"val/fid": 940.0}, "cnngan": {"val/fid": 90.0}, "cnnvae": {}}, "cnngan"),
        ({"densegan": {}, "cnngan": {}, "cnnvae": {}}, "cnnvae"),
        ({"densegan": {"val/fid": math.nan}, "densegan_deep": {"val/fid": 9.0}}, "densegan_deep"),
    ],
)
def test_the_clearest_model_is_the_most_readable_then_of_the_lowest_fid_then_a_vae(
    make, evidence, runs, model
):
    for name, numbers in runs.items():
        measures = {key: value for key, value in numbers.items() if key == "readable"}
        curves = {key: [900.0, value] for key, value in numbers.items() if key == "val/fid"}
        make(name, name, metrics=measures or None, curves=curves)
    assert clearest(evidence().representatives) == model


def test_of_runs_as_long_an_unfinished_one_stands_for_a_model_only_where_no_other_is(
    make, evidence
):
    make("a", "cnngan", info={"status": "interrupted"})
    with pytest.raises(Missing, match="cnngan is not finished"):
        evidence().group("cnngan")
    make("b", "cnngan", changed={"optim.lr": 1e-3})
    with pytest.raises(Missing, match="cnngan was not run with the paper's settings"):
        evidence().group("cnngan")


def test_the_rates_of_a_sweep_are_means_over_seeds(make, evidence):
    for number, (rate, fid) in enumerate([(1e-4, 30.0), (1e-4, 50.0), (1e-3, 20.0), (1e-2, 90.0)]):
        make(
            f"r{number}", "cnngan", seed=number, changed={"optim.lr": rate},
            curves={"val/fid": [99.0, fid]},
        )  # fmt: skip
    (sweep,) = evidence().sweeps
    curve = sweep.curve("val/fid")
    assert (curve.label, curve.x, curve.y) == ("cnngan", [1e-4, 1e-3, 1e-2], [40.0, 20.0, 90.0])
    assert curve.sd == [pytest.approx(200**0.5), None, None]


def test_a_sweep_has_three_values_and_what_all_share_in_its_label(make, evidence):
    for size in (64, 128):
        make(f"b{size}", changed={"data.batch_size": size, "model.activation": "gelu"})
    assert evidence().sweeps == []
    make("b256", changed={"data.batch_size": 256, "model.activation": "gelu"})
    make("b512", changed={"data.batch_size": 512})
    (sweep,) = evidence().sweeps
    assert (sweep.key, list(sweep.groups)) == ("data.batch_size", [64, 128, 256])
    assert sweep.label == "densevae model.activation=gelu"
    assert sweep.curve("val/fid") is None
