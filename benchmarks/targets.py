"""What the speed should be, and by how much it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

CONVOLUTIONAL = ("cnngan", "cnnvae")


@dataclass(frozen=True)
class Target:
    """A number and the bound that it is to be at or above, or else at or below."""

    name: str
    value: float
    bound: float
    at_least: bool = True
    unit: str = ""

    def row(self) -> list[str]:
        """Its line of the table."""
        short = self.bound - self.value if self.at_least else self.value - self.bound
        verdict = f"missed by {short / self.bound:.1%}" if short > 0 else "met"
        bound = f"{'>=' if self.at_least else '<='} {self.bound:g}{self.unit}"
        return [self.name, bound, f"{self.value:.3g}{self.unit}", verdict]


def targets(results: dict[str, Any]) -> Iterator[Target]:
    """All targets that were measured."""
    models = {name: model["columns"] for name, model in results["models"].items()}
    yield from _of_textbook(models)
    for name, columns in models.items():
        yield from _of_model(name, columns)
    yield from _of_commands(results["commands"])


def epoch(column: dict[str, Any]) -> float:
    """A column's median seconds an epoch."""
    return median(column["seconds_an_epoch"])


def _of_textbook(models: dict[str, Any]) -> Iterator[Target]:
    both = [c for c in models.values() if {"project", "textbook"} <= set(c)]
    if not both:
        return
    ratio = sum(epoch(c["textbook"]) for c in both) / sum(epoch(c["project"]) for c in both)
    name = f"times as fast as the textbook, the {len(both)} models together"
    yield Target(name, ratio, 3.5)
    yield Target(f"{name}, stretch", ratio, 4)


def _of_model(name: str, columns: dict[str, Any]) -> Iterator[Target]:
    project = columns.get("project")
    if project is None:
        return
    convolves = name in CONVOLUTIONAL
    for column, bound in (
        ("textbook", 2.2),
        ("bare_fp32", 2.5 if convolves else 1.2),
        ("keras_graph", 2.5 if convolves else 1.2),
    ):
        if column in columns:
            ratio = epoch(columns[column]) / epoch(project)
            yield Target(f"{name}: times as fast as {column}", ratio, bound)
    if "bare" in columns:
        ratio, steps = (
            epoch(project) / epoch(columns["bare"]),
            project["parts"]["steps"] / columns["bare"]["parts"]["steps"],
        )
        yield Target(f"{name}: epoch / epoch of bare", ratio, 1.05, at_least=False)
        yield Target(f"{name}: step / step of bare", steps, 1.05, at_least=False)
    if convolves and project["shares"]:
        yield Target(f"{name}: share of kernels", project["shares"]["kernels"], 0.75)
    memory = project["peak_memory"] / 1e9
    yield Target(f"{name}: peak memory", memory, 1.3, at_least=False, unit=" GB")


def _of_commands(commands: dict[str, list[float]]) -> Iterator[Target]:
    for key, name in (("help", "--help"), ("cfg_job", "--cfg job")):
        if key in commands:
            yield Target(name, median(commands[key]), 1.5, at_least=False, unit=" s")
    if "sweep_serial" in commands:
        ratio = median(commands["sweep_serial"]) / median(commands["sweep_two_workers"])
        yield Target("a sweep: serial / two workers", ratio, 1.3)
