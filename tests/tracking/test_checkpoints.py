import hashlib
import json

import pytest
import torch

from mnistgen.errors import UserError
from mnistgen.tracking import checkpoints, checksums, store
from mnistgen.tracking.checkpoints import SafeCheckpointIO


@pytest.fixture
def run(tmp_path):
    """A run with the checkpoints of epochs 0, 1 and 2 saved one after the other."""
    made = store.create(tmp_path / "run", model="m", config={}, overrides=[])
    for epoch in range(3):
        SafeCheckpointIO().save_checkpoint({"epoch": epoch, "w": torch.ones(9) * epoch}, made.last)
    return made


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_last_and_the_one_before_are_kept(run):
    assert checkpoints.newest(run) == run.last
    assert torch.load(run.last, weights_only=True)["epoch"] == 2
    assert torch.load(run.previous, weights_only=True)["epoch"] == 1
    assert {p.name for p in run.checkpoints.iterdir()} == {
        "last.ckpt",
        "previous.ckpt",
        "checksums.json",
    }


def test_damage_is_named_and_the_one_before_taken(run, caplog):
    flip_a_byte(run.last)
    torch.load(run.last, weights_only=True)  # torch does not notice
    assert checkpoints.newest(run) == run.previous
    assert f"{run.last} is damaged" in caplog.text
    with pytest.raises(UserError, match=r"last\.ckpt is damaged"):
        checkpoints.read(run.last)
    assert checkpoints.read(run.previous).content["epoch"] == 1


def test_when_all_are_damaged_it_says_so(run):
    flip_a_byte(run.last)
    flip_a_byte(run.previous)
    with pytest.raises(UserError, match="no undamaged checkpoint"):
        checkpoints.newest(run)


def test_no_checkpoint_is_no_error(tmp_path):
    assert (
        checkpoints.newest(store.create(tmp_path / "r", model="", config={}, overrides=[])) is None
    )


class Crash(Exception):
    pass


@pytest.mark.parametrize("crash_at", range(3))
def test_a_crash_between_any_two_writes_leaves_a_good_checkpoint(run, monkeypatch, crash_at):
    writes = iter(range(3))
    write = checkpoints.write_atomically
    assert write is checksums.write_atomically

    def crash(path, content):
        if next(writes) == crash_at:
            raise Crash
        write(path, content)

    for module in (checkpoints, checksums):
        monkeypatch.setattr(module, "write_atomically", crash)
    if crash_at < 2:
        with pytest.raises(Crash):
            SafeCheckpointIO().save_checkpoint({"epoch": 3}, run.last)
    else:
        SafeCheckpointIO().save_checkpoint({"epoch": 3}, run.last)
    path = checkpoints.newest(run)
    assert path is not None
    assert checkpoints.read(path).content["epoch"] == (3 if crash_at == 2 else 2)


class Payload:
    def __reduce__(self):
        return (pytest.fail, ("a checkpoint ran code",))


def test_nothing_is_unpickled(run):
    torch.save({"epoch": Payload()}, run.last)
    sum_of_it = hashlib.sha256(run.last.read_bytes()).hexdigest()
    (run.checkpoints / "checksums.json").write_text(json.dumps({"last.ckpt": [sum_of_it]}))
    with pytest.raises(UserError, match="not a checkpoint of plain data"):
        checkpoints.read(run.last)
