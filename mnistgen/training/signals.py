"""Signals that ask a training to stop: noted when they come, obeyed where it is safe."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from mnistgen.errors import Interrupted
from mnistgen.system import STOP


class Signals:
    """The first signal to stop that comes while they are watched.

    A second one kills, but for SIGHUP: a terminal that closes can send two.

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
        self.signum = self.signum or signum
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def watch() -> Iterator[Signals]:
    """Note signals instead of being stopped by them at once; then the old handlers are back.

    Python hands signals to its main thread, so none are seen in another one.
    """
    signals = Signals()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in STOP if not _is_ignored(number)}
    for number in before:
        signal.signal(number, signals.note)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_ignored(number: int) -> bool:
    """Whether this process is to live on when the terminal is closed (see nohup)."""
    return number != signal.SIGINT and signal.getsignal(number) == signal.SIG_IGN
