import json
import subprocess
import sys
from pathlib import Path

import pytest

from mnistgen.errors import UserError
from mnistgen.tracking import records, store
from mnistgen.tracking.folder import RunFolder


def make(path, status="interrupted", **fields):
    run = store.create(path, model="densevae", config={"seed": 1}, overrides=["seed=1"])
    run.update(status=status, **fields)
    return run


def test_folders_made_at_once_are_two(tmp_path):
    made = [make(tmp_path / "name") for _ in range(4)]
    assert [run.path.name for run in made] == ["name", "name_2", "name_3", "name_4"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [run.path.name for run in made]


def test_an_empty_folder_is_used_as_it_is(tmp_path):
    (tmp_path / "name").mkdir()
    assert make(tmp_path / "name").path == tmp_path / "name"


def test_metrics_are_kept_with_blanks(tmp_path):
    run = make(tmp_path / "a")
    rows = [{"epoch": 1, "train/loss": 2.5}, {"epoch": 2, "train/loss": 1.5, "val/fid": 1e-7}]
    run.write_metrics(rows)
    text = (run.path / "metrics.csv").read_text().splitlines()
    assert text == ["epoch,train/loss,val/fid", "1,2.5,", "2,1.5,1e-07"]
    assert run.metrics() == rows


@pytest.mark.parametrize("content", ["epoch,a\n1,x\n", "a\n1\n", "epoch\n1,2,3\n"])
def test_damaged_metrics_are_named(tmp_path, content):
    run = make(tmp_path / "a")
    (run.path / "metrics.csv").write_text(content)
    with pytest.raises(UserError, match=r"metrics\.csv is damaged"):
        run.metrics()


def test_a_lock_is_held_by_one_and_gone_with_its_process(tmp_path):
    run = make(tmp_path / "a")
    code = f"""
import time, pathlib
from mnistgen.tracking.folder import RunFolder
with RunFolder(pathlib.Path({str(run.path)!r})).lock():
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert run.is_locked()
        with pytest.raises(UserError, match="another process"), run.lock():
            pass
        holder.kill()
        holder.wait()
    assert not run.is_locked()


def test_latest_is_the_newest_that_was_interrupted_or_killed(tmp_path):
    make(tmp_path / "1", created="2026-01-01", status="interrupted")
    wanted = make(tmp_path / "deep" / "2", created="2026-01-02", status="running")
    make(tmp_path / "3", created="2026-01-03", status="finished")
    make(tmp_path / "4", created="2026-01-04", status="failed")
    (tmp_path / "5").mkdir()
    (tmp_path / "5" / "run.json").write_text("{ damaged")
    assert store.latest_unfinished(tmp_path).path == wanted.path
    with wanted.lock():
        assert store.latest_unfinished(tmp_path).path == tmp_path / "1"


def test_nothing_to_resume_is_said(tmp_path):
    with pytest.raises(UserError, match="no run that was interrupted"):
        store.latest_unfinished(tmp_path)


def test_folders_are_named_by_path_glob_or_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/1", "b/1", "[x]"):
        make(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert store.folders("run", "a") == [Path("a")]
    assert store.folders("run", ["?", "[x]"]) == [Path("a"), Path("b"), Path("[x]")]
    for bad in ("nowhere", "empty", "file", "n*", ["a", "nowhere"]):
        with pytest.raises(UserError, match=r"run=.*: there is no run folder"):
            store.folders("run", bad)


def test_a_run_below_two_folders_is_one_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/1", "b/2"):
        make(Path(name))
    (tmp_path / "link").symlink_to("a")
    roots = [Path(name) for name in ("b", "a/1", "a", tmp_path / "a", "b/../link")]
    assert [run.path for run in store.all_runs(*roots)] == [tmp_path / "a" / "1", Path("b/2")]
    assert [record.name for record in records.read_all(*roots)[0]] == ["a/1", "b/2"]


@pytest.mark.parametrize("content", ["", "[]", '{"status": '])
def test_a_damaged_run_json_is_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        RunFolder(tmp_path).info()


def test_run_json_is_plain_json(tmp_path):
    run = make(tmp_path / "a", reason=None)
    info = json.loads((run.path / "run.json").read_text())
    assert info["status"] == "interrupted"
    assert info["model"] == "densevae"
    assert info["reason"] is None
