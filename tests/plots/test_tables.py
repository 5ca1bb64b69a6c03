import csv
import io
import re

import pytest

from mnistgen.plots.tables import Table, show


def test_csv_and_markdown_keep_every_cell_and_mark():
    table = Table(("a", "b"), [["x|y", "1,5"], ["<script>", 'q"']], frozenset({(0, 1)}))
    assert list(csv.reader(io.StringIO(table.csv()))) == [
        ["a", "b"],
        ["x|y", "1,5 *"],
        ["<script>", 'q"'],
    ]
    assert table.markdown().splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| x\\|y | 1,5 * |",
        '| &lt;script> | q" |',
    ]


@pytest.fixture
def shown(monkeypatch, capsys):
    """What a terminal of so many columns shows of a table, line by line, without its rules."""

    def lines(columns, table, **options):
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        monkeypatch.setenv("COLUMNS", str(columns))
        show(table, **options)
        text = re.sub(r"\x1b\[[\d;?]*m", "", capsys.readouterr().out)
        assert all(len(line) <= columns for line in text.splitlines())
        return [re.split(r" *[│┃] *", line)[1:-1] for line in text.splitlines() if "─" not in line]

    return lines


RUNS = [f"densegan 2026-11-25_{hour}-46-42" for hour in (20, 21)]


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_a_narrow_terminal_cuts_no_number_and_no_name(shown, columns):
    names = [*RUNS, "outputs/sweeps/a/model-densegan_optim.lr-0.001", "training images", "noise"]
    table = Table(["", *names], [["distance to training set / real", *["1234.5678"] * 5]])
    lines = shown(columns, table)
    assert sum(row.count("1234.5678") for row in lines) == 5
    headers = ["".join(words).replace(" ", "") for part in parts(lines) for words in part]
    assert headers == [name.replace(" ", "") for name in names]


def parts(lines):
    """The headers of each part of a table, the lines of a header in a list."""
    part = []
    for row in lines:
        if row and row[0].startswith("distance"):
            yield zip(*part, strict=True)
            part = []
        elif row:
            part.append(row[1:])


def test_settings_that_are_too_wide_to_name_rows_name_columns(shown):
    keys = ["model", *(f"model.a_long_setting_{number}" for number in range(6))]
    row = ["cnnvae", *map(str, range(6)), "123.45", "2 finished, 1 failed"]
    lines = shown(80, Table([*keys, "val/fid", "runs"], [row, row]), labels=len(keys))
    assert ["val/fid", "123.45", "123.45"] in lines
    assert ["model.a_long_setting_5", "5", "5"] in lines
