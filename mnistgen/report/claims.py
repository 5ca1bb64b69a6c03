"""The paper's claims as they are judged: which parts each has, and what they come to."""

from dataclasses import dataclass

from mnistgen.report import paper, parts, verdicts
from mnistgen.report.evidence import Evidence
from mnistgen.report.paper import GANS, VAES
from mnistgen.report.parts import Part
from mnistgen.report.verdicts import Verdict


@dataclass(frozen=True)
class Claim:
    """What the paper says, and the parts that it is judged by."""

    name: str
    says: str
    parts: list[Part]

    @property
    def verdict(self) -> Verdict:
        return verdicts.together([part.verdict for part in self.parts])

    @property
    def reason(self) -> str:
        """Why it is undecided; empty where it is not."""
        if self.verdict is not Verdict.UNDECIDED:
            return ""
        return "; ".join(dict.fromkeys(part.reason for part in self.parts if part.reason))


def judge(evidence: Evidence) -> list[Claim]:
    """The eight claims, each with the parts that decide it."""
    dense = "densegan", "densegan_deep"
    no_digits = [parts.digits(evidence, gan, makes=False) for gan in dense]
    deciding = {
        "C1": [parts.digits(evidence, "cnngan", makes=True)],
        "C2": [*no_digits, parts.pattern(evidence, "densegan")],
        "C3": [
            *(parts.steady(evidence, gan, "g_loss", rises=False) for gan in dense),
            *(parts.steady(evidence, gan, "d_loss", rises=True) for gan in dense),
            *no_digits,
            parts.noisy(evidence, "cnngan"),
            parts.rate(evidence, "cnngan", "a better rate than 1e-4 helps cnngan", right=False),
        ],
        "C4": [parts.more(evidence, "readable", vae, gan) for vae in VAES for gan in GANS],
        "C5": _haze_and_sharpness(evidence),
        "C6": [parts.as_good(evidence, "densevae", "cnnvae")],
        "C7": [parts.confuses(evidence, vae, *two) for vae in VAES for two in ((2, 3), (4, 9))],
        "C8": [
            parts.rate(evidence, "densevae", "1e-4 is right for densevae", right=True),
            parts.rate(evidence, "cnnvae", "1e-4 is too high for cnnvae", right=False, lower=True),
            parts.calmer(evidence, "cnnvae"),
        ],
    }
    return [Claim(name, says, deciding[name]) for name, says in paper.CLAIMS.items()]


def _haze_and_sharpness(evidence: Evidence) -> list[Part]:
    """Against those GANs that make digits: in noise haze and sharpness mean nothing."""
    makers = [
        gan for gan in GANS if parts.digits(evidence, gan, makes=True).verdict is Verdict.SUPPORTED
    ]
    if not makers:
        rule = f"haze and sharpness of the VAEs and the GANs with readable > {verdicts.READABLE}"
        reason = "no GAN is known to make digits"
        return [Part("VAEs are hazier, GANs sharper", rule, "", Verdict.UNDECIDED, reason)]
    pairs = [(vae, gan) for gan in makers for vae in VAES]
    return [
        *(parts.more(evidence, "haze", vae, gan) for vae, gan in pairs),
        *(parts.more(evidence, "sharpness", gan, vae) for vae, gan in pairs),
    ]
