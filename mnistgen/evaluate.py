"""Measure trained models: python -m mnistgen.evaluate run=outputs/cnngan."""

import sys
from collections.abc import Mapping

from mnistgen import api, cli
from mnistgen.config import Config, rules
from mnistgen.errors import UserError
from mnistgen.plots import tables
from mnistgen.plots.tables import Table
from mnistgen.tracking import MEASURES, Measures, RunFolder, Unwritten, records, store

RULES = {"run": rules.FOLDERS, "threads": rules.RULES["threads"], **api.EVALUATE}


@cli.command("evaluate", RULES)
def main(values: Config) -> None:
    """Measure each run that has not been measured with these settings, and show all."""
    runs = store.whole_runs(*store.folders("run", values["run"]))
    if not runs:
        raise UserError(f"run={values['run']}: there is no run folder")

    options = {key: values[key] for key in api.EVALUATE}
    columns: dict[str | None, dict[str, Measures]] = {}  # by data set
    comparisons: dict[str | None, dict[str, Measures]] = {}
    faults: dict[str, list[str]] = {}
    errors: list[str] = []
    for label, run in _labels(runs).items():
        try:
            one = api.Run(run.path).evaluate(**options)
        except Unwritten as error:
            errors.append(str(error))
            one = error.evaluation
        except UserError as error:
            errors.append(str(error))
            continue
        columns.setdefault(one.settings.data_checksum, {})[label] = one.metrics
        comparisons[one.settings.data_checksum] = one.comparisons
        faults[label] = one.faults(records.read(run).end)
    for data, measures in columns.items():
        tables.show(_table(measures | comparisons[data]))
    for label, sentences in faults.items():
        for sentence in sentences:
            print(f"{label}: {sentence}")
    for reason in errors[:-1]:
        print(f"error: {reason}", file=sys.stderr)
    if errors:
        raise UserError(errors[-1])


def _labels(runs: list[RunFolder]) -> dict[str, RunFolder]:
    """Each run under its model and folder name, or its whole path where that is not enough."""
    names = [f"{run.info().model} {run.path.name}" for run in runs]
    return {
        name if names.count(name) == 1 else str(run.path): run
        for name, run in zip(names, runs, strict=True)
    }


def _table(columns: Mapping[str, Measures]) -> Table:
    """A row a measure that any of the columns has, a column a model or comparison."""
    rows = []
    for name, label in MEASURES.items():
        values = [measures.get(name) for measures in columns.values()]
        if any(value is not None for value in values):
            rows.append([label, *("" if value is None else f"{value:.4g}" for value in values)])
    return Table(["", *columns], rows)


if __name__ == "__main__":
    main()
