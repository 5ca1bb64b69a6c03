import copy
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

import pytest
import torch

from mnistgen.config import compose
from mnistgen.tracking import store
from mnistgen.tracking.folder import RunFolder

if hasattr(signal, "SIGHUP"):  # which nohup lets all processes ignore, those of the tests too
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

if "PYTEST_XDIST_WORKER" in os.environ:  # several workers with all cores each are slower than one
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):  # the processes that a worker starts stay on its core
        cores = sorted(os.sched_getaffinity(0))
        worker = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        os.sched_setaffinity(0, {cores[worker % len(cores)]})


def command(*arguments: str, module: str = "mnistgen") -> list[str]:
    return [sys.executable, "-m", module, *arguments]


READ_ONLY = """
import errno, os, runpy, sys
def refuse(source, target, **options):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(target))
os.replace = refuse
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
"""A program that cannot write a file where it belongs; permissions do not stop root."""

SEVERAL = """
import contextlib, importlib, io, json, sys
main, ends = importlib.import_module(sys.argv[1]).main, []
for words in json.loads(sys.stdin.read()):
    sys.argv[1:], status, out, err = words, 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
    ends.append((words, status, out.getvalue(), err.getvalue()))
print(json.dumps(ends))
"""


class CommandLine:
    """Runs `python -m mnistgen ...` in a folder, as a user does."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *arguments, module="mnistgen", **options):
        return self._run(command(*arguments, module=module), **options)

    def several(self, commands, module="mnistgen.__main__", **options):
        """Run several commands of a module in one process, which is quicker."""
        words = [sys.executable, "-c", SEVERAL, module]
        done = self._run(words, input=json.dumps(commands), **options)
        assert done.returncode == 0, done.stderr
        return [subprocess.CompletedProcess(*end) for end in json.loads(done.stdout)]

    def read_only(self, *arguments, module="mnistgen"):
        """Run a command that cannot write any file."""
        return self.python(READ_ONLY, module, *arguments)

    def python(self, code, *arguments, **options):
        """Run other code with these arguments."""
        return self._run([sys.executable, "-c", code, *arguments], **options)

    def _run(self, words, **options):
        return subprocess.run(
            words, cwd=self.folder, capture_output=True, text=True, timeout=300, **options
        )


@pytest.fixture
def cli(tmp_path):
    """A command line in an empty folder."""
    return CommandLine(tmp_path)


@pytest.fixture(scope="module")
def module_cli(tmp_path_factory):
    """A command line in a folder that a module's tests share."""
    return CommandLine(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def start(tmp_path):
    """Start `python -m mnistgen ...` in the background; it is killed at the end of the test."""
    started = []

    def run(*arguments):
        process = subprocess.Popen(
            command(*arguments),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def terminal(tmp_path):
    """Run `python -m mnistgen ...` on a terminal of so many columns; returns what that was sent.

    The keys of `typed` are pressed as soon as a text was shown: {text: keys}. The terminal is
    closed when the text `until` was shown.
    """
    fcntl, pty, termios = map(pytest.importorskip, ("fcntl", "pty", "termios"))

    def run(columns, *arguments, module="mnistgen", status=0, typed=None, until=None):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = os.environ | {"TERM": "xterm", "COLUMNS": str(columns)}
        with subprocess.Popen(
            command(*arguments, module=module),
            cwd=tmp_path,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it
        ) as process:
            os.close(theirs)
            shown, waiting = b"", dict(typed or {})
            try:
                while piece := os.read(ours, 4096):
                    shown += piece
                    if until and until.encode() in shown:
                        break
                    for text in [text for text in waiting if text.encode() in shown]:
                        os.write(ours, waiting.pop(text))
            except OSError:  # Linux: nobody has the other end open any more
                pass
            os.close(ours)
        assert process.returncode == status, shown
        return re.sub(r"\x1b\[[\d;?]*m", "", shown.decode())

    return run


@pytest.fixture
def wait_for():
    """Wait until a condition holds while a process runs; fails when that ends, or it is late."""

    def wait(condition, process, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.02)

    return wait


@pytest.fixture
def composed():
    """The configuration that these overrides make, as plain containers."""

    def make(*overrides):
        return copy.deepcopy(compose.compose(*overrides))

    return make


@pytest.fixture
def new_run(tmp_path, composed):
    """Make a run folder with these overrides, without training it."""

    def make(*overrides, name="run") -> RunFolder:
        config = composed("logger=none", "threads=1", *overrides)
        return store.create(
            tmp_path / name, model="a model", config=config, overrides=list(overrides)
        )

    return make
