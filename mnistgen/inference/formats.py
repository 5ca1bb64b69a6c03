"""A generator or decoder, latents in and images out, in the formats of other programs."""

import json
import logging
import warnings
from pathlib import Path

import torch
from safetensors.torch import save

from mnistgen.files import write_atomically
from mnistgen.inference.model import Trained


def onnx(trained: Trained) -> bytes:
    """An ONNX file with the input "latents" and the output "images"; any batch size."""
    for name in ("onnxscript", "onnx_ir"):  # they tell of each of their passes
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings(action="ignore"):  # of torch's own deprecations
        program = torch.onnx.export(
            trained.model,
            (torch.zeros(2, trained.model.latent_dim),),
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


def write(trained: Trained, out: Path) -> None:
    """Write an .onnx or a .safetensors file."""
    write_atomically(out, onnx(trained) if out.suffix == ".onnx" else safetensors(trained))
