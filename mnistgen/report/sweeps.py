"""Groups that differ in one setting only."""

from collections.abc import Iterable
from typing import NamedTuple

from mnistgen.report.groups import Group

FEWEST = 3
"""Values that a setting has to have been tried at for a sweep."""


class Sweep(NamedTuple):
    """Groups of one model by the value of the one setting in which they differ, ascending."""

    model: str
    key: str
    groups: dict[float, Group]
    label: str
    """The model, and what all have otherwise than the paper."""


def find(groups: Iterable[Group], key: str) -> list[Sweep]:
    """Every sweep over a setting that is a number; those nearest to the paper's recipe first."""
    together: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        if group.finished and type(group.settings.get(key)) in (int, float):
            rest = sorted((k, v) for k, v in group.settings.items() if k != key)
            together.setdefault((group.model, repr(rest)), []).append(group)
    found = []
    for (model, _), alike in together.items():
        if len(alike) < FEWEST:
            continue
        by_value = {float(group.settings[key]): group for group in alike}
        changed = [c for c in alike[0].changed if not c.startswith(f"{key}=")]
        label = " ".join([model, *changed])
        found.append((len(changed), Sweep(model, key, dict(sorted(by_value.items())), label)))
    return [sweep for _, sweep in sorted(found, key=lambda pair: (pair[0], pair[1].label))]
