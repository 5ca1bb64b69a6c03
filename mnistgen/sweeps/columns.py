"""The columns that metrics.csv will have, one of which the metric of a sweep must be."""

import signal
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from mnistgen.config import Config, objects, settings
from mnistgen.config.settings import Settings
from mnistgen.errors import UserError
from mnistgen.tracking.info import FID, READABLE

# What every run has, whatever its model, the second one where the data have labels
ALWAYS = FID, READABLE, "lr", "images_per_s"
OPTION = "hydra.sweeper.metric"


def check(metric: str, configs: Iterable[Config]) -> None:
    """Raise UserError where a metric does not compare the runs of some configurations.

    One of them will not have the column, or it is a loss without a common scale.
    """
    if metric in ALWAYS:
        return
    configs = list(configs)
    if not configs:
        return
    check_scale(OPTION, metric, map(settings.flat, configs))
    kinds = {(str(c["model"]), c["data"]["val_size"] > 0): c for c in configs}
    # In a process of its own: torch would take threads in this one that are its runs'
    with ProcessPoolExecutor(
        1,
        get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as other:
        for config, names in zip(kinds.values(), other.map(of, kinds.values()), strict=True):
            if names and metric not in names:
                model = objects.choice("model", config["model"]["_target_"])
                raise UserError(
                    f"{OPTION}={metric} is not allowed: of model={model} "
                    f"metrics.csv has {', '.join(names)}"
                )


def check_scale(option: str, metric: str, runs: Iterable[Settings]) -> None:
    """Raise UserError where a metric is a loss, and not the same one in all runs of a model."""
    if not metric.endswith("loss"):
        return
    first: dict[str, Settings] = {}
    for run in runs:
        loss = settings.loss_settings(run)
        for key in settings.differing(first.setdefault(run["model"], loss), loss):
            raise UserError(
                f"{option}={metric} is not allowed: the runs differ in {key}, so their losses "
                "have no common scale, as val/fid has"
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
