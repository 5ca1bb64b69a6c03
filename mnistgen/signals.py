"""Signals that ask a training to stop: noted when they come, obeyed where it is safe."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from mnistgen.errors import Interrupted


class Signals:
    """The first SIGINT or SIGTERM that came while they were `noted`; a second one kills.

    An exception from the handler itself would come up anywhere: libraries swallow it in the middle
    of their import, or turn it into an error of their own.
    """

    def __init__(self) -> None:
        self.signum: int | None = None

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self.signum is not None:
            raise Interrupted(self.signum)

    def note(self, signum: int, frame: FrameType | None) -> None:
        """Handle the first signal."""
        self.signum = signum
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def noted() -> Iterator[Signals]:
    """Note signals instead of being stopped by them at once; then the old handlers are back."""
    signals = Signals()
    signums = signal.SIGINT, signal.SIGTERM
    replaced = [signal.signal(signum, signals.note) for signum in signums]
    try:
        yield signals
    finally:
        for signum, handler in zip(signums, replaced, strict=True):
            signal.signal(signum, handler)
