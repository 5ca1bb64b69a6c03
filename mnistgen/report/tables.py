"""The tables of the report: what each has, and the words around it on the page."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mnistgen.config import compose, settings
from mnistgen.plots.tables import Table
from mnistgen.report import networks, paper, why
from mnistgen.report.claims import Claim, judge
from mnistgen.report.evidence import Evidence
from mnistgen.report.paper import GANS, MODELS, VAES
from mnistgen.report.why import Cross
from mnistgen.tracking import MEASURES, Evaluation, Group, Pooled, Record
from mnistgen.tracking.info import FID

OF_BATCHES = "fid", "readable", "digits_present"  # measures in the table of batches


def hyperparameters(groups: Iterable[Group]) -> Table:
    """Each group's settings (Table 3), those that the paper has otherwise marked."""
    groups = list(groups)
    more = dict.fromkeys(key for group in groups for key in group.settings)
    keys = [*paper.TABLE_3, *(key for key in more if _varies(key, groups))]
    rows, marked = [], set()
    for i, group in enumerate(groups):
        row = [group.model, ", ".join(str(record.seed) for record in group.records)]
        for key in keys:
            value = group.settings.get(key)
            if not paper.agrees(group.model, key, value):
                marked.add((i, len(row)))
            row.append("" if value is None else settings.shown(value))
        rows.append(row)
    return Table(["model", "seeds", *keys], rows, frozenset(marked))


def results(groups: Iterable[Group], expected: Sequence[str] = ()) -> Table:
    """Every measure of every group, mean and standard deviation over seeds (Table 4).

    A measure that was not made is blank, and a model that is expected and missing has a row that
    says so. Below stand the floors and ceilings, which are the same in all that are compared.
    """
    groups = list(groups)
    evaluations = [r.evaluation for group in groups for r in group.finished if r.evaluation]
    comparisons = evaluations[0].comparisons if evaluations else {}
    names = [
        name
        for name in MEASURES
        if any(group.measure(name) for group in groups)
        or any(name in measures for measures in comparisons.values())
    ]
    rows = [
        [
            group.model,
            ", ".join(paper.changes(group)),
            ", ".join(paper.details(group)),
            _text(Pooled([float(record.info.epochs) for record in group.records])),
            f"{group.images_an_epoch:,}",
            str(len(group.finished)),
            _samples(record.evaluation for record in group.finished),
            *(_text(group.measure(name)) for name in names),
            _text(group.number("seconds"), unit=60),
            _text(group.number("images_per_s")),
        ]
        for group in groups
    ]
    missing = [model for model in expected if model not in {group.model for group in groups}]
    rows += [[model, "not run", *[""] * (len(names) + 7)] for model in missing]
    for kind, measures in comparisons.items():
        numbers = [_number(measures[name]) if name in measures else "" for name in names]
        rows.append([kind, "", "", "", "", "", _samples(evaluations[:1]), *numbers, "", ""])
    labels = [MEASURES[name] for name in names]
    recipe = "not as in the paper", "the paper is silent on", "epochs", "images an epoch", "seeds"
    speed = "training (minutes)", "images/s"
    return Table(("model", *recipe, "samples measured", *labels, *speed), rows)


def provenance(records: Iterable[Record]) -> Table:
    """Where every run comes from, and the command that makes it again (Table 5)."""
    header = (
        "run", "status", "created", "commit", "versions", "machine", "device", "precision",
        "threads", "seed", "seconds", "command",
    )  # fmt: skip
    rows = []
    for record in records:
        info = record.info
        values = info.machine, info.device, info.precision, info.threads, record.seed
        taken = {"threads": info.threads} if info.threads else {}
        rows.append([
            record.name,
            info.status,
            info.created[:19],
            info.commit or "",
            ", ".join(f"{name} {version}" for name, version in info.versions.items()),
            *("" if value is None else str(value) for value in values),
            f"{info.seconds:.0f}" if info.seconds else "",
            compose.command(record.model, {**record.config, **taken}),
        ])  # fmt: skip
    return Table(header, rows)


def judgements(claims: Iterable[Claim]) -> Table:
    """Each part of each claim with its rule, its numbers and its verdict."""
    rows = [
        [claim.name, claim.verdict, part.says, part.rule, part.numbers, part.verdict, part.reason]
        for claim in claims
        for part in claim.parts
    ]
    header = "claim", "verdict", "part", "rule", "numbers", "verdict on the part", "why undecided"
    return Table(header, rows)


def batches(crosses: Iterable[Cross]) -> Table:
    """What GANs reach with separate and with joint batches, at each rate."""
    rows = [
        [
            cross.model,
            kind,
            f"{group.value(why.RATE):g}",
            str(len(group.finished)),
            _text(group.last(FID)),
            *(_text(group.measure(name)) for name in OF_BATCHES),
        ]
        for cross in crosses
        for kind, groups in cross.groups.items()
        for group in groups
    ]
    labels = [MEASURES[name] for name in OF_BATCHES]
    return Table(["model", "real and fake", "rate", "seeds", FID, *labels], rows)


class Entry(NamedTuple):
    """A table, and what the page says of it; one without a title is not on the page."""

    name: str  # of its files, and of its place on the page
    title: str
    caption: str
    fill: Callable[[Evidence], Table]


TABLES = [
    Entry(
        "table-1-gans", "Table 1.",
        "The GANs as their classes build them; a row counts its batch norm's parameters.",
        lambda evidence: networks.table(GANS),
    ),
    Entry(
        "table-2-vaes", "Table 2.",
        "The VAEs; an encoder ends in means and log-variances.",
        lambda evidence: networks.table(VAES),
    ),
    Entry(
        "table-3-hyperparameters", "Table 3.",
        "Settings from the saved configurations. <mark>Marked</mark> is what the paper's tables "
        "or text have otherwise; docs/decisions.md says where the paper contradicts itself.",
        lambda evidence: hyperparameters(evidence.representatives.values()).transposed(),
    ),
    Entry(
        "table-4-results", "Table 4.",
        "Mean ± standard deviation over seeds, of samples against the test images in the features "
        "of a LeNet made for the data set. Once a run is evaluated, the last columns are the "
        "ceiling (real training images) and the floors (their mean image, noise). Haze, sharpness "
        "and distances are ratios to the test images'.",
        lambda evidence: results(evidence.representatives.values(), MODELS).transposed(),
    ),
    Entry(
        "table-5-provenance", "Table 5.",
        "Every run. At its commit, its command trains it again: to the same bits on the same "
        "machine with the same number of threads.",
        lambda evidence: provenance(evidence.records),
    ),
    Entry(
        "all-settings", "All settings.", "Those nearest to the paper's recipe first.",
        lambda evidence: hyperparameters(evidence.groups),
    ),
    Entry(
        "all-results", "All results.", "In the same order.",
        lambda evidence: results(evidence.groups),
    ),
    Entry(
        "batches-results", "Separate and joint batches.",
        "Mean ± standard deviation over seeds.",
        lambda evidence: batches(why.crosses(evidence.groups)),
    ),
    Entry("claims", "", "", lambda evidence: judgements(judge(evidence))),
]  # fmt: skip


def _varies(key: str, groups: Iterable[Group]) -> bool:
    """Whether a key that Table 3 has not has a value in any group that the recipe has not."""
    return key not in paper.TABLE_3 and any(
        group.settings[key] != paper.recipe(group.model).get(key)
        for group in groups
        if key in group.settings
    )


def _samples(evaluations: Iterable[Evaluation | None]) -> str:
    """Of how many samples some evaluations were made."""
    numbers = {evaluation.settings.samples for evaluation in evaluations if evaluation}
    return ", ".join(f"{number:,}" for number in sorted(numbers))


def _text(pooled: Pooled | None, unit: float = 1.0) -> str:
    """The mean in a unit, and its deviation over seeds; blank where nothing was measured."""
    if pooled is None:
        return ""
    mean = _number(pooled.mean / unit)
    return mean if pooled.sd is None else f"{mean} ± {_number(pooled.sd / unit)}"


def _number(value: float) -> str:
    """Three digits, but never fewer than all of those before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
