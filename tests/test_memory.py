import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from mnistgen.memory import keep_freed_memory

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
