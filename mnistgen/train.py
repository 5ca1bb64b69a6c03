"""One training: from a run folder's configuration to its finished files."""

import logging
import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning
import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from rich.console import Console

import mnistgen
from mnistgen import checkpoints
from mnistgen.callbacks import EpochMeans, Seeding, StopOnSignal
from mnistgen.config import Config, build, hydra_value, threads
from mnistgen.errors import UserError
from mnistgen.memory import keep_freed_memory
from mnistgen.monitor import FID, FIDMonitor
from mnistgen.progress import RunProgress
from mnistgen.recorder import Recorder
from mnistgen.runs import Run
from mnistgen.seeds import stream
from mnistgen.signals import Signals

log = logging.getLogger(__name__)


def train(run: Run, signals: Signals, *more: Callback, bar: bool = True) -> float | None:
    """Train a run from its newest checkpoint, or from the start, to its last epoch.

    `more` callbacks are called after the run's own, but before its records are written. On a
    terminal, `bar` shows how far it is. Returns its last `val/fid`, which a search is to
    minimise; None where it was never measured. Raises UserError where it failed for a known
    reason, Interrupted after the batch in which a signal was noted.
    """
    signals.check()
    config = run.config()
    _quieten()
    if config["trainer"]["accelerator"] == "gpu" and not torch.cuda.is_available():
        raise UserError("trainer=gpu: torch finds no CUDA device here; trainer=cpu needs none")
    if config["trainer"]["accelerator"] == "cpu":
        # Lightning sets it; each step of an optimizer would then look for NVIDIA's library.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    torch.set_num_threads(threads(config))
    keep_freed_memory()
    torch.manual_seed(stream(config["seed"], "weights"))
    model = build(config, "model", optimizer=build(config, "optim"), schedule=build(config, "lr"))
    data = build(config, "data", seed=config["seed"])
    if not data.val_size:
        model.monitor = model.monitor.replace("val/loss", "train/loss")
    checkpoint = checkpoints.newest(run)
    done = checkpoints.read(checkpoint).content["epoch"] + 1 if checkpoint else 0

    means = EpochMeans()
    precision = run.info().get("precision") or choose_precision(config)
    options = {**config["trainer"], "precision": precision}
    fid = FIDMonitor(options.pop("quality_every"), config["seed"])
    callbacks: list[Callback] = [Seeding(config["seed"]), means, StopOnSignal(signals), fid]
    callbacks += [Recorder(run, config), *more]
    console = Console(stderr=True)
    has_bar = bar and console.is_terminal and _process_rank() == 0
    if has_bar:
        callbacks.append(RunProgress(means, console))
    trainer: pl.Trainer = build(
        {"trainer": options},
        "trainer",
        callbacks=callbacks,
        logger=_logger(run, config, done),
        plugins=[checkpoints.SafeCheckpointIO()],
        default_root_dir=str(run.path),
        enable_progress_bar=has_bar,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # the data module's sampler knows of the processes
    )
    data.setup()
    if trainer.is_global_zero:
        _describe(run, config, trainer, model, data, precision)
    if trainer.world_size > 1:
        # Lightning starts the other processes with this one's command line: they are to join it.
        sys.argv[1:] = [f"resume={hydra_value(str(run.path))}"]
    try:
        trainer.fit(model, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except MisconfigurationException as error:
        raise UserError(f"trainer: {' '.join(str(error).split())}") from error
    # Not from the trainer: it has none when a crash came after the last epoch's checkpoint.
    measured = [row[FID] for row in run.metrics() if FID in row]
    return measured[-1] if measured else None


def _logger(run: Run, config: Config, done: int) -> Any:
    if "_target_" not in config["logger"]:
        return False
    more: dict[str, Any] = {"save_dir": str(run.path)}
    if config["logger"]["_target_"].endswith("TensorBoardLogger") and done:
        more["purge_step"] = done + 1  # hide what a killed run wrote of an unfinished epoch
    return build(config, "logger", **more)


def choose_precision(config: Config) -> str:
    """What `trainer.precision=auto` is: products in bfloat16 where the processor has them.

    The weights, their updates and the losses stay in single precision.
    """
    asked = str(config["trainer"]["precision"])
    if asked != "auto":
        return asked
    if config["trainer"]["accelerator"] != "cpu":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        info = Path("/proc/cpuinfo")
        flags = info.read_text().split() if info.exists() else []
        has_bf16 = "avx512_bf16" in flags or "amx_bf16" in flags
    return "bf16-mixed" if has_bf16 else "32-true"


def _describe(
    run: Run, config: Config, trainer: pl.Trainer, model: Any, data: Any, precision: str
) -> None:
    """Put into run.json what the numbers of this run depend on; a resumed one must agree."""
    checksum = data.arrays().checksum
    before = run.info()
    if before.get("data_checksum", checksum) != checksum:
        raise UserError(f"{run.path} was begun on other data: the files in {data.root} differ")
    if before.get("threads", threads(config)) != threads(config):
        log.warning(
            "begun with %s threads: results can differ in the last bits", before["threads"]
        )
    run.update(
        seed=config["seed"],
        commit=_commit(),
        versions={
            "mnistgen": mnistgen.__version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "python": platform.python_version(),
        },
        device=str(trainer.strategy.root_device),
        machine=f"{platform.node()} {platform.machine()}",
        precision=precision,
        threads=torch.get_num_threads(),
        processes=trainer.world_size,
        data_checksum=checksum,
        parameters={
            name: sum(parameter.numel() for parameter in network.parameters())
            for name, network in model.named_children()
        },
    )


def _commit() -> str | None:
    """The commit of this code, with -dirty where it was changed; None outside a checkout."""
    checkout = Path(__file__).parents[1]
    if not (checkout / ".git").exists():  # a repository further up is the user's own
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def _process_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


def _quieten() -> None:
    """Silence what Lightning and torch say about things that are so on purpose here."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers",  # a batch is one index operation: workers would slow it
        ".*isinstance\\(treespec, LeafSpec\\)",  # Lightning's own, harmless
        ".*smaller than the logging interval",  # nothing is logged by the step
        "Total length of `list` across ranks is zero",  # data.val_size=0
    ):
        warnings.filterwarnings("ignore", message)
