"""Every choice and option of a training that conf/ and the docs name, in real trainings."""

import functools
import math
from itertools import islice

import pytest
import torch

from mnistgen.config.objects import choices
from mnistgen.config.rules import ACTIVATIONS, OWN_OPTIONS, RULES
from mnistgen.errors import UserError
from mnistgen.inference.model import load
from mnistgen.models import DenseGAN, DenseVAE
from mnistgen.models.generative import GenerativeModel
from mnistgen.sweeps import columns
from mnistgen.training.fid import FIDMonitor
from mnistgen.training.recorder import Recorder
from mnistgen.training.session import train
from mnistgen.training.train import check

FEW = ("trainer.limit_train_batches=4", "trainer.limit_val_batches=1", "data.batch_size=16")
PRECISIONS = ("bf16-mixed", "32-true")


@pytest.fixture(autouse=True)
def no_fid(monkeypatch):
    """A training of an instant; tests of its own measure FID."""
    monkeypatch.setattr(FIDMonitor, "quality", lambda *_: {"val/fid": 1.0, "val/readable": 1.0})


def together(**values):
    """Every value of every key at least once, in as few combinations as there can be."""
    longest = max(map(len, values.values()))
    cycles = [[f"{key}={v}" for v in options] * longest for key, options in values.items()]
    return [list(one) for one in islice(zip(*cycles, strict=False), longest)]


CHOICES = together(
    model=[*choices("model")],
    optimizer=[*choices("optimizer")],
    callbacks=[*choices("callbacks")],
    lr=[*choices("lr")],
    **{
        "model.activation": [*ACTIVATIONS],
        "model.batch_norm": ["false", "true"],
        "data.binarize": ["none", "static", "dynamic"],
    },
)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("overrides", CHOICES, ids=" ".join)
def test_every_choice_trains(new_run, overrides, precision):
    run = new_run(*overrides, *FEW, "trainer.max_epochs=2", f"trainer.precision={precision}")
    train(run)
    assert run.info().precision == precision
    assert len(run.metrics()) == 2
    state = torch.load(run.last, weights_only=True)["state_dict"]
    weights = [value for value in state.values() if value.is_floating_point()]
    assert {value.dtype for value in weights} == {torch.float32}
    assert all(value.isfinite().all() for value in weights)


GAMES = [
    "game=non_saturating model=densegan model.real_and_fake=joint trainer.precision=bf16-mixed "
    "game.gradient_penalty=r1",
    "game=minimax model=densegan_deep game.gradient_penalty=wgan_gp",
    "game=least_squares model=cnngan game.gradient_penalty=r1",
    "game=hinge model=densegan_deep model.real_and_fake=joint",
    "game=wasserstein model=cnngan model.real_and_fake=joint trainer.precision=bf16-mixed",
]


def test_every_game_is_among_those_that_are_trained():
    assert {words.partition(" ")[0] for words in GAMES} == {f"game={n}" for n in choices("game")}


@pytest.mark.parametrize("words", GAMES)
def test_every_game_trains(new_run, words):
    run = new_run("trainer.precision=32-true", *words.split(), *FEW, "trainer.max_epochs=2")
    train(run)
    has_penalty = run.config()["game"]["gradient_penalty"] != "none"
    for row in run.metrics():
        assert all(math.isfinite(value) for value in row.values())
        assert ("train/penalty" in row) == has_penalty
        assert "val/penalty" not in row


@pytest.mark.parametrize(
    ("model", "override", "terms"),
    [
        ("cnnvae", "bound=iwae", ["loss", "elbo", "reconstruction", "kl"]),
        ("cnnvae", "bound.beta=4", ["loss", "elbo", "reconstruction", "kl"]),
        ("densevae", "bound.kl=monte_carlo", ["loss", "reconstruction", "kl"]),
    ],
)
def test_every_bound_trains_and_its_columns_are_known_before(new_run, model, override, terms):
    run = new_run(f"model={model}", override, *FEW, "trainer.max_epochs=2")
    known = columns.of(run.config())
    train(run)
    assert len(run.metrics()) == 2
    row = run.metrics()[-1]
    assert {*row} == {"epoch", *known}
    assert [name for name in known if name.startswith("train/")] == [
        f"train/{name}" for name in terms
    ]
    assert row.get("val/elbo", -row["val/loss"]) == pytest.approx(
        -row["val/reconstruction"] - row["val/kl"], rel=1e-6
    )


OPTIONS = {
    "check_val_every_n_epoch": "2",
    "accumulate_grad_batches": "4",
    "gradient_clip_val": "1",
    "gradient_clip_algorithm": "norm",
    "deterministic": "true",
    "benchmark": "false",
    "detect_anomaly": "true",
    "profiler": "simple",
    "enable_progress_bar": "false",
    "overfit_batches": "2",
}


def test_every_option_of_the_trainer_is_trained_with():
    always = ("accelerator", "strategy", "devices", "max_epochs", *OWN_OPTIONS)
    always += ("limit_train_batches", "limit_val_batches")
    names = {key.removeprefix("trainer.") for key in RULES if key.startswith("trainer.")}
    assert names == {*OPTIONS, *always}


@pytest.mark.filterwarnings("ignore:You requested to overfit")  # it says that it shuffles no more
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", ["densevae", "densegan"])
def test_the_options_of_the_trainer_train(new_run, precision, model):
    automatic = [name for name in OPTIONS if name.startswith(("gradient", "accumulate"))]
    left_out = [] if model == "densevae" else automatic
    options = [f"+trainer.{k}={v}" for k, v in OPTIONS.items() if k not in left_out]
    run = new_run(
        f"model={model}", *FEW, *options, "lr=plateau", "trainer.max_epochs=3",
        f"trainer.precision={precision}",
    )  # fmt: skip
    train(run)
    assert run.info().status == "finished"
    assert "FIT Profiler Report" in run.log.read_text()
    measured = [any(name.startswith("val/") for name in row) for row in run.metrics()]
    assert measured == [False, True, True]  # the last has val/fid


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_clipped_gradients_move_the_weights_by_no_more(new_run, precision, algorithm):
    clip = ("+trainer.gradient_clip_val=1e-3", f"+trainer.gradient_clip_algorithm={algorithm}")
    common = ("optimizer=sgd", "optim.lr=1", "trainer.max_epochs=1", "model.batch_norm=false")
    run = new_run(
        *common, *clip, "trainer.limit_train_batches=1", "trainer.limit_val_batches=1",
        f"trainer.precision={precision}",
    )  # fmt: skip
    untrained = new_run(*common, "optim.lr=1e-30", *FEW[:2], name="untrained")
    for one in (run, untrained):
        train(one)
    after, before = (
        torch.load(one.last, weights_only=True)["state_dict"] for one in (run, untrained)
    )
    moves = torch.cat([(after[name] - before[name]).flatten() for name in before])
    size = moves.norm() if algorithm == "norm" else moves.abs().max()
    assert float(size) == pytest.approx(1e-3, rel=1e-2)


def test_a_run_that_a_callback_ends_is_measured_and_has_finished(new_run):
    run = new_run(
        "model=densevae", *FEW, "trainer.max_epochs=9", "callbacks=early_stopping",
        "callbacks.early_stopping.monitor=val/loss", "callbacks.early_stopping.patience=1",
        "callbacks.early_stopping.min_delta=1e9",
    )  # fmt: skip
    assert train(run) == 1.0
    info = run.info()
    assert (info.status, info.epochs, info.objective) == ("finished", 2, 1.0)
    assert [row.get("val/fid") for row in run.metrics()] == [None, 1.0]


def test_an_average_of_the_weights_is_saved_and_goes_on_as_it_was(new_run):
    common = ("model=densegan", *FEW, "callbacks=[ema]", "callbacks.ema.decay=0.5")
    whole = new_run(*common, "trainer.max_epochs=3", name="whole")
    parts = new_run(*common, "trainer.max_epochs=2", name="parts")
    for run in (whole, parts):
        train(run)
    config = parts.config()
    config["trainer"]["max_epochs"] = 3
    parts.change_config(config, [])
    train(parts)
    one, other = (torch.load(run.last, weights_only=True) for run in (whole, parts))
    for part in ("state_dict", "current_model_state"):
        assert all(value.equal(other[part][key]) for key, value in one[part].items())
    current = one["current_model_state"]
    assert not any(
        value.equal(current[key])
        for key, value in one["state_dict"].items()
        if value.is_floating_point() and value.numel() > 1_000
    )


@pytest.mark.parametrize("average", ["none", "ema"])
def test_a_mixture_is_fitted_in_each_epoch_whether_resumed_or_not(new_run, average):
    common = ("model=densevae", "model.mixture=3", *FEW, f"callbacks={average}")
    whole = new_run(*common, "trainer.max_epochs=3", name="whole")
    parts = new_run(*common, "trainer.max_epochs=2", name="parts")
    for run in (whole, parts):
        train(run)
    before = torch.load(parts.last, weights_only=True)["state_dict"]
    config = parts.config()
    config["trainer"]["max_epochs"] = 3
    parts.change_config(config, [])
    train(parts)
    one, other = (torch.load(run.last, weights_only=True)["state_dict"] for run in (whole, parts))
    assert all(value.equal(other[key]) for key, value in one.items())
    assert not one["mixture.means"].equal(before["mixture.means"])
    assert one["mixture.means"].any(1).all()
    assert [*whole.info().parameters] == ["encoder", "decoder"]


@pytest.mark.parametrize(
    "each",
    [
        ("densegan", ()),
        ("densevae", ()),
        ("densegan", ("+callbacks.ema.update_starting_at_epoch=0",)),
    ],
)
def test_an_average_is_what_is_sampled_measured_validated_and_saved(new_run, monkeypatch, each):
    model, by_epoch = each
    seen = {}

    def watch(owner, name, answer=None):
        method = getattr(owner, name)

        @functools.wraps(method)  # Lightning looks at the arguments of a step
        def watched(self, *arguments):
            module = next(one for one in (*arguments, self) if isinstance(one, GenerativeModel))
            seen[name] = {key: value.clone() for key, value in module.state_dict().items()}
            return method(self, *arguments) if answer is None else answer

        monkeypatch.setattr(owner, name, watched)

    kind = {"densegan": DenseGAN, "densevae": DenseVAE}[model]
    watch(FIDMonitor, "quality", {"val/fid": 1.0})
    watch(Recorder, "_pictures")
    watch(kind, "decode")
    common = (f"model={model}", *FEW, "optim.lr=1e-2", "trainer.max_epochs=2")
    plain = new_run(*common, name="plain")
    train(plain)
    watch(kind, "validation_step")
    run = new_run(*common, "callbacks=[ema,early_stopping]", "callbacks.ema.decay=0.5", *by_epoch)
    train(run)
    saved = torch.load(run.last, weights_only=True)
    validated = seen.pop("validation_step")
    for name, state in {**seen, "evaluate": load(run, "last").model.state_dict()}.items():
        assert [k for k in state if not state[k].equal(saved["state_dict"][k])] == [], name
    same = [value.equal(saved["state_dict"][key]) for key, value in validated.items()]
    assert all(same) or by_epoch  # which is averaged after the validation, too
    # And the training is that of a run without an average
    before = torch.load(plain.last, weights_only=True)["state_dict"]
    assert all(value.equal(before[key]) for key, value in saved["current_model_state"].items())
    assert not all(value.equal(before[key]) for key, value in saved["state_dict"].items())


def test_an_average_that_would_never_be_taken_is_refused(composed):
    config = composed("model=densegan", "callbacks=ema", "+callbacks.ema.update_every_n_steps=2")
    with pytest.raises(UserError, match=r"update_every_n_steps=2 .* must be odd"):
        check(config)
    config["callbacks"]["ema"]["update_every_n_steps"] = 3
    check(config)


def test_a_run_that_lightning_ends_early_has_not_finished(new_run):
    run = new_run("model=densevae", *FEW, "trainer.max_epochs=3")
    config = run.config()
    config["trainer"]["max_steps"] = 5  # as runs could have it before it was refused
    run.change_config(config, [])
    for epochs in (3, 8):
        config["trainer"]["max_epochs"] = epochs
        run.change_config(config, [])
        with pytest.raises(
            UserError, match=rf"stopped after \d epochs, before the last of {epochs}"
        ):
            train(run)
        assert run.info().status == "failed"


@pytest.mark.parametrize("val_size", [5_000, 0])
def test_the_loss_is_its_terms_whatever_lightning_makes_of_what_is_returned(new_run, val_size):
    accumulate = ("+trainer.accumulate_grad_batches=4", f"data.val_size={val_size}")
    run = new_run("model=densevae", *FEW, *accumulate, "trainer.max_epochs=1", "logger=csv")
    train(run)
    (row,) = run.metrics()
    terms = row["train/reconstruction"] + row["train/kl"]
    assert row["train/loss"] == pytest.approx(terms, rel=1e-6)
    assert run.best.exists()
