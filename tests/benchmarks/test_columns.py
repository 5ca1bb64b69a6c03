"""That the columns train the same thing."""

import subprocess
import sys
from importlib.util import find_spec

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from benchmarks import bare_fp32, plain, textbook
from benchmarks.bare import gan_step, vae_step
from benchmarks.job import data_module, order
from mnistgen import models
from mnistgen.config import build

MODELS = {
    "densegan": models.DenseGAN,
    "densegan_deep": models.DenseGANDeep,
    "cnngan": models.CNNGAN,
    "densevae": models.DenseVAE,
    "cnnvae": models.CNNVAE,
}
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
        self.seen = []

    def on_train_batch_end(self, trainer, model, outputs, *args):
        logged = trainer.callback_metrics
        self.seen.append({name: logged[name].item() for name in logged if "_step" not in name})


@pytest.mark.parametrize("name", MODELS)
def test_textbook_and_bare_loops_have_the_same_losses_over_three_updates(double, name, tmp_path):
    torch.manual_seed(0)
    model = MODELS[name](latent_dim=plain.MODELS[name]().latent_dim)
    stock, tutorial = plain.MODELS[name](), plain.MODELS[name]()
    for networks in (stock, tutorial):
        plain.copy_weights(networks, model)
    batches = torch.rand(3, 16, 1, 28, 28)

    def adam(parameters):
        return torch.optim.Adam(parameters, lr=LR)

    networks = list(model.children())
    if stock.is_gan:
        ours = gan_step(*networks, stock.latent_dim, adam, bf16=False)
    else:
        ours = vae_step(*networks, adam, bf16=False)
    found = []
    for step in (ours, bare_fp32.step_of(stock, LR)):
        torch.manual_seed(1)
        found.append([{k: v.item() for k, v in step(images).items()} for images in batches])

    is_gan, losses = stock.is_gan, Losses()
    learner = (textbook.GAN if is_gan else textbook.VAE)(tutorial, LR)
    items = [(2 * images - 1 if is_gan else images, 0) for images in batches]
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, callbacks=[losses],
        default_root_dir=tmp_path,
    )  # fmt: skip
    torch.manual_seed(1)
    trainer.fit(learner, DataLoader(items, batch_size=None, generator=torch.Generator()))
    found.append(losses.seen)

    for other in found[1:]:
        for mine, theirs in zip(found[0], other, strict=True):
            assert theirs == pytest.approx(mine, rel=1e-6)
    assert found[0][0] != found[0][2]


def test_the_order_is_that_of_the_projects_own_trainer(composed):
    class Seen(models.DenseVAE):
        def training_step(self, images):
            self.seen = [*getattr(self, "seen", []), images]
            return super().training_step(images)

    asked = composed("model=densevae")
    data = build(asked, "data", seed=asked["seed"])
    model = Seen(latent_dim=4, optimizer=build(asked, "optim"), schedule=build(asked, "lr"))
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=2, limit_train_batches=2, limit_val_batches=0, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, data)
    columns = data_module(asked)
    expected = [columns.train[order(columns, epoch)[i]] / 255 for epoch in (0, 1) for i in (0, 1)]
    torch.testing.assert_close(torch.stack(model.seen), torch.stack(expected))


@pytest.mark.parametrize("name", MODELS)
def test_stock_networks_have_the_papers_parameters(name):
    networks = plain.MODELS[name]()[:2]
    assert tuple(sum(p.numel() for p in n.parameters()) for n in networks) == PARAMETERS[name]


@pytest.mark.skipif(not find_spec("tensorflow"), reason="tensorflow is an extra")
def test_keras_networks_have_the_papers_parameters_and_loss():
    """In a process without torch; the loss of images that are all alike has a closed form."""
    program = """
import tensorflow as tf
from benchmarks.keras_graph import MODELS, gan_losses, vae_loss
for name, make in MODELS.items():
    networks = make()
    for network in networks[:2]:
        last = network.layers[-2 if "reshape" in network.layers[-1].name else -1]
        last.set_weights([tf.zeros_like(w) for w in last.get_weights()])
    counts = [sum(int(tf.size(w)) for w in n.trainable_weights) for n in networks[:2]]
    images, z = tf.random.uniform((4, 28, 28, 1)), tf.random.normal((4, networks.latent_dim))
    losses = gan_losses(networks, images, z) if "gan" in name else [vae_loss(networks, images, z)]
    print(name, *counts, *(float(loss) for loss in losses))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    found = {name: numbers for name, *numbers in map(str.split, done.stdout.splitlines())}
    assert set(found) == set(PARAMETERS)
    ln2 = 0.69314718
    for name, (first, second, *losses) in found.items():
        assert (int(first), int(second)) == PARAMETERS[name]
        # a network that ends in zeros says "half" of everything, and its posterior is the prior
        expected = [ln2, 2 * ln2] if "gan" in name else [784 * ln2]
        assert [float(loss) for loss in losses] == pytest.approx(expected, rel=1e-5)
