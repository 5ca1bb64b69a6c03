import copy

import numpy as np
import pytest
from PIL import Image

from mnistgen.config import compose, rules
from mnistgen.config.objects import build_model
from mnistgen.tracking import checksums, store
from mnistgen.tracking.checkpoints import SafeCheckpointIO
from mnistgen.tracking.info import Evaluation, Protocol, Status

COMPARISONS = {
    "training images": {"fid": 1.0, "readable": 0.99, "haze": 1.0, "sharpness": 1.0},
    "noise": {"fid": 912.0, "readable": 0.0, "haze": 9.3, "sharpness": 4.5},
}


def new_folder(
    path,
    model="densevae",
    *,
    seed=1,
    changed=None,
    metrics=None,
    curves=None,
    info=None,
    picture=None,
    checkpoint=False,
):
    """A run folder by hand: the paper's recipe, but for what is `changed` by dotted key.

    `curves` are columns of metrics.csv, `metrics` those of an evaluation of the last epoch,
    `info` fields of run.json,
    `picture` a grid (H, W) in [0, 1], or what makes one of an epoch.
    """
    config = copy.deepcopy(compose.paper(model))
    config["seed"] = seed
    for key, value in (changed or {}).items():
        *parents, last = key.split(".")
        part = config
        for parent in parents:
            part = part[parent]
        part[last] = value
    rules.check(config)
    run = store.create(path, model=model, config=config, overrides=[f"model={model}"])
    columns = curves or {}
    epochs = max((len(values) for values in columns.values()), default=2)
    fields = {"status": Status.FINISHED, "epochs": epochs, "seconds": 60.0, **(info or {})}
    run.update(**fields)
    run.write_metrics([
        {"epoch": i + 1, **{name: values[i] for name, values in columns.items()}}
        for i in range(epochs)
    ])  # fmt: skip
    if checkpoint:
        network = build_model(config)
        content = {"state_dict": network.state_dict(), "epoch": epochs - 1}
        SafeCheckpointIO().save_checkpoint(content, run.last)
    if metrics is not None:
        protocol = Protocol(
            checkpoint="last.ckpt",
            checkpoint_sha256=checksums.newest(run.last),
            epoch=epochs,
            split="test",
            samples=10_000,
            seed=0,
            features_sha256="1",
            data_checksum="2",
        )
        content = {"settings": protocol, "comparisons": COMPARISONS, "metrics": metrics}
        run.write_evaluation(Evaluation(**content))
    if picture is not None:
        for epoch in range(1, epochs + 1):
            grid = picture(epoch) if callable(picture) else picture
            pixels = Image.fromarray((np.asarray(grid) * 255).round().astype(np.uint8))
            for name in ("samples", "reconstructions"):
                target = run.picture(name, epoch)
                target.parent.mkdir(exist_ok=True)
                pixels.convert("RGB").save(target)
    return run


def picture_of(image, rows=8, columns=8):
    """A picture as a run leaves them: one image or grey value again and again, in a border."""
    picture = np.full((rows * 30 + 2, columns * 30 + 2), 0.5)
    for i in range(rows):
        for j in range(columns):
            picture[i * 30 + 2 : i * 30 + 30, j * 30 + 2 : j * 30 + 30] = image
    return picture


@pytest.fixture(scope="session")
def grid():
    return picture_of


@pytest.fixture(scope="session")
def run_folder():
    return new_folder


@pytest.fixture
def make(tmp_path):
    """Make a run folder below tmp_path/outputs, under a name."""

    def at(name, *args, **options):
        return new_folder(tmp_path / "outputs" / name, *args, **options)

    return at
