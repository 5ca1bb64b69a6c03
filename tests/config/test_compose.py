import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from mnistgen.config import compose, settings, values
from mnistgen.errors import UserError


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=cnngan"],
        ["model=densevae", "experiment=paper", "seed=3"],
        ["model=cnnvae", "optimizer=nadam", "lr=onecycle", "optim.lr=3e-4", "threads=1"],
        ["model=densegan", "optim.betas=[0.5,0.999]", "trainer.max_epochs=7"],
        ["model=densegan", "model.real_and_fake=joint", "game.gradient_penalty=r1"],
        ["model=cnngan", "game=wasserstein", "game.penalty_weight=1"],
        ["model=densevae", "bound.beta=4", "bound.kl=monte_carlo"],
        ["model=cnnvae", "bound=iwae", "bound.k=50"],
        ["model=cnnvae", "+trainer.gradient_clip_val=1", "~trainer.limit_val_batches"],
        ["model=cnngan", "callbacks=[ema,early_stopping]", "callbacks.ema.decay=0.9"],
        ["model=densevae", "data=kmnist", "data.root='/a folder/it\\'s'"],
    ],
)
def test_the_command_of_a_run_asks_for_its_very_configuration_again(composed, overrides):
    config = composed(*overrides)
    python, dash, module, *again = shlex.split(compose.command(overrides[0][6:], config))
    assert [python, dash, module] == ["python", "-m", "mnistgen"]
    assert settings.to_save(composed(*again)) == settings.to_save(config)


def test_the_command_of_the_papers_recipe_is_short(composed):
    command = compose.command("cnngan", composed("model=cnngan"))
    assert command == "python -m mnistgen model=cnngan"


def test_a_model_that_is_not_in_conf_has_no_command(composed):
    for name in ("<script>", "../model/cnngan"):
        assert compose.command(name, composed()) == ""


@pytest.mark.parametrize(
    "text",
    ["", "a b", "it's", "\\", "a\\'b\\\\", "é?#%", "{a,b}", "null", "True", "2024", "1e6", ".5"],
)
def test_a_text_is_typed_so_that_hydra_reads_it_as_it_is(text):
    override = OverridesParser.create().parse_override(f"key={values.to_override(text)}")
    assert str(getattr(override.value(), "text", override.value())) == text
    assert override.value() == text or isinstance(override.value(), QuotedString)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("model=densevae", "game=hinge"), r"game=hinge .*: the model that is chosen has no game"),
        (
            ("model=densegan", "bound=elbo"),
            r"bound=elbo .*: the model .* has no bound",
        ),
        (("model=densegan", "game=hing"), r"game=hing is not a choice: .* hinge, least_squares"),
        (("model=densegan", "gradient_penalty=r1"), r"mean game.gradient_penalty\?"),
        (("model=densegan", "game.gradient_penalty=r2"), r"r2 .* none or r1 or wgan_gp"),
        (("model=densegan", "game.penalty_weight=0"), r"0 .* a number above 0"),
        (("trainr.max_epochs=1",), r"trainr.max_epochs is not a key: did you mean trainer.max_ep"),
    ],
)
def test_a_choice_within_the_model_is_refused_in_words_that_help(overrides, words):
    with pytest.raises(UserError, match=words):
        compose.compose(*overrides)
