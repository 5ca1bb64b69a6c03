"""The paper's claims C1 to C8: the rule that decides each stands in the code that applies it.

Source: N. K. Gaikwad, "GAN and VAE for MNIST", University of Florida, 2020, sections 4 and 5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mnistgen.report import rules, snapshots
from mnistgen.report.groups import GANS, VAES, Group, Pooled
from mnistgen.report.rules import Estimate, Verdict, above, estimate
from mnistgen.report.sweeps import Sweep


class Part(NamedTuple):
    """One comparison that a claim stands or falls with."""

    says: str
    rule: str
    numbers: str
    verdict: Verdict
    reason: str
    """Why it is undecided."""


@dataclass(frozen=True)
class Claim:
    """What the paper says, and what is found of each part of it."""

    name: str
    says: str
    parts: list[Part]

    @property
    def verdict(self) -> Verdict:
        return rules.together([part.verdict for part in self.parts])

    @property
    def reason(self) -> str:
        """Why it is undecided; empty where it is not."""
        if self.verdict is not Verdict.UNDECIDED:
            return ""
        return "; ".join(dict.fromkeys(part.reason for part in self.parts if part.reason))


class Missing(Exception):
    """A number that a rule asks for is not there; the message says why."""


@dataclass(frozen=True)
class Evidence:
    """What the runs say: the group that stands for each model, and the sweeps."""

    chosen: Mapping[str, Group]
    sweeps: list[Sweep]

    def group(self, model: str) -> Group:
        """The finished runs of the paper's recipe; raises Missing where there are none."""
        group = self.chosen.get(model)
        if group is None or not group.finished:
            raise Missing(f"{model} was not run" if group is None else f"{model} is not finished")
        if group.changed:
            raise Missing(f"{model} was not run as in the paper: {', '.join(group.changed)}")
        return group

    def measure(self, model: str, name: str) -> Estimate:
        """A measure of the paper's recipe; raises Missing where it was not made."""
        found = self.group(model).measure(name)
        if found is None:
            raise Missing(f"{model} was not evaluated")
        return estimate(name, found)

    def curve(self, model: str, name: str, kind: str, of: Callable[[list[float]], float]) -> Estimate:
        """A number that describes a curve of metrics.csv; raises Missing where there is none."""
        found = self.group(model).curves(name)
        if not found:
            raise Missing(f"{model} has no {name}")
        return estimate(kind, Pooled([of(values) for _, values in found]))

    def sweep(self, model: str, key: str, value: float) -> Sweep:
        """The first sweep over a setting that tried `value`; raises Missing where there is none."""
        for sweep in self.sweeps:
            if (sweep.model, sweep.key) == (model, key) and value in sweep.groups:
                return sweep
        raise Missing(f"no sweep of {key} for {model} that has {value:g}")


def all_of(evidence: Evidence) -> list[Claim]:
    """The eight claims with their verdicts."""
    return [Claim(name, says, parts(evidence)) for name, says, parts in CLAIMS]


def _part(says: str, rule: str, numbers: Callable[[], tuple[str, tuple[Verdict, str]]]) -> Part:
    try:
        shown, (verdict, reason) = numbers()
    except Missing as missing:
        return Part(says, rule, "", Verdict.UNDECIDED, str(missing))
    return Part(says, rule, shown, verdict, reason)


def _shown(found: Estimate) -> str:
    return f"{found.mean:.3g} ± {found.margin:.2g}" if found.margin else f"{found.mean:.3g}"


def _more(
    evidence: Evidence, says: str, measure: str, more: str, less: str, label: str = ""
) -> Part:
    """A part that holds where one model's measure is above another's."""

    def numbers() -> tuple[str, tuple[Verdict, str]]:
        left, right = evidence.measure(more, measure), evidence.measure(less, measure)
        return f"{more} {_shown(left)}, {less} {_shown(right)}", above(left, right)

    name = label or measure
    return _part(says, f"{name} of {more} > {name} of {less}", numbers)


def _digits(evidence: Evidence, model: str, *, makes: bool) -> Part:
    """A part that holds where enough of a model's samples are readable, or too few are."""

    def numbers() -> tuple[str, tuple[Verdict, str]]:
        found, threshold = evidence.measure(model, "readable"), Estimate(rules.READABLE)
        pair = (found, threshold) if makes else (threshold, found)
        return _shown(found), above(*pair)

    says = f"{model} {'makes' if makes else 'makes no'} digits"
    return _part(says, f"readable of {model} {'>' if makes else '<'} {rules.READABLE}", numbers)


def c1(evidence: Evidence) -> list[Part]:
    """By the share of readable samples."""
    return [_digits(evidence, "cnngan", makes=True)]


def c2(evidence: Evidence) -> list[Part]:
    """By the share of readable samples, and the brightness of the middle of DenseGAN's."""

    def pattern() -> tuple[str, tuple[Verdict, str]]:
        picture = snapshots.last(evidence.group("densegan"), "samples")
        if picture is None:
            raise Missing("densegan has no picture of samples")
        found = estimate("centre", Pooled([rules.centre(snapshots.tiles(picture))]))
        return _shown(found), above(found, Estimate(rules.CENTRE))

    return [
        _digits(evidence, "densegan", makes=False),
        _digits(evidence, "densegan_deep", makes=False),
        _part(
            "densegan finds a pattern in the middle",
            f"brightness of the middle 14 x 14 pixels over that of the rest > {rules.CENTRE}",
            pattern,
        ),
    ]


def c3(evidence: Evidence) -> list[Part]:
    """By the trend and the roughness of the loss curves, and the sweep of CNNGAN's rate."""
    dense = "densegan", "densegan_deep"
    parts = []
    for model in dense:
        for loss, says, sign in (("g_loss", "falls", -1), ("d_loss", "rises", 1)):

            def steady(model: str = model, loss: str = loss, sign: int = sign):  # noqa: ANN202
                found = evidence.curve(model, f"train/{loss}", "trend", rules.trend)
                return _shown(found), above(found.times(sign), Estimate(rules.TREND))

            sides = f"< -{rules.TREND}" if sign < 0 else f"> {rules.TREND}"
            rule = f"rank correlation of train/{loss} with the epoch {sides}"
            parts.append(_part(f"{model}'s {loss} {says} throughout", rule, steady))
    parts += [_digits(evidence, model, makes=False) for model in dense]

    def noisy() -> tuple[str, tuple[Verdict, str]]:
        rough = {
            model: evidence.curve(model, "train/g_loss", "roughness", rules.roughness)
            for model in GANS
        }
        rougher = max((rough[model] for model in dense), key=lambda found: found.mean)
        shown = ", ".join(f"{model} {_shown(found)}" for model, found in rough.items())
        return shown, above(rough["cnngan"], rougher.times(rules.NOISY))

    parts.append(
        _part(
            "cnngan's curve is noisy",
            f"roughness of its train/g_loss > {rules.NOISY:g} x the dense GANs'",
            noisy,
        )
    )
    parts.append(_rate(evidence, "cnngan", "a better rate than 1e-4 helps cnngan", right=False))
    return parts


def c4(evidence: Evidence) -> list[Part]:
    """By the share of readable samples."""
    return [
        _more(evidence, f"{vae} is more readable than {gan}", "readable", vae, gan)
        for vae in VAES
        for gan in GANS
    ]


def c5(evidence: Evidence) -> list[Part]:
    """By haze and sharpness, against those GANs that make digits: noise is neither."""
    parts = []
    for gan in GANS:
        if _digits(evidence, gan, makes=True).verdict is not Verdict.SUPPORTED:
            continue
        for vae in VAES:
            parts.append(_more(evidence, f"{vae} is hazier than {gan}", "haze", vae, gan))
            parts.append(_more(evidence, f"{gan} is sharper than {vae}", "sharpness", gan, vae))
    if parts:
        return parts
    rule = f"haze of each VAE >, sharpness < that of each GAN with readable > {rules.READABLE}"
    return [Part("VAEs are hazier, GANs sharper", rule, "", Verdict.UNDECIDED, "no GAN's samples were found to be digits")]


def c6(evidence: Evidence) -> list[Part]:
    """By FID."""

    def numbers() -> tuple[str, tuple[Verdict, str]]:
        dense, cnn = evidence.measure("densevae", "fid"), evidence.measure("cnnvae", "fid")
        shown = f"densevae {_shown(dense)}, cnnvae {_shown(cnn)}"
        return shown, above(cnn.times(rules.AS_GOOD), dense)

    rule = f"FID of densevae < {rules.AS_GOOD} x FID of cnnvae"
    return [_part("densevae is as good as cnnvae", rule, numbers)]


def c7(evidence: Evidence) -> list[Part]:
    """By the digits that are read from reconstructions."""
    return [
        _confused(evidence, vae, first, second) for vae in VAES for first, second in ((2, 3), (4, 9))
    ]


def _confused(evidence: Evidence, vae: str, first: int, second: int) -> Part:
    def numbers() -> tuple[str, tuple[Verdict, str]]:
        found = [
            np.asarray(record.evaluation["metrics"]["confusion"])
            for record in evidence.group(vae).finished
            if "confusion" in record.evaluation.get("metrics", {})
        ]
        if not found:
            raise Missing(f"{vae} was not evaluated")
        counts = np.sum(found, 0)
        pair = int(counts[first, second] + counts[second, first])
        mean = float(counts.sum() - np.trace(counts)) / 45
        # A count is good to twice its root: Poisson's
        threshold = Estimate(rules.CONFUSED * mean)
        shown = f"{pair} images, all pairs {mean:.3g}"
        verdict, _ = above(Estimate(pair, 2 * pair**0.5), threshold)
        return shown, (verdict, "" if verdict is not Verdict.UNDECIDED else "too few images")

    rule = f"confused images > {rules.CONFUSED:g} x the mean of the 45 pairs"
    return _part(f"{vae} confuses {first} and {second}", rule, numbers)


def c8(evidence: Evidence) -> list[Part]:
    """By the sweeps of the rate and of the batch size."""

    def calmer() -> tuple[str, tuple[Verdict, str]]:
        sweep = evidence.sweep("cnnvae", "data.batch_size", 128)
        rough = {
            size: estimate(
                "roughness", Pooled([rules.roughness(y) for _, y in group.curves("train/loss")])
            )
            for size, group in sweep.groups.items()
            if group.curves("train/loss")
        }
        larger = [size for size in rough if size > 128]
        if not larger or 128 not in rough:
            raise Missing("no batch larger than 128 was tried for cnnvae")
        largest = max(larger)
        shown = f"128: {_shown(rough[128])}, {largest:g}: {_shown(rough[largest])}"
        return shown, above(rough[128], rough[largest])

    return [
        _rate(evidence, "densevae", "1e-4 is right for densevae", right=True),
        _rate(evidence, "cnnvae", "1e-4 is too high for cnnvae", right=False),
        _part(
            "a larger batch cuts cnnvae's noise",
            "roughness of train/loss at batch 128 > at the largest batch of a sweep",
            calmer,
        ),
    ]


def _rate(evidence: Evidence, model: str, says: str, *, right: bool) -> Part:
    """A part that holds where 1e-4 is as good as the best rate of a sweep, or a lower one beats it.

    Of cnngan any other rate will do: the paper does not say in which direction.
    """
    lower = model == "cnnvae"

    def numbers() -> tuple[str, tuple[Verdict, str]]:
        sweep = evidence.sweep(model, "optim.lr", 1e-4)
        found = {
            rate: estimate("objective", pooled)
            for rate, group in sweep.groups.items()
            if (pooled := group.told("objective"))
        }
        others = {rate: e for rate, e in found.items() if (rate < 1e-4 if lower else rate != 1e-4)}
        if 1e-4 not in found or not others:
            raise Missing(f"no {'lower' if lower else 'other'} rate than 1e-4 was measured for {model}")
        best = min(others, key=lambda rate: others[rate].mean)
        at, other = found[1e-4], others[best]
        shown = f"1e-4: {_shown(at)}, best {'lower' if lower else 'other'} rate {best:g}: {_shown(other)}"
        threshold = other.times(rules.RIGHT_RATE)
        return shown, above(threshold, at) if right else above(at, threshold)

    sign, which = ("<" if right else ">"), ("lower" if lower else "other")
    rule = f"val/fid at 1e-4 {sign} {rules.RIGHT_RATE} x that at the best {which} rate of a sweep"
    return _part(says, rule, numbers)


CLAIMS: tuple[tuple[str, str, Callable[[Evidence], list[Part]]], ...] = (
    ("C1", "CNNGAN's samples resemble digits to an extent.", c1),
    (
        "C2",
        "DenseGAN and DenseGAN-Deep fail to make meaningful digits; DenseGAN finds some pattern "
        "in the middle.",
        c2,
    ),
    (
        "C3",
        "The dense GANs' generator loss falls and discriminator loss rises smoothly, and this "
        "does not mean that they learn; CNNGAN's curve is noisy, and a better rate would help.",
        c3,
    ),
    ("C4", "Both VAEs beat the GANs in readability; DenseVAE beats even CNNGAN.", c4),
    ("C5", "VAE outputs are hazier, GAN outputs sharper.", c5),
    ("C6", "DenseVAE is as good as CNNVAE.", c6),
    ("C7", "VAEs confuse 2 and 3, 4 and 9.", c7),
    (
        "C8",
        "1e-4 is right for DenseVAE and too high for CNNVAE; a larger batch would cut the noise.",
        c8,
    ),
)
