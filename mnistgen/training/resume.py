"""Which run a command goes on with, and what it may change of it."""

from collections.abc import Sequence
from pathlib import Path

from mnistgen.config import Config, rules, settings
from mnistgen.errors import UserError
from mnistgen.runs import Run, Status, store

EPOCHS = "trainer.max_epochs"


def choose(resume: object, outputs: Path, overrides: Sequence[str]) -> Run:
    """The run that `resume=` names; raises UserError where none is named or it may not change so.

    Of a run that goes on only the number of epochs may change, and what makes it no other run.
    """
    if not isinstance(resume, str) or not resume:
        raise UserError(f"resume={resume} is not allowed: it must be a run folder or latest")
    for override in overrides:
        if not settings.lies_in(_key(override), (*settings.COMMAND, *settings.MACHINE, EPOCHS)):
            raise UserError(
                f"{override} is not allowed with resume=: a run goes on with its saved "
                f"configuration; only {EPOCHS}, {' and '.join(settings.MACHINE)} can change"
            )
    run = store.latest_unfinished(outputs) if resume == "latest" else Run(Path(resume))
    run.info()
    return run


def change(run: Run, composed: Config, overrides: Sequence[str]) -> None:
    """Save what the overrides change of a run, of which `composed` has the values."""
    kept = [o for o in overrides if not settings.lies_in(_key(o), settings.COMMAND)]
    parts = {_key(override).split(".")[0] for override in kept}
    saved, epochs = run.config(), composed["trainer"]["max_epochs"]
    changed = {**saved, **{key: composed[key] for key in settings.MACHINE if key in parts}}
    if "trainer" in parts:
        changed["trainer"] = {**saved["trainer"], "max_epochs": epochs}
    if changed == saved:
        return
    rules.check(changed)
    done = run.info().epochs
    if changed["trainer"]["max_epochs"] < done:
        raise UserError(f"{EPOCHS}={epochs} is not allowed: {run.path} has trained {done} epochs")
    run.change_config(changed, kept)
    if changed["trainer"] != saved["trainer"]:
        run.update(status=Status.INTERRUPTED)


def _key(override: str) -> str:
    return override.split("=")[0]  # that of a deletion begins with ~, so it is none of the keys
