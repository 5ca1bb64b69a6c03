"""Column d: the best bare PyTorch loop in single precision, on stock layers."""

import functools

import torch

from benchmarks.bare import Step, gan_step, train, vae_step
from benchmarks.blocks import Blocks
from benchmarks.job import Job
from benchmarks.plain import MODELS, Networks


def step_of(networks: Networks, lr: float) -> Step:
    """A step with fused Adam, the fastest that torch has."""
    make = functools.partial(torch.optim.Adam, lr=lr, fused=True)
    if networks.is_gan:
        return gan_step(*networks, make, bf16=False)
    return vae_step(networks.first, networks.second, make, bf16=False)


def run(job: Job, blocks: Blocks) -> None:
    """Train, channels-last, which is the faster layout of the two."""
    torch.set_num_threads(job.threads)
    config = job.config()
    torch.manual_seed(config["seed"])
    networks = MODELS[job.model]()
    for network in (networks.first, networks.second):
        network.to(memory_format=torch.channels_last)
    train(step_of(networks, config["optim"]["lr"]), job, blocks)
