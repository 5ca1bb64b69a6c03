"""Which numbers of several run folders may stand side by side."""

from pathlib import Path

from mnistgen.tracking import records
from mnistgen.tracking.folder import RunFolder
from mnistgen.tracking.info import Info
from mnistgen.tracking.records import Record


def record(name, network, data="1", fid=9.0):
    info = Info(model="cnngan", data_checksum=data, features_sha256=network)
    return Record(RunFolder(Path(name)), name, info, {}, [{"epoch": 1, "val/fid": fid, "lr": 1.0}])


def test_fids_are_those_of_the_network_of_most():
    first, old, last = record("first", "new"), record("old", None), record("last", "new")
    kept, (note,) = records.of_one_network([first, old, last])
    assert [one.rows for one in kept] == [first.rows, [{"epoch": 1, "lr": 1.0}], last.rows]
    assert note == ("old", "val/fid is of another feature network: it is left out")


def test_of_two_networks_with_as_many_runs_the_later_counts():
    kept, (note,) = records.of_one_network([record("old", "old"), record("new", "new")])
    assert note.name == "old"
    assert kept[1].rows[0]["val/fid"] == 9.0


def test_each_data_set_has_a_network_of_its_own():
    runs = [record("a", "1"), record("b", "2", data="2"), record("c", "1")]
    assert records.of_one_network(runs) == (runs, [])
