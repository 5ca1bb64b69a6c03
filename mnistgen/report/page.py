"""A report's files: the page, and beside it each figure and table for use elsewhere."""

import base64
from functools import cache
from importlib.resources import files as package_files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

import mnistgen
from mnistgen import charts
from mnistgen.report import rules, snapshots
from mnistgen.report.contents import FIGURES, TABLES, Contents
from mnistgen.report.groups import MODELS

RUNTIME = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.gz"

WEBP_QUALITY = 60


def files(found: Contents) -> dict[str, bytes | None]:
    """Every file of a report by its path in the folder; None for one that it has not."""
    made: dict[str, bytes | None] = {"index.html": html(found).encode()}
    for name in FIGURES:
        drawn = found.figures.get(name)
        made[f"figures/{name}.png"] = drawn.png if drawn else None
        made[f"figures/{name}.svg"] = drawn.svg if drawn else None
    for name in TABLES:
        made[f"tables/{name}.csv"] = found.tables[name].csv().encode()
        made[f"tables/{name}.md"] = found.tables[name].markdown().encode()
    return made


def html(found: Contents) -> str:
    """The page: one file that needs no other."""
    environment = Environment(
        loader=PackageLoader("mnistgen.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("index.html").render(
        found=found,
        figures={name: _uri("image/svg+xml", drawn.page) for name, drawn in found.figures.items()},
        tables=found.tables,
        models=MODELS,
        missing=[model for model in MODELS if model not in found.chosen],
        colours={name: charts.colour(name) for name in MODELS},
        rules=rules,
        epochs=_epochs(found),
        toys=_toys(found),
        runtime=_runtime() if found.toys else {},
        version=mnistgen.__version__,
    )


def _epochs(found: Contents) -> dict[str, Any]:
    """For each model the epochs, and the samples after each as an image to show."""
    return {
        name: {
            "epochs": list(frames),
            "images": [
                _uri("image/webp", snapshots.webp(picture, WEBP_QUALITY))
                for picture in frames.values()
            ],
        }
        for name, frames in found.epochs.items()
    }


def _toys(found: Contents) -> dict[str, Any]:
    """For each model its decoder and its sliders; arrays are little-endian float32, as base64."""
    return {
        name: {
            "onnx": _base64(toy.onnx),
            "directions": _base64(np.ascontiguousarray(toy.directions, "<f4").tobytes()),
            "sliders": len(toy.directions),
            "dimensions": toy.directions.shape[1],
            "plain": toy.are_dimensions,
            "epoch": toy.epoch,
        }
        for name, toy in found.toys.items()
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
