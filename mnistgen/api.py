"""What a script or a notebook does: train, sweep, and all that can be done with a run.

The commands call it too. Nothing heavy is imported before it is needed.
"""

import contextlib
import copy
import logging
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnistgen.config import Config, expand_path, objects, rules
from mnistgen.config import compose as composition
from mnistgen.errors import Diverged, Interrupted, UserError
from mnistgen.inference import kinds
from mnistgen.sweeps import multirun
from mnistgen.sweeps.comparison import Comparison
from mnistgen.tracking import Evaluation, Row, RunFolder, store
from mnistgen.training import begin, resume

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback
    from pandas import DataFrame

    from mnistgen.inference.model import Trained
    from mnistgen.inference.pictures import Picture

__all__ = [
    "Diverged", "Run", "UserError", "compose", "load", "run", "runs", "sweep", "train",
    "write_report",
]  # fmt: skip

log = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]
ConfigDir = PathLike | Sequence[PathLike] | None  # one directory, or several

CHECKPOINT = {"checkpoint": rules.CHECKPOINT}
EVALUATE = {
    **CHECKPOINT,
    "cache": rules.PATH,
    "n": rules.whole(64, 60_000),  # from the number of features
    "seed": rules.RULES["seed"],
    "k": rules.whole(1),
    "nll_images": rules.whole(2, 10_000),
    "force": rules.TRUTH,
}
SAMPLE = {
    "kind": rules.one_of(*kinds.KINDS),
    **CHECKPOINT,
    "n": rules.either(rules.NULL, rules.whole(1)),
    "seed": rules.RULES["seed"],
}


class Run:
    """A run folder, and what can be done with it; methods raise UserError, a line for the user.

    `config_dir` names the classes of one's own that the run may have.
    """

    def __init__(self, path: PathLike, config_dir: ConfigDir = None) -> None:
        self.folder = RunFolder(Path(_text(path)))
        if self.path.is_file():
            raise UserError(f"{path} is a file: give the run folder, and load(checkpoint=...)")
        self.config_dir = config_dir
        self.folder.info()

    def __repr__(self) -> str:
        info = self.folder.info()
        return f"<Run {self.path}: {info.model}, {info.status}, {info.epochs} epochs>"

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder.path

    @property
    def config(self) -> Config:
        """The saved configuration."""
        with self._allowed():
            return self.folder.config()

    @property
    def metrics(self) -> list[Row]:
        """The rows of metrics.csv, one an epoch."""
        return self.folder.metrics()

    def frame(self) -> "DataFrame":
        """metrics.csv as a frame of pandas, with the epoch as its index."""
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise UserError("frame() needs: pip install pandas") from error
        return pd.DataFrame(self.metrics).astype({"epoch": int}).set_index("epoch")

    def resume(self, max_epochs: int | None = None, callbacks: Sequence["Callback"] = ()) -> "Run":
        """Train on, to the last epoch or to `max_epochs`; a finished run stays as it is."""
        own = _checked(callbacks)
        overrides = [] if max_epochs is None else [f"{resume.EPOCHS}={max_epochs}"]
        with self._allowed(), _signals_as_python_has_them():
            values = composition.compose(*overrides)
            with begin.old(str(self.path), Path(), values, overrides) as folder:
                begin.train(folder, *own)
        return self

    def load(self, checkpoint: PathLike = "last") -> "Trained":
        """The model in evaluation mode, and what it comes from.

        `checkpoint` is "last", "best" or the path of one.
        """
        rules.check_values({"checkpoint": _text(checkpoint)}, CHECKPOINT)
        from mnistgen.inference import model

        with self._allowed():
            return model.load(self.folder, _text(checkpoint))

    def sample(
        self,
        n: int | None = None,
        kind: str = "samples",
        *,
        seed: int = 0,
        checkpoint: PathLike = "last",
    ) -> "Picture":
        """A picture of what the model makes: `.images` in [0, 1], (N, 1, 28, 28), and `.columns`.

        A notebook shows it. `kind` and `n` are those of mnistgen.sample.
        """
        options = {"n": n, "kind": kind, "seed": seed, "checkpoint": _text(checkpoint)}
        rules.check_values(options, SAMPLE)
        size = kinds.size(kind, n)
        from mnistgen.inference import pictures

        return pictures.draw(self.load(checkpoint), kind, n=size, seed=seed)

    def evaluate(
        self,
        *,
        checkpoint: PathLike = "last",
        n: int = 10_000,
        seed: int = 0,
        k: int = 1_000,
        nll_images: int = 1_000,
        force: bool = False,
        cache: PathLike = "~/.cache/mnistgen",
    ) -> Evaluation:
        """Measure the model, and keep the measures in evaluation.json; see mnistgen.evaluate."""
        options = {"n": n, "seed": seed, "k": k, "nll_images": nll_images}
        rest = {"checkpoint": _text(checkpoint), "force": force, "cache": _text(cache)}
        rules.check_values(options | rest, EVALUATE)
        from mnistgen.metrics.evaluation import Evaluations

        evaluations = Evaluations.shared(Path(_text(cache)), **options)
        with self._allowed():
            return evaluations.evaluate(self.folder, _text(checkpoint), force=force)

    def export(self, out: PathLike, checkpoint: PathLike = "last") -> "Trained":
        """Write the generator or decoder to an .onnx or a .safetensors file; returns the model."""
        path = Path(_text(out))
        rules.check_out(path, ".onnx", ".safetensors")
        from mnistgen.inference import formats

        trained = self.load(checkpoint)
        formats.write(trained, path)
        return trained

    @contextlib.contextmanager
    def _allowed(self) -> Iterator[None]:
        with objects.allow(_dirs(self.config_dir)):
            yield


def train(
    *overrides: str, callbacks: Sequence["Callback"] = (), config_dir: ConfigDir = None
) -> Run:
    """Train a new run of a configuration, which the overrides make as on the command line.

    Example: `run = mnistgen.train("model=cnnvae", "optim.lr=1e-3")`. The `callbacks` are
    Lightning's; `config_dir` has YAML files of one's own. Raises UserError.
    """
    dirs, own = _dirs(config_dir, overrides), _checked(callbacks)
    with (
        objects.allow(dirs),
        _signals_as_python_has_them(),
        begin.new(composition.of_overrides(overrides)) as folder,
    ):
        begin.train(folder, *own)
    return Run(folder.path, dirs)


def sweep(*overrides: str, config_dir: ConfigDir = None) -> Comparison:
    """Train every combination of the listed values, and compare the runs; the same call goes on.

    Example: `mnistgen.sweep("model=cnngan", "optim.lr=1e-5,1e-4")`. Raises UserError, also where
    a run has not finished.
    """
    with objects.allow(_dirs(config_dir, overrides)), _signals_as_python_has_them():
        return multirun.sweep(overrides)


def run(path: PathLike, config_dir: ConfigDir = None) -> Run:
    """The run of a folder; raises UserError where there is none."""
    return Run(path, config_dir)


def runs(root: PathLike = "outputs", config_dir: ConfigDir = None) -> list[Run]:
    """The runs at or below a folder, oldest first."""
    folders = store.whole_runs(Path(_text(root)))
    return [Run(folder.path, config_dir) for folder in folders]


def load(path: PathLike, checkpoint: PathLike = "last", config_dir: ConfigDir = None) -> "Trained":
    """The model of a run folder in evaluation mode, and what it comes from."""
    return Run(path, config_dir).load(checkpoint)


def compose(*overrides: str, config_dir: ConfigDir = None) -> Config:
    """The configuration of a training that some overrides make, as plain containers."""
    with objects.allow(_dirs(config_dir, overrides)):
        return copy.deepcopy(composition.compose(*overrides))


def write_report(
    runs: PathLike | Sequence[PathLike] = "outputs",
    out: PathLike = "report",
    *,
    play: bool = True,
    config_dir: ConfigDir = None,
) -> Path:
    """Write the page about all runs at or below some folders, its figures and tables.

    Returns the path of index.html. The arguments are those of mnistgen.report. Raises UserError.
    """
    places = [runs] if isinstance(runs, str | os.PathLike) else runs
    roots = store.folders("runs", [_text(place) for place in places])
    folder = Path(_text(out))
    if folder.exists() and not folder.is_dir():
        raise UserError(f"out={folder} is not allowed: it must be a folder, and is a file")
    from mnistgen.report import page
    from mnistgen.report.evidence import gather

    with objects.allow(_dirs(config_dir)):
        evidence = gather(*roots)
        for note in evidence.notes:
            log.warning("%s: %s", note.name, note.reason)
        page.write(evidence, folder, play=play)
    counts = len(evidence.records), len(evidence.representatives)
    log.info("%s: runs %d, models %d", folder / "index.html", *counts)
    return folder / "index.html"


def _dirs(config_dir: ConfigDir, overrides: Sequence[str] = ()) -> list[Path]:
    """The config directories of a call, those that its overrides give included."""
    several = () if config_dir is None else config_dir
    given = [several] if isinstance(several, str | os.PathLike) else several
    dirs = [*(Path(_text(path)) for path in given), *composition.search_dirs(overrides)]
    for path in dirs:
        if not path.is_dir():
            raise UserError(f"config_dir={path} is not allowed: there is no such folder")
    return dirs


def _text(path: PathLike) -> str:
    text: str = expand_path(os.fspath(path))
    return text


def _checked(callbacks: Sequence["Callback"]) -> list["Callback"]:
    """Callbacks as a list; raises UserError for what is none of Lightning's."""
    own = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    if own:
        from lightning.pytorch.callbacks import Callback

        if not all(isinstance(callback, Callback) for callback in own):
            must = "it must be a list of objects of Lightning's Callback"
            raise UserError(f"callbacks={callbacks!r} is not allowed: {must}")
    return own


@contextlib.contextmanager
def _signals_as_python_has_them() -> Iterator[None]:
    """Once the run says that it was interrupted, let a signal do what it does otherwise."""
    try:
        yield
    except Interrupted as error:
        if error.signum == signal.SIGINT:
            raise KeyboardInterrupt from error
        signal.raise_signal(error.signum)
        raise
