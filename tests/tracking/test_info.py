"""What run.json and evaluation.json hold, read back and damaged."""

import json
import math

import pytest

from mnistgen.errors import Diverged, Interrupted, UserError
from mnistgen.tracking import info as module
from mnistgen.tracking.info import MEASURES, Evaluation, Failure, Info, Protocol, Status

FULL = Info(
    model="cnngan",
    status=Status.FAILED,
    created="2026-11-25T20:38:10.988+00:00",
    failure=Failure.DIVERGED,
    reason="epoch 1: the training has diverged",
    seed=3,
    commit="abc-dirty",
    versions={"torch": "2.14.1"},
    device="cpu",
    machine="vm x86_64",
    precision="bf16-mixed",
    threads=2,
    processes=1,
    data_checksum="689f",
    parameters={"generator": 338_625},
    epochs=2,
    seconds=11.9,
    images_per_s=10874.0,
    objective=693.0,
)
EVALUATION = Evaluation(
    settings=Protocol(
        checkpoint="last.ckpt",
        checkpoint_sha256="12ab",
        epoch=2,
        samples=10_000,
        split="test",
        features_sha256="34cd",
    ),
    comparisons={"noise": {"fid": 912.0, "digits": [0.1] * 10}},
    metrics={"fid": 12.5, "active_units": 4, "digits": [0.1] * 10, "confusion": [[1] * 10] * 10},
)


@pytest.mark.parametrize("content", [FULL, Info(model="densevae"), EVALUATION])
def test_what_is_written_is_read_back(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_bytes(content.to_bytes())
    assert type(content).read(path) == content
    assert json.loads(path.read_text()) == content.model_dump()


@pytest.mark.parametrize("state", [*Status, *Failure])
def test_states_are_written_as_the_words_that_users_read(state):
    fields = {"status": state} if isinstance(state, Status) else {"failure": state}
    assert f'"{state.value}"' in FULL.model_copy(update=fields).to_bytes().decode()


def damaged(path, **changes):
    content = {**FULL.model_dump(), **changes}
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not ...}, default=str))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": ...}, "it names no model"),
        ({"model": 3}, "model=3"),
        ({"status": "asleep"}, "status='asleep'"),
        ({"status": None}, "status=None"),
        ({"failure": "bad luck"}, "failure='bad luck'"),
        ({"epochs": "two"}, "epochs='two'"),
        ({"epochs": 1.5}, "epochs=1.5"),
        ({"epochs": True}, "epochs=True"),
        ({"seconds": [1]}, "seconds="),
        ({"seconds": math.nan}, "seconds=nan"),
        ({"versions": {"torch": 2}}, "versions.torch=2"),
        ({"versions": []}, "versions="),
        ({"parameters": {"encoder": "many"}}, "parameters.encoder='many'"),
        ({"seed": "1"}, "seed='1'"),
    ],
)
def test_a_field_of_another_kind_is_named(tmp_path, changes, named):
    damaged(tmp_path / "run.json", **changes)
    with pytest.raises(UserError, match=r"run\.json is damaged: ") as error:
        Info.read(tmp_path / "run.json")
    assert named in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '"text"'])
def test_what_is_no_object_is_named(tmp_path, text):
    for kind in (Info, Evaluation):
        (tmp_path / "file.json").write_text(text)
        with pytest.raises(UserError, match=r"file\.json is damaged"):
            kind.read(tmp_path / "file.json")


def test_fields_of_another_version_are_passed_over_and_absent_ones_have_defaults(tmp_path):
    (tmp_path / "run.json").write_text('{"model": "densevae", "composition": "8a1f"}')
    assert Info.read(tmp_path / "run.json") == Info(model="densevae")


def test_a_number_that_json_does_not_have_is_never_written():
    with pytest.raises(ValueError, match="finite number"):
        Info(model="densevae", failure=None, objective=math.inf)
    lost = FULL.model_copy(update={"objective": math.inf}).to_bytes()
    assert json.loads(lost, parse_constant=pytest.fail)["objective"] is None


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        ("epoch 1, batch 2: loss=nan: the training has diverged", Failure.DIVERGED),
        ("its process was killed, and once more alone", Failure.KILLED),
        ("data.batch_size=1 is not allowed", Failure.ERROR),
    ],
)
def test_the_failure_of_a_run_from_before_follows_from_its_reason(reason, failure):
    old = {"model": "densevae", "status": "failed", "reason": reason, "objective": math.inf}
    info = Info.model_validate(old)
    assert (info.failure, info.objective) == (failure, None)
    assert Info.model_validate({**old, "status": "finished"}).failure is None


@pytest.mark.parametrize(
    ("error", "status", "failure", "reason"),
    [
        (Interrupted(15), Status.INTERRUPTED, None, "stopped by signal 15"),
        (Diverged("epoch 2"), Status.FAILED, Failure.DIVERGED, "epoch 2"),
        (UserError("no such data"), Status.FAILED, Failure.REFUSED, "no such data"),
        (OSError("disk full"), Status.FAILED, Failure.ERROR, "OSError: disk full"),
    ],
)
def test_each_way_to_end_has_its_state(error, status, failure, reason):
    assert module.end(error) == {"status": status, "failure": failure, "reason": reason}


@pytest.mark.parametrize(
    "metrics",
    [
        {"fid": "low"},
        {"fid": math.nan},
        {"fid": [1.0]},
        {"fid": None},
        {"digits": [0.1]},
        {"digits": 1.0},
        {"confusion": [[1]]},
        {"confusion": [[1] * 10] * 9},
        {"confusion": [[1] * 9 + ["x"]] * 10},
        [],
        None,
    ],
)
def test_measures_of_another_kind_are_named(tmp_path, metrics):
    content = {**EVALUATION.model_dump(), "metrics": metrics}
    (tmp_path / "evaluation.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"evaluation\.json is damaged: metrics"):
        Evaluation.read(tmp_path / "evaluation.json")


def test_the_measures_of_a_table_are_single_numbers():
    assert not {"digits", "confusion"} & MEASURES.keys()
