"""What is in a report: which figure and table is made of which runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from mnistgen.report import (
    claims,
    figures,
    groups,
    latents,
    networks,
    records,
    snapshots,
    style,
    sweeps,
    tables,
)
from mnistgen.report.evidence import Claim, Evidence
from mnistgen.report.figures import Array
from mnistgen.report.groups import GANS, MODELS, VAES, Group
from mnistgen.report.latents import Toy
from mnistgen.report.records import Note, Record
from mnistgen.report.style import Drawn
from mnistgen.report.sweeps import Sweep
from mnistgen.report.tables import Table
from mnistgen.trained import Trained

FIGURES = (
    "figure-1-gan-samples", "figure-2-gan-losses", "figure-3-vae-outputs", "figure-4-elbo",
    "fid", "epochs", "latent-space", "manifold", "confusion", "rates",
)  # fmt: skip
"""The figures' file names; one that is not drawn is a gap."""

TABLES = (
    "table-1-gans", "table-2-vaes", "table-3-hyperparameters", "table-4-results",
    "table-5-provenance", "all-settings", "all-results", "claims",
)  # fmt: skip
"""The tables' file names."""

FRAMES = 50
"""Epochs of a model that the page holds at most."""

FRAME = 5
"""Rows and columns of each that it shows."""

STILLS = 7
"""Epochs of a model that the figure on paper shows at most."""


@dataclass
class Contents:
    """All that a page is rendered from."""

    records: list[Record]
    notes: list[Note]
    chosen: dict[str, Group]
    sweeps: list[Sweep]
    claims: list[Claim]
    tables: dict[str, Table]
    figures: dict[str, Drawn]
    epochs: dict[str, dict[int, Array]] = field(default_factory=dict)
    toys: dict[str, Toy] = field(default_factory=dict)


def of(root: Path, *, play: bool) -> Contents:
    """Everything that the run folders below `root` give."""
    found, damaged = records.read(root)
    found, otherwise = groups.comparable(found)
    pooled = groups.pool(found)
    chosen = groups.chosen(pooled)
    swept = sweeps.find(pooled, "optim.lr") + sweeps.find(pooled, "data.batch_size")
    judged = claims.all_of(Evidence(chosen, swept))
    models = {name: model for name in chosen if (model := latents.load(chosen[name]))}
    shown = [name for name in MODELS if name in chosen] + [n for n in chosen if n not in MODELS]
    return Contents(
        records=found,
        notes=damaged + otherwise,
        chosen={name: chosen[name] for name in shown},
        sweeps=swept,
        claims=judged,
        tables=_tables(found, pooled, chosen, judged),
        figures={
            name: style.draw(figure) for name, figure in _figures(chosen, swept, models).items()
        },
        epochs={
            name: {epoch: snapshots.corner(picture, FRAME) for epoch, picture in frames.items()}
            for name in shown
            if (frames := snapshots.through_epochs(chosen[name], FRAMES))
        },
        toys={name: latents.toy(models[name]) for name in shown if play and name in models},
    )


def _tables(
    found: list[Record], pooled: list[Group], chosen: Mapping[str, Group], judged: list[Claim]
) -> dict[str, Table]:
    shown = [group for group in pooled if chosen[group.model] is group]
    return {
        "table-1-gans": networks.table(GANS),
        "table-2-vaes": networks.table(VAES),
        "table-3-hyperparameters": tables.hyperparameters(shown).transposed(),
        "table-4-results": tables.results(shown, expected=MODELS).transposed(),
        "table-5-provenance": tables.provenance(found),
        "all-settings": tables.hyperparameters(pooled),
        "all-results": tables.results(pooled),
        "claims": tables.verdicts(judged),
    }


def _figures(
    chosen: Mapping[str, Group], swept: list[Sweep], models: Mapping[str, Trained]
) -> dict[str, Callable[[], Figure]]:
    """How each figure is drawn for which there is anything to show."""
    drawn: dict[str, Callable[[], Figure]] = {}
    gans, vaes = ({name: chosen[name] for name in kind if name in chosen} for kind in (GANS, VAES))
    if gans:
        samples = {name: snapshots.last(chosen.get(name), "samples") for name in GANS}
        drawn["figure-1-gan-samples"] = partial(figures.images, samples)
        losses = {
            name: {loss: _curves(chosen, name, f"train/{loss}") for loss in ("g_loss", "d_loss")}
            for name in GANS
        }
        drawn["figure-2-gan-losses"] = partial(figures.gan_losses, losses)
    if vaes:
        outputs = {name: snapshots.last(chosen.get(name), "reconstructions") for name in VAES}
        drawn["figure-3-vae-outputs"] = partial(figures.images, outputs)
        elbo = {name: _curves(chosen, name, "train/loss") for name in VAES}
        drawn["figure-4-elbo"] = partial(figures.curves, elbo, "-ELBO (nats an image)")
        drawn["confusion"] = partial(
            figures.confusions,
            {name: chosen[name].confusion() if name in chosen else None for name in VAES},
        )
    of_models = {name: models[name] for name in VAES if name in models}
    planes = {name: latents.plane(model) for name, model in of_models.items()}
    if any(planes.values()):
        drawn["latent-space"] = partial(figures.latents, {name: planes.get(name) for name in VAES})
    manifolds = {name: latents.manifold(model) for name, model in of_models.items()}
    if any(picture is not None for picture in manifolds.values()):
        drawn["manifold"] = partial(figures.images, {name: manifolds.get(name) for name in VAES})
    if chosen:
        fid = {
            name: _curves(chosen, name, "val/fid") for name in dict.fromkeys([*MODELS, *chosen])
        }
        drawn["fid"] = partial(figures.curves, fid, "FID of 2,000 samples", log=True)
        strips = {
            name: {
                epoch: snapshots.corner(picture, 4)
                for epoch, picture in snapshots.through_epochs(group, STILLS).items()
            }
            for name, group in chosen.items()
        }
        drawn["epochs"] = partial(figures.filmstrip, strips)
    over_rates = {
        sweep.label: (sweep.model, values)
        for sweep in swept
        if sweep.key == "optim.lr" and (values := _objectives(sweep))
    }
    if over_rates:
        drawn["rates"] = partial(figures.rates, over_rates, "val/fid at the last epoch")
    return drawn


def _curves(chosen: Mapping[str, Group], model: str, name: str) -> list[figures.Curve]:
    return list(chosen[model].curves(name)) if model in chosen else []


def _objectives(sweep: Sweep) -> dict[float, list[float]]:
    return {
        value: pooled.values
        for value, group in sweep.groups.items()
        if (pooled := group.told("objective"))
    }
