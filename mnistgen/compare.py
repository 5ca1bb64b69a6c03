"""Compare the runs of a sweep: python -m mnistgen.compare sweep=outputs/sweeps/NAME."""

from pathlib import Path

from mnistgen import cli
from mnistgen.config import Config, rules
from mnistgen.sweeps import comparison

RULES = {
    "sweep": rules.PATH,
    "metric": rules.COLUMN,
}


@cli.command("compare", RULES)
def main(values: Config) -> None:
    """Show a sweep's table, and write it and its plot into its folder."""
    comparison.publish(Path(values["sweep"]), values["metric"])


if __name__ == "__main__":
    main()
