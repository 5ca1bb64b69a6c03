"""That the columns train the same thing."""

import json
import subprocess
import sys
from importlib.util import find_spec

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from benchmarks import textbook
from benchmarks.bare import make_step, stock_step
from benchmarks.project import Job, batches
from benchmarks.stock import is_gan, keras_layers, stock_networks
from mnistgen import models
from mnistgen.config.objects import build
from mnistgen.data.module import data_module

PARAMETERS = {
    "densegan": (685_184, 683_501),
    "densegan_deep": (1_216_684, 1_176_801),
    "cnngan": (338_625, 259_521),
    "densevae": (688_958, 689_534),
    "cnnvae": (298_452, 351_073),
}
LR = 1e-3


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Losses(pl.Callback):
    def __init__(self):
        self.rows = []

    def on_train_batch_end(self, trainer, model, outputs, *args):
        metrics = trainer.callback_metrics
        self.rows.append({name: metrics[name].item() for name in metrics if "_step" not in name})


@pytest.mark.parametrize("name", PARAMETERS)
def test_textbook_and_bare_loops_have_the_same_losses_over_three_updates(double, name, tmp_path):
    networks = Job(name, 1, ()).networks()
    stock, tutorial = stock_networks(networks), stock_networks(networks)
    images = torch.rand(3, 16, 1, 28, 28)

    def adam(parameters):
        return torch.optim.Adam(parameters, lr=LR)

    rows = []
    for step in (make_step(networks, adam), stock_step(stock, LR)):
        torch.manual_seed(1)
        rows.append([{k: v.item() for k, v in step(batch).items()} for batch in images])

    losses = Losses()
    learner = (textbook.GAN if is_gan(networks) else textbook.VAE)(*tutorial, LR)
    items = [(2 * batch - 1 if is_gan(networks) else batch, 0) for batch in images]
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, callbacks=[losses],
        default_root_dir=tmp_path,
    )  # fmt: skip
    torch.manual_seed(1)
    trainer.fit(learner, DataLoader(items, batch_size=None, generator=torch.Generator()))
    rows.append(losses.rows)

    for other in rows[1:]:
        for mine, theirs in zip(rows[0], other, strict=True):
            assert theirs == pytest.approx(mine, rel=1e-6)
    assert rows[0][0] != rows[0][2]


def test_the_order_is_that_of_the_projects_own_trainer(composed):
    class Recorder(models.DenseVAE):
        def training_step(self, images):
            self.batches = [*getattr(self, "batches", []), images]
            return super().training_step(images)

    config = composed("model=densevae")
    data = data_module(config)
    optimizer, schedule = build("optim", config["optim"]), build("lr", config["lr"])
    model = Recorder(latent_dim=4, optimizer=optimizer, schedule=schedule)
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=2, limit_train_batches=2, limit_val_batches=0, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, data)
    columns = Job("densevae", 1, ()).data()
    expected = [columns.train[batches(columns, n)[i]] / 255 for n in (0, 1) for i in (0, 1)]
    torch.testing.assert_close(torch.stack(model.batches), torch.stack(expected))


@pytest.mark.parametrize("name", PARAMETERS)
def test_stock_networks_have_the_papers_parameters_in_layers_of_torch(name):
    networks = stock_networks(Job(name, 1, ()).networks())
    assert tuple(sum(p.numel() for p in n.parameters()) for n in networks) == PARAMETERS[name]
    layers = {type(layer).__module__.split(".")[0] for n in networks for layer in n}
    assert layers == {"torch"}


def test_keras_layers_have_the_sizes_of_the_projects():
    generator, discriminator = Job("cnngan", 1, ()).networks()
    norm = ("BatchNormalization", {"momentum": 0.9, "epsilon": 1e-5})
    relu, convolution = ("Activation", {"activation": "relu"}), {"kernel_size": (5, 5)}

    def up(channels, stride):
        sizes = {"filters": channels, "strides": (stride, stride), "padding": "same"}
        return "Conv2DTranspose", {**convolution, **sizes}

    assert list(keras_layers(generator)) == [
        ("Input", {"shape": [10]}),
        ("Dense", {"units": 7 * 7 * 128}), norm, relu,
        ("Reshape", {"target_shape": (7, 7, 128)}),
        up(64, 2), norm, relu, up(32, 1), norm, relu, up(1, 2),
        ("Activation", {"activation": "tanh"}),
    ]  # fmt: skip
    first, second, *_, flatten, last = keras_layers(discriminator)
    sizes = {"filters": 32, "strides": (2, 2), "padding": "same"}
    assert first == ("Input", {"shape": [28, 28, 1]})
    assert second == ("Conv2D", {**convolution, **sizes})
    assert (flatten, last) == (("Flatten", {}), ("Dense", {"units": 1}))


@pytest.mark.skipif(not find_spec("tensorflow"), reason="tensorflow is an extra")
def test_keras_networks_have_the_papers_parameters_and_loss():
    """In a process without torch; the loss of images that are all alike has a closed form."""
    program = """
import json, sys
import tensorflow as tf
from benchmarks.keras_graph import gan_losses, network, vae_losses
for name, layers in json.load(sys.stdin).items():
    networks = [network(rows) for rows in layers]
    for each in networks:
        last = [layer for layer in each.layers if layer.get_weights()][-1]
        last.set_weights([tf.zeros_like(w) for w in last.get_weights()])
    counts = [sum(int(tf.size(w)) for w in n.trainable_weights) for n in networks]
    losses, latent_dim = (
        (gan_losses, networks[0].input_shape[1]) if "gan" in name
        else (vae_losses, networks[1].input_shape[1])
    )
    images, z = tf.random.uniform((4, 28, 28, 1)), tf.random.normal((4, latent_dim))
    print(name, *counts, *(float(loss) for loss in losses(*networks, images, z)))
"""
    layers = {
        name: [list(keras_layers(network)) for network in Job(name, 1, ()).networks()]
        for name in PARAMETERS
    }
    process = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(layers),
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    numbers = {name: rest for name, *rest in map(str.split, process.stdout.splitlines())}
    assert set(numbers) == set(PARAMETERS)
    ln2 = 0.69314718
    for name, (first, second, *losses) in numbers.items():
        assert (int(first), int(second)) == PARAMETERS[name]
        # a network that ends in zeros says "half" of everything, and its posterior is the prior
        expected = [ln2, 2 * ln2] if "gan" in name else [784 * ln2]
        assert [float(loss) for loss in losses] == pytest.approx(expected, rel=1e-5)
