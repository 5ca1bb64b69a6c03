"""Report on runs: python -m mnistgen.report runs=outputs."""

from mnistgen import api, cli
from mnistgen.config import Config, rules

RULES = {
    "runs": rules.FOLDERS,
    "out": rules.PATH,
    "play": rules.TRUTH,
    "threads": rules.RULES["threads"],
}


@cli.command("report", RULES)
def main(values: Config) -> None:
    """Write the page, and its figures and tables as files."""
    api.write_report(values["runs"], values["out"], play=values["play"])


if __name__ == "__main__":
    main()
