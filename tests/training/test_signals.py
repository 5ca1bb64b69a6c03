import os
import signal
import threading

import pytest

from mnistgen.errors import Interrupted
from mnistgen.system import STOP
from mnistgen.training.signals import watch

needs_sighup = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP")


@pytest.mark.parametrize("signum", STOP)
def test_a_signal_is_noted_and_the_second_one_is_as_without(signum):
    before = [signal.getsignal(number) for number in STOP]
    with watch() as signals:
        signals.check()
        os.kill(os.getpid(), signum)
        with pytest.raises(Interrupted, match=str(int(signum))):
            signals.check()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in STOP] == before


@needs_sighup
def test_a_terminal_that_closes_may_send_two_signals():
    with watch() as signals:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signals.signum == signal.SIGHUP


@needs_sighup
def test_nohup_is_obeyed():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with watch() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            signals.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_than_pythons_main_one_watches_none():
    def train():
        with watch() as signals:
            signals.check()
            done.append(signals)

    done = []
    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert len(done) == 1
