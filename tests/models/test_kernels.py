import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mnistgen.models import CNNGAN, CNNVAE, kernels

# channels in and out, kernel, stride: the rows of the paper's tables, and others
CASES = [
    (8, 6, 5, 2),
    (6, 4, 5, 1),
    (4, 1, 5, 2),
    (4, 1, 5, 1),
    (4, 1, 3, 2),
    (1, 1, 5, 2),
]


@pytest.mark.parametrize(("channels_in", "channels_out", "kernel", "stride"), CASES)
def test_a_transposed_convolution_and_its_gradients_are_torchs(
    channels_in, channels_out, kernel, stride
):
    torch.manual_seed(0)
    x = torch.randn(3, channels_in, 7, 6, dtype=torch.float64)
    x = x.to(memory_format=torch.channels_last)
    weight = torch.randn(channels_in, channels_out, kernel, kernel, dtype=torch.float64)
    bias = torch.randn(channels_out, dtype=torch.float64)
    inputs = [tensor.requires_grad_() for tensor in (x, weight, bias)]
    ours = kernels.conv_transpose2d(*inputs, stride=stride)
    plain = F.conv_transpose2d(
        *inputs, stride=stride, padding=kernel // 2, output_padding=stride - 1
    )
    torch.testing.assert_close(ours, plain)
    along = torch.randn_like(plain)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, along), torch.autograd.grad(plain, inputs, along)
    )


@pytest.mark.parametrize(("channels_out", "stride"), [(1, 2), (2, 2), (2, 1)])
def test_its_gradients_can_be_differentiated_again(channels_out, stride):
    torch.manual_seed(0)
    shapes = (1, 2, 3, 2), (2, channels_out, 5, 5), (channels_out,)
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    torch.autograd.gradgradcheck(
        lambda *x: kernels.conv_transpose2d(*x, stride=stride).square().sum(), inputs
    )


@pytest.mark.parametrize("network", [CNNGAN(latent_dim=3).generator, CNNVAE(latent_dim=3).decoder])
def test_the_networks_compute_what_torchs_own_layers_do(network, monkeypatch):
    z = torch.randn(4, 3)
    ours = network.eval()(z)
    for layer in network:
        if isinstance(layer, nn.ConvTranspose2d):
            monkeypatch.setattr(type(layer), "forward", nn.ConvTranspose2d.forward)
    torch.testing.assert_close(ours, network(z), rtol=1e-5, atol=1e-5)
