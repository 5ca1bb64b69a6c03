import os
import signal

import pytest

from mnistgen.errors import Interrupted
from mnistgen.training.signals import watch


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_the_second_one_is_as_without(signum):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with watch() as signals:
        signals.check()
        os.kill(os.getpid(), signum)
        with pytest.raises(Interrupted, match=str(int(signum))):
            signals.check()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
