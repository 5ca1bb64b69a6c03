"""The figures of the report in the order of the page: what each shows, and the words around it."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from matplotlib.figure import Figure

from mnistgen.plots import charts, panels
from mnistgen.report import latents, snapshots, why
from mnistgen.report.evidence import Evidence, confusion
from mnistgen.report.paper import GANS, MODELS, VAES, is_papers
from mnistgen.tracking import Curve, Group
from mnistgen.tracking.info import FID

Draw = Callable[[Evidence], Figure | None]  # None is a gap, where no run has what it shows
STILLS = 7  # epochs of a model that the figure on paper shows at most
SIDE = 4  # rows and columns of samples in a small picture


class Entry(NamedTuple):
    """A figure, and what the page says of it."""

    name: str  # of its files, and of its place on the page
    section: str
    title: str
    caption: str
    alt: str  # what those read who do not see the figure
    draw: Draw


FIGURES: list[Entry] = []


def figure(
    name: str, title: str, caption: str, *, section: str = "figures"
) -> Callable[[Draw], Draw]:
    """Make a function a figure of the report; its docstring is the alternative text."""

    def register(draw: Draw) -> Draw:
        alt = " ".join((draw.__doc__ or "").split())
        FIGURES.append(Entry(name, section, title, caption, alt, draw))
        return draw

    return register


@figure(
    "recipes",
    "The recipe of the tables, and the best one.",
    "Samples after the last epoch, of one seed. The title of each is its FID, a mean over seeds. "
    "The best recipe of a model is the one with the lowest FID.",
    section="results",
)
def recipes(evidence: Evidence) -> Figure | None:
    """Samples of each model, with the recipe of the tables over those with its best one."""
    shown = evidence.representatives
    best = {model: _best(evidence.groups, group) for model, group in shown.items()}
    if all(best[model] is group for model, group in shown.items()):
        return None
    name = "the paper's" if all(map(is_papers, shown.values())) else "of the tables"
    return panels.strips({name: _with_fid(shown), "the best": _with_fid(best)})


@figure(
    "fid",
    "FID against epoch.",
    "Of 2,000 samples, on a logarithmic axis: lower is better.",
    section="results",
)
def fid(evidence: Evidence) -> Figure | None:
    """FID against the epoch for each model, a line a seed."""
    models = dict.fromkeys([*MODELS, *evidence.representatives])
    curves = _curves(evidence, models, FID)
    label = "FID of 2,000 samples"
    return charts.against_epoch(curves, label=label, log=True) if any(curves.values()) else None


@figure(
    "rates",
    "FID against learning rate.",
    "The sweeps that these runs make up: three rates or more with all other settings the "
    "same. A band is one standard deviation over seeds.",
    section="results",
)
def rates(evidence: Evidence) -> Figure | None:
    """FID at the end of training against the learning rate, a line a sweep."""
    key, metric = "optim.lr", FID
    curves = [c for sweep in evidence.sweeps if sweep.key == key if (c := sweep.curve(metric))]
    return charts.metric_against_key(curves, key=key, metric=metric) if curves else None


@figure("figure-1-gan-samples", "Figure 1.", "Samples of the GANs after their last epoch.")
def gan_samples(evidence: Evidence) -> Figure | None:
    """Samples of the three GANs side by side."""
    return _images(_last(evidence, GANS, "samples"))


@figure(
    "figure-2-gan-losses",
    "Figure 2.",
    "Training losses of the GANs (in the paper's game in nats), means over each epoch; further "
    "seeds are thinner.",
)
def gan_losses(evidence: Evidence) -> Figure | None:
    """Generator and discriminator loss against the epoch for the three GANs."""
    generator = _curves(evidence, GANS, "train/g_loss")
    discriminator = _curves(evidence, GANS, "train/d_loss")
    if not any([*generator.values(), *discriminator.values()]):
        return None
    losses = {
        gan: {"generator": generator[gan], "discriminator": discriminator[gan]} for gan in GANS
    }
    return charts.panels_against_epoch(losses, label="loss")


@figure(
    "figure-3-vae-outputs",
    "Figure 3.",
    "Rows of real images fed to the encoder, each over the row that the decoder makes of it.",
)
def vae_outputs(evidence: Evidence) -> Figure | None:
    """Real images over what each VAE makes of them."""
    return _images(_last(evidence, VAES, "reconstructions"))


@figure(
    "figure-4-elbo",
    "Figure 4.",
    "The negative of the evidence lower bound of the VAEs in training: reconstruction plus KL.",
)
def elbo(evidence: Evidence) -> Figure | None:
    """Negative ELBO against the epoch for the two VAEs."""
    parts = [_curves(evidence, VAES, f"train/{term}") for term in ("reconstruction", "kl")]
    curves = {vae: list(map(_sum, *(part[vae] for part in parts))) for vae in VAES}
    label = "-ELBO (nats an image)"
    return charts.against_epoch(curves, label=label) if any(curves.values()) else None


@figure("epochs", "Samples through the epochs.", "The same latents after every epoch.")
def epochs(evidence: Evidence) -> Figure | None:
    """Samples of each model after some of its epochs."""
    strips = {}
    for model, group in evidence.representatives.items():
        stills = snapshots.through_epochs(group, most=STILLS, side=SIDE)
        strips[model] = {f"epoch {epoch}": picture for epoch, picture in stills.items()}
    return panels.strips(strips) if any(strips.values()) else None


@figure(
    "batches",
    "What the discriminator's batches hold.",
    "Samples after the last epoch: real and fake images in batches of their own, and in one. The "
    "title of each is its learning rate and its FID of 2,000 samples, a mean over seeds.",
    section="why",
)
def batches(evidence: Evidence) -> Figure | None:
    """Samples of the GANs with separate and with joint batches, at several rates."""
    rows: dict[str, dict[str, panels.Array | None]] = {}
    for cross in why.crosses(evidence.groups):
        for kind, groups in cross.groups.items():
            row = rows.setdefault(f"{cross.model}\n{kind}", {})
            for group in groups:
                fid = group.last(FID)
                title = f"{group.value(why.RATE):g}" + (f": {fid.mean:.0f}" if fid else "")
                row[title] = snapshots.last(group, "samples", side=SIDE)
    return panels.strips(rows) if rows else None


@figure(
    "latent-space",
    "Where the VAEs put the digits.",
    f"Posterior means of {latents.TEST_IMAGES:,} test images, each drawn as its label. Where a "
    "VAE has more than two dimensions the plane is that of the first two principal components.",
)
def latent_space(evidence: Evidence) -> Figure | None:
    """Latents of test images in a plane, each drawn as its digit."""
    planes = {vae: latents.plane(evidence.models.get(vae)) for vae in VAES}
    return panels.digits(planes) if any(planes.values()) else None


@figure(
    "manifold",
    "The manifold.",
    "Images over the first two latent dimensions, at equally probable steps; the other "
    "dimensions are 0.",
)
def manifold(evidence: Evidence) -> Figure | None:
    """Images decoded over a grid of the first two latent dimensions."""
    return _images({vae: latents.manifold(evidence.models.get(vae)) for vae in VAES})


@figure(
    "confusion",
    "Which digits a VAE confuses.",
    "Test images, by their true digit and by what a classifier reads from the VAE's "
    "reconstruction.",
)
def confusions(evidence: Evidence) -> Figure | None:
    """Confusion matrices of the digits read from reconstructions."""
    counts = {vae: confusion(evidence.representatives.get(vae)) for vae in VAES}
    if all(matrix is None for matrix in counts.values()):
        return None
    columns = "digit read from the reconstruction"
    return panels.confusions(counts, columns=columns, rows="true digit")


def _curves(evidence: Evidence, models: Iterable[str], column: str) -> dict[str, list[Curve]]:
    """A column of metrics.csv, of the runs that stand for each model."""
    groups = evidence.representatives
    return {model: groups[model].curves(column) if model in groups else [] for model in models}


def _best(groups: Iterable[Group], shown: Group) -> Group:
    """The group of the same model with the lowest FID; the one shown where none was evaluated."""
    same = [group for group in groups if group.model == shown.model]
    fids = [(pooled.mean, group) for group in same if (pooled := group.measure("fid"))]
    return min(fids, key=lambda pair: pair[0])[1] if fids else shown


def _with_fid(groups: Mapping[str, Group]) -> dict[str, panels.Array | None]:
    """Samples of each model after its last epoch, by its name and FID."""
    pictures = {}
    for model, group in groups.items():
        fid = group.measure("fid")
        title = f"{model}: {fid.mean:.3g}" if fid else model
        pictures[title] = snapshots.last(group, "samples", side=SIDE)
    return pictures


def _sum(first: Curve, second: Curve) -> Curve:
    """Two curves of one run, added; a point that either lacks is a gap."""
    pairs = zip(first.y, second.y, strict=True)
    return first._replace(y=[None if a is None or b is None else a + b for a, b in pairs])


def _last(evidence: Evidence, models: Iterable[str], name: str) -> dict[str, panels.Array | None]:
    """The newest picture of a name, of the run that stands for each model."""
    groups = evidence.representatives
    return {model: snapshots.last(groups.get(model), name) for model in models}


def _images(pictures: Mapping[str, panels.Array | None]) -> Figure | None:
    some = any(picture is not None for picture in pictures.values())
    return panels.images(pictures) if some else None
