import copy

import lightning.pytorch as pl
import pytest
import torch

import mnistgen
from mnistgen.models import DenseVAE
from mnistgen.training import graphs
from mnistgen.training.graphs import Graph, Terms

SHORT = "trainer.limit_train_batches=6", "trainer.limit_val_batches=2", "threads=1"

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


@pytest.mark.parametrize(
    ("model", "choice", "own", "answer"),
    [
        ("densegan", "auto", None, True),
        ("cnnvae", "auto", None, True),
        ("densegan", "false", None, False),
        ("densegan", "auto", "model", False),
        ("cnngan", "auto", "game", False),
        ("cnnvae", "auto", "bound", False),
        ("cnnvae", "true", "bound", True),
    ],
)
def test_a_graph_is_of_the_projects_own_code_unless_it_is_asked_for(model, choice, own, answer):
    config = mnistgen.compose(f"model={model}", f"trainer.cuda_graph={choice}")
    if own:
        config[own]["_target_"] = "mine.Class"
    assert graphs.allowed(config) is answer


def test_a_loss_has_the_gradients_that_the_graph_has_computed(monkeypatch):
    monkeypatch.setattr(Graph, "__call__", lambda self, images: self.step(images))
    first = DenseVAE(latent_dim=4).double()
    second, images = copy.deepcopy(first), torch.rand(8, 1, 28, 28).double()
    losses = []
    for terms in (Terms(first), second.terms):
        torch.manual_seed(1)
        values = terms(images)
        (values["loss"] / 3).backward()
        losses.append(values["loss"].item())
    assert losses[0] == losses[1]
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_on_a_cpu_a_model_keeps_its_step(tmp_path):
    class Look(pl.Callback):
        def on_train_batch_start(self, trainer, pl_module, *_):
            assert "terms" not in vars(pl_module)

    mnistgen.train(
        "trainer=smoke", "trainer.cuda_graph=true", f"hydra.run.dir={tmp_path / 'run'}",
        callbacks=[Look()],
    )  # fmt: skip


RECIPES = [
    ["model=densegan"],
    ["model=densegan_deep", "trainer.precision=32-true"],
    ["model=cnngan", "callbacks=ema"],
    ["model=densegan", "model.real_and_fake=joint", "game.gradient_penalty=r1", "lr=cosine"],
    ["model=cnngan", "game=wasserstein", "game.gradient_penalty=wgan_gp"],
    ["model=densevae"],
    ["model=cnnvae", "trainer.precision=64-true"],
    ["model=cnnvae", "bound.kl=monte_carlo", "+trainer.gradient_clip_val=1"],
    ["model=densevae", "bound=iwae", "+trainer.accumulate_grad_batches=2"],
    ["model=burdavae", "data.binarize=dynamic"],
]


def train(path, *overrides):
    return mnistgen.train(*overrides, f"hydra.run.dir={path}", *SHORT)


def without_speed(rows):
    return [{k: v for k, v in row.items() if k != "images_per_s"} for row in rows]


@on_gpu
@pytest.mark.parametrize("recipe", RECIPES, ids=" ".join)
def test_a_graph_computes_what_the_step_computes(recipe, tmp_path):
    rows = [
        without_speed(
            train(
                tmp_path / choice, *recipe, "trainer=gpu", "trainer.max_epochs=2",
                f"trainer.cuda_graph={choice}",
            ).metrics
        )
        for choice in ("true", "false")
    ]  # fmt: skip
    for ours, theirs in zip(*rows, strict=True):
        assert ours == pytest.approx(theirs, rel=2e-2, abs=1e-4)


@on_gpu
@pytest.mark.parametrize("model", ["densegan", "cnngan", "densevae", "cnnvae"])
def test_a_resumed_training_has_the_same_bits_on_a_gpu(model, tmp_path):
    options = f"model={model}", "trainer=gpu", "trainer.quality_every=1"
    whole = train(tmp_path / "whole", *options, "trainer.max_epochs=3")
    parts = train(tmp_path / "parts", *options, "trainer.max_epochs=1")
    parts.resume(max_epochs=3)
    assert without_speed(parts.metrics) == without_speed(whole.metrics)
    ours, theirs = (run.load().model.state_dict() for run in (parts, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


WAITS = """
import torch
from mnistgen.training.graphs import Graph

graph = Graph(lambda images: ({"loss": images.new_tensor(images.sum().item())}, []))
graph(torch.ones(2, device="cuda"))
graph(torch.ones(2, device="cuda"))
"""


@on_gpu
def test_a_step_that_cannot_be_captured_names_the_option_that_trains_it(cli):
    done = cli.python(WAITS)  # after it, torch draws no random numbers in its process
    assert "UserError" in done.stderr
    assert "trainer.cuda_graph=false" in done.stderr


@on_gpu
def test_a_batch_of_another_shape_is_computed_without_a_graph():
    graph = Graph(lambda images: ({"sum": images.sum()}, []))
    for size in (3, 3, 3, 2, 3):
        assert graph(torch.ones(size, device="cuda"))[0]["sum"] == size


@on_gpu
def test_a_training_that_diverges_says_the_batch_on_a_gpu(tmp_path):
    with pytest.raises(mnistgen.errors.UserError, match=r"epoch 1, batch \d+: .*diverged"):
        train(tmp_path / "run", "model=densevae", "trainer=gpu", "optim.lr=1e30")
