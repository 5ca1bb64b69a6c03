"""The VAE of the published likelihoods, as Burda et al. (2016) describe it."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from mnistgen.config import build
from mnistgen.data.module import data_module


@pytest.fixture
def config(composed):
    return composed("experiment=burda")


@pytest.fixture
def model(config):
    torch.manual_seed(0)
    return build("model", config["model"])


def test_its_networks_are_784_200_200_50_and_back_with_tanh_between(model):
    for network, sizes in (("encoder", [784, 200, 200, 100]), ("decoder", [50, 200, 200, 784])):
        layers = list(getattr(model, network))
        weighted = [layer for layer in layers if isinstance(layer, nn.Linear)]
        assert [(layer.in_features, layer.out_features) for layer in weighted] == [
            *pairwise(sizes)
        ]
        rest = [type(layer).__name__ for layer in layers if layer not in weighted]
        assert [name for name in rest if name not in ("Flatten", "Reshape")] == ["Tanh", "Tanh"]
    assert sum(parameter.numel() for parameter in model.encoder.parameters()) == 217_300
    assert sum(parameter.numel() for parameter in model.decoder.parameters()) == 207_984


def test_it_begins_with_glorots_uniform_weights(model):
    for layer in (module for module in model.modules() if isinstance(module, nn.Linear)):
        edge = math.sqrt(6 / (layer.in_features + layer.out_features))
        assert 0.95 * edge < layer.weight.abs().max() <= edge
        assert layer.weight.std().item() == pytest.approx(edge / math.sqrt(3), rel=0.05)
        assert not layer.bias.any()


def test_its_recipe_trains_on_all_training_images_in_black_and_white(config):
    data = data_module(config)
    data.setup()
    assert len(data.train) == 60_000
    assert config["data"]["binarize"] == "dynamic"
    assert set(data.test[:100].unique().tolist()) == {0, 255}
