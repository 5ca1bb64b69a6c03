"""A table of text, so that a page, CSV and Markdown say the same."""

import csv
import io
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

NARROW = 11  # characters to which a column may be folded on a narrow terminal


@dataclass(frozen=True)
class Table:
    """A header and rows of text; marked are cells, (row, column), that differ from the paper."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[tuple[int, int]] = field(default_factory=frozenset)

    def csv(self) -> str:
        """The table as CSV; a mark is a star."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([self.header, *self._starred()])
        return file.getvalue()

    def markdown(self) -> str:
        """The table as Markdown, where names cannot make cells or HTML of their own."""
        lines = [self.header, ["---"] * len(self.header), *self._starred()]
        return "".join(f"| {' | '.join(map(_markdown, line))} |\n" for line in lines)

    def transposed(self) -> "Table":
        """Rows as columns: the first column is the header."""
        lines = list(zip(self.header, *self.rows, strict=True))
        marked = frozenset((j - 1, i + 1) for i, j in self.marked)
        return Table(lines[0], lines[1:], marked)

    def _starred(self) -> list[list[str]]:
        return [
            [f"{cell} *" if (i, j) in self.marked else cell for j, cell in enumerate(row)]
            for i, row in enumerate(self.rows)
        ]


def show(table: Table, *, labels: int = 1, bold: Collection[int] = ()) -> None:
    """Print a table on standard output; `bold` are the numbers of the rows that stand out.

    On a terminal that is too narrow it is printed in parts, one below the other. Each has the
    first columns, the `labels` of the rows; where these alone are too wide, rows become columns.
    Nothing is cut.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Screen

    console = Console()
    width = console.width if console.is_terminal else sys.maxsize
    parts = list(_parts(table, width, labels))
    if max(map(_width, parts)) > width:
        turned = list(_parts(table.transposed(), width, 1))
        if max(map(_width, turned)) < max(map(_width, parts)):
            parts, bold = turned, ()
    for columns in parts:
        screen = Screen()
        for lines in columns:
            screen.add_column(escape(lines[0]), no_wrap=True)
        for number, cells in enumerate(list(zip(*columns, strict=True))[1:]):
            screen.add_row(*map(escape, cells), style="bold" if number in bold else None)
        console.width = max(console.width, _width(columns))  # the terminal breaks longer lines
        console.print(screen)


def _parts(table: Table, width: int, labels: int) -> Iterator[list[list[str]]]:
    """The columns of each part of a table that has to fit a width: header and cells of each."""
    columns = [list(column) for column in zip(table.header, *table.rows, strict=True)]
    if _width(columns) <= width:
        yield columns
        return
    narrow = [_narrow(column, is_label=place < labels) for place, column in enumerate(columns)]
    first, rest = narrow[:labels], narrow[labels:]
    part: list[list[str]] = []
    for column in rest:
        if part and _width([*first, *part, column]) > width:
            yield [*first, *part]
            part = []
        part.append(column)
    yield [*first, *part]


def _narrow(column: Sequence[str], *, is_label: bool) -> list[str]:
    """A column whose header is folded, and whose cells are between words where they are long."""
    header, *cells = column
    words = cells if is_label else [word for cell in cells for word in cell.split()]
    width = max([NARROW, *map(len, words)])
    return [_fold(header, width, " ./_"), *(_fold(cell, width, " ") for cell in cells)]


def _fold(text: str, width: int, ends: str) -> str:
    """A text over lines that end behind one of some characters, or where a piece is too long."""
    lines = [""]
    for piece in re.findall(f"[^{ends}]{{0,{width - 1}}}[{ends}]|[^{ends}]{{1,{width}}}", text):
        if len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _width(columns: Sequence[Sequence[str]]) -> int:
    lines = [max(len(line) for text in column for line in text.split("\n")) for column in columns]
    return sum(lines) + 3 * len(lines) + 1  # the spaces and rules around them


def _markdown(cell: str) -> str:
    escaped = cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.split())
