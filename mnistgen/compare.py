"""Compare the runs of a sweep: python -m mnistgen.compare sweep=outputs/sweeps/NAME."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from mnistgen import cli, comparison, config, rules, runs
from mnistgen.comparison import MODEL, Row, Trial
from mnistgen.errors import UserError
from mnistgen.runs import write_atomically
from mnistgen.tables import Table

RULES = {
    "sweep": rules.A_PATH,
    "metric": ("the name of a column of metrics.csv", rules.A_PATH[1]),
}
RATE = "optim.lr"


@cli.command("compare")
def main(cfg: DictConfig) -> None:
    """Show a sweep's table, and write it and its plot into its folder."""
    asked = config.values(cfg, RULES)
    compare(Path(asked["sweep"]), asked["metric"])


def compare(folder: Path, metric: str) -> None:
    """Show the table of the runs below a folder, and write sweep.csv, .md, .png and .svg there.

    Raises UserError where there is no run.
    """
    found = runs.find(folder)
    if not found:
        raise UserError(f"sweep={folder}: there is no run folder")
    trials = []
    for run in found:
        try:
            trials.append(comparison.trial(run, metric))
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
    rows = comparison.rows(trials)
    table = _table(rows, metric)
    failures = [
        f"{' '.join(f'{key}={value}' for key, value in _named(row, trial).items())}: "
        f"{trial.reason or trial.status}"
        for row in rows
        for trial in row.trials
        if trial.status == "failed"
    ]
    written = Table(list(table[0]), [list(row.values()) for row in table])
    listed = ["", "Failed:", "", *(f"- {failure}" for failure in failures)] if failures else []
    markdown = written.markdown() + "".join(f"{line}\n" for line in listed)
    files = {"sweep.csv": written.csv(), "sweep.md": markdown}
    for name, text in files.items():
        write_atomically(folder / name, text.encode())
    _show(table, failures)
    _draw(folder, rows, metric)


def _table(rows: Sequence[Row], metric: str) -> list[dict[str, str]]:
    """The table, a dictionary of what is shown by column for each row."""
    several = any(len(row.trials) > 1 for row in rows)
    table = []
    for row in rows:
        shown = {key: _text(value) for key, value in row.settings.items()}
        shown[metric] = _text(row.mean)
        if several:
            shown["sd"] = _text(row.deviation)
        shown["best"] = "*" if row.best else ""
        shown["runs"] = row.states()
        table.append(shown)
    return table


def _named(row: Row, trial: Trial) -> dict[str, Any]:
    seed = {"seed": trial.settings.get("seed")} if len(row.trials) > 1 else {}
    return {**row.settings, **seed}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _show(table: Sequence[dict[str, str]], failures: Sequence[str]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(*map(escape, table[0]))
    for row in table:
        shown.add_row(*map(escape, row.values()), style="bold" if row["best"] else None)
    console = Console()
    if not console.is_terminal:
        console.width = 200  # in a file nothing has to be squeezed
    console.print(shown)
    for failure in failures:
        console.print(f"failed: {failure}", markup=False, highlight=False, soft_wrap=True)


def _draw(folder: Path, rows: Sequence[Row], metric: str) -> None:
    """Plot the metric against the rate, or where that does not vary another key that does."""
    keys = [key for key in rows[0].settings if key != MODEL]
    key = RATE if RATE in keys else next(iter(keys), MODEL)
    from mnistgen import charts  # matplotlib takes a second

    by_label: dict[str, list[Row]] = {}
    for row in rows:
        if row.mean is not None or row.diverged:
            rest = {k: v for k, v in row.settings.items() if k not in (key, MODEL)}
            label = " ".join([row.model, *(f"{k}={_text(v)}" for k, v in rest.items())])
            by_label.setdefault(label, []).append(row)
    curves = [
        charts.Curve(
            model=found[0].model,
            label=label,
            x=[row.settings[key] for row in found],
            mean=[row.mean for row in found],
            deviation=[row.deviation for row in found],
        )
        for label, found in by_label.items()
    ]
    if curves:
        figure = charts.metric_against_key(curves, key=key, metric=metric)
        for kind in ("png", "svg"):
            write_atomically(folder / f"sweep.{kind}", charts.saved(figure, kind, dpi=150))


if __name__ == "__main__":
    main()
