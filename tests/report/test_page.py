"""The files of a report, and what is in the page."""

import html
import json
import re

import pytest

from mnistgen.report import page
from mnistgen.report.evidence import gather

CONFUSION = [[100 if i == j else 1 for j in range(10)] for i in range(10)]
CURVES = {
    "train/g_loss": [1.0, 0.9],
    "train/d_loss": [1.2, 1.3],
    "train/loss": [200.0, 150.0],
    "train/reconstruction": [190.0, 130.0],
    "train/kl": [10.0, 20.0],
    "val/fid": [90.0, 40.0],
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "outputs").mkdir()
    return lambda **options: page.files(gather(tmp_path / "outputs"), **options)


def figures(report):
    return {name.split("/")[1] for name, file in report.items() if file and name.endswith(".svg")}


def words(report):
    """The text of the page, without tags, scripts and pictures."""
    text = report["index.html"].decode()
    text = re.sub(r"<(script|style).*?</\1>", " ", text, flags=re.DOTALL).replace("<wbr>", "")
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_a_report_on_nothing_has_a_gap_for_everything(files):
    report = files(play=True)
    text = words(report)
    assert figures(report) == set()
    gaps = "Figure 1; Figure 2; Figure 3; Figure 4; Samples through the epochs;"
    assert f"Not drawn, as no run here has what it shows: {gaps}" in text
    assert text.count("Not drawn") == 2
    assert "There is no run here yet" in text
    assert text.count("? undecided") >= 8
    assert "Dense(6272), batch norm, ReLU" in text  # Tables 1 and 2 need no run
    assert report["tables/table-5-provenance.csv"].count(b"\n") == 1


def test_a_report_on_one_run_draws_what_it_has_and_labels_the_rest(make, files, grid):
    make("a", "cnngan", metrics={"fid": 28.1, "readable": 0.8}, curves=CURVES, picture=grid(0.2))
    report = files(play=True)
    text = words(report)
    assert figures(report) == {
        "figure-1-gan-samples.svg", "figure-2-gan-losses.svg", "fid.svg", "epochs.svg",
    }  # fmt: skip
    assert "Not run yet: densegan, densegan_deep, densevae, cnnvae." in text
    assert re.search(r"C1 ✓ supported", text)
    assert "28.1" in text
    assert "No decoder is in this page" in text  # there is no checkpoint


def test_what_went_wrong_is_on_the_page(make, files):
    won = "The discriminator has won: <b>bold</b>"
    make("gan", "densegan", info={"diagnosis": [won]})
    silent = {"train/kl": [3.0, 0.01], "val/readable": [0.0, 0.0]}
    patterns = {"spread": 0.05, "readable": 0.9}  # what is measured counts, and not val/readable
    make("vae", "densevae", curves=silent, metrics=patterns, info={"diagnosis": ["not this"]})
    make("cnn", "cnnvae", curves={"train/kl": [3.0]}, metrics={"spread": 0.9, "active_share": 1.0})
    text = words(files(play=False))
    part = text.partition("What went wrong ")[2]
    assert part.startswith(f"densegan , seed 1: {won}")
    vae = part.partition("densevae , seed 1: ")[2]
    assert vae.startswith(
        "The VAE does not use its latents: in the last epoch they held 0.01 nats"
    )
    assert "image. All samples are nearly the same image" in vae
    assert "Few samples can be read" not in part
    assert "not this" not in part
    assert "cnnvae , seed" not in part


def test_a_page_on_runs_that_decide_nothing_opens_on_samples_and_curves(make, files, grid):
    changed = {"optim.lr": 1e-3, "data.val_size": 5000}
    make("a", "densevae", changed=changed, curves=CURVES, picture=grid(0.2))
    text = words(files(play=False))
    order = ["not as in the paper optim.lr=0.001", "Figure 3.", "Figure 4.", "Samples through",
             "Not drawn", "What the paper claims", "8 undecided, and why"]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "the paper is silent on data.val_size=5000 ; trained on 55,000 of the 60,000" in text
    make("b", "cnngan", metrics={"readable": 0.8})
    text = words(files(play=False))
    assert text.index("C1 ✓ supported") < text.index("7 undecided") < text.index("Figure 3.")


def test_a_report_on_fifty_runs_shows_each_and_stays_small(make, files, grid):
    for number in range(50):
        model = ("densevae", "cnnvae", "densegan", "densegan_deep", "cnngan")[number % 5]
        rate = (1e-5, 1e-4, 1e-3, 1e-2)[number % 4]
        make(
            f"run{number}", model, seed=number, changed={"optim.lr": rate},
            curves={**CURVES, "val/fid": [90.0, 10.0 + number]},
            metrics={"fid": 10.0 + number, "readable": 0.5, "confusion": CONFUSION},
            picture=grid(0.2) if number < 5 else None,
        )  # fmt: skip
    report = files(play=False)
    rows = report["tables/table-5-provenance.csv"].decode().splitlines()
    assert len(rows) == 51
    assert {row.split(",")[0] for row in rows[1:]} == {f"run{number}" for number in range(50)}
    assert len(report["tables/all-results.csv"].decode().splitlines()) == 1 + 20 + 2
    assert {"rates.svg", "confusion.svg"} <= figures(report)
    assert len(report["index.html"]) < 2e6


def test_the_rates_of_a_sweep_are_figures(make, files):
    for number, (rate, fid) in enumerate([(1e-4, 30.0), (1e-4, 50.0), (1e-3, 20.0), (1e-2, 90.0)]):
        make(
            f"r{number}", "cnngan", seed=number, changed={"optim.lr": rate},
            curves={"val/fid": [99.0, fid]},
        )  # fmt: skip
    assert "rates.svg" in figures(files(play=False))


def test_names_from_run_folders_do_nothing(make, files):
    name = "<script>alert(1)<"
    make(f"{name}/img src=x onerror=alert(1)>", "cnngan", info={"model": "<b onclick=x>"})
    bad = make("'\"><svg onload=alert(1)>")
    (bad.path / "run.json").write_text("{")
    report = files(play=False)
    text = report["index.html"].decode()
    for tag in ("<script>alert", "<img src=x", "<b onclick", "<svg onload"):
        assert tag not in text
    assert f"{name}/img src=x onerror=alert(1)>" in words(report)
    assert "<b onclick=x>" in html.unescape(text)
    data = re.search(r'id="epoch-data">(.*?)</script>', text).group(1)
    assert json.loads(data) == {}
    assert b"<script>" not in report["tables/table-5-provenance.md"]


def test_the_page_names_no_address_outside_itself(make, files, grid):
    make("a", "densevae", curves=CURVES, picture=grid(0.2))
    text = files(play=False)["index.html"].decode()
    links = re.findall(r'(?:src|href)="([^"#]*)', text)
    assert links
    assert all(link.startswith("data:") or link == "" for link in links)
    assert "default-src 'none'" in text
