import pytest

from mnistgen.report import tables
from mnistgen.report.evidence import gather
from mnistgen.report.paper import MODELS
from mnistgen.report.tables import TABLES


@pytest.fixture
def evidence(tmp_path):
    return lambda: gather(tmp_path / "outputs")


def test_results_are_means_and_deviations_over_seeds_beside_floors_and_ceilings(make, evidence):
    for seed, fid, speed in ((1, 10.0, 500.0), (2, 14.0, 700.0)):
        make(f"s{seed}", "cnngan", seed=seed, metrics={"fid": fid}, info={"images_per_s": speed})
    make("one", "densevae", metrics={"fid": 198.7, "elbo": -119.3})
    table = tables.results(evidence().groups, expected=MODELS)
    rows = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert rows["cnngan"]["FID"] == "12 ± 2.83"
    assert rows["cnngan"]["images/s"] == "600 ± 141"
    assert rows["cnngan"]["training (minutes)"] == "1 ± 0"
    assert rows["cnngan"]["ELBO (nats)"] == ""
    assert rows["densevae"]["FID"] == "199"
    assert rows["noise"]["FID"] == "912"
    assert rows["training images"]["readable (confidence >= 0.9)"] == "0.99"
    assert [rows[model]["not as in the paper"] for model in ("densegan", "cnnvae")] == [
        "not run"
    ] * 2


def test_results_say_how_many_images_were_trained_on_and_how_many_samples_measured(make, evidence):
    smoke = {"trainer.limit_train_batches": 2, "data.val_size": 5000}
    run = make("a", "cnngan", changed=smoke, metrics={"fid": 10.0})
    run.evaluation_path.write_text(run.evaluation_path.read_text().replace("10000", "2000"))
    make("b", "densevae")
    table = tables.results(evidence().groups, expected=MODELS)
    rows = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    samples = {name: row["samples measured"] for name, row in rows.items()}
    assert samples["cnngan"] == samples["noise"] == "2,000"
    assert samples["densevae"] == samples["cnnvae"] == ""
    assert rows["cnngan"]["images an epoch"] == "256"
    assert rows["densevae"]["images an epoch"] == "60,000"


def test_the_images_of_an_epoch_are_those_of_the_data(make, evidence):
    own = {"data._target_": "mnistgen.data.ImageFolder", "data.val_size": 0.1}
    images = {"train": 270, "val": 30, "test": 64}
    make("a", "cnngan", changed=own, info={"images": images})
    (group,) = evidence().groups
    assert (group.images_an_epoch, group.train_size) == (270, 300)
    assert "270" in tables.results([group]).rows[0]


def test_settings_that_differ_from_the_paper_are_marked(make, evidence):
    make("a", "densevae")
    make("b", "cnngan", changed={"optim.lr": 3e-4})
    table = tables.hyperparameters(evidence().groups)
    marked = {(table.rows[i][0], table.header[j], table.rows[i][j]) for i, j in table.marked}
    assert marked == {("densevae", "model.latent_dim", "4"), ("cnngan", "optim.lr", "0.0003")}
    transposed = table.transposed()
    assert {(transposed.header[j], transposed.rows[i][0]) for i, j in transposed.marked} == {
        ("densevae", "model.latent_dim"),
        ("cnngan", "optim.lr"),
    }


def test_provenance_has_the_command_commit_and_seed_of_each_run(make, evidence):
    make("a", "cnngan", seed=3, info={"commit": "abc", "machine": "m", "versions": {"torch": "2"}})
    table = tables.provenance(evidence().records)
    (row,) = (dict(zip(table.header, row, strict=True)) for row in table.rows)
    assert (row["run"], row["commit"], row["seed"], row["versions"]) == (
        "a",
        "abc",
        "3",
        "torch 2",
    )
    assert row["command"] == "python -m mnistgen model=cnngan seed=3 data.val_size=0"


def test_a_setting_of_which_the_paper_says_nothing_is_shown_and_not_marked(make, evidence):
    make("a", "cnngan")
    make("b", "cnngan", changed={"trainer.precision": "32-true"})
    table = tables.hyperparameters(evidence().groups)
    column = table.header.index("trainer.precision")
    assert [row[column] for row in table.rows] == ["auto", "32-true"]
    assert table.marked == frozenset()
    labels = [row[1:3] for row in tables.results(evidence().groups).rows]
    assert labels == [["", ""], ["", "trainer.precision=32-true"]]


def test_each_table_has_a_name_of_its_own_and_a_row_for_each_part_of_each_claim(make, evidence):
    make("a", "cnngan", metrics={"readable": 0.9})
    runs = evidence()
    contents = {entry.name: entry.fill(runs) for entry in TABLES}
    assert len(contents) == len(TABLES) == 9
    assert contents["claims"].rows[0][:3] == ["C1", "supported", "cnngan makes digits"]
    assert {row[0] for row in contents["claims"].rows} == {f"C{number}" for number in range(1, 9)}
    assert contents["table-4-results"].header[:2] == ("model", "cnngan")
