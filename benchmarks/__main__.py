"""Measure the speed: python -m benchmarks models=cnngan seconds=20."""

import json
import logging
import os
import platform
import shlex
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from benchmarks import asked as of
from benchmarks import commands, machine, table
from benchmarks.job import Job
from benchmarks.measure import COLUMNS, available, measure
from mnistgen import cli, config, rules
from mnistgen.runs import write_atomically

log = logging.getLogger(__name__)

RULES = {
    "seconds": ("a number above 0", rules.number(0, open_low=True)),
    "rounds": ("a whole number from 1 to 40", rules.whole(1, 41)),
    "threads": rules.RULES["threads"],
    "commands": ("true or false", lambda v: type(v) is bool),
    "sweeps": ("a whole number from 1", rules.whole(1)),
    "sweep_epochs": ("a whole number from 1", rules.whole(1)),
    "out": rules.A_PATH,
}


@cli.command("config", Path(__file__).parent)
def main(cfg: DictConfig) -> None:
    """Measure what was asked for; print the tables, and write them and the numbers."""
    asked = config.values(cfg, RULES)
    models = of.models(asked)
    columns = of.chosen(asked, "columns", list(COLUMNS))
    threads, options = of.threads(asked), of.overrides(asked)
    for model in models:
        Job(model, threads, options, Path()).config()  # bad options end here
    missing = [column for column in columns if column not in available()]
    for column in missing:
        log.info("%s is left out: tensorflow is not installed", column)
    columns = [column for column in columns if column not in missing]

    now = datetime.now()
    load = os.getloadavg()[0]  # of what else runs here
    peak, flops = machine.measure(models, threads)
    results: dict[str, Any] = {
        "date": now.strftime("%Y-%m-%d"),
        "processor": machine.processor(),
        "threads": threads,
        "load": load,
        "versions": versions(),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "peak": peak,
        "models": {},
        "commands": {},
    }
    for model in models:
        found = measure(
            model,
            columns,
            threads=threads,
            options=options,
            seconds=asked["seconds"],
            rounds=asked["rounds"],
        )
        results["models"][model] = {"flops_a_step": flops[model], **found}
    if asked["commands"]:
        results["commands"] = commands.measure(
            options=options,
            rounds=asked["rounds"],
            sweeps=asked["sweeps"],
            sweep_epochs=asked["sweep_epochs"],
        )

    text = table.markdown(results)
    out = Path(asked["out"])
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{now:%Y-%m-%d_%H-%M-%S}.json"
    write_atomically(path, (json.dumps(results, indent=2) + "\n").encode())
    write_atomically(path.with_suffix(".md"), text.encode())
    print(text)
    log.info("written: %s and .md", path)


def versions() -> dict[str, str]:
    """The versions of what the columns are made of."""
    found = {"python": platform.python_version()}
    for package in ("torch", "lightning", "torchvision", "tensorflow-cpu", "keras"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
