"""The columns that metrics.csv will have, one of which the metric of a sweep must be."""

import signal
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from mnistgen.config import Config, objects
from mnistgen.errors import UserError

ALWAYS = "val/fid", "lr", "images_per_s"  # what every run has, whatever its model


def check(metric: str, configs: Iterable[Config]) -> None:
    """Raise UserError where the runs of one of some configurations will not have a column."""
    if metric in ALWAYS:
        return
    kinds = {(c["model"]["_target_"], c["data"]["val_size"] > 0): c for c in configs}
    if not kinds:
        return
    # In a process of its own: torch would take threads in this one that are its runs'
    with ProcessPoolExecutor(
        1,
        get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as other:
        for (target, _), names in zip(kinds, other.map(of, kinds.values()), strict=True):
            if names and metric not in names:
                model = objects.choice("model", target)
                raise UserError(
                    f"hydra.sweeper.metric={metric} is not allowed: of model={model} "
                    f"metrics.csv has {', '.join(names)}"
                )


def of(config: Config) -> list[str]:
    """The columns of a run, from what its model makes of two images; empty where none says so."""
    import torch

    try:
        model = objects.build_model(config)
        images = torch.zeros(2, 1, 28, 28)
        losses = {"train": list(model.validation_step(images)["values"])}
        with torch.no_grad():  # which has no gradient to penalise
            losses["val"] = list(model.validation_step(images)["values"])
    except Exception:  # of a model of another kind, or one that cannot be built
        return []
    parts = ["train", "val"] if config["data"]["val_size"] else ["train"]
    return [*ALWAYS, *(f"{part}/{name}" for part in parts for name in losses[part])]
