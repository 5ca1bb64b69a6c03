"""What is in a report: which figure and table is made of which runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mnistgen import charts
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
from mnistgen.report.figures import Array, Curve
from mnistgen.report.groups import GANS, MODELS, VAES, Group
from mnistgen.report.latents import Toy
from mnistgen.report.records import Note, Record
from mnistgen.report.style import Drawn
from mnistgen.report.sweeps import Sweep
from mnistgen.tables import Table
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

RATE = "optim.lr"

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
    swept = sweeps.find(pooled, RATE) + sweeps.find(pooled, "data.batch_size")
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
    """How each figure is drawn that has anything to show."""

    def curves(model: str, name: str) -> list[Curve]:
        return chosen[model].curves(name) if model in chosen else []

    def last(model: str, name: str) -> Array | None:
        return snapshots.last(chosen.get(model), name)

    vaes = {name: models.get(name) for name in VAES}
    elbo = partial(figures.curves, label="-ELBO (nats an image)")
    fid = partial(figures.curves, label="FID of 2,000 samples", log=True)
    data: dict[str, tuple[Callable[[Any], Figure], dict[str, Any]]] = {
        "figure-1-gan-samples": (figures.images, {name: last(name, "samples") for name in GANS}),
        "figure-2-gan-losses": (
            figures.gan_losses,
            {name: _losses(chosen, name) for name in GANS},
        ),
        "figure-3-vae-outputs": (
            figures.images,
            {name: last(name, "reconstructions") for name in VAES},
        ),
        "figure-4-elbo": (elbo, {name: curves(name, "train/loss") for name in VAES}),
        "fid": (
            fid,
            {name: curves(name, "val/fid") for name in {**dict.fromkeys(MODELS), **chosen}},
        ),
        "epochs": (figures.filmstrip, {name: _stills(group) for name, group in chosen.items()}),
        "latent-space": (
            figures.latents,
            {name: latents.plane(model) if model else None for name, model in vaes.items()},
        ),
        "manifold": (
            figures.images,
            {name: latents.manifold(model) if model else None for name, model in vaes.items()},
        ),
        "confusion": (
            figures.confusions,
            {name: chosen[name].confusion() if name in chosen else None for name in VAES},
        ),
        "rates": (_draw_rates, rates(swept)),
    }
    return {
        name: partial(draw, found)
        for name, (draw, found) in data.items()
        if any(part is not None and len(part) for part in found.values())
    }


def _losses(chosen: Mapping[str, Group], model: str) -> dict[str, list[Curve]]:
    if model not in chosen:
        return {}
    found = {loss: chosen[model].curves(f"train/{loss}") for loss in ("g_loss", "d_loss")}
    return {loss: curves for loss, curves in found.items() if curves}


def _stills(group: Group) -> dict[int, Array]:
    pictures = snapshots.through_epochs(group, STILLS)
    return {epoch: snapshots.corner(picture, 4) for epoch, picture in pictures.items()}


def rates(swept: list[Sweep]) -> dict[str, charts.Curve]:
    """The last FID at each rate of each sweep that has one."""
    found = {}
    for sweep in swept:
        told = {value: group.told("objective") for value, group in sweep.groups.items()}
        measured = {value: pooled for value, pooled in told.items() if pooled}
        if sweep.key == RATE and measured:
            found[sweep.label] = charts.Curve(
                model=sweep.model,
                label=sweep.label,
                x=list(measured),
                mean=[pooled.mean for pooled in measured.values()],
                deviation=[pooled.sd for pooled in measured.values()],
            )
    return found


def _draw_rates(found: Mapping[str, charts.Curve]) -> Figure:
    return charts.metric_against_key(list(found.values()), key=RATE, metric="val/fid")
