"""What a run tells its logger: one run of the logger for one run folder, however often it goes on.

All loggers get the columns of metrics.csv under the names they have there, but for TensorBoard
(see `TensorBoardJournal`).
"""

import contextlib
import logging
import os
import uuid
from collections.abc import Collection, Iterator, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from hydra.utils import get_class
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from mnistgen.config import Config, build, one_line, settings
from mnistgen.config.objects import TARGET, choice
from mnistgen.errors import UserError
from mnistgen.tracking import RunFolder, checkpoints
from mnistgen.tracking.folder import Row

log = logging.getLogger(__name__)

OURS = "save_dir", "sub_dir", "purge_step", "id", "run_id"  # they follow from the run folder
TAG = "mnistgen.run"  # of a run in MLflow: the id of its run folder


class Journal:
    """What a run tells its logger; this one, of a run without a logger, is heard by nobody."""

    logger: Any = False  # Lightning's

    def parameters(self, parameters: Mapping[str, Any]) -> None:
        """Tell the configuration, each time that the run goes on: parts of it may have changed."""

    def epoch(self, row: Row, pictures: Mapping[str, Tensor]) -> None:
        """Tell a row of metrics.csv and pictures in [0, 1], (3, H, W), unless they were told.

        Afterwards a kill does not take them.
        """

    def end(self, error: BaseException | None) -> None:
        """Say how the training ended."""


class _LoggerJournal(Journal):
    """The journal of one of Lightning's loggers, of which `more` are arguments."""

    known = 0  # the last epoch that the logger has

    @staticmethod
    def further_options() -> Collection[str]:
        """Options that the logger's class passes on."""
        return ()

    def __init__(self, run: RunFolder, part: Config, done: int, **more: Any) -> None:
        self.run = run
        self.done = done
        self.logger = build("logger", part, save_dir=str(run.path), **more)

    def parameters(self, parameters: Mapping[str, Any]) -> None:
        self.logger.log_hyperparams(dict(parameters))

    def epoch(self, row: Row, pictures: Mapping[str, Tensor]) -> None:
        epoch = int(row["epoch"])
        if epoch > self.known:
            self._write({**row, "epoch": epoch}, pictures, epoch)

    def _write(self, row: Row, pictures: Mapping[str, Tensor], epoch: int) -> None:
        self.logger.log_metrics(row, step=epoch)
        self.logger.save()


class TensorBoardJournal(_LoggerJournal):
    """TensorBoard draws a chart for each tag, in the order of the alphabet, with a line a run.

    So the two splits are runs of their own, below the run: one chart has both. `fid` and `loss`
    come first; the HPARAMS tab shows the first five.
    """

    @staticmethod
    def further_options() -> Collection[str]:
        return signature(SummaryWriter).parameters

    def __init__(self, run: RunFolder, part: Config, done: int) -> None:
        # What a killed run wrote of an epoch that it did not complete is hidden
        purge = done + 1
        super().__init__(run, part, done, purge_step=purge)
        self.known = done if any(run.path.glob("train/events.out.tfevents.*")) else 0
        self.splits = {
            split: build("logger", part, save_dir=str(run.path), sub_dir=split, purge_step=purge)
            for split in ("train", "val")
        }

    def parameters(self, parameters: Mapping[str, Any]) -> None:
        """Write hparams.yaml anew, and what the HPARAMS tab shows together with the curves.

        TensorBoard takes the first run's list of what to show for that of all, so none is written
        here, and it finds the keys and the metrics of all runs itself.
        """
        (self.run.path / self.logger.NAME_HPARAMS_FILE).unlink(missing_ok=True)  # or it stays
        super().parameters(parameters)
        _, *session = hparams(dict(parameters), {})  # type: ignore[no-untyped-call]
        for summary in session:
            self.logger.experiment.file_writer.add_summary(summary)

    def _write(self, row: Row, pictures: Mapping[str, Tensor], epoch: int) -> None:
        for name in row.keys() - {"epoch"}:
            split, tag = _split_and_tag(name)
            self.splits[split].experiment.add_scalar(tag, row[name], epoch)
        for name, picture in pictures.items():
            self.logger.experiment.add_image(name, picture, epoch)
        for logger in (self.logger, *self.splits.values()):
            logger.experiment.flush()

    def end(self, error: BaseException | None) -> None:
        for logger in self.splits.values():
            logger.experiment.close()


def _split_and_tag(name: str) -> tuple[str, str]:
    """Where TensorBoard shows a column of metrics.csv."""
    split, _, quantity = name.rpartition("/")
    if not split:
        return "train", f"training/{name}"
    return split, quantity if quantity in ("fid", "loss", "readable") else f"parts/{quantity}"


class CSVJournal(_LoggerJournal):
    """Lightning's CSV logger begins its file anew each time, so all rows are told again."""


class WandbJournal(_LoggerJournal):
    """Weights & Biases knows a run by its id; offline, each training is a folder with that id."""

    @staticmethod
    def further_options() -> Collection[str]:
        import wandb

        return signature(wandb.init).parameters

    def __init__(self, run: RunFolder, part: Config, done: int) -> None:
        identity = _identity(run)
        self.before = any(run.path.glob(f"wandb/*run-*-{identity}"))
        super().__init__(run, {"name": _name(run), **part}, done, id=identity)

    def parameters(self, parameters: Mapping[str, Any]) -> None:
        super().parameters(parameters)
        # The server says which epochs it has; offline nobody does
        told = self.done if self.before else 0
        self.known = int(self.logger.experiment.summary.get("epoch") or told)

    def _write(self, row: Row, pictures: Mapping[str, Tensor], epoch: int) -> None:
        from wandb import Image

        images = {name: [Image(picture)] for name, picture in pictures.items()}
        # Lightning's method would count steps of W&B's own, and from 0 in each training
        content = {**row, **images, "trainer/global_step": epoch}
        self.logger.experiment.log(content, step=epoch, commit=True)

    def end(self, error: BaseException | None) -> None:
        import wandb

        wandb.finish(
            exit_code=0 if error is None else 1
        )  # or the next training goes into this run


class MLflowJournal(_LoggerJournal):
    """MLflow gives a run an id of its own; the run is found again by a tag."""

    def __init__(self, run: RunFolder, part: Config, done: int) -> None:
        identity = _identity(run)
        tags = {**(part.get("tags") or {}), TAG: identity}
        super().__init__(run, {"run_name": _name(run), **part}, done, tags=tags)
        found = self._find(part, identity)
        if found:
            super().__init__(run, part, done, run_id=found.info.run_id)
            self.known = int(found.data.metrics.get("epoch", 0))
        self.is_open = False

    @staticmethod
    def _find(part: Config, identity: str) -> Any:
        from mlflow import MlflowClient

        client = MlflowClient(part.get("tracking_uri"))
        experiment = client.get_experiment_by_name(part["experiment_name"])
        if experiment is None:
            return None
        words = f"tags.`{TAG}` = '{identity}'"
        return next(iter(client.search_runs([experiment.experiment_id], words)), None)

    def parameters(self, parameters: Mapping[str, Any]) -> None:
        """Tell the parameters that are new; of one that has changed MLflow keeps the first value.

        The new value is a tag with its name.
        """
        self.is_open = True
        client, run_id = self.logger.experiment, self.logger.run_id
        client.update_run(run_id, status="RUNNING")
        told = client.get_run(run_id).data.params
        super().parameters({key: v for key, v in parameters.items() if key not in told})
        for key, value in parameters.items():
            if told.get(key, str(value)) != str(value):
                client.set_tag(run_id, key, value)

    def _write(self, row: Row, pictures: Mapping[str, Tensor], epoch: int) -> None:
        super()._write(row, pictures, epoch)
        for name, picture in pictures.items():
            pixels = picture.permute(1, 2, 0).numpy()
            self.logger.experiment.log_image(self.logger.run_id, pixels, key=name, step=epoch)

    def end(self, error: BaseException | None) -> None:
        if self.is_open:
            failed = "FAILED" if isinstance(error, Exception) else "KILLED"
            status = "FINISHED" if error is None else failed
            self.logger.experiment.set_terminated(self.logger.run_id, status)


JOURNALS: dict[str, type[_LoggerJournal]] = {
    "lightning.pytorch.loggers.TensorBoardLogger": TensorBoardJournal,
    "lightning.pytorch.loggers.CSVLogger": CSVJournal,
    "lightning.pytorch.loggers.WandbLogger": WandbJournal,
    "lightning.pytorch.loggers.MLFlowLogger": MLflowJournal,
}
"""The journals by the class that conf/logger names."""


def check(part: Config) -> None:
    """Raise UserError for an option that the logger of a run does not take."""
    if TARGET not in part:
        return
    logger = get_class(part[TARGET])
    taken = {*signature(logger).parameters, *JOURNALS[part[TARGET]].further_options()} - {*OURS}
    for key in part.keys() - taken - {TARGET}:
        name = choice("logger", part[TARGET])
        reason = "a run sets it" if key in OURS else f"logger={name} has no such option"
        raise UserError(f"logger.{key}={part[key]} is not allowed: {reason}")


@contextlib.contextmanager
def journal(run: RunFolder, config: Config, checkpoint: Path | None) -> Iterator[Journal]:
    """The journal of a training that goes on from a checkpoint, or begins; it is ended as that is.

    Raises UserError where the logger's program refuses.
    """
    part = config["logger"]
    is_first = os.environ.get("LOCAL_RANK", "0") == "0"  # of the processes; it tells for all
    if TARGET not in part or not is_first:
        yield Journal()
        return
    done = checkpoints.read(checkpoint).content["epoch"] + 1 if checkpoint else 0
    try:
        opened = JOURNALS[part[TARGET]](run, part, done)
        try:
            yield opened
        except BaseException as error:
            _end(opened, error)
            raise
        _end(opened, None)
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("wandb", "mlflow"):
            raise
        name = choice("logger", part[TARGET])
        raise UserError(f"logger={name}: {one_line(error)}") from error


def parameters(config: Config) -> dict[str, Any]:
    """The configuration as a logger shows it, but for itself: numbers and words by dotted key."""
    return {
        key: value if isinstance(value, (bool, int, float)) else settings.shown(value)
        for key, value in settings.said(config).items()
        if not settings.lies_in(key, ("logger",))
    }


def _end(opened: Journal, error: BaseException | None) -> None:
    """End a journal; the training has ended, and a logger that is gone takes nothing from it."""
    try:
        opened.end(error)
    except Exception as trouble:
        log.warning("the logger did not hear how the training ended: %s", one_line(trouble))


def _identity(run: RunFolder) -> str:
    """The id of a run folder, which goes where the folder goes."""
    known = run.info().id
    if known is None:
        known = uuid.uuid4().hex
        run.update(id=known)
    return known


def _name(run: RunFolder) -> str:
    return f"{run.path.resolve().parent.name}/{run.path.resolve().name}"
