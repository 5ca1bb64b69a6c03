"""Pictures of images."""

import io
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image


def grid(images: Tensor, columns: int = 8) -> Tensor:
    """Images in [0, 1], (N, 1, H, W), side by side: (3, H', W')."""
    picture: Tensor = make_grid(images.float().cpu(), nrow=columns, pad_value=0.5)
    return picture


def interleaved(above: Tensor, below: Tensor, columns: int) -> Tensor:
    """Rows of the one set of images over rows of the other, both (N, 1, H, W): (2 N, 1, H, W)."""
    rows = zip(torch.split(above, columns), torch.split(below, columns), strict=True)
    return torch.cat([torch.cat(row) for row in rows])


def png(picture: Tensor) -> bytes:
    """A picture in [0, 1], (3, H, W), as a PNG file."""
    file = io.BytesIO()
    save_image(picture, file, "png")
    return file.getvalue()


def npz(**arrays: Tensor) -> bytes:
    """Arrays by name, as NumPy's compressed file."""
    file = io.BytesIO()
    content: dict[str, Any] = {name: array.numpy() for name, array in arrays.items()}
    np.savez_compressed(file, **content)
    return file.getvalue()
