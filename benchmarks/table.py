"""The results as Markdown."""

from statistics import median
from typing import Any

from benchmarks.blocks import ELSEWHERE, GROUPS
from benchmarks.machine import PRECISIONS
from benchmarks.measure import BATCH_SIZE, COLUMNS, TRAIN_SIZE
from benchmarks.targets import epoch, targets

COMMANDS = {
    "help": "`python -m mnistgen --help`",
    "cfg_job": "`python -m mnistgen --cfg job`",
    "train_one_epoch": "`trainer.max_epochs=1`, from start to exit",
    "evaluate": "`python -m mnistgen.evaluate`; the first time with the real images' numbers",
    "sample": "`python -m mnistgen.sample`",
    "sweep_serial": "8 runs of `densevae`, one after the other",
    "sweep_two_workers": "the same, two workers of one thread",
}


def markdown(results: dict[str, Any]) -> str:
    """All tables; results are as they are in the JSON file."""
    made = [
        f"{results['date']}, {results['processor']}, {results['threads']} threads, "
        f"load {results['load']:.1f} before, "
        f"torch {results['versions']['torch']}: `{results['command']}`",
        "Matrix products reach "
        + " and ".join(f"{v / 1e12:.2f} TFLOP/s in {PRECISIONS[k]}" for k, v in peaks(results))
        + ".",
    ]
    for name, model in results["models"].items():
        rows = [column_row(name, key, model, results["peak"]) for key in model["columns"]]
        header = [
            name, "s an epoch (min-max)", "images/s", "time / a", "peak memory (GB)",
            "kernels' share", "of matrix peak",
        ]  # fmt: skip
        made.append(grid([header, *rows]))
    made += [step_table(results), epoch_table(results)]
    made += [command_table(results), target_table(results)]
    return "\n\n".join(text for text in made if text) + "\n"


def peaks(results: dict[str, Any]) -> list[tuple[str, float]]:
    return list(results["peak"].items())


def column_row(
    model_name: str, key: str, model: dict[str, Any], peak: dict[str, float]
) -> list[str]:
    """A column's line of its model's table."""
    column = model["columns"][key]
    seconds = column["seconds_an_epoch"]
    typical = epoch(column)
    flops = model["flops_a_step"] * TRAIN_SIZE / BATCH_SIZE
    ours = model["columns"].get("project")
    shares = column["shares"]
    return [
        COLUMNS[key] + ("" if column["precision"] == "32-true" else ", bfloat16"),
        f"{typical:.2f} ({min(seconds):.2f}-{max(seconds):.2f})",
        f"{TRAIN_SIZE / typical:,.0f}",
        f"{typical / epoch(ours):.2f}" if ours else "",
        f"{column['peak_memory'] / 1e9:.2f}",
        f"{shares['kernels']:.0%}" if shares else "",
        f"{flops / typical / peak[column['precision']]:.0%}",
    ]


def step_table(results: dict[str, Any]) -> str:
    """Where the time of a step goes, in milliseconds, by model and column."""
    rows = [
        [
            f"{name}, {COLUMNS[key]}",
            f"{milliseconds(column):.1f}",
            *(f"{share * milliseconds(column):.1f}" for share in column["shares"].values()),
        ]
        for name, model in results["models"].items()
        for key, column in model["columns"].items()
        if column["shares"]
    ]
    return grid([["ms a step", "all", *GROUPS, ELSEWHERE], *rows]) if rows else ""


def milliseconds(column: dict[str, Any]) -> float:
    """The median of a column's step."""
    return float(1e3 * column["parts"]["steps"] * BATCH_SIZE / TRAIN_SIZE)


def epoch_table(results: dict[str, Any]) -> str:
    """What an epoch of this project consists of, by model."""
    models = {k: m["columns"]["project"] for k, m in results["models"].items()
              if "project" in m["columns"]}  # fmt: skip
    if not models:
        return ""
    parts = list(next(iter(models.values()))["parts"])
    rows = [
        [name, *(f"{ours['parts'][part]:.2f}" for part in parts), f"{ours['first_step']:.1f}"]
        for name, ours in models.items()
    ]
    return grid([["s an epoch of this project", *parts, "start to first step"], *rows])


def command_table(results: dict[str, Any]) -> str:
    """The seconds of the commands."""
    rows = [
        [COMMANDS[key], f"{median(taken):.2f}", ", ".join(f"{t:.2f}" for t in taken)]
        for key, taken in results["commands"].items()
    ]
    return grid([["command", "s", "each"], *rows]) if rows else ""


def target_table(results: dict[str, Any]) -> str:
    """The targets, and whether they are met."""
    rows = [target.row() for target in targets(results)]
    return grid([["target", "", "measured", ""], *rows]) if rows else ""


def grid(rows: list[list[str]]) -> str:
    """A Markdown table; the first row is its header."""
    header, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, "|---" * len(rows[0]) + "|", *others])
