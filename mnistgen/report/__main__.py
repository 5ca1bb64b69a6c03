"""Report on runs: python -m mnistgen.report runs=outputs."""

import logging
from pathlib import Path

from mnistgen import cli
from mnistgen.config import Config, rules
from mnistgen.files import write_atomically
from mnistgen.tracking import store

log = logging.getLogger(__name__)

RULES = {
    "runs": rules.FOLDERS,
    "out": rules.PATH,
    "play": rules.TRUTH,
    "threads": rules.RULES["threads"],
}


@cli.command("report", RULES)
def main(values: Config) -> None:
    """Write the page, and its figures and tables as files."""
    roots, out = store.folders("runs", values["runs"]), Path(values["out"])

    from mnistgen.report import page  # with it torch, which takes seconds
    from mnistgen.report.evidence import gather

    evidence = gather(*roots)
    for note in evidence.notes:
        log.warning("%s: %s", note.name, note.reason)
    for name, content in page.files(evidence, play=values["play"]).items():
        path = out / name
        if content is None:  # what an earlier report had and this one has not
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    counts = len(evidence.records), len(evidence.representatives)
    log.info("%s: runs %d, models %d", out / "index.html", *counts)


if __name__ == "__main__":
    main()
