import pytest
from torch import nn

from mnistgen.models import CNNGAN, CNNVAE, DenseGAN, DenseGANDeep, DenseVAE

LATENT = {DenseGAN: 10, DenseGANDeep: 392, CNNGAN: 10, DenseVAE: 4, CNNVAE: 10}


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("model", "network", "parameters"),
    [
        (DenseGAN, "generator", 685_184),
        (DenseGAN, "discriminator", 683_501),
        (DenseGANDeep, "generator", 1_216_684),
        (DenseGANDeep, "discriminator", 1_176_801),
        (CNNGAN, "generator", 338_625),
        (CNNGAN, "discriminator", 259_521),
        (DenseVAE, "encoder", 688_958),
        (DenseVAE, "decoder", 689_534),
        (CNNVAE, "encoder", 298_452),
        (CNNVAE, "decoder", 351_073),
    ],
)
def test_parameter_counts(model, network, parameters):
    assert count(getattr(model(latent_dim=LATENT[model]), network)) == parameters


# The tables as printed, by what each row gives out: units of a dense layer, (C, H, W) of a
# convolution, with the decisions of the README (encoders end in mean and log-variance).
TABLES = {
    (DenseGAN, "generator"): [100, 300, 600, 784],
    (DenseGAN, "discriminator"): [600, 300, 100, 1],
    (DenseGANDeep, "generator"): [100, 200, 300, 400, 500, 600, 784],
    (DenseGANDeep, "discriminator"): [600, 500, 400, 300, 200, 100, 1],
    (CNNGAN, "generator"): [6272, (64, 14, 14), (32, 14, 14), (1, 28, 28)],
    (CNNGAN, "discriminator"): [(32, 14, 14), (64, 7, 7), (128, 4, 4), 1],
    (DenseVAE, "encoder"): [600, 300, 100, 50, 8],
    (DenseVAE, "decoder"): [50, 100, 300, 600, 784],
    (CNNVAE, "encoder"): [(32, 14, 14), (64, 7, 7), (128, 4, 4), 20],
    (CNNVAE, "decoder"): [6272, (64, 14, 14), (32, 14, 14), (16, 28, 28), (1, 28, 28)],
}
WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


@pytest.mark.parametrize(("model", "network"), TABLES)
def test_each_row_gives_what_the_table_says(model, network):
    made = model(latent_dim=LATENT[model])
    seen = []
    for layer in getattr(made, network):
        if isinstance(layer, WEIGHTED):
            layer.register_forward_hook(lambda _, __, output: seen.append(tuple(output.shape[1:])))
    images = made.sample(2)
    if network in ("discriminator", "encoder"):
        getattr(made.eval(), network)(images)
    rows = [row if isinstance(row, tuple) else (row,) for row in TABLES[model, network]]
    assert seen == rows


@pytest.mark.parametrize(("model", "network"), TABLES)
def test_batch_norm_and_relu_follow_every_layer_but_the_last(model, network):
    kinds = [type(layer) for layer in getattr(model(latent_dim=LATENT[model]), network)]
    weighted = [i for i, kind in enumerate(kinds) if issubclass(kind, WEIGHTED)]
    for i in weighted[:-1]:
        assert kinds[i + 1] in (nn.BatchNorm1d, nn.BatchNorm2d)
        assert kinds[i + 2] is nn.ReLU
    rest = kinds[weighted[-1] + 1 :]
    assert not {nn.BatchNorm1d, nn.BatchNorm2d, nn.ReLU} & set(rest)
    assert (rest[-1:] == [nn.Tanh]) == (network == "generator")


@pytest.mark.parametrize("model", LATENT)
def test_samples_are_images_in_the_unit_range(model):
    made = model(latent_dim=LATENT[model])
    images = made.sample(5)
    assert images.shape == (5, 1, 28, 28)
    assert images.min() >= 0
    assert images.max() <= 1
    assert made.training
    assert not images.requires_grad


def test_options_change_the_layers():
    model = DenseGAN(latent_dim=3, activation="leaky_relu", batch_norm=False)
    kinds = [type(layer) for layer in model.generator]
    assert model.generator[0].in_features == 3
    assert nn.LeakyReLU in kinds
    assert nn.ReLU not in kinds
    assert nn.BatchNorm1d not in kinds


def test_the_probe_that_infers_sizes_leaves_running_statistics_alone():
    norms = [m for m in CNNGAN(latent_dim=10).modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.running_mean.eq(0).all() and norm.num_batches_tracked == 0 for norm in norms)
