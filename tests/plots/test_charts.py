import pytest

from mnistgen.plots import charts
from mnistgen.plots.charts import MODEL_COLOURS
from mnistgen.tracking.groups import Curve


def curve(model, y, *, x=(1, 2), label="", sd=None):
    return Curve(model, label or model, list(x), list(y), sd or [None] * len(y))


def lines(ax):
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines
    }


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_losses_are_drawn_as_they_are_a_panel_a_gan():
    losses = {
        "generator": [curve("densegan", [0.7, 0.5])],
        "discriminator": [curve("densegan", [1.2, 1.3])],
    }
    panels = {"densegan": losses, "cnngan": {}}
    first, second = charts.panels_against_epoch(panels, label="loss (nats)").axes
    assert lines(first) == {
        "generator": ([1, 2], [0.7, 0.5]),
        "discriminator": ([1, 2], [1.2, 1.3]),
    }
    assert (first.get_xlabel(), first.get_ylabel()) == ("epoch", "loss (nats)")
    assert [line.get_color() for line in first.lines] == [MODEL_COLOURS["densegan"]] * 2
    assert [line.get_linestyle() for line in first.lines] == ["-", "--"]
    assert words(second) == ["no run"]


def test_curves_have_a_line_a_seed_and_name_what_was_not_measured():
    seeds = [curve("densevae", [3.0, 2.0]), curve("densevae", [3.5, 2.5])]
    (ax,) = charts.against_epoch({"densevae": seeds, "cnnvae": []}, label="FID", log=True).axes
    values = [list(line.get_ydata()) for line in ax.lines]
    assert values == [[3.0, 2.0], [3.5, 2.5], []]
    assert {line.get_color() for line in ax.lines[:2]} == {MODEL_COLOURS["densevae"]}
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["densevae", "cnnvae: not measured"]
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", "FID")


def test_a_curve_against_a_key_has_its_band_and_a_cross_where_a_run_diverged():
    rates = [1e-4, 1e-3, 1e-2]
    curves = [curve("cnngan", [40.0, 20.0, None], x=rates, sd=[5.0, None, None])]
    (ax,) = charts.metric_against_key(curves, key="optim.lr", metric="val/fid").axes
    line, crosses = ax.lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1e-4, 1e-3], [40.0, 20.0])
    assert list(crosses.get_xdata()) == [1e-2]
    (band,) = ax.collections
    assert band.get_datalim(ax.transData).y0 == pytest.approx(20)
    assert band.get_datalim(ax.transData).y1 == pytest.approx(45)
    assert ax.get_xlabel() == "optim.lr   (x: diverged)"
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")


@pytest.mark.parametrize("last", [90.0, None])
def test_a_chart_stays_where_it_is_when_it_is_drawn_again(last):
    """The layout once moved to the right with each file of the same figure."""
    curves = [curve("cnngan", [40.0, 20.0, last], x=[1e-4, 1e-3, 1e-2])]
    figure = charts.metric_against_key(curves, key="optim.lr", metric="val/fid")
    edges = []
    for _ in range(3):
        charts.saved(figure, "svg", bbox_inches="tight")
        edges.append(figure.axes[0].get_position().x0)
    assert edges == pytest.approx([edges[0]] * 3, abs=0.002)
    assert edges[0] < 0.1


def test_words_stand_on_the_axis_in_their_order():
    curves = [curve("cnngan", [1.0, 2.0], x=["relu", "gelu"])]
    (ax,) = charts.metric_against_key(curves, key="model.activation", metric="val/fid").axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["relu", "gelu"]


def test_each_model_has_a_colour_and_strangers_have_others():
    assert charts.colour("cnngan") == MODEL_COLOURS["cnngan"]
    strange = [charts.colour(name, ["cnngan", "a", "b"]) for name in ("a", "b")]
    assert len(set(strange)) == 2
    assert not set(strange) & set(MODEL_COLOURS.values())


def figure():
    curve = Curve("densevae", "seed 1", [1, 2], [3.0, 2.0], [None, None])
    return charts.against_epoch({"densevae": [curve]}, label="FID")


@pytest.mark.parametrize("kind", ["png", "svg", "page"])
def test_a_figure_is_the_same_file_each_time_it_is_drawn(kind):
    assert getattr(charts.forms(figure), kind) == getattr(charts.forms(figure), kind)


def test_on_a_page_the_ink_can_be_read_in_the_dark():
    forms = charts.forms(figure)
    assert charts.INK.encode() in forms.svg
    assert charts.INK.encode() not in forms.page
    assert charts.GREY.encode() in forms.page


def test_nothing_to_draw_has_no_files():
    assert charts.forms(lambda: None) is None
