"""Measure trained models: python -m mnistgen.evaluate run=outputs/cnngan."""

import glob
import logging
import os
import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from mnistgen import cli, config, rules, runs
from mnistgen.errors import UserError
from mnistgen.runs import Run

log = logging.getLogger(__name__)

RULES = {
    "run": (
        "a folder, a list of folders or a glob",
        lambda v: isinstance(v, (str, list)) and bool(v),
    ),
    "checkpoint": ("last or best or a path", rules.A_PATH[1]),
    "cache": rules.A_PATH,
    "n": ("a whole number from 64, the number of features, to 60000", rules.whole(64, 60_001)),
    "seed": rules.RULES["seed"],
    "k": ("a whole number from 1", rules.whole(1)),
    "nll_images": ("a whole number from 2 to 10000", rules.whole(2, 10_001)),
    "threads": rules.RULES["threads"],
}

SHOWN = {
    "fid": "FID",
    "kid": "KID",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "digits_present": "digits that occur",
    "digit_kl": "KL of their histogram (nats)",
    "confidence": "classifier's confidence",
    "readable": "readable (confidence >= 0.9)",
    "haze": "haze / real",
    "sharpness": "sharpness / real",
    "memorization": "distance to training set / real",
    "elbo": "ELBO (nats)",
    "reconstruction": "reconstruction (nats)",
    "kl": "KL (nats)",
    "active_units": "active units",
    "reconstruction_accuracy": "digits kept in reconstruction",
    "nll": "NLL (nats)",
    "nll_error": "its standard error",
}
"""The measures in the order of the table, and what they are called there."""


@cli.command("evaluate")
def main(cfg: DictConfig) -> None:
    """Measure each run that has not been measured with these settings, and show all."""
    asked = config.values(cfg, RULES)
    chosen = _chosen(asked["run"])
    os.environ["OMP_NUM_THREADS"] = str(asked["threads"] or len(os.sched_getaffinity(0)))

    import mnistgen.trained  # heavy: not before the input is known to be good
    from mnistgen.metrics.evaluation import Evaluation

    evaluations: dict[str, Evaluation] = {}  # these three by data set
    models: dict[str, dict[str, Any]] = {}
    comparisons: dict[str, dict[str, Any]] = {}
    failed = 0
    for label, run in _labels(chosen).items():
        try:
            trained = mnistgen.trained.load(run, asked["checkpoint"])
            data = str({k: trained.config["data"][k] for k in ("_target_", "root")})
            if data not in evaluations:
                options = {key: asked[key] for key in ("n", "seed", "k", "nll_images")}
                module = config.build(trained.config, "data", seed=trained.config["seed"])
                evaluations[data] = Evaluation(module, **options)
            evaluation = evaluations[data]
            settings = evaluation.settings(trained)
            known = run.evaluation()
            if known.get("settings") == settings and not asked["force"]:
                log.info("%s was evaluated with these settings before", run.path)
            else:
                log.info("evaluating %s, epoch %d", run.path, trained.epoch)
                known = {
                    "settings": settings,
                    "comparisons": evaluation.comparisons(Path(asked["cache"])),
                    "metrics": evaluation.measure(trained),
                }
                run.write_evaluation(known)
            models.setdefault(data, {})[label] = known["metrics"]
            comparisons[data] = known["comparisons"]
        except UserError as error:
            if len(chosen) == 1:
                raise
            failed += 1
            print(f"error: {error}", file=sys.stderr)
    for data, columns in models.items():
        _show(columns | comparisons[data])
    if failed:
        raise UserError(f"{failed} of {len(chosen)} runs could not be evaluated")


def _chosen(asked: Any) -> list[Run]:
    """The runs that `run=` names: folders, folders that hold some, or globs of either."""
    found: list[Run] = []
    for pattern in asked if isinstance(asked, list) else [asked]:
        exact = Path(str(pattern)).exists()  # though its name may look like a glob
        names = [str(pattern)] if exact else sorted(glob.glob(str(pattern)))  # noqa: PTH207
        paths = map(Path, names)
        below = [run for path in paths for run in runs.find(path)]
        if not below:
            raise UserError(f"run={pattern}: there is no run folder")
        found += below
    return list({run.path.resolve(): run for run in found}.values())


def _labels(chosen: list[Run]) -> dict[str, Run]:
    """Each run under its model and folder name, or its whole path where that is not enough."""
    names = [f"{run.info().get('model', '')} {run.path.name}".strip() for run in chosen]
    return {
        name if names.count(name) == 1 else str(run.path): run
        for name, run in zip(names, chosen, strict=True)
    }


def _show(columns: dict[str, dict[str, Any]]) -> None:
    """Print a table with a row a measure and a column a model or comparison."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("", *map(escape, columns))
    for key, label in SHOWN.items():
        values = [column.get(key) for column in columns.values()]
        if any(value is not None for value in values):
            table.add_row(label, *("" if v is None else f"{v:.4g}" for v in values))
    console = Console()
    if not console.is_terminal:
        console.width = 50 + 24 * len(columns)  # in a file nothing has to be squeezed
    console.print(table)


if __name__ == "__main__":
    main()
