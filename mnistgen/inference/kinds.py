"""The kinds of picture that can be drawn of a model; this module imports nothing heavy."""

from typing import NamedTuple

from mnistgen.errors import UserError


class Kind(NamedTuple):
    """One kind: how much of it is drawn, and whether it needs an encoder, as VAEs have it."""

    n: int  # where none is given
    most: int = 10_000
    encodes: bool = False


KINDS = {
    "samples": Kind(64),
    "reconstructions": Kind(64, encodes=True),
    "interpolation": Kind(8),
    "traversal": Kind(11, encodes=True),
    "manifold": Kind(20, most=100),
}


def size(kind: str, n: int | None) -> int:
    """What `n` stands for; raises UserError where it is too large for a kind."""
    if n is not None and n > KINDS[kind].most:
        raise UserError(f"n={n} is not allowed: kind={kind} has up to {KINDS[kind].most}")
    return n or KINDS[kind].n
