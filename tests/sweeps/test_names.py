"""What a sweep and its runs are called, and which folder a run is found in again."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mnistgen.config import settings
from mnistgen.sweeps import names, places

SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"
NAMES = [
    ("optim.lr=1e-5,1e-4 seed=1,2 model=cnngan", "cnngan_optim.lr_seed"),
    ("seed=1,2 model=cnngan optim.lr=1e-5,1e-4,1e-3", "cnngan_optim.lr_seed"),
    ("model=cnngan,cnnvae optim.lr=1e-5,1e-4", "model_optim.lr"),
    ("seed=1,2 trainer.max_epochs=3", "densevae_seed"),
    ("experiment=lr_sweep", "lr_sweep"),
    ("experiment=lr_sweep optim.lr=1e-5,1e-4 model=cnngan", "lr_sweep"),
    ("experiment=lr_sweep seed=1,2", "lr_sweep_seed"),
]


@pytest.mark.parametrize(("typed", "name"), NAMES)
def test_a_sweep_is_named_by_what_it_varies(typed, name):
    parsed = OverridesParser.create().parse_overrides(typed.split())
    known = ["model", "optim.lr"] if "experiment" in typed else []
    model = "cnngan" if "model=cnngan " in f"{typed} " else "densevae"
    assert names.default_name(parsed, model, known) == name


def test_a_sweep_has_the_name_that_was_typed():
    for text in ("1e6", "2024", "1.50", "true"):
        typed = OverridesParser.create().parse_overrides(["seed=1,2", f"sweep={text}"])
        assert names.given_name(typed[-1].value(), typed) == text
    assert names.given_name(2024, []) == "2024"  # of an experiment
    assert names.given_name(None, []) is None


@pytest.mark.parametrize(
    ("overrides", "varying", "expected"),
    [
        ("seed=1 optim.lr=1e-05 threads=1 sweep=x", [], ["optim.lr-1e-05_seed-1"]),
        ("seed=1 optim.lr=1e-05 threads=1", ["seed"], ["seed-1", "optim.lr-1e-05_seed-1"]),
        ("model=cnngan logger=none", ["logger"], ["model-cnngan"]),
        ("+trainer.a=1 seed=2", ["trainer.a"], ["+trainer.a-1", "+trainer.a-1_seed-2"]),
        ("experiment=paper seed=1", ["seed"], ["seed-1", "seed-1"]),
        ("experiment=paper", ["experiment"], ["experiment-paper", "experiment-paper"]),
        ("", [], ["defaults"]),
    ],
)
def test_a_run_is_named_by_what_varies_or_by_all_its_overrides(overrides, varying, expected):
    assert names.run_names(overrides.split(), varying) == expected


def test_names_that_had_to_be_changed_stay_apart():
    odd = [["a=x/y"], ["a=x,y"], ["a=[x,y]"], ["a='x y'"], ["a=" + "x" * 300], ["a=" + "x" * 301]]
    folders = [names.folder_name(overrides, []) for overrides in odd]
    assert len(set(folders)) == len(odd)
    assert all(len(name) < 140 and set(name) <= set(SAFE) for name in folders)


def test_a_run_is_found_by_its_settings_and_another_one_gets_another_name(new_run, tmp_path):
    old = new_run("seed=1", name="an old name")
    new_run("seed=2", name="seed-2")
    (new_run("seed=3", name="seed-3").config_path).write_text("damaged: [")
    taken = places.saved(tmp_path)
    assert taken.keys() == {"an old name", "seed-2"}
    wanted = settings.run_settings(old.config())
    assert places.choose(taken, wanted, "seed-1") == "an old name"
    assert places.choose(taken, {**wanted, "seed": 1.0, "threads": None}, "x") == "an old name"
    other = {**wanted, "optim.lr": 0.5}
    assert places.choose(taken, other, "seed-1", "long") == "seed-1"
    assert places.choose(taken, other, "seed-2", "long") == "long"
    last = places.choose(taken, other, "seed-2")
    assert last.startswith("seed-2_")
    assert last == places.choose(taken, other, "seed-2")
    assert last != places.choose(taken, {**wanted, "optim.lr": 0.6}, "seed-2")
    assert places.saved(tmp_path / "nothing") == {}
