"""How fast the project should be, and how far it is from that."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.commands import CFG_JOB, HELP, PARALLEL_SWEEP, SERIAL_SWEEP

CONVOLUTIONAL = ("cnngan", "cnnvae")


def target(name: str, value: float, sign: str, bound: float, unit: str = "") -> list[str]:
    """Name, bound, value and verdict of a number that should be >= or <= its bound."""
    gap = (bound - value if sign == ">=" else value - bound) / bound
    verdict = f"missed by {gap:.1%}" if gap > 0 else "met"
    return [name, f"{sign} {bound:g}{unit}", f"{value:.3g}{unit}", verdict]


def epoch(column: dict[str, Any]) -> float:
    """A column's median seconds an epoch."""
    return median(column["seconds_an_epoch"])


def targets(results: dict[str, Any]) -> Iterator[list[str]]:
    """The lines of all targets for which the results have the numbers."""
    models = {name: model["columns"] for name, model in results["models"].items()}
    both = [columns for columns in models.values() if {"project", "textbook"} <= set(columns)]
    if both:
        textbook, project = (sum(epoch(c[key]) for c in both) for key in ("textbook", "project"))
        name = f"times as fast as the textbook, the {len(both)} models together"
        yield target(name, textbook / project, ">=", 3.5)
        yield target(f"{name}, stretch", textbook / project, ">=", 4)
    for name, columns in models.items():
        if "project" in columns:
            yield from _model_targets(name, columns)
    seconds = {title: median(values) for title, values in results["commands"].items()}
    for name, title in (("--help", HELP), ("--cfg job", CFG_JOB)):
        if title in seconds:
            yield target(name, seconds[title], "<=", 1.5, " s")
    if SERIAL_SWEEP in seconds:
        ratio = seconds[SERIAL_SWEEP] / seconds[PARALLEL_SWEEP]
        yield target("a sweep: serial / two workers", ratio, ">=", 1.3)


def _model_targets(name: str, columns: dict[str, Any]) -> Iterator[list[str]]:
    project = columns["project"]
    loop = 2.5 if name in CONVOLUTIONAL else 1.2
    for column, bound in (("textbook", 2.2), ("bare_fp32", loop), ("keras_graph", loop)):
        if column in columns:
            ratio = epoch(columns[column]) / epoch(project)
            yield target(f"{name}: times as fast as {column}", ratio, ">=", bound)
    if "bare" in columns:
        ratio = epoch(project) / epoch(columns["bare"])
        steps = project["parts"]["steps"] / columns["bare"]["parts"]["steps"]
        yield target(f"{name}: epoch / epoch of bare", ratio, "<=", 1.05)
        yield target(f"{name}: step / step of bare", steps, "<=", 1.05)
    if name in CONVOLUTIONAL:
        yield target(f"{name}: share of kernels", project["shares"]["kernels"], ">=", 0.75)
    yield target(f"{name}: peak memory", project["peak_memory"] / 1e9, "<=", 1.3, " GB")
