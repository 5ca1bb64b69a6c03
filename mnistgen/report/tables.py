"""The tables of the report."""

from collections.abc import Iterable, Sequence
from typing import Any

from mnistgen.evaluate import SHOWN
from mnistgen.report import settings
from mnistgen.report.evidence import Claim
from mnistgen.report.groups import Group, Pooled
from mnistgen.report.records import Record
from mnistgen.tables import Table

TABLE_3 = {
    "model.latent_dim": {
        "densegan": 10, "densegan_deep": 392, "cnngan": 10, "densevae": 10, "cnnvae": 10,
    },
    "trainer.max_epochs": 50,
    "data.batch_size": 128,
    "optim._target_": "torch.optim.Adam",
    "optim.lr": {
        "densegan": 1e-5, "densegan_deep": 1e-6, "cnngan": 1e-4, "densevae": 1e-4, "cnnvae": 1e-4,
    },
    "model.activation": "relu",
    "model.batch_norm": True,
    "data.val_size": 0,
    "lr._target_": "mnistgen.schedules.constant",
}  # fmt: skip
"""The paper's Table 3 and the text around it, one value for all models or one for each."""


def hyperparameters(groups: Sequence[Group]) -> Table:
    """Each group's settings (Table 3), those that the paper has otherwise marked."""
    more = dict.fromkeys(key for group in groups for key in group.settings)
    keys = [*TABLE_3, *(key for key in more if key not in TABLE_3 and _varies(key, groups))]
    rows, marked = [], set()
    for i, group in enumerate(groups):
        row = [group.model, _range([int(record.config["seed"]) for record in group.records])]
        for key in keys:
            wanted = TABLE_3.get(key, settings.paper(group.model).get(key))
            if isinstance(wanted, dict):
                wanted = wanted.get(group.model, ...)
            found = group.settings.get(key)
            if wanted is not ... and found != wanted:
                marked.add((i, len(row)))
            row.append("" if found is None else settings.shown(found))
        rows.append(row)
    header = ["model", "seeds", *(key.removesuffix("._target_") for key in keys)]
    return Table(header, rows, frozenset(marked))


def results(groups: Sequence[Group], expected: Sequence[str] = ()) -> Table:
    """Every measure of every group, mean and standard deviation over seeds (Table 4).

    A measure that was not made is blank, and a model that is expected and missing has a row that
    says so. Below stand the floors and ceilings.
    """
    comparisons = comparisons_of(groups)
    names = [
        name
        for name in SHOWN
        if any(group.measure(name) for group in groups)
        or any(name in measures for measures in comparisons.values())
    ]
    rows = [
        [
            group.model,
            ", ".join(group.changed),
            _pooled(Pooled([float(record.epochs) for record in group.records])),
            str(len(group.finished)),
            *(_pooled(group.measure(name)) for name in names),
            _pooled(_minutes(group)),
            _pooled(group.told("images_per_s")),
        ]
        for group in groups
    ]
    missing = [model for model in expected if model not in {group.model for group in groups}]
    rows += [[model, "not run", *[""] * (len(names) + 4)] for model in missing]
    rows += [
        [kind, "", "", "", *(_number(measures.get(name)) for name in names), "", ""]
        for kind, measures in comparisons.items()
    ]
    told = "training (minutes)", "images/s"
    header = ("model", "not as in the paper", "epochs", "seeds", *(SHOWN[n] for n in names), *told)
    return Table(header, rows)


def provenance(records: Iterable[Record]) -> Table:
    """Where every run comes from, and the command that makes it again (Table 5)."""
    header = (
        "run", "status", "created", "commit", "versions", "machine", "device", "precision",
        "threads", "seed", "seconds", "command",
    )  # fmt: skip
    rows = []
    for record in records:
        info = record.info
        versions = ", ".join(
            f"{name} {version}" for name, version in info.get("versions", {}).items()
        )
        told = [info.get(key) for key in ("machine", "device", "precision", "threads")]
        rows.append([
            record.name,
            str(info.get("status", "")),
            str(info.get("created", ""))[:19],
            str(info.get("commit") or ""),
            versions,
            *("" if value is None else str(value) for value in told),
            str(record.config["seed"]),
            f"{info['seconds']:.0f}" if "seconds" in info else "",
            settings.command(record.model, record.config),
        ])  # fmt: skip
    return Table(header, rows)


def verdicts(claims: Iterable[Claim]) -> Table:
    """Each part of each claim with its rule, its numbers and its verdict."""
    rows = [
        [claim.name, claim.verdict, part.says, part.rule, part.numbers, part.verdict, part.reason]
        for claim in claims
        for part in claim.parts
    ]
    header = "claim", "verdict", "part", "rule", "numbers", "verdict on the part", "why undecided"
    return Table(header, rows)


def comparisons_of(groups: Iterable[Group]) -> dict[str, dict[str, Any]]:
    """The floors and ceilings that the evaluations carry: the same in all that compare."""
    for group in groups:
        for record in group.finished:
            if record.evaluation:
                found: dict[str, dict[str, Any]] = record.evaluation["comparisons"]
                return found
    return {}


def _varies(key: str, groups: Sequence[Group]) -> bool:
    """Whether any group has a value for the key that is not its model's in the paper."""
    return any(
        group.settings.get(key) != settings.paper(group.model).get(key)
        for group in groups
        if key in group.settings
    )


def _minutes(group: Group) -> Pooled | None:
    seconds = group.told("seconds")
    return Pooled([value / 60 for value in seconds.values]) if seconds else None


def _pooled(found: Pooled | None) -> str:
    if found is None:
        return ""
    return _number(found.mean) + ("" if found.sd is None else f" ± {_number(found.sd)}")


def _number(value: Any) -> str:
    """Three digits, but never fewer than all of those before the point."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _range(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
