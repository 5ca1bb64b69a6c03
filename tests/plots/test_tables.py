import csv
import io

from mnistgen.plots.tables import Table


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
