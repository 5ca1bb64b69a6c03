"""The rows of the paper's tables as PyTorch layers, and how rows make a network.

Input sizes are inferred from the first batch, so a row says just what the table says.
Images and feature maps are channels-last in memory, which is how the paper's framework
orders `Reshape(7,7,128)` and `Flatten()`, and what the convolutions here are fastest with.
"""

import torch
from torch import Tensor, nn

from mnistgen.config.rules import ACTIVATIONS
from mnistgen.models import kernels

IMAGE_SHAPE = (1, 28, 28)

Rows = tuple[nn.Module, ...]  # those of one network, first to last, without its input


def dense(units: int) -> nn.Module:
    """`Dense(units)`: (B, n) to (B, units)."""
    return nn.LazyLinear(units)


def conv(channels: int, kernel: int, stride: int) -> nn.Module:
    """`Conv2D(channels, kernel, stride)`, padding "same": (B, C, H, W), H and W over stride."""
    return nn.LazyConv2d(channels, kernel, stride, padding=kernel // 2)


def conv_transpose(channels: int, kernel: int, stride: int) -> nn.Module:
    """`Conv2DTranspose(channels, kernel, stride)`, padding "same": H and W times stride."""
    return LazyConvTranspose2d(
        channels, kernel, stride, padding=kernel // 2, output_padding=stride - 1
    )


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's, for padding "same", computed faster."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        assert self.bias is not None
        return kernels.conv_transpose2d(input, self.weight, self.bias, stride=self.stride[0])


class LazyConvTranspose2d(nn.LazyConvTranspose2d):
    """The same before its input is known."""

    cls_to_become = ConvTranspose2d


class Reshape(nn.Module):
    """`Reshape(height, width, channels)`: (B, height * width * channels) to (B, C, H, W)."""

    def __init__(self, height: int, width: int, channels: int = 1) -> None:
        super().__init__()
        self.shape = (height, width, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x.view(-1, *self.shape).permute(0, 3, 1, 2)


class Flatten(nn.Module):
    """`Flatten()`: (B, C, H, W) to (B, H * W * C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


def network(
    rows: Rows, input_shape: tuple[int, ...], activation: str, batch_norm: bool
) -> nn.Sequential:
    """Stack table rows: every layer but the last is followed by batch norm and the activation.

    `input_shape` is that of one example; all parameters are made before this returns.
    """
    weighted = [row for row in rows if isinstance(row, nn.modules.lazy.LazyModuleMixin)]
    layers: list[nn.Module] = []
    kind, *arguments = ACTIVATIONS[activation]
    for row in rows:
        layers.append(row)
        if row in weighted[:-1]:
            if batch_norm:
                flat = isinstance(row, nn.LazyLinear)
                layers.append(nn.LazyBatchNorm1d() if flat else nn.LazyBatchNorm2d())
            layers.append(getattr(nn, kind)(*arguments))
    stack = nn.Sequential(*layers).eval()  # the probe below is not to move running statistics
    with torch.no_grad():
        stack(torch.zeros(1, *input_shape))
    return stack.train().to(memory_format=torch.channels_last)
