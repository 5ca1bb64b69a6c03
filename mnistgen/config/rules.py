"""What each key of a training's configuration may be; the words of a rule follow from its test."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mnistgen.config import objects, sizes
from mnistgen.config.arguments import hint
from mnistgen.config.values import Config, leaves, read
from mnistgen.errors import UserError

ACTIVATIONS: dict[str, Any] = {
    "relu": ("ReLU",),
    "leaky_relu": ("LeakyReLU", 0.3),  # Keras's slope, which the author's code uses
    "elu": ("ELU",),
    "gelu": ("GELU",),
    "silu": ("SiLU",),
    "tanh": ("Tanh",),
}
"""What `model.activation` may be: a class of torch.nn, and its arguments."""


class Rule(NamedTuple):
    """What a value may be, in words and as a test of it."""

    words: str
    holds: Callable[[Any], bool]


def whole(low: int, high: float = math.inf) -> Rule:
    """A whole number from `low` to `high`."""
    words = f"a whole number from {low}" + (f" to {high}" if high < math.inf else "")
    return Rule(words, lambda value: type(value) is int and low <= value <= high)


def number(*, above: float = -math.inf, low: float = -math.inf, below: float = math.inf) -> Rule:
    """A finite number within bounds; `low` alone is itself allowed."""
    words = f"above {above:g}" if above > -math.inf else f"from {low:g}"
    if below < math.inf:
        words += f" {'and' if above > -math.inf else 'to'} below {below:g}"

    def holds(value: Any) -> bool:
        if type(value) not in (int, float) or not math.isfinite(value):
            return False
        return bool(above < value < below and value >= low)

    return Rule(f"a number {words}", holds)


def one_of(*choices: object) -> Rule:
    """One of some choices."""
    return Rule(" or ".join(map(str, choices)), lambda value: value in choices)


def either(*rules: Rule) -> Rule:
    """What any of some rules allows."""
    words = " or ".join(rule.words for rule in rules)
    return Rule(words, lambda value: any(rule.holds(value) for rule in rules))


ANY = Rule("anything", lambda value: True)
NULL = Rule("null", lambda value: value is None)
TRUTH = Rule("true or false", lambda value: type(value) is bool)
HIGH = "elbo", "readable"  # what is high where a run is good
COLUMN = Rule(
    f"a column of metrics.csv that is low where a run is good, unlike {' and '.join(HIGH)}",
    lambda value: isinstance(value, str) and value != "" and not value.endswith(HIGH),
)
PATH = Rule(  # a folder may be called 2027
    "a path", lambda value: type(value) is int or (isinstance(value, str) and value != "")
)
FOLDERS = Rule(
    "a folder, a list of folders or a glob",
    lambda value: PATH.holds(value) or (isinstance(value, list) and bool(value)),
)
SWEEP_NAME = Rule(
    "a name of letters, digits and . _ + -",
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"\w[\w.+-]*", value)),
)
SHARE = Rule("a share up to 1.0", lambda value: type(value) is float and 0 < value <= 1)
PART = Rule("a share below 1.0", lambda value: type(value) is float and 0 <= value < 1)
BETAS = Rule(  # torch takes no whole number as a beta
    "two numbers from 0.0 to below 1, each with a point",
    lambda value: (
        isinstance(value, list)
        and len(value) == 2
        and all(type(beta) is float and 0 <= beta < 1 for beta in value)
    ),
)
CHECKPOINT = Rule("last or best or a path", PATH.holds)


RULES: dict[str, Rule] = {
    "seed": whole(0, 2**32 - 1),
    "threads": either(NULL, whole(1)),
    "resume": either(NULL, PATH),
    "outputs": PATH,
    "retry": either(NULL, one_of("failed")),
    "sweep": either(NULL, SWEEP_NAME),
    "model.latent_dim": whole(1),
    "model.activation": one_of(*ACTIVATIONS),
    "model.batch_norm": TRUTH,
    "model.mixture": whole(0),
    "model.discriminator_rate": number(above=0),
    "model.real_and_fake": one_of("separate", "joint"),
    "game.gradient_penalty": one_of("none", "r1", "wgan_gp"),
    "game.penalty_weight": number(above=0),
    "bound.kl": one_of("closed_form", "monte_carlo"),
    "bound.beta": number(low=0),
    "bound.free_bits": number(low=0),
    "bound.k": whole(1),
    "optim.lr": number(above=0),
    "optim.eps": number(above=0),
    "optim.fused": either(NULL, TRUTH),
    "optim.weight_decay": number(low=0),
    "optim.momentum": number(low=0, below=1),
    "optim.betas": BETAS,
    "lr.warmup": number(above=0, below=1),
    "lr.final": number(low=0, below=1),
    "lr.start": number(low=0, below=1),
    "lr.factor": number(above=0, below=1),
    "lr.patience": whole(0),
    "data.root": either(NULL, PATH),
    "data.batch_size": whole(1),
    "data.val_size": either(whole(0), PART),
    "data.binarize": one_of("none", "static", "dynamic"),
    "data.resize": TRUTH,
    "data.split": one_of("byclass", "bymerge", "balanced", "letters", "digits", "mnist"),
    "trainer.max_epochs": whole(1),
    "trainer.quality_every": whole(1),
    "trainer.cuda_graph": either(one_of("auto"), TRUTH),
    "trainer.precision": one_of("auto", "32-true", "bf16-mixed", "64-true"),
    "trainer.accelerator": one_of("auto", "cpu", "gpu", "mps"),
    "trainer.strategy": one_of("auto", "ddp"),
    "trainer.devices": whole(1),
    "trainer.limit_train_batches": either(whole(1), SHARE),
    "trainer.limit_val_batches": either(whole(1), SHARE),
    "trainer.overfit_batches": either(whole(1), SHARE),
    "trainer.check_val_every_n_epoch": whole(1),
    "trainer.accumulate_grad_batches": whole(1),
    "trainer.gradient_clip_val": either(NULL, number(above=0)),
    "trainer.gradient_clip_algorithm": one_of("norm", "value"),
    "trainer.deterministic": either(TRUTH, one_of("warn")),
    "trainer.benchmark": TRUTH,
    "trainer.detect_anomaly": TRUTH,
    "trainer.profiler": either(NULL, one_of("simple", "advanced")),
    "trainer.enable_progress_bar": TRUTH,
}
"""What each key of a training's configuration may be; a key that is absent breaks no rule."""


def tops(rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """The keys at the top of a configuration that has these rules."""
    return tuple(dict.fromkeys(key.split(".")[0] for key in rules))


PARTS = tuple(dict.fromkeys([*tops(RULES), *objects.LOSSES, "logger", "callbacks"]))
"""The keys that a training's configuration has at its top."""

OWN_OPTIONS = "quality_every", "precision", "cuda_graph"
"""The keys of `trainer` that are the project's own, and not options of Lightning's Trainer."""

SET_ELSEWHERE = {
    "callbacks": "the group is callbacks=NAME",
    "default_root_dir": "the run folder is hydra.run.dir",
    "enable_checkpointing": "a run always has checkpoints, or it could not be resumed",
    "fast_dev_run": "trainer=smoke is a short run",
    "logger": "the group is logger=NAME",
    "max_steps": "the length of a run is trainer.max_epochs and trainer.limit_train_batches",
    "max_time": "the length of a run is trainer.max_epochs; one that is stopped can be resumed",
    "min_epochs": "the length of a run is trainer.max_epochs",
    "min_steps": "the length of a run is trainer.max_epochs",
    "val_check_interval": "validation is after an epoch, or several: check_val_every_n_epoch",
}
"""Options of Lightning's Trainer that a run has not, and what there is in their place."""

REQUIRED = (
    "seed", "threads", "model._target_", "model.latent_dim", "optim._target_", "optim.lr",
    "lr._target_", "data._target_", "data.root", "data.batch_size", "data.val_size",
    "data.binarize", "trainer._target_", "trainer.accelerator", "trainer.devices",
    "trainer.max_epochs", "trainer.precision", "trainer.quality_every",
)  # fmt: skip
"""Keys without which nothing can be trained."""


def check_keys(config: Config, known: Collection[str]) -> None:
    """Raise UserError for a key at the top of a configuration that is not known there."""
    for key in config:
        if key not in known:
            meant = hint(key, [*known, *RULES] if known is PARTS else known)
            raise UserError(f"{key} is not a key: {meant}allowed there are {', '.join(known)}")


def check_values(config: Config, rules: Mapping[str, Rule]) -> None:
    """Raise UserError for the first value that breaks its rule."""
    values = dict(leaves(config))
    for key, rule in rules.items():
        if key in values and not rule.holds(values[key]):
            value = "null" if values[key] is None else values[key]
            raise UserError(f"{key}={value} is not allowed: it must be {rule.words}")


def check_out(out: Path, *endings: str) -> None:
    """Raise UserError where a file of one of some kinds cannot be written to `out`."""
    if out.suffix not in endings:
        raise UserError(f"out={out} is not allowed: it must end in {' or '.join(endings)}")
    if not out.parent.is_dir():
        raise UserError(f"out={out} is not allowed: there is no folder {out.parent}")


def check(config: Config) -> None:
    """Raise UserError, naming key, value and what is allowed, where no training can be of it."""
    values = dict(leaves(config))
    for key in REQUIRED:
        if key not in values:
            nested = next((other for other in values if other.endswith(f".{key}")), None)
            here = f", and {nested} is there: is it # @package _global_?" if nested else ""
            raise UserError(f"{key} is missing: it must be given{here}")
    if not isinstance(config.get("logger"), dict):
        raise UserError("logger is missing: it must be given, and logger=none is no logger")
    objects.check(config)
    check_values(config, RULES)
    _check_batches(config)


def check_new(config: Config) -> None:
    """Raise UserError where no new training can be of it, or has options that nothing obeys."""
    check(config)
    check_keys(config, PARTS)
    known = [key.removeprefix("trainer.") for key in RULES if key.startswith("trainer.")]
    for key, value in config["trainer"].items():
        if key != objects.TARGET and key not in known:
            reason = SET_ELSEWHERE.get(key, f"allowed there are {', '.join(known)}")
            raise UserError(f"trainer.{key}={value} is not allowed: {reason}")


def read_saved(path: Path) -> Config:
    """The configuration of a training in a file, good or not."""
    config = read(path)
    model = config.get("model")
    if isinstance(model, dict):  # the last runs before version 0.2 have their losses there
        config |= {loss: model.pop(loss) for loss in objects.LOSSES if loss in model}
    return config


def read_checked(path: Path) -> Config:
    """The configuration of a training in a file; raises UserError where it is not good."""
    config = read_saved(path)
    for key, value in leaves(config, into_lists=True):
        if isinstance(value, str) and ("${" in value or value == "???"):
            raise UserError(f"{path}: {key}={value!r} is not plain data")
    try:
        check(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return config


def _check_batches(config: Config) -> None:
    data = config["data"]
    if data["batch_size"] < 2 and config["model"].get("batch_norm", True):
        raise UserError("data.batch_size=1 is not allowed: with batch norm it must be at least 2")
    known = sizes.KNOWN.get(data[objects.TARGET])
    if known:
        sizes.check(config, known)
