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
from lightning.pytorch.accelerators import CPUAccelerator, CUDAAccelerator, MPSAccelerator
from lightning.pytorch.plugins import DoublePrecision, MixedPrecision, Precision

import mnistgen
from mnistgen import system
from mnistgen.config import Config
from mnistgen.data.module import DataModule
from mnistgen.errors import UserError
from mnistgen.tracking import RunFolder

log = logging.getLogger(__name__)

ACCELERATORS = {"gpu": CUDAAccelerator, "mps": MPSAccelerator, "cpu": CPUAccelerator}
"""What `trainer.accelerator` may be beside "auto", the fastest first."""

BF16 = "avx512_bf16", "amx_bf16"  # what x86 processors say that have products in bfloat16


def accelerator(config: Config) -> str:
    """What a training takes here, "auto" the fastest; raises UserError where that is not there."""
    choice: str = config["trainer"]["accelerator"]
    available = [name for name, kind in ACCELERATORS.items() if kind.is_available()]
    if choice == "auto":
        return available[0]
    if choice not in available:
        device = ACCELERATORS[choice].name().upper()
        raise UserError(
            f"trainer={choice}: torch finds no {device} device; trainer=auto takes what is there"
        )
    return choice


def prepare(config: Config) -> None:
    """Make this process ready to train; raises UserError where this machine cannot."""
    taken = accelerator(config)
    if taken == "cpu":
        # Lightning sets it; each step of an optimizer would then look for NVIDIA's library.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    if taken == "gpu":
        torch.backends.cudnn.deterministic = True  # the fastest convolutions are not
    if taken == "mps" and config["trainer"]["precision"] == "64-true":
        raise UserError("trainer.precision=64-true is not allowed: MPS has none; trainer=cpu has")
    system.keep_freed_memory()


def precision(config: Config) -> str:
    """What `trainer.precision` stands for here: "auto" is bfloat16 where the processor has it.

    Products are then in bfloat16; weights, their updates and losses stay in single precision.
    Of ARM's bfloat16 and of MPS's it is not known whether they are faster: they must be asked for.
    """
    choice = str(config["trainer"]["precision"])
    if choice != "auto":
        return choice
    taken = accelerator(config)
    has_bf16 = (taken == "cpu" and not system.processor_flags().isdisjoint(BF16)) or (
        taken == "gpu" and torch.cuda.is_bf16_supported(including_emulation=False)
    )
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
        return BFloat16("bf16-mixed", ACCELERATORS[accelerator].name())
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
    device = str(trainer.strategy.root_device)
    if before.data_checksum not in (None, checksum):
        raise UserError(f"{run.path} was begun on other data: the files in {data.root} differ")
    if before.threads not in (None, threads):
        log.warning("begun with %s threads: results can differ in the last bits", before.threads)
    if before.device not in (None, device):
        log.warning("begun on %s, goes on on %s: results can differ", before.device, device)
    run.update(
        seed=config["seed"],
        commit=commit(),
        versions={
            "mnistgen": mnistgen.__version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "python": platform.python_version(),
        },
        device=device,
        machine=f"{platform.node()} {platform.machine()}",
        precision=trainer.precision,
        threads=threads,
        processes=trainer.world_size,
        data_checksum=checksum,
        images=data.sizes(),
        parameters={
            name: sum(parameter.numel() for parameter in network.parameters())
            for name, network in model.named_children()
            if any(True for _ in network.parameters())
        },
    )


def announce(run: RunFolder, epochs: range) -> None:
    """Say what is trained, where and with what, and which epochs."""
    info = run.info()
    if epochs:
        words = f"{info.model}, {info.device}, {info.precision}, threads={info.threads}"
        log.info("training in %s: %s, epochs %d to %d", run.path, words, epochs[0], epochs[-1])


def commit() -> str | None:
    """The commit of this code, with -dirty where it was changed; None outside a checkout."""
    checkout = Path(mnistgen.__file__).parents[1]
    if not (checkout / ".git").exists():  # a repository further up is the user's own
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(
            command, cwd=checkout, capture_output=True, encoding="utf-8", check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
