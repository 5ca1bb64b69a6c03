import pytest

from mnistgen.config import sizes
from mnistgen.errors import UserError


@pytest.mark.parametrize(
    ("val_size", "images", "expected"),
    [(0, 100, 0), (5, 100, 5), (0.1, 60_000, 6_000), (0.07, 100, 7), (0.001, 100, 1), (0.0, 9, 0)],
)
def test_validation_has_a_number_of_images_or_a_share(val_size, images, expected):
    assert sizes.validation(val_size, images) == expected


@pytest.mark.parametrize("val_size", [99, 0.99])
def test_some_image_is_left_to_train_on(composed, val_size):
    config = composed("data=images", "model.batch_norm=false", f"data.val_size={val_size}")
    sizes.check(config, 100)
    with pytest.raises(UserError, match=rf"data.val_size={val_size} .* from 0 to 0, or a share"):
        sizes.check(config, 1)


def test_a_share_is_checked_as_the_number_that_it_is(composed):
    with pytest.raises(UserError, match=r"data.val_size=0.1 .*last batch of one image"):
        composed("data.val_size=0.1", "data.batch_size=53999")
