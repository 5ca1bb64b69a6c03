"""What a search draws the values of a key from."""

from typing import Any

from hydra.core.override_parser.types import Override

from mnistgen.config import one_line, rules
from mnistgen.errors import UserError


def distribution(override: Override) -> Any:
    """Optuna's distribution over an interval, of whole numbers where the key takes no others.

    Raises UserError where an end of the interval is not allowed.
    """
    from optuna import distributions

    key = override.key_or_group
    interval: Any = override.value()
    ends = [interval.start, interval.end]
    whole = all(float(end).is_integer() for end in ends)
    if whole and not all(_allows(key, float(end)) for end in ends):
        ends = [int(end) for end in ends]  # Hydra makes floats of interval(2, 3)
    for end in ends:
        rules.check_values({key: end}, rules.RULES)
    are_ints = all(isinstance(end, int) for end in ends)
    kind: Any = distributions.IntDistribution if are_ints else distributions.FloatDistribution
    try:
        return kind(*ends, log="log" in interval.tags)
    except ValueError as error:
        raise UserError(f"{override.input_line} is not allowed: {one_line(error)}") from error


def _allows(key: str, value: float) -> bool:
    return key not in rules.RULES or rules.RULES[key].holds(value)
