"""Write a generator or decoder for other programs: python -m mnistgen.export run=RUN_DIR out=F."""

import logging
from pathlib import Path

from mnistgen import api, cli
from mnistgen.config import Config, rules

log = logging.getLogger(__name__)

RULES = {"run": rules.PATH, "checkpoint": rules.CHECKPOINT, "out": rules.PATH}


@cli.command("export", RULES)
def main(values: Config) -> None:
    """Write an .onnx or a .safetensors file."""
    out = Path(values["out"])
    trained = api.Run(values["run"]).export(out, values["checkpoint"])
    log.info("%s of epoch %d: %s", type(trained.model).__name__, trained.epoch, out)


if __name__ == "__main__":
    main()
