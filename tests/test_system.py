import subprocess
import sys

import pytest

from mnistgen import system

FAULTS = """
import resource, torch
from mnistgen.system import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(1_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
given_back = faults()
keep_freed_memory()
faults()  # memory is taken once
print(given_back, faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told to")
def test_freed_memory_is_used_again_without_a_page_fault():
    command = [sys.executable, "-c", FAULTS]
    given_back, kept = map(int, subprocess.check_output(command, text=True).split())
    assert given_back > 1000
    assert kept < 20


def test_threads_are_shared_among_processes(composed, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert system.threads(composed()) == 8
    assert system.threads(composed("trainer=ddp")) == 4
    assert system.threads(composed("threads=3")) == 3
