"""The machine that trains, and what else the numbers of a run depend on, for its run.json."""

import logging
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import lightning
import lightning.pytorch as pl
import torch
from lightning.pytorch.plugins import DoublePrecision, MixedPrecision, Precision

import mnistgen
from mnistgen import system
from mnistgen.config import Config
from mnistgen.data.module import DataModule
from mnistgen.errors import UserError
from mnistgen.tracking import RunFolder

log = logging.getLogger(__name__)


def prepare(config: Config) -> None:
    """Make this process ready to train; raises UserError where it has no such device."""
    if config["trainer"]["accelerator"] == "gpu" and not torch.cuda.is_available():
        raise UserError("trainer=gpu: torch finds no CUDA device here; trainer=cpu needs none")
    if config["trainer"]["accelerator"] == "cpu":
        # Lightning sets it; each step of an optimizer would then look for NVIDIA's library.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    torch.set_num_threads(system.threads(config))
    system.keep_freed_memory()


def precision(config: Config) -> str:
    """What `trainer.precision` stands for here: "auto" is bfloat16 where the processor has it.

    Products are then in bfloat16; weights, their updates and losses stay in single precision.
    """
    choice = str(config["trainer"]["precision"])
    if choice != "auto":
        return choice
    if config["trainer"]["accelerator"] != "cpu":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bf16 = bool({"avx512_bf16", "amx_bf16"} & system.processor_flags())
    return "bf16-mixed" if has_bf16 else "32-true"


class BFloat16(MixedPrecision):
    """Products in bfloat16, where Lightning lets a fused optimizer clip its gradients.

    It does not in any mixed precision, though only the gradients of float16 are scaled.
    """

    def clip_gradients(self, *args: Any, **options: Any) -> None:
        Precision.clip_gradients(self, *args, **options)


def precision_plugin(choice: str, accelerator: str) -> Precision:
    """What makes Lightning compute in a precision."""
    if choice == "bf16-mixed":
        return BFloat16("bf16-mixed", "cpu" if accelerator == "cpu" else "cuda")
    return DoublePrecision() if choice == "64-true" else Precision()


def record(
    run: RunFolder,
    config: Config,
    trainer: pl.Trainer,
    model: pl.LightningModule,
    data: DataModule,
) -> None:
    """Put into run.json what a run is trained with, beside its configuration.

    Raises UserError where a run that goes on was begun on other data.
    """
    before, threads, checksum = run.info(), torch.get_num_threads(), data.arrays().checksum
    if before.data_checksum not in (None, checksum):
        raise UserError(f"{run.path} was begun on other data: the files in {data.root} differ")
    if before.threads not in (None, threads):
        log.warning("begun with %s threads: results can differ in the last bits", before.threads)
    run.update(
        seed=config["seed"],
        commit=commit(),
        versions={
            "mnistgen": mnistgen.__version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "python": platform.python_version(),
        },
        device=str(trainer.strategy.root_device),
        machine=f"{platform.node()} {platform.machine()}",
        precision=trainer.precision,
        threads=threads,
        processes=trainer.world_size,
        data_checksum=checksum,
        images=data.sizes(),
        parameters={
            name: sum(parameter.numel() for parameter in network.parameters())
            for name, network in model.named_children()
        },
    )


def announce(run: RunFolder, epochs: range) -> None:
    """Say what is trained, where and with what, and which epochs."""
    info = run.info()
    if epochs:
        words = f"{info.model}, {info.precision}, threads={info.threads}"
        log.info("training in %s: %s, epochs %d to %d", run.path, words, epochs[0], epochs[-1])


def commit() -> str | None:
    """The commit of this code, with -dirty where it was changed; None outside a checkout."""
    checkout = Path(mnistgen.__file__).parents[1]
    if not (checkout / ".git").exists():  # a repository further up is the user's own
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
