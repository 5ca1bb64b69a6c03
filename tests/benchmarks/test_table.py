"""The tables and the targets, from numbers that are known."""

import json
import multiprocessing
import os
import re
import subprocess
import sys

import pytest

from benchmarks import workers
from benchmarks.clock import operator_shares
from benchmarks.commands import CFG_JOB, HELP, PARALLEL_SWEEP, SERIAL_SWEEP
from benchmarks.project import Job
from benchmarks.table import grid, markdown
from benchmarks.targets import target, targets
from benchmarks.workers import epoch_seconds
from mnistgen import system


def column(seconds, **more):
    parts = dict.fromkeys(("start", "steps", "validation", "quality", "records"), 0.0)
    return {
        "seconds_an_epoch": seconds,
        "parts": {**parts, "steps": sorted(seconds)[len(seconds) // 2]},
        "first_step": 9.0,
        "peak_memory": 1_200_000_000,
        "precision": "32-true",
        "shares": {"kernels": 0.8, "rest": 0.2},
        **more,
    }


@pytest.fixture
def results():
    return {
        "date": "2026-11-24",
        "processor": "a processor",
        "load": 0.0,
        "versions": {"torch": "2.14.1"},
        "command": "python -m benchmarks",
        "peaks": {"2": {"32-true": 1e11, "bf16-mixed": 1e12}},
        "models": {
            "cnngan": {
                "threads": 2,
                "busy": {"1": [60.0, 50.0, 90.0], "2": [90.0]},
                "flops_a_step": 128 * 5e12 / 60_000,  # 5e12 an epoch
                "columns": {
                    "project": column([10.0, 9.0, 50.0], precision="bf16-mixed"),
                    "textbook": column([40.0, 30.0, 41.0]),
                    "bare": column([10.0, 9.6, 10.0]),
                    "bare_fp32": column([20.0, 19.0, 21.0]),
                    "keras_graph": column([25.0, 26.0, 24.0], shares=None),
                },
            }
        },
        "commands": {
            HELP: [1.4, 1.2, 9.0],
            CFG_JOB: [1.6],
            SERIAL_SWEEP: [26.0],
            PARALLEL_SWEEP: [20.0],
        },
    }


def test_a_row_has_median_range_rate_ratio_and_shares(results):
    text = markdown(results)
    assert (
        "| this project, bfloat16 | 10.00 (9.00-50.00) | 6,000 | 1.00 | 1.20 | 80% | 50% |" in text
    )
    assert (
        "| best bare loop, fp32 | 20.00 (19.00-21.00) | 3,000 | 2.00 | 1.20 | 80% | 250% |" in text
    )
    assert "| TensorFlow graph | 25.00 (24.00-26.00) | 2,400 | 2.50 | 1.20 |  | 200% |" in text


def test_a_step_is_divided_by_its_shares(results):
    results["models"]["cnngan"]["columns"]["project"]["parts"]["steps"] = 60_000 / 128 * 0.02
    assert "| cnngan, this project | 20.0 | 16.0 | 4.0 |" in markdown(results)


def test_a_busy_case_is_a_ratio_to_one_thread(results):
    text = markdown(results)
    assert "| cnngan: 60.00 | 1 | 1.00 |\n| cnngan: 90.00 | 2* | 1.50 |" in text


def test_each_target_is_met_or_missed_by_so_much(results):
    results["models"]["densevae"] = {
        **results["models"]["cnngan"], "busy": {"1": [10.0], "2": [21.0]}
    }  # fmt: skip
    assert {name: verdict for name, *_, verdict in targets(results)} == {
        "cnngan: epoch / its products at the peak": "missed by 42.9%",
        "cnngan: peak memory": "met",
        "densevae: epoch / epoch of bare": "met",
        "densevae: beside a busy process / with one thread": "missed by 5.0%",
        "densevae: peak memory": "met",
        "--help": "met",
        "--cfg job": "missed by 6.7%",
        "a sweep: serial / two workers": "missed by 7.1%",
    }


def test_a_bound_from_above_is_missed_above_it():
    assert target("x", 1.5, "<=", 1.2) == ["x", "<= 1.2", "1.5", "missed by 25.0%"]


def test_beside_a_busy_process_each_number_of_threads_is_measured(monkeypatch):
    def measure(job, columns, *, steps, rounds):
        (busy,) = multiprocessing.active_children()
        assert busy.is_alive()
        assert (steps, rounds) == (40, 3)
        return {"project": {"seconds_an_epoch": [float(job.threads)]}}

    monkeypatch.setattr(system, "cores", lambda: 4)
    monkeypatch.setattr(workers, "measure", measure)
    seconds = workers.beside_busy_process(Job("densevae", 2, ()), steps=400, rounds=10)
    assert seconds == {"1": [1.0], "2": [2.0], "4": [4.0]}
    assert not multiprocessing.active_children()


def test_a_model_is_measured_with_the_threads_that_the_project_takes(monkeypatch):
    monkeypatch.setattr(system, "cores", lambda: 4)
    jobs = [Job(name, threads, ()) for name in ("densevae", "cnnvae") for threads in (None, 3)]
    assert [job.with_threads().threads for job in jobs] == [1, 3, 4, 3]


def test_an_epoch_is_all_its_steps_and_what_is_done_once():
    blocks = [{"steps": seconds, "records": 0.5} for seconds in (2.0, 1.0, 9.0)]
    epochs = epoch_seconds(blocks, steps=10)
    scale = 60_000 / 1280
    seconds = [scale * 2 + 0.5, scale + 0.5, scale * 9 + 0.5]
    assert epochs["seconds_an_epoch"] == pytest.approx(seconds)
    assert epochs["parts"] == {"steps": pytest.approx(scale * 2), "records": 0.5}


def test_the_own_time_of_operators_is_shared_out_and_the_rest_is_elsewhere():
    class Event:
        def __init__(self, key, seconds):
            self.key, self.self_cpu_time_total = key, 1e6 * seconds

    events = [
        Event("aten::mkldnn_convolution", 1), Event("aten::addmm", 2), Event("aten::mm", 4),
        Event("aten::convolution_backward", 8), Event("aten::native_batch_norm", 16),
        Event("aten::_fused_adam_", 32), Event("aten::copy_", 64), Event("aten::add_", 128),
        Event("autograd::engine::evaluate_function: ConvolutionBackward0", 5),
        Event("Optimizer.step#Adam.step", 7),
    ]  # fmt: skip
    shares = operator_shares(events, 300)
    assert {name: share * 300 for name, share in shares.items()} == {
        "kernels": pytest.approx(15),
        "batch norm": pytest.approx(16),
        "fused Adam": pytest.approx(32),
        "copies": pytest.approx(64),
        "other operators": pytest.approx(128),
        "Python and dispatch": pytest.approx(45),
    }


def test_a_table_is_markdown():
    assert grid([["a", "b"], ["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |"


def bench(tmp_path, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", f"out={tmp_path}", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_the_command_measures_and_writes_a_table_and_its_numbers(tmp_path):
    process = bench(
        tmp_path, "models=densevae", "columns=[project,bare]", "seconds=0.1", "rounds=2",
        "threads=1", "commands=false", "busy=false", "+options.trainer.precision=bf16-mixed",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    (numbers,) = tmp_path.glob("*.json")
    assert numbers.with_suffix(".md").read_text() in process.stdout
    model = json.loads(numbers.read_text())["models"]["densevae"]
    project = model["columns"]["project"]
    assert set(project["parts"]) == {"start", "steps", "validation", "quality", "records"}
    assert len(project["seconds_an_epoch"]) == 2
    for column in model["columns"].values():
        assert all(0 < share < 1 for share in column["shares"].values())
        assert sum(column["shares"].values()) == pytest.approx(1)
    assert [c["precision"] for c in model["columns"].values()] == ["bf16-mixed"] * 2
    # three times the products of a forward pass, but for the first layer's input gradient
    weights = [784 * 600, 600 * 300, 300 * 100, 100 * 50, 50 * 8]
    weights += [4 * 50, 50 * 100, 100 * 300, 300 * 600, 600 * 784]
    assert model["flops_a_step"] == 2 * 128 * (3 * sum(weights) - weights[0])
    assert re.search(r"\| densevae: epoch / epoch of bare \| <= 1.05 \|", process.stdout)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("models=cnn", "models=cnn is not allowed: it must be of burdavae, cnngan"),
        ("rounds=0", "rounds=0 is not allowed: it must be a whole number"),
        ("+options.optim.lr=0", "optim.lr=0 is not allowed"),
    ],
)
def test_bad_input_is_one_line(tmp_path, argument, message):
    process = bench(tmp_path, argument)
    assert process.returncode == 1
    assert process.stderr.startswith(f"error: {message}")
    assert len(process.stderr.splitlines()) == 1
