"""What went wrong with a model, in words, from the numbers of its training and of its evaluation.

No rule looks at a FID: what is a high one depends on the feature network.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

WON = 0.1  # nats. CNNGAN makes digits and has 0.19 at the least, a GAN at a rate of 1e-2 has 0.002
APART = 0.4  # least squares, where no logit is beyond 1, can reach 0.46
SILENT = 0.1  # nats an image. A VAE has 2 after its first epoch; a bit is 0.7
ALIKE = 0.2  # a GAN at a rate of 1e-2 has 0.07 at most, a VAE after two epochs 0.45, ones 0.68
LEGIBLE = 0.25  # that of the report's claims; noise has 0, the paper's good recipes have 0.64
UNEVEN = 0.2  # nats: a third of the samples show one of ten digits. Good recipes have 0.016
COPIED = 0.25  # copies have 0, good recipes 0.87, real images that are all ones 0.44
USED = 0.25  # Burda et al., 2016, table 1, have a good VAE that uses 19 of 50 dimensions


class Rule(NamedTuple):
    """A fault, which is there where `holds` of some numbers; without any of them nobody knows."""

    name: str
    numbers: tuple[str, ...]  # "real/..." is a measure of the training images
    holds: Callable[..., bool]
    says: str


RULES = [
    Rule("discriminator_won", ("train/d_loss", "train/d_real", "train/d_fake"),
         lambda loss, real, fake: 0 <= loss < WON and real - fake > APART,
         "The discriminator has won: in the last epoch its loss was {train/d_loss:.2g} (d_real "
         "{train/d_real:.2g}, d_fake {train/d_fake:.2g}), so the generator learned little from "
         "it."),
    Rule("silent_encoder", ("train/kl",),
         lambda kl: kl < SILENT,
         "The VAE does not use its latents: in the last epoch they held {train/kl:.2g} nats of an "
         "image."),
    Rule("one_pattern", ("spread",),
         lambda spread: spread < ALIKE,
         "All samples are nearly the same image: they are {spread:.0%} as far apart as test "
         "images."),
    Rule("unreadable", ("readable", "real/readable"),
         lambda readable, real: readable < LEGIBLE * real,
         "Few samples can be read: the classifier is sure of {readable:.0%} of them."),
    Rule("missing_digits", ("digits_present", "real/digits_present", "readable", "real/readable"),
         lambda present, all_, readable, real: present < all_ and readable >= LEGIBLE * real,
         "Digits are missing: {digits_present:.0f} of {real/digits_present:.0f} are drawn."),
    Rule("uneven_digits", ("digit_kl", "readable", "real/readable"),
         lambda kl, readable, real: kl > UNEVEN and readable >= LEGIBLE * real,
         "Some digits are drawn far too often: the KL divergence of their shares is "
         "{digit_kl:.2g} nats."),
    Rule("copies", ("memorization",),
         lambda distance: distance < COPIED,
         "The samples are copies of training images: their distance to the nearest one is "
         "{memorization:.0%} of that of test images."),
    Rule("unused_latents", ("active_share",),
         lambda share: share < USED,
         "The VAE ignores most of its latent dimensions: it uses {active_share:.0%} of them."),
]  # fmt: skip
"""The rules for the last row of metrics.csv, and then those for the measures."""

ALL_READABLE = {"readable": 1.0}  # labelled images, as long as nobody has measured them


def diagnose_training(row: Mapping[str, Any]) -> list[str]:
    """A sentence for each fault that the last row of a training's metrics.csv shows."""
    names = {"val/readable": "readable"}
    return diagnose({names.get(name, name): row[name] for name in row}, ALL_READABLE)


def diagnose(numbers: Mapping[str, Any], real: Mapping[str, Any] | None = None) -> list[str]:
    """A sentence for each fault that some numbers show; `real` are measures of real images."""
    known = {**numbers, **{f"real/{name}": value for name, value in (real or {}).items()}}
    return [
        rule.says.format(**known)
        for rule in RULES
        if known.keys() >= set(rule.numbers) and rule.holds(*(known[n] for n in rule.numbers))
    ]
