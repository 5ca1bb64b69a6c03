import numpy as np
import pytest

from mnistgen.charts import MODEL_COLOURS
from mnistgen.report import figures, snapshots, style
from mnistgen.report.figures import Plane


def lines(ax):
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines
    }


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_losses_are_drawn_as_they_are_a_panel_a_gan():
    curves = {"g_loss": [([1, 2], [0.7, 0.5])], "d_loss": [([1, 2], [1.2, 1.3])]}
    figure = figures.gan_losses({"densegan": curves, "cnngan": {}})
    first, second = figure.axes
    assert lines(first) == {
        "generator": ([1, 2], [0.7, 0.5]),
        "discriminator": ([1, 2], [1.2, 1.3]),
    }
    assert (first.get_xlabel(), first.get_ylabel()) == ("epoch", "loss (nats)")
    assert [line.get_color() for line in first.lines] == [MODEL_COLOURS["densegan"]] * 2
    assert words(second) == ["no run"]


def test_curves_have_a_line_a_seed_and_name_what_was_not_measured():
    found = {"densevae": [([1, 2], [3.0, 2.0]), ([1, 2], [3.5, 2.5])], "cnnvae": []}
    (ax,) = figures.curves(found, "FID", log=True).axes
    drawn = [list(line.get_ydata()) for line in ax.lines]
    assert drawn == [[3.0, 2.0], [3.5, 2.5], []]
    assert {line.get_color() for line in ax.lines[:2]} == {MODEL_COLOURS["densevae"]}
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["densevae", "cnnvae: not measured"]
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", "FID")


def test_pictures_are_shown_unchanged_and_a_missing_one_is_a_gap():
    picture = np.random.default_rng(0).random((32, 32))
    first, second = figures.images({"densegan": picture, "cnngan": None}).axes
    assert np.array_equal(first.images[0].get_array(), picture)
    assert first.get_title() == "densegan"
    assert words(second) == ["no picture"]


def test_latents_stand_where_they_are_each_under_its_digit():
    points = np.arange(20.0).reshape(10, 2)
    plane = Plane(points, np.arange(10), ("first", "second"))
    (ax,) = figures.latents({"densevae": plane}).axes
    drawn = {part.get_label(): part.get_offsets().tolist() for part in ax.collections}
    assert drawn == {str(digit): [points[digit].tolist()] for digit in range(10)}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("first", "second")


def test_a_confusion_matrix_shows_its_counts():
    counts = np.diag(np.arange(10)) + 0
    counts[4, 9] = 7
    first, second = figures.confusions({"densevae": counts, "cnnvae": None}).axes
    shown = {tuple(map(int, t.get_position())): t.get_text() for t in first.texts}
    assert shown[(9, 4)] == "7"  # column, row
    assert shown[(3, 3)] == "3"
    assert len(shown) == 10
    assert words(second) == ["not evaluated"]


def test_a_filmstrip_has_a_column_an_epoch(grid):
    figure = figures.filmstrip({"cnngan": {1: grid(0.1), 5: grid(0.9)}, "densegan": {}})
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["epoch 1", "epoch 5", "", ""]


def test_the_tiles_of_a_grid_are_its_images(grid):
    picture = grid(0.0, rows=2, columns=3)
    picture[32:60, 62:90] = 1.0
    tiles = snapshots.tiles(picture)
    assert tiles.shape == (6, 28, 28)
    assert tiles.mean((1, 2)).tolist() == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("kind", ["png", "svg", "page"])
def test_a_figure_is_the_same_file_each_time_it_is_drawn(kind):
    def figure():
        return figures.curves({"densevae": [([1, 2], [3.0, 2.0])]}, "FID")

    assert getattr(style.draw(figure), kind) == getattr(style.draw(figure), kind)
