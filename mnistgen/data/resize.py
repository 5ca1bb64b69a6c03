"""How images of any size and depth become grey ones of 28 x 28 pixels."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mnistgen.errors import UserError

SIDE = 28


def fit(images: Tensor) -> Tensor:
    """Images (N, 28, 28) from images (N, H, W), both uint8.

    The longer side becomes 28 pixels, and the shorter one keeps the aspect, by averages over
    areas; the image is in the middle, and the border beside it is black.
    """
    height, width = images.shape[1:]
    if height == width == SIDE:
        return images
    longer = max(height, width)
    rows, columns = (max(1, round(side * SIDE / longer)) for side in (height, width))
    small = F.interpolate(images.unsqueeze(1).float(), size=(rows, columns), mode="area")
    top, left = (SIDE - rows) // 2, (SIDE - columns) // 2
    borders = left, SIDE - columns - left, top, SIDE - rows - top
    return F.pad(small.squeeze(1).round().to(torch.uint8), borders)


def eight_bits(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Grey values of 16 bits as those of 8."""
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def unfit(name: str, shape: Sequence[int]) -> UserError:
    """What is wrong with an image (H, W) that is to keep its size."""
    height, width = shape
    return UserError(
        f"{name} is of {width} x {height} pixels: with data.resize=false it must be of "
        f"{SIDE} x {SIDE}"
    )
