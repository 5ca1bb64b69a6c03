"""Train the feature network again: python -m mnistgen.metrics.lenet data=kmnist."""

import logging
from pathlib import Path

from mnistgen import cli
from mnistgen.config import Config, rules

log = logging.getLogger(__name__)

RULES = {
    "seed": rules.RULES["seed"],
    "out": rules.PATH,
    **{key: rule for key, rule in rules.RULES.items() if key.startswith("data.")},
}


@cli.command("lenet", RULES)
def main(values: Config) -> None:
    """Train the network of one data set from scratch and write its weights to `out`."""
    from mnistgen.data.module import data_module
    from mnistgen.metrics.lenet import weights
    from mnistgen.tracking.checksums import sha256

    data, path = data_module(values), Path(values["out"])
    share = weights.write(data, path, seed=values["seed"])
    log.info("%s: SHA-256 %s", path, sha256(path.read_bytes()))
    log.info("%.2f %% of the test images are read correctly", 100 * share)


if __name__ == "__main__":
    main()
