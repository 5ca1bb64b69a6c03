"""The whole report: its files, and what is in the page."""

import html
import json
import re

import pytest

from mnistgen.report import contents, page, records, sweeps
from mnistgen.report.groups import pool

CONFUSION = [[100 if i == j else 1 for j in range(10)] for i in range(10)]
CURVES = {
    "train/g_loss": [1.0, 0.9],
    "train/d_loss": [1.2, 1.3],
    "train/loss": [200.0, 150.0],
    "val/fid": [90.0, 40.0],
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "outputs").mkdir()
    return lambda **options: page.files(contents.of(tmp_path / "outputs", **options))


def drawn(made):
    return {name.split("/")[1] for name, file in made.items() if file and name.endswith(".svg")}


def words(made):
    """The text of the page, without tags, scripts and pictures."""
    text = made["index.html"].decode()
    text = re.sub(r"<(script|style).*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_a_report_on_nothing_has_a_gap_for_everything(files):
    made = files(play=True)
    text = words(made)
    assert drawn(made) == set()
    assert text.count("Not drawn: no run here has what this figure shows.") == 9
    assert "There is no run here yet" in text
    assert text.count("? undecided") >= 8
    assert "Dense(6272), batch norm, ReLU" in text  # Tables 1 and 2 need no run
    assert made["tables/table-5-provenance.csv"].count(b"\n") == 1


def test_a_report_on_one_run_draws_what_it_has_and_labels_the_rest(make, files, grid):
    make("a", "cnngan", metrics={"fid": 28.1, "readable": 0.8}, curves=CURVES, picture=grid(0.2))
    made = files(play=True)
    text = words(made)
    assert drawn(made) == {
        "figure-1-gan-samples.svg", "figure-2-gan-losses.svg", "fid.svg", "epochs.svg",
    }  # fmt: skip
    assert "Not run yet: densegan, densegan_deep, densevae, cnnvae." in text
    assert re.search(r"C1 ✓ supported", text)
    assert "28.1" in text
    assert "No decoder is in this page" in text  # there is no checkpoint


def test_a_report_on_fifty_runs_shows_each_and_stays_small(make, files, grid):
    for number in range(50):
        model = ("densevae", "cnnvae", "densegan", "densegan_deep", "cnngan")[number % 5]
        rate = (1e-5, 1e-4, 1e-3, 1e-2)[number % 4]
        make(
            f"run{number}", model, seed=number, changed={"optim.lr": rate}, curves=CURVES,
            metrics={"fid": 10.0 + number, "readable": 0.5, "confusion": CONFUSION},
            info={"objective": 10.0 + number}, picture=grid(0.2) if number < 5 else None,
        )  # fmt: skip
    made = files(play=False)
    rows = made["tables/table-5-provenance.csv"].decode().splitlines()
    assert len(rows) == 51
    assert {row.split(",")[0] for row in rows[1:]} == {f"run{number}" for number in range(50)}
    assert len(made["tables/all-results.csv"].decode().splitlines()) == 1 + 20 + 2
    assert {"rates.svg", "confusion.svg"} <= drawn(made)
    assert len(made["index.html"]) < 2e6


def test_the_rates_of_a_sweep_are_drawn_as_means_over_seeds(make, files, tmp_path):
    for number, (rate, fid) in enumerate([(1e-4, 30.0), (1e-4, 50.0), (1e-3, 20.0), (1e-2, 90.0)]):
        make(
            f"r{number}", "cnngan", seed=number, changed={"optim.lr": rate},
            info={"objective": fid},
        )  # fmt: skip
    found = sweeps.find(pool(records.read(tmp_path / "outputs")[0]), "optim.lr")
    (curve,) = contents.rates(found).values()
    assert (curve.label, curve.x, curve.mean) == ("cnngan", [1e-4, 1e-3, 1e-2], [40.0, 20.0, 90.0])
    assert curve.deviation == [pytest.approx(200**0.5), None, None]
    assert "rates.svg" in drawn(files(play=False))


def test_names_from_run_folders_do_nothing(make, files):
    name = "<script>alert(1)<"
    make(f"{name}/img src=x onerror=alert(1)>", "cnngan", info={"model": "<b onclick=x>"})
    bad = make("'\"><svg onload=alert(1)>")
    (bad.path / "run.json").write_text("{")
    made = files(play=False)
    text = made["index.html"].decode()
    for tag in ("<script>alert", "<img src=x", "<b onclick", "<svg onload"):
        assert tag not in text
    assert f"{name}/img src=x onerror=alert(1)>" in words(made)
    assert "<b onclick=x>" in html.unescape(text)
    data = re.search(r'id="epoch-data">(.*?)</script>', text).group(1)
    assert json.loads(data) == {}
    assert b"<script>" not in made["tables/table-5-provenance.md"]


def test_the_page_names_no_address_outside_itself(make, files, grid):
    make("a", "densevae", curves=CURVES, picture=grid(0.2))
    text = files(play=False)["index.html"].decode()
    links = re.findall(r'(?:src|href)="([^"#]*)', text)
    assert links
    assert all(link.startswith("data:") or link == "" for link in links)
    assert "default-src 'none'" in text


def test_the_command_writes_the_page_and_takes_away_what_is_not_so_any_more(make, cli, tmp_path):
    run = make("a", "cnngan", curves=CURVES)
    bad = make("b")
    (bad.path / "metrics.csv").write_text("epoch,loss\n1,x\n")
    old = tmp_path / "report" / "figures" / "confusion.png"
    mine = old.with_name("mine.png")
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    mine.write_bytes(b"mine")
    done = cli("threads=1", "play=false", module="mnistgen.report")
    assert done.returncode == 0, done.stderr
    assert "b: metrics.csv is damaged" in done.stderr
    assert "report/index.html: runs 1, models 1" in done.stderr
    assert not old.exists()
    assert mine.read_bytes() == b"mine"
    assert (tmp_path / "report" / "figures" / "fid.png").read_bytes()[:4] == b"\x89PNG"
    assert "model=cnngan" in (tmp_path / "report" / "tables" / "table-5-provenance.md").read_text()
    assert run.info()["status"] == "finished"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("runs=nowhere", "runs=nowhere is not allowed: there is no such folder"),
        ("play=2", "play=2 is not allowed: it must be true or false"),
        ("out=", "out= is not allowed"),
    ],
)
def test_bad_input_is_one_line(cli, argument, message):
    done = cli(argument, module="mnistgen.report")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
