"""Which keys make two runs the same: one table of pairs, and whoever compares runs."""

import copy

import pytest

from mnistgen.config import compose, rules, settings, values
from mnistgen.errors import UserError
from mnistgen.report import evidence
from mnistgen.sweeps import comparison
from mnistgen.sweeps.jobs import Job
from mnistgen.tracking import groups, records, store
from mnistgen.tracking.folder import RunFolder
from mnistgen.training import resume

PAIRS = [
    # one run, another, are they the same run, are they of the same recipe
    ("threads=1", "threads=2", True, True),
    ("logger=none", "logger=csv", True, True),
    ("outputs=a", "outputs=b", True, True),
    ("sweep=a", "sweep=b", True, True),
    ("retry=null", "retry=failed", True, True),
    ("seed=1", "seed=2", False, True),
    ("optim.lr=1e-3", "optim.lr=1e-4", False, False),
    ("optimizer=adam", "optimizer=nadam", False, False),
    ("optim.fused=true", "optim.fused=false", False, False),
    ("optim.betas=[0.5,0.9]", "optim.betas=[0.5,0.99]", False, False),
    ("lr=constant", "lr=cosine", False, False),
    ("model.latent_dim=4", "model.latent_dim=5", False, False),
    ("data.root=null", "data.root=elsewhere", False, False),
    ("data.val_size=0", "data.val_size=5000", False, False),
    ("trainer.precision=auto", "trainer.precision=32-true", False, False),
    ("trainer.quality_every=1", "trainer.quality_every=5", False, False),
    ("trainer.limit_train_batches=1.0", "trainer.limit_train_batches=7", False, False),
    ("bound=elbo", "bound=iwae", False, False),
    ("bound.beta=1", "bound.beta=4", False, False),
    ("bound.kl=closed_form", "bound.kl=monte_carlo", False, False),
]


@pytest.fixture
def pair(tmp_path, composed):
    """Two finished run folders, each made with one override."""

    def make(*overrides):
        for number, override in enumerate(overrides):
            run = store.create(
                tmp_path / f"run{number}",
                model="densevae",
                config=settings.to_save(composed(override)),
                overrides=[override],
            )
            run.write_metrics([{"epoch": 1, "val/fid": 1.0}])
            run.update(status="finished")
        return records.read_all(tmp_path)[0]

    return make


@pytest.mark.parametrize(("first", "second", "same_run", "same_recipe"), PAIRS)
def test_whoever_compares_runs_agrees(pair, composed, first, second, same_run, same_recipe):
    one, other = pair(first, second)

    job = Job(one.run, "densevae", [second], settings.to_save(composed(second)))  # of a sweep
    if same_run:
        assert job.is_done(retry=False)
    else:
        key = second.partition("=")[0]
        key = {"optimizer": "optim"}.get(key, key)
        with pytest.raises(UserError, match=rf"is a run with {key}\S*="):
            job.is_done(retry=False)

    seeds = 1 if same_run else 2
    reported = evidence.gather(one.run.path.parent).groups
    for pooled in (groups.pool([one, other]), reported):
        assert len(pooled) == (1 if same_recipe else 2)
        if same_recipe:
            assert len(pooled[0].records) == seeds
    table = comparison.compare([one, other], "val/fid").table()
    assert len(table.rows) == (1 if same_recipe else 2)

    if same_run:  # then a run may go on with it
        assert resume.choose(str(one.run.path), RunFolder(one.run.path).path, [second]) is not None
    else:
        with pytest.raises(UserError, match="is not allowed with resume="):
            resume.choose(str(one.run.path), one.run.path, [second])


def test_a_resumed_run_takes_what_makes_it_no_other_run(pair, composed):
    one, _ = pair("threads=1", "seed=2")
    one.run.update(epochs=3)
    overrides = ["threads=2", "logger=csv", "trainer.max_epochs=70", "outputs=x"]
    resume.change(one.run, resume.changed(one.run, composed(*overrides), overrides), overrides)
    saved = one.run.config()
    assert (saved["threads"], saved["trainer"]["max_epochs"]) == (2, 70)
    assert saved["logger"]["_target_"].endswith("CSVLogger")
    assert "outputs" not in saved
    assert one.run.info().status == "interrupted"
    assert settings.run_settings(saved) == {
        **settings.run_settings(one.config),
        "trainer.max_epochs": 70,
    }
    with pytest.raises(UserError, match=r"trainer.max_epochs=2 .* has trained 3 epochs"):
        resume.changed(one.run, composed("trainer.max_epochs=2"), ["trainer.max_epochs=2"])


@pytest.mark.parametrize("override", ["~logger", "~threads", "~trainer.max_epochs", "~optim.lr"])
def test_a_resumed_run_loses_no_key(pair, override):
    one, _ = pair("threads=1", "seed=2")
    with pytest.raises(UserError, match=f"{override} is not allowed with resume="):
        resume.choose(str(one.run.path), one.run.path, [override])


def test_differences_name_what_differs_in_few_characters(composed):
    plain = settings.recipe_settings(composed("model=cnngan"))
    changed = composed("model=cnngan", "seed=9", "threads=1", "optimizer=sgd", "lr=cosine")
    found = settings.differences(settings.recipe_settings(changed), plain, silent=False)
    assert {"optim=SGD", "lr=cosine", "optim.betas=null"} <= set(found)
    assert not any(text.startswith(("seed", "threads", "logger")) for text in found)
    assert settings.differences(plain, plain, silent=False) == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-4, "0.0001"),
        (None, "null"),
        (True, "true"),
        ([0.5, 0.999], "[0.5,0.999]"),
        ("torch.optim.Adam", "Adam"),
        ("mnistgen.models.CNNGAN", "CNNGAN"),
        ("a/b.c", "a/b.c"),
    ],
)
def test_a_setting_is_shown_in_few_characters(value, text):
    assert settings.shown(value) == text


def test_few_validation_images_are_a_silent_setting_and_many_are_not(composed):
    paper = settings.recipe_settings(composed("data.val_size=0"))
    few, many = (5000, 6000, 0.1), (6001, 50_000, 0.11)
    for size, silent in [*((size, True) for size in few), *((size, False) for size in many)]:
        changed = settings.recipe_settings(composed(f"data.val_size={size}"))
        shown = (f"data.val_size={size}",)
        assert settings.differences(changed, paper, silent=silent) == shown
        assert settings.differences(changed, paper, silent=not silent) == ()


@pytest.mark.parametrize(
    ("overrides", "images"),
    [
        ([], 55_000),
        (["data.val_size=0"], 60_000),
        (["data.val_size=0.1"], 54_000),
        (["trainer=smoke"], 256),
        (["trainer.limit_train_batches=1"], 128),
        (["trainer.limit_train_batches=0.5"], 215 * 128),  # of 430 batches
        (["trainer.limit_train_batches=9999"], 55_000),
        (["trainer=ddp", "trainer.limit_train_batches=2"], 2 * 2 * 128),
    ],
)
def test_an_epoch_sees_the_images_that_the_settings_leave_it(composed, overrides, images):
    assert settings.images_an_epoch(settings.flat(composed(*overrides))) == images


@pytest.mark.parametrize("model", ["densegan", "densegan_deep", "cnngan", "densevae", "cnnvae"])
def test_a_run_from_before_there_was_a_choice_is_the_run_with_the_choice_of_then(composed, model):
    now = composed(f"model={model}")
    before = copy.deepcopy(now)
    before.pop("game", None)
    before.pop("bound", None)
    before["model"].pop("real_and_fake", None)
    assert settings.run_settings(before) == settings.run_settings(now)
    assert settings.said(before).items() < settings.said(now).items()  # which loggers are told
    assert compose.command(model, before) == f"python -m mnistgen model={model}"


def test_a_saved_run_that_has_its_losses_in_its_model_is_the_same_run(composed, tmp_path):
    now, path = composed("model=densegan", "game=hinge"), tmp_path / "config.yaml"
    before = copy.deepcopy(now)
    before["model"]["game"] = before.pop("game")
    path.write_text(values.to_yaml(before))
    assert rules.read_checked(path) == rules.read_saved(path) == now


@pytest.mark.parametrize("model", ["densevae", "cnnvae"])
def test_a_run_from_before_a_bound_had_options_is_the_run_with_those_of_then(composed, model):
    now = composed(f"model={model}")
    before, named = copy.deepcopy(now), copy.deepcopy(now)
    del before["bound"]
    named["bound"] = {"_target_": "mnistgen.models.bounds.ELBO"}
    for old in (before, named):
        assert settings.run_settings(old) == settings.run_settings(now)
        assert compose.command(model, old) == f"python -m mnistgen model={model}"


def test_an_estimate_of_the_papers_bound_is_the_papers_and_another_bound_is_not(composed):
    paper, estimate, other = (
        settings.recipe_settings(composed("model=densevae", *more))
        for more in ([], ["bound.kl=monte_carlo"], ["bound=iwae"])
    )
    assert settings.differences(estimate, paper, silent=False) == ()
    changes = ("bound=IWAE", "bound.k=5")
    assert settings.differences(other, paper, silent=False) == changes


def test_silent_settings_are_keys_of_the_configuration(composed):
    assert set(settings.SILENT) <= settings.said(composed()).keys()
    assert not set(settings.COMMAND) & settings.said(composed()).keys()
