import shlex

import pytest

from mnistgen import config
from mnistgen.report import settings

kept = config.of_the_run


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=cnngan"],
        ["model=densevae", "experiment=paper", "seed=3"],
        ["model=cnnvae", "optimizer=nadam", "lr=onecycle", "optim.lr=3e-4", "threads=1"],
        ["model=densegan", "optim.betas=[0.5,0.999]", "trainer.max_epochs=7"],
        ["model=cnnvae", "+trainer.gradient_clip_val=1", "~trainer.limit_val_batches"],
        ["model=densevae", "data=kmnist", "data.root='/a folder/it\\'s'"],
    ],
)
def test_the_command_of_a_run_asks_for_its_very_configuration_again(composed, overrides):
    asked = composed(*overrides)
    python, dash, module, *again = shlex.split(settings.command(overrides[0][6:], asked))
    assert [python, dash, module] == ["python", "-m", "mnistgen"]
    assert kept(composed(*again)) == kept(asked)


def test_the_command_of_the_papers_recipe_is_short(composed):
    command = settings.command("cnngan", composed("model=cnngan"))
    assert command == "python -m mnistgen model=cnngan"


def test_a_model_that_is_not_in_conf_has_no_command_and_no_recipe(composed):
    for name in ("<script>", "../model/cnngan"):
        assert settings.command(name, composed()) == ""
        assert settings.paper(name) == {}


def test_differences_name_what_is_otherwise_and_not_what_repeats(composed):
    asked = composed(
        "model=cnngan", "experiment=paper", "seed=9", "threads=1", "optimizer=sgd", "lr=cosine"
    )
    found = settings.differences(settings.of(asked), settings.paper("cnngan"))
    assert {"optim=SGD", "lr=cosine"} <= set(found)
    assert not any(text.startswith(("seed", "threads")) for text in found)
    same = settings.of(composed("model=cnngan", "experiment=paper", "seed=9"))
    assert settings.differences(same, settings.paper("cnngan")) == ()


def test_a_list_is_one_setting(composed):
    assert settings.of(composed("model=cnngan"))["optim.betas"] == [0.9, 0.999]
