"""Which run a command goes on with, and what it may change of it."""

from collections.abc import Sequence
from pathlib import Path

from mnistgen.config import Config, objects, rules, settings
from mnistgen.errors import UserError
from mnistgen.tracking import RunFolder, Status, store

EPOCHS = "trainer.max_epochs"


def choose(resume: str, outputs: Path, overrides: Sequence[str]) -> RunFolder:
    """The run that `resume=` names; raises UserError where none is named or it may not change so.

    Of a run that goes on only the number of epochs may change, and what makes it no other run.
    """
    for override in overrides:
        if not settings.lies_in(_key(override), (*settings.COMMAND, *settings.MACHINE, EPOCHS)):
            raise UserError(
                f"{override} is not allowed with resume=: a run goes on with its saved "
                f"configuration; only {EPOCHS}, {' and '.join(settings.MACHINE)} can change"
            )
    run = store.latest_unfinished(outputs) if resume == "latest" else RunFolder(Path(resume))
    run.info()
    return run


def changed(run: RunFolder, composed: Config, overrides: Sequence[str]) -> Config:
    """The configuration that a run goes on with; `composed` has the values of the overrides.

    Raises UserError where it cannot go on with these.
    """
    parts = {_key(override).split(".")[0] for override in overrides}
    config, epochs = run.config(), composed["trainer"]["max_epochs"]
    config |= {key: composed[key] for key in settings.MACHINE if key in parts}
    if "trainer" in parts:
        config["trainer"] = {**config["trainer"], "max_epochs": epochs}
    rules.check(config)
    objects.check_packages(config)
    done = run.info().epochs
    if config["trainer"]["max_epochs"] < done:
        raise UserError(f"{EPOCHS}={epochs} is not allowed: {run.path} has trained {done} epochs")
    return config


def change(run: RunFolder, config: Config, overrides: Sequence[str]) -> None:
    """Save the configuration that a run goes on with, and the overrides that made it."""
    saved = run.config()
    if config == saved:
        return
    kept = [o for o in overrides if not settings.lies_in(_key(o), settings.COMMAND)]
    run.change_config(config, kept)
    if config["trainer"] != saved["trainer"]:
        run.update(status=Status.INTERRUPTED)


def _key(override: str) -> str:
    return override.split("=")[0]  # that of a deletion begins with ~, so it is none of the keys
