"""Faster ways to compute what torch computes: equal outputs and gradients, up to rounding.

`torch.nn.functional.conv_transpose2d` is the plain form and the oracle of the tests.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def conv_transpose2d(x: Tensor, weight: Tensor, bias: Tensor, *, stride: int) -> Tensor:
    """A transposed convolution, padding "same": (B, C, H, W) to (B, O, H * stride, W * stride).

    `weight` is (C, O, K, K) with odd K, `bias` is (O,). The bias is added outside of oneDNN, which
    takes longer over the gradient of a transposed convolution's bias than over that of its input.
    """
    if weight.shape[1:] == (1, 5, 5) and stride == 2:
        y = _one_channel_twice_as_large(x, weight)
    else:
        half = weight.shape[-1] // 2
        y = F.conv_transpose2d(x, weight, stride=stride, padding=half, output_padding=stride - 1)
    return y.add_(bias.to(y.dtype).view(-1, 1, 1))


def _one_channel_twice_as_large(x: Tensor, weight: Tensor) -> Tensor:
    """The case of stride 2 and one output channel, where vector units would idle.

    The four pixels 2i + (0 or 1), 2j + (0 or 1) are four channels of a 3x3 convolution with
    stride 1, whose weights are those of the 5x5 kernel that reach the pixel.
    Source: W. Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.
    """
    # Pixel 2i + a sees x[i + d] through row a + 2 - 2d of the kernel: d = 1, 0, -1 has row a,
    # a + 2, a + 4, so 2m + a for m = 0, 1, 2; there is no row 5.
    by_phase = F.pad(weight, (0, 1, 0, 1)).view(-1, 3, 2, 3, 2).flip(1, 3)
    phases = by_phase.permute(2, 4, 0, 1, 3).reshape(4, -1, 3, 3)
    phases = phases.contiguous(memory_format=torch.channels_last)
    return F.pixel_shuffle(F.conv2d(x, phases, padding=1), 2)
