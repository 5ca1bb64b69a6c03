"""Draw what a trained model makes: python -m mnistgen.sample run=RUN_DIR n=64."""

import logging
from pathlib import Path

from mnistgen import api, cli
from mnistgen.config import Config, rules

log = logging.getLogger(__name__)

RULES = {"run": rules.PATH, "out": rules.either(rules.NULL, rules.PATH), **api.SAMPLE}


@cli.command("sample", RULES)
def main(values: Config) -> None:
    """Write one picture, or the images in it as an array."""
    run = api.Run(values["run"])
    out = Path(values["out"] or run.path / f"{values['kind']}.png")
    rules.check_out(out, ".png", ".npz")
    picture = run.sample(**{key: values[key] for key in api.SAMPLE})
    picture.save(out)
    log.info("%d images: %s", len(picture.images), out)


if __name__ == "__main__":
    main()
