import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from mnistgen.config import compose, settings, values


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=cnngan"],
        ["model=densevae", "experiment=paper", "seed=3"],
        ["model=cnnvae", "optimizer=nadam", "lr=onecycle", "optim.lr=3e-4", "threads=1"],
        ["model=densegan", "optim.betas=[0.5,0.999]", "trainer.max_epochs=7"],
        ["model=densevae", "model.bound.beta=4", "model.bound.kl=monte_carlo"],
        ["model=cnnvae", "bound=iwae", "model.bound.k=50"],
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
