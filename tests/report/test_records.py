import pytest

from mnistgen.checkpoints import SafeCheckpointIO
from mnistgen.report import groups, records
from mnistgen.report.groups import chosen, comparable, pool


@pytest.fixture
def read(tmp_path):
    return lambda: records.read(tmp_path / "outputs")


def test_a_run_folder_is_read_as_it_was_written(make, read):
    make("a", "cnngan", seed=7, metrics={"fid": 12.5}, curves={"val/fid": [40.0, 12.0]})
    (record,), notes = read()
    assert (record.name, record.model, record.epochs, record.finished) == ("a", "cnngan", 2, True)
    assert record.config["seed"] == 7
    assert record.evaluation["metrics"] == {"fid": 12.5}
    assert [row["val/fid"] for row in record.rows] == [40.0, 12.0]
    assert notes == []


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("run.json", "{", "run.json is damaged"),
        ("run.json", "{}", "names no model"),
        ("run.json", '{"model": 3}', "model=3"),
        (".hydra/config.yaml", "seed: [", "cannot be read"),
        (".hydra/config.yaml", "seed: 1", "threads is missing"),
        ("metrics.csv", "epoch,val/fid\n1,many\n", "metrics.csv is damaged"),
        ("run.json", None, "run.json"),
    ],
)
def test_a_damaged_folder_is_listed_and_the_others_are_read(make, read, file, content, reason):
    path = make("bad").path / file
    make("good")
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    found, (note,) = read()
    assert [record.name for record in found] == ["good"]
    assert note.name == "bad"
    assert reason in note.reason


@pytest.mark.parametrize(
    "metrics", [{"fid": "low"}, {"fid": float("nan")}, {"confusion": [[1]]}, [], None]
)
def test_a_damaged_evaluation_is_listed_and_gives_no_number(make, read, metrics):
    run = make("a", metrics={"fid": 1.0})
    found = run.evaluation()
    run.write_evaluation({**found, "metrics": metrics})
    (record,), (note,) = read()
    assert record.evaluation == {}
    assert "evaluation.json is damaged" in note.reason


def test_an_evaluation_from_before_further_epochs_is_no_number_any_more(make, read):
    run = make("a", metrics={"fid": 1.0})
    run.update(epochs=3)
    (record,), (note,) = read()
    assert record.evaluation == {}
    assert "epoch 2" in note.reason


def test_an_evaluation_of_another_checkpoint_than_the_one_that_is_there_is_set_aside(make, read):
    run = make("a", metrics={"fid": 1.0}, checkpoint=True)
    (record,), notes = read()
    assert record.evaluation["metrics"] == {"fid": 1.0}
    assert notes == []
    SafeCheckpointIO().save_checkpoint({"state_dict": {}, "epoch": 1}, run.last)
    (record,), (note,) = read()
    assert record.evaluation == {}
    assert note.name == "a"


def test_runs_of_one_recipe_are_pooled_over_seeds_and_others_told_apart(make, read):
    for seed, fid in ((1, 10.0), (2, 14.0)):
        make(f"s{seed}", seed=seed, metrics={"fid": fid}, changed={"threads": seed})
    make("other", changed={"optim.lr": 1e-3}, metrics={"fid": 99.0})
    paper, other = pool(read()[0])
    assert paper.changed == ()
    assert paper.measure("fid").values == [10.0, 14.0]
    assert (paper.measure("fid").mean, paper.measure("fid").sd) == (12.0, pytest.approx(8**0.5))
    assert other.changed == ("optim.lr=0.001",)
    assert chosen([other, paper])["densevae"] is paper


def test_the_same_seed_again_replaces_the_earlier_run(make, read):
    make("a", metrics={"fid": 10.0})
    make("b", metrics={"fid": 20.0})
    (group,) = pool(read()[0])
    assert group.measure("fid").values == [20.0]


def test_an_unfinished_run_lends_its_curves_but_no_measures(make, read):
    make("a", metrics={"fid": 1.0}, curves={"val/fid": [3.0, 2.0]}, info={"status": "running"})
    (group,) = pool(read()[0])
    assert group.measure("fid") is None
    assert group.curves("val/fid") == [([1.0, 2.0], [3.0, 2.0])]


def test_an_evaluation_of_fewer_samples_than_the_others_is_not_compared(make, read):
    for name in ("a", "b", "few"):
        make(name, metrics={"fid": 1.0}, seed=ord(name[0]))
    run = make("fewer", metrics={"fid": 5.0}, seed=9)
    found = run.evaluation()
    found["settings"]["samples"] = 64
    run.write_evaluation(found)
    kept, (note,) = comparable(read()[0])
    assert [record.name for record in kept if not record.evaluation] == ["fewer"]
    assert "samples=64" in note.reason
    (group,) = groups.pool(kept)
    assert group.measure("fid").values == [1.0, 1.0, 1.0]
