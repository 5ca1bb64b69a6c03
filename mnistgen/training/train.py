"""One training, stage by stage: machine, model and data, trainer, fit, result."""

import contextlib
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO, cast

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, LambdaCallback, WeightAveraging
from rich.console import Console

from mnistgen import system
from mnistgen.config import Config, build, build_model, one_line, rules, sizes
from mnistgen.data.module import DataModule, data_module
from mnistgen.errors import UserError
from mnistgen.metrics.lenet import weights
from mnistgen.models import GAN, VAE
from mnistgen.models.layers import IMAGE_SHAPE
from mnistgen.models.means import EpochMeans
from mnistgen.seeds import stream
from mnistgen.tracking import RunFolder, checkpoints
from mnistgen.tracking.info import FID
from mnistgen.training import averages, graphs, loggers, machine, processes, threads
from mnistgen.training.callbacks import MixtureFit, Seeding
from mnistgen.training.fid import FIDMonitor
from mnistgen.training.graphs import CUDAGraphs
from mnistgen.training.loggers import Journal
from mnistgen.training.progress import RunProgress, Terminal
from mnistgen.training.recorder import Recorder
from mnistgen.training.scale import Scale
from mnistgen.training.screen import draws_bar
from mnistgen.training.signals import Signals

NEED_AUTOMATIC = {"accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm"}
"""Options that Lightning obeys only for models whose updates it makes."""


def check(config: Config) -> None:
    """Raise UserError where this machine, the data, the model or its optimizer refuse to begin."""
    machine.prepare(config)
    model: Any = _model(config)
    optimizer, schedule = build("optim", config["optim"]), build("lr", config["lr"])
    try:
        schedule(optimizer(model.parameters()), steps=2, monitor=FID)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"optim or lr: {one_line(error)}") from error
    _check_methods(model, config["model"]["latent_dim"])
    averages.check(_callbacks(config), model)
    if not model.automatic_optimization:
        for option in NEED_AUTOMATIC & config["trainer"].keys():
            name = type(model).__name__
            raise UserError(f"trainer.{option} is not allowed: {name} makes its updates itself")
    loggers.check(config["logger"])
    with threads.computing(system.threads(config)):
        weights.load(_data(config))  # what val/fid is measured with is made of the data


def _check_methods(model: Any, latent_dim: int) -> None:
    """Raise UserError where a model makes no images or no losses, before there is a run."""
    images = torch.zeros(2, *IMAGE_SHAPE)
    makers: dict[str, Any] = {"decode": torch.zeros(2, latent_dim), "sample": 2}
    if isinstance(model, VAE):
        makers["reconstruct"] = images
    with torch.no_grad(), torch.random.fork_rng():
        model.eval()
        for method, argument in makers.items():
            shape = tuple(getattr(_call(model, method, argument), "shape", ()))
            if shape != (2, *IMAGE_SHAPE):
                name = f"model: {type(model).__name__}.{method}"
                raise UserError(f"{name} makes {shape} for two: it must make {(2, *IMAGE_SHAPE)}")
        # With a game or a bound of one's own; the steps of another kind of model need a Trainer
        if isinstance(model, GAN | VAE):
            _call(model, "play" if isinstance(model, GAN) else "terms", images)


def _call(model: Any, method: str, argument: Any) -> Any:
    try:
        return getattr(model, method)(argument)
    except Exception as error:  # a user's code raises anything
        name = f"model: {type(model).__name__}.{method}"
        raise UserError(f"{name} fails: {one_line(error)}") from error


def fit(
    run: RunFolder,
    config: Config,
    signals: Signals,
    callbacks: Sequence[Callback],
    *,
    bar: bool,
    share: int | None,
) -> float | None:
    """Train a run from its newest checkpoint, or from the start, to its last epoch.

    The `callbacks` are called before the run's records are written. On a terminal, `bar` shows how
    far it is. `share` is how many cores it may use; None: all. Returns its last `val/fid`, or None
    where it was never measured. Raises UserError where it fails for a known reason, Interrupted
    after the batch in which a signal came.
    """
    signals.check()
    _quieten()
    machine.prepare(config)
    model, data = _model(config), _data(config)
    number = threads.number(config, model, share=share, before=run.info().threads)
    checkpoint = checkpoints.newest(run)
    with threads.computing(number), loggers.journal(run, config, checkpoint) as journal:
        trainer = _trainer(run, config, signals, callbacks, journal, bar=bar)
        if trainer.is_global_zero:
            threads.warn_if_busy(number, trainer.world_size)
            machine.record(run, config, trainer, model, data)
        _run_epochs(trainer, run, model, data, checkpoint)
    # Not from the trainer: it has none when a crash came after the last epoch's checkpoint
    values = [row[FID] for row in run.metrics() if FID in row]
    return values[-1] if values else None


def _model(config: Config) -> pl.LightningModule:
    torch.manual_seed(stream(config["seed"], "weights"))
    model: pl.LightningModule = build_model(config, pl.LightningModule)
    return model


def _data(config: Config) -> DataModule:
    data = data_module(config)
    sizes.check(config, len(data.arrays().train_images))
    return data


def _trainer(
    run: RunFolder,
    config: Config,
    signals: Signals,
    callbacks: Sequence[Callback],
    journal: Journal,
    *,
    bar: bool,
) -> pl.Trainer:
    seed, means, own = config["seed"], EpochMeans(), _callbacks(config)
    fid = FIDMonitor(config["trainer"]["quality_every"], seed)
    console = Console(file=cast(TextIO, Terminal(sys.stderr)))
    stop = LambdaCallback(on_train_batch_end=signals.check, on_validation_batch_end=signals.check)
    options = {k: v for k, v in config["trainer"].items() if k not in rules.OWN_OPTIONS}
    has_bar = bar and options.pop("enable_progress_bar", True) and draws_bar()
    precision = run.info().precision or machine.precision(config)
    options["accelerator"] = machine.accelerator(config)
    trainer: pl.Trainer = build(
        "trainer",
        options,
        callbacks=[
            Seeding(seed),
            *([CUDAGraphs()] if graphs.allowed(config) else []),
            means,
            stop,
            *(one for one in own if isinstance(one, WeightAveraging)),
            MixtureFit(seed),
            fid,  # of the averages as they are at the end of an epoch; others may monitor it
            Scale(run),
            *(one for one in own if not isinstance(one, WeightAveraging)),
            *callbacks,
            *([RunProgress(means, console)] if has_bar else []),
            Recorder(run, config, journal, fid),  # Lightning calls what saves checkpoints last
        ],
        logger=journal.logger,
        plugins=[
            checkpoints.SafeCheckpointIO(),
            machine.precision_plugin(precision, options["accelerator"]),
        ],
        default_root_dir=str(run.path),
        enable_progress_bar=has_bar,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # the data module's sampler knows of the processes
    )
    return trainer


def _callbacks(config: Config) -> list[Callback]:
    parts = config.get("callbacks", {})  # a run of version 0.1 has none
    return [build(f"callbacks.{name}", part, Callback) for name, part in parts.items()]


def _run_epochs(
    trainer: pl.Trainer,
    run: RunFolder,
    model: pl.LightningModule,
    data: DataModule,
    checkpoint: Path | None,
) -> None:
    try:
        with processes.joining(run) if trainer.world_size > 1 else contextlib.nullcontext():
            trainer.fit(model, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except MisconfigurationException as error:
        raise UserError(f"trainer: {one_line(error)}") from error
    done, epochs = trainer.current_epoch, trainer.max_epochs or 0
    if done < epochs and not trainer.should_stop:  # which a callback may want
        raise UserError(
            f"{run.path}: Lightning stopped after {done} epochs, before the last of {epochs}"
        )


def _quieten() -> None:
    """Silence what Lightning and torch say about things that are so on purpose here."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.profilers").setLevel(logging.INFO)  # trainer.profiler
    for message in (
        ".*does not have many workers",  # a batch is one index operation: workers would slow it
        ".*isinstance\\(treespec, LeafSpec\\)",  # Lightning's own, harmless
        ".*smaller than the logging interval",  # nothing is logged by the step
        "Total length of `list` across ranks is zero",  # data.val_size=0
        "The lr scheduler dict contains the key",  # a GAN steps its schedules itself
        "ReduceLROnPlateau conditioned on metric",  # it is not measured in every epoch
        "(GPU|MPS|TPU) available but not used",  # trainer=cpu is the default
        "Experiment logs directory",  # that of logger=csv is written anew from metrics.csv
    ):
        warnings.filterwarnings("ignore", message)
