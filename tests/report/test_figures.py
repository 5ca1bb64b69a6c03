import numpy as np
import pytest

from mnistgen.report import figures
from mnistgen.report.evidence import gather
from mnistgen.report.figures import FIGURES


@pytest.fixture
def evidence(tmp_path):
    (tmp_path / "outputs").mkdir(exist_ok=True)
    return lambda: gather(tmp_path / "outputs")


def lines(ax):
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines
    }


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_each_figure_has_words_around_it_and_is_a_gap_without_runs(evidence):
    nothing = evidence()
    for entry in FIGURES:
        assert entry.title.endswith(".")
        assert entry.caption.endswith(".")
        assert entry.alt
        assert entry.draw(nothing) is None
    assert len({entry.name for entry in FIGURES}) == len(FIGURES) == 12


def test_losses_are_those_of_metrics_csv_a_panel_a_gan(make, evidence):
    curves = {"train/g_loss": [0.7, 0.5], "train/d_loss": [1.2, 1.3]}
    make("a", "densegan", curves=curves)
    first, second, third = figures.gan_losses(evidence()).axes
    assert lines(first) == {
        "generator": ([1, 2], [0.7, 0.5]),
        "discriminator": ([1, 2], [1.2, 1.3]),
    }
    assert [panel.get_title() for panel in (first, second, third)] == [
        "densegan",
        "densegan_deep",
        "cnngan",
    ]
    assert words(second) == words(third) == ["no run"]


def test_fid_has_a_line_a_seed_and_names_each_model_that_has_none(make, evidence):
    for seed, fid in ((1, 2.0), (2, 2.5)):
        make(f"s{seed}", "densevae", seed=seed, curves={"val/fid": [3.0, fid]})
    (ax,) = figures.fid(evidence()).axes
    values = [list(line.get_ydata()) for line in ax.lines if len(line.get_ydata())]
    assert values == [[3.0, 2.0], [3.0, 2.5]]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "densegan: not measured", "densegan_deep: not measured", "cnngan: not measured",
        "densevae", "cnnvae: not measured",
    ]  # fmt: skip
    assert ax.get_yscale() == "log"


def test_the_elbo_of_the_vaes_is_that_of_its_terms_whatever_the_loss_is(make, evidence):
    terms = {"train/reconstruction": [190.0, 130.0], "train/kl": [10.0, 20.0]}
    make("a", "cnnvae", curves={"train/loss": [200.0, 150.0], **terms})
    four = {"bound.beta": 4, "optim.lr": 1e-3}
    make("b", "densevae", changed=four, curves={"train/loss": [230.0, 210.0], **terms})
    (ax,) = figures.elbo(evidence()).axes
    assert lines(ax)["cnnvae"] == lines(ax)["densevae"] == ([1, 2], [200.0, 150.0])
    assert ax.get_yscale() == "linear"


def test_rates_have_a_line_a_sweep(make, evidence):
    for rate, fid in ((1e-4, 40.0), (1e-3, 20.0), (1e-2, 90.0)):
        make(f"{rate}", "cnngan", changed={"optim.lr": rate}, curves={"val/fid": [99.0, fid]})
    (ax,) = figures.rates(evidence()).axes
    assert lines(ax)["cnngan"] == ([1e-4, 1e-3, 1e-2], [40.0, 20.0, 90.0])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("optim.lr", "val/fid")


def test_samples_are_those_of_the_last_epoch_and_a_missing_one_is_a_gap(make, evidence, grid):
    make("a", "densegan", picture=lambda epoch: grid(epoch / 10))
    first, second, _ = figures.gan_samples(evidence()).axes
    assert np.allclose(first.images[0].get_array(), grid(0.2), atol=1 / 255)
    assert first.get_title() == "densegan"
    assert words(second) == ["no picture"]
    assert figures.vae_outputs(evidence()) is None


def test_the_strips_have_a_column_an_epoch(make, evidence, grid):
    make("a", "densegan", picture=grid(0.1))
    make("b", "cnngan")
    titles = [ax.get_title() for ax in figures.epochs(evidence()).axes]
    assert titles == ["epoch 1", "epoch 2", "", ""]


def test_the_best_recipe_of_a_model_stands_under_the_papers(make, evidence, grid):
    make("paper", "densegan", metrics={"fid": 700.0}, picture=grid(0.1))
    assert figures.recipes(evidence()) is None
    for seed, fid in ((1, 30.0), (2, 40.0)):
        changed = {"optim.lr": 1e-3}
        make(f"s{seed}", "densegan", seed=seed, changed=changed, metrics={"fid": fid})
    make("worse", "densegan", changed={"optim.lr": 1e-2}, metrics={"fid": 800.0})
    make("other", "cnngan", picture=grid(0.3))
    figure = figures.recipes(evidence())
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["densegan: 700", "cnngan", "densegan: 35", "cnngan"]
    first, second, third, fourth = figure.axes
    assert words(first) == ["the paper's"]
    assert words(third) == ["the best", "no picture"]
    assert np.allclose(first.images[0].get_array(), grid(0.1, 4, 4), atol=1 / 255)
    assert np.allclose(second.images[0].get_array(), fourth.images[0].get_array())


def test_confusions_add_up_over_seeds(make, evidence):
    counts = np.diag([900] * 10)
    counts[4, 9] = 7
    for seed in (1, 2):
        make(f"s{seed}", "densevae", seed=seed, metrics={"confusion": counts.tolist()})
    first, second = figures.confusions(evidence()).axes
    cells = {tuple(map(int, t.get_position())): t.get_text() for t in first.texts}
    assert cells[(9, 4)] == "14"  # column, row
    assert cells[(3, 3)] == "1800"
    assert words(second) == ["not evaluated"]


def test_a_checkpoint_shows_its_latents_and_its_manifold(make, evidence):
    make("a", "densevae", checkpoint=True)
    first, second = figures.latent_space(evidence()).axes
    assert sum(len(part.get_offsets()) for part in first.collections) == 2_000
    assert words(second) == ["no checkpoint"]
    first, second = figures.manifold(evidence()).axes
    assert first.images[0].get_array().shape == (15 * 30 + 2, 15 * 30 + 2)
    assert words(second) == ["no picture"]
