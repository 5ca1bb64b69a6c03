"""The models as a Lightning user meets them: in a Trainer of one's own, and from a checkpoint."""

import lightning.pytorch as pl
import pytest
import torch

from mnistgen import models
from mnistgen.data import MNIST
from mnistgen.errors import UserError
from mnistgen.models.layers import Flatten, Reshape, dense
from mnistgen.training.session import train

MODELS = {
    models.DenseGAN: 10, models.DenseGANDeep: 392, models.CNNGAN: 10, models.DenseVAE: 4,
    models.CNNVAE: 10, models.BurdaVAE: 50,
}  # fmt: skip


@pytest.fixture
def trainer(tmp_path):
    return pl.Trainer(
        accelerator="cpu", max_epochs=1, limit_train_batches=2, limit_val_batches=1, logger=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.parametrize("kind", MODELS)
def test_a_plain_trainer_trains_each_model_and_its_checkpoint_builds_it_again(trainer, kind):
    torch.manual_seed(1)
    model = kind(latent_dim=MODELS[kind], activation="leaky_relu")
    before = [parameter.clone() for parameter in model.parameters()]
    trainer.fit(model, MNIST(batch_size=16))
    loss = "g_loss" if isinstance(model, models.GAN) else "loss"
    assert {f"train/{loss}", f"val/{loss}"} <= {*trainer.callback_metrics}
    moved = [not old.equal(new) for old, new in zip(before, model.parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(moved)

    path = trainer.checkpoint_callback.best_model_path
    again = kind.load_from_checkpoint(path)
    z = torch.randn(3, MODELS[kind])
    torch.testing.assert_close(again.decode(z), model.decode(z))
    slopes = {m.negative_slope for m in again.modules() if isinstance(m, torch.nn.LeakyReLU)}
    assert slopes == {0.3}
    assert kind.load_from_checkpoint(path, latent_dim=MODELS[kind]).latent_dim == MODELS[kind]
    name = kind.__name__
    with pytest.raises(UserError, match=f"checkpoint is of a {name} with activation=leaky_relu"):
        kind.load_from_checkpoint(path, activation="relu")
    if name == "DenseVAE":
        with pytest.raises(UserError, match=r"with activation=leaky_relu, batch_norm=True$"):
            kind.load_from_checkpoint(path, activation="relu", batch_norm=False)


def test_what_a_run_saves_builds_its_model(new_run):
    run = new_run(
        "model=densevae", "model.activation=leaky_relu", "trainer=smoke", "model.latent_dim=3"
    )
    train(run)
    again = models.DenseVAE.load_from_checkpoint(run.last)
    content = torch.load(run.last, weights_only=True)
    assert content["arguments"] == {
        "latent_dim": 3,
        "activation": "leaky_relu",
        "batch_norm": True,
        "mixture": 0,
    }
    weights = again.state_dict()
    assert all(weights[key].equal(value) for key, value in content["state_dict"].items())
    with pytest.raises(UserError, match="with latent_dim=3"):
        models.DenseVAE.load_from_checkpoint(run.last, latent_dim=4)


class Wide(models.GAN):
    """A model of one's own that hands on what it does not name."""

    def __init__(self, *, width=100, **more):
        self.width = width
        super().__init__(**more)

    def generator_rows(self):
        return dense(self.width), dense(784), Reshape(28, 28)

    def discriminator_rows(self):
        return Flatten(), dense(self.width), dense(1)


@pytest.mark.parametrize("kind", [models.DenseGAN, Wide])
def test_an_argument_that_an_older_checkpoint_lacks_counts_as_its_default(kind):
    checkpoint = {}
    kind(latent_dim=3).on_save_checkpoint(checkpoint)
    assert checkpoint["arguments"].pop("real_and_fake") == "separate"
    kind(latent_dim=3).on_load_checkpoint(checkpoint)
    with pytest.raises(UserError, match=r"with real_and_fake=separate$"):
        kind(latent_dim=3, real_and_fake="joint").on_load_checkpoint(checkpoint)
    with pytest.raises(UserError, match=r"with latent_dim=3$"):
        kind(latent_dim=4).on_load_checkpoint(checkpoint)
    with pytest.raises(UserError, match=r"with colour=red$"):
        kind(latent_dim=3).on_load_checkpoint({"arguments": {"latent_dim": 3, "colour": "red"}})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: models.DenseVAE(latent_dim=0), "latent_dim=0 is not allowed"),
        (lambda: models.CNNGAN(latent_dim=3, activation="tan"), "activation=tan is not allowed"),
        (lambda: MNIST(binarize="static "), "data.binarize=static  is not allowed"),
        (lambda: MNIST(val_size=1.5), "data.val_size=1.5 is not allowed"),
        (lambda: MNIST(batch_size=0), "data.batch_size=0 is not allowed"),
        (lambda: MNIST(val_size=60_000).setup(), "a whole number from 0 to 59999, or a share"),
    ],
)
def test_an_argument_that_is_not_right_is_named(make, words):
    with pytest.raises(UserError, match=words):
        make()


def test_the_data_give_batches_without_a_trainer():
    data = MNIST(batch_size=16)
    data.setup()
    assert next(iter(data.train_dataloader())).shape == (16, 1, 28, 28)
