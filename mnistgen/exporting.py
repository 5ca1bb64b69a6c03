"""A generator or decoder, latents in and images out, in the formats of other programs."""

import json
import logging
import warnings

import torch
from safetensors.torch import save
from torch import Tensor, nn

from mnistgen.models import GAN, VAE
from mnistgen.trained import Trained


class Decoder(nn.Module):
    """Images in [0, 1], (B, 1, 28, 28), from latents (B, latent_dim)."""

    def __init__(self, model: GAN | VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        return self.model.decode(z)


def onnx(trained: Trained) -> bytes:
    """An ONNX file with the input "latents" and the output "images"; any batch size."""
    z = torch.zeros(2, trained.config["model"]["latent_dim"])
    for name in ("onnxscript", "onnx_ir"):  # they tell of each of their passes
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own deprecations
        program = torch.onnx.export(
            Decoder(trained.model).eval(),
            (z,),
            input_names=["latents"],
            output_names=["images"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content


def safetensors(trained: Trained) -> bytes:
    """The weights of the whole model, with its configuration as JSON in the metadata."""
    weights = {name: value.contiguous() for name, value in trained.model.state_dict().items()}
    return save(weights, metadata={"config": json.dumps(trained.config)})
