"""Signals that ask a training to stop: noted when they come, obeyed where it is safe."""

import contextlib
import signal
from collections.abc import Iterator

from mnistgen.errors import Interrupted


class Signals:
    """The first SIGINT or SIGTERM that comes while they are watched; a second one kills.

    An exception from the handler itself would come up anywhere: libraries swallow it in the middle
    of their import, or turn it into an error of their own.
    """

    signum: int | None = None

    def check(self, *hook: object) -> None:
        """Raise Interrupted if a signal has come; Lightning may call it as a `hook` of a batch."""
        if self.signum is not None:
            raise Interrupted(self.signum)

    def note(self, signum: int, frame: object) -> None:
        """Handle the first signal."""
        self.signum = signum
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def watch() -> Iterator[Signals]:
    """Note signals instead of being stopped by them at once; then the old handlers are back."""
    signals = Signals()
    before = {
        number: signal.signal(number, signals.note) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
