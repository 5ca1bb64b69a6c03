"""The results as Markdown."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.clock import GROUPS, REST
from benchmarks.targets import epoch, targets
from benchmarks.workers import BATCH_SIZE, COLUMNS, TRAIN_SIZE

TYPES = {"32-true": "float32", "bf16-mixed": "bfloat16"}
"""The types of matrix products, by Lightning's names of the precision."""


def markdown(results: dict[str, Any]) -> str:
    """All tables; the results are those of the JSON file."""
    peaks = [
        f"{v / 1e12:.2f} TFLOP/s in {TYPES[k]} with threads={threads}"
        for threads, peak in results["peaks"].items()
        for k, v in peak.items()
    ]
    text = [
        f"{results['date']}, {results['processor']}, load {results['load']:.1f} before, "
        f"torch {results['versions']['torch']}: `{results['command']}`",
        f"Matrix products reach {', '.join(peaks)}.",
    ]
    return "\n\n".join([*text, *(grid(rows) for rows in tables(results) if rows[1:])]) + "\n"


def tables(results: dict[str, Any]) -> Iterator[list[list[str]]]:
    """The rows of each table, of which the first is its header."""
    header = ["s an epoch (min-max)", "images/s", "time / a", "peak memory (GB)",
              "kernels' share", "of matrix peak"]  # fmt: skip
    parts = ["start", "steps", "validation", "quality", "records"]
    steps = [["ms a step", "all", *GROUPS, REST]]
    epochs = [["s an epoch of this project", *parts, "start to first step"]]
    for name, model in results["models"].items():
        peak = results["peaks"][str(model["threads"])]
        rows = [column_row(key, model, peak) for key in model["columns"]]
        yield [[f"{name}, threads={model['threads']}", *header], *rows]
        for key, column in model["columns"].items():
            if column["shares"]:
                step = 1e3 * column["parts"]["steps"] * BATCH_SIZE / TRAIN_SIZE
                milliseconds = [step, *(share * step for share in column["shares"].values())]
                steps.append([f"{name}, {COLUMNS[key][0]}", *(f"{ms:.1f}" for ms in milliseconds)])
            if key == "project":
                seconds = [f"{column['parts'][part]:.2f}" for part in parts]
                epochs.append([name, *seconds, f"{column['first_step']:.1f}"])
    yield steps
    yield epochs
    busy = {name: model for name, model in results["models"].items() if "busy" in model}
    yield [["s an epoch beside a busy process", "threads", "time / with one thread"],
           *(row for name, model in busy.items() for row in busy_rows(name, model))]  # fmt: skip
    rows = [
        [title, f"{median(seconds):.2f}", ", ".join(f"{s:.2f}" for s in seconds)]
        for title, seconds in results["commands"].items()
    ]
    yield [["command", "s", "each"], *rows]
    yield [["target", "", "measured", ""], *targets(results)]


def busy_rows(name: str, model: dict[str, Any]) -> Iterator[list[str]]:
    """A model's lines beside a busy process; the star is at what the project takes by itself."""
    one = median(model["busy"]["1"])
    for threads, seconds in model["busy"].items():
        mark = "*" if threads == str(model["threads"]) else ""
        typical = median(seconds)
        yield [f"{name}: {typical:.2f}", f"{threads}{mark}", f"{typical / one:.2f}"]


def column_row(key: str, model: dict[str, Any], peak: dict[str, float]) -> list[str]:
    """A column's line of its model's table."""
    column, project = model["columns"][key], model["columns"].get("project")
    seconds, shares, typical = column["seconds_an_epoch"], column["shares"], epoch(column)
    flops = model["flops_a_step"] * TRAIN_SIZE / BATCH_SIZE
    return [
        COLUMNS[key][0] + ("" if column["precision"] == "32-true" else ", bfloat16"),
        f"{typical:.2f} ({min(seconds):.2f}-{max(seconds):.2f})",
        f"{TRAIN_SIZE / typical:,.0f}",
        f"{typical / epoch(project):.2f}" if project else "",
        f"{column['peak_memory'] / 1e9:.2f}",
        f"{shares['kernels']:.0%}" if shares else "",
        f"{flops / typical / peak[column['precision']]:.0%}",
    ]


def grid(rows: list[list[str]]) -> str:
    """A Markdown table; the first row is its header."""
    header, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, "|---" * len(rows[0]) + "|", *body])
