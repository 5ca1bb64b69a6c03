"""A report's files: the page, and beside it each figure and table for use elsewhere."""

import base64
from functools import cache, partial
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

import mnistgen
from mnistgen.files import write_atomically
from mnistgen.plots import charts
from mnistgen.plots.tables import Table
from mnistgen.report import claims, latents, paper, ranking, snapshots, verdicts, why
from mnistgen.report.evidence import Evidence
from mnistgen.report.figures import FIGURES
from mnistgen.report.tables import TABLES

RUNTIME = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.gz"

FRAMES = 50  # epochs of a model that the page holds at most
SIDE = 5  # rows and columns of samples that it shows of each
WEBP_QUALITY = 60


def write(evidence: Evidence, folder: Path, *, play: bool) -> None:
    """Write every file of a report, and take away what an earlier one had and this one has not."""
    for name, content in files(evidence, play=play).items():
        path = folder / name
        if content is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)


def files(evidence: Evidence, *, play: bool) -> dict[str, bytes | None]:
    """Every file of a report by its path in the folder; None for one that it has not.

    With `play` the page has the decoders in it.
    """
    forms = {entry.name: charts.forms(partial(entry.draw, evidence)) for entry in FIGURES}
    tables = {entry.name: entry.fill(evidence) for entry in TABLES}
    content: dict[str, bytes | None] = {}
    for name, form in forms.items():
        content[f"figures/{name}.png"] = form.png if form else None
        content[f"figures/{name}.svg"] = form.svg if form else None
    for name, table in tables.items():
        content[f"tables/{name}.csv"] = table.csv().encode()
        content[f"tables/{name}.md"] = table.markdown().encode()
    images = {name: _uri("image/svg+xml", form.page) for name, form in forms.items() if form}
    content["index.html"] = html(evidence, images, tables, play=play).encode()
    return content


def html(
    evidence: Evidence, images: dict[str, str], tables: dict[str, Table], *, play: bool
) -> str:
    """The page: one file that needs no other; `images` are the figures' addresses in it."""
    environment = Environment(
        loader=PackageLoader("mnistgen.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    toys = _toys(evidence) if play else {}
    return environment.get_template("index.html").render(
        evidence=evidence,
        paper=paper,
        claims=claims.judge(evidence),
        reasons=[why.better_together(cross) for cross in why.crosses(evidence.groups)],
        spread=verdicts.SPREAD,
        figures=FIGURES,
        images=images,
        entries={entry.name: entry for entry in TABLES},
        tables=tables,
        colours=charts.MODEL_COLOURS,
        epochs=_epochs(evidence),
        toys=toys,
        opening=ranking.clearest({name: evidence.representatives[name] for name in toys})
        if toys
        else None,
        runtime=_runtime() if toys else {},
        version=mnistgen.__version__,
    )


def _epochs(evidence: Evidence) -> dict[str, Any]:
    """For each model the epochs, and the samples after each as an image to show."""
    epochs = {}
    for model, group in evidence.representatives.items():
        strip = snapshots.through_epochs(group, most=FRAMES, side=SIDE)
        if strip:
            images = (snapshots.webp(picture, WEBP_QUALITY) for picture in strip.values())
            addresses = [_uri("image/webp", image) for image in images]
            epochs[model] = {"epochs": list(strip), "images": addresses}
    return epochs


def _toys(evidence: Evidence) -> dict[str, Any]:
    """For each model its decoder and its sliders; arrays are little-endian float32, as base64."""
    toys = {model: latents.toy(trained) for model, trained in evidence.models.items()}
    return {
        model: {
            "onnx": _base64(toy.onnx),
            "directions": _base64(np.ascontiguousarray(toy.directions, "<f4").tobytes()),
            "sliders": len(toy.directions),
            "dimensions": toy.directions.shape[1],
            "plain": toy.are_dimensions,
            "epoch": toy.epoch,
        }
        for model, toy in toys.items()
    }


@cache
def _runtime() -> dict[str, str]:
    folder = package_files("mnistgen.report") / "vendor" / "onnxruntime-web"
    code, wasm = (_base64((folder / name).read_bytes()) for name in RUNTIME)
    return {"code": code, "wasm": wasm}


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{_base64(content)}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
