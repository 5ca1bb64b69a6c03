"""The table and plot of a sweep, through the command line, on made-up runs."""

import csv

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from mnistgen.errors import UserError
from mnistgen.plots import charts
from mnistgen.sweeps import comparison
from mnistgen.tracking import store
from mnistgen.tracking.folder import RunFolder
from mnistgen.tracking.groups import Curve
from mnistgen.tracking.info import Failure


@pytest.fixture
def sweep(tmp_path):
    """Two models, two rates, two seeds; one diverged, one failed with a reason full of marks."""
    values = {
        ("cnngan", 1e-4, 1): 20.0, ("cnngan", 1e-4, 2): 22.0,
        ("cnngan", 1e-3, 1): 30.0, ("cnngan", 1e-3, 2): "epoch 1: the training has diverged",
        ("cnnvae", 1e-4, 1): 90.0, ("cnnvae", 1e-4, 2): 94.0,
        ("cnnvae", 1e-3, 1): 70.0, ("cnnvae", 1e-3, 2): "bad | [red], value",
    }  # fmt: skip
    for number, ((model, rate, seed), value) in enumerate(values.items()):
        config = {"seed": seed, "model": {"_target_": model}, "optim": {"lr": rate}}
        path = tmp_path / "sweep" / f"run-{number}"
        run = store.create(path, model=model, config=config, overrides=[])
        if isinstance(value, float):
            run.write_metrics([{"epoch": 1, "val/fid": value, "val/loss": -value}])
            run.update(status="finished")
        else:
            failure = Failure.DIVERGED if "diverged" in value else Failure.ERROR
            run.update(status="failed", reason=value, failure=failure)
    return tmp_path / "sweep"


def test_the_command_writes_table_and_plot_and_shows_the_best(cli, sweep):
    done = cli("sweep=sweep", module="mnistgen.compare")
    assert done.returncode == 0, done.stderr
    with (sweep / "sweep.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["model"], row["optim.lr"], row["val/fid"], row["best"]) for row in table] == [
        ("cnngan", "0.0001", "21", "*"),
        ("cnngan", "0.001", "", ""),
        ("cnnvae", "0.0001", "92", ""),
        ("cnnvae", "0.001", "70", "*"),
    ]
    assert [row["sd"] for row in table] == ["1.4142", "", "2.8284", ""]
    text = (sweep / "sweep.md").read_text()
    assert "- model=cnnvae optim.lr=0.001 seed=2: bad | [red], value" in text
    assert "bad | [red], value" in done.stdout
    with Image.open(sweep / "sweep.png") as picture:
        assert picture.size[0] > 500
    assert "<svg" in (sweep / "sweep.svg").read_text()


def test_a_fid_of_another_feature_network_is_left_out_and_that_is_said(cli, sweep):
    RunFolder(sweep / "run-0").update(features_sha256="other")
    done = cli("sweep=sweep", module="mnistgen.compare")
    assert done.returncode == 0
    assert done.stderr == "error: run-0: val/fid is of another feature network: it is left out\n"
    assert "cnngan,0.0001,22," in (sweep / "sweep.csv").read_text()


def test_a_table_that_cannot_be_written_is_shown(cli, sweep):
    done = cli.read_only("sweep=sweep", module="mnistgen.compare")
    assert done.returncode == 1
    assert "bad | [red], value" in done.stdout
    (line,) = done.stderr.splitlines()
    assert "Read-only file system" in line
    assert "sweep.csv" in line


def test_any_column_can_be_compared_and_none_is_said(cli, sweep):
    assert cli("sweep=sweep", "metric=val/loss", module="mnistgen.compare").returncode == 0
    assert ",-92," in (sweep / "sweep.csv").read_text()
    done = cli("sweep=nothing", module="mnistgen.compare")
    assert done.returncode == 1
    assert done.stderr == "error: sweep=nothing: there is no run folder\n"
    done = cli("sweep=sweep", "metric=val/nope", module="mnistgen.compare")
    assert done.returncode == 1
    allowed = "metric=val/nope is not allowed: the runs have val/fid, val/loss"
    assert done.stderr == f"error: {allowed}\n"


def test_losses_of_different_forms_are_not_compared(tmp_path, composed):
    for beta in (1, 4):
        config = composed("model=densevae", f"bound.beta={beta}")
        run = store.create(tmp_path / f"{beta}", model="densevae", config=config, overrides=[])
        run.write_metrics([{"epoch": 1, "val/fid": 5.0 * beta, "val/loss": 2.0 / beta}])
        run.update(status="finished")
    with pytest.raises(UserError, match=r"metric=val/loss .* differ in bound.beta, .*fid"):
        comparison.publish(tmp_path, "val/loss")
    found = comparison.publish(tmp_path, "val/fid")
    assert found.keys == ["model", "bound.beta"]
    assert [group.value("bound.beta") for group in found.best] == [1]


def test_a_comparison_drawn_twice_is_the_same_file(sweep):
    comparison.publish(sweep, "val/fid")
    first = {kind: (sweep / f"sweep.{kind}").read_bytes() for kind in ("png", "svg")}
    comparison.publish(sweep, "val/fid")
    assert {kind: (sweep / f"sweep.{kind}").read_bytes() for kind in first} == first


def curve(model="cnngan", label="cnngan", x=(1e-5, 1e-4, 1e-3), mean=(30.0, 20.0, None)):
    deviation = [1.0 if value is not None else None for value in mean]
    return Curve(model, label, list(x), list(mean), deviation)


def test_a_chart_has_a_logarithmic_axis_a_band_and_a_cross_where_a_run_diverged():
    figure = charts.metric_against_key([curve()], key="optim.lr", metric="val/fid")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    line, cross = axes.lines
    assert list(line.get_xdata()) == [1e-5, 1e-4]
    assert list(line.get_ydata()) == [30, 20]
    assert list(cross.get_xdata()) == [1e-3]
    assert len(axes.collections) == 1
    assert to_hex(line.get_color()) == charts.MODEL_COLOURS["cnngan"].lower()
    assert "diverged" in axes.get_xlabel()


def test_a_chart_of_words_and_of_models_that_are_new():
    drawn = [
        curve("tiny", "tiny", ("adam", "sgd", "true"), (1.0, 2.0, 3.0)),
        curve("other", "other", ("adam", "sgd", True), (2.0, 3.0, 4.0)),
    ]
    figure = charts.metric_against_key(drawn, key="optim", metric="val/loss")
    (axes,) = figure.axes
    assert axes.get_xscale() == "linear"
    colours = [to_hex(line.get_color()) for line in axes.lines if len(line.get_xdata())]
    assert len(set(colours)) == 2
    assert len(set(charts.MODEL_COLOURS.values())) == len(charts.MODEL_COLOURS)
