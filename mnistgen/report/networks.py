"""Tables 1 and 2 as the models' classes build them."""

import torch
from torch import Tensor, nn

from mnistgen.config import build_model, compose
from mnistgen.models.layers import IMAGE_SHAPE
from mnistgen.plots.tables import Table

FROM_LATENTS = "generator", "decoder"


def table(models: tuple[str, ...]) -> Table:
    """Every layer of each model's networks, what it makes of one example, and its parameters.

    Batch norm and the activation are in the row of the layer that they follow, as in the paper.
    """
    rows: list[list[str]] = []
    for name in models:
        model = build_model(compose.paper(name))
        for part, network in model.named_children():
            shape = (model.latent_dim,) if part in FROM_LATENTS else IMAGE_SHAPE
            assert isinstance(network, nn.Sequential)
            lines = enumerate(layers(network, torch.zeros(2, *shape)), 1)
            rows += [[name, part, str(number), *line] for number, line in lines]
            total = sum(parameter.numel() for parameter in network.parameters())
            rows.append([name, part, "", "total", "", f"{total:,}"])
    return Table(("model", "network", "row", "layer", "output", "parameters"), rows)


def layers(network: nn.Sequential, batch: Tensor) -> list[tuple[str, str, str]]:
    """Each row's layer, output size and parameters, when the network is fed a batch."""
    rows = [("Input", _size(batch), 0)]
    network.eval()
    with torch.no_grad():
        for module in network:
            before, batch = batch.shape, module(batch)
            parameters = sum(parameter.numel() for parameter in module.parameters())
            name, _, so_far = rows[-1]
            weights = any(parameter.dim() > 1 for parameter in module.parameters())
            if weights or batch.shape != before:
                rows.append((_name(module), _size(batch), parameters))
            else:  # batch norm or an activation belongs to the layer before it
                rows[-1] = (f"{name}, {_name(module)}", _size(batch), so_far + parameters)
    return [(name, size, f"{count:,}" if count else "") for name, size, count in rows]


def _name(module: nn.Module) -> str:
    """A layer as the paper writes it."""
    if isinstance(module, nn.Linear):
        return f"Dense({module.out_features})"
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        kind = "Conv2DTranspose" if isinstance(module, nn.ConvTranspose2d) else "Conv2D"
        return f"{kind}({module.out_channels},{module.kernel_size[0]},{module.stride[0]})"
    name = type(module).__name__
    return "batch norm" if name.startswith("BatchNorm") else name


def _size(batch: Tensor) -> str:
    """The size of one example, channels last as in the paper."""
    channels, *space = batch.shape[1:]
    return " x ".join(map(str, [*space, channels]))
