"""The tables and the targets, from numbers that are known."""

import json
import os
import re
import subprocess
import sys

import pytest

from benchmarks.blocks import Timing, shares_of
from benchmarks.measure import parts_of_an_epoch, seconds_an_epoch
from benchmarks.table import grid, markdown
from benchmarks.targets import Target, targets


def column(seconds, **more):
    return {
        "seconds_an_epoch": seconds,
        "parts": {"start": 0.0, "steps": sorted(seconds)[len(seconds) // 2]},
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
        "threads": 2,
        "load": 0.0,
        "versions": {"torch": "2.14.1"},
        "command": "python -m benchmarks",
        "peak": {"32-true": 1e11, "bf16-mixed": 1e12},
        "models": {
            "cnngan": {
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
        "commands": {"help": [1.4, 1.2, 9.0], "cfg_job": [1.6], "sweep_serial": [26.0],
                     "sweep_two_workers": [20.0]},
    }  # fmt: skip


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


def test_each_target_is_met_or_missed_by_so_much(results):
    found = {target.name: target.row()[-1] for target in targets(results)}
    assert found == {
        "times as fast as the textbook, the 1 models together": "met",
        "times as fast as the textbook, the 1 models together, stretch": "met",
        "cnngan: times as fast as textbook": "met",
        "cnngan: times as fast as bare_fp32": "missed by 20.0%",
        "cnngan: times as fast as keras_graph": "met",
        "cnngan: epoch / epoch of bare": "met",
        "cnngan: step / step of bare": "met",
        "cnngan: share of kernels": "met",
        "cnngan: peak memory": "met",
        "--help": "met",
        "--cfg job": "missed by 6.7%",
        "a sweep: serial / two workers": "met",
    }


def test_a_bound_from_above_is_missed_above_it():
    assert Target("x", 1.5, 1.2, at_least=False).row() == ["x", "<= 1.2", "1.5", "missed by 25.0%"]


def test_an_epoch_is_all_its_steps_and_what_is_done_once():
    def timing(steps):
        parts = {"steps": steps, "records": 0.5}
        return Timing(10, parts, 0.0, 1, "32-true", None)

    assert seconds_an_epoch(timing(2.0)) == pytest.approx(60_000 / 1280 * 2 + 0.5)
    parts = parts_of_an_epoch([timing(2.0), timing(1.0), timing(9.0)])
    assert parts == {"steps": pytest.approx(60_000 / 1280 * 2), "records": 0.5}


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
    found = {name: share * 300 for name, share in shares_of(events, 300).items()}
    assert found == {
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
    done = bench(
        tmp_path, "models=densevae", "columns=[project,bare]", "seconds=0.1", "rounds=2",
        "threads=1", "commands=false", "+options.trainer.precision=bf16-mixed",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (numbers,) = tmp_path.glob("*.json")
    assert numbers.with_suffix(".md").read_text() in done.stdout
    measured = json.loads(numbers.read_text())["models"]["densevae"]
    project = measured["columns"]["project"]
    assert set(project["parts"]) == {"start", "steps", "validation", "quality", "records"}
    assert len(project["seconds_an_epoch"]) == 2
    for found in measured["columns"].values():
        assert all(0 < share < 1 for share in found["shares"].values())
        assert sum(found["shares"].values()) == pytest.approx(1)
    assert [c["precision"] for c in measured["columns"].values()] == ["bf16-mixed"] * 2
    # three times the products of a forward pass, but for the first layer's input gradient
    weights = [784 * 600, 600 * 300, 300 * 100, 100 * 50, 50 * 8]
    weights += [4 * 50, 50 * 100, 100 * 300, 300 * 600, 600 * 784]
    assert measured["flops_a_step"] == 2 * 128 * (3 * sum(weights) - weights[0])
    assert re.search(r"\| densevae: epoch / epoch of bare \| <= 1.05 \|", done.stdout)


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("models=cnn", "models=cnn is not allowed: it must be of cnngan"),
        ("rounds=0", "rounds=0 is not allowed: it must be a whole number"),
        ("+options.optim.lr=0", "optim.lr=0 is not allowed"),
    ],
)
def test_bad_input_is_one_line(tmp_path, argument, named):
    done = bench(tmp_path, argument)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {named}")
    assert len(done.stderr.splitlines()) == 1
