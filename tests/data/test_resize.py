import numpy as np
import pytest
import torch

from mnistgen.data.resize import eight_bits, fit


def picture(height, width, value=200):
    return torch.full((1, height, width), value, dtype=torch.uint8)


def test_an_image_of_the_right_size_stays_as_it_is():
    images = torch.randint(256, (3, 28, 28), dtype=torch.uint8)
    assert fit(images).equal(images)


def test_a_pixel_is_the_rounded_mean_of_the_area_that_it_covers():
    images = torch.randint(256, (2, 84, 84), dtype=torch.uint8)
    means = images.double().view(2, 28, 3, 28, 3).mean((2, 4)).round()
    assert fit(images).double().equal(means)
    assert fit(images[:, :54])[:, 5:23].double().equal(means[:, :18])  # of 18 rows


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (56, 28, (0, 28), (7, 21)),
        (28, 56, (7, 21), (0, 28)),
        (20, 28, (4, 24), (0, 28)),
        (14, 7, (0, 28), (7, 21)),  # a small one is made larger
        (28, 27, (0, 28), (0, 27)),  # an odd border is wider on the right and below
        (300, 1, (0, 28), (13, 14)),  # and none vanishes
    ],
)
def test_the_aspect_is_kept_in_the_middle_of_a_black_border(height, width, rows, columns):
    expected = torch.zeros(28, 28, dtype=torch.uint8)
    expected[slice(*rows), slice(*columns)] = 200
    assert fit(picture(height, width))[0].equal(expected)


def test_a_smaller_image_repeats_its_pixels():
    image = torch.tensor([[[0, 255], [255, 0]]], dtype=torch.uint8)
    assert fit(image).equal(image.repeat_interleave(14, 1).repeat_interleave(14, 2))


def test_sixteen_bits_become_eight():
    values = np.array([[0, 128, 129, 257, 32_896, 65_535]], np.uint16)
    assert eight_bits(values).tolist() == [[0, 0, 1, 1, 128, 255]]
