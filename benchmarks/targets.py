"""How fast the project should be, and how far it is from that."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.commands import CFG_JOB, HELP, PARALLEL_SWEEP, SERIAL_SWEEP
from benchmarks.workers import BATCH_SIZE, TRAIN_SIZE

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
    for name, model in results["models"].items():
        if "project" in model["columns"]:
            yield from _model_targets(name, model, results["peaks"][str(model["threads"])])
    seconds = {title: median(values) for title, values in results["commands"].items()}
    for name, title in (("--help", HELP), ("--cfg job", CFG_JOB)):
        if title in seconds:
            yield target(name, seconds[title], "<=", 1.5, " s")
    if SERIAL_SWEEP in seconds:
        ratio = seconds[SERIAL_SWEEP] / seconds[PARALLEL_SWEEP]
        yield target("a sweep: serial / two workers", ratio, ">=", 1.4)


def _model_targets(
    name: str, model: dict[str, Any], peak: dict[str, float]
) -> Iterator[list[str]]:
    columns, project = model["columns"], model["columns"]["project"]
    if name in CONVOLUTIONAL:
        products = model["flops_a_step"] * TRAIN_SIZE / BATCH_SIZE / peak[project["precision"]]
        ratio = epoch(project) / products
        yield target(f"{name}: epoch / its products at the peak", ratio, "<=", 1.4)
    elif "bare" in columns:
        ratio = epoch(project) / epoch(columns["bare"])
        yield target(f"{name}: epoch / epoch of bare", ratio, "<=", 1.05)
    if "busy" in model and name not in CONVOLUTIONAL:
        busy = {threads: median(seconds) for threads, seconds in model["busy"].items()}
        ratio = busy[str(model["threads"])] / busy["1"]
        yield target(f"{name}: beside a busy process / with one thread", ratio, "<=", 2)
    yield target(f"{name}: peak memory", project["peak_memory"] / 1e9, "<=", 1.3, " GB")
