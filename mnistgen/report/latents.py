"""What only a trained model can show: its latent space, and its decoder to play with."""

import logging
from typing import NamedTuple

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from mnistgen.errors import UserError
from mnistgen.inference import formats, pictures
from mnistgen.inference.model import Trained
from mnistgen.models import VAE
from mnistgen.plots import images as plots
from mnistgen.plots.panels import Array, Plane

log = logging.getLogger(__name__)

SLIDERS = 12  # the most latent dimensions that have a slider each
DIRECTIONS = 10  # sliders of a model with more dimensions
TEST_IMAGES = 2_000


class Toy(NamedTuple):
    """A decoder to play with: as ONNX, and the directions (k, latent_dim) that sliders go in."""

    onnx: bytes
    directions: Array
    are_dimensions: bool  # whether a slider is a latent dimension, or a principal direction
    epoch: int


def plane(trained: Trained | None) -> Plane | None:
    """Posterior means of test images, as their first two principal components where more are.

    None without a VAE, and where the data set is not here or has no labels.
    """
    if trained is None or not isinstance(trained.model, VAE):
        return None
    try:
        images, labels = trained.test_set()
    except UserError as error:
        log.warning("%s", error)
        return None
    if labels is None:
        return None
    generator = torch.Generator().manual_seed(0)
    some = torch.randperm(len(images), generator=generator)[:TEST_IMAGES]
    with torch.no_grad():
        means = trained.model.posterior(images[some]).mean
    digits = labels[some].numpy()
    if means.shape[1] <= 2:
        points = torch.nn.functional.pad(means, (0, 2 - means.shape[1]))
        return Plane(points.numpy(), digits, ("latent 1", "latent 2"))
    points, shares = principal(means)
    first, second = (f"principal component {i + 1} ({shares[i]:.0%})" for i in range(2))
    return Plane(points[:, :2].numpy(), digits, (first, second))


def principal(points: Tensor) -> tuple[Tensor, Tensor]:
    """Points (N, d) in the axes of their principal components, and the variance's shares (d,)."""
    centred = points - points.mean(0)
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    return left * sizes, sizes.square() / sizes.square().sum()


def manifold(trained: Trained | None, n: int = 15) -> Array | None:
    """The grid over a VAE's first two latent dimensions as one picture, (H, W)."""
    if trained is None or not isinstance(trained.model, VAE) or trained.model.latent_dim < 2:
        return None
    picture = pictures.draw(trained, "manifold", n=n, seed=0)
    return plots.grid(picture.images, picture.columns)[0].numpy()


def toy(trained: Trained) -> Toy:
    """The decoder of a model, with sliders that are its latent dimensions or, of many, the main
    directions of its first layer.

    Source: Y. Shen and B. Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2021.
    """
    latent_dim, model = trained.config["model"]["latent_dim"], trained.model
    few = latent_dim <= SLIDERS
    directions = torch.eye(latent_dim)
    if not few:
        network = model.decoder if isinstance(model, VAE) else model.generator
        first = next(weight for weight in network.parameters() if weight.dim() > 1)
        directions = torch.linalg.svd(first.float(), full_matrices=False).Vh[:DIRECTIONS]
    return Toy(halve(formats.onnx(trained)), directions.numpy(), few, trained.epoch)


def halve(content: bytes) -> bytes:
    """An ONNX file whose weights are stored in half precision; it computes in single."""
    model = onnx.load_from_string(content)
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        array = numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size < 1_000:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name} half"))
        casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    small: bytes = model.SerializeToString()
    return small
