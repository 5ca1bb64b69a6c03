"""The command."""

import pytest

from mnistgen.tracking.info import Status


def test_the_command_writes_the_page_and_takes_away_what_is_not_so_any_more(make, cli, tmp_path):
    run = make("a", "cnngan", curves={"val/fid": [90.0, 40.0]})
    bad = make("b")
    (bad.path / "metrics.csv").write_text("epoch,loss\n1,x\n")
    old = tmp_path / "report" / "figures" / "confusion.png"
    mine = old.with_name("mine.png")
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    mine.write_bytes(b"mine")
    result = cli("threads=1", "play=false", module="mnistgen.report")
    assert result.returncode == 0, result.stderr
    assert "b: metrics.csv is damaged" in result.stderr
    assert "report/index.html: runs 1, models 1" in result.stderr
    assert not old.exists()
    assert mine.read_bytes() == b"mine"
    assert (tmp_path / "report" / "figures" / "fid.png").read_bytes()[:4] == b"\x89PNG"
    assert "model=cnngan" in (tmp_path / "report" / "tables" / "table-5-provenance.md").read_text()
    assert run.info().status is Status.FINISHED


def test_runs_may_be_a_list_of_folders_and_globs_and_each_run_counts_once(make, cli, tmp_path):
    for name in ("a/one", "b/one", "c/one"):
        make(name)
    folders = "runs=[outputs/a,'outputs/[ab]',outputs/b/one]"
    result = cli(folders, "threads=1", "play=false", module="mnistgen.report")
    assert result.returncode == 0, result.stderr
    assert "index.html: runs 2, models 1" in result.stderr
    table = (tmp_path / "report" / "tables" / "table-5-provenance.csv").read_text()
    assert [row.split(",")[0] for row in table.splitlines()[1:]] == ["a/one", "b/one"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("runs=nowhere", "runs=nowhere: there is no run folder"),
        ("runs=[.,nowhere]", "runs=nowhere: there is no run folder"),
        ("play=2", "play=2 is not allowed: it must be true or false"),
        ("out=", "out= is not allowed"),
    ],
)
def test_bad_input_is_one_line(make, cli, argument, message):
    make("a")
    result = cli(argument, module="mnistgen.report")
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {message}")
    assert result.stderr.count("\n") == 1
