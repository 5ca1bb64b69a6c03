"""Write a generator or decoder for other programs: python -m mnistgen.export run=RUN_DIR out=F."""

import logging
from pathlib import Path

from mnistgen import cli
from mnistgen.config import Config, rules
from mnistgen.tracking import RunFolder

log = logging.getLogger(__name__)

RULES = {"run": rules.PATH, "checkpoint": rules.CHECKPOINT, "out": rules.PATH}


@cli.command("export", RULES)
def main(values: Config) -> None:
    """Write an .onnx or a .safetensors file."""
    run, out = RunFolder(Path(values["run"])), Path(values["out"])
    run.info()
    rules.check_out(out, ".onnx", ".safetensors")

    from mnistgen.inference import formats, model

    trained = model.load(run, values["checkpoint"])
    formats.write(trained, out)
    log.info("%s of epoch %d: %s", type(trained.model).__name__, trained.epoch, out)


if __name__ == "__main__":
    main()
