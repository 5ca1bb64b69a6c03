"""Show that speed changes no result: python -m benchmarks.equivalence models=cnngan epochs=2."""

import logging
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig

from benchmarks import apart
from benchmarks import asked as of
from benchmarks.job import Job
from benchmarks.table import grid
from mnistgen import cli, config, rules, runs, session
from mnistgen.runs import Run

log = logging.getLogger(__name__)

RULES = {
    "seeds": ("a whole number from 2", rules.whole(2)),
    "epochs": ("a whole number from 1", rules.whole(1)),
    "threads": rules.RULES["threads"],
    "out": rules.A_PATH,
}
MEASURES = ("val/fid", "val/loss", "val/d_loss")
FORMS = {"ours": [], "stock": ["trainer.precision=32-true"]}
"""The project as it is, and in single precision with torch's own layers and order of memory."""


class StockNetworks(Callback):
    """Puts stock layers, channels first, with the same weights, in the place of the project's."""

    def __init__(self, model: str) -> None:
        self.model = model

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        from benchmarks.plain import MODELS, copy_weights

        networks = MODELS[self.model]()
        copy_weights(networks, pl_module)
        names = [name for name, _ in pl_module.named_children()]
        for name, network in zip(names, networks[:2], strict=True):
            setattr(pl_module, name, network)


@cli.command("equivalence", Path(__file__).parent)
def main(cfg: DictConfig) -> None:
    """Train both forms of each model on the same seeds, and print what they end in."""
    asked = config.values(cfg, RULES)
    models, threads = of.models(asked), of.threads(asked)
    options = (*of.overrides(asked), f"trainer.max_epochs={asked['epochs']}")
    rows = [["model", "measure", "ours", "stock", "difference", "spread over seeds"]]
    for model in models:
        ends: dict[str, list[dict[str, float]]] = {form: [] for form in FORMS}
        for seed in range(1, asked["seeds"] + 1):
            for form, more in FORMS.items():
                job = Job(model, threads, (*options, f"seed={seed}", *more), Path())
                path = Path(asked["out"]) / f"{model}_seed-{seed}_{form}"
                ends[form].append(apart.call(train, job, path, form, threads=threads))
                log.info("%s: %s", path, ends[form][-1])
        rows += [
            row(model, name, *([end[name] for end in ends[form]] for form in FORMS))
            for name in MEASURES
            if name in ends["ours"][0]
        ]
    print(grid(rows))


def train(job: Job, path: Path, form: str) -> dict[str, float]:
    """The last epoch's measures of a run, which is made or gone on with where need be."""
    if path.exists():
        run = Run(path)
    else:
        run = runs.create(path, model=job.model, config=job.config(), overrides=list(job.options))
    if run.info().get("status") != "finished":
        with run.lock():
            session.train(run, *([StockNetworks(job.model)] if form == "stock" else []))
    return run.metrics()[-1]


def row(model: str, name: str, ours: list[float], stock: list[float]) -> list[str]:
    """A measure's line of the table: means over the seeds, and standard deviation of stock's."""
    apart_by = abs(mean(ours) - mean(stock))
    found = [mean(ours), mean(stock), apart_by, stdev(stock)]
    return [f"`{model}`", name, *(f"{value:.4g}" for value in found)]


if __name__ == "__main__":
    main()
