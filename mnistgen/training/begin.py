"""How a training begins: in a run folder that is new, or in one that goes on."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mnistgen.config import Config, rules, settings, shell_word
from mnistgen.config.compose import Composition
from mnistgen.errors import UserError
from mnistgen.tracking import RunFolder, Status, store
from mnistgen.training import resume, screen, session

log = logging.getLogger(__name__)

OF_OTHERS = {
    "resume": "from Python a run goes on with mnistgen.run(PATH).resume()",
    "sweep": "it is the name of a sweep, which is -m, or mnistgen.sweep from Python",
    "retry": "it is for a sweep, which is -m, or mnistgen.sweep from Python",
}
"""Keys of a training's command that say nothing of a single new run."""


def new(composition: Composition) -> contextlib.AbstractContextManager[RunFolder]:
    """A new run folder, and its lock; raises UserError where no such run can begin here."""
    values, model = composition.values, composition.model
    rules.check_new(values)
    for key, use in OF_OTHERS.items():
        if values.get(key) is not None:
            raise UserError(f"{key}={values[key]} is not allowed with a new run: {use}")
    config = settings.to_save(values)
    session.check(config)
    time = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    path = composition.run_dir or Path(values["outputs"]) / model / time
    return store.new(path, model=model, config=config, overrides=composition.overrides)


@contextlib.contextmanager
def old(name: str, outputs: Path, values: Config, overrides: Sequence[str]) -> Iterator[RunFolder]:
    """The run folder that `resume=name` names, with what the overrides change, and its lock."""
    run = resume.choose(name, outputs, overrides)
    config = resume.changed(run, values, overrides)
    is_done = run.info().status is Status.FINISHED and config == run.config()
    with contextlib.nullcontext() if is_done else run.lock():
        resume.change(run, config, overrides)
        yield run


def train(run: RunFolder, *callbacks: Any) -> float | None:
    """Train a run folder to its last epoch, and say where everything is; its last `val/fid`."""
    with screen.lines():
        info = run.info()
        if info.status is Status.FINISHED:
            log.info("%s is finished: nothing to do", run.path)
            return info.objective
        objective = session.train(run, *callbacks)
        last = run.metrics()[-1]
        losses = [f"{k} {last[k]:.5g}" for k in last if k.startswith(("train/", "val/"))]
        log.info("run folder   %s", run.path)
        log.info("epoch %-6d %s", last["epoch"], "  ".join(losses))
        log.info("samples      %s", run.picture("samples", int(last["epoch"])))
        for sentence in run.info().diagnosis:
            log.warning("went wrong   %s", sentence)
        log.info("curves       tensorboard --logdir %s", shell_word(str(run.path)))
        return objective
