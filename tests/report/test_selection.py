import json

import pytest

from mnistgen.report.evidence import select
from mnistgen.tracking.checkpoints import SafeCheckpointIO


@pytest.fixture
def read(tmp_path):
    return lambda: select(tmp_path / "outputs")


def change(run, **settings):
    """Change the settings that an evaluation was made with."""
    content = json.loads(run.evaluation_path.read_text())
    content["settings"] |= settings
    run.evaluation_path.write_text(json.dumps(content))


def test_a_run_folder_is_read_as_it_was_written(make, read):
    make("a", "cnngan", seed=7, metrics={"fid": 12.5}, curves={"val/fid": [40.0, 12.0]})
    (record,), notes = read()
    epochs = record.info.epochs
    assert (record.name, record.model, epochs, record.finished) == ("a", "cnngan", 2, True)
    assert record.config["seed"] == 7
    assert record.evaluation.metrics == {"fid": 12.5}
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
    records, (note,) = read()
    assert [record.name for record in records] == ["good"]
    assert note.name == "bad"
    assert reason in note.reason


def test_a_note_names_the_file_once(make, read):
    make("bad").config_path.write_text("seed: 1")
    _, (note,) = read()
    assert note.reason == ".hydra/config.yaml: threads is missing: it must be given"


@pytest.mark.parametrize(
    "metrics", [{"fid": "low"}, {"fid": float("nan")}, {"confusion": [[1]]}, [], None]
)
def test_a_damaged_evaluation_is_listed_and_gives_no_number(make, read, metrics):
    path = make("a", metrics={"fid": 1.0}).evaluation_path
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "metrics": metrics}))
    (record,), (note,) = read()
    assert record.evaluation is None
    assert "evaluation.json is damaged" in note.reason


def test_an_evaluation_from_before_further_epochs_is_no_number_any_more(make, read):
    run = make("a", metrics={"fid": 1.0})
    run.update(epochs=3)
    (record,), (note,) = read()
    assert record.evaluation is None
    assert "epoch 2" in note.reason


def test_an_evaluation_of_another_checkpoint_than_the_one_that_is_there_is_set_aside(make, read):
    run = make("a", metrics={"fid": 1.0}, checkpoint=True)
    (record,), notes = read()
    assert record.evaluation.metrics == {"fid": 1.0}
    assert notes == []
    SafeCheckpointIO().save_checkpoint({"state_dict": {}, "epoch": 1}, run.last)
    (record,), (note,) = read()
    assert record.evaluation is None
    assert note.name == "a"


def test_an_evaluation_of_fewer_samples_than_the_others_is_not_compared(make, read):
    for name in ("a", "b", "few"):
        make(name, metrics={"fid": 1.0}, seed=ord(name[0]))
    change(make("fewer", metrics={"fid": 5.0}, seed=9), samples=64)
    records, (note,) = read()
    assert [record.name for record in records if not record.evaluation] == ["fewer"]
    assert "samples=64" in note.reason
    measures = [record.evaluation.metrics["fid"] for record in records if record.evaluation]
    assert measures == [1.0, 1.0, 1.0]


def test_of_two_feature_networks_that_of_the_later_run_counts(make, read):
    first, _ = (make(name, metrics={"fid": 1.0}, seed=ord(name)) for name in ("a", "b"))
    change(first, features_sha256="other")
    records, (note,) = read()
    assert [record.name for record in records if record.evaluation] == ["b"]
    assert note.name == "a"
    assert "(features_sha256=other)" in note.reason


def test_evaluations_on_two_data_sets_stand_side_by_side(make, read):
    for name in ("a", "b", "c"):
        run = make(name, metrics={"fid": 1.0}, seed=ord(name))
    change(run, data_checksum="3", samples=64)
    records, notes = read()
    assert all(record.evaluation for record in records)
    assert notes == []
