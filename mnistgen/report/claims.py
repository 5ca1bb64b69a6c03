"""The paper's claims C1 to C8: the rule that decides each stands in the code that applies it.

Source: N. K. Gaikwad, "GAN and VAE for MNIST", University of Florida, 2020, sections 4 and 5.
"""

from collections.abc import Callable

import numpy as np

from mnistgen.report import rules, snapshots
from mnistgen.report.evidence import Claim, Evidence, Judged, Missing, Part, part, shown
from mnistgen.report.groups import GANS, VAES, Group, Pooled
from mnistgen.report.rules import Estimate, Verdict, above, estimate

PAPER_RATE = 1e-4
PAPER_BATCH = 128


def all_of(evidence: Evidence) -> list[Claim]:
    """The eight claims with their verdicts."""
    return [Claim(name, says, parts(evidence)) for name, says, parts in CLAIMS]


def c1(evidence: Evidence) -> list[Part]:
    """By the share of readable samples."""
    return [_digits(evidence, "cnngan", makes=True)]


def c2(evidence: Evidence) -> list[Part]:
    """By the share of readable samples, and how pixels correlate in the middle of DenseGAN's."""
    rule = f"correlation of neighbouring pixels in the middle 14 x 14 > {rules.PATTERN}"

    def pattern() -> Judged:
        picture = snapshots.last(evidence.group("densegan"), "samples")
        if picture is None:
            raise Missing("densegan has no picture of samples")
        found = estimate("pattern", Pooled([rules.pattern(snapshots.tiles(picture))]))
        return shown(found), above(found, Estimate(rules.PATTERN))

    return [
        _digits(evidence, "densegan", makes=False),
        _digits(evidence, "densegan_deep", makes=False),
        part("densegan finds a pattern in the middle", rule, pattern),
    ]


def c3(evidence: Evidence) -> list[Part]:
    """By the trend and the roughness of the loss curves, and the sweep of CNNGAN's rate."""
    dense = "densegan", "densegan_deep"
    rule = f"roughness of its train/g_loss > {rules.NOISY:g} x the dense GANs'"

    def noisy() -> Judged:
        rough = {
            model: evidence.curve(model, "train/g_loss", "roughness", rules.roughness)
            for model in GANS
        }
        rougher = max((rough[model] for model in dense), key=lambda found: found.mean)
        numbers = ", ".join(f"{model} {shown(found)}" for model, found in rough.items())
        return numbers, above(rough["cnngan"], rougher.times(rules.NOISY))

    return [
        *(_steady(evidence, model, "g_loss", rises=False) for model in dense),
        *(_steady(evidence, model, "d_loss", rises=True) for model in dense),
        *(_digits(evidence, model, makes=False) for model in dense),
        part("cnngan's curve is noisy", rule, noisy),
        _better_rate(evidence, "cnngan", lower=False),
    ]


def c4(evidence: Evidence) -> list[Part]:
    """By the share of readable samples."""
    return [_more(evidence, "readable", vae, gan) for vae in VAES for gan in GANS]


def c5(evidence: Evidence) -> list[Part]:
    """By haze and sharpness, against those GANs that make digits: in noise both mean nothing."""
    makers = [
        gan for gan in GANS if _digits(evidence, gan, makes=True).verdict is Verdict.SUPPORTED
    ]
    if not makers:
        rule = f"haze and sharpness of the VAEs and the GANs with readable > {rules.READABLE}"
        reason = "no GAN is known to make digits"
        return [Part("VAEs are hazier, GANs sharper", rule, "", Verdict.UNDECIDED, reason)]
    pairs = [(vae, gan) for gan in makers for vae in VAES]
    return [
        *(_more(evidence, "haze", vae, gan) for vae, gan in pairs),
        *(_more(evidence, "sharpness", gan, vae) for vae, gan in pairs),
    ]


def c6(evidence: Evidence) -> list[Part]:
    """By FID."""
    rule = f"FID of densevae < {rules.AS_GOOD} x FID of cnnvae"

    def as_good() -> Judged:
        dense, cnn = evidence.measure("densevae", "fid"), evidence.measure("cnnvae", "fid")
        numbers = f"densevae {shown(dense)}, cnnvae {shown(cnn)}"
        return numbers, above(cnn.times(rules.AS_GOOD), dense)

    return [part("densevae is as good as cnnvae", rule, as_good)]


def c7(evidence: Evidence) -> list[Part]:
    """By the digits that are read from reconstructions."""
    pairs = (2, 3), (4, 9)
    return [_confused(evidence, vae, *pair) for vae in VAES for pair in pairs]


def c8(evidence: Evidence) -> list[Part]:
    """By the sweeps of the rate and of the batch size."""
    return [
        _right_rate(evidence, "densevae"),
        _better_rate(evidence, "cnnvae", lower=True),
        _calmer(evidence, "cnnvae"),
    ]


def _more(evidence: Evidence, measure: str, more: str, less: str) -> Part:
    """Holds where one model has more of a measure than another."""

    def compare() -> Judged:
        left, right = evidence.measure(more, measure), evidence.measure(less, measure)
        return f"{more} {shown(left)}, {less} {shown(right)}", above(left, right)

    adjective = {"readable": "more readable", "haze": "hazier", "sharpness": "sharper"}[measure]
    rule = f"{measure} of {more} > {measure} of {less}"
    return part(f"{more} is {adjective} than {less}", rule, compare)


def _digits(evidence: Evidence, model: str, *, makes: bool) -> Part:
    """Holds where enough of a model's samples are readable, or too few are."""

    def judge() -> Judged:
        found, threshold = evidence.measure(model, "readable"), Estimate(rules.READABLE)
        return shown(found), above(found, threshold) if makes else above(threshold, found)

    says = f"{model} {'makes' if makes else 'makes no'} digits"
    return part(says, f"readable of {model} {'>' if makes else '<'} {rules.READABLE}", judge)


def _steady(evidence: Evidence, model: str, loss: str, *, rises: bool) -> Part:
    """Holds where a training loss rises, or falls, throughout."""
    sign = 1 if rises else -1
    bound = f"> {rules.TREND}" if rises else f"< -{rules.TREND}"

    def judge() -> Judged:
        found = evidence.curve(model, f"train/{loss}", "trend", rules.trend)
        return shown(found), above(found.times(sign), Estimate(rules.TREND))

    says = f"{model}'s {loss} {'rises' if rises else 'falls'} throughout"
    return part(says, f"rank correlation of train/{loss} with the epoch {bound}", judge)


def _confused(evidence: Evidence, vae: str, first: int, second: int) -> Part:
    """Holds where two digits are confused more often than the pairs are on average."""
    rule = f"confused images > {rules.CONFUSED:g} x the mean of the 45 pairs"

    def judge() -> Judged:
        counts = evidence.group(vae).confusion()
        if counts is None:
            raise Missing(f"{vae} was not evaluated")
        pair = int(counts[first, second] + counts[second, first])
        mean = float(counts.sum() - np.trace(counts)) / 45
        found = Estimate(pair, 2 * pair**0.5)  # twice Poisson's standard deviation
        verdict, _ = above(found, Estimate(rules.CONFUSED * mean))
        reason = "too few images" if verdict is Verdict.UNDECIDED else ""
        return f"{pair} images, all pairs {mean:.3g}", (verdict, reason)

    return part(f"{vae} confuses {first} and {second}", rule, judge)


def _right_rate(evidence: Evidence, model: str) -> Part:
    """Holds where no other rate is clearly better than the paper's."""
    rule = f"val/fid at 1e-4 < {rules.RIGHT_RATE} x that at the best other rate of a sweep"

    def judge() -> Judged:
        at, other, numbers = _rates(evidence, model, lower=False)
        return numbers, above(other.times(rules.RIGHT_RATE), at)

    return part(f"1e-4 is right for {model}", rule, judge)


def _better_rate(evidence: Evidence, model: str, *, lower: bool) -> Part:
    """Holds where a rate, or one that is lower than the paper's, is clearly better."""
    which = "lower" if lower else "other"
    rule = f"val/fid at 1e-4 > {rules.RIGHT_RATE} x that at the best {which} rate of a sweep"

    def judge() -> Judged:
        at, other, numbers = _rates(evidence, model, lower=lower)
        return numbers, above(at, other.times(rules.RIGHT_RATE))

    says = f"1e-4 is too high for {model}" if lower else f"a better rate than 1e-4 helps {model}"
    return part(says, rule, judge)


def _rates(evidence: Evidence, model: str, *, lower: bool) -> tuple[Estimate, Estimate, str]:
    """The FID at the paper's rate, that at the best other or lower one, and both as shown."""
    sweep = evidence.sweep(model, "optim.lr", PAPER_RATE)
    found = {
        rate: estimate("objective", pooled)
        for rate, group in sweep.groups.items()
        if (pooled := group.told("objective"))
    }
    others = [rate for rate in found if (rate < PAPER_RATE if lower else rate != PAPER_RATE)]
    if PAPER_RATE not in found or not others:
        raise Missing(f"no {'lower' if lower else 'other'} rate was tried for {model}")
    best = min(others, key=lambda rate: found[rate].mean)
    at, other = found[PAPER_RATE], found[best]
    return at, other, f"1e-4: {shown(at)}, {best:g}: {shown(other)}"


def _calmer(evidence: Evidence, model: str) -> Part:
    """Holds where the largest batch of a sweep has a smoother curve than the paper's."""
    rule = "roughness of train/loss at batch 128 > that at the largest batch of a sweep"

    def rough(group: Group) -> Estimate:
        curves = group.curves("train/loss")
        if not curves:
            raise Missing(f"{model} has no train/loss")
        return estimate("roughness", Pooled([rules.roughness(values) for _, values in curves]))

    def judge() -> Judged:
        groups = evidence.sweep(model, "data.batch_size", PAPER_BATCH).groups
        largest = max(groups)
        if largest <= PAPER_BATCH:
            raise Missing(f"no batch larger than 128 was tried for {model}")
        small, large = rough(groups[PAPER_BATCH]), rough(groups[largest])
        return f"128: {shown(small)}, {largest:g}: {shown(large)}", above(small, large)

    return part(f"a larger batch cuts {model}'s noise", rule, judge)


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
