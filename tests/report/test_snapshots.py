import numpy as np

from mnistgen.report import snapshots
from mnistgen.report.evidence import gather


def test_the_tiles_of_a_grid_are_its_images(grid):
    picture = grid(0.0, rows=2, columns=3)
    picture[32:60, 62:90] = 1.0
    tiles = snapshots.tiles(picture)
    assert tiles.shape == (6, 28, 28)
    assert tiles.mean((1, 2)).tolist() == [0, 0, 0, 0, 0, 1]


def test_some_epochs_are_shown_evenly_with_the_first_and_the_last(make, grid, tmp_path):
    make("a", curves={"val/fid": [1.0] * 11}, picture=lambda epoch: grid(epoch / 20))
    (group,) = gather(tmp_path / "outputs").groups
    few = snapshots.through_epochs(group, most=3, side=2)
    assert list(few) == [1, 6, 11]
    assert few[6].shape == (62, 62)
    assert np.allclose(snapshots.tiles(few[6]), 6 / 20, atol=1 / 255)
    assert list(snapshots.through_epochs(group, most=50, side=2)) == list(range(1, 12))


def test_the_newest_picture_that_can_be_read_counts(make, grid, tmp_path):
    run = make("a", picture=lambda epoch: grid(epoch / 20))
    (group,) = gather(tmp_path / "outputs").groups
    run.picture("samples", 2).write_bytes(b"no picture")
    assert np.allclose(snapshots.tiles(snapshots.last(group, "samples")), 1 / 20, atol=1 / 255)
    assert list(snapshots.through_epochs(group, most=7, side=2)) == [1]
    run.picture("samples", 1).unlink()
    assert snapshots.last(group, "samples") is None
