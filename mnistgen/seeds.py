"""Independent streams of random numbers, each following from the run's seed alone."""

from zlib import crc32

from numpy.random import SeedSequence


def stream(seed: int, purpose: str, *indices: int) -> int:
    """A 64-bit seed for one purpose, and one epoch or process of it; `seed` is not negative."""
    entropy = [seed, crc32(purpose.encode()), *indices]
    return int(SeedSequence(entropy).generate_state(2, "uint32").view("uint64")[0])
