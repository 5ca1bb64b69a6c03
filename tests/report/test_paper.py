import subprocess
import sys

import pytest

from mnistgen.config import settings
from mnistgen.report import paper
from mnistgen.tracking.groups import Group


@pytest.fixture
def group(composed):
    """A group of no runs, with the settings that overrides make."""

    def group(*overrides):
        config = composed("model=cnngan", "experiment=paper", *overrides)
        return Group("cnngan", settings.recipe_settings(config), [])

    return group


def test_a_model_that_is_not_in_conf_has_no_recipe():
    for name in ("<script>", "../model/cnngan"):
        assert paper.recipe(name) == {}


def test_changes_name_what_is_otherwise_and_not_what_repeats(group):
    changes = paper.changes(group("seed=9", "threads=1", "optimizer=sgd", "lr=cosine"))
    assert {"optim=SGD", "lr=cosine"} <= set(changes)
    assert not any(text.startswith(("seed", "threads")) for text in changes)
    assert paper.changes(group("seed=9")) == ()


def test_a_list_is_one_setting():
    assert paper.recipe("cnngan")["optim.betas"] == [0.9, 0.999]


def test_what_the_paper_says_nothing_of_makes_a_run_none_of_another_recipe(group):
    silent = group("trainer.precision=32-true", "trainer.quality_every=1")
    assert paper.is_papers(silent)
    assert paper.changes(silent) == ()
    assert paper.details(silent) == ("trainer.precision=32-true", "trainer.quality_every=1")
    both = group("optim.lr=1e-3", "trainer.precision=32-true")
    assert not paper.is_papers(both)
    assert paper.changes(both) == ("optim.lr=0.001",)
    assert paper.details(both) == ("trainer.precision=32-true",)


@pytest.mark.parametrize(
    ("model", "key", "value", "agrees"),
    [
        ("cnngan", "optim.lr", 1e-4, True),
        ("cnngan", "optim.lr", 1e-5, False),
        ("densegan", "optim.lr", 1e-5, True),
        ("densevae", "model.latent_dim", 4, False),  # its recipe's, but Table 3 has 10
        ("cnngan", "data.binarize", "static", False),  # not in Table 3
        ("cnngan", "trainer.precision", "32-true", True),
        ("cnngan", "data.val_size", 5000, True),
        ("cnngan", "data.val_size", 50_000, False),
        ("another", "optim.lr", 1.0, True),
    ],
)
def test_table_3_comes_before_the_recipe(model, key, value, agrees):
    assert paper.agrees(model, key, value) is agrees


def test_the_papers_facts_need_no_torch_and_no_matplotlib():
    code = "import sys, mnistgen.report.paper; print({'torch', 'matplotlib'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
