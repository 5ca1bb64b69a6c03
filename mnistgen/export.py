"""Write a generator or decoder for other programs: python -m mnistgen.export run=RUN_DIR out=F."""

import logging
from pathlib import Path

from omegaconf import DictConfig

from mnistgen import cli, config, rules
from mnistgen.errors import UserError
from mnistgen.runs import Run, write_atomically

log = logging.getLogger(__name__)


@cli.command("export")
def main(cfg: DictConfig) -> None:
    """Write an .onnx or a .safetensors file."""
    asked = config.values(cfg, dict.fromkeys(("run", "checkpoint", "out"), rules.A_PATH))
    run, out = Run(Path(asked["run"])), Path(asked["out"])
    run.info()
    if out.suffix not in (".onnx", ".safetensors"):
        raise UserError(f"out={out} is not allowed: it must end in .onnx or .safetensors")
    if not out.parent.is_dir():
        raise UserError(f"out={out} is not allowed: there is no folder {out.parent}")

    import mnistgen.trained  # heavy: not before the input is known to be good
    from mnistgen import exporting

    trained = mnistgen.trained.load(run, asked["checkpoint"])
    content = exporting.onnx(trained) if out.suffix == ".onnx" else exporting.safetensors(trained)
    write_atomically(out, content)
    log.info("%s of epoch %d: %s", type(trained.model).__name__, trained.epoch, out)


if __name__ == "__main__":
    main()
