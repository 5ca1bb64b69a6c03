import pytest

from mnistgen.report import paper
from mnistgen.report.evidence import Missing, gather, representatives


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
    changes = [paper.changes(group) for group in both.groups]
    assert changes == [(), ("trainer.precision=32-true",), ("optim.lr=0.001",)]
    assert both.measure("cnngan", "readable").mean == 0.7


def test_of_two_groups_of_the_papers_recipe_the_one_of_more_seeds_stands_for_the_model(
    make, evidence
):
    make("a", "cnngan")
    for seed in (1, 2):
        make(f"s{seed}", "cnngan", seed=seed, changed={"trainer.precision": "32-true"})
    assert len(evidence().representatives["cnngan"].records) == 2


def test_an_unfinished_run_stands_for_a_model_only_where_no_other_is(make, evidence):
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
