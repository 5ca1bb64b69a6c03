"""Draw what a trained model makes: python -m mnistgen.sample run=RUN_DIR n=64."""

import logging
from pathlib import Path

from mnistgen import cli
from mnistgen.config import Config, rules
from mnistgen.inference import kinds
from mnistgen.tracking import RunFolder

log = logging.getLogger(__name__)

RULES = {
    "run": rules.PATH,
    "kind": rules.one_of(*kinds.KINDS),
    "checkpoint": rules.CHECKPOINT,
    "out": rules.either(rules.NULL, rules.PATH),
    "n": rules.either(rules.NULL, rules.whole(1)),
    "seed": rules.RULES["seed"],
}


@cli.command("sample", RULES)
def main(values: Config) -> None:
    """Write one picture, or the images in it as an array."""
    n = kinds.size(values["kind"], values["n"])
    run = RunFolder(Path(values["run"]))
    run.info()
    out = Path(values["out"] or run.path / f"{values['kind']}.png")
    rules.check_out(out, ".png", ".npz")

    from mnistgen.inference import model, pictures

    trained = model.load(run, values["checkpoint"])
    picture = pictures.draw(trained, values["kind"], n=n, seed=values["seed"])
    pictures.write(picture, out)
    log.info("%d images: %s", len(picture.images), out)


if __name__ == "__main__":
    main()
