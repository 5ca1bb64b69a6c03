import csv
import io

import pytest

from mnistgen.report import records, tables
from mnistgen.report.groups import MODELS, pool
from mnistgen.tables import Table


@pytest.fixture
def groups(tmp_path):
    return lambda: pool(records.read(tmp_path / "outputs")[0])


def test_results_are_means_and_deviations_over_seeds_beside_floors_and_ceilings(make, groups):
    for seed, fid, speed in ((1, 10.0, 500.0), (2, 14.0, 700.0)):
        make(f"s{seed}", "cnngan", seed=seed, metrics={"fid": fid}, info={"images_per_s": speed})
    make("one", "densevae", metrics={"fid": 198.7, "elbo": -119.3})
    table = tables.results(groups(), expected=MODELS)
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


def test_settings_that_differ_from_the_paper_are_marked(make, groups):
    make("a", "densevae")
    make("b", "cnngan", changed={"optim.lr": 3e-4})
    table = tables.hyperparameters(groups())
    marked = {(table.rows[i][0], table.header[j], table.rows[i][j]) for i, j in table.marked}
    assert marked == {("densevae", "model.latent_dim", "4"), ("cnngan", "optim.lr", "0.0003")}
    transposed = table.transposed()
    assert {(transposed.header[j], transposed.rows[i][0]) for i, j in transposed.marked} == {
        ("densevae", "model.latent_dim"),
        ("cnngan", "optim.lr"),
    }


def test_provenance_has_the_command_commit_and_seed_of_each_run(make, tmp_path):
    make("a", "cnngan", seed=3, info={"commit": "abc", "machine": "m", "versions": {"torch": "2"}})
    table = tables.provenance(records.read(tmp_path / "outputs")[0])
    (row,) = (dict(zip(table.header, row, strict=True)) for row in table.rows)
    assert (row["run"], row["commit"], row["seed"], row["versions"]) == (
        "a",
        "abc",
        "3",
        "torch 2",
    )
    assert row["command"] == "python -m mnistgen model=cnngan seed=3 data.val_size=0"


def test_csv_and_markdown_keep_every_cell_and_mark(tmp_path):
    table = Table(("a", "b"), [["x|y", "1,5"], ["<script>", 'q"']], frozenset({(0, 1)}))
    assert list(csv.reader(io.StringIO(table.csv()))) == [
        ["a", "b"],
        ["x|y", "1,5 *"],
        ["<script>", 'q"'],
    ]
    assert table.markdown().splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| x\\|y | 1,5 * |",
        '| &lt;script> | q" |',
    ]
