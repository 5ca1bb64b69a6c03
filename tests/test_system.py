import json
import os
import platform
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


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "1000000 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
    ],
)
def test_a_container_has_the_cores_that_it_is_given(tmp_path, monkeypatch, files, cores):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(system, "CGROUPS", tmp_path)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n")
    assert system.cores() == cores


def test_a_system_without_affinity_has_all_its_cores(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert system.cores() == 6


WITHOUT = """
import ctypes, errno, importlib, json, os, pathlib, signal, sys, warnings
warnings.filterwarnings("error", category=EncodingWarning, module="mnistgen")
del os.sched_getaffinity, os.link, signal.SIGHUP, signal.SIGPIPE
sys.modules["fcntl"] = None

def fail(*_, **__):
    raise OSError(errno.ENOENT, "not there")
read, load = pathlib.Path.read_text, ctypes.CDLL
pathlib.Path.read_text = lambda path, *rest, **options: (
    fail() if str(path).startswith(("/proc", "/sys")) else read(path, *rest, **options)
)
ctypes.CDLL = lambda name, *rest, **options: object() if name is None else load(name, *rest)

def unless_open(change):
    def changed(*paths, **options):
        files = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        opened = [os.readlink(file) + "/" for file in files if os.path.islink(file)]
        for path in paths:
            path = os.path.realpath(path) + "/"
            if any(file.startswith(path) for file in opened):
                raise PermissionError(errno.EACCES, "open in this process", path)
        return change(*paths, **options)
    return changed
for name in ("rename", "replace", "rmdir", "unlink", "remove"):
    setattr(os, name, unless_open(getattr(os, name)))

for module, *words in json.loads(sys.argv[1]):
    sys.argv[1:] = words
    importlib.import_module(module).main()
"""
"""Several commands, in one process, on a system that has not what Linux has.

As on Windows, what is open there, or has something open in it, cannot be renamed or deleted, and a
text file is not in UTF-8 unless that is said.
"""


def test_a_system_without_what_linux_has_does_all_that_a_user_does(cli, tmp_path):
    quick = ("threads=1", "trainer.limit_train_batches=2", "trainer.limit_val_batches=2")
    train, few = "mnistgen.__main__", ("n=64", "nll_images=2", "k=2", "cache=cache")
    commands = [
        (train, "hydra.run.dir=outputs/run", "trainer.max_epochs=1", *quick),
        (train, "resume=outputs/run", "trainer.max_epochs=2"),
        (train, "-m", "seed=1,2", "trainer.max_epochs=1", "logger=none", "sweep=two", *quick),
        ("mnistgen.compare", "sweep=outputs/sweeps/two"),
        ("mnistgen.evaluate", "run=outputs/run", "threads=1", *few),
        ("mnistgen.sample", "run=outputs/run"),
        ("mnistgen.report.__main__", "play=false", "threads=1"),
    ]
    other = {"PYTHONWARNDEFAULTENCODING": "1", "PYTHONIOENCODING": "cp1252"}
    done = cli.python(WITHOUT, json.dumps(commands), env=os.environ | other)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("outputs/sweeps/two/*/checkpoints/last.ckpt"))) == 2
    assert (tmp_path / "outputs" / "run" / "samples.png").is_file()
    assert (tmp_path / "report" / "index.html").is_file()


def test_a_system_without_proc_says_what_it_knows(monkeypatch, tmp_path):
    assert system.peak_memory() > 1e7
    monkeypatch.setattr(system, "PROCESS", tmp_path / "status")
    monkeypatch.setattr(system, "CPUINFO", tmp_path / "cpuinfo")
    assert system.peak_memory() > 1e7
    monkeypatch.setitem(sys.modules, "resource", None)
    assert system.peak_memory() == 0
    assert system.processor() == platform.machine()
    assert system.processor_flags() == frozenset()
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx2\n")
    assert system.processor() == "Some CPU @ 2 GHz"
    assert system.processor_flags() == {"fpu", "avx2"}


def test_threads_are_shared_among_processes(composed, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert system.threads(composed()) == 8
    assert system.threads(composed("trainer=ddp")) == 4
    assert system.threads(composed("threads=3")) == 3


def test_idle_cores_are_those_that_had_nothing_to_do(monkeypatch):
    moments = iter([{"cpu0": (10, 20), "cpu1": (5, 20)}, {"cpu0": (20, 30), "cpu1": (7, 30)}])
    monkeypatch.setattr(system, "_processor_times", lambda: next(moments))
    assert system.idle_cores(0) == pytest.approx(1.2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says it")
def test_idle_cores_are_counted_among_those_of_this_process():
    assert 0 <= system.idle_cores(0.05) <= len(os.sched_getaffinity(0)) + 0.01


def test_a_system_that_does_not_say_how_busy_it_is_is_not_asked_twice(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    assert system.idle_cores(0) is None
