"""Does FID fall with every step from no digit to a real one? On the network of this package."""

import itertools

import pytest

from mnistgen.metrics import degrees


@pytest.fixture(scope="module")
def images(arrays):
    return arrays.test_images[::20].unsqueeze(1) / 255


def test_fid_falls_by_each_tenth_of_a_digit(lenet, images, train_images):
    curves = degrees.blends(lenet, images, train_images.mean(0))
    assert set(curves) == {"noise", "black", "the mean image", "shuffled pixels"}
    for name, curve in curves.items():
        shares, fids = zip(*curve, strict=True)
        assert shares == tuple(degrees.SHARES)
        steps = [before - after for before, after in itertools.pairwise(fids)]
        assert min(steps) >= 0.005 * (max(fids) - min(fids)), name


def test_fid_rises_with_each_step_of_blur_and_of_noise(lenet, images):
    curves = degrees.damages(lenet, images)
    assert set(curves) == {"blur", "added noise"}
    for name, curve in curves.items():
        fids = [fid for _, fid in curve]
        assert fids[0] == pytest.approx(0, abs=1e-6)
        steps = [after - before for before, after in itertools.pairwise(fids)]
        assert min(steps) >= 0.005 * max(fids), name
