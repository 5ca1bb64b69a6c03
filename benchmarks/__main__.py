"""Measure the speed: python -m benchmarks models=cnngan seconds=20."""

import json
import logging
import os
import shlex
import signal
import sys
from datetime import datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import commands, table
from benchmarks.options import command, complete
from benchmarks.project import Job
from benchmarks.workers import beside_busy_process, measure
from mnistgen.errors import UserError

log = logging.getLogger(__name__)

PACKAGES = ("torch", "lightning", "torchvision", "tensorflow-cpu", "tensorflow_cpu", "keras")
FEWEST_STEPS, MOST_STEPS = 3, 400


@command("config")
def main(values: dict[str, Any]) -> None:
    """Measure the models and the commands; print the tables, and write them and the numbers."""
    if not hasattr(signal, "SIGSTOP"):  # Windows
        raise UserError("the benchmark stops and continues processes, which this system cannot")
    options = complete(values)
    rounds, columns = options["rounds"], options["columns"]
    jobs = [Job(model, options["threads"], options["options"]) for model in options["models"]]
    for job in jobs:
        job.config()  # an option that is not allowed ends the command here
    if "keras_graph" in columns and not find_spec("tensorflow"):
        log.info("keras_graph is left out: tensorflow is not installed")
        columns.remove("keras_graph")

    from benchmarks import machine  # it imports torch

    jobs = [job.with_threads() for job in jobs]
    now = datetime.now()
    results: dict[str, Any] = {
        "date": f"{now:%Y-%m-%d}",
        "processor": machine.processor(),
        "load": os.getloadavg()[0],
        "versions": {p.name: p.version for p in metadata.distributions() if p.name in PACKAGES},
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "peaks": {
            str(threads): {name: machine.peak(kind, threads) for name, kind in table.TYPES.items()}
            for threads in sorted({job.threads or 1 for job in jobs})
        },
        "models": {},
        "commands": {},
    }
    for job in jobs:
        flops, seconds = machine.step_cost(job)
        steps = min(max(round(options["seconds"] / rounds / seconds), FEWEST_STEPS), MOST_STEPS)
        results["models"][job.model] = {
            "threads": job.threads,
            "flops_a_step": flops,
            "steps_a_block": steps,
            "columns": measure(job, columns, steps=steps, rounds=rounds),
        }
        if options["busy"]:
            seconds = beside_busy_process(job, steps=steps, rounds=rounds)
            results["models"][job.model]["busy"] = seconds
    if options["commands"]:
        results["commands"] = commands.measure(options["options"], rounds)

    path = Path(options["out"]) / f"{now:%Y-%m-%d_%H-%M-%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    path.with_suffix(".md").write_text(table.markdown(results), "utf-8")
    print(table.markdown(results))
    log.info("written: %s and .md", path)


if __name__ == "__main__":
    main()
