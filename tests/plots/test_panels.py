import numpy as np

from mnistgen.plots import panels
from mnistgen.plots.panels import Plane


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_pictures_are_shown_unchanged_and_a_missing_one_is_a_gap():
    picture = np.random.default_rng(0).random((32, 32))
    first, second = panels.images({"densegan": picture, "cnngan": None}).axes
    assert np.array_equal(first.images[0].get_array(), picture)
    assert first.get_title() == "densegan"
    assert words(second) == ["no picture"]


def test_latents_stand_where_they_are_each_under_its_digit():
    points = np.arange(20.0).reshape(10, 2)
    plane = Plane(points, np.arange(10), ("first", "second"))
    first, second = panels.digits({"densevae": plane, "cnnvae": None}).axes
    groups = {part.get_label(): part.get_offsets().tolist() for part in first.collections}
    assert groups == {str(digit): [points[digit].tolist()] for digit in range(10)}
    assert (first.get_xlabel(), first.get_ylabel()) == ("first", "second")
    assert words(second) == ["no checkpoint"]


def test_a_confusion_matrix_shows_its_counts():
    counts = np.diag(np.arange(10)) + 0
    counts[4, 9] = 7
    matrices = {"densevae": counts, "cnnvae": None}
    first, second = panels.confusions(matrices, columns="read", rows="true").axes
    cells = {tuple(map(int, t.get_position())): t.get_text() for t in first.texts}
    assert cells[(9, 4)] == "7"  # column, row
    assert cells[(3, 3)] == "3"
    assert len(cells) == 10
    assert (first.get_xlabel(), first.get_ylabel()) == ("read", "true")
    assert words(second) == ["not evaluated"]


def test_there_may_be_more_classes_than_digits():
    plane = Plane(np.zeros((12, 2)), np.arange(12), ("first", "second"))
    (axes,) = panels.digits({"densevae": plane}).axes
    assert [part.get_label() for part in axes.collections] == [str(i) for i in range(12)]
    (axes,) = panels.confusions({"densevae": np.eye(12)}, columns="read", rows="true").axes
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist() == list(range(12))


def test_a_strip_names_its_row_and_each_image():
    dark, light = np.zeros((32, 32)), np.ones((32, 32))
    figure = panels.strips({"cnngan": {"epoch 1": dark, "epoch 5": light}, "densegan": {}})
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["epoch 1", "epoch 5", "", ""]
    assert words(figure.axes[2]) == ["densegan", "no pictures"]
