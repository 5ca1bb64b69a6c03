"""Draw what a trained model makes: python -m mnistgen.sample run=RUN_DIR n=64."""

import logging
from pathlib import Path

from omegaconf import DictConfig

from mnistgen import cli, config, rules
from mnistgen.errors import UserError
from mnistgen.runs import Run, write_atomically

log = logging.getLogger(__name__)

KINDS = {"samples": 64, "reconstructions": 64, "interpolation": 8, "traversal": 11, "manifold": 20}
"""The kinds of picture, and what `n` is for each where it is not given."""

RULES = {
    "run": rules.A_PATH,
    "kind": rules.one_of(*KINDS),
    "checkpoint": ("last or best or a path", rules.A_PATH[1]),
    "out": ("null or a path", lambda v: v is None or rules.A_PATH[1](v)),
    "n": ("null or a whole number from 1", lambda v: v is None or rules.whole(1)(v)),
    "seed": rules.RULES["seed"],
}


@cli.command("sample")
def main(cfg: DictConfig) -> None:
    """Write one picture, or the images in it as an array."""
    asked = config.values(cfg, RULES)
    n = asked["n"] or KINDS[asked["kind"]]
    if n > (100 if asked["kind"] == "manifold" else 10_000):
        raise UserError(f"n={n} is not allowed: a manifold has up to 100, the others 10000")
    run = Run(Path(asked["run"]))
    run.info()
    out = Path(asked["out"] or run.path / f"{asked['kind']}.png")
    if out.suffix not in (".png", ".npz"):
        raise UserError(f"out={out} is not allowed: it must end in .png or .npz")
    if not out.parent.is_dir():
        raise UserError(f"out={out} is not allowed: there is no folder {out.parent}")

    import mnistgen.trained  # heavy: not before the input is known to be good
    from mnistgen import figures, pictures

    trained = mnistgen.trained.load(run, asked["checkpoint"])
    made = pictures.draw(trained, asked["kind"], n=n, seed=asked["seed"])
    if out.suffix == ".png":
        write_atomically(out, figures.png(figures.grid(made.images, made.columns)))
    else:
        write_atomically(out, figures.npz(images=made.images))
    log.info("%d images: %s", len(made.images), out)


if __name__ == "__main__":
    main()
