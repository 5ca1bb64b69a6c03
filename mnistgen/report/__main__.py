"""Report on runs: python -m mnistgen.report runs=outputs."""

import logging
import os
from pathlib import Path

from omegaconf import DictConfig

from mnistgen import cli, config, rules
from mnistgen.errors import UserError
from mnistgen.runs import write_atomically

log = logging.getLogger(__name__)

RULES = {
    "runs": rules.A_PATH,
    "out": rules.A_PATH,
    "play": ("true or false", lambda value: type(value) is bool),
    "threads": rules.RULES["threads"],
}


@cli.command("report")
def main(cfg: DictConfig) -> None:
    """Write the page, and its figures and tables as files."""
    asked = config.values(cfg, RULES)
    root, out = Path(asked["runs"]), Path(asked["out"])
    if not root.is_dir():
        raise UserError(f"runs={root} is not allowed: there is no such folder")
    os.environ["OMP_NUM_THREADS"] = str(asked["threads"] or len(os.sched_getaffinity(0)))

    from mnistgen.report import contents, page  # heavy: not before the input is good

    found = contents.of(root, play=asked["play"])
    for note in found.notes:
        log.warning("%s: %s", note.name, note.reason)
    for name, content in page.files(found).items():
        path = out / name
        if content is None:  # what an earlier report had and this one has not
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    counted = len(found.records), len(found.chosen)
    log.info("%s: runs %d, models %d", out / "index.html", *counted)


if __name__ == "__main__":
    main()
