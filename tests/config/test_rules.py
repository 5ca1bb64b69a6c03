import importlib.util
import warnings

import pytest
import torch
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

from mnistgen.config import objects, rules, values
from mnistgen.config.objects import CONF_DIR
from mnistgen.errors import UserError

GROUPS = ("model", "optimizer", "lr", "data", "trainer", "logger", "experiment")
CHOICES = [
    (group, path.stem) for group in GROUPS for path in sorted((CONF_DIR / group).glob("*.yaml"))
]


def test_the_groups_are_those_of_the_contract():
    found = {group: {name for g, name in CHOICES if g == group} for group in GROUPS}
    assert found["model"] == {
        "densegan", "densegan_deep", "cnngan", "densevae", "cnnvae", "burdavae",
    }  # fmt: skip
    assert found["optimizer"] == {"adam", "adamw", "nadam", "adagrad", "rmsprop", "sgd"}
    assert found["lr"] == {"constant", "cosine", "onecycle", "plateau", "warmup_cosine"}
    assert found["data"] == {
        "mnist", "fashion_mnist", "kmnist", "emnist", "qmnist", "usps", "images", "arrays",
    }  # fmt: skip
    assert found["trainer"] == {"cpu", "gpu", "mps", "auto", "ddp", "smoke"}
    assert found["logger"] == {"tensorboard", "csv", "mlflow", "wandb", "none"}


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes(composed, group, choice):
    composed(f"{group}={choice}")


@pytest.mark.parametrize(
    ("model", "rate", "latent_dim"),
    [
        ("densegan", 1e-5, 10),
        ("densegan_deep", 1e-6, 392),
        ("cnngan", 1e-4, 10),
        ("densevae", 1e-4, 4),
        ("cnnvae", 1e-4, 10),
    ],
)
def test_a_bare_model_is_the_papers_recipe(composed, model, rate, latent_dim):
    made = composed(f"model={model}")
    assert made["optim"]["lr"] == rate
    assert made["optim"]["_target_"] == "torch.optim.Adam"
    assert made["model"]["latent_dim"] == latent_dim
    assert made["data"]["batch_size"] == 128
    assert made["trainer"]["max_epochs"] == 50


def test_the_rate_on_the_command_line_wins_whatever_the_optimizer(composed):
    made = composed("model=cnngan", "optimizer=nadam", "optim.lr=3e-4")
    assert made["optim"]["_target_"] == "torch.optim.NAdam"
    assert made["optim"]["lr"] == 3e-4


@pytest.mark.parametrize("choice", [c for g, c in CHOICES if g == "optimizer"])
def test_each_optimizer_is_torchs_own_and_a_new_one_each_time(composed, choice):
    factory = objects.build("optim", composed(f"optimizer={choice}", "optim.lr=0.5")["optim"])
    weights = [torch.nn.Parameter(torch.zeros(3)) for _ in range(2)]
    first, second = (factory([weight]) for weight in weights)
    assert type(first).__module__.startswith("torch.optim")
    assert type(first).__name__.lower() == choice
    assert first is not second
    assert first.param_groups[0]["lr"] == 0.5


BAD = {
    "seed": [-1, 2**32, 1.5, "one", True],
    "threads": [0, "many"],
    "model.latent_dim": [0, 2.5, "ten"],
    "model.activation": ["tanhh", None],
    "model.batch_norm": [1, "yes"],
    "model.real_and_fake": ["both", None],
    "bound.kl": ["exact", None],
    "bound.beta": [-0.5, float("inf"), "half"],
    "bound.free_bits": [-1, None],
    "bound.k": [0, 2.5],
    "optim.lr": [0, -1e-4, float("nan"), float("inf"), "fast"],
    "optim.betas": [[0.9], [0.9, 1.0], [0, 0.9], 0.9],
    "optim.weight_decay": [-0.1],
    "data.batch_size": [0, 1, 12.5],
    "data.val_size": [-1, 60_000, "some"],
    "data.binarize": ["always", None],
    "trainer.max_epochs": [0, 1.5],
    "trainer.precision": ["16-mixed", 32],
    "trainer.devices": [0, 7],
    "trainer.limit_train_batches": [0, 1.5, -1],
}


@pytest.mark.parametrize(("key", "value"), [(key, v) for key in BAD for v in BAD[key]])
def test_a_bad_value_is_named_with_what_is_allowed(composed, key, value):
    made = composed()
    *parents, name = key.split(".")
    node = made
    for parent in parents:
        node = node[parent]
    node[name] = value
    with pytest.raises(UserError, match=r"must|leaves") as error:
        rules.check(made)
    shown = "null" if value is None else str(value)
    assert f"{key}={shown}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_last_batch_of_one_image_is_refused_with_batch_norm_only(composed):
    with pytest.raises(UserError, match=r"data.val_size=4999 .*last batch of one"):
        composed("data.val_size=4999", "data.batch_size=11000")
    composed("data.val_size=4999", "data.batch_size=11000", "model.batch_norm=false")


def test_unused_keys_of_another_choice_are_not_asked_for(composed):
    assert "betas" not in composed("optimizer=sgd")["optim"]


@pytest.mark.parametrize("name", ["os.system", "torch.optim.Adam", "builtins.eval"])
def test_a_saved_configuration_names_no_class_but_this_projects(tmp_path, composed, name):
    made = composed()
    made["model"]["_target_"] = name
    path = tmp_path / "config.yaml"
    path.write_text(values.to_yaml(made))
    with pytest.raises(UserError, match=f"model._target_={name} is not allowed"):
        rules.read_checked(path)


def test_a_nested_target_is_found(tmp_path, composed):
    made = composed()
    made["data"]["more"] = {"deep": [{"_target_": "os.getcwd"}]}
    with pytest.raises(UserError, match=r"os.getcwd is not allowed"):
        rules.check(made)


@pytest.mark.parametrize(
    "text", ["", "3", "[1, 2]", "model: {", "a: !!python/object/apply:os.getcwd []"]
)
def test_a_damaged_configuration_is_named(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError):
        rules.read_checked(path)


@pytest.mark.parametrize("key", rules.REQUIRED)
def test_a_saved_configuration_that_lacks_a_key_is_refused(tmp_path, composed, key):
    made = composed()
    *parents, name = key.split(".")
    del (made[parents[0]] if parents else made)[name]
    path = tmp_path / "config.yaml"
    path.write_text(values.to_yaml(made))
    with pytest.raises(UserError, match=f"{path}: {key} is missing"):
        rules.read_checked(path)


def test_a_partial_model_is_refused(composed):
    made = composed()
    made["model"]["_partial_"] = True
    with pytest.raises(UserError, match=r"model._partial_=True is not allowed"):
        rules.check(made)


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_makes_its_objects(composed, tmp_path, monkeypatch, group, choice):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    made = composed(f"{group}={choice}")
    if group in ("model", "optimizer", "lr"):
        optimizer, schedule = (
            objects.build("optim", made["optim"]),
            objects.build("lr", made["lr"]),
        )
        model = objects.build_model(made)
        updates = schedule(optimizer(model.parameters()), steps=10, monitor="val/loss")
        assert isinstance(updates["optimizer"], torch.optim.Optimizer)
    elif group == "data":
        assert objects.build("data", made["data"], seed=1).batch_size == 128
    elif group == "trainer":
        for key in rules.OWN_OPTIONS:
            del made["trainer"][key]
        missing = {
            "gpu": not CUDAAccelerator.is_available(),
            "mps": not MPSAccelerator.is_available(),
        }
        if missing.get(choice):
            with pytest.raises(UserError, match=r"No supported gpu|can not run on your system"):
                objects.build("trainer", made["trainer"], logger=False)
        else:
            trainer = objects.build("trainer", made["trainer"], logger=False)
            assert trainer.max_epochs == (1 if choice == "smoke" else 50)
            assert trainer.world_size == (2 if choice == "ddp" else 1)
    elif group == "logger" and choice != "none":
        if choice in objects.NEED_PACKAGE and importlib.util.find_spec(choice) is None:
            with pytest.raises(UserError, match=rf"mnistgen\[{choice}\]"):
                objects.check_packages(made)
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of others' databases and networks
            logger = objects.build("logger", made["logger"], save_dir=str(tmp_path))
        assert type(logger).__name__.lower() == f"{choice}logger"


def test_a_saved_interpolation_is_refused(tmp_path, composed):
    made = composed()
    made["data"]["root"] = "PLACE"
    path = tmp_path / "config.yaml"
    path.write_text(values.to_yaml(made).replace("PLACE", "${oc.env:HOME}"))
    with pytest.raises(UserError, match="not plain data"):
        rules.read_checked(path)


def test_saving_and_loading_keeps_every_value(tmp_path, composed):
    made = composed("model=densegan_deep", "lr=onecycle")
    path = tmp_path / "config.yaml"
    path.write_text(values.to_yaml(made))
    assert rules.read_checked(path) == made
