"""Show that speed changes no result: python -m benchmarks.equivalence models=cnngan epochs=2."""

from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.options import command, complete
from benchmarks.project import Job
from benchmarks.table import grid

METRICS = ("val/fid", "val/loss", "val/d_loss")


@command("equivalence")
def main(values: dict[str, Any]) -> None:
    """Train both forms of each model on the same seeds, and print their last metrics."""
    options = complete(values)
    rows = [["model", "measure", "ours", "stock", "difference", "spread over seeds"]]
    for model in options["models"]:
        ours, stock = train(model, "ours", options), train(model, "stock", options)
        for name in METRICS:
            if name in ours[0]:
                a, b = [row[name] for row in ours], [row[name] for row in stock]
                numbers = mean(a), mean(b), abs(mean(a) - mean(b)), stdev(b)
                rows.append([f"`{model}`", name, *(f"{number:.4g}" for number in numbers)])
    print(grid(rows))


def train(model: str, form: str, options: dict[str, Any]) -> list[dict[str, float]]:
    """The last metrics of each seed, of the project or of a stock form in single precision."""
    from lightning.pytorch.callbacks import LambdaCallback

    overrides = [*options["options"], f"trainer.max_epochs={options['epochs']}"]
    callbacks = []
    if form == "stock":
        overrides.append("trainer.precision=32-true")
        callbacks.append(LambdaCallback(setup=lambda _, module, stage: use_stock_layers(module)))
    metrics = []
    for seed in range(1, options["seeds"] + 1):
        path = Path(options["out"]) / f"{model}_seed-{seed}_{form}"
        job = Job(model, options["threads"], (*overrides, f"seed={seed}"), path)
        metrics.append(job.train(*callbacks))
    return metrics


def use_stock_layers(module: Any) -> None:
    """Replace a module's networks by stock ones with the same weights."""
    from benchmarks.stock import stock_networks

    names, networks = zip(*module.named_children(), strict=True)
    for name, network in zip(names, stock_networks(networks), strict=True):
        setattr(module, name, network)


if __name__ == "__main__":
    main()
